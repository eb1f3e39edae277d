//! The policy in force.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Access;

/// Holds the policy by which calls are judged now, and takes the next one as a whole.
///
/// Whoever asks more than one question about a call asks the same [`Current::load`]: two of them
/// may be two policies. What the old policy remembers goes with it.
pub struct Current(ArcSwap<Access>);

impl Current {
    /// Judges by this policy from now on.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self(ArcSwap::from_pointee(access))
    }

    /// The policy in force: one load, without a lock. Not to be kept while waiting, or what is
    /// judged by it is judged by an old one.
    #[must_use]
    pub fn load(&self) -> impl Deref<Target = Arc<Access>> {
        self.0.load()
    }

    /// Judges by `next` from now on. A question that was asked before may still be answered by
    /// the old policy, none that is asked afterwards.
    pub fn replace(&self, next: Access) {
        self.0.store(Arc::new(next));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::access::sample::{access, caller, credential, groups};
    use crate::access::{Action, Resource};
    use crate::model::{Caller, Credential};

    const NOBODY: &str = "forbid (principal, action, resource);";
    const EVERYBODY: &str = "permit (principal, action, resource);";

    #[test]
    fn a_question_after_the_change_is_answered_by_the_new_policy() {
        let current = Current::new(access(EVERYBODY));
        let credential = credential("tenants/acme/credentials/infor", &[]);
        let caller = caller("uid:1");
        let asked = || {
            let resource = Resource::Credential(&credential);
            current.load().permits(&caller, Action::IssueToken, resource)
        };
        let ended = AtomicBool::new(false);
        let answers: Vec<_> = std::thread::scope(|threads| {
            for _ in 0..2 {
                // Others who ask all the while.
                threads.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        asked();
                    }
                });
            }
            let answers = (0..200).map(|_| {
                current.replace(access(NOBODY));
                let denied = asked();
                current.replace(access(EVERYBODY));
                (denied, asked())
            });
            let answers = answers.collect();
            ended.store(true, Ordering::Relaxed);
            answers
        });
        assert!(answers.iter().all(|answer| *answer == (false, true)), "{answers:?}");
    }

    /// Policies and groups that answer the same questions differently.
    fn policy(number: usize) -> Access {
        const ADMINS: &str = r#"permit (principal in Group::"admin", action, resource);"#;
        const LABELLED: &str = r#"permit (principal, action == Action::"IssueToken", resource)
            when { resource.hasTag("r") && resource.getTag("r") == "1" };"#;
        let admins = |member| Access::new(ADMINS, &groups(&[("admin", &[member])])).unwrap();
        match number {
            0 => access(NOBODY),
            1 => access(LABELLED),
            2 => admins("uid:0"),
            _ => admins("uid:1"),
        }
    }

    /// The same ones, which nobody but [`Access::decide`] asks: they remember nothing.
    static BY_THEMSELVES: LazyLock<[Access; 4]> = LazyLock::new(|| [0, 1, 2, 3].map(policy));

    /// In two revisions, always the same ones.
    static CREDENTIALS: LazyLock<[Credential; 2]> = LazyLock::new(|| {
        let first = credential("tenants/acme/credentials/infor", &[("r", "1")]);
        let mut second = credential("tenants/acme/credentials/infor", &[("r", "2")]);
        (second.uid, second.revision) = (first.uid, first.revision + 1);
        [first, second]
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Policies come and go, also the same one again, and each question may have been asked
        /// under any of them: the answer is the one that the policy in force gives by itself.
        #[test]
        fn no_answer_comes_from_the_memory_of_a_policy_that_was_replaced(
            steps in prop::collection::vec(
                (prop::option::weighted(0.15, 0..4_usize), 0..2_u32, 0..2_usize, 0..2_usize),
                1..40,
            ),
        ) {
            let (current, mut in_force) = (Current::new(policy(0)), 0);
            for (next, uid, action, revision) in steps {
                if let Some(next) = next {
                    current.replace(policy(next));
                    in_force = next;
                }
                let action = [Action::IssueToken, Action::GetCredential][action];
                let caller = Caller::LocalUser(uid);
                let resource = Resource::Credential(&CREDENTIALS[revision]);
                let expected = BY_THEMSELVES[in_force].decide(&caller, action, resource);
                for _ in 0..2 {
                    let told = current.load().permits(&caller, action, resource);
                    prop_assert_eq!(told, expected, "policy {}", in_force);
                }
            }
        }
    }
}
