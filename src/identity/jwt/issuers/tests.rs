use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm as Signature, EncodingKey, crypto};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;
use tokio::time::sleep;

use super::super::Algorithm;
use super::*;
use crate::ports::ReadKeySetError;

const ISSUER: &str = "https://a.example";
const NOW: u64 = 1_800_000_000;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

/// What an issuer publishes; nothing, at first.
#[derive(Default)]
struct Published(Mutex<Option<Vec<u8>>>);

impl Published {
    fn becomes(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        *self.0.lock().unwrap() = Some(json!({ "keys": keys }).to_string().into_bytes());
    }
}

#[async_trait]
impl KeySetSource for Published {
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
        self.0.lock().unwrap().clone().ok_or(ReadKeySetError::Unreachable("down"))
    }

    /// Not before these tests end.
    fn read_every(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// A key of the issuer, and its id.
struct Key(KeyPair, &'static str);

impl Key {
    fn new(id: &'static str) -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), id)
    }

    fn public(&self) -> serde_json::Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let (x, y) = self.0.public_key_raw()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "kid": self.1, "x": text(x), "y": text(y) })
    }

    /// The headers of a call with a token that it signed.
    fn headers(&self) -> HeaderMap {
        let header = json!({ "alg": "ES256", "kid": self.1 });
        let claims = json!({
            "iss": ISSUER, "sub": "a", "aud": "ionvault", "nbf": NOW, "exp": NOW + 600,
        });
        let text = |json: serde_json::Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let message = format!("{}.{}", text(header), text(claims));
        let key = EncodingKey::from_ec_der(&self.0.serialize_der());
        let signature = crypto::sign(message.as_bytes(), &key, Signature::ES256).unwrap();
        let bearer = format!("Bearer {message}.{signature}");
        HeaderMap::from_iter([(header::AUTHORIZATION, bearer.parse().unwrap())])
    }
}

/// One issuer whose keys are there, and the task that keeps them.
async fn kept(source: Arc<Published>) -> (Arc<Issuers>, JoinSet<()>) {
    let rules = TokenRules {
        issuer: ISSUER.to_owned(),
        audience: "ionvault".to_owned(),
        algorithms: vec![Algorithm::Es256],
        lifetime_max: TokenRules::LIFETIME_MAX,
    };
    let mut issuers = Issuers::new(Arc::new(Stopped));
    issuers.add(rules, source);
    let issuers = Arc::new(issuers);
    let (kept, mut keeping) = (issuers.clone(), JoinSet::new());
    keeping.spawn(async move { kept.keep_keys(&CancellationToken::new()).await });
    // Time stands still as long as anything else can happen.
    sleep(Duration::from_millis(1)).await;
    (issuers, keeping)
}

#[tokio::test(start_paused = true)]
async fn a_token_of_a_new_key_has_the_keys_read_at_once() {
    let ([old, new], source) = (["old", "new"].map(Key::new), Arc::<Published>::default());
    source.becomes(&[&old]);
    let (issuers, _keeping) = kept(source.clone()).await;
    let caller = issuers.caller(&old.headers()).await.unwrap();
    assert_eq!(caller.to_string(), format!("jwt:{ISSUER}#a"));
    source.becomes(&[&old, &new]);
    assert_eq!(issuers.caller(&new.headers()).await, Ok(caller));
    // What the issuer does not publish stays unknown.
    let unknown = issuers.caller(&Key::new("other").headers()).await;
    assert_eq!(unknown, Err(InvalidToken::UnknownKey));
    // An id that is known, and a key that is not its own: no reason to read anything.
    assert_eq!(issuers.caller(&Key::new("old").headers()).await, Err(InvalidToken::Signature));
}

#[tokio::test(start_paused = true)]
async fn a_token_has_the_keys_read_that_were_not_there_at_the_start() {
    let (key, source) = (Key::new("one"), Arc::<Published>::default());
    let (issuers, _keeping) = kept(source.clone()).await;
    source.becomes(&[&key]);
    assert!(issuers.caller(&key.headers()).await.is_ok());
}
