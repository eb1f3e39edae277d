//! `grpc.health.v1`: whether callers should come here.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

/// Tells all services' health at once; it is the same for each, and for `""`.
#[derive(Clone)]
pub struct Health(HealthReporter);

/// The services that can be asked about (`grpc.health.v1.HealthCheckRequest.service`).
const SERVICES: [&str; 5] = [
    "",
    "ionvault.v1.AuditService",
    "ionvault.v1.AuthorizationService",
    "ionvault.v1.CredentialService",
    "ionvault.v1.TokenService",
];

impl Health {
    /// The health of services that do not serve yet, and the service that tells it.
    pub async fn new() -> (Self, HealthServer<impl HealthService>) {
        let (reporter, service) = health_reporter();
        let health = Self(reporter);
        health.set(ServingStatus::NotServing).await;
        (health, service)
    }

    /// Callers are welcome.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// Callers should go elsewhere.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    async fn set(&self, status: ServingStatus) {
        for service in SERVICES {
            self.0.set_service_status(service, status).await;
        }
    }
}
