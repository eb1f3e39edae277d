//! Parse, ask, answer: protobuf into domain values, domain errors into a `Status`.

mod audit;
mod authorizations;
mod call;
mod credentials;
mod descriptions;
mod entrance;
mod entry;
mod fields;
mod guard;
mod health;
mod messages;
mod own_errors;
mod pace;
mod rpc;
mod status;
mod tokens;
mod trace_context;

use std::sync::Arc;

use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};

pub use entrance::Entrance;
pub use health::Health;
pub use own_errors::{connection_ends, overloaded};

use crate::access::Current;
use crate::audit::AuditLog;
use crate::pb::FILE_DESCRIPTOR_SET;
use crate::pb::v1::audit_service_server::AuditServiceServer;
use crate::pb::v1::authorization_service_server::AuthorizationServiceServer;
use crate::pb::v1::credential_service_server::CredentialServiceServer;
use crate::pb::v1::token_service_server::TokenServiceServer;
use crate::quotas::Quotas;
use crate::tokens::{Authorizations, TokenIssuer};
use crate::vault::Vault;

use descriptions::Descriptions;
use guard::Guard;

/// What the services work with.
#[derive(Clone)]
pub struct Services {
    /// The credentials.
    pub vault: Vault,
    /// The tokens.
    pub issuer: TokenIssuer,
    /// The people who authorize apps.
    pub authorizations: Authorizations,
    /// The record of all calls.
    pub audit: AuditLog,
    /// The policy in force.
    pub access: Arc<Current>,
    /// How often anybody may call.
    pub quotas: Arc<Quotas>,
}

/// An answer that is an error. Only `status.rs` makes one of a domain's error.
struct Refusal(Status);

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

/// Answers what a handler came to.
fn answer<T>(result: Result<T, Refusal>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|Refusal(status)| status)
}

/// An upload is a file of 64 KiB and certificates of 32 KiB at most.
const CREDENTIAL_REQUEST_BYTES_MAX: usize = 128 * 1024;

/// An authorization request is a name and an address of 8 KiB.
const AUTHORIZATION_REQUEST_BYTES_MAX: usize = 64 * 1024;

/// A token request is a name and a number.
const TOKEN_REQUEST_BYTES_MAX: usize = 64 * 1024;

/// A question to the audit log is some names.
const AUDIT_REQUEST_BYTES_MAX: usize = 64 * 1024;

impl Services {
    /// All services, behind one listener; with reflection or without. Their calls have to pass an
    /// [`Entrance`].
    pub fn routes<H: HealthService>(self, health: HealthServer<H>, reflection: bool) -> Routes {
        let Self { vault, issuer, authorizations, audit, access, quotas } = self;
        let guard = Guard { access, quotas, vault: vault.clone() };
        let descriptions = Descriptions { issuer: issuer.clone() };
        let audit = audit::Audit { guard: guard.clone(), log: audit, vault: vault.clone() };
        let credentials = credentials::Credentials {
            guard: guard.clone(),
            vault,
            issuer: issuer.clone(),
            descriptions: descriptions.clone(),
        };
        let authorizations = authorizations::Authorizations {
            guard: guard.clone(),
            people: authorizations,
            descriptions,
        };
        let tokens = tokens::Tokens { guard, issuer };
        let routes = Routes::new(
            CredentialServiceServer::new(credentials)
                .max_decoding_message_size(CREDENTIAL_REQUEST_BYTES_MAX),
        )
        .add_service(
            TokenServiceServer::new(tokens).max_decoding_message_size(TOKEN_REQUEST_BYTES_MAX),
        )
        .add_service(
            AuthorizationServiceServer::new(authorizations)
                .max_decoding_message_size(AUTHORIZATION_REQUEST_BYTES_MAX),
        )
        .add_service(
            AuditServiceServer::new(audit).max_decoding_message_size(AUDIT_REQUEST_BYTES_MAX),
        )
        .add_service(health);
        let routes = if reflection { with_reflection(routes) } else { routes };
        routes.prepare()
    }
}

/// Reflection in both versions: grpcurl of today speaks `v1`, and of yesterday `v1alpha` only.
/// The error details and the health service are described too, or clients could not decode them.
fn with_reflection(routes: Routes) -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    // Descriptors that the build made fail to load only if the build is broken; then there is
    // no reflection, and a test notices.
    let routes = match builder().build_v1() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    };
    match builder().build_v1alpha() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    }
}

/// Takes the request apart.
fn into_parts<T>(request: Request<T>) -> (tonic::Extensions, T) {
    let (_, extensions, message) = request.into_parts();
    (extensions, message)
}
