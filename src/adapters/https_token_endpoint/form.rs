//! The bodies of requests: `application/x-www-form-urlencoded` (RFC 6749, appendix B).

use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::ports::{GrantRequest, RevocationRequest, TokenKind, TokenRequest};

/// A token request.
pub(super) fn token(request: &TokenRequest<'_>) -> Zeroizing<Vec<u8>> {
    let mut pairs: Vec<(&str, &[u8])> = Vec::with_capacity(PAIRS_MAX);
    match &request.grant {
        GrantRequest::Password { username, password } => {
            pairs.push(("grant_type", b"password"));
            pairs.push(("username", username.expose()));
            pairs.push(("password", password.expose()));
        }
        GrantRequest::ClientCredentials => pairs.push(("grant_type", b"client_credentials")),
        GrantRequest::RefreshToken(token) => {
            pairs.push(("grant_type", b"refresh_token"));
            pairs.push(("refresh_token", token.expose()));
        }
        GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            pairs.push(("grant_type", b"authorization_code"));
            pairs.push(("code", code.expose()));
            pairs.push(("redirect_uri", redirect_uri.as_bytes()));
            pairs.push(("code_verifier", code_verifier.expose()));
        }
    }
    if let Some(scope) = request.scope {
        pairs.push(("scope", scope.as_bytes()));
    }
    pairs.push(("client_id", request.client_id.as_bytes()));
    pairs.push(("client_secret", request.client_secret.expose()));
    encode(pairs)
}

/// A revocation request (RFC 7009, section 2.1).
pub(super) fn revocation(request: &RevocationRequest<'_>) -> Zeroizing<Vec<u8>> {
    let hint: &[u8] = match request.kind {
        TokenKind::Access => b"access_token",
        TokenKind::Refresh => b"refresh_token",
    };
    encode(vec![
        ("token", request.token.expose()),
        ("token_type_hint", hint),
        ("client_id", request.client_id.as_bytes()),
        ("client_secret", request.client_secret.expose()),
    ])
}

/// The buffer has its final capacity from the start and is wiped when dropped, so no copy of a
/// secret stays behind.
fn encode(pairs: Vec<(&str, &[u8])>) -> Zeroizing<Vec<u8>> {
    let capacity = pairs.iter().map(|(name, value)| name.len() + ESCAPED * value.len() + 2).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    for (name, value) in pairs {
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend_from_slice(name.as_bytes());
        body.push(b'=');
        for piece in byte_serialize(value) {
            body.extend_from_slice(piece.as_bytes());
        }
    }
    body
}

/// Bytes that one escaped byte takes: `%23`.
const ESCAPED: usize = 3;

/// The authorization code with a scope; a capacity, not a limit.
const PAIRS_MAX: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Target;
    use crate::secret::Secret;

    fn target() -> Target {
        Target {
            url: "https://sso.example/token".parse().unwrap(),
            private_addresses: false,
            trust_anchors: Vec::new(),
        }
    }

    fn text(grant: GrantRequest<'_>, scope: Option<&str>) -> String {
        let target = target();
        let client_secret = Secret::from(b"s&=+ 1".to_vec());
        let request = TokenRequest {
            target: &target,
            client_id: "acme~c1",
            client_secret: &client_secret,
            grant,
            scope,
        };
        let body = token(&request);
        let grown = body.capacity();
        let worst: usize = 3 * body.len() + 64;
        assert!(grown <= worst, "the buffer was grown: {grown} > {worst}");
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn every_grant_is_written_as_the_standard_says() {
        let username = Secret::from("ACME_TST#ü~".as_bytes().to_vec());
        let password = Secret::from(b"p%w".to_vec());
        let refresh = Secret::from(b"r/1+2==".to_vec());
        let client = "client_id=acme%7Ec1&client_secret=s%26%3D%2B+1";
        for (grant, scope, expected) in [
            (
                GrantRequest::Password { username: &username, password: &password },
                Some("Infor-ION offline_access"),
                "grant_type=password&username=ACME_TST%23%C3%BC%7E&password=p%25w\
                 &scope=Infor-ION+offline_access&",
            ),
            (GrantRequest::ClientCredentials, None, "grant_type=client_credentials&"),
            (
                GrantRequest::RefreshToken(&refresh),
                None,
                "grant_type=refresh_token&refresh_token=r%2F1%2B2%3D%3D&",
            ),
            (
                GrantRequest::AuthorizationCode {
                    code: &refresh,
                    redirect_uri: "https://app.example/cb?a=b",
                    code_verifier: &password,
                },
                None,
                "grant_type=authorization_code&code=r%2F1%2B2%3D%3D\
                 &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fa%3Db&code_verifier=p%25w&",
            ),
        ] {
            assert_eq!(text(grant, scope), format!("{expected}{client}"));
        }
    }

    #[test]
    fn a_revocation_says_what_kind_of_token_it_is_about() {
        let target = target();
        let client_secret = Secret::from(b"s&=+ 1".to_vec());
        for (kind, hint) in
            [(TokenKind::Access, "access_token"), (TokenKind::Refresh, "refresh_token")]
        {
            let request = RevocationRequest {
                target: &target,
                client_id: "acme~c1",
                client_secret: &client_secret,
                token: &Secret::from(b"r/1+2==".to_vec()),
                kind,
            };
            let client = "client_id=acme%7Ec1&client_secret=s%26%3D%2B+1";
            let expected = format!("token=r%2F1%2B2%3D%3D&token_type_hint={hint}&{client}");
            assert_eq!(str::from_utf8(&revocation(&request)), Ok(expected.as_str()));
        }
    }

    #[test]
    fn the_buffer_never_grows() {
        let username = Secret::from(vec![b'#'; 300]);
        let password = Secret::from(vec![b'#'; 300]);
        let written = text(
            GrantRequest::Password { username: &username, password: &password },
            Some("########"),
        );
        assert!(written.contains(&"%23".repeat(300)));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_read_back(name in proptest::collection::vec(1_u8.., 0..40), scope in ".{1,40}") {
            let username = Secret::from(name.clone());
            let password = Secret::from(Vec::new());
            let grant = GrantRequest::Password { username: &username, password: &password };
            let written = text(grant, Some(&scope));
            proptest::prop_assert!(written.is_ascii());
            let lossy = String::from_utf8_lossy(&name).into_owned();
            let read: Vec<_> = url::form_urlencoded::parse(written.as_bytes()).into_owned().collect();
            proptest::prop_assert_eq!(&read[1], &("username".to_owned(), lossy));
            proptest::prop_assert_eq!(&read[3], &("scope".to_owned(), scope));
        }
    }
}
