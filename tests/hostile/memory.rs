//! How much memory the process has, to the byte.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Memory over the course of several things that happen.
pub(crate) struct Memory {
    at_first: usize,
    peak: usize,
}

/// Less than this is what a hostile server may cost.
const GROWTH_MAX: usize = 1024 * 1024;

impl Memory {
    pub(crate) fn new() -> Self {
        Self { at_first: ALLOCATOR.current_usage(), peak: 0 }
    }

    /// Checks how much more there was at the same time while something happened. It counts both
    /// ends of the connection: the hostile server lives in this process, too.
    pub(crate) async fn during<T>(&mut self, what: &str, happening: impl Future<Output = T>) -> T {
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let outcome = happening.await;
        let growth = ALLOCATOR.peak_usage().saturating_sub(before);
        assert!(growth < GROWTH_MAX, "{what}: {growth} bytes more");
        self.peak = self.peak.max(growth);
        outcome
    }

    /// The most that there was at the same time during one of these things.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    /// What is still there.
    pub(crate) fn kept(&self) -> usize {
        let kept = ALLOCATOR.current_usage().saturating_sub(self.at_first);
        assert!(kept < GROWTH_MAX, "{kept} bytes were kept");
        kept
    }
}
