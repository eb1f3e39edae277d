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
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::access::sample::{access, caller, credential};
    use crate::access::{Action, Resource};

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
}
