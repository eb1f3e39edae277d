//! When an answer leaves that may hide something: at a time that does not depend on what was there.
//!
//! To find that a credential is not yours takes other steps than to find that there is none: a policy
//! looks at labels, a record is read. Both come to the same words ([`super::status::not_found`]), and a
//! difference of a microsecond in their times would be enough to tell them apart, over many calls.
//! So such answers leave at whole beats after their call came, by when all the work is long done.
//! Whatever took how long before the beat does not show.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Fifty times what such an answer takes on a machine at rest (0.1 ms, measured by
/// `tests/it/every_rpc/timing.rs`), so that few pass into the next beat; and nothing to somebody
/// who asks for what is not there.
const BEAT: Duration = Duration::from_millis(5);

/// Waits for the next beat of a call that came then.
pub(super) async fn until_it_tells_nothing(came: Instant) {
    sleep_until(came + beats(came.elapsed())).await;
}

/// The end of the beat that this time lies in.
fn beats(elapsed: Duration) -> Duration {
    let whole = elapsed.as_nanos() / BEAT.as_nanos();
    BEAT.saturating_mul(u32::try_from(whole + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_leave_at_beats_whatever_they_took() {
        for (took_micros, leaves_after_millis) in [
            (0, 5),
            (1, 5),
            (3_000, 5),
            (4_999, 5),
            (5_000, 10),
            (11_000, 15),
            (60_000_000, 60_005),
        ] {
            let came = Instant::now();
            tokio::time::advance(Duration::from_micros(took_micros)).await;
            until_it_tells_nothing(came).await;
            // The timer of the runtime goes by milliseconds, and is late rather than early.
            let left = came.elapsed().as_millis();
            assert!(
                (leaves_after_millis..=leaves_after_millis + 1).contains(&left),
                "{took_micros}: {left}"
            );
        }
    }
}
