use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use serde_json::{Value, json};

use super::*;

/// A fresh key pair, and its public half as sets write it.
fn pair(of: &'static rcgen::SignatureAlgorithm, algorithm: Algorithm) -> (EncodingKey, Value) {
    let pair = KeyPair::generate_for(of).unwrap();
    let public = pair.public_key_raw();
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    if algorithm == Algorithm::EdDsa {
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(public) });
        return (EncodingKey::from_ed_der(&pair.serialize_der()), public);
    }
    let (x, y) = public[1..].split_at(public.len() / 2);
    let curve = if algorithm == Algorithm::Es256 { "P-256" } else { "P-384" };
    let public = json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) });
    (EncodingKey::from_ec_der(&pair.serialize_der()), public)
}

fn p256() -> Value {
    pair(&PKCS_ECDSA_P256_SHA256, Algorithm::Es256).1
}

fn with(mut key: Value, field: &str, value: impl Into<Value>) -> Value {
    key[field] = value.into();
    key
}

fn set(keys: &[Value]) -> Result<KeySet, InvalidKeySet> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// An RSA key of this form; nothing here looks for its factors.
fn rsa(bits: usize, exponent: &[u8]) -> Value {
    let modulus = vec![0xff; bits / 8];
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    json!({ "kty": "RSA", "n": text(&modulus), "e": text(exponent) })
}

#[test]
fn keys_of_every_kind_check_their_own_signatures_and_no_others() {
    let pairs = [
        (&PKCS_ECDSA_P256_SHA256, Algorithm::Es256),
        (&PKCS_ECDSA_P384_SHA384, Algorithm::Es384),
        (&PKCS_ED25519, Algorithm::EdDsa),
    ];
    for (of, algorithm) in pairs {
        let (private, public) = pair(of, algorithm);
        let set = set(&[with(public, "kid", "one")]).unwrap();
        let key = set.find(Some("one")).unwrap();
        let sign = |message: &str| {
            jsonwebtoken::crypto::sign(message.as_bytes(), &private, algorithm.signature()).unwrap()
        };
        let signature = sign("a.b");
        assert_eq!(key.check(algorithm, "a.b", &signature), Ok(()), "{algorithm}");
        let wrong = Err(InvalidToken::Signature);
        assert_eq!(key.check(algorithm, "a.c", &signature), wrong, "{algorithm}");
        assert_eq!(key.check(algorithm, "a.b", ""), wrong, "{algorithm}");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let misfit = Err(InvalidToken::Misfit);
            assert_eq!(key.check(other, "a.b", &signature), misfit, "{algorithm} {other}");
        }
    }
}

#[test]
fn a_key_with_an_algorithm_is_for_that_one_only() {
    let rsa = with(rsa(2048, &[1, 0, 1]), "alg", "PS256");
    let set = set(&[rsa]).unwrap();
    let key = set.find(None).unwrap();
    assert_eq!(key.check(Algorithm::Rs256, "a", ""), Err(InvalidToken::Misfit));
    assert_eq!(key.check(Algorithm::Ps256, "a", ""), Err(InvalidToken::Signature));
}

#[test]
fn a_key_is_found_by_its_whole_id_and_without_one_if_it_is_alone() {
    let one = set(&[with(p256(), "kid", "a")]).unwrap();
    assert!(one.find(Some("a")).is_ok() && one.find(None).is_ok());
    for other in ["", "A", "aa", "a ", "../a", "a/", "a' or '1'='1", "*"] {
        assert_eq!(one.find(Some(other)).err(), Some(InvalidToken::UnknownKey), "{other}");
    }
    let nameless = set(&[p256()]).unwrap();
    assert!(nameless.find(None).is_ok());
    assert_eq!(nameless.find(Some("a")).err(), Some(InvalidToken::UnknownKey));
    let two = set(&[with(p256(), "kid", "a"), p256()]).unwrap();
    assert!(two.find(Some("a")).is_ok());
    assert_eq!(two.find(None).err(), Some(InvalidToken::NoKeyId));
}

