//! The authorization endpoint (RFC 6749, section 4.1.1), with nobody to log in: a request that is
//! right is answered at once by a redirect with a code, as if a person had agreed.
//!
//! As the standard wants it, a browser is sent back only to the exact redirect URI of a known app.
//! PKCE is required, with S256 (RFC 7636). Whether Infor requires it is not known; a client that
//! uses it is right at either kind of server.

use url::Url;

use super::World;
use super::answer::{self, Answer};
use super::app::AppGrant;
use super::endpoints::Place;
use super::form::Form;
use super::requests::RequestKind;

pub(super) fn answer(world: &World, place: &Place, query: &str) -> Answer {
    let form = match Form::parse(query.as_bytes()) {
        Ok(form) => form,
        Err(refusal) => return answer::not_redirected(refusal.description),
    };
    let app = form.get("client_id").and_then(|client_id| place.app(world, client_id));
    world.counters.count(RequestKind::Authorization, app.as_ref().map(|app| &*app.client_id));
    let Some(app) = app.filter(|app| app.enabled) else {
        return answer::not_redirected("client_id names no app of this server.");
    };
    let AppGrant::AuthorizationCode { redirect_uri } = &app.grant else {
        return answer::not_redirected("The app's type has no redirect URI.");
    };
    if form.get("redirect_uri") != Some(redirect_uri) {
        return answer::not_redirected("redirect_uri is missing, or not exactly the app's.");
    }
    let Ok(mut to) = Url::parse(redirect_uri) else {
        return answer::not_redirected("The app's redirect URI is no URL.");
    };
    {
        let mut parameters = to.query_pairs_mut();
        match world.grants.authorize(&app, redirect_uri, &form) {
            Ok(code) => parameters.append_pair("code", &code),
            Err(refusal) => parameters
                .append_pair("error", refusal.code)
                .append_pair("error_description", refusal.description),
        };
        if let Some(state) = form.get("state") {
            parameters.append_pair("state", state);
        }
    }
    answer::redirect(&to)
}
