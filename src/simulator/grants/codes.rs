//! Authorization codes: each good once, for the client, redirect URI and verifier it belongs to.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// What a code stands for.
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    /// `code_challenge`, by S256.
    pub(super) challenge: String,
    pub(super) scopes: Vec<String>,
}

/// Codes that were given.
///
/// Invariant: `order` holds the keys of `codes`, oldest first.
#[derive(Default)]
pub(super) struct Codes {
    codes: HashMap<String, Given>,
    order: VecDeque<String>,
}

struct Given {
    code: Code,
    at: Instant,
    used: Option<Used>,
}

/// A code was used, and this refresh token came of it.
struct Used {
    refresh_token: Option<String>,
}

/// Why a code gets no token.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Unusable {
    /// It is unknown, another client's, too old, or for another redirect URI.
    Wrong(&'static str),
    /// It was used before; this is the refresh token that came of it.
    UsedBefore(Option<String>),
}

impl Codes {
    pub(super) fn give(&mut self, name: String, code: Code) {
        if self.order.len() >= CODES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.codes.remove(&oldest);
        }
        self.order.push_back(name.clone());
        self.codes.insert(name, Given { code, at: Instant::now(), used: None });
    }

    /// Looks at a code; a wrong question does not use it up.
    pub(super) fn check(
        &self,
        name: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<&Code, Unusable> {
        let Some(Given { code, at, used }) =
            self.codes.get(name).filter(|given| given.code.client_id == client_id)
        else {
            return Err(Unusable::Wrong("the code is not known"));
        };
        if at.elapsed() >= CODE_LIFE {
            return Err(Unusable::Wrong("the code has expired"));
        }
        if code.redirect_uri != redirect_uri {
            return Err(Unusable::Wrong("redirect_uri is not the one the code was given for"));
        }
        if BASE64URL_NOPAD.encode(&Sha256::digest(verifier)) != code.challenge {
            return Err(Unusable::Wrong("code_verifier does not fit code_challenge"));
        }
        match used {
            Some(used) => Err(Unusable::UsedBefore(used.refresh_token.clone())),
            None => Ok(code),
        }
    }

    pub(super) fn used(&mut self, name: &str, refresh_token: Option<String>) {
        if let Some(given) = self.codes.get_mut(name) {
            given.used = Some(Used { refresh_token });
        }
    }
}

/// RFC 6749, section 4.1.2, allows ten minutes at most; real servers give about one.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// Bounds memory; the oldest is forgotten.
const CODES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "invented-verifier-of-at-least-43-characters-0";

    fn codes() -> Codes {
        let mut codes = Codes::default();
        let code = Code {
            client_id: "c".to_owned(),
            redirect_uri: "https://app.example/done".to_owned(),
            challenge: BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER)),
            scopes: Vec::new(),
        };
        codes.give("code".to_owned(), code);
        codes
    }

    fn check(codes: &Codes, client_id: &str, redirect_uri: &str, verifier: &str) -> &'static str {
        match codes.check("code", client_id, redirect_uri, verifier) {
            Ok(_) => "good",
            Err(Unusable::Wrong(why)) => why,
            Err(Unusable::UsedBefore(_)) => "used before",
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_is_good_once_for_its_client_address_and_verifier() {
        let mut codes = codes();
        let uri = "https://app.example/done";
        for (client_id, redirect_uri, verifier, told) in [
            ("d", uri, VERIFIER, "the code is not known"),
            (
                "c",
                "https://app.example/done/",
                VERIFIER,
                "redirect_uri is not the one the code was given for",
            ),
            ("c", uri, "another", "code_verifier does not fit code_challenge"),
            ("c", uri, VERIFIER, "good"),
        ] {
            assert_eq!(check(&codes, client_id, redirect_uri, verifier), told);
        }
        codes.used("code", None);
        assert_eq!(check(&codes, "c", uri, VERIFIER), "used before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_lives_for_a_minute() {
        let codes = codes();
        let told = || check(&codes, "c", "https://app.example/done", VERIFIER);
        tokio::time::advance(CODE_LIFE - Duration::from_millis(1)).await;
        assert_eq!(told(), "good");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(told(), "the code has expired");
    }

    #[test]
    fn the_oldest_code_makes_room() {
        let mut codes = codes();
        for number in 0..CODES_MAX {
            let code = Code {
                client_id: "c".to_owned(),
                redirect_uri: String::new(),
                challenge: String::new(),
                scopes: Vec::new(),
            };
            codes.give(number.to_string(), code);
        }
        assert_eq!(codes.codes.len(), CODES_MAX);
        assert_eq!(check(&codes, "c", "", ""), "the code is not known");
    }
}
