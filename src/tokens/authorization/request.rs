//! The address that a person's browser is sent to (RFC 6749, section 4.1.1; RFC 7636, section 4.3).

use url::Url;

/// What an authorization request says.
pub(super) struct AuthorizationRequest<'a> {
    pub(super) endpoint: &'a Url,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) scope: Option<&'a str>,
    /// Whether the person is to be asked, whatever was agreed before: where a refresh token is
    /// asked for by scope, one must be (OpenID Connect Core 1.0, section 11).
    pub(super) ask_for_consent: bool,
    pub(super) state: &'a str,
    pub(super) code_challenge: &'a str,
}

impl AuthorizationRequest<'_> {
    /// The whole address. It holds the `state`, and otherwise nothing secret.
    pub(super) fn uri(&self) -> String {
        let Self { endpoint, client_id, redirect_uri, scope, ask_for_consent, .. } = self;
        let pairs = [
            ("response_type", Some("code")),
            ("client_id", Some(client_id)),
            ("redirect_uri", Some(redirect_uri)),
            ("scope", *scope),
            ("prompt", ask_for_consent.then_some("consent")),
            ("state", Some(self.state)),
            ("code_challenge", Some(self.code_challenge)),
            ("code_challenge_method", Some("S256")),
        ];
        let mut uri = format!("{endpoint}?");
        let pairs = pairs.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        for (index, (name, value)) in pairs.enumerate() {
            if index > 0 {
                uri.push('&');
            }
            uri.push_str(name);
            uri.push('=');
            escape(value, &mut uri);
        }
        uri
    }
}

/// Only the unreserved characters of RFC 3986 (section 2.3) stay: readers of URIs and readers of
/// forms understand that alike. `~`, which client ids have, stays too, unlike in a form.
fn escape(value: &str, uri: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_everything_and_reads_back_as_it_was() {
        let endpoint = Url::parse("https://sso.example/ACME_TST/as/authorization.oauth2").unwrap();
        let mut request = AuthorizationRequest {
            endpoint: &endpoint,
            client_id: "ACME_TST~c1",
            redirect_uri: "https://app.example/cb?a=b&c=ä#",
            scope: Some("Infor-ION offline_access"),
            ask_for_consent: true,
            state: "s-1",
            code_challenge: "c_1",
        };
        let uri = request.uri();
        assert!(uri.starts_with("https://sso.example/ACME_TST/as/authorization.oauth2?response_"));
        assert!(uri.contains("client_id=ACME_TST~c1&"), "{uri}");
        let parsed = Url::parse(&uri).unwrap();
        let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("response_type", "code"),
                ("client_id", "ACME_TST~c1"),
                ("redirect_uri", "https://app.example/cb?a=b&c=ä#"),
                ("scope", "Infor-ION offline_access"),
                ("prompt", "consent"),
                ("state", "s-1"),
                ("code_challenge", "c_1"),
                ("code_challenge_method", "S256"),
            ]
        );
        (request.scope, request.ask_for_consent) = (None, false);
        let uri = request.uri();
        assert!(!uri.contains("scope") && !uri.contains("prompt"), "{uri}");
    }
}
