//! Keys in memory that the system does not swap out.
//!
//! Locking works on whole pages, so keys share them: one page holds [`SLOTS_PER_PAGE`] keys. A page
//! once made is never given back. That is what makes the lock lasting: `munlock` acts on pages of
//! the machine's size, which may be larger than ours, and would unlock a neighbour. The slots are
//! used again, so the memory is bounded by the most keys that were ever alive together.
//!
//! Two locks, two jobs. The arena's is held to take or give back a slot. A slot's is held while
//! its key is read, so readers of different keys never wait for one another.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use zeroize::Zeroize;

/// 256 secret bits in a locked page, overwritten with zeros when dropped.
///
/// As with [`Secret`](super::Secret), the missing traits are the feature: no `Clone`, `Debug`,
/// `Deref`, `PartialEq`. If the system refuses to lock the page, the key works as well, and
/// [`harden_process`](super::harden_process) tells that it may be swapped out.
///
/// ```compile_fail,E0277
/// let key = ionvault::secret::LockedKey::random().unwrap();
/// println!("{key:?}");
/// ```
///
/// ```compile_fail,E0599
/// let key = ionvault::secret::LockedKey::random().unwrap();
/// let copy = key.clone();
/// ```
pub struct LockedKey(&'static Slot);

impl LockedKey {
    /// Length of a key.
    pub const BYTES: usize = 32;

    /// A new key.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let key = Self(arena().take());
        // Straight into the page: no copy is left on the stack.
        getrandom::fill(key.0.write().unwrap_or_else(PoisonError::into_inner).as_mut_slice())?;
        Ok(key)
    }

    /// The key with these bytes; `None` unless there are [`LockedKey::BYTES`]. The caller's copy
    /// is the caller's to wipe.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let key = Self(arena().take());
        key.0.write().unwrap_or_else(PoisonError::into_inner).copy_from_slice(bytes);
        Some(key)
    }

    /// The bytes themselves. Whoever calls this answers for where they go.
    #[must_use]
    pub fn expose(&self) -> impl Deref<Target = [u8; Self::BYTES]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LockedKey {
    fn drop(&mut self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).zeroize();
        arena().free.push(self.0);
    }
}

/// Makes the first page, if there is none yet, and says why a page is not locked, if one is not.
pub(super) fn refusal() -> Option<String> {
    let mut arena = arena();
    if arena.free.is_empty() {
        arena.grow();
    }
    arena.refusal.clone()
}

type Slot = RwLock<[u8; LockedKey::BYTES]>;

/// One page of keys. The alignment keeps everything else off it.
#[repr(C, align(4096))]
struct Page([Slot; SLOTS_PER_PAGE]);

/// Slots that are free, all zeros, and why the system last refused to lock a page.
struct Arena {
    free: Vec<&'static Slot>,
    refusal: Option<String>,
}

impl Arena {
    fn take(&mut self) -> &'static Slot {
        loop {
            if let Some(slot) = self.free.pop() {
                return slot;
            }
            self.grow();
        }
    }

    fn grow(&mut self) {
        let page: &'static Page = Box::leak(Box::new(Page(
            [const { RwLock::new([0; LockedKey::BYTES]) }; SLOTS_PER_PAGE],
        )));
        match region::lock(std::ptr::from_ref(page), size_of::<Page>()) {
            // Never dropped, so never unlocked: see above.
            Ok(guard) => std::mem::forget(guard),
            Err(error) => self.refusal = Some(error.to_string()),
        }
        self.free.extend(&page.0);
    }
}

static ARENA: Mutex<Arena> = Mutex::new(Arena { free: Vec::new(), refusal: None });

fn arena() -> MutexGuard<'static, Arena> {
    // Nothing between two changes of the arena can panic, so a poisoned one is whole.
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A slot is the key and its lock: 44 bytes on Linux, and a power of two is easy to think of.
const SLOTS_PER_PAGE: usize = 64;
const _: () = assert!(size_of::<Page>() == 4096);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_was_made_from_and_nothing_of_another_length_is_one() {
        let key = LockedKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(*key.expose(), [7; 32]);
        for length in [0, 31, 33] {
            assert!(LockedKey::from_bytes(&vec![7; length]).is_none());
        }
    }

    #[test]
    fn random_keys_differ() {
        let (one, other) = (LockedKey::random().unwrap(), LockedKey::random().unwrap());
        assert_ne!(*one.expose(), *other.expose());
        assert_ne!(*one.expose(), [0; 32]);
    }

    #[test]
    fn a_dropped_key_leaves_zeros() {
        let key = LockedKey::from_bytes(&[0xd7; 32]).unwrap();
        let slot = key.0;
        drop(key);
        // Another test may have taken the slot already; these bytes are gone all the same.
        assert_ne!(*slot.read().unwrap(), [0xd7; 32]);
    }

    #[test]
    fn a_thousand_keys_live_together_and_apart() {
        let keys: Vec<_> =
            (0..1_000_u16).map(|n| LockedKey::from_bytes(&numbered(n)).unwrap()).collect();
        for (n, key) in (0..).zip(&keys) {
            assert_eq!(*key.expose(), numbered(n));
        }
    }

    fn numbered(n: u16) -> [u8; 32] {
        let mut bytes = [9; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        bytes
    }
}
