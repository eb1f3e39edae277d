//! What to do about a reason.

use tonic_types::ErrorDetails;

use super::session::Subject;
use crate::cli::duration;

/// What the user can do next; `None` for a reason that this version does not know.
///
/// The vault's message says what is wrong. This says which command, option or person helps, which
/// only the command line knows.
pub(super) fn next(reason: &str, told: &ErrorDetails, subject: &Subject) -> Option<String> {
    let Subject { name, request_id: _ } = subject;
    let advice = match reason {
        "INVALID_RESOURCE_NAME" | "INVALID_ARGUMENT" => {
            "correct what is named above and run the command again".to_owned()
        }
        "INVALID_ION_API_FILE" => {
            "download the file again in Infor (ION API > Authorized Apps > the \
                                   app > Download Credentials) and upload it unchanged"
                .to_owned()
        }
        "HOST_NOT_ALLOWED" => "ask an operator of the vault to approve the host in its \
                               configuration, or check that the file is of the right Infor"
            .to_owned(),
        "CREDENTIAL_NOT_FOUND" => {
            "see `ionvault list`; what policy hides from you is not listed".to_owned()
        }
        "AUDIT_EVENT_NOT_FOUND" => {
            "see `ionvault audit list`; what policy hides from you is not listed".to_owned()
        }
        "AUDIT_LOG_TOO_SHORT" => {
            "records are missing: keep the checkpoint as evidence, and see with `ionvault audit \
             verify` what the log holds"
                .to_owned()
        }
        "VERSION_NOT_FOUND" => format!("see `ionvault versions {name}`"),
        "CREDENTIAL_DELETED" => format!("run `ionvault undelete {name}` first"),
        "NOT_DELETED" => format!("nothing to do: see `ionvault show {name}`"),
        "NO_ACTIVE_VERSION" => {
            format!("see `ionvault versions {name}`, then `ionvault activate {name} VERSION`")
        }
        "CREDENTIAL_REFUSED" => format!(
            "change in Infor what the message says, then upload the new file (`ionvault upload \
             {name} FILE`) or, if it stays the same, run `ionvault test {name}`; trying again \
             without that can lock the account"
        ),
        "AUTHORIZATION_REQUIRED" => format!(
            "run `ionvault authorize {name}`; or `ionvault upload {name} FILE` with the file of a \
             Backend Service app, which needs no person"
        ),
        "AUTHORIZATION_STATE_INVALID" => {
            format!("begin again with `ionvault authorize {name}`")
        }
        "AUTHORIZATION_NOT_NEEDED" => format!("nothing to do: see `ionvault show {name}`"),
        "ETAG_MISMATCH" => format!(
            "somebody changed it meanwhile: read it (`ionvault show {name}`) and decide again"
        ),
        "REQUEST_ID_REUSED" => "leave --request-id out, or choose a new one".to_owned(),
        "LIFETIME_TOO_LONG" => too_long(told),
        "LIMIT_EXCEEDED" => {
            "delete what is no longer needed, or ask an operator of the vault".to_owned()
        }
        "CALLER_UNKNOWN" => {
            "use a certificate with exactly one SPIFFE id, or one DNS name; or, where the vault takes \
             tokens, a fresh one of an issuer and for the audience that it is configured for \
             (--token-file)"
                .to_owned()
        }
        "CALLER_DENIED" => {
            "ask an administrator of the vault to allow this in its policy".to_owned()
        }
        "TOKEN_BUDGET_EXHAUSTED"
        | "CALLER_RATE_LIMITED"
        | "PROVIDER_UNAVAILABLE"
        | "PROVIDER_MISBEHAVED"
        | "STORE_UNAVAILABLE"
        | "AUDIT_UNAVAILABLE"
        | "OVERLOADED"
        | "SHUTTING_DOWN"
        | "DEADLINE_EXCEEDED" => again(subject, told),
        "MALFORMED_MESSAGE" | "MESSAGE_TOO_LARGE" | "UNKNOWN_METHOD" => OTHER_VERSION.to_owned(),
        "INTEGRITY_FAILURE" => {
            "call an operator of the vault: a stored record is damaged; do not repeat this"
                .to_owned()
        }
        _ => return None,
    };
    Some(advice)
}

