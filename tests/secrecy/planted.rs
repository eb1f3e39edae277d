//! The secrets of one run, all of them new.

use std::sync::Mutex;

/// Everything that must not get out, with a name to report it by.
#[derive(Default)]
pub(crate) struct Planted(Mutex<Vec<(String, Vec<u8>)>>);

impl Planted {
    /// A secret with all the characters that encodings change.
    pub(crate) fn any(&self, name: &str) -> String {
        self.text(name, b"\"\\/+%&=<~'?:")
    }

    /// A secret that may be a token (RFC 6750, section 2.1).
    pub(crate) fn token(&self, name: &str) -> String {
        self.text(name, b"-._~+/-._~+/")
    }

    /// A secret as Infor makes them: 86 characters that an id may have, too.
    pub(crate) fn infor(&self, name: &str) -> String {
        let mut secret = [invent(b"-_x"), invent(b"-_x")].concat();
        secret.truncate(86);
        self.add(name, secret.as_bytes());
        secret
    }

    /// A secret that somebody else made.
    pub(crate) fn add(&self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let (name, bytes) = (name.into(), bytes.into());
        assert!(bytes.len() >= super::search::FRAGMENT_BYTES, "{name} is too short to search for");
        self.0.lock().unwrap().push((name, bytes));
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().unwrap().clone()
    }

    fn text(&self, name: &str, special: &[u8]) -> String {
        let secret = invent(special);
        self.add(name, secret.as_bytes());
        secret
    }
}

/// Random letters and digits, and every fourth character a special one.
pub(crate) fn invent(special: &[u8]) -> String {
    const PLAIN: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; 48];
    getrandom::fill(&mut random).unwrap();
    let character = |(at, byte): (usize, &u8)| match at % 4 {
        3 => special[at / 4 % special.len()],
        _ => PLAIN[usize::from(*byte) % PLAIN.len()],
    };
    random.iter().enumerate().map(character).map(char::from).collect()
}
