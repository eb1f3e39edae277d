//! A call, as its handler sees it: who calls, and what the audit is to be told.

use std::str::FromStr;
use std::sync::Arc;

use tonic::{Extensions, Status};

use crate::identity::Peer;
use crate::model::{Caller, CredentialName, InvalidName, VersionName, VersionNumber};

use super::entry::Entry;
use super::fields;
use super::status::Reason;

/// A call whose caller is known.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// Who calls, as the listener established it.
    pub(super) caller: &'a Caller,
    /// What the audit will say.
    pub(super) entry: &'a Arc<Entry>,
}

impl<'a> Call<'a> {
    /// The call that these extensions came with.
    ///
    /// # Errors
    ///
    /// `CALLER_UNKNOWN`: nobody may be told anything who is not known. `AUDIT_UNAVAILABLE`: the call
    /// came past the entrance, and nobody would ever hear of it.
    pub(super) fn from_extensions(extensions: &'a Extensions) -> Result<Self, Status> {
        let unrecorded = || Reason::AuditUnavailable.says("this way leads past the audit log");
        let entry = extensions.get::<Arc<Entry>>().ok_or_else(unrecorded)?;
        let peer = extensions.get::<Arc<Peer>>();
        match peer.map(|peer| &peer.caller) {
            Some(Ok(caller)) => Ok(Self { caller, entry }),
            Some(Err(unusable)) => Err(Reason::CallerUnknown.says(unusable.to_string())),
            None => Err(Reason::CallerUnknown.says("this listener established no identity")),
        }
    }

    /// The name of what the call is about.
    pub(super) fn resource<T: FromStr<Err = InvalidName>>(
        self,
        field: &str,
        text: &str,
    ) -> Result<T, Status> {
        let name = fields::name(field, text)?;
        self.entry.is_about(text);
        Ok(name)
    }

    /// The same, where it names a credential or one of its versions.
    pub(super) fn credential_or_version(
        self,
        field: &str,
        text: &str,
    ) -> Result<(CredentialName, Option<VersionNumber>), Status> {
        if text.contains("/versions/") {
            let VersionName { credential, version } = self.resource(field, text)?;
            Ok((credential, Some(version)))
        } else {
            Ok((self.resource(field, text)?, None))
        }
    }
}
