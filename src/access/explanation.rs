//! Why a question is answered as it is.

use cedar_policy::{Entities, PolicyId, PolicySet, Request};
use serde_json::json;

use super::outline::{Effect, OutlinedPolicy};
use super::policy::Policy;
use super::{Action, Resource};
use crate::model::Caller;

/// An answer with its reasons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// Whether the caller may.
    pub permitted: bool,
    /// The groups that the caller is in.
    pub groups: Vec<String>,
    /// What decided: permits for a permission, forbids for a denial. A denial that nothing forbids
    /// has none: nothing permits.
    pub decided_by: Vec<OutlinedPolicy>,
    /// Of a denial: the permits for this caller and this action that do not apply all the same.
    pub near_misses: Vec<NearMiss>,
    /// What could not be evaluated. One of them makes the answer a denial.
    pub failing: Vec<Failing>,
}

/// A permit that does not apply, though it is for this caller and this action.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NearMiss {
    /// Which one.
    pub policy: OutlinedPolicy,
    /// What keeps it from applying.
    pub unmet: Unmet,
}

/// What of a policy is not fulfilled.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Unmet {
    /// It is for other resources.
    Resource,
    /// A `when` is false, or an `unless` is true.
    Condition,
}

/// A policy that cannot be evaluated.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Failing {
    /// Which one.
    pub policy: OutlinedPolicy,
    /// Cedar's words.
    pub what: String,
}

/// The question is never asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} is never asked about a {kind}", action.as_str())]
pub struct Inapplicable {
    action: Action,
    kind: &'static str,
}

impl Policy {
    pub(super) fn explain(
        &self,
        caller: &Caller,
        groups: &[String],
        action: Action,
        resource: Resource<'_>,
    ) -> Result<Explanation, Inapplicable> {
        let asked = self.vocabulary.request(&self.view, caller, groups, action, resource);
        // Anything else would be a defect: entities made here always fit the schema.
        let (request, entities) = asked.map_err(|_unaskable| inapplicable(action, resource))?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        let mut failing: Vec<_> =
            response.diagnostics().errors().filter_map(|error| self.failing(error)).collect();
        failing.sort();
        let permitted = failing.is_empty() && response.decision() == cedar_policy::Decision::Allow;
        let mut decided_by: Vec<_> = self.named(response.diagnostics().reason()).collect();
        // Where a policy fails, the others decide nothing; a forbid among them still says why.
        decided_by.retain(|policy| permitted == (policy.effect == Effect::Permit));
        decided_by.sort();
        let near_misses =
            if permitted { Vec::new() } else { self.near_misses(&request, &entities) };
        Ok(Explanation { permitted, groups: groups.to_vec(), decided_by, near_misses, failing })
    }

    fn named<'a>(
        &self,
        ids: impl Iterator<Item = &'a PolicyId>,
    ) -> impl Iterator<Item = OutlinedPolicy> {
        ids.filter_map(|id| self.policies.policy(id)).map(|policy| self.outlined(policy))
    }

    fn failing(&self, error: &cedar_policy::AuthorizationError) -> Option<Failing> {
        let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
        let policy = self.outlined(self.policies.policy(error.policy_id())?);
        Some(Failing { policy, what: error.inner().to_string() })
    }

    /// Asks the permits without what they demand of the resource: first all of it, then only their
    /// conditions. Those that apply now, and did not before, nearly apply.
    fn near_misses(&self, request: &Request, entities: &Entities) -> Vec<NearMiss> {
        let applying = |policies: &PolicySet| {
            let response = self.authorizer.is_authorized(request, policies, entities);
            response.diagnostics().reason().cloned().collect::<Vec<_>>()
        };
        let full = applying(&self.permits(|_| {}));
        let unconditional = applying(&self.permits(|policy| policy["conditions"] = json!([])));
        let anywhere = applying(&self.permits(|policy| {
            policy["conditions"] = json!([]);
            policy["resource"] = json!({ "op": "All" });
        }));
        let missed = anywhere.iter().filter(|id| !full.contains(id));
        let mut near_misses: Vec<_> = missed
            .filter_map(|id| {
                let policy = self.outlined(self.policies.policy(id)?);
                let met = unconditional.contains(id);
                let unmet = if met { Unmet::Condition } else { Unmet::Resource };
                Some(NearMiss { policy, unmet })
            })
            .collect();
        near_misses.sort();
        near_misses
    }

    /// The permits, each changed in Cedar's JSON form of it.
    fn permits(&self, change: impl Fn(&mut serde_json::Value)) -> PolicySet {
        let permits = self
            .policies
            .policies()
            .filter(|policy| policy.effect() == cedar_policy::Effect::Permit);
        let changed = permits.filter_map(|policy| {
            let mut json = policy.to_json().ok()?;
            change(&mut json);
            cedar_policy::Policy::from_json(Some(policy.id().clone()), json).ok()
        });
        // Ids that were unique stay so.
        PolicySet::from_policies(changed).unwrap_or_default()
    }
}

