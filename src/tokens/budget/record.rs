//! The record of a bucket.
//!
//! One field, sealed with a store key. It says how old each granule was, not when it was: what
//! passes between writing and reading is the only thing that has to be told by a wall clock.
//!
//! | offset | length | field                                                                 |
//! |-------:|-------:|-----------------------------------------------------------------------|
//! |      0 |      1 | format, always 1                                                      |
//! |      1 |      8 | when it was written: milliseconds since 1970, big endian, as the rest |
//!
//! Then for each granule, oldest first, at most [`GRANULES_MAX`]:
//!
//! | length | field                                                                          |
//! |-------:|--------------------------------------------------------------------------------|
//! |      4 | its age: milliseconds from its begin to the writing; less than the one before  |
//! |      4 | attempts, at least 1                                                           |
//! |      4 | those of them for accounts that never got a token                              |

use std::time::Duration;

use crate::model::{BudgetLimits, Uid};
use crate::sealing::{Keyring, Payload, Place, RecordKind, SealError, SealedRecord, StoreKey};
use crate::vault::ReadError;

use super::charges::{Charges, GRANULES_MAX, Granule};
use super::time::BudgetTime;

/// What the record of a bucket says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BudgetRecord {
    written: u64,
    granules: Vec<Aged>,
}

/// A granule with its age in milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Aged {
    age: u32,
    attempts: u32,
    unproven: u32,
}

impl BudgetRecord {
    pub(super) fn new(charges: &Charges, time: &BudgetTime) -> Self {
        let now = time.now();
        let granules = charges.granules().iter().map(|granule| Aged {
            age: u32::try_from(millis(now.saturating_sub(granule.begin))).unwrap_or(u32::MAX),
            attempts: granule.attempts,
            unproven: granule.unproven,
        });
        Self { written: millis(time.date_written()), granules: granules.collect() }
    }

    /// What still counts. A record from the future counts as written now.
    pub(super) fn charges(&self, time: &BudgetTime) -> Charges {
        // In this order: what passes in between makes nothing older.
        let since = millis(time.date_read()).saturating_sub(self.written);
        let now = time.now();
        let granules = self.granules.iter().map(|aged| Granule {
            begin: now.saturating_sub(Duration::from_millis(u64::from(aged.age) + since)),
            attempts: aged.attempts,
            unproven: aged.unproven,
        });
        Charges::new(granules, now)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + GRANULE_BYTES * self.granules.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.written.to_be_bytes());
        for Aged { age, attempts, unproven } in &self.granules {
            for number in [age, attempts, unproven] {
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
        bytes
    }

    /// `None` if it breaks one of the rules above.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[format], bytes) = bytes.split_first_chunk::<1>()?;
        let (written, bytes) = bytes.split_first_chunk::<8>()?;
        let (granules, rest) = bytes.as_chunks::<GRANULE_BYTES>();
        let granules: Vec<Aged> = granules.iter().map(Aged::from_bytes).collect::<Option<_>>()?;
        let sound = format == FORMAT
            && rest.is_empty()
            && granules.len() <= GRANULES_MAX
            && granules.is_sorted_by(|one, next| one.age > next.age)
            && granules.iter().all(|aged| aged.attempts > 0 && aged.unproven <= aged.attempts);
        sound.then(|| Self { written: u64::from_be_bytes(*written), granules })
    }
}

impl Aged {
    fn from_bytes(bytes: &[u8; GRANULE_BYTES]) -> Option<Self> {
        let (numbers, _) = bytes.as_chunks::<4>();
        let [age, attempts, unproven] = *numbers else { return None };
        let [age, attempts, unproven] = [age, attempts, unproven].map(u32::from_be_bytes);
        Some(Self { age, attempts, unproven })
    }
}

/// Seals the record that lies under `key`.
pub(super) fn seal(
    keyring: &Keyring,
    key: &StoreKey,
    told: &BudgetRecord,
) -> Result<SealedRecord, SealError> {
    let payload = Payload::new(&[&told.to_bytes()]);
    SealedRecord::seal(keyring.store_key(), &place(keyring, key), &payload)
}

