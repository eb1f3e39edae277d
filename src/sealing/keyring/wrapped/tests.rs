use proptest::prelude::*;

use super::*;
use crate::sealing::{HashPurpose, RecordKind};

#[test]
fn an_unlocked_keyring_holds_the_same_keys() {
    let keyring = Keyring::generate().unwrap();
    let bytes = locked(&keyring).to_bytes();
    let wrapped = WrappedKeyring::parse(&bytes).unwrap();
    assert_eq!(wrapped.store_id(), keyring.store_id());
    assert_eq!(wrapped.root_key_id(), "file:0123");
    assert_eq!(wrapped.wrapped_store_key(), b"wrapped");
    assert_eq!(wrapped.context(), keyring.context());

    let back = wrapped.unlock(&keyring.store_key().to_secret()).unwrap();

    assert_eq!(back.store_id(), keyring.store_id());
    assert_eq!(back.store_key().version(), 1);
    assert_eq!(back.store_key().to_secret().expose(), keyring.store_key().to_secret().expose());
    let hash = |keyring: &Keyring| keyring.keyed_hash(HashPurpose::PageToken, &[b"a"]);
    assert_eq!(hash(&back), hash(&keyring));
    let place = |keyring: &Keyring| keyring.blind(RecordKind::Tenant, &[b"a"]);
    assert_eq!(place(&back), place(&keyring));
}

#[test]
fn every_single_bit_flip_keeps_a_keyring_locked() {
    let keyring = Keyring::generate().unwrap();
    let bytes = locked(&keyring).to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let unlocked = WrappedKeyring::parse(&changed)
            .ok()
            .and_then(|wrapped| wrapped.unlock(&keyring.store_key().to_secret()).ok());
        assert!(unlocked.is_none(), "bit {bit}");
    }
}

#[test]
fn every_cut_and_every_appendix_is_refused() {
    let bytes = locked(&Keyring::generate().unwrap()).to_bytes();
    for end in 0..bytes.len() {
        assert_eq!(WrappedKeyring::parse(&bytes[..end]).err(), Some(InvalidKeyring::Shape));
    }
    let longer = [&bytes[..], b"\n"].concat();
    assert_eq!(WrappedKeyring::parse(&longer).err(), Some(InvalidKeyring::Shape));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut bytes = locked(&Keyring::generate().unwrap()).to_bytes();
    bytes[4] = 2;
    assert_eq!(WrappedKeyring::parse(&bytes).err(), Some(InvalidKeyring::Unknown));
}

#[test]
fn the_store_key_of_another_store_does_not_unlock() {
    let [one, other] = [(); 2].map(|()| Keyring::generate().unwrap());
    let unlock = |key: &Secret| locked(&one).unlock(key).err();
    assert_eq!(unlock(&other.store_key().to_secret()), Some(NotAuthentic.into()));
    assert_eq!(unlock(&Secret::from(vec![1; 31])), Some(UnlockError::StoreKey));
}

#[test]
fn contexts_differ_by_store() {
    let [one, other] = [(); 2].map(|()| Keyring::generate().unwrap());
    assert_ne!(one.context(), other.context());
    assert_ne!(context(one.store_id(), 1), context(one.store_id(), 2));
}

#[test]
fn what_does_not_fit_the_table_is_not_written() {
    let keyring = Keyring::generate().unwrap();
    let lock = |id: &str, bytes: usize| keyring.lock(id, vec![0; bytes]);
    for id in ["", "a b", "ä", "a\n", &"a".repeat(ROOT_KEY_ID_BYTES_MAX + 1)] {
        assert!(matches!(lock(id, 1), Err(LockError::RootKeyId)), "{id:?}");
    }
    for bytes in [0, WRAPPED_BYTES_MAX + 1] {
        assert!(matches!(lock("file", bytes), Err(LockError::WrappedStoreKey)), "{bytes}");
    }
    let longest = lock(&"a".repeat(ROOT_KEY_ID_BYTES_MAX), WRAPPED_BYTES_MAX).unwrap();
    assert_eq!(WrappedKeyring::parse(&longest.to_bytes()), Ok(longest));
}

#[test]
fn a_kept_keyring_shows_no_key() {
    let keyring = Keyring::generate().unwrap();
    let wrapped = locked(&keyring);
    let shown = [wrapped.to_bytes(), format!("{wrapped:?}").into_bytes()];
    let store_key = keyring.store_key().to_secret();
    for secret in [store_key.expose(), keyring.blinding_key.expose().as_slice()] {
        let debug = format!("{secret:?}").into_bytes();
        let debug = debug.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]")).unwrap();
        for text in &shown {
            assert!(!text.windows(32).any(|window| window == secret));
            assert!(!text.windows(debug.len()).any(|window| window == debug));
        }
    }
}

proptest! {
    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(
        format in 0_u8..3,
        version in 0_u32..3,
        root_key_id in "[ -~]{0,4}",
        wrapped in prop::collection::vec(any::<u8>(), 0..4),
        sealed in prop::collection::vec(any::<u8>(), SEALED_BYTES - 1..=SEALED_BYTES + 1),
    ) {
        let mut bytes = [&b"IONK"[..], &[format, 1], &[5; 16], &version.to_be_bytes()].concat();
        push_short(&mut bytes, root_key_id.as_bytes());
        push_short(&mut bytes, &wrapped);
        bytes.extend(sealed);
        if let Ok(wrapped) = WrappedKeyring::parse(&bytes) {
            prop_assert_eq!(wrapped.to_bytes(), bytes);
        }
    }
}

fn locked(keyring: &Keyring) -> WrappedKeyring {
    keyring.lock("file:0123", b"wrapped".to_vec()).unwrap()
}
