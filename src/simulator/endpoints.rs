//! From a request to an answer: path, method, form, client, then the grant.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use url::form_urlencoded;

use super::World;
use super::answer::{self, Answer, Refusal};
use super::app::{App, ServerKind};
use super::client::Claimed;

/// The parameters of a form. Empty ones are left out, as if absent (RFC 6749, section 3.2).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

pub(super) async fn answer(world: &World, request: Request<Incoming>) -> Answer {
    let Some(place) = Place::find(world, request.uri().path()) else {
        return answer::not_found();
    };
    if request.method() != Method::POST {
        return answer::post_only();
    }
    let outcome = match place.endpoint {
        Endpoint::Token => token(world, &place, request).await,
        Endpoint::Revocation => revoke(world, &place, request).await,
    };
    outcome.unwrap_or_else(|refusal| refusal.answer())
}

async fn token(
    world: &World,
    place: &Place,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (headers, form) = read(request).await?;
    world.counters.count_grant(form.get("grant_type"));
    if !world.gate.pass().await {
        return Err(Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "temporarily_unavailable",
            description: "the simulator was told to hold answers, and not to release them",
        });
    }
    let app = authenticate(world, place, &headers, &form)?;
    let granted = world.grants.grant(&app, &form)?;
    Ok(answer::json(StatusCode::OK, &granted))
}

async fn revoke(
    world: &World,
    place: &Place,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (headers, form) = read(request).await?;
    world.counters.count_revocation();
    let app = authenticate(world, place, &headers, &form)?;
    let token = form.get("token").ok_or(Refusal::invalid_request("token is missing"))?;
    world.grants.revoke(&app, token)?;
    Ok(answer::empty())
}

/// Which endpoint, of which server.
struct Place {
    endpoint: Endpoint,
    server: ServerKind,
    /// In the cloud.
    tenant: Option<String>,
}

enum Endpoint {
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
}

fn authenticate(
    world: &World,
    place: &Place,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Arc<App>, Refusal> {
    let claimed = Claimed::read(headers, form)?;
    let apps = world.apps.read().unwrap_or_else(PoisonError::into_inner);
    apps.get(&claimed.id)
        .filter(|app| place.serves(app) && app.client_secret == claimed.secret)
        .map(Arc::clone)
        .ok_or_else(|| claimed.unknown())
}

async fn read(request: Request<Incoming>) -> Result<(HeaderMap, Form), Refusal> {
    if request.uri().query().is_some() {
        return Err(Refusal::invalid_request("parameters belong into the body, not into the URL"));
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::invalid_request(
            "the content type is not application/x-www-form-urlencoded",
        ));
    }
    let (head, body) = request.into_parts();
    match timeout(BODY_TIME_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok((head.headers, form(&body.to_bytes())?)),
        Ok(Err(_)) => Err(Refusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Refusal::invalid_request("the body is longer than 64 KiB, or broke off")
        }),
        Err(_elapsed) => Err(Refusal {
            status: StatusCode::REQUEST_TIMEOUT,
            ..Refusal::invalid_request("the body did not come in time")
        }),
    }
}

fn form(body: &[u8]) -> Result<Form, Refusal> {
    if body.contains(&b'#') {
        return Err(Refusal::invalid_request("`#` must be written as %23 in a form"));
    }
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
        if form.len() >= PARAMETERS_MAX {
            return Err(Refusal::invalid_request("there are too many parameters"));
        }
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Refusal::invalid_request("a parameter is there twice"));
        }
    }
    Ok(Form(form))
}

const BODY_BYTES_MAX: usize = 64 * 1024;

const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// A token request has seven at most.
const PARAMETERS_MAX: usize = 32;
