//! Asking Infor apart from any account's flight, and keeping what came of it.
//!
//! A file that is being uploaded has no account yet, and a person's authorization comes from
//! outside: both ask within the same budgets and leave the same servers alone, and their tokens
//! become the account's in a flight of its own.

use std::sync::Arc;

use crate::model::{Credential, IonApiFacts, Version};
use crate::ports::{CommitError, Expectation, GrantRequest, TokenAnswer, Write};
use crate::vault::OpenedFile;

use super::account::Cause;
use super::budget::Attempt;
use super::flight::{self, Flight, FlightError, Outcome, Purpose};
use super::journal::{self, BeginError, Journal};
use super::{Inner, Now, servers};

/// Tokens that Infor granted, and which no account has yet.
pub(super) struct Granted {
    pub(super) asked: Now,
    pub(super) answer: TokenAnswer,
}

/// What is committed together with the charge.
#[derive(Default)]
pub(super) struct Rider {
    pub(super) expects: Vec<Expectation>,
    pub(super) writes: Vec<Write>,
}

impl Inner {
    /// One request within the budgets. The rider is committed first, together with the charge.
    ///
    /// # Errors
    ///
    /// [`BeginError::Conflict`] if an expectation of the rider does not hold; Infor was not asked.
    /// It was not either, though the rider was written, where the store was too slow.
    pub(super) async fn ask_apart(
        &self,
        opened: &OpenedFile,
        facts: &IonApiFacts,
        grant: GrantRequest<'_>,
        proven: bool,
        rider: Rider,
    ) -> Result<Granted, BeginError> {
        let target = self.hosts.check(&opened.file, &opened.ca_certificates);
        let target = target.map_err(FlightError::from)?;
        let server = self.servers.of(&facts.authorization_server);
        let passage = server.enter().await.map_err(FlightError::from)?;
        let attempt = Attempt {
            server: &facts.authorization_server,
            client_id: &facts.client_id,
            infor_tenant: &facts.infor_tenant,
            login: true,
            proven,
            early: false,
        };
        let reservation = self.budgets.reserve(&attempt).await;
        let reservation = reservation.map_err(|error| journal::refused(error, false))?;
        let Rider { mut expects, mut writes } = rider;
        expects.extend(reservation.expects());
        writes.extend(reservation.writes());
        match self.vault.store().commit(expects, writes).await {
            Ok(revision) => reservation.committed(revision).map_err(FlightError::from)?,
            Err(CommitError::Conflict) => return Err(BeginError::Conflict),
            Err(CommitError::Store(error)) => return Err(FlightError::from(error).into()),
        }
        let asked = self.now();
        let answer = self.ask(&target, &opened.file, grant).await;
        passage.report(servers::health_of(answer.as_ref().err()));
        match answer {
            Ok(answer) => Ok(Granted { asked, answer }),
            Err(error) => Err(Cause::from(&error).error(facts.grant, None).into()),
        }
    }

    /// Keeps tokens as those of the version's account.
    pub(super) async fn adopt(
        self: &Arc<Self>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        granted: Granted,
    ) -> Outcome {
        let flight = self.flight(credential, version, Purpose::Need)?;
        let Granted { asked, answer } = granted;
        self.alone(flight, move |inner, flight| async move {
            let opened = inner.vault.open_file(&flight.credential, &flight.version).await?;
            Journal::open(&inner, &flight).await?.adopted(&asked, answer, &opened).await
        })
        .await
    }

    /// Asks Infor with the file's own grant, whatever went wrong before, and keeps the tokens.
    pub(super) async fn test(
        self: &Arc<Self>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
    ) -> Outcome {
        let flight = self.flight(credential, version, Purpose::Test)?;
        self.alone(flight, |inner, flight| async move { inner.exchange(&flight).await }).await
    }

    /// Has `work` done as the account's flight, after the one that is under way.
    async fn alone<F, W>(self: &Arc<Self>, flight: Flight, work: W) -> Outcome
    where
        F: Future<Output = Result<Arc<super::AccessToken>, FlightError>> + Send + 'static,
        W: FnOnce(Arc<Self>, Flight) -> F,
    {
        let mut work = Some(work);
        for _ in 0..FLIGHTS_BEFORE_MAX {
            let mut begun = false;
            let joined = flight.slot.join(
                || None,
                |sender| {
                    if let Some(work) = work.take() {
                        begun = true;
                        let work = work(Arc::clone(self), flight.clone());
                        let (inner, flight) = (Arc::clone(self), flight.clone());
                        self.flights.spawn(async move { inner.fly(&flight, work, sender).await });
                    }
                },
            );
            let outcome = flight::outcome(joined).await;
            if begun {
                return outcome;
            }
        }
        Err(Arc::new(FlightError::AskAgain))
    }

    fn flight(
        &self,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        purpose: Purpose,
    ) -> Result<Flight, Arc<FlightError>> {
        let slot = self.accounts.slot(&version.account);
        let slot = slot.map_err(|_full| Arc::new(FlightError::TooManyAccounts))?;
        let (credential, version) = (Arc::clone(credential), Arc::clone(version));
        Ok(Flight { slot, credential, version, purpose })
    }
}

impl From<FlightError> for BeginError {
    fn from(error: FlightError) -> Self {
        Self::Flight(error)
    }
}

/// Somebody else's flights come one after the other only while they fail at once; nobody waits for
/// that for ever.
const FLIGHTS_BEFORE_MAX: u32 = 8;
