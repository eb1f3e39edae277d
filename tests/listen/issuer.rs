//! An issuer of tokens whose keys are made for the test.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use ionvault::adapters::SystemClock;
use ionvault::identity::{Algorithm, Issuers, TokenRules};
use ionvault::model::{Caller, JwtCaller};
use ionvault::ports::{Clock, KeySetSource, ReadKeySetError};
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::json;

pub struct TokenIssuer(KeyPair);

pub const ISSUER: &str = "https://tokens.example";
const SUBJECT: &str = "invoices";

struct Published(String);

#[async_trait]
impl KeySetSource for Published {
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
        Ok(self.0.clone().into_bytes())
    }

    fn read_every(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

impl TokenIssuer {
    pub fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    /// Whom its tokens name.
    pub fn caller() -> Caller {
        Caller::Jwt(JwtCaller::new(ISSUER, SUBJECT).unwrap())
    }

    /// As a vault has it that takes its tokens, and no others.
    pub async fn pinned(&self) -> Arc<Issuers> {
        let public = BASE64URL_NOPAD.encode(self.0.public_key_raw());
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": public }] });
        let rules = TokenRules {
            issuer: ISSUER.to_owned(),
            audience: "ionvault".to_owned(),
            algorithms: vec![Algorithm::EdDsa],
            lifetime_max: TokenRules::LIFETIME_MAX,
        };
        let mut issuers = Issuers::new(Arc::new(SystemClock));
        issuers.add_loaded(rules, Arc::new(Published(set.to_string()))).await.unwrap();
        Arc::new(issuers)
    }

    /// A header with a token that is good now.
    pub fn bearer(&self) -> String {
        let now = SystemClock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": "ionvault",
            "iat": now - 60, "nbf": now - 60, "exp": now + 600,
        });
        let key = EncodingKey::from_ed_der(&self.0.serialize_der());
        let header = Header::new(jsonwebtoken::Algorithm::EdDSA);
        format!("Bearer {}", encode(&header, &claims, &key).unwrap())
    }
}
