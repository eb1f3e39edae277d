//! How many requests came.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests since the start, by what they asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Requests {
    /// `grant_type=password`: log-ins of service accounts, which Infor limits per day.
    pub password: u64,
    /// `grant_type=client_credentials`.
    pub client_credentials: u64,
    /// `grant_type=refresh_token`.
    pub refresh_token: u64,
    /// Token requests with another grant type, or none.
    pub other_grants: u64,
    /// Requests to the revocation endpoint.
    pub revocations: u64,
}

impl Requests {
    /// All token requests.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.password + self.client_credentials + self.refresh_token + self.other_grants
    }
}

#[derive(Default)]
pub(super) struct Counters {
    password: AtomicU64,
    client_credentials: AtomicU64,
    refresh_token: AtomicU64,
    other_grants: AtomicU64,
    revocations: AtomicU64,
}

impl Counters {
    pub(super) fn count_grant(&self, grant_type: Option<&str>) {
        let counter = match grant_type {
            Some("password") => &self.password,
            Some("client_credentials") => &self.client_credentials,
            Some("refresh_token") => &self.refresh_token,
            _ => &self.other_grants,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_revocation(&self) {
        self.revocations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Requests {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Requests {
            password: read(&self.password),
            client_credentials: read(&self.client_credentials),
            refresh_token: read(&self.refresh_token),
            other_grants: read(&self.other_grants),
            revocations: read(&self.revocations),
        }
    }
}
