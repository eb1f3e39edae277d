//! Seals records: what is stored is unreadable without the keys, and opens only where and as what
//! it was sealed.

mod record;
mod store_key;

pub use record::{InvalidRecord, RecordKind, SealedRecord};
pub use store_key::StoreKey;
