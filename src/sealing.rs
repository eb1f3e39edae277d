//! Seals records: what is stored is unreadable without the keys, and opens only where and as what
//! it was sealed.
//!
//! ```text
//! root key ─ wraps ▶ store key ─ seals ▶ keyring: blinding key
//!  (a port)                    └ seals ▶ tenant record: tenant key ─ seals ▶ all other records
//! ```
//!
//! Each *seals* is an [`Envelope`]: a key of its own, derived for one use. To destroy a key is to
//! destroy all that hangs from it.

mod envelope;
mod key;
mod keyring;
mod payload;
mod record;
mod store_key;
#[cfg(test)]
pub(crate) mod vectors;

pub use envelope::{Envelope, NotAuthentic, Purpose, SealError};
pub use key::{RandomError, SealingKey};
pub use keyring::{HashPurpose, InvalidKeyring, Keyring, LockError, UnlockError, WrappedKeyring};
pub use payload::{InvalidPayload, Payload};
pub use record::{InvalidRecord, OpenError, Place, RecordKind, SealedRecord};
pub use store_key::StoreKey;
