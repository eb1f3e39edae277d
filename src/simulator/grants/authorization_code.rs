//! The authorization code grant with PKCE (RFC 6749, section 4.1; RFC 7636).

use std::sync::PoisonError;

use serde_json::Value;

use super::codes::{Code, Unusable};
use super::{Grants, assigned_scopes, new_token};
use crate::simulator::answer::Refusal;
use crate::simulator::app::App;
use crate::simulator::form::Form;

impl Grants {
    /// Gives a code for a request whose client and redirect URI are right.
    pub(in crate::simulator) fn authorize(
        &self,
        app: &App,
        redirect_uri: &str,
        form: &Form,
    ) -> Result<String, Refusal> {
        if form.get("response_type") != Some("code") {
            return Err(Refusal::new("unsupported_response_type", "response_type is not code"));
        }
        let challenge = match (form.get("code_challenge_method"), form.get("code_challenge")) {
            (Some("S256"), Some(challenge)) if challenge.len() == CHALLENGE_CHARACTERS => challenge,
            (Some("S256"), _) => {
                return Err(Refusal::invalid_request("code_challenge is missing, or no SHA-256"));
            }
            // Without a method it is `plain` (RFC 7636, section 4.3).
            (_, _) => return Err(Refusal::invalid_request("code_challenge_method is not S256")),
        };
        let scopes = assigned_scopes(app, form)?;
        let name = new_token()?;
        let code = Code {
            client_id: app.client_id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.to_owned(),
            scopes,
        };
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).give(name.clone(), code);
        Ok(name)
    }

    /// The answer to a token request with a code.
    pub(super) fn code(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let parameters = (form.get("code"), form.get("redirect_uri"), form.get("code_verifier"));
        let (Some(name), Some(redirect_uri), Some(verifier)) = parameters else {
            return Err(Refusal::invalid_request("code, redirect_uri or code_verifier is missing"));
        };
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = match codes.check(name, &app.client_id, redirect_uri, verifier) {
            Ok(code) => code.scopes.clone(),
            Err(Unusable::Wrong(why)) => return Err(Refusal::new("invalid_grant", why)),
            Err(Unusable::UsedBefore(refresh_token)) => {
                // RFC 6749, section 4.1.2: what came of a stolen code dies with it.
                if let Some(token) = refresh_token {
                    let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                    ledger.revoke_reused(&token);
                }
                return Err(Refusal::new("invalid_grant", "the code was used before"));
            }
        };
        let refresh_token = self.open(app, &scopes)?;
        codes.used(name, refresh_token.clone());
        drop(codes);
        self.answer(app, &scopes, refresh_token)
    }
}

/// A SHA-256 in base64url (RFC 7636, section 4.2).
const CHALLENGE_CHARACTERS: usize = 43;
