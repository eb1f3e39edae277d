use proptest::prelude::*;

use super::*;
use crate::secret::Secret;

const STORE: Uid = Uid::from_bytes([1; 16]);
const TENANT: Uid = Uid::from_bytes([2; 16]);

proptest! {
    #[test]
    fn what_was_sealed_opens(
        fields: [Vec<u8>; 2],
        tenant: [u8; 16],
        id in prop::collection::vec(any::<u8>(), 1..=StoreKey::BYTES_MAX),
        version: u32,
        key_version: u32,
    ) {
        let key = key(key_version);
        let id = StoreKey::from_stored(&id).unwrap();
        let place = Place { tenant_uid: Uid::from_bytes(tenant), version, ..at(&id) };
        let payload = Payload::new(&fields.each_ref().map(Vec::as_slice));

        let record = SealedRecord::seal(&key, &place, &payload).unwrap();

        prop_assert_eq!(record.tenant_uid(), place.tenant_uid);
        prop_assert_eq!(record.key_version(), key_version);
        let stored = SealedRecord::from_stored(record.as_bytes().to_vec()).unwrap();
        let back = stored.open(&key, &place).unwrap().fields::<2>().unwrap();
        prop_assert_eq!(back.each_ref().map(|field| field.expose().to_vec()), fields);
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(
        head in prop::array::uniform3(0_u8..6),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [&b"IONV"[..], &head, &rest].concat();
        if let Ok(record) = SealedRecord::from_stored(bytes.clone()) {
            prop_assert_eq!(record.as_bytes(), bytes);
        }
    }
}

#[test]
fn every_single_bit_flip_keeps_a_record_closed() {
    let (key, id) = (key(1), id(0));
    let record = sealed(&key, &at(&id));
    let bits = record.0.len() * 8;
    let mut closed = 0;
    for bit in 0..bits {
        let mut bytes = record.0.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened =
            SealedRecord::from_stored(bytes).ok().and_then(|it| it.open(&key, &at(&id)).ok());
        closed += usize::from(opened.is_none());
    }
    println!("{closed} of {bits} flips keep the record closed");
    assert_eq!(closed, bits);
}

#[test]
fn every_swap_among_a_hundred_records_keeps_them_closed() {
    // Ten tenants with ten records each: credentials, and two versions of each of two files.
    let keys: Vec<_> = (0..10).map(|_| SealingKey::random(1).unwrap()).collect();
    let ids: Vec<_> = (0..100).map(|n| id(n % 50)).collect();
    let places: Vec<_> = (0..100)
        .map(|n| Place {
            tenant_uid: Uid::from_bytes([n / 10; 16]),
            kind: if n % 10 < 6 { RecordKind::Credential } else { RecordKind::VersionFile },
            version: u32::from(n % 10 % 2),
            ..at(&ids[usize::from(n)])
        })
        .collect();
    let records: Vec<_> =
        places.iter().enumerate().map(|(n, place)| sealed(&keys[n / 10], place)).collect();

    let mut closed = 0;
    for (n, record) in records.iter().enumerate() {
        for (m, place) in places.iter().enumerate() {
            // With the key of the place, and with the key of the record.
            let opened = [m, n].map(|k| record.open(&keys[k / 10], place).is_ok());
            assert_eq!(opened, [n == m; 2], "record {n} at the place of {m}");
            closed += usize::from(n != m);
        }
    }
    println!("{closed} swaps keep the record closed");
    assert_eq!(closed, 9_900);
}

/// One test for each field of the associated data: nothing else can close the record, as the header
/// is changed to agree with the place where it is opened.
mod tied_to {
    use super::*;

    #[test]
    fn the_format() {
        for byte in 0..6 {
            let mut record = sealed(&key(1), &at(&id(0)));
            record.0[byte] ^= 2;
            assert_closed(&record, &key(1), &at(&id(0)));
        }
    }

    #[test]
    fn the_store() {
        let record = sealed(&key(1), &at(&id(0)));
        assert_closed(&record, &key(1), &Place { store_id: TENANT, ..at(&id(0)) });
    }

    #[test]
    fn the_tenant() {
        let mut record = sealed(&key(1), &at(&id(0)));
        record.0[TENANT_AT..KEY_VERSION_AT].copy_from_slice(STORE.as_bytes());
        assert_closed(&record, &key(1), &Place { tenant_uid: STORE, ..at(&id(0)) });
    }

    #[test]
    fn the_kind() {
        let mut record = sealed(&key(1), &at(&id(0)));
        record.0[KIND_AT] = RecordKind::VersionFile as u8;
        assert_closed(&record, &key(1), &Place { kind: RecordKind::VersionFile, ..at(&id(0)) });
    }

    #[test]
    fn the_key_under_which_it_lies() {
        let record = sealed(&key(1), &at(&id(0)));
        assert_closed(&record, &key(1), &at(&id(1)));
    }

    #[test]
    fn the_version_of_the_file() {
        let record = sealed(&key(1), &at(&id(0)));
        assert_closed(&record, &key(1), &Place { version: 1, ..at(&id(0)) });
    }

    #[test]
    fn the_version_of_the_key() {
        let mut record = sealed(&key(1), &at(&id(0)));
        record.0[KEY_VERSION_AT..HEADER_BYTES].copy_from_slice(&2_u32.to_be_bytes());
        assert_closed(&record, &key(2), &at(&id(0)));
    }

    fn assert_closed(record: &SealedRecord, key: &SealingKey, place: &Place<'_>) {
        assert_eq!(
            record.open(key, place).err(),
            Some(OpenError::NotAuthentic(NotAuthentic)),
            "the record opens elsewhere"
        );
    }
}

#[test]
fn another_version_of_the_key_is_told_from_damage() {
    let record = sealed(&key(7), &at(&id(0)));
    assert_eq!(record.open(&key(8), &at(&id(0))).err(), Some(OpenError::OtherKey(7)));
}

#[test]
fn the_same_payload_never_gives_the_same_bytes() {
    let [one, other] = [(); 2].map(|()| sealed(&key(1), &at(&id(0))));
    // All but the header: salt, commitment, ciphertext and tag.
    for (from, to) in [(27, 59), (59, 91), (91, one.0.len() - 16), (one.0.len() - 16, one.0.len())]
    {
        assert_ne!(one.0[from..to], other.0[from..to]);
    }
}

#[test]
fn the_longest_payload_fits_and_one_more_byte_does_not() {
    let of = |bytes: usize| {
        let payload = Payload::new(&[&vec![0; bytes]]);
        SealedRecord::seal(&key(1), &at(&id(0)), &payload)
    };
    let longest = SealedRecord::BYTES_MAX - HEADER_BYTES - Envelope::OVERHEAD_BYTES - 8;
    let record = of(longest).unwrap();
    assert_eq!(record.0.len(), SealedRecord::BYTES_MAX);
    assert!(SealedRecord::from_stored(record.0).is_ok());
    assert!(matches!(of(longest + 1), Err(SealError::TooLong)));
    let endless = [&b"IONV\x01\x01\x01"[..], &vec![0; SealedRecord::BYTES_MAX]].concat();
    assert_eq!(SealedRecord::from_stored(endless).err(), Some(InvalidRecord::Shape));
}

#[test]
fn debug_output_tells_the_length_only() {
    let text = format!("{:?}", sealed(&key(1), &at(&id(0))));
    assert_eq!(text, "SealedRecord(133 bytes)");
}

fn at(id: &StoreKey) -> Place<'_> {
    Place { store_id: STORE, tenant_uid: TENANT, kind: RecordKind::Credential, id, version: 0 }
}

fn id(n: u8) -> StoreKey {
    StoreKey::from_stored(&[2, n]).unwrap()
}

/// The same bits whatever the version.
fn key(version: u32) -> SealingKey {
    SealingKey::from_secret(version, &Secret::from(vec![3; 32])).unwrap()
}

fn sealed(key: &SealingKey, place: &Place<'_>) -> SealedRecord {
    SealedRecord::seal(key, place, &Payload::new(&[b"some invented text"])).unwrap()
}
