//! Validated nouns: whoever holds one need not check it again.

mod caller;
mod credential;
mod labels;
mod name;
mod uid;

pub use caller::{Caller, InvalidCaller};
pub use credential::{AccountId, ContentId, Credential, Etag, Grant, IonApiFacts, State, Version};
pub use labels::{InvalidLabels, LABELS_MAX, Labels, is_key};
pub use name::{
    CredentialId, CredentialName, InvalidName, Parent, TenantId, VersionName, VersionNumber,
};
pub use uid::{InvalidUid, Uid};
