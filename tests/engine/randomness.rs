//! Random numbers that repeat: those of the simulated world, and those of the process under test.
//!
//! Uids, salts and the states of hash maps come from the operating system, and the order in which
//! the vault meets its accounts depends on them. So this binary answers `getrandom` itself, for the
//! standard library as for every crate in it: the definition in a program goes before libc's.

use std::cell::Cell;
use std::time::Duration;

/// A stream of numbers (splitmix64) that a seed determines.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` − 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    /// True so many times in a thousand.
    pub(crate) const fn chance(&mut self, per_mille: u64) -> bool {
        self.next() % 1000 < per_mille
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Between the two, in whole milliseconds.
    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_millis()).unwrap();
        low + Duration::from_millis(self.next() % (span + 1))
    }

    /// How long to wait for something that happens once in `mean`, whenever it happened last.
    pub(crate) fn about(&mut self, mean: Duration) -> Duration {
        let share = ((self.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        mean.mul_f64(-share.ln())
    }
}

thread_local! {
    static OS: Cell<u64> = const { Cell::new(0) };
}

/// What the operating system gives this thread as random is determined by this from now on.
pub(crate) fn seed_the_operating_system(seed: u64) {
    OS.set(seed);
}

#[expect(unsafe_code, reason = "only a C function can stand in the place of a C function")]
// SAFETY: nothing else in this program defines the symbol, and this one keeps libc's contract: it
// writes `length` bytes to `buffer`, which the caller owns, and returns how many it wrote.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    let mut rng = Rng::new(OS.get());
    // SAFETY: as above; a length of 0 may come with any pointer and is not looked at.
    let bytes = match length {
        0 => &mut [],
        _ => unsafe { std::slice::from_raw_parts_mut(buffer, length) },
    };
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&rng.next().to_ne_bytes()[..chunk.len()]);
    }
    OS.set(rng.0);
    isize::try_from(length).unwrap_or(isize::MAX)
}

#[test]
fn what_the_operating_system_gives_is_determined() {
    let drawn = || {
        std::thread::spawn(|| {
            use std::hash::BuildHasher as _;
            seed_the_operating_system(7);
            let map = std::collections::hash_map::RandomState::new().hash_one(1);
            (map, ionvault::model::Uid::random().unwrap())
        })
        .join()
        .unwrap()
    };
    assert_eq!(drawn(), drawn());
}
