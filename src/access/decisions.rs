//! Remembers what was permitted.

use std::hash::Hash;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use super::Action;
use crate::model::{Caller, Credential, Uid};

/// The permissions found so far under one policy.
///
/// Only permissions are kept: a caller that is denied leaves nothing behind, however many names it
/// tries, and so cannot push out what others need. Questions about names that do not exist, and
/// about tenants, have no revision and are not kept either. The uid and the revision are part of
/// the question, so nothing is ever to be taken back: a changed credential is another question.
pub(super) struct Decisions(Cache<Permitted, (), Bytes>);

#[derive(Clone, Eq, Hash, PartialEq)]
struct Permitted {
    uid: Uid,
    revision: u64,
    action: Action,
    caller: Caller,
}

/// [`Permitted`] with a borrowed caller; hashes alike, because the fields are the same in the same
/// order.
#[derive(Hash)]
pub(super) struct Question<'a> {
    uid: Uid,
    revision: u64,
    action: Action,
    caller: &'a Caller,
}

impl<'a> Question<'a> {
    pub(super) fn new(caller: &'a Caller, action: Action, credential: &Credential) -> Self {
        Self { uid: credential.uid, revision: credential.revision, action, caller }
    }
}

impl Equivalent<Permitted> for Question<'_> {
    fn equivalent(&self, permitted: &Permitted) -> bool {
        let Permitted { uid, revision, action, caller } = permitted;
        self.uid == *uid
            && self.revision == *revision
            && self.action == *action
            && self.caller == caller
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
        let Question { uid, revision, action, caller } = *question;
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
