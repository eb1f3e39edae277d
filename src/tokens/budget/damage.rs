//! Records that do not open.
//!
//! What was used is not known then, so everything counts as used from now on: once the longest window
//! has passed, whatever the record said has left it. The full budget is written over the record at
//! the first attempt that needs it. In memory alone it would begin anew with each start.

use std::io;

use crate::ports::{CommitError, Expectation, Revision, StoreError, Write};
use crate::sealing::StoreKey;
use crate::vault::ReadError;

use super::bucket::Known;
use super::charges::Charges;
use super::record::{self, BudgetRecord};
use super::{Budgets, Found, ReserveError, Whose};

impl Budgets {
    /// What the store holds of a bucket whose turn is held; a record that does not open is mended
    /// first.
    pub(super) async fn learn(
        &self,
        key: &StoreKey,
        whose: Whose<'_>,
    ) -> Result<Known, ReserveError> {
        for _ in 0..MENDS_MAX {
            match self.read(key).await? {
                Found::Known(known) => return Ok(known),
                Found::Damaged { revision, error } => {
                    alert(whose, &error);
                    if let Some(known) = self.mend(key, revision).await? {
                        return Ok(known);
                    }
                }
            }
        }
        let contended = io::Error::other("others keep writing the record of a token budget");
        Err(StoreError::Unavailable(contended).into())
    }

    /// Writes a full budget over what does not open. `None`: somebody else wrote it meanwhile.
    async fn mend(&self, key: &StoreKey, damaged: Revision) -> Result<Option<Known>, ReserveError> {
        let charges = Charges::full(self.time.now());
        let told = BudgetRecord::new(&charges, &self.time);
        let sealed = record::seal(self.vault.keyring(), key, &told)?;
        let expects = vec![Expectation { key: key.clone(), revision: Some(damaged) }];
        let writes = vec![Write::Put(key.clone(), sealed)];
        match self.vault.store().commit(expects, writes).await {
            Ok(revision) => {
                Ok(Some(Known { charges, revision: Some(revision), warned: Vec::new() }))
            }
            Err(CommitError::Conflict) => Ok(None),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

fn alert(Whose { server, name }: Whose<'_>, error: &ReadError) {
    let error = error as &dyn std::error::Error;
    let told = "a token budget's record does not open: it counts as used up for a day";
    tracing::error!(server, name, error, "{told}");
}

/// Whoever writes meanwhile, another vault on the same store, writes what opens.
const MENDS_MAX: u32 = 3;
