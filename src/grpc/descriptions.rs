//! What is told of a credential: what the vault knows, and how it stands with Infor.

use crate::model::{Credential, Health};
use crate::pb::v1;
use crate::tokens::{HealthReport, TokenIssuer};

use super::messages;

/// Describes credentials.
#[derive(Clone)]
pub(super) struct Descriptions {
    pub(super) issuer: TokenIssuer,
}

impl Descriptions {
    /// All that is told about a credential.
    pub(super) async fn whole(&self, credential: &Credential) -> v1::Credential {
        let usage = match credential.active() {
            Some(version) => self.issuer.budget_usage(version).await,
            None => None,
        };
        messages::credential(credential, self.report(credential), usage)
    }

    /// The same, without what the store may have to be asked for.
    pub(super) fn short(&self, credential: &Credential) -> v1::Credential {
        messages::credential(credential, self.report(credential), None)
    }

    /// How it stands with Infor, in one word.
    pub(super) fn health(&self, credential: &Credential) -> Health {
        let version = credential.active();
        version.map_or(Health::Unverified, |version| self.issuer.health(version))
    }

    fn report(&self, credential: &Credential) -> Option<HealthReport> {
        credential.active().map(|version| self.issuer.health_report(version))
    }
}
