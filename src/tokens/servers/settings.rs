//! What the operator knows about authorization servers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// What a server does with refresh tokens when they are redeemed. Infor documents none of it, so it
/// is learned from answers unless the operator says it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RefreshRotation {
    /// Each answer brings a new one, and redeeming an old one again revokes the whole family.
    Strict,
    /// Each answer brings a new one, and one retry with the old one is forgiven.
    Grace,
    /// The same refresh token is good again and again.
    None,
}

/// What the operator settled for some servers, by host and port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerSettings(HashMap<(String, u16), RefreshRotation>);

impl ServerSettings {
    /// Settles it for a server. `host` as URLs write it: a name in lower case or an IP address,
    /// IPv6 in brackets. `false` if it was settled before; then nothing changes.
    pub fn settle(&mut self, host: String, port: u16, rotation: RefreshRotation) -> bool {
        match self.0.entry((host, port)) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(rotation);
                true
            }
        }
    }

    /// What is settled for the server of this URL.
    pub(super) fn rotation(&self, authorization_server: &str) -> Option<RefreshRotation> {
        let url = Url::parse(authorization_server).ok()?;
        let address = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        self.0.get(&address).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_host_and_port_whatever_its_path() {
        let mut settings = ServerSettings::default();
        assert!(settings.settle("sso.example".to_owned(), 443, RefreshRotation::Strict));
        assert!(settings.settle("sso.example".to_owned(), 9443, RefreshRotation::None));
        assert!(settings.settle("[2001:db8::7]".to_owned(), 443, RefreshRotation::Grace));
        assert!(!settings.settle("sso.example".to_owned(), 443, RefreshRotation::None));
        for (server, expected) in [
            ("https://sso.example/ACME_TST/as/", Some(RefreshRotation::Strict)),
            ("https://sso.example:443/", Some(RefreshRotation::Strict)),
            ("https://sso.example:9443/as/", Some(RefreshRotation::None)),
            ("https://[2001:db8::7]/as/", Some(RefreshRotation::Grace)),
            ("https://sso.example:8443/", None),
            ("https://sso2.example/", None),
            ("", None),
        ] {
            assert_eq!(settings.rotation(server), expected, "{server}");
        }
    }

    #[test]
    fn it_is_written_in_lower_case() {
        for (rotation, written) in [
            (RefreshRotation::Strict, "\"strict\""),
            (RefreshRotation::Grace, "\"grace\""),
            (RefreshRotation::None, "\"none\""),
        ] {
            assert_eq!(serde_json::to_string(&rotation).unwrap(), written);
            assert_eq!(serde_json::from_str::<RefreshRotation>(written).unwrap(), rotation);
        }
    }
}
