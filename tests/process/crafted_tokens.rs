//! Tokens that must be refused, each with the one rule that it breaks.

use data_encoding::BASE64URL_NOPAD;
use ionvault::identity::InvalidToken::{self, *};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, CLUSTER, Keys, OTHER, RS256, changed, claims, sign};

/// The values of a call's `authorization` headers, and why they name nobody.
pub(crate) struct Crafted {
    pub(crate) name: String,
    pub(crate) headers: Vec<String>,
    pub(crate) expected: InvalidToken,
}

pub(crate) fn all(keys: &Keys, now: u64) -> Vec<Crafted> {
    let mut all = Vec::new();
    let mut add = |name: &str, token: String, expected| {
        let headers = vec![format!("Bearer {token}")];
        all.push(Crafted { name: name.to_owned(), headers, expected });
    };
    algorithms(keys, now, &mut add);
    key_ids(keys, now, &mut add);
    parameters(keys, now, &mut add);
    times(keys, now, &mut add);
    names(keys, now, &mut add);
    signatures(keys, now, &mut add);
    encodings(keys, now, &mut add);
    all.extend(headers(keys, now));
    all
}

type Add<'a> = &'a mut dyn FnMut(&str, String, InvalidToken);

/// Signed as it should be, but for its header.
fn headed(keys: &Keys, now: u64, header: &str) -> String {
    sign(&keys.rsa, Algorithm::RS256, header, &claims(now).to_string())
}

/// Signed as it should be, but for its claims.
fn claiming(keys: &Keys, claims: &Value) -> String {
    sign(&keys.rsa, Algorithm::RS256, RS256, &claims.to_string())
}