#[test]
fn keys_that_no_signature_may_be_checked_with_are_left_out() {
    let good = with(p256(), "kid", "good");
    let fresh = p256();
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    for bad in [
        with(fresh.clone(), "use", "enc"),
        with(fresh.clone(), "key_ops", vec!["encrypt"]),
        with(fresh.clone(), "alg", "HS256"),
        with(fresh.clone(), "alg", "RSA-OAEP"),
        with(fresh.clone(), "alg", ""),
        with(fresh.clone(), "kid", ""),
        with(fresh.clone(), "kid", "x".repeat(KEY_ID_BYTES_MAX + 1)),
        with(fresh.clone(), "crv", "P-384"),
        with(fresh.clone(), "crv", "secp256k1"),
        with(fresh.clone(), "crv", "p-256"),
        with(fresh.clone(), "kty", "RSA"),
        with(fresh.clone(), "x", "AA"),
        with(fresh.clone(), "y", format!("{}=", fresh["y"].as_str().unwrap())),
        json!({ "kty": "oct", "k": "c2VjcmV0" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": fresh["x"] }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
        rsa(1024, &[1, 0, 1]),
        rsa(2040, &[1, 0, 1]),
        rsa(16384, &[1, 0, 1]),
        rsa(2048, &[1]),
        rsa(2048, &[3]),
        rsa(2048, &[1, 0, 0]),
        // Even, and otherwise good.
        rsa(2048, &[1, 0, 2]),
        rsa(2048, &[0, 1, 0, 1]),
        rsa(2048, &[1, 0, 0, 0, 1]),
        with(rsa(2048, &[1, 0, 1]), "n", text(&[&[0][..], &[0xff; 256]].concat())),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&[7; 31]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&[7; 33]) }),
    ] {
        assert_eq!(
            set(std::slice::from_ref(&bad)).err(),
            Some(InvalidKeySet::NoUsableKey),
            "{bad}"
        );
        let beside = set(&[bad, good.clone()]).unwrap();
        assert_eq!(beside.0.len(), 1, "the others of the set stay");
    }
    let more = json!({ "x5c": ["AA"], "x5t": "AA", "use": "sig", "key_ops": ["verify"] });
    let fields = more.as_object().unwrap().iter();
    let certified = fields.fold(fresh, |key, (field, value)| with(key, field, value.clone()));
    assert!(set(&[certified]).is_ok());
    assert!(set(&[rsa(8192, &[1, 0, 1])]).is_ok());
}

#[test]
fn a_set_that_nobody_should_publish_is_refused_as_a_whole() {
    use InvalidKeySet::{Malformed, NoUsableKey, PrivateKey, SameId, TooLong, TooManyKeys};
    let good = p256();
    let many = |count| (0..count).map(|n| with(good.clone(), "kid", n.to_string())).collect();
    let (most, too_many): (Vec<_>, Vec<_>) = (many(KEYS_MAX), many(KEYS_MAX + 1));
    assert!(set(&most).is_ok());
    assert_eq!(set(&too_many).err(), Some(TooManyKeys));
    assert_eq!(set(&[]).err(), Some(NoUsableKey));
    assert_eq!(set(&[with(good.clone(), "d", "AA")]).err(), Some(PrivateKey));
    let twin = with(good.clone(), "kid", "a");
    assert_eq!(set(&[twin.clone(), twin]).err(), Some(SameId));
    for text in ["", "{}", "[]", "null", "{\"keys\":{}}", "{\"keys\":[1]}", "{\"keys\":[{}]}"] {
        assert_eq!(KeySet::parse(text.as_bytes()).err(), Some(Malformed), "{text}");
    }
    assert_eq!(set(&[with(good.clone(), "kid", 7)]).err(), Some(Malformed));
    assert_eq!(set(&[with(good.clone(), "kid", Value::Null)]).err(), Some(Malformed));
    let twice = format!("{{\"keys\":[{}],\"keys\":[]}}", good);
    assert_eq!(KeySet::parse(twice.as_bytes()).err(), Some(Malformed));
    let long = format!("{{\"keys\":[{good}]}}{}", " ".repeat(KEY_SET_BYTES_MAX));
    assert_eq!(KeySet::parse(long.as_bytes()).err(), Some(TooLong));
}