/// Opens the record that lies under `key`.
pub(super) fn open(
    keyring: &Keyring,
    key: &StoreKey,
    sealed: &SealedRecord,
) -> Result<BudgetRecord, ReadError> {
    let store_key = keyring.store_key_version(sealed.key_version()).ok_or(ReadError::UnknownKey)?;
    let [told] = sealed.open(store_key, &place(keyring, key))?.fields()?;
    BudgetRecord::from_bytes(told.expose()).ok_or(ReadError::Content)
}

/// A budget belongs to no tenant of the vault: Infor's limits do not know them.
fn place<'a>(keyring: &Keyring, key: &'a StoreKey) -> Place<'a> {
    let tenant_uid = Uid::from_bytes([0; 16]);
    Place {
        store_id: keyring.store_id(),
        tenant_uid,
        kind: RecordKind::Budget,
        id: key,
        version: 0,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 9;
const GRANULE_BYTES: usize = 12;

// A granule holds one attempt at least, so there are no more than the limit allows; and whatever the
// limit was, a record is never longer than the store takes.
const _: () =
    assert!(HEADER_BYTES + GRANULE_BYTES * *BudgetLimits::PER_DAY.end() as usize <= 64 * 1024);
const _: () = assert!(HEADER_BYTES + GRANULE_BYTES * GRANULES_MAX < SealedRecord::BYTES_MAX);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let granules = vec![
            Aged { age: 0x0102_0304, attempts: 7, unproven: 2 },
            Aged { age: 5, attempts: 1, unproven: 0 },
        ];
        let bytes = BudgetRecord { written: 0x1112_1314_1516_1718, granules }.to_bytes();
        let expected = "01 1112131415161718 01020304 00000007 00000002 00000005 00000001 00000000";
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), expected.replace(' ', ""));
    }

    #[test]
    fn what_breaks_a_rule_does_not_decode() {
        let good = "01 1112131415161718 00000009 00000007 00000002 00000005 00000001 00000000";
        let decoded = |hex: &str| {
            let bytes = data_encoding::HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap();
            BudgetRecord::from_bytes(&bytes)
        };
        assert!(decoded(good).is_some());
        for (why, bad) in [
            ("nothing", ""),
            ("another format", "02 1112131415161718"),
            ("no time", "01 11121314151617"),
            ("half a granule", "01 1112131415161718 00000009 00000007"),
            (
                "youngest first",
                "01 1112131415161718 00000005 00000001 00000000 00000009 00000001 00000000",
            ),
            ("no attempt", "01 1112131415161718 00000009 00000000 00000000"),
            ("more unproven than all", "01 1112131415161718 00000009 00000001 00000002"),
        ] {
            assert_eq!(decoded(bad), None, "{why}");
        }
        let many = |count: u32| {
            let aged = (0..count).rev().map(|age| Aged { age, attempts: 1, unproven: 0 });
            BudgetRecord { written: 0, granules: aged.collect() }.to_bytes()
        };
        let most = u32::try_from(GRANULES_MAX).unwrap();
        assert!(BudgetRecord::from_bytes(&many(most)).is_some());
        assert_eq!(BudgetRecord::from_bytes(&many(most + 1)), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(written: u64, ages in ages(), attempts in 1_u32.., spared: u32) {
            let unproven = attempts.saturating_sub(spared);
            let granules = ages.into_iter().map(|age| Aged { age, attempts, unproven }).collect();
            let record = BudgetRecord { written, granules };
            prop_assert_eq!(BudgetRecord::from_bytes(&record.to_bytes()), Some(record));
        }

        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(bytes in bytes_like_a_record()) {
            if let Some(record) = BudgetRecord::from_bytes(&bytes) {
                prop_assert_eq!(record.to_bytes(), bytes);
            }
        }
    }

    fn ages() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::btree_set(any::<u32>(), 0..20)
            .prop_map(|ages| ages.into_iter().rev().collect())
    }

    /// Bytes that often decode: the property is empty otherwise.
    fn bytes_like_a_record() -> impl Strategy<Value = Vec<u8>> {
        let granule = prop::collection::vec(0_u8..3, 0..3 * GRANULE_BYTES);
        (1_u8..3, any::<u64>(), granule).prop_map(|(format, written, granules)| {
            [&[format], &written.to_be_bytes()[..], &granules].concat()
        })
    }
}
