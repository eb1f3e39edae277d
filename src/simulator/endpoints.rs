//! From a request to an answer: path, method, form, client, then the grant.

use std::sync::{Arc, PoisonError};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::World;
use super::answer::{self, Answer, Refusal};
use super::app::{App, ServerKind};
use super::authorization;
use super::client::Claimed;
use super::faults::{self, Reset};
use super::form;
use super::requests::RequestKind;

/// Answers a request, unless its connection is to be reset.
pub(super) async fn answer(world: &World, request: Request<Incoming>) -> Result<Answer, Reset> {
    let Some(place) = Place::find(world, request.uri().path()) else {
        return Ok(answer::not_found());
    };
    let allowed = match place.endpoint {
        Endpoint::Authorization => Method::GET,
        Endpoint::Token | Endpoint::Revocation => Method::POST,
    };
    if *request.method() != allowed {
        return Ok(answer::only(&allowed));
    }
    if place.endpoint == Endpoint::Authorization {
        let query = request.uri().query().unwrap_or_default();
        return Ok(authorization::answer(world, &place, query));
    }
    let (headers, form) = match form::read(request).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal.answer()),
    };
    let kind = match place.endpoint {
        Endpoint::Revocation => RequestKind::Revocation,
        Endpoint::Token | Endpoint::Authorization => RequestKind::of_grant(form.get("grant_type")),
    };
    let claimed = Claimed::read(&headers, &form);
    let app = claimed.as_ref().ok().and_then(|claimed| place.app(world, &claimed.id));
    let client_id = app.as_ref().map(|app| app.client_id.as_str());
    world.counters.count(kind, client_id);
    if kind.asks_for_a_token() && !world.gate.pass().await {
        return Ok(NOT_RELEASED.answer());
    }
    let due = world.faults.due(client_id, kind);
    faults::around(&world.faults, due, || {
        // Looked up again: an app may be changed while its requests wait.
        let app = claimed.and_then(|claimed| authenticate(world, &place, &claimed))?;
        if kind.asks_for_a_token() {
            return world.grants.grant(&app, &form).map(Some);
        }
        let token = form.get("token").ok_or(Refusal::invalid_request("token is missing"))?;
        world.grants.revoke(&app, token).map(|()| None)
    })
    .await
}

/// Which endpoint, of which server.
pub(super) struct Place {
    endpoint: Endpoint,
    server: ServerKind,
    /// In the cloud.
    tenant: Option<String>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Endpoint {
    Authorization,
    Token,
    Revocation,
}

impl Place {
    /// `None` is a path that does not exist, such as one of a tenant without any app.
    fn find(world: &World, path: &str) -> Option<Self> {
        let (server, tenant, rest) = match path.strip_prefix("/InforIntSTS/connect/") {
            Some(rest) => (ServerKind::InforSts, None, rest),
            None => {
                let (tenant, rest) = path.strip_prefix('/')?.split_once("/as/")?;
                (ServerKind::PingFederate, Some(tenant.to_owned()), rest)
            }
        };
        let endpoint = match (server, rest) {
            (ServerKind::PingFederate, "authorization.oauth2")
            | (ServerKind::InforSts, "authorize") => Endpoint::Authorization,
            (ServerKind::PingFederate, "token.oauth2") | (ServerKind::InforSts, "token") => {
                Endpoint::Token
            }
            (ServerKind::PingFederate, "revoke_token.oauth2")
            | (ServerKind::InforSts, "revocation") => Endpoint::Revocation,
            _ => return None,
        };
        let place = Self { endpoint, server, tenant };
        let apps = world.apps.read().unwrap_or_else(PoisonError::into_inner);
        let known = place.tenant.is_none() || apps.values().any(|app| place.serves(app));
        known.then_some(place)
    }

    fn serves(&self, app: &App) -> bool {
        app.server == self.server && self.tenant.as_ref().is_none_or(|tenant| *tenant == app.tenant)
    }

    /// The app of this place with this client id.
    pub(super) fn app(&self, world: &World, client_id: &str) -> Option<Arc<App>> {
        let apps = world.apps.read().unwrap_or_else(PoisonError::into_inner);
        apps.get(client_id).filter(|app| self.serves(app)).map(Arc::clone)
    }
}

fn authenticate(world: &World, place: &Place, claimed: &Claimed) -> Result<Arc<App>, Refusal> {
    place
        .app(world, &claimed.id)
        .filter(|app| app.enabled && app.client_secret == claimed.secret)
        .ok_or_else(|| claimed.unknown())
}

const NOT_RELEASED: Refusal = Refusal {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "temporarily_unavailable",
    description: "the simulator was told to hold answers, and not to release them",
};