fn inapplicable(action: Action, resource: Resource<'_>) -> Inapplicable {
    let kind = match resource {
        Resource::AuditLog => "audit log",
        Resource::Tenant(_) => "tenant",
        Resource::Credential(_) | Resource::AbsentCredential(_) | Resource::Supposed(_) => {
            "credential"
        }
    };
    Inapplicable { action, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::sample::{caller, groups};
    use crate::access::{Access, Supposed};
    use crate::model::Labels;

    const POLICY: &str = r#"
@id("tenant") permit (principal in Group::"issuer", action == Action::"IssueToken", resource in Tenant::"globex");
@id("label") permit (principal, action == Action::"IssueToken", resource) when { resource.hasTag("open") };
@id("infor") permit (principal, action in Action::"read", resource) unless { resource has infor_tenant };
@id("stranger") permit (principal == Caller::"uid:9", action, resource);
@id("frozen") forbid (principal, action in Action::"write", resource) when { resource.hasTag("frozen") };
@id("admin") permit (principal in Group::"admin", action, resource);"#;

    fn explain(who: &str, action: Action, labels: &[(&str, &str)]) -> Explanation {
        let groups = groups(&[("admin", &["uid:0"]), ("issuer", &["uid:1"])]);
        let access = Access::new(POLICY, &groups).unwrap();
        let name = "tenants/acme/credentials/infor".parse().unwrap();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let labels =
            Labels::try_from(labels.collect::<std::collections::BTreeMap<_, _>>()).unwrap();
        let supposed = Supposed { name: &name, labels: &labels, infor_tenant: Some("ACME_TST") };
        let resource = Resource::Supposed(supposed);
        let caller = caller(who);
        let explanation = access.explain(&caller, action, resource).unwrap();
        assert_eq!(access.permits(&caller, action, resource), explanation.permitted);
        explanation
    }

    fn names<'a>(policies: impl IntoIterator<Item = &'a OutlinedPolicy>) -> Vec<&'a str> {
        policies.into_iter().map(|policy| policy.name.as_str()).collect()
    }

    fn misses(explanation: &Explanation) -> Vec<(&str, Unmet)> {
        let misses = explanation.near_misses.iter();
        misses.map(|miss| (miss.policy.name.as_str(), miss.unmet)).collect()
    }

    #[test]
    fn a_permission_names_the_permits_that_gave_it() {
        let explanation = explain("uid:0", Action::IssueToken, &[("open", "")]);
        assert!(explanation.permitted);
        assert_eq!(names(&explanation.decided_by), ["label", "admin"]);
        assert_eq!(explanation.groups, ["admin"]);
        assert_eq!(misses(&explanation), []);
        assert_eq!(explanation.failing, []);
    }

    #[test]
    fn a_denial_names_what_forbids() {
        let explanation = explain("uid:0", Action::DeleteCredential, &[("frozen", "")]);
        assert!(!explanation.permitted);
        assert_eq!(names(&explanation.decided_by), ["frozen"]);
        assert_eq!(explanation.decided_by[0].line, 6);
    }

    #[test]
    fn a_denial_names_the_permits_that_nearly_apply() {
        let explanation = explain("uid:1", Action::IssueToken, &[]);
        assert!(!explanation.permitted);
        assert_eq!(
            (names(&explanation.decided_by), &*explanation.groups),
            (vec![], &["issuer".to_owned()][..])
        );
        assert_eq!(
            misses(&explanation),
            [("tenant", Unmet::Resource), ("label", Unmet::Condition)]
        );
        let explanation = explain("uid:2", Action::GetCredential, &[]);
        assert_eq!(misses(&explanation), [("infor", Unmet::Condition)]);
        assert_eq!(misses(&explain("uid:2", Action::DeleteCredential, &[])), []);
    }

    #[test]
    fn a_policy_that_fails_is_named_and_denies() {
        let access = crate::access::sample::access(
            r#"@id("all") permit (principal, action, resource);
               @id("overflows") forbid (principal, action, resource)
               when { 9223372036854775807 + 1 > 0 };"#,
        );
        let name = "tenants/acme/credentials/infor".parse().unwrap();
        let resource = Resource::AbsentCredential(&name);
        let explanation = access.explain(&caller("uid:1"), Action::IssueToken, resource).unwrap();
        assert!(!explanation.permitted);
        assert_eq!(names(&explanation.decided_by), [""; 0]);
        let failing = &explanation.failing[0];
        assert_eq!((failing.policy.name.as_str(), failing.policy.line), ("overflows", 2));
        assert!(failing.what.contains("overflow"), "{}", failing.what);
    }

    #[test]
    fn a_question_that_is_never_asked_says_so() {
        let access = crate::access::sample::access("permit (principal, action, resource);");
        let tenant = "acme".parse().unwrap();
        let asked = access.explain(&caller("uid:1"), Action::IssueToken, Resource::Tenant(&tenant));
        assert_eq!(asked.unwrap_err().to_string(), "IssueToken is never asked about a tenant");
    }
}
