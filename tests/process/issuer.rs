//! A token issuer whose tokens may have any defect. Its keys are made for the test.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize, SignatureAlgorithm,
};
use serde_json::{Value, json};

/// As Kubernetes calls itself.
pub(crate) const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
/// Another issuer, with one key that has no id.
pub(crate) const OTHER: &str = "https://accounts.example";
pub(crate) const AUDIENCE: &str = "ionvault";

/// The keys of both issuers, and some of nobody's.
pub(crate) struct Keys {
    pub(crate) rsa: EncodingKey,
    pub(crate) ec: EncodingKey,
    /// In the set, and for encryption.
    pub(crate) encryption: EncodingKey,
    /// The other issuer's.
    pub(crate) ed: EncodingKey,
    pub(crate) stranger: EncodingKey,
    pub(crate) rsa_pem: String,
    pub(crate) rsa_public: Value,
    pub(crate) ec_public_raw: Vec<u8>,
    ec_public: Value,
    encryption_public: Value,
    ed_public: Value,
}

fn rsa() -> (EncodingKey, KeyPair, Value) {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let private = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
    let public = Jwk::from_encoding_key(&private, Algorithm::RS256).unwrap();
    (private, pair, serde_json::to_value(public).unwrap())
}

fn elliptic(of: &'static SignatureAlgorithm) -> (KeyPair, Value) {
    let pair = KeyPair::generate_for(of).unwrap();
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let raw = pair.public_key_raw();
    let public = if raw.len() == 32 {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": text(raw) })
    } else {
        json!({ "kty": "EC", "crv": "P-256", "x": text(&raw[1..33]), "y": text(&raw[33..]) })
    };
    (pair, public)
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let (rsa, rsa_pair, rsa_public) = rsa();
        let (ec, ec_public) = elliptic(&PKCS_ECDSA_P256_SHA256);
        let (encryption, encryption_public) = elliptic(&PKCS_ECDSA_P256_SHA256);
        let (ed, ed_public) = elliptic(&PKCS_ED25519);
        let (stranger, ..) = self::rsa();
        Self {
            rsa,
            ec: EncodingKey::from_ec_der(&ec.serialize_der()),
            encryption: EncodingKey::from_ec_der(&encryption.serialize_der()),
            ed: EncodingKey::from_ed_der(&ed.serialize_der()),
            stranger,
            rsa_pem: rsa_pair.public_key_pem(),
            rsa_public,
            ec_public_raw: ec.public_key_raw().to_vec(),
            ec_public,
            encryption_public,
            ed_public,
        }
    }

    /// What the cluster publishes: two good keys, and some that nobody may use.
    pub(crate) fn set_of_cluster(&self) -> String {
        let with = |key: &Value, more: Value| {
            let mut key = key.clone();
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            key
        };
        let weak = BASE64URL_NOPAD.encode(&[0xff; 128]);
        let keys = [
            with(&self.rsa_public, json!({ "kid": "rsa", "use": "sig" })),
            with(&self.ec_public, json!({ "kid": "ec" })),
            with(&self.encryption_public, json!({ "kid": "enc", "use": "enc" })),
            json!({ "kid": "weak", "kty": "RSA", "n": weak, "e": "AQAB" }),
            json!({ "kid": "shared", "kty": "oct", "k": "c2hhcmVk" }),
        ];
        json!({ "keys": keys }).to_string()
    }

    pub(crate) fn set_of_other(&self) -> String {
        json!({ "keys": [self.ed_public] }).to_string()
    }
}

/// Signs this header and these claims, whatever they are.
pub(crate) fn sign(key: &EncodingKey, by: Algorithm, header: &str, claims: &str) -> String {
    let text = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
    let message = format!("{}.{}", text(header), text(claims));
    let signature = crypto::sign(message.as_bytes(), key, by).unwrap();
    format!("{message}.{signature}")
}

/// What a pod's token says, an hour long, begun a minute ago.
pub(crate) fn claims(now: u64) -> Value {
    json!({
        "aud": [AUDIENCE],
        "exp": now + 3540,
        "iat": now - 60,
        "nbf": now - 60,
        "iss": CLUSTER,
        "jti": "5f2ed9a1-2b3d-4f9c-8f55-7b6c0d1e2f3a",
        "kubernetes.io": {
            "namespace": "docbits",
            "node": { "name": "node-1", "uid": "0d4f" },
            "pod": { "name": "export-5d9c7-abcde", "uid": "77aa" },
            "serviceaccount": { "name": "export", "uid": "12bc" },
        },
        "sub": "system:serviceaccount:docbits:export",
    })
}

/// The claims with one of them replaced, or removed if there is no value.
pub(crate) fn changed(now: u64, name: &str, value: Option<Value>) -> Value {
    let mut claims = claims(now);
    let fields = claims.as_object_mut().unwrap();
    match value {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.remove(name).unwrap()),
    }
    claims
}

pub(crate) const RS256: &str = r#"{"alg":"RS256","kid":"rsa"}"#;
