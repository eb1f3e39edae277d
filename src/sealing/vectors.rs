//! Runs `tests/vectors`, which another implementation wrote from the documentation: see `make.py`
//! there.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::{
    HashPurpose, InvalidKeyring, InvalidRecord, OpenError, Payload, Place, RecordKind,
    SealedRecord, SealingKey, StoreKey, UnlockError, WrappedKeyring,
};
use crate::model::Uid;
use crate::secret::Secret;

#[test]
fn every_record_vector_ends_as_it_expects() {
    let vectors = Vector::all("record", RECORD_VECTORS);
    for vector in &vectors {
        let ended = match SealedRecord::from_stored(vector.bytes("record")) {
            Err(InvalidRecord::Shape) => "shape",
            Err(InvalidRecord::Unknown) => "unknown",
            Ok(record) => match record.open(&vector.key(), &vector.place(&vector.id())) {
                Err(OpenError::OtherKey(_)) => "other-key",
                Err(OpenError::NotAuthentic(_)) => "not-authentic",
                Ok(payload) => {
                    assert_eq!(payload.expose(), vector.payload().expose(), "{}", vector.name);
                    "opens"
                }
            },
        };
        assert_eq!(ended, vector.text("expect"), "{}", vector.name);
    }
}

#[test]
fn sealing_with_the_salt_of_a_good_vector_gives_its_bytes() {
    let vectors = Vector::all("record", RECORD_VECTORS);
    let good: Vec<_> = vectors.iter().filter(|it| it.text("expect") == "opens").collect();
    assert_eq!(good.len(), GOOD_RECORD_VECTORS);
    for vector in good {
        let salt = vector.bytes("salt").try_into().unwrap();
        let record = SealedRecord::seal_by(
            &vector.key(),
            &vector.place(&vector.id()),
            &vector.payload(),
            |envelope, plaintext| envelope.seal_with_salt(&salt, plaintext),
        );
        assert_eq!(record.unwrap().as_bytes(), vector.bytes("record"), "{}", vector.name);
    }
}

#[test]
fn every_keyring_vector_ends_as_it_expects() {
    for vector in Vector::all("keyring", KEYRING_VECTORS) {
        let ended = match WrappedKeyring::parse(&vector.bytes("keyring")) {
            Err(InvalidKeyring::Shape) => "shape",
            Err(InvalidKeyring::Unknown) => "unknown",
            Ok(wrapped) => match wrapped.unlock(&Secret::from(vector.bytes("store-key"))) {
                Err(UnlockError::StoreKey) => "store-key",
                Err(UnlockError::NotAuthentic(_)) => "not-authentic",
                Ok(keyring) => {
                    assert_eq!(keyring.store_id().as_bytes()[..], vector.bytes("store"));
                    let place = keyring.blind(RecordKind::VersionFile, &[b"acme", b"erp", b"7"]);
                    assert_eq!(place.as_bytes(), vector.bytes("blind"));
                    let hash = keyring.keyed_hash(HashPurpose::ContentId, &[b"ab", b"c"]);
                    assert_eq!(hash[..], vector.bytes("keyed-hash"));
                    "unlocks"
                }
            },
        };
        assert_eq!(ended, vector.text("expect"), "{}", vector.name);
    }
}

/// One file: a line that names the sort, then `key: value` lines.
pub(crate) struct Vector {
    name: String,
    lines: HashMap<String, String>,
}

impl Vector {
    /// All files of a sort, `count` of them: none is passed over.
    pub(crate) fn all(sort: &str, count: usize) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(sort);
        let vectors: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| Self::read(&entry.unwrap().path(), sort))
            .collect();
        assert_eq!(vectors.len(), count, "as many files as the constant says");
        vectors
    }

    fn read(path: &Path, sort: &str) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(format!("ionvault {sort} vector 1").as_str()), "{name}");
        let lines = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        Self { name, lines }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.lines.get(key).unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(key).as_bytes()).unwrap()
    }

    fn number(&self, key: &str) -> u32 {
        self.text(key).parse().unwrap()
    }

    fn key(&self) -> SealingKey {
        SealingKey::from_secret(self.number("key-version"), &Secret::from(self.bytes("key")))
            .unwrap()
    }

    fn id(&self) -> StoreKey {
        StoreKey::from_stored(&self.bytes("id")).unwrap()
    }

    fn place<'a>(&self, id: &'a StoreKey) -> Place<'a> {
        let uid = |key| Uid::from_bytes(self.bytes(key).try_into().unwrap());
        Place {
            store_id: uid("store"),
            tenant_uid: uid("tenant"),
            kind: RecordKind::from_byte(self.number("kind").try_into().unwrap()).unwrap(),
            id,
            version: self.number("version"),
        }
    }

    /// Fields are hexadecimal, parted by spaces; an empty one is a dash.
    fn payload(&self) -> Payload {
        let fields: Vec<_> = self
            .text("fields")
            .split_whitespace()
            .map(|field| HEXLOWER.decode(field.trim_matches('-').as_bytes()).unwrap())
            .collect();
        Payload::new(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

const RECORD_VECTORS: usize = 56;
const GOOD_RECORD_VECTORS: usize = 9;
pub(crate) const KEYRING_VECTORS: usize = 23;
