//! Validated nouns: whoever holds one need not check it again.

mod budget_limits;
mod caller;
mod credential;
mod health;
mod labels;
mod name;
mod uid;

pub use budget_limits::BudgetLimits;
pub use caller::{Caller, ISSUER_BYTES_MAX, InvalidCaller, JwtCaller, SUBJECT_BYTES_MAX, Workload};
pub use credential::{AccountId, ContentId, Credential, Etag, Grant, IonApiFacts, State, Version};
pub use health::Health;
pub use labels::{InvalidLabels, LABELS_MAX, Labels, is_key};
pub use name::{
    CredentialId, CredentialName, InvalidName, Parent, TenantId, VersionName, VersionNumber,
};
pub use uid::{InvalidUid, Uid};
