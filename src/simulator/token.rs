//! What the tokens look like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::app::{App, AppGrant, ServerKind};

/// An access token for `app`: a JWT in the cloud, 43 random characters on-premises.
///
/// As at Infor, the JWT has the whole `saak` in `ServiceAccount`, and no `iss`, `aud` or `iat`; the
/// other claims' names are invented. Its header says RS256 and its signature has the length of
/// one, but is random: who could verify it, without a published key, is Infor alone.
pub(super) fn access(
    app: &App,
    scopes: &[String],
    life: Duration,
) -> Result<String, getrandom::Error> {
    match app.server {
        ServerKind::InforSts => opaque(),
        ServerKind::PingFederate => jwt(app, scopes, life),
    }
}

/// A refresh token, or an opaque access token: 43 characters.
pub(super) fn opaque() -> Result<String, getrandom::Error> {
    Ok(BASE64URL_NOPAD.encode(&random::<32>()?))
}

fn jwt(app: &App, scopes: &[String], life: Duration) -> Result<String, getrandom::Error> {
    let subject = match &app.grant {
        AppGrant::Password { saak, .. } => saak.as_str(),
        AppGrant::ClientCredentials | AppGrant::AuthorizationCode { .. } => "",
    };
    let header = json!({"alg": "RS256", "kid": "simulated-2026", "pi.atm": "2"});
    let claims = json!({
        "Tenant": app.tenant,
        "IdentityUser2": BASE64URL_NOPAD.encode(&random::<16>()?),
        "SSOSessionID": BASE64URL_NOPAD.encode(&random::<16>()?),
        "InforGrant": BASE64URL_NOPAD.encode(&random::<16>()?),
        "EnforceScopesForClient": if app.scopes.is_empty() { "0" } else { "1" },
        "ServiceAccount": subject,
        "scope": scopes,
        "client_id": app.client_id,
        "exp": now().saturating_add(life).as_secs(),
    });
    let [header, claims] = [header, claims].map(|part| part.to_string());
    let signature = random::<RS256_BYTES>()?;
    let parts = [header.as_bytes(), claims.as_bytes(), &signature];
    Ok(parts.map(|part| BASE64URL_NOPAD.encode(part)).join("."))
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "a foreign server, with a clock of its own")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// An RSA signature has the length of its modulus: 2,048 bits.
const RS256_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_cloud_token_is_shaped_like_infors() {
        let app = App::sample("ACME_TST", "DocBits");
        let token = access(&app, &[], Duration::from_secs(7200)).unwrap();
        assert!((900..=1200).contains(&token.len()), "{}", token.len());
        let parts: Vec<Vec<u8>> =
            token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).collect();
        let [header, claims, signature] = parts.as_slice() else { panic!("not three parts") };
        let header: Value = serde_json::from_slice(header).unwrap();
        let claims: Value = serde_json::from_slice(claims).unwrap();
        assert_eq!(header["alg"], "RS256");
        let AppGrant::Password { saak, .. } = &app.grant else { panic!("no service account") };
        assert_eq!(claims["ServiceAccount"], saak.as_str());
        for absent in ["iss", "aud", "iat"] {
            assert_eq!(claims.get(absent), None);
        }
        let left = claims["exp"].as_u64().unwrap() - now().as_secs();
        assert!((7000..=7200).contains(&left), "{left}");
        assert_eq!(signature.len(), RS256_BYTES);
    }

    #[test]
    fn an_on_premises_token_tells_nothing() {
        let mut app = App::sample("infor", "DocBits");
        app.server = ServerKind::InforSts;
        let token = access(&app, &[], Duration::from_secs(7200)).unwrap();
        assert_eq!((token.len(), token.contains('.')), (43, false));
    }
}
