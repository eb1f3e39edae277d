//! Who may do what with which credential.
//!
//! Policies are [Cedar](https://docs.cedarpolicy.com): principals are callers and their groups,
//! actions are RPC names, resources are credentials in tenants, with their labels. What no policy
//! permits is denied.

mod action;
mod current;
mod decisions;
mod entities;
mod explanation;
mod groups;
mod nesting;
mod outline;
mod policy;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod shipped;
mod verdict;
mod version;
mod view;

pub use action::{Action, UnknownAction};
pub use current::Current;
pub use entities::{Resource, Supposed};
pub use explanation::{Explanation, Failing, Inapplicable, NearMiss, Unmet};
pub use groups::{GROUPS_MAX, Groups, InvalidGroups, MEMBERS_MAX, ROLES};
pub use outline::{Effect, Outline, OutlinedPolicy};
pub use policy::{InvalidPolicy, POLICY_BYTES_MAX};
pub use verdict::Verdict;
pub use version::PolicyVersion;

use std::collections::BTreeMap;

use crate::model::Caller;
use decisions::{Decisions, Question};
use policy::Policy;

/// The policy with four roles that comes with the vault: admin, uploader, issuer and auditor.
pub const SHIPPED_POLICY: &str = include_str!("../deploy/policy.cedar");

/// What policies may speak of, in Cedar's language for schemas.
pub const SCHEMA: &str = include_str!("access/schema.cedarschema");

/// One policy and its groups, for good: a new policy is a new value, and starts without memories.
pub struct Access {
    version: PolicyVersion,
    policy: Policy,
    groups: BTreeMap<Caller, Vec<String>>,
    decisions: Decisions,
}

impl Access {
    /// Reads a policy and checks it against the schema and the groups.
    ///
    /// # Errors
    ///
    /// If the text is not Cedar or has no policy, does not fit the schema, has a policy that could
    /// never apply, or names a group that is not configured or an entity that cannot exist. There
    /// is no part of a policy: it is taken as a whole or not at all.
    pub fn new(policy: &str, groups: &Groups) -> Result<Self, InvalidPolicy> {
        let version = PolicyVersion::of(policy, groups);
        let policy = Policy::new(policy, groups)?;
        Ok(Self { version, policy, groups: groups.by_member(), decisions: Decisions::new() })
    }

    /// Which policy this is.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// What stands in the policy.
    #[must_use]
    pub fn outline(&self) -> Outline {
        self.policy.outline()
    }

