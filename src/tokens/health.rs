//! How a credential stands with Infor, for people.

use std::time::SystemTime;

use crate::model::{Grant, Health, Version};

use super::diagnosis::Verdict;
use super::explanation::Explanation;
use super::flight::FlightError;
use super::standing::Standing;
use super::{BudgetUsage, TokenIssuer};

/// How the account behind a version stands. Holds no secret.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// In one word.
    pub health: Health,
    /// What is behind it, and what to do about it; `None` if all is well.
    pub explanation: Option<Explanation>,
    /// When Infor last granted a token.
    pub last_token_time: Option<SystemTime>,
    /// When the kept token expires, if it lives.
    pub token_expire_time: Option<SystemTime>,
}

impl TokenIssuer {
    /// How the account behind a version stands with Infor, in one word. Asks nobody.
    #[must_use]
    pub fn health(&self, version: &Version) -> Health {
        health(&self.standing(version), self.kept(version).is_some(), version.facts.grant)
    }

    /// The same, and what is behind it.
    #[must_use]
    pub fn health_report(&self, version: &Version) -> HealthReport {
        let (standing, kept) = (self.standing(version), self.kept(version));
        let grant = version.facts.grant;
        let health = health(&standing, kept.is_some(), grant);
        let required = FlightError::AuthorizationRequired;
        let error = match (&standing.failing, health) {
            (Some(failing), _) => Some(&*failing.error),
            (None, Health::AuthorizationRequired) => Some(&required),
            (None, _) => None,
        };
        HealthReport {
            health,
            explanation: error.and_then(|error| Explanation::of(error, grant)),
            last_token_time: standing.last_success,
            token_expire_time: kept.map(|token| token.expire_time),
        }
    }

    /// What was used of Infor's limits for this client and this Infor tenant, by the whole vault;
    /// `None` where that cannot be read now.
    pub async fn budget_usage(&self, version: &Version) -> Option<BudgetUsage> {
        let facts = &version.facts;
        let (server, client_id) = (&facts.authorization_server, &facts.client_id);
        match self.0.budgets.usage(server, client_id, &facts.infor_tenant).await {
            Ok(usage) => Some(usage),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what was used of a token budget cannot be shown");
                None
            }
        }
    }
}

fn health(standing: &Standing, has_token: bool, grant: Grant) -> Health {
    let authorized = grant != Grant::AuthorizationCode || standing.has_refresh_token || has_token;
    let last_word = standing.failing.as_ref().map(|failing| Verdict::of(&failing.error));
    match last_word {
        Some(Some(Verdict::Refused)) => Health::Refused,
        Some(Some(Verdict::AuthorizationRequired)) => Health::AuthorizationRequired,
        _ if !authorized => Health::AuthorizationRequired,
        Some(_) => Health::Degraded,
        None if standing.last_success.is_some() => Health::Healthy,
        None => Health::Unverified,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::super::standing::Failing;
    use super::*;
    use crate::ports::OauthError;

    #[test]
    fn the_last_word_of_infor_is_the_health() {
        let failing = |error| {
            let (now, until) = (SystemTime::UNIX_EPOCH, Instant::now());
            Some(Failing { error: Arc::new(error), definite: false, count: 1, since: now, until })
        };
        let refused = || FlightError::Refused { error: OauthError::InvalidGrant, advice: "" };
        let succeeded = Some(SystemTime::UNIX_EPOCH);
        let (password, web) = (Grant::Password, Grant::AuthorizationCode);
        for (last_success, fails, refresh, token, grant, expected) in [
            (None, None, false, false, password, Health::Unverified),
            (succeeded, None, false, false, password, Health::Healthy),
            (succeeded, failing(FlightError::NoEndpoint), true, true, password, Health::Degraded),
            (None, failing(FlightError::NoEndpoint), false, false, password, Health::Degraded),
            (succeeded, failing(refused()), true, true, password, Health::Refused),
            (None, None, false, false, web, Health::AuthorizationRequired),
            (succeeded, None, false, false, web, Health::AuthorizationRequired),
            (succeeded, None, true, false, web, Health::Healthy),
            (succeeded, None, false, true, web, Health::Healthy),
            (
                succeeded,
                failing(FlightError::NoEndpoint),
                false,
                false,
                web,
                Health::AuthorizationRequired,
            ),
        ] {
            let standing = Standing { last_success, has_refresh_token: refresh, failing: fails };
            assert_eq!(health(&standing, token, grant), expected, "{standing:?} {token} {grant:?}");
        }
    }
}
