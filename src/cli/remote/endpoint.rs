//! Where a vault listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Endpoint {
    /// `https://host:port`, to a listener with mutual TLS.
    Https(http::Uri),
    /// `unix:/path`, to the admin socket of this machine.
    Unix(PathBuf),
}

/// The admin socket of a vault that was set up by its systemd unit.
pub(super) const ENDPOINT_DEFAULT: &str = "unix:/run/ionvault/admin.sock";

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///path` is the same with an empty authority.
            let path = path.strip_prefix("//").unwrap_or(path);
            let fits = (2..=SOCKET_PATH_BYTES_MAX).contains(&path.len());
            return if path.starts_with('/') && fits {
                Ok(Self::Unix(path.into()))
            } else {
                Err(SOCKET)
            };
        }
        let uri: http::Uri = text.parse().map_err(|_not_a_uri| EXPECTED)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") => return Err("the vault answers over https only, or on its Unix socket"),
            Some(_) | None => return Err(EXPECTED),
        }
        let nothing_else = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let plain_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if nothing_else && plain_host { Ok(Self::Https(uri)) } else { Err(EXPECTED) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(uri) => f.write_str(uri.to_string().trim_end_matches('/')),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What `sun_path` holds on Linux, without the zero at its end (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

const EXPECTED: &str = "expected https://HOST:PORT or unix:/PATH";

const SOCKET: &str = "the path of a Unix socket must be absolute and at most 107 bytes long";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_shown_alike() {
        for (text, shown) in [
            ("https://vault.example:8443", "https://vault.example:8443"),
            ("https://vault.example:8443/", "https://vault.example:8443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("unix:///run/x.sock", "unix:/run/x.sock"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
        }
        assert_eq!(ENDPOINT_DEFAULT.parse::<Endpoint>().unwrap().to_string(), ENDPOINT_DEFAULT);
    }

    #[test]
    fn anything_less_than_tls_or_a_local_socket_is_refused() {
        let long = format!("unix:/{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
        for text in [
            "",
            "vault.example:8443",
            "http://vault.example:8443",
            "ftp://vault.example",
            "https://",
            "https://user@vault.example",
            "https://vault.example/path",
            "https://vault.example?query",
            "unix:",
            "unix:/",
            "unix:relative.sock",
            "unix://host/path.sock",
            long.as_str(),
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