    /// Whether the caller may. A question that cannot be decided (the action does not apply to the
    /// kind of resource, or a policy fails, as by overflow) is denied and logged.
    ///
    /// A permission for a credential is remembered by its uid and revision, and the next question
    /// is one look-up (321 instructions, counted). Anything else is decided anew each time (147,000
    /// instructions with the shipped policy, about 14 µs: as much as an empty call).
    #[must_use]
    pub fn permits(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> bool {
        let Resource::Credential(credential) = resource else {
            return self.decide(caller, action, resource);
        };
        let question = Question::new(caller, action, credential);
        if self.decisions.permitted(&question) {
            return true;
        }
        let permitted = self.decide(caller, action, resource);
        if permitted {
            self.decisions.remember(&question);
        }
        permitted
    }

    /// Why [`Self::permits`] answers as it does.
    ///
    /// # Errors
    ///
    /// [`Inapplicable`] if the action is never asked about this kind of resource.
    pub fn explain(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<Explanation, Inapplicable> {
        self.policy.explain(caller, self.groups_of(caller), action, resource)
    }

    fn groups_of(&self, caller: &Caller) -> &[String] {
        self.groups.get(caller).map(Vec::as_slice).unwrap_or_default()
    }

    fn decide(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> bool {
        match self.policy.decide(caller, self.groups_of(caller), action, resource) {
            Ok(permitted) => permitted,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(%caller, action = action.as_str(), error, "denied: undecidable");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::sample::{access, caller, credential, groups};
    use super::*;
    use crate::model::{JwtCaller, Uid, Workload};

    const ACME: &str = "tenants/acme/credentials/infor";

    #[test]
    fn without_a_permission_everything_is_denied() {
        let access = access(r#"permit (principal == Caller::"uid:1", action, resource);"#);
        let credential = credential(ACME, &[]);
        for action in Action::ALL {
            for resource in [
                Resource::Credential(&credential),
                Resource::AbsentCredential(&credential.name),
                Resource::Tenant(&credential.name.tenant),
            ] {
                assert!(!access.permits(&caller("uid:0"), action, resource), "{action:?}");
            }
        }
    }

    #[test]
    fn a_forbid_overrides_every_permit() {
        let access = access(
            r#"permit (principal, action, resource);
               forbid (principal == Caller::"uid:7", action == Action::"IssueToken", resource);"#,
        );
        let credential = credential(ACME, &[]);
        let issue = |who| {
            let resource = Resource::Credential(&credential);
            access.permits(&caller(who), Action::IssueToken, resource)
        };
        assert!(issue("uid:8"));
        assert!(!issue("uid:7"));
    }

    #[test]
    fn an_action_that_does_not_apply_to_the_resource_is_denied() {
        let access = access("permit (principal, action, resource);");
        let credential = credential(ACME, &[]);
        let tenant = Resource::Tenant(&credential.name.tenant);
        assert!(access.permits(&caller("uid:0"), Action::ListCredentials, tenant));
        assert!(!access.permits(&caller("uid:0"), Action::IssueToken, tenant));
        let credential = Resource::Credential(&credential);
        assert!(!access.permits(&caller("uid:0"), Action::ListCredentials, credential));
    }

    /// Cedar itself would skip the failing `forbid` and permit.
    #[test]
    fn a_policy_that_fails_denies() {
        let access = access(
            r#"permit (principal, action, resource);
               forbid (principal, action == Action::"IssueToken", resource)
               when { 9223372036854775807 + 1 > 0 };"#,
        );
        let credential = credential(ACME, &[]);
        let ask =
            |action| access.permits(&caller("uid:0"), action, Resource::Credential(&credential));
        assert!(ask(Action::GetCredential));
        assert!(!ask(Action::IssueToken));
    }

    #[test]
    fn a_changed_credential_is_another_question() {
        let access = access(
            r#"permit (principal, action, resource)
               when { resource.hasTag("open") && resource.getTag("open") == "yes" };"#,
        );
        let mut credential = credential(ACME, &[("open", "yes")]);
        let ask = |credential: &_| {
            access.permits(&caller("uid:0"), Action::IssueToken, Resource::Credential(credential))
        };
        assert!(ask(&credential));
        assert!(ask(&credential), "the second answer comes from memory");
        credential.labels = credential.labels.with(&open("no")).unwrap();
        credential.revision += 1;
        assert!(!ask(&credential));
        credential.labels = credential.labels.with(&open("yes")).unwrap();
        credential.revision += 1;
        assert!(ask(&credential));
    }

    #[test]
    fn a_file_without_infor_tenant_has_none() {
        let access =
            access("permit (principal, action, resource) when { resource has infor_tenant };");
        let mut credential = credential(ACME, &[]);
        let ask = |credential: &_| {
            access.permits(&caller("uid:0"), Action::IssueToken, Resource::Credential(credential))
        };
        assert!(ask(&credential));
        Arc::make_mut(&mut credential.versions[0]).facts.infor_tenant.clear();
        credential.revision += 1;
        assert!(!ask(&credential));
    }

    #[test]
    fn permissions_are_remembered_and_denials_are_not() {
        let access = access(r#"permit (principal == Caller::"uid:1", action, resource);"#);
        let credential = credential(ACME, &[]);
        let (one, two) = (caller("uid:1"), caller("uid:2"));
        let remembered = |who, action| {
            let _ = access.permits(who, action, Resource::Credential(&credential));
            access.decisions.permitted(&Question::new(who, action, &credential))
        };
        assert!(remembered(&one, Action::IssueToken));
        assert!(!remembered(&two, Action::IssueToken));
    }

    fn pod(namespace: &str, pod: &str) -> Caller {
        let workload = Workload {
            namespace: namespace.to_owned(),
            service_account: "export".to_owned(),
            pod: Some(pod.to_owned()),
        };
        Caller::Jwt(JwtCaller::new("https://a.example", "x").unwrap().with_workload(workload))
    }

    #[test]
    fn what_a_token_says_of_its_holder_can_be_asked_for() {
        let access = access(
            r#"permit (principal, action == Action::"IssueToken", resource) when {
                 principal has namespace && principal.namespace == "docbits" &&
                 principal has issuer && principal.issuer == "https://a.example" &&
                 principal has service_account && principal.service_account == "export" &&
                 principal has pod && principal.pod like "export-*"
               };
               permit (principal == Caller::"jwt:https://a.example#admin", action, resource);"#,
        );
        let credential = credential(ACME, &[]);
        let ask = |caller: &Caller| {
            access.permits(caller, Action::IssueToken, Resource::Credential(&credential))
        };
        assert!(ask(&pod("docbits", "export-1")));
        // The same caller: what was permitted to one pod is not remembered for another.
        assert!(!ask(&pod("docbits", "other-1")));
        assert!(!ask(&pod("other", "export-1")));
        assert!(ask(&pod("docbits", "export-2")));
        assert!(!ask(&caller("jwt:https://a.example#x")), "no workload, no permission");
        assert!(ask(&caller("jwt:https://a.example#admin")));
        for other in ["jwt:https://b.example#admin", "dns:a.example", "uid:0"] {
            assert!(!ask(&caller(other)), "{other}");
        }
    }

    #[test]
    fn a_group_has_token_callers_whatever_pod_they_are() {
        let groups = groups(&[("issuer", &["jwt:https://a.example#x"])]);
        let access = Access::new(SHIPPED_POLICY, &groups).unwrap();
        let credential = credential(ACME, &[]);
        let ask = |caller: &Caller| {
            access.permits(caller, Action::IssueToken, Resource::Credential(&credential))
        };
        assert!(ask(&caller("jwt:https://a.example#x")));
        assert!(ask(&pod("docbits", "export-1")));
        assert!(!ask(&caller("jwt:https://a.example#y")));
    }

    /// One memory for all cases, so that each case meets what the others left.
    static ACCESS: LazyLock<Access> = LazyLock::new(|| {
        let policy = r#"
            permit (principal in Group::"admin", action, resource in Tenant::"t0");
            permit (principal == Caller::"uid:1", action == Action::"IssueToken", resource)
            when { resource.hasTag("r") && resource.getTag("r") == "1" };
            forbid (principal, action == Action::"GetCredential", resource)
            when { resource.hasTag("r") && resource.getTag("r") == "2" };"#;
        Access::new(policy, &groups(&[("admin", &["uid:0"])])).unwrap()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Every field of the question varies; whatever was asked before, the answer is the one
        /// that the policy gives by itself.
        #[test]
        fn memory_never_changes_an_answer(
            uid in 0_u32..3, action in 0..Action::ALL.len(), tenant in 0_u8..3, revision in 0_u64..3,
        ) {
            let action = Action::ALL[action];
            let caller = Caller::LocalUser(uid);
            let name = format!("tenants/t{tenant}/credentials/infor");
            let mut credential = credential(&name, &[("r", &revision.to_string())]);
            credential.uid = Uid::from_bytes([tenant; 16]);
            credential.revision = revision;
            let resource = Resource::Credential(&credential);
            let fresh = ACCESS.decide(&caller, action, resource);
            for _ in 0..2 {
                prop_assert_eq!(ACCESS.permits(&caller, action, resource), fresh);
            }
        }
    }

    fn open(value: &str) -> std::collections::HashMap<String, Option<String>> {
        [("open".to_owned(), Some(value.to_owned()))].into()
    }
}
