//! A policy text, checked against the schema, and its decisions.

use std::str::FromStr;

use cedar_policy::{Authorizer, PolicyId, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;

use super::entities::{AUDIT_LOG, Unaskable, Vocabulary};
use super::nesting::{self, CHAIN_MAX, NESTING_MAX, TooDeep};
use super::outline::{Lines, line_at, name_of};
use super::view::View;
use super::{Action, Groups, Resource};
use crate::model::{Caller, CredentialName, TenantId};

/// A policy without mistakes that can be seen beforehand.
pub(super) struct Policy {
    pub(super) authorizer: Authorizer,
    pub(super) policies: PolicySet,
    pub(super) lines: Lines,
    pub(super) vocabulary: Vocabulary,
    pub(super) view: View,
}

/// Why a policy is refused. `policy` is its `@id`, or `policy` and its place in the text, counted
/// from 0.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// More than [`POLICY_BYTES_MAX`].
    #[error("the policy has more than {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`NESTING_MAX`] within each other.
    #[error(
        "line {line}: more than {NESTING_MAX} brackets and `if` within each other: write several \
         policies instead"
    )]
    TooDeep {
        /// Counted from 1.
        line: usize,
    },
    /// More than [`CHAIN_MAX`].
    #[error(
        "line {line}: a policy with more than {CHAIN_MAX} characters of operators: write several \
         policies instead"
    )]
    TooChained {
        /// Counted from 1.
        line: usize,
    },
    /// It could not be read at all, whatever stands in it.
    #[error("nothing could be read: there is no memory left for it, or Cedar has a defect")]
    Unread,
    /// There is no policy in the text, as after an accident; Cedar would deny everything.
    #[error(
        "it has no policy in it: to deny everything, write `forbid (principal, action, resource);`"
    )]
    Empty,
    /// The text is not Cedar.
    #[error("line {line}: {what}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Cedar's words.
        what: String,
    },
    /// The text has a template (`?principal`, `?resource`), which nothing here would link.
    #[error(
        "line {line}: policy `{policy}` is a template, which would never apply: write a group \
         instead of `?principal`, a tenant instead of `?resource`"
    )]
    Template {
        /// Counted from 1.
        line: usize,
        /// Which one.
        policy: String,
    },
    /// A policy does not fit the schema, or could never apply.
    #[error("line {line}: policy `{policy}`: {what}")]
    Meaningless {
        /// Counted from 1.
        line: usize,
        /// Which one.
        policy: String,
        /// Cedar's words.
        what: String,
    },
    /// A policy names a group that is not configured.
    #[error(
        "line {line}: policy `{policy}` names the group `{group}`, which is not configured: write \
         [[access.group]] with this name and its members into the configuration first"
    )]
    UnknownGroup {
        /// Counted from 1.
        line: usize,
        /// Which one.
        policy: String,
        /// The group.
        group: String,
    },
    /// A policy names a caller, tenant or credential that cannot exist.
    #[error("line {line}: policy `{policy}` names {entity}, which cannot exist: {what}")]
    Impossible {
        /// Counted from 1.
        line: usize,
        /// Which one.
        policy: String,
        /// As it stands in the text.
        entity: String,
        /// What is expected of it.
        what: String,
    },
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecided {
    #[error("the question does not fit the schema")]
    Ask(#[from] Unaskable),
    #[error("a policy cannot be evaluated")]
    Evaluate(#[source] Box<cedar_policy::AuthorizationError>),
}

/// Some thousand policies: an hour's reading, and beyond what an evaluation should walk through.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

impl Policy {
    /// Reads a policy; see [`InvalidPolicy`].
    pub(super) fn new(text: &str, groups: &Groups) -> Result<Self, InvalidPolicy> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(InvalidPolicy::TooLong);
        }
        nesting::check(text).map_err(|deep| match deep {
            TooDeep::Nesting(place) => InvalidPolicy::TooDeep { line: line_at(text, place) },
            TooDeep::Chain(place) => InvalidPolicy::TooChained { line: line_at(text, place) },
        })?;
        std::thread::scope(|threads| {
            // A stack of known size; a panic of Cedar's ends here, too.
            let reader = std::thread::Builder::new().stack_size(nesting::STACK_BYTES);
            let read = reader.spawn_scoped(threads, || Self::read(text, groups));
            read.ok().and_then(|thread| thread.join().ok()).unwrap_or(Err(InvalidPolicy::Unread))
        })
    }

    fn read(text: &str, groups: &Groups) -> Result<Self, InvalidPolicy> {
        let policies = PolicySet::from_str(text).map_err(|error| InvalidPolicy::Syntax {
            line: line_of(text, &error),
            what: error.to_string(),
        })?;
        let lines = Lines::of(text, &policies);
        if let Some(template) = policies.templates().next() {
            let name = template.annotation("id").map(str::to_owned);
            let policy = name.unwrap_or_else(|| template.id().to_string());
            return Err(InvalidPolicy::Template { line: lines.line(template.id()), policy });
        }
        if policies.is_empty() {
            return Err(InvalidPolicy::Empty);
        }
        let vocabulary = Vocabulary::new();
        let validator = Validator::new(vocabulary.schema.clone());
        let result = validator.validate(&policies, ValidationMode::Strict);
        let meaningless = |id: &PolicyId, error: &dyn Diagnostic| InvalidPolicy::Meaningless {
            line: line_of(text, error),
            policy: policies.policy(id).map_or_else(|| id.to_string(), name_of),
            // Cedar begins with an id that it made up itself.
            what: error.to_string().replacen(&format!("for policy `{id}`, "), "", 1),
        };
        if let Some(error) = result.validation_errors().next() {
            return Err(meaningless(error.policy_id(), error));
        }
        // Cedar only warns of a condition that is never true; as a `forbid` it forbids nothing.
        if let Some(warning) = result.validation_warnings().next() {
            return Err(meaningless(warning.policy_id(), warning));
        }
        policies.policies().try_for_each(|policy| check_names(policy, &lines, groups))?;
        let view = View::of(&policies);
        Ok(Self { authorizer: Authorizer::new(), policies, lines, vocabulary, view })
    }

    /// Asks all policies. Cedar leaves out a policy that fails, even if it is a `forbid`; here the
    /// whole question fails.
    pub(super) fn decide(
        &self,
        caller: &Caller,
        groups: &[String],
        action: Action,
        resource: Resource<'_>,
    ) -> Result<bool, Undecided> {
        let (request, entities) =
            self.vocabulary.request(&self.view, caller, groups, action, resource)?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(Undecided::Evaluate(Box::new(error.clone())));
        }
        Ok(response.decision() == cedar_policy::Decision::Allow)
    }
}

