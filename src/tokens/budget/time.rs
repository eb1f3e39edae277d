//! The time that budgets are counted in.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use crate::ports::Clock;

/// The wall clock at the start, and from then on what passed by the monotonic clock: a wall clock
/// that is set while the vault runs frees nothing and takes nothing.
///
/// All times are since 1970.
pub(super) struct BudgetTime {
    clock: Arc<dyn Clock>,
    started: Instant,
    wall_at_start: Duration,
}

impl BudgetTime {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let wall_at_start = wall(&*clock);
        Self { clock, started: Instant::now(), wall_at_start }
    }

    /// Now. Never goes back.
    pub(super) fn now(&self) -> Duration {
        self.wall_at_start + self.started.elapsed()
    }

    /// The date of a record written now: the later of both clocks, so that the next start, whose
    /// clock may have been corrected meanwhile, takes it for no older than it is.
    pub(super) fn date_written(&self) -> Duration {
        self.now().max(wall(&*self.clock))
    }

    /// The date of a record read now: the earlier of both clocks, for the same reason.
    pub(super) fn date_read(&self) -> Duration {
        self.now().min(wall(&*self.clock))
    }
}

fn wall(clock: &dyn Clock) -> Duration {
    clock.now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
