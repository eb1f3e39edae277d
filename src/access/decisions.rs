//! Remembers what was permitted.

use std::hash::{Hash, Hasher};

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use super::Action;
use crate::model::{Caller, Credential, Uid, Workload};

/// The permissions found so far under one policy.
///
/// Only permissions are kept: a caller that is denied leaves nothing behind, however many names it
/// tries, and so cannot push out what others need. Questions about names that do not exist, and
/// about tenants, have no revision and are not kept either. The uid and the revision are part of
/// the question, so nothing is ever to be taken back: a changed credential is another question.
pub(super) struct Decisions(Cache<Permitted, (), Bytes>);

#[derive(Clone)]
struct Permitted {
    uid: Uid,
    revision: u64,
    action: Action,
    caller: Caller,
}

/// [`Permitted`] with a borrowed caller. The workload is part of it, beside the identity: another
/// pod, or a service account in another namespace, is another question.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct Question<'a> {
    uid: Uid,
    revision: u64,
    action: Action,
    caller: &'a Caller,
    workload: Option<&'a Workload>,
}

impl<'a> Question<'a> {
    pub(super) fn new(caller: &'a Caller, action: Action, credential: &Credential) -> Self {
        let (uid, revision) = (credential.uid, credential.revision);
        Self { uid, revision, action, caller, workload: caller.workload() }
    }
}

impl Permitted {
    fn question(&self) -> Question<'_> {
        let Self { uid, revision, action, caller } = self;
        let (uid, revision, action) = (*uid, *revision, *action);
        Question { uid, revision, action, caller, workload: caller.workload() }
    }
}

impl Hash for Permitted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.question().hash(state);
    }
}

impl PartialEq for Permitted {
    fn eq(&self, other: &Self) -> bool {
        self.question() == other.question()
    }
}

impl Eq for Permitted {}

impl Equivalent<Permitted> for Question<'_> {
    fn equivalent(&self, permitted: &Permitted) -> bool {
        *self == permitted.question()
    }
}

impl Decisions {
    pub(super) fn new() -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(DECISIONS_BYTES_MAX)
            .estimated_items_capacity(DECISIONS_ESTIMATE)
            .build();
        #[expect(clippy::expect_used, reason = "both sizes are given; any test sees it")]
        let options = options.expect("the sizes of the cache are given");
        Self(Cache::with_options(options, Bytes, DefaultHashBuilder::default(), Default::default()))
    }

    pub(super) fn permitted(&self, question: &Question<'_>) -> bool {
        self.0.get(question).is_some()
    }

    pub(super) fn remember(&self, question: &Question<'_>) {
        let Question { uid, revision, action, caller, workload: _ } = *question;
        self.0.insert(Permitted { uid, revision, action, caller: caller.clone() }, ());
    }
}

/// What an entry costs in memory, about.
#[derive(Clone)]
struct Bytes;

impl Weighter<Permitted, ()> for Bytes {
    fn weight(&self, permitted: &Permitted, (): &()) -> u64 {
        let text = match &permitted.caller {
            Caller::Spiffe(text) | Caller::Dns(text) => text.len(),
            Caller::LocalUser(_) => 0,
            Caller::Jwt(caller) => {
                let workload = caller.workload().map_or(0, |workload| {
                    let Workload { namespace, service_account, pod } = workload;
                    let pod = pod.as_ref().map_or(0, String::len);
                    size_of::<Workload>() + namespace.len() + service_account.len() + pod
                });
                caller.issuer().len() + caller.subject().len() + workload
            }
        };
        // Neither overflows: a name is at most a few kilobytes.
        (ENTRY_BYTES + text) as u64
    }
}

/// `Permitted` itself, and what the cache keeps beside it.
const ENTRY_BYTES: usize = size_of::<Permitted>() + 21;

/// The memory that decisions may take; some hundred services times a thousand credentials.
const DECISIONS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many entries that is, with callers' names of usual length.
const DECISIONS_ESTIMATE: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::sample::credential;

    #[test]
    fn memories_are_bounded_whatever_is_asked() {
        let decisions = Decisions::new();
        let mut credential = credential("tenants/acme/credentials/infor", &[]);
        let caller = Caller::Dns("x".repeat(1000));
        let enough = DECISIONS_BYTES_MAX / 1000 * 2;
        for revision in 0..enough {
            credential.revision = revision;
            decisions.remember(&Question::new(&caller, Action::IssueToken, &credential));
        }
        let remembered = decisions.0.len() as u64;
        assert!(remembered * 1000 < DECISIONS_BYTES_MAX, "{remembered} of {enough}");
        assert!(remembered > enough / 4, "{remembered} of {enough}");
    }
}
