//! How long to leave a server alone after a failure.

use std::time::Duration;

use super::jitter::Jitter;

/// How long to wait after so many transient failures in a row, the one just seen included.
///
/// "Full jitter": anything from nothing to 1 s, 2 s, 4 s … 5 minutes, which spreads those who failed
/// together best (Brooker, "Exponential Backoff And Jitter", 2015). What the server asks for with
/// `Retry-After` is waited for first, up to an hour: it told all of them the same.
pub(super) fn backoff(failures: u32, retry_after: Option<Duration>, jitter: &Jitter) -> Duration {
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    asked + jitter.up_to(doubled(BACKOFF_FIRST, failures, BACKOFF_MAX))
}

/// How long a definite refusal stands after so many in a row, the one just seen included: 1 h, 2 h,
/// 4 h … 24 h, up to an eighth less. An administrator may have mended the app meanwhile; asking more
/// often would use up the log-ins of the tenant and can lock the account.
pub(super) fn reprobe(refusals: u32, jitter: &Jitter) -> Duration {
    let at_most = doubled(REPROBE_FIRST, refusals, REPROBE_MAX);
    jitter.between(at_most - at_most / REPROBE_SPREAD_SHARE, at_most)
}

/// `first`, doubled with each time after the first.
pub(super) fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(times.saturating_sub(1));
    first.saturating_mul(factor).min(most)
}

/// A connection that was reset is worth another try at once, or nearly.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// As long as a token is in its advisory window: an outage that ends is noticed within it.
const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);

/// A server may postpone us, but not for a day.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

const REPROBE_FIRST: Duration = Duration::from_secs(60 * 60);

const REPROBE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

const REPROBE_SPREAD_SHARE: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// The least and the most of a thousand.
    fn range(wait: impl Fn() -> Duration) -> (f64, f64) {
        let waits = || (0..1_000).map(|_| wait().as_secs_f64());
        (waits().fold(f64::MAX, f64::min), waits().fold(0.0, f64::max))
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_are_spread_over_all_of_it() {
        let jitter = Jitter::seeded(5);
        let of = [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (8, 128.0), (9, 256.0), (10, 300.0)];
        for (failures, most) in of.into_iter().chain([(11, 300.0), (40, 300.0), (u32::MAX, 300.0)])
        {
            let (shortest, longest) = range(|| backoff(failures, None, &jitter));
            assert!(shortest < most * 0.02, "{failures}: {shortest}");
            assert!(longest <= most && longest > most * 0.98, "{failures}: {longest}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for_but_not_for_a_day() {
        let jitter = Jitter::seeded(6);
        for (asked, honoured) in [(0, 0.0), (17, 17.0), (3_600, 3_600.0), (86_400, 3_600.0)] {
            let asked = Some(Duration::from_secs(asked));
            let (shortest, longest) = range(|| backoff(3, asked, &jitter));
            assert!(shortest >= honoured && shortest < honoured + 0.1, "{asked:?}: {shortest}");
            assert!(longest > honoured + 3.9 && longest <= honoured + 4.0, "{asked:?}: {longest}");
        }
    }

    #[test]
    fn refusals_stand_for_hours() {
        let jitter = Jitter::seeded(7);
        let hours =
            [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 24.0), (u32::MAX, 24.0)];
        for (refusals, hours) in hours {
            let most = hours * 3_600.0;
            let (shortest, longest) = range(|| reprobe(refusals, &jitter));
            assert!(shortest >= most * 0.875 && shortest < most * 0.88, "{refusals}: {shortest}");
            assert!(longest <= most && longest > most * 0.995, "{refusals}: {longest}");
        }
    }
}
