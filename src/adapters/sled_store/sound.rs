//! A store between the two steps of its opening.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::health::Health;
use super::layout::Layout;
use super::opening::{self, OpenStoreError, Sound};
use super::view::View;
use super::{KEYRING_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_COMMITS_MAX, ROOM_BYTES};
use super::{SledStore, writer};
use crate::model::Uid;
use crate::ports::StoreError;

/// A store that was found sound and is locked, of which nothing was changed yet.
///
/// Here its keyring can be tried, so that a wrong root key leaves everything as it was. Dropping
/// it lets go of the store.
pub struct SoundStore {
    layout: Layout,
    sound: Sound,
}

impl SoundStore {
    /// Locks the store in `dir`, and shows on a copy that it opens and can be read to its end. It
    /// blocks, for a time that grows with the store.
    ///
    /// # Errors
    ///
    /// As [`OpenStoreError`] says. Every file is as it was before.
    pub fn check(dir: &Path) -> Result<Self, OpenStoreError> {
        let layout = Layout::new(dir);
        let sound = opening::check(&layout)?;
        Ok(Self { layout, sound })
    }

    /// The identity it was created with. It never changes.
    #[must_use]
    pub const fn store_id(&self) -> Uid {
        self.sound.identity.store_id
    }

    /// The keyring, if it has one. It blocks, for one small file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be read.
    pub fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.layout.read_keyring(KEYRING_BYTES_MAX).map_err(StoreError::Unavailable)
    }

    /// Repairs what a kill left, opens the store, and starts the writer's thread. It blocks.
    ///
    /// # Errors
    ///
    /// [`OpenStoreError::Files`], [`OpenStoreError::Damaged`] and [`OpenStoreError::Thread`], for
    /// what a copy does not show: a disk that fails or is full, a limit that is reached.
    pub fn open(self) -> Result<SledStore, OpenStoreError> {
        let Self { layout, sound } = self;
        let store_id = sound.identity.store_id;
        let layout = Arc::new(layout);
        let (opened, records) = opening::open(&layout, sound)?;
        let health = Arc::new(Health::new());
        let view = Arc::new(View::new(records));
        let (queue, jobs) = mpsc::channel(QUEUE_COMMITS_MAX);
        writer::start(opened, Arc::clone(&view), Arc::clone(&health), jobs)
            .map_err(OpenStoreError::Thread)?;
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX / ROOM_BYTES));
        Ok(SledStore { store_id, layout, view, health, queue, room, keyring: Arc::default() })
    }
}
