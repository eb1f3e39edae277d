//! The addresses of a file's authorization server.

use url::Url;

use super::super::address;
use super::super::hosts::InforCloud;
use super::super::key::Key;
use super::super::text;
use super::super::violation::Problem;
use super::keys::Keys;

/// Where an app logs in. All but the redirect URI are normalised, at the host of `pu`.
pub(super) struct Endpoints {
    /// `pu`.
    pub(super) server: Url,
    /// `{pu}{ot}`.
    pub(super) token: Url,
    /// `{pu}{oa}`.
    pub(super) authorization: Option<Url>,
    /// `{pu}{or}`.
    pub(super) revocation: Option<Url>,
    /// `ru`, to the letter: a server compares it as a text (RFC 6749, section 3.1.2.3).
    pub(super) redirect_uri: Option<String>,
}

impl Endpoints {
    /// Reads them; `None` only if a violation was noted. An app without a service account and with
    /// a redirect URI is authorized by a person, who needs a place to do so.
    pub(super) fn read(keys: &mut Keys<'_, '_>, has_account: bool) -> Option<Self> {
        let server = keys.required(Key::Pu, address::base);
        let authorization = keys.optional(Key::Oa, address::path);
        let token = keys.required(Key::Ot, address::path);
        let revocation = keys.optional(Key::Or, address::path);
        let redirect_uri = keys.optional(Key::Ru, text::address).map(str::to_owned);
        if !has_account && redirect_uri.is_some() && authorization.is_none() {
            keys.violations.add(Key::Oa, Problem::MissingForRedirect);
        }
        let server = server?;
        let mut joined = |key, path: Option<String>| {
            path.and_then(|path| keys.checked(key, address::join(&server, &path)))
        };
        let authorization = joined(Key::Oa, authorization);
        let revocation = joined(Key::Or, revocation);
        let token = joined(Key::Ot, token)?;
        Some(Self { server, token, authorization, revocation, redirect_uri })
    }

    /// Whether this is Infor STS, on-premises: it has the paths of IdentityServer, and gives a
    /// refresh token only to those who ask for `offline_access`. The cloud's PingFederate gives
    /// it as the app's settings say.
    pub(super) fn are_of_infor_sts(&self) -> bool {
        InforCloud::of(&self.server).is_none() && self.token.path().ends_with(INFOR_STS_TOKEN_PATH)
    }
}

/// Infor STS's token endpoint, under any base.
const INFOR_STS_TOKEN_PATH: &str = "/connect/token";

#[cfg(test)]
mod tests {
    use crate::ion::IonApiFile;

    fn file(rest: &str) -> IonApiFile {
        let text = format!("{{\"ci\":\"x\",\"cs\":\"invented\",{rest}}}");
        IonApiFile::parse(text.as_bytes()).unwrap_or_else(|invalid| panic!("{invalid}"))
    }

    #[test]
    fn each_path_is_joined_to_the_server_and_the_redirect_uri_stays_as_it_is() {
        let file = file(
            r#""pu":"https://STS.example:443/InforIntSTS","oa":"/connect/authorize",
               "ot":"connect/token","or":"connect/revocation","ru":"HTTPS://App.example:443/cb?a=b""#,
        );
        let text = |url: Option<&url::Url>| url.map(ToString::to_string);
        assert_eq!(
            text(file.authorization_endpoint()).as_deref(),
            Some("https://sts.example/InforIntSTS/connect/authorize")
        );
        assert_eq!(
            text(file.revocation_endpoint()).as_deref(),
            Some("https://sts.example/InforIntSTS/connect/revocation")
        );
        assert_eq!(file.redirect_uri(), Some("HTTPS://App.example:443/cb?a=b"));
    }

    #[test]
    fn a_file_without_these_keys_has_none_of_them() {
        let file = file(r#""pu":"https://sts.example/","ot":"connect/token""#);
        assert!(file.authorization_endpoint().is_none() && file.revocation_endpoint().is_none());
        assert_eq!(file.redirect_uri(), None);
    }

    #[test]
    fn only_infor_sts_is_asked_for_offline_access_and_only_where_a_refresh_token_can_come() {
        const STS: &str = r#""pu":"https://sts.example/InforIntSTS/","ot":"connect/token""#;
        const ACCOUNT: &str = r#""saak":"infor#u","sask":"p""#;
        const CLOUD: &str =
            r#""pu":"https://mingle-sso.eu1.inforcloudsuite.com/ACME_TST/as/","ot""#;
        for (rest, scope) in [
            (format!("{STS},{ACCOUNT}"), Some("offline_access")),
            (format!(r#"{STS},{ACCOUNT},"sc":["M3"]"#), Some("M3 offline_access")),
            (format!(r#"{STS},{ACCOUNT},"sc":"offline_access M3""#), Some("offline_access M3")),
            (format!(r#"{STS},"oa":"a","ru":"https://app.example/""#), Some("offline_access")),
            (STS.to_owned(), None),
            (format!(r#"{STS},"sc":["M3"]"#), Some("M3")),
            (format!(r#"{CLOUD}:"token.oauth2",{ACCOUNT}"#), None),
            (format!(r#"{CLOUD}:"connect/token",{ACCOUNT}"#), None),
            (format!(r#""pu":"https://as.example/","ot":"token.oauth2",{ACCOUNT}"#), None),
        ] {
            assert_eq!(file(&rest).request_scope().as_deref(), scope, "{rest}");
        }
    }
}
