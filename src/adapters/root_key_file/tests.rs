use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};

use tempfile::TempDir;

use super::*;
use crate::sealing::WrappedKeyring;
use crate::sealing::vectors::{KEYRING_VECTORS, Vector};

#[test]
fn a_created_key_is_read_again() {
    let (_directory, path) = place();
    let made = RootKeyFile::create(&path).unwrap();
    let read = RootKeyFile::read(&path).unwrap();
    assert_eq!(*made.key.expose(), *read.key.expose());
    assert_eq!(made.key_id(), read.key_id());
    assert_eq!(made.key_id().len(), 32);
}

#[test]
fn a_new_file_is_for_its_owner_only_and_alone() {
    let (directory, path) = place();
    RootKeyFile::create(&path).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(metadata.nlink(), 1);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_there_is_never_overwritten() {
    let (directory, path) = place();
    fs::write(&path, "something").unwrap();
    assert!(matches!(RootKeyFile::create(&path), Err(CreateRootKeyError::Exists)));
    assert_eq!(fs::read(&path).unwrap(), b"something");
    // A link to nowhere is something, too.
    let link = directory.path().join("link");
    symlink(directory.path().join("nowhere"), &link).unwrap();
    assert!(matches!(RootKeyFile::create(&link), Err(CreateRootKeyError::Exists)));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_kill_in_the_middle_of_writing_leaves_no_key_and_the_next_attempt_works() {
    let (directory, path) = place();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "adapters::root_key_file::tests::is_killed_while_writing", "--ignored"])
        .env(PLACE_OF_CHILD, &path)
        .stdout(Stdio::null())
        .status()
        .unwrap();

    assert_eq!(status.signal(), Some(rustix::process::Signal::XFSZ.as_raw()));
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].metadata().unwrap().len(), BYTES_BEFORE_KILL);
    assert!(matches!(RootKeyFile::read(&path), Err(ReadRootKeyError::Missing)));
    RootKeyFile::create(&path).unwrap();
    RootKeyFile::read(&path).unwrap();
}

/// The system kills a process that writes past its limit on the size of files.
#[test]
#[ignore = "runs in a child of another test"]
fn is_killed_while_writing() {
    let path = std::env::var_os(PLACE_OF_CHILD).unwrap();
    assert!(crate::secret::harden_process().is_empty());
    let limit = Rlimit { current: Some(BYTES_BEFORE_KILL), maximum: Some(BYTES_BEFORE_KILL) };
    setrlimit(Resource::Fsize, limit).unwrap();
    let _ = RootKeyFile::create(path.as_ref());
}

#[test]
fn a_missing_directory_is_an_error_of_writing() {
    let (directory, _) = place();
    let created = RootKeyFile::create(&directory.path().join("missing/root.key"));
    assert!(matches!(created, Err(CreateRootKeyError::Write(_))));
}

#[test]
fn a_missing_file_is_told_from_others() {
    let (directory, path) = place();
    assert!(matches!(RootKeyFile::read(&path), Err(ReadRootKeyError::Missing)));
    assert!(matches!(RootKeyFile::read(directory.path()), Err(ReadRootKeyError::NotAFile)));
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(RootKeyFile::read(&path), Err(ReadRootKeyError::NotAFile)));
}

#[test]
fn every_mode_wider_than_0600_is_refused() {
    let (_directory, path) = place();
    RootKeyFile::create(&path).unwrap();
    for bit in 0..12 {
        fs::set_permissions(&path, Permissions::from_mode(0o400 | 1 << bit)).unwrap();
        let wide = 1 << bit & !0o600 != 0;
        match RootKeyFile::read(&path) {
            Err(ReadRootKeyError::TooWide(mode)) => assert!(wide && mode == 0o400 | 1 << bit),
            read => assert!(read.is_ok() && !wide, "bit {bit}"),
        }
    }
}