/// Catches what the schema cannot: ids that no caller, group, tenant or credential ever has.
fn check_names(
    policy: &cedar_policy::Policy,
    lines: &Lines,
    groups: &Groups,
) -> Result<(), InvalidPolicy> {
    let line = lines.line(policy.id());
    for entity in policy.entity_literals() {
        let id = entity.id().unescaped();
        let impossible = |what: String| InvalidPolicy::Impossible {
            line,
            policy: name_of(policy),
            entity: entity.to_string(),
            what,
        };
        match entity.type_name().basename() {
            "Group" if !groups.contains(id) => {
                let policy = name_of(policy);
                return Err(InvalidPolicy::UnknownGroup { line, policy, group: id.to_owned() });
            }
            "AuditLog" if id != AUDIT_LOG => {
                return Err(impossible(format!("expected `{AUDIT_LOG}`")));
            }
            "Caller" => drop(id.parse::<Caller>().map_err(|error| impossible(error.to_string()))?),
            "Tenant" => {
                drop(id.parse::<TenantId>().map_err(|error| impossible(error.to_string()))?);
            }
            "Credential" => {
                drop(id.parse::<CredentialName>().map_err(|error| impossible(error.to_string()))?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The line of the first place that an error points to; the last line if it points to the end.
fn line_of(text: &str, error: &dyn Diagnostic) -> usize {
    let place = error.labels().and_then(|mut labels| labels.next());
    line_at(text, place.map_or(text.len(), |place| place.offset()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Policy::new(text, &Groups::default()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_with_their_line_or_policy() {
        for (text, told) in [
            (
                "permit (principal, action, resource);\n\npermit (principal action, resource);",
                "line 3: ",
            ),
            ("// nothing\npermit (principal", "line 2: "),
            (
                "permit (principal,\n action == Action::\"IssueTokens\", resource);",
                "line 2: policy `policy0`: ",
            ),
            (
                "@id(\"a\") permit (principal, action, resource) when { resource.label == \"x\" };",
                "line 1: policy `a`: ",
            ),
            (
                "@id(\"b\")\nforbid (principal, action, resource)\nwhen { resource has label };",
                "line 1: policy `b`: policy is impossible",
            ),
            (
                "permit (principal, action, resource) when { resource.getTag(\"x\") == \"y\" };",
                "line 1: policy `policy0`: ",
            ),
            (
                "@id(\"c\") permit (principal == ?principal, action, resource);",
                "line 1: policy `c` is a template",
            ),
            (
                "@id(\"d\") forbid (principal in Group::\"issuers\", action, resource);",
                "line 1: policy `d` names the group `issuers`, which is not configured",
            ),
            (
                "forbid (principal, action, resource) when { principal == Caller::\"root\" };",
                "line 1: policy `policy0` names Caller::\"root\", which cannot exist: expected `spiffe:",
            ),
            (
                "forbid (principal, action, resource in Tenant::\"Acme\");",
                "line 1: policy `policy0` names Tenant::\"Acme\", which cannot exist: the tenant id must",
            ),
            (
                "forbid (principal, action, resource == Credential::\"acme/infor\");",
                "line 1: policy `policy0` names Credential::\"acme/infor\", which cannot exist: expected",
            ),
            (
                "permit (principal, action, resource == AuditLog::\"all\");",
                "line 1: policy `policy0` names AuditLog::\"all\", which cannot exist: expected `log`",
            ),
        ] {
            let refusal = refusal(text);
            println!("{refusal}");
            assert!(refusal.starts_with(told), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_policy_has_a_longest_length() {
        let permit = "permit (principal, action, resource);\n";
        let text = permit.to_owned() + &"/".repeat(POLICY_BYTES_MAX - permit.len());
        assert!(Policy::new(&text, &Groups::default()).is_ok());
        assert!(refusal(&format!("{text}/")).starts_with("the policy has more than 262144 bytes"));
    }
}