fn too_long(told: &ErrorDetails) -> String {
    match told.error_info().and_then(|info| info.metadata.get("max_seconds")) {
        Some(seconds) => format!("ask for less: `--min-remaining {seconds}s`"),
        None => "ask for less with --min-remaining".to_owned(),
    }
}

/// How to repeat a call that had no answer, or "not now": of a change nobody knows whether it
/// happened.
pub(super) fn again(subject: &Subject, told: &ErrorDetails) -> String {
    let when = match told.retry_info().and_then(|info| info.retry_delay) {
        Some(delay) => format!("in {}", duration::show(delay)),
        None => "later".to_owned(),
    };
    match &subject.request_id {
        Some(id) => format!(
            "run the command again {when}, with `--request-id {id}`: if it had its effect, it has \
             no second"
        ),
        None => format!("run the command again {when}"),
    }
}

/// What is no answer to this program's questions.
pub(super) const OTHER_VERSION: &str =
    "check that the endpoint is an ionvault, and of the same version (`ionvault --version`)";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn advice(reason: &str, told: &ErrorDetails) -> Option<String> {
        next(reason, told, &Subject::read("acme/infor".to_owned()))
    }

    /// In the proto files an item begins with a code; a reason follows a code, or another reason.
    #[test]
    fn every_reason_of_the_contract_has_its_advice() {
        let files = [
            include_str!("../../../proto/ionvault/v1/audit.proto"),
            include_str!("../../../proto/ionvault/v1/authorization.proto"),
            include_str!("../../../proto/ionvault/v1/credential.proto"),
            include_str!("../../../proto/ionvault/v1/token.proto"),
        ];
        let mut reasons = std::collections::BTreeSet::new();
        for item in files.iter().flat_map(|file| file.split("// - `").skip(1)) {
            let pairs = item.split(':').next().unwrap().replace("//", "");
            let mut words = pairs.split('`');
            let is_code = |word: &str| (0..17).any(|n| code_name(n) == word);
            if !is_code(words.next().unwrap()) {
                continue;
            }
            while let (Some(between), Some(word)) = (words.next(), words.next()) {
                if between == " " || (between.trim() == "," && !is_code(word)) {
                    reasons.insert(word.to_owned());
                }
            }
        }
        assert!(reasons.len() >= 24, "{reasons:?}");
        for reason in reasons {
            assert!(advice(&reason, &ErrorDetails::new()).is_some(), "{reason}");
        }
    }

    /// As the proto files spell it: `NOT_FOUND` for `Code::NotFound`.
    fn code_name(number: i32) -> String {
        let camel = format!("{:?}", tonic::Code::from_i32(number));
        let mut name = String::new();
        for character in camel.chars() {
            if character.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(character.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn numbers_from_the_vault_end_up_in_the_advice() {
        let mut told = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        told.set_error_info(
            "LIFETIME_TOO_LONG",
            "ionvault",
            std::collections::HashMap::from([("max_seconds".to_owned(), "3600".to_owned())]),
        );
        let said = |reason| advice(reason, &told).unwrap();
        assert_eq!(said("LIFETIME_TOO_LONG"), "ask for less: `--min-remaining 3600s`");
        assert_eq!(said("OVERLOADED"), "run the command again in 7s");
    }

    #[test]
    fn a_change_is_repeated_under_its_id() {
        let name = "tenants/acme/credentials/infor".parse().unwrap();
        let said = next("STORE_UNAVAILABLE", &ErrorDetails::new(), &Subject::change(&name, "r1"));
        assert_eq!(
            said.unwrap(),
            "run the command again later, with `--request-id r1`: if it had its effect, it has no \
             second"
        );
    }

    #[test]
    fn an_unknown_reason_gets_no_invented_advice() {
        assert_eq!(advice("FROM_THE_FUTURE", &ErrorDetails::new()), None);
    }
}