#[test]
fn links_are_followed_and_what_they_lead_to_is_checked() {
    let (directory, path) = place();
    let made = RootKeyFile::create(&path).unwrap();
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(RootKeyFile::read(&link).unwrap().key_id(), made.key_id());
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(RootKeyFile::read(&link), Err(ReadRootKeyError::TooWide(0o640))));
}

#[test]
fn a_file_of_another_user_is_refused() {
    let (_directory, path) = place();
    RootKeyFile::create(&path).unwrap();
    // Only root can give a file away; anyone else has no way to make such a file.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(RootKeyFile::read(&path), Err(ReadRootKeyError::OtherOwner(65_534))));
    }
}

#[test]
fn every_change_of_a_digit_and_every_other_length_is_damage() {
    let text = RootKeyFile::from_key(LockedKey::from_bytes(&[7; 32]).unwrap()).text();
    assert!(RootKeyFile::from_text(&text).is_some());
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.to_vec();
            changed[at] ^= 1 << bit;
            assert!(RootKeyFile::from_text(&changed).is_none(), "byte {at}, bit {bit}");
        }
        assert!(RootKeyFile::from_text(&text[..at]).is_none());
    }
    assert!(RootKeyFile::from_text(&[&text[..], b"\n"].concat()).is_none());
    assert!(RootKeyFile::from_text(&text.to_ascii_uppercase()).is_none());
    let (_directory, path) = place();
    RootKeyFile::create(&path).unwrap();
    fs::write(&path, vec![b'0'; 1_000_000]).unwrap();
    assert!(matches!(RootKeyFile::read(&path), Err(ReadRootKeyError::Damaged)));
}

#[test]
fn the_text_of_a_key_never_changes() {
    let text = RootKeyFile::from_key(LockedKey::from_bytes(&[7; 32]).unwrap()).text();
    let expected = format!(
        "ionvault root key 1\nid  303180e95421448e3a9688b8f3334703\nkey {}\n",
        "07".repeat(32)
    );
    assert_eq!(std::str::from_utf8(&text), Ok(expected.as_str()));
}

#[tokio::test]
async fn a_wrapped_key_opens_under_the_same_key_and_context_only() {
    let (key, other) = (random(), random());
    let wrapped = key.wrap(&Secret::from(vec![5; 32]), b"store 1").await.unwrap();
    assert_eq!(key.unwrap(&wrapped, b"store 1").await.unwrap().expose(), [5; 32]);
    for (key, context) in [(&key, &b"store 2"[..]), (&other, b"store 1")] {
        let unwrapped = key.unwrap(&wrapped, context).await;
        assert!(matches!(unwrapped, Err(RootKeyError::NotAuthentic)));
    }
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        let unwrapped = key.unwrap(&changed, b"store 1").await;
        assert!(matches!(unwrapped, Err(RootKeyError::NotAuthentic)), "byte {at}");
    }
}

#[tokio::test]
async fn the_vector_of_another_implementation_unwraps() {
    let vectors = Vector::all("keyring", KEYRING_VECTORS);
    let good = vectors.iter().find(|it| it.text("expect") == "unlocks").unwrap();
    let (_directory, path) = place();
    fs::write(&path, good.bytes("root-key-file")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let root_key = RootKeyFile::read(&path).unwrap();
    let wrapped = WrappedKeyring::parse(&good.bytes("keyring")).unwrap();
    assert_eq!(wrapped.root_key_id(), root_key.key_id());

    let store_key = root_key.unwrap(wrapped.wrapped_store_key(), &wrapped.context()).await.unwrap();

    assert_eq!(store_key.expose(), good.bytes("store-key"));
    assert!(wrapped.unlock(&store_key).is_ok());
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("root.key");
    (directory, path)
}

fn random() -> RootKeyFile {
    RootKeyFile::from_key(LockedKey::random().unwrap())
}

const PLACE_OF_CHILD: &str = "IONVAULT_TEST_ROOT_KEY";
const BYTES_BEFORE_KILL: u64 = 10;
