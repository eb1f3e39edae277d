//! The authorization endpoint of the fake Infor, and the person who logs in there.

use std::collections::HashMap;
use std::sync::Mutex;

use data_encoding::BASE64URL_NOPAD;
use ionvault::ports::{GrantRequest, TokenRequest};
use sha2::{Digest, Sha256};
use url::Url;

/// Codes that were given out and not redeemed, with what they are bound to.
#[derive(Default)]
pub(crate) struct Codes(Mutex<HashMap<Vec<u8>, Bound>>);

struct Bound {
    client_id: String,
    redirect_uri: String,
    challenge: String,
}

impl Codes {
    /// A person opens the address, logs in and agrees; the address that the browser ends at.
    pub(crate) fn visit(&self, authorization_uri: &str) -> String {
        let uri = Url::parse(authorization_uri).unwrap();
        let asked: HashMap<String, String> = uri.query_pairs().into_owned().collect();
        assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"));
        let mut codes = self.0.lock().unwrap();
        let code = format!("invented-code-{}", codes.len() + 1);
        let bound = Bound {
            client_id: asked["client_id"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            challenge: asked["code_challenge"].clone(),
        };
        codes.insert(code.clone().into_bytes(), bound);
        let mut redirect = Url::parse(&asked["redirect_uri"]).unwrap();
        redirect.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
        redirect.into()
    }

    /// Whether the request redeems a code as RFC 6749 and RFC 7636 want it. A code is good for one
    /// try.
    pub(crate) fn redeem(&self, request: &TokenRequest<'_>) -> bool {
        let GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } = &request.grant
        else {
            return true;
        };
        let bound = self.0.lock().unwrap().remove(code.expose());
        bound.is_some_and(|bound| {
            let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(code_verifier.expose()));
            // The code stands for its scopes (RFC 6749, section 4.1.3).
            request.scope.is_none()
                && bound.client_id == request.client_id
                && bound.redirect_uri == *redirect_uri
                && bound.challenge == challenge
        })
    }
}

/// The file of a Web app (variant D) of one tenant, in Infor's cloud.
pub(crate) fn web_app(infor_tenant: &str, app: &str) -> Vec<u8> {
    format!(
        r##"{{"ti":"{infor_tenant}","cn":"{app}","dt":"10","ci":"{infor_tenant}~{app}","cs":"invented-client-secret",
"iu":"https://mingle-ionapi.eu1.inforcloudsuite.com","pu":"https://mingle-sso.eu1.inforcloudsuite.com:443/{infor_tenant}/as/",
"oa":"authorization.oauth2","ot":"token.oauth2","or":"revoke_token.oauth2","ev":"U1470000000","v":"1.0",
"sc":["Infor-ION"],"ru":"https://docbits.example/callback?from=infor"}}"##
    )
    .into_bytes()
}
