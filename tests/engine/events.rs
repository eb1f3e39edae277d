//! What happened in a run: the last lines in words, all of it as a hash.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// The log of one run. Nothing in it is secret: tokens and accounts are numbers here.
pub(crate) struct Events {
    last: VecDeque<String>,
    kept_max: usize,
    hash: u64,
    lines: u64,
}

/// How many lines are kept.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// So many that somebody who sees a seed fail learns which one it is and what it is about.
    Last,
    /// So many that a whole run fits.
    All,
}

impl Events {
    pub(crate) const fn new(kept: Kept) -> Self {
        let kept_max = match kept {
            Kept::Last => 40,
            Kept::All => 1_000_000,
        };
        // The start of FNV-1a.
        Self { last: VecDeque::new(), kept_max, hash: 0xcbf2_9ce4_8422_2325, lines: 0 }
    }

    pub(crate) fn note(&mut self, at: Duration, what: fmt::Arguments<'_>) {
        // The oldest line's memory is the newest line's.
        let oldest = if self.last.len() < self.kept_max { None } else { self.last.pop_front() };
        let mut line = oldest.unwrap_or_default();
        line.clear();
        let (seconds, rest) = (at.as_secs(), at.subsec_millis());
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(line, "{hours:3}:{minutes:02}:{:02}.{rest:03}  {what}", seconds % 60).unwrap();
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.last.push_back(line);
        self.lines += 1;
    }

    /// Two runs with the same hash were the same run.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn lines(&self) -> u64 {
        self.lines
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
