//! Checkpoints: how large the tree was and what its root, signed. A C2SP
//! [checkpoint](https://c2sp.org/tlog-checkpoint) in a C2SP [signed note](https://c2sp.org/signed-note),
//! with one extension line of ours: from which sequence on records were kept when it was signed. So
//! removing old records without the key is told from retention.

use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{Note, NoteError, Signature, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use super::appender::AuditUnavailable;
use crate::secret::LockedKey;

/// A checkpoint with the signature of the log's key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedCheckpoint {
    /// The signed note, as it is stored, given out and witnessed.
    pub note: String,
    /// How many records the tree had.
    pub size: u64,
    /// The root of the tree.
    pub root: [u8; 32],
    /// The first record that was kept; what was before it had been removed by retention.
    pub kept_from: u64,
}

/// The note is not a checkpoint of the log that was asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// It is damaged, or something else.
    #[error("not a signed checkpoint: it is damaged, or something else")]
    Shape,
    /// Another key signed it, or nobody.
    #[error("not signed by the key that was given")]
    Unsigned,
    /// It names the key, whose signature it is not.
    #[error("the signature is wrong: the checkpoint was changed")]
    Forged,
    /// It is another log's.
    #[error("a checkpoint of another log")]
    Origin,
}

/// The key that was given to check signatures with is none, or of a kind that is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a verifier key, `name+12345678+base64`, as the vault prints it")]
pub struct InvalidVerifierKey;