fn algorithms(keys: &Keys, now: u64, add: Add<'_>) {
    let body = claims(now).to_string();
    for none in ["none", "None", "NONE", "nOnE", "", " none", "null"] {
        let header = format!(r#"{{"alg":"{none}","kid":"rsa"}}"#);
        let signed = headed(keys, now, &header);
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        add(&format!("alg {none:?}, not signed"), format!("{unsigned}."), Algorithm_);
        add(&format!("alg {none:?}, signed"), signed, Algorithm_);
    }
    let jwk = keys.rsa_public.to_string();
    let modulus = keys.rsa_public["n"].as_str().unwrap();
    for (what, secret) in [
        ("RSA key in PEM", keys.rsa_pem.as_bytes()),
        ("RSA key as JWK", jwk.as_bytes()),
        ("RSA modulus", modulus.as_bytes()),
        ("EC point", &keys.ec_public_raw),
        ("empty text", b""),
        ("shared key of the set", b"shared"),
    ] {
        let secret = EncodingKey::from_secret(secret);
        for (by, kid) in [(Algorithm::HS256, "rsa"), (Algorithm::HS512, "shared")] {
            let header = format!(r#"{{"alg":"{by:?}","kid":"{kid}"}}"#);
            let token = sign(&secret, by, &header, &body);
            add(&format!("{by:?} with the {what} as secret"), token, Algorithm_);
            // The header says what is allowed, the signature is one with a secret.
            let token = sign(&secret, by, RS256, &body);
            add(&format!("RS256 in the header, {by:?} with the {what}"), token, Signature);
        }
    }
    for by in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS512] {
        let header = format!(r#"{{"alg":"{by:?}","kid":"rsa"}}"#);
        let token = sign(&keys.rsa, by, &header, &body);
        add(&format!("{by:?}, which is not on the list"), token, Algorithm_);
        let token = sign(&keys.rsa, by, RS256, &body);
        add(&format!("RS256 in the header, {by:?} in the signature"), token, Signature);
    }
    let es = r#"{"alg":"ES256","kid":"ec"}"#;
    let ec = |header: &str| sign(&keys.ec, Algorithm::ES256, header, &body);
    add("ES256 for the RSA key", ec(r#"{"alg":"ES256","kid":"rsa"}"#), Misfit);
    add("RS256 for the EC key", headed(keys, now, r#"{"alg":"RS256","kid":"ec"}"#), Misfit);
    add("EdDSA, which is the other issuer's", ec(r#"{"alg":"EdDSA","kid":"ec"}"#), Algorithm_);
    add("alg in lower case", ec(r#"{"alg":"es256","kid":"ec"}"#), Algorithm_);
    let zeros = ec(es);
    let (message, _) = zeros.rsplit_once('.').unwrap();
    let zeros = format!("{message}.{}", BASE64URL_NOPAD.encode(&[0; 64]));
    add("ES256 with r = s = 0", zeros, Signature);
    for (what, header) in [
        ("no alg", r#"{"kid":"rsa"}"#),
        ("alg null", r#"{"alg":null,"kid":"rsa"}"#),
        ("alg as a list", r#"{"alg":["RS256"],"kid":"rsa"}"#),
        ("alg twice", r#"{"alg":"RS256","alg":"none","kid":"rsa"}"#),
        ("alg twice, once escaped", r#"{"alg":"RS256","\u0061lg":"none","kid":"rsa"}"#),
        ("kid twice", r#"{"alg":"RS256","kid":"rsa","kid":"ec"}"#),
    ] {
        add(what, headed(keys, now, header), Header);
    }
}

/// The variant, where `Algorithm` is the library's type.
#[expect(non_upper_case_globals, reason = "it stands for a variant")]
const Algorithm_: InvalidToken = InvalidToken::Algorithm;

fn key_ids(keys: &Keys, now: u64, add: Add<'_>) {
    let long = "k".repeat(257);
    for (kid, expected) in [
        (json!("unknown"), UnknownKey),
        (json!("RSA"), UnknownKey),
        (json!(" rsa"), UnknownKey),
        (json!("rsa\0"), UnknownKey),
        (json!("*"), UnknownKey),
        (json!("../../../../dev/null"), UnknownKey),
        (json!("/etc/passwd"), UnknownKey),
        (json!("rsa' UNION SELECT 'c2VjcmV0"), UnknownKey),
        (json!("rsa|/bin/true"), UnknownKey),
        (json!("https://evil.example/keys"), UnknownKey),
        (json!("weak"), UnknownKey),
        (json!("shared"), UnknownKey),
        (json!(""), Header),
        (json!(null), Header),
        (json!(0), Header),
        (json!(["rsa"]), Header),
        (json!({ "rsa": true }), Header),
        (json!(long), Header),
    ] {
        let header = json!({ "alg": "RS256", "kid": kid }).to_string();
        let name = format!("kid {:.40}", kid.to_string());
        add(&name, headed(keys, now, &header), expected);
    }
    add("no kid, and several keys", headed(keys, now, r#"{"alg":"RS256"}"#), NoKeyId);
    let header = r#"{"alg":"ES256","kid":"enc"}"#;
    let body = claims(now).to_string();
    let token = sign(&keys.encryption, Algorithm::ES256, header, &body);
    add("signed with the key for encryption", token, UnknownKey);
}

fn parameters(keys: &Keys, now: u64, add: Add<'_>) {
    let evil = keys.rsa_public.clone();
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("jku", json!(CLUSTER)),
        ("x5u", json!("https://evil.example/x5u.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", evil),
        ("jwk", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
    ] {
        let header = json!({ "alg": "RS256", "kid": "rsa", name: value }).to_string();
        add(&format!("{name}: {value:.40}"), headed(keys, now, &header), Parameter);
        let token = sign(&keys.stranger, Algorithm::RS256, &header, &claims(now).to_string());
        add(&format!("{name}: {value:.40}, signed with a key of nobody's"), token, Parameter);
    }
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "JWE", "JWT ", ""] {
        let header = json!({ "alg": "RS256", "kid": "rsa", "typ": typ }).to_string();
        add(&format!("typ {typ:?}"), headed(keys, now, &header), Type);
    }
}

fn times(keys: &Keys, now: u64, add: Add<'_>) {
    let day = 86_400;
    for (name, value, expected) in [
        ("exp", None, Claims),
        ("exp", Some(json!((now + 3540).to_string())), Claims),
        ("exp", Some(json!(now as f64 + 3540.0)), Claims),
        ("exp", Some(json!(now as f64 + 3540.5)), Claims),
        ("exp", Some(json!(1e300)), Claims),
        ("exp", Some(json!(-1)), Claims),
        ("exp", Some(json!(u64::MAX)), Claims),
        ("exp", Some(json!(i64::MAX)), Claims),
        ("exp", Some(json!(null)), Claims),
        ("exp", Some(json!([now + 3540])), Claims),
        ("exp", Some(json!(true)), Claims),
        ("exp", Some(json!(0)), Lifetime),
        ("exp", Some(json!(now - 31)), Expired),
        ("exp", Some(json!(now + day)), Lifetime),
        ("exp", Some(json!(253_402_300_799_u64)), Lifetime),
        ("nbf", None, Claims),
        ("nbf", Some(json!((now - 60).to_string())), Claims),
        ("nbf", Some(json!(0.0)), Claims),
        ("nbf", Some(json!(-1)), Claims),
        ("nbf", Some(json!(null)), Claims),
        ("nbf", Some(json!(now + 1200)), NotYetValid),
        ("nbf", Some(json!(now + 10 * day)), Lifetime),
        ("nbf", Some(json!(now - day)), Lifetime),
        ("iat", Some(json!("yesterday")), Claims),
        ("iat", Some(json!(null)), Claims),
        ("iat", Some(json!(now + 1200)), NotYetValid),
        ("iat", Some(json!(now - 2 * day)), Lifetime),
    ] {
        let token = claiming(keys, &changed(now, name, value.clone()));
        let value = value.map_or("missing".to_owned(), |value| value.to_string());
        add(&format!("{name} {value}"), token, expected);
    }
    let mut backwards = changed(now, "nbf", Some(json!(now - 10)));
    backwards["exp"] = json!(now - 20);
    add("exp before nbf", claiming(keys, &backwards), Lifetime);
    let text = claims(now).to_string();
    for more in [r#""exp":9999999999,"#, r#""\u0065xp":9999999999,"#, r#""nbf":0,"#] {
        let twice = text.replacen('{', &format!("{{{more}"), 1);
        let token = sign(&keys.rsa, Algorithm::RS256, RS256, &twice);
        add(&format!("{more} and again"), token, Claims);
    }
}

fn names(keys: &Keys, now: u64, add: Add<'_>) {
    let slash = format!("{CLUSTER}/");
    let long = "s".repeat(385);
    let elsewhere = json!({ "namespace": "admin", "serviceaccount": { "name": "export" } });
    for (name, value, expected) in [
        ("aud", None, Claims),
        ("aud", Some(json!(null)), Claims),
        ("aud", Some(json!(7)), Claims),
        ("aud", Some(json!({ "ionvault": 1 })), Claims),
        ("aud", Some(json!([AUDIENCE, 7])), Claims),
        ("aud", Some(json!("")), Audience),
        ("aud", Some(json!([])), Audience),
        ("aud", Some(json!("other")), Audience),
        ("aud", Some(json!(["other", "another"])), Audience),
        ("aud", Some(json!("IONVAULT")), Audience),
        ("aud", Some(json!("ionvault ")), Audience),
        ("aud", Some(json!("ionvault.evil.example")), Audience),
        ("aud", Some(json!("other,ionvault")), Audience),
        ("aud", Some(json!(CLUSTER)), Audience),
        ("iss", None, Claims),
        ("iss", Some(json!(null)), Claims),
        ("iss", Some(json!([CLUSTER])), Claims),
        ("iss", Some(json!("")), Issuer),
        ("iss", Some(json!("https://evil.example")), Issuer),
        ("iss", Some(json!(slash)), Issuer),
        ("iss", Some(json!(CLUSTER.to_uppercase())), Issuer),
        ("iss", Some(json!(CLUSTER.replace("https", "http"))), Issuer),
        ("iss", Some(json!(format!("{CLUSTER}#"))), Issuer),
        ("iss", Some(json!(format!(" {CLUSTER}"))), Issuer),
        ("sub", None, Claims),
        ("sub", Some(json!(null)), Claims),
        ("sub", Some(json!(7)), Claims),
        ("sub", Some(json!(["system:serviceaccount:docbits:export"])), Claims),
        ("sub", Some(json!("")), Subject),
        ("sub", Some(json!("a\nb")), Subject),
        ("sub", Some(json!("a\0")), Subject),
        ("sub", Some(json!("a b")), Subject),
        ("sub", Some(json!("\u{430}dmin")), Subject),
        ("sub", Some(json!(long)), Subject),
        ("sub", Some(json!("system:serviceaccount:admin:root")), Workload),
        ("kubernetes.io", Some(json!("docbits")), Claims),
        ("kubernetes.io", Some(json!({ "namespace": "docbits" })), Claims),
        ("kubernetes.io", Some(elsewhere), Workload),
    ] {
        let token = claiming(keys, &changed(now, name, value.clone()));
        let value = value.map_or("missing".to_owned(), |value| value.to_string());
        add(&format!("{name} {value:.60}"), token, expected);
    }
    let others = changed(now, "iss", Some(json!(OTHER)));
    add("the other issuer, by our key", claiming(keys, &others), Algorithm_);
    let header = r#"{"alg":"EdDSA"}"#;
    let token = sign(&keys.ed, Algorithm::EdDSA, header, &claims(now).to_string());
    add("our issuer, by the other's key", token, Algorithm_);
    let text = claims(now).to_string();
    for more in [r#""sub":"admin","#, r#""aud":"ionvault","#, r#""iss":"a","#] {
        let twice = text.replacen('{', &format!("{{{more}"), 1);
        let token = sign(&keys.rsa, Algorithm::RS256, RS256, &twice);
        add(&format!("{more} and again"), token, Claims);
    }
    for (what, claims) in
        [("an array", "[]"), ("null", "null"), ("no JSON", "hello"), ("empty", "")]
    {
        add(&format!("claims: {what}"), sign(&keys.rsa, Algorithm::RS256, RS256, claims), Claims);
    }
}

fn signatures(keys: &Keys, now: u64, add: Add<'_>) {
    let good = headed(keys, now, RS256);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let with = |signature: &str| format!("{message}.{signature}");
    add("no signature", with(""), Signature);
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let coded = |bytes: &[u8]| with(&BASE64URL_NOPAD.encode(bytes));
    add("a signature cut by a byte", coded(&bytes[..bytes.len() - 1]), Signature);
    add("a signature cut by half", coded(&bytes[..bytes.len() / 2]), Signature);
    add("a signature with a byte more", coded(&[&bytes[..], &[0]].concat()), Signature);
    for bit in [0, 7, bytes.len() * 4, bytes.len() * 8 - 1] {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        add(&format!("bit {bit} of the signature flipped"), coded(&flipped), Signature);
    }
    // Whatever else is wrong with it, who did not sign it is told no more than that.
    for (name, value) in [
        ("jti", json!("any")),
        ("aud", json!("other")),
        ("exp", json!(now - 31)),
        ("exp", json!(now + 10 * 86_400)),
        ("nbf", json!(now + 1200)),
        ("sub", json!("a b")),
    ] {
        let claims = changed(now, name, Some(value.clone())).to_string();
        let stranger = sign(&keys.stranger, Algorithm::RS256, RS256, &claims);
        add(&format!("{name} {value}, signed with a key of nobody's"), stranger, Signature);
    }
    let other = claiming(keys, &changed(now, "jti", Some(json!("other"))));
    add("the signature of another token", with(other.rsplit_once('.').unwrap().1), Signature);
    let admin = changed(now, "sub", Some(json!("admin"))).to_string();
    let (header, _) = message.split_once('.').unwrap();
    let swapped = format!("{header}.{}.{signature}", BASE64URL_NOPAD.encode(admin.as_bytes()));
    add("claims changed after the signing", swapped, Signature);
    let header = BASE64URL_NOPAD.encode(br#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#);
    let (_, body) = message.split_once('.').unwrap();
    add("a header changed after the signing", format!("{header}.{body}.{signature}"), Signature);
}

fn encodings(keys: &Keys, now: u64, add: Add<'_>) {
    let good = headed(keys, now, RS256);
    let parts: Vec<_> = good.split('.').collect();
    add("one part", parts[0].to_owned(), NotCompact);
    add("two parts", parts[..2].join("."), NotCompact);
    add("four parts", format!("{good}.{}", parts[2]), NotCompact);
    add("a dot before", format!(".{good}"), NotCompact);
    add("a dot after", format!("{good}."), NotCompact);
    add("five parts, as a JWE has", format!("{good}.AA.AA"), NotCompact);
    add("dots alone", "..".to_owned(), Header);
    add("padding", format!("{good}=="), NotCompact);
    // A jti that base64 writes with the two letters that its alphabets differ in.
    let odd = claiming(keys, &changed(now, "jti", Some(json!("???>>>~~~"))));
    let standard = odd.replace('-', "+").replace('_', "/");
    assert_ne!(standard, odd);
    add("the standard alphabet", standard, NotCompact);
    let (rest, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 256 bytes leave 4 bits of the last letter unused; they must be zero.
    let next = alphabet.as_bytes()[alphabet.find(last).unwrap() + 1] as char;
    add("another spelling of the last letter", format!("{rest}{next}"), NotCompact);
    add("a letter of no alphabet", good.replacen('.', "!.", 1), NotCompact);
    let nested = sign(&keys.rsa, Algorithm::RS256, RS256, &good);
    add("a token in a token", nested, Claims);
    let huge = changed(now, "padding", Some(json!("x".repeat(4400))));
    add("6 KiB and more", claiming(keys, &huge), TooLong);
    for (what, header) in
        [("no JSON", "hello"), ("an array", r#"["RS256","rsa"]"#), ("null", "null")]
    {
        add(&format!("header: {what}"), headed(keys, now, header), Header);
    }
}

fn headers(keys: &Keys, now: u64) -> Vec<Crafted> {
    let good = headed(keys, now, RS256);
    let bearer = format!("Bearer {good}");
    let (one, two) = (bearer.clone(), format!("Bearer {good}, Bearer {good}"));
    let cases = [
        ("no header", vec![], Missing),
        ("the same header twice", vec![one.clone(), one.clone()], Several),
        ("a good and an empty header", vec![one.clone(), "Bearer".into()], Several),
        ("two in one header", vec![two], NotBearer),
        ("the scheme alone", vec!["Bearer".into()], NotBearer),
        ("no scheme", vec![good.clone()], NotBearer),
        ("two blanks", vec![format!("Bearer  {good}")], NotBearer),
        ("the scheme twice", vec![format!("Bearer {bearer}")], NotBearer),
        ("another scheme", vec![format!("Token {good}")], NotBearer),
        ("Basic", vec!["Basic YWRtaW46YWRtaW4".into()], NotBearer),
        ("a colon", vec![format!("Bearer: {good}")], NotBearer),
        ("something after the token", vec![format!("{bearer} x")], NotBearer),
        ("an empty token", vec!["Bearer ,".into()], NotBearer),
    ];
    let crafted = |(name, headers, expected): (&str, _, _)| Crafted {
        name: name.to_owned(),
        headers,
        expected,
    };
    cases.into_iter().map(crafted).collect()
}
