//! What the writers write. Commit `n` of writer `w` follows from `w` and `n` alone, so whoever
//! knows how many commits a writer made knows what the store must hold.

use std::collections::BTreeMap;

use ionvault::ports::{Revision, Store, Write};
use ionvault::sealing::StoreKey;

use super::scramble;
use crate::samples::{delete, everything, expect, key, put, seed_of};

/// How many write at the same time.
pub(super) const WRITERS: u64 = 6;

/// How many commits of each writer were acknowledged, or are found; behind them, how often the
/// keyring was replaced.
pub(super) type Counts = [u64; WRITERS as usize + 1];

/// Where the keyring's count is.
pub(super) const KEYRING: usize = WRITERS as usize;

/// Slots of each writer, beside its counter. Records of one slot are neighbours.
const SLOTS: u64 = 12;
const COUNTER: u8 = 0xff;

/// A key: slots first, so that the large records of all writers lie side by side.
fn at(writer: u64, slot: u8) -> [u8; 2] {
    [slot, writer as u8]
}

/// Small ones, neighbours of 8 KiB, a middling one, and an upload of 64 KiB.
fn length(slot: u64, random: u64) -> usize {
    let random = (random >> 20) as usize;
    match slot {
        0..4 => 110 + random % 600,
        4..10 => 8_000 + random % 400,
        10 => 16_000 + random % 24_000,
        _ => 65_536,
    }
}

/// The slots that a commit writes, and the length that each gets; `None`: it is deleted.
fn changes(writer: u64, number: u64) -> BTreeMap<u8, Option<usize>> {
    let random = scramble(writer << 40 | number);
    (0..1 + random % 3)
        .map(|part| {
            let random = scramble(random ^ part);
            let slot = random % SLOTS;
            let deleted = random >> 60 == 0;
            (slot as u8, (!deleted).then(|| length(slot, random)))
        })
        .collect()
}

fn seed(writer: u64, number: u64) -> u64 {
    writer << 40 | number
}

fn number_in(seed: u64) -> u64 {
    seed & 0xff_ffff_ffff
}

fn writes(writer: u64, number: u64) -> Vec<Write> {
    let mut writes = vec![put(at(writer, COUNTER), 120, seed(writer, number))];
    for (slot, length) in changes(writer, number) {
        writes.push(match length {
            Some(length) => put(at(writer, slot), length, seed(writer, number)),
            None => delete(at(writer, slot)),
        });
    }
    writes
}

/// A writer, with the number of its last commit.
pub(super) struct Writer {
    writer: u64,
    number: u64,
    revision: Option<Revision>,
}

impl Writer {
    /// Goes on where the store says that the writer was.
    pub(super) async fn resume(store: &dyn Store, writer: u64) -> Self {
        let count = store.get(&key(at(writer, COUNTER))).await.unwrap();
        let seed = count.as_ref().map_or(0, |count| seed_of(&count.record).unwrap());
        Self { writer, number: number_in(seed), revision: count.map(|count| count.revision) }
    }

    /// Makes the next commit; says which it was once it is acknowledged.
    pub(super) async fn commit(
        &mut self,
        store: &dyn Store,
    ) -> Result<u64, ionvault::ports::CommitError> {
        let expects = vec![expect(at(self.writer, COUNTER), self.revision)];
        let writes = writes(self.writer, self.number + 1);
        self.revision = Some(store.commit(expects, writes).await?);
        self.number += 1;
        Ok(self.number)
    }
}

/// Compares a store with what was acknowledged; returns what it holds, or what is wrong. One
/// commit of each writer may have happened without having been acknowledged.
pub(super) async fn check(store: &dyn Store, acknowledged: &Counts) -> Result<Counts, String> {
    let counts = found(store).await?;
    let fits = |(told, found): (&u64, &u64)| (*told..=told + 1).contains(found);
    if acknowledged.iter().zip(&counts).all(fits) {
        Ok(counts)
    } else {
        Err(format!("acknowledged {acknowledged:?}, found {counts:?}"))
    }
}

/// What a store holds, which must be what some number of commits of each writer leave.
pub(super) async fn found(store: &dyn Store) -> Result<Counts, String> {
    let mut found: Vec<BTreeMap<StoreKey, (u64, usize)>> = vec![BTreeMap::new(); WRITERS as usize];
    for (key, stored) in everything(store).await {
        let writer = usize::from(key.as_bytes()[1]);
        let seed = seed_of(&stored.record).ok_or("a record that is not whole")?;
        found[writer].insert(key, (seed, stored.record.as_bytes().len()));
    }
    let mut counts = Counts::default();
    for writer in 0..WRITERS {
        let records = &found[writer as usize];
        let count = records.get(&key(at(writer, COUNTER))).map_or(0, |(seed, _)| number_in(*seed));
        if *records != expected(writer, count) {
            return Err(format!("writer {writer}: not the records after {count} commits"));
        }
        counts[writer as usize] = count;
    }
    counts[KEYRING] = keyring_number(store).await?;
    Ok(counts)
}

/// The keyring of a number: its bytes over and over, across many sectors.
pub(super) fn keyring(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(300)
}

/// The number of the keyring that is there.
pub(super) async fn keyring_number(store: &dyn Store) -> Result<u64, String> {
    let Some(found) = store.keyring().await.map_err(|error| error.to_string())? else {
        return Ok(0);
    };
    let number = found.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    if found == keyring(number) { Ok(number) } else { Err("a torn keyring".to_owned()) }
}

/// What a writer's keys hold after so many commits.
fn expected(writer: u64, count: u64) -> BTreeMap<StoreKey, (u64, usize)> {
    let mut records = BTreeMap::new();
    for number in 1..=count {
        records.insert(key(at(writer, COUNTER)), (seed(writer, number), 120));
        for (slot, length) in changes(writer, number) {
            match length {
                Some(length) => {
                    records.insert(key(at(writer, slot)), (seed(writer, number), length));
                }
                None => {
                    records.remove(&key(at(writer, slot)));
                }
            }
        }
    }
    records
}
