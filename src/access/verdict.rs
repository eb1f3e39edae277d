//! What a caller is told about a credential that it names.

use super::{Access, Action, Resource};
use crate::model::{Caller, Credential, CredentialName};

/// What the policy says to a caller who names a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It may.
    Permitted,
    /// It may not, and knows what there is under this name.
    Denied,
    /// It may not, and is answered as if there were nothing.
    Hidden,
}

impl Access {
    /// Whether the caller may do this with what is `found` under a name; and if not, what it may know.
    ///
    /// What a caller may not see is judged like what is absent: by the same questions, so that
    /// neither the verdict nor its time tells them apart.
    #[must_use]
    pub fn judge(
        &self,
        caller: &Caller,
        action: Action,
        name: &CredentialName,
        found: Option<&Credential>,
    ) -> Verdict {
        judge(|action, resource| self.permits(caller, action, resource), action, name, found)
    }
}

fn judge<'a>(
    permits: impl Fn(Action, Resource<'a>) -> bool,
    action: Action,
    name: &'a CredentialName,
    found: Option<&'a Credential>,
) -> Verdict {
    let absent = Resource::AbsentCredential(name);
    let there = found.map_or(absent, Resource::Credential);
    if permits(action, there) {
        return Verdict::Permitted;
    }
    // What is absent is asked about twice, because what is hidden is.
    if permits(Action::GetCredential, there) && found.is_some() {
        return Verdict::Denied;
    }
    let may_if_absent = permits(action, absent);
    let sees_that_absent = permits(Action::GetCredential, absent);
    match (may_if_absent, sees_that_absent) {
        (false, true) => Verdict::Denied,
        (true, _) | (false, false) => Verdict::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::sample::{access, caller, credential};
    use super::*;

    const ACME: &str = "tenants/acme/credentials/infor";

    /// The verdict about one that is there and about one that is not, and the questions for it.
    fn both(action: Action, permitted: &[(Action, bool)]) -> [(Verdict, Vec<Action>); 2] {
        let there = credential(ACME, &[("hidden", "")]);
        [Some(&there), None].map(|found| {
            let asked = RefCell::new(Vec::new());
            let permits = |action, resource: Resource<'_>| {
                asked.borrow_mut().push(action);
                permitted.contains(&(action, matches!(resource, Resource::Credential(_))))
            };
            let verdict = judge(permits, action, &there.name, found);
            (verdict, asked.into_inner())
        })
    }

    /// Whatever is permitted about absent ones, as long as nothing is about the one that is there.
    #[test]
    fn what_is_hidden_costs_the_same_questions_and_gets_the_same_verdict_as_what_is_absent() {
        use Action::{DeleteCredential as Delete, GetCredential as Get};
        for (permitted, expected) in
            [(&[][..], Verdict::Hidden), (&[(Get, false)], Verdict::Denied)]
        {
            let [hidden, absent] = both(Delete, permitted);
            assert_eq!(hidden, (expected, vec![Delete, Get, Delete, Get]));
            assert_eq!(hidden, absent);
        }
        // Where the absent one may be had, there is none to be had: the answer is the same.
        let [hidden, _] = both(Delete, &[(Get, false), (Delete, false)]);
        assert_eq!(hidden.0, Verdict::Hidden);
    }

    #[test]
    fn what_may_be_had_or_known_is_told() {
        use Action::{DeleteCredential as Delete, GetCredential as Get};
        assert_eq!(both(Delete, &[(Delete, true)])[0], (Verdict::Permitted, vec![Delete]));
        assert_eq!(both(Delete, &[(Get, true)])[0], (Verdict::Denied, vec![Delete, Get]));
        assert_eq!(both(Delete, &[(Delete, false)])[1], (Verdict::Permitted, vec![Delete]));
    }

    #[test]
    fn the_policy_is_who_is_asked() {
        let access = access(
            r#"permit (principal == Caller::"uid:1", action in Action::"read", resource);
               forbid (principal, action, resource) when { resource.hasTag("hidden") };"#,
        );
        let (open, hidden) = (credential(ACME, &[]), credential(ACME, &[("hidden", "")]));
        let judge =
            |uid, found| access.judge(&caller(uid), Action::DeleteCredential, &open.name, found);
        assert_eq!(judge("uid:1", Some(&open)), Verdict::Denied);
        assert_eq!(judge("uid:1", Some(&hidden)), judge("uid:1", None));
        assert_eq!(judge("uid:2", Some(&open)), Verdict::Hidden);
        assert_eq!(judge("uid:2", None), Verdict::Hidden);
    }
}
