//! Why there is no token, in words for an administrator of Infor.

use crate::ion;
use crate::model::Grant;
use crate::ports::OauthError;

use super::flight::FlightError;

/// A failure to have a token, in words for people. Holds no secret and no text of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// What happened, in one sentence without a full stop.
    pub what: String,
    /// What to do about it, in sentences.
    pub advice: &'static str,
    /// The keys of the file that it is about.
    pub file_keys: &'static [&'static str],
    /// Where in Infor to look; empty if nothing in Infor is the cause.
    pub infor_setting: &'static str,
}

impl Explanation {
    /// Explains a flight that brought no token for a file with this grant. `None` for what is the
    /// vault's own trouble: no administrator of Infor can do anything about that.
    pub(super) fn of(error: &FlightError, grant: Grant) -> Option<Self> {
        let (what, advice, file_keys, infor_setting): (_, _, &'static [_], _) = match error {
            FlightError::Refused { error, advice } => {
                let (file_keys, infor_setting) = place(*error, grant);
                (
                    format!("Infor refused this credential ({error})"),
                    *advice,
                    file_keys,
                    infor_setting,
                )
            }
            FlightError::AuthorizationRequired => (
                "nobody has authorized this app, or Infor has ended the authorization".to_owned(),
                ion::AUTHORIZE_ADVICE,
                &["ru"],
                AUTHORIZED_APPS,
            ),
            FlightError::NoEndpoint => (
                "there is no token endpoint at the address in the file".to_owned(),
                ion::NO_ENDPOINT_ADVICE,
                &["pu", "ot"],
                AUTHORIZED_APPS,
            ),
            FlightError::Throttled { .. } => (
                "Infor wants fewer requests".to_owned(),
                "Infor limits how often tokens are asked for. The vault waits as long as Infor \
                 says. If it stays so, look for other programs that log in with this app or this \
                 tenant: the limits are for all of them together.",
                &[],
                "",
            ),
            FlightError::Unavailable { what, .. } => (
                format!("Infor did not answer, or answered that it cannot now: {what}"),
                "Nothing has to be changed in Infor for this. The vault tries again by itself. If \
                 it stays so, check that the address in the file is right and, for an on-premises \
                 Infor, that its host can be reached from where the vault runs.",
                &["pu"],
                "",
            ),
            FlightError::Server(not_now) => (
                not_now.to_string(),
                "Nothing has to be changed in Infor for this. The vault leaves a server alone for a \
                 while after many failures in a row, and tries again by itself.",
                &["pu"],
                "",
            ),
            FlightError::Budget(exhausted) => (
                exhausted.to_string(),
                "Infor limits tokens and log-ins of a day. Wait until enough of them are a day old, \
                 and look for what asks so often: other credentials of this app or this tenant, \
                 or an app with Issue Refresh Tokens off, where each token is a log-in.",
                &[],
                "ION API > Authorized Apps > the app > Issue Refresh Tokens",
            ),
            FlightError::Misbehaved(what) => (
                format!("what Infor answered is not a token answer: {what}"),
                "Check that the address in the file is that of Infor's authorization server and \
                 not of a page or a proxy before it. If it is, tell an operator of the vault.",
                &["pu", "ot"],
                "",
            ),
            FlightError::ShortLived => (
                "Infor's tokens for this app expire before they can be used".to_owned(),
                "In Infor ION API, Authorized Apps, open the app and give its access tokens a \
                 longer life; two hours are usual.",
                &[],
                TOKEN_LIFETIME,
            ),
            FlightError::Host(_) | FlightError::Address(_) => (
                error.to_string(),
                "Check that the file is of the right Infor. If it is, an operator of the vault \
                 must approve its host.",
                &["pu", "ot"],
                "",
            ),
            FlightError::Open(_)
            | FlightError::SealBudget(_)
            | FlightError::Store(_)
            | FlightError::Key(_)
            | FlightError::Seal(_)
            | FlightError::TooManyAccounts
            | FlightError::Random(_)
            | FlightError::AskAgain
            | FlightError::Abandoned => return None,
        };
        Some(Self { what, advice, file_keys, infor_setting })
    }
}

/// Which keys of the file an error is about, and where in Infor they come from.
fn place(error: OauthError, grant: Grant) -> (&'static [&'static str], &'static str) {
    match (error, grant) {
        (OauthError::InvalidClient, _) => (&["ci", "cs"], AUTHORIZED_APPS),
        (OauthError::InvalidGrant, Grant::Password) => {
            (&["saak", "sask"], "Security > Service Accounts")
        }
        (OauthError::InvalidGrant, Grant::ClientCredentials) => (
            &["saak", "sask"],
            "ION API > Authorized Apps > the app > Download Credentials > Create Service Account",
        ),
        (OauthError::InvalidGrant, Grant::AuthorizationCode) => (&["ru"], AUTHORIZED_APPS),
        (OauthError::UnauthorizedClient | OauthError::UnsupportedGrantType, _) => {
            (&["dt"], "ION API > Authorized Apps > the app > Grant Type")
        }
        (OauthError::InvalidScope, _) => (&["sc"], "ION API > Authorized Apps > the app > Scopes"),
        (OauthError::InvalidRequest | OauthError::UnsupportedTokenType, _) => {
            (&["pu", "ti"], AUTHORIZED_APPS)
        }
    }
}

const AUTHORIZED_APPS: &str = "ION API > Authorized Apps > the app";
pub(super) const TOKEN_LIFETIME: &str =
    "ION API > Authorized Apps > the app > Access Token Lifetime";