/// Why a checkpoint does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenCheckpointError {
    /// The key is none.
    #[error(transparent)]
    Key(#[from] InvalidVerifierKey),
    /// The note is no checkpoint that it signed.
    #[error(transparent)]
    Note(#[from] InvalidCheckpoint),
}

/// Why there is no new checkpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NewCheckpointError {
    /// The log failed, or is closed.
    #[error(transparent)]
    Unavailable(#[from] AuditUnavailable),
    /// None was signed in time. Retrying helps once the disk has room.
    #[error("no checkpoint of the audit log was signed in time: its disk is full, or slow")]
    TooLate,
}

/// Reads the note of a checkpoint that the key must have signed.
///
/// # Errors
///
/// As [`OpenCheckpointError`] says.
pub fn open_checkpoint(
    note: &str,
    verifier_key: &str,
) -> Result<SignedCheckpoint, OpenCheckpointError> {
    Ok(Verifier::new(verifier_key)?.open(note)?)
}

/// Signs checkpoints.
pub(super) struct Signer {
    origin: String,
    /// From which the key pair is derived each time: the library would keep it in memory that is
    /// swapped out, and a checkpoint is rare.
    seed: LockedKey,
    verifier_key: String,
    key_id: u32,
}

impl Signer {
    /// `None` if the origin cannot be a key's name: empty, too long, or with a space or a `+`.
    pub(super) fn new(origin: &str, seed: LockedKey) -> Option<Self> {
        if !signed_note::is_key_name_valid(origin) || origin.len() > ORIGIN_BYTES_MAX {
            return None;
        }
        let public = SigningKey::from_bytes(&seed.expose()).verifying_key();
        let verifier_key = signed_note::new_ed25519_verifier_key(origin, &public);
        let key = StandardVerifier::new(&verifier_key).ok()?;
        let key_id = signed_note::Verifier::key_id(&key);
        Some(Self { origin: origin.to_owned(), seed, verifier_key, key_id })
    }

    /// The key that checks signatures, in the form of C2SP.
    pub(super) fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// `None` only if a library takes for malformed what is not.
    pub(super) fn sign(&self, size: u64, root: Hash, kept_from: u64) -> Option<SignedCheckpoint> {
        let extension = format!("{KEPT_FROM}{kept_from}\n");
        let text = Checkpoint::new(&self.origin, size, root, &extension).ok()?.to_bytes();
        // The key wipes itself.
        let signed = SigningKey::from_bytes(&self.seed.expose()).sign(&text);
        let signature = Signature::new(self.origin.clone(), self.key_id, signed.to_vec()).ok()?;
        let note = Note::new(&text, &[signature]).ok()?;
        let note = String::from_utf8(note.to_bytes()).ok()?;
        Some(SignedCheckpoint { note, size, root: root.0, kept_from })
    }
}

/// Checks checkpoints.
pub(super) struct Verifier {
    origin: String,
    key: StandardVerifier,
}

impl Verifier {
    pub(super) fn new(verifier_key: &str) -> Result<Self, InvalidVerifierKey> {
        let key = StandardVerifier::new(verifier_key).ok().ok_or(InvalidVerifierKey)?;
        let origin = signed_note::Verifier::name(&key).to_owned();
        Ok(Self { origin, key })
    }

    pub(super) fn open(&self, note: &str) -> Result<SignedCheckpoint, InvalidCheckpoint> {
        use InvalidCheckpoint::{Forged, Origin, Shape, Unsigned};

        let opened = Note::from_bytes(note.as_bytes()).ok().ok_or(Shape)?;
        let known = VerifierList::new(vec![Box::new(self.key.clone())]);
        match opened.verify(&known) {
            Ok(_) => {}
            Err(NoteError::UnverifiedNote) => return Err(Unsigned),
            Err(_) => return Err(Forged),
        }
        let checkpoint = Checkpoint::from_bytes(opened.text()).ok().ok_or(Shape)?;
        if checkpoint.origin() != self.origin {
            return Err(Origin);
        }
        let extension = checkpoint.extension();
        let kept_from = extension.lines().find_map(|line| line.strip_prefix(KEPT_FROM));
        let kept_from = kept_from.and_then(|from| from.parse().ok()).ok_or(Shape)?;
        Ok(SignedCheckpoint {
            note: note.to_owned(),
            size: checkpoint.size(),
            root: checkpoint.hash().0,
            kept_from,
        })
    }
}

/// The extension line: what precedes the sequence.
const KEPT_FROM: &str = "ionvault-kept-from ";

/// Far more than a word and a uid need.
const ORIGIN_BYTES_MAX: usize = 256;

/// Longest note that is read: ours have a tenth of it; a witness may add signatures.
pub(super) const NOTE_BYTES_MAX: usize = 16 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(origin: &str, seed: u8) -> Signer {
        Signer::new(origin, LockedKey::from_bytes(&[seed; 32]).unwrap()).unwrap()
    }

    #[test]
    fn a_checkpoint_is_signed_and_opened() {
        let signer = signer("ionvault/a", 7);
        let signed = signer.sign(9, Hash([3; 32]), 4).unwrap();
        let verifier = Verifier::new(signer.verifier_key()).unwrap();
        assert_eq!(verifier.open(&signed.note), Ok(signed));
    }

    /// A new key, form or library must not change what auditors have in their files.
    #[test]
    fn checkpoints_are_the_bytes_of_the_vector() {
        let signer = signer("ionvault/00112233445566778899aabbccddeeff", 1);
        let signed = signer.sign(1_000, Hash([9; 32]), 0).unwrap();
        let vector = include_str!("../../tests/vectors/audit/checkpoint.txt");
        assert_eq!(format!("{}\n\n{}", signer.verifier_key(), signed.note), vector);
    }

    #[test]
    fn what_another_key_signed_or_somebody_changed_is_refused() {
        let signer = signer("ionvault/a", 7);
        let note = signer.sign(9, Hash([3; 32]), 4).unwrap().note;
        let verifier = Verifier::new(signer.verifier_key()).unwrap();
        let foreign = self::signer("ionvault/a", 8).sign(9, Hash([3; 32]), 4).unwrap().note;
        let elsewhere = self::signer("ionvault/b", 7).sign(9, Hash([3; 32]), 4).unwrap().note;
        for (bad, why) in [
            (foreign, InvalidCheckpoint::Unsigned),
            (elsewhere, InvalidCheckpoint::Unsigned),
            (note.replacen("\n9\n", "\n8\n", 1), InvalidCheckpoint::Forged),
            (note.replacen("kept-from 4", "kept-from 5", 1), InvalidCheckpoint::Forged),
            (note.trim_end().to_owned(), InvalidCheckpoint::Shape),
            (String::new(), InvalidCheckpoint::Shape),
        ] {
            assert_eq!(verifier.open(&bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn an_origin_that_is_no_key_name_is_refused() {
        for origin in ["", "a b", "a+b", "a\n", &"a".repeat(257)] {
            assert!(Signer::new(origin, LockedKey::random().unwrap()).is_none(), "{origin:?}");
        }
    }
}
