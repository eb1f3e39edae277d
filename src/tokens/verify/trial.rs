//! Trying a file that nobody's account stands for yet.

use crate::model::IonApiFacts;
use crate::ports::{RevocationRequest, TokenKind};
use crate::vault::OpenedFile;

use super::super::Inner;
use super::super::apart::{Granted, Rider};
use super::super::exchange::own_grant;
use super::super::flight::FlightError;
use super::super::journal::BeginError;

impl Inner {
    /// Asks Infor for a token with the file's own grant, within Infor's limits.
    pub(super) async fn try_file(
        &self,
        opened: &OpenedFile,
        facts: &IonApiFacts,
    ) -> Result<Granted, FlightError> {
        for _ in 0..CHARGES_MAX {
            let grant = own_grant(&opened.file)?;
            // Nobody knows whether the account exists, so it has the small share of the budgets.
            match self.ask_apart(opened, facts, grant, false, Rider::default()).await {
                Ok(granted) => return Ok(granted),
                Err(BeginError::Conflict) => {}
                Err(BeginError::Flight(error)) => return Err(error),
            }
        }
        Err(FlightError::AskAgain)
    }

    /// Gives a grant back to Infor that nobody will use, as far as that can be done now: the
    /// refresh token, with which the rest of the grant ends.
    pub(super) async fn give_back(&self, opened: &OpenedFile, granted: Granted) {
        let OpenedFile { file, ca_certificates } = opened;
        let Some(token) = granted.answer.refresh_token else { return };
        let Some(endpoint) = file.revocation_endpoint() else { return };
        let Ok(target) = self.hosts.target(endpoint, ca_certificates) else { return };
        let request = RevocationRequest {
            target: &target,
            client_id: file.client_id(),
            client_secret: file.client_secret(),
            token: &token,
            kind: TokenKind::Refresh,
        };
        if let Err(error) = self.endpoint.revoke(&request).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "an unused grant was not given back");
        }
    }
}

/// Others charge the same budget at the same time only as often as they ask Infor.
const CHARGES_MAX: u32 = 8;
