//! Bounds what strangers can make the log grow by.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A purse of log lines that fills up again as time passes.
#[derive(Default)]
pub(super) struct Lines(Mutex<Purse>);

#[derive(Default)]
struct Purse {
    /// When the current window began, and how many lines were written in it.
    window: Option<(Instant, u32)>,
    /// How many were not written since the last one that was.
    unwritten: u64,
}

impl Lines {
    /// Takes a line, if there is one; with it, how many could not be written before it.
    pub(super) fn take(&self) -> Option<u64> {
        let now = Instant::now();
        let mut purse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match purse.window {
            Some((began, written)) if now.duration_since(began) < WINDOW => written,
            Some(_) | None => 0,
        };
        if written >= LINES_PER_WINDOW {
            purse.unwritten = purse.unwritten.saturating_add(1);
            return None;
        }
        let began = match purse.window {
            Some((began, _)) if written > 0 => began,
            Some(_) | None => now,
        };
        purse.window = Some((began, written + 1));
        Some(std::mem::take(&mut purse.unwritten))
    }
}

const WINDOW: Duration = Duration::from_secs(10);

/// Some 15 MiB of lines a day at worst, with every failure of an ordinary day among them.
const LINES_PER_WINDOW: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_costs_few_lines_and_the_next_one_tells_how_many_were_left_out() {
        let lines = Lines::default();
        for _ in 0..LINES_PER_WINDOW {
            assert_eq!(lines.take(), Some(0));
        }
        for _ in 0..500 {
            assert_eq!(lines.take(), None);
        }
        tokio::time::advance(WINDOW).await;
        assert_eq!(lines.take(), Some(500));
        assert_eq!(lines.take(), Some(0));
    }
}
