//! How many requests came, and of which kind.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestKind {
    /// A token, by `grant_type=password`: a log-in of a service account.
    Password,
    /// A token, by `grant_type=client_credentials`.
    ClientCredentials,
    /// A token, by `grant_type=refresh_token`.
    RefreshToken,
    /// A token, by `grant_type=authorization_code`.
    AuthorizationCode,
    /// A token, by another grant type or none.
    OtherGrant,
    /// That a token be revoked.
    Revocation,
    /// An authorization code, by a browser.
    Authorization,
}

impl RequestKind {
    pub(super) fn of_grant(grant_type: Option<&str>) -> Self {
        match grant_type {
            Some("password") => Self::Password,
            Some("client_credentials") => Self::ClientCredentials,
            Some("refresh_token") => Self::RefreshToken,
            Some("authorization_code") => Self::AuthorizationCode,
            _ => Self::OtherGrant,
        }
    }

    /// Whether it goes to the token endpoint.
    pub(super) const fn asks_for_a_token(self) -> bool {
        match self {
            Self::Password
            | Self::ClientCredentials
            | Self::RefreshToken
            | Self::AuthorizationCode
            | Self::OtherGrant => true,
            Self::Revocation | Self::Authorization => false,
        }
    }
}

/// Requests since the start, by what they asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Requests {
    /// `grant_type=password`: log-ins of service accounts, which Infor limits per day.
    pub password: u64,
    /// `grant_type=client_credentials`.
    pub client_credentials: u64,
    /// `grant_type=refresh_token`.
    pub refresh_token: u64,
    /// `grant_type=authorization_code`.
    pub authorization_code: u64,
    /// Token requests with another grant type, or none.
    pub other_grants: u64,
    /// Requests to the revocation endpoint.
    pub revocations: u64,
    /// Requests to the authorization endpoint.
    pub authorizations: u64,
}

impl Requests {
    /// All token requests.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.password
            + self.client_credentials
            + self.refresh_token
            + self.authorization_code
            + self.other_grants
    }

    fn count(&mut self, kind: RequestKind) {
        *match kind {
            RequestKind::Password => &mut self.password,
            RequestKind::ClientCredentials => &mut self.client_credentials,
            RequestKind::RefreshToken => &mut self.refresh_token,
            RequestKind::AuthorizationCode => &mut self.authorization_code,
            RequestKind::OtherGrant => &mut self.other_grants,
            RequestKind::Revocation => &mut self.revocations,
            RequestKind::Authorization => &mut self.authorizations,
        } += 1;
    }
}

/// Counts, of all and by app. Bounded, since only apps that were registered are counted.
#[derive(Default)]
pub(super) struct Counters(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: Requests,
    of: HashMap<String, Requests>,
}

impl Counters {
    /// Counts a request; also to `app`, the client id of an app that is registered.
    pub(super) fn count(&self, kind: RequestKind, app: Option<&str>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all.count(kind);
        if let Some(app) = app {
            match counts.of.get_mut(app) {
                Some(of) => of.count(kind),
                None => counts.of.entry(app.to_owned()).or_default().count(kind),
            }
        }
    }

    pub(super) fn all(&self) -> Requests {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    pub(super) fn of(&self, app: &str) -> Requests {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.of.get(app).copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, app: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).of.remove(app);
    }
}
