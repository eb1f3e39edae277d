//! When a token is too old to be given out, and when it is time to renew it.

use std::time::Duration;

use super::jitter::Jitter;

/// Two moments of a token's life, as what is left of it then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Windows {
    /// From here on the token is not given out: it may expire on its way to Infor.
    pub(super) mandatory: Duration,
    /// From here on a token that is in use is renewed in the background. More than `mandatory`, and
    /// less than half a life, which is the most that a caller may ask for.
    pub(super) advisory: Duration,
}

impl Windows {
    /// Those of a token that lives `life`: of 2 hours 60 s and 300 s ± 60 s, of short lives a quarter
    /// and about three eighths. Each token is given its own, so that tokens that were fetched
    /// together are not renewed together.
    pub(super) fn of(life: Duration, jitter: &Jitter) -> Self {
        let mandatory = MANDATORY.min(life / MANDATORY_SHARE);
        let span = SPAN.min(life / SPAN_SHARE);
        let spread = span / SPREAD_SHARE;
        let advisory = mandatory + jitter.between(span - spread, span + spread);
        Self { mandatory, advisory }
    }
}

/// Infor's own silence before its gateway gives up (504).
const MANDATORY: Duration = Duration::from_secs(60);

/// Short-lived tokens get a shorter margin, a quarter of their life, or none would ever serve.
const MANDATORY_SHARE: u32 = 4;

/// Time for a dozen attempts with backoff before the first caller has to wait.
const SPAN: Duration = Duration::from_secs(240);

/// Tokens of short lives are renewed after five eighths of it: earlier would cost more log-ins.
const SPAN_SHARE: u32 = 8;

/// The span is a quarter longer or shorter by chance.
const SPREAD_SHARE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(windows: Windows) -> (f64, f64) {
        (windows.mandatory.as_secs_f64(), windows.advisory.as_secs_f64())
    }

    #[test]
    fn windows_follow_the_life_of_the_token() {
        let jitter = Jitter::seeded(3);
        for (life, mandatory, least, most) in [
            (86_400, 60.0, 240.0, 360.0),
            (7_200, 60.0, 240.0, 360.0),
            (1_920, 60.0, 240.0, 360.0),
            (240, 60.0, 82.5, 97.5),
            (120, 30.0, 41.25, 48.75),
            (8, 2.0, 2.75, 3.25),
            (0, 0.0, 0.0, 0.0),
        ] {
            let (mut earliest, mut latest) = (f64::MIN, f64::MAX);
            for _ in 0..1_000 {
                let windows = Windows::of(Duration::from_secs(life), &jitter);
                let (own, advisory) = seconds(windows);
                assert!((own - mandatory).abs() < 1e-6, "{life}: {own}");
                assert!((least..=most).contains(&advisory), "{life}: {advisory}");
                (earliest, latest) = (earliest.max(advisory), latest.min(advisory));
            }
            let spread = (most - least) * 0.9;
            assert!(earliest - latest >= spread, "{life}: {latest} to {earliest}");
        }
    }

    #[test]
    fn what_a_caller_may_ask_for_is_never_in_a_window() {
        let jitter = Jitter::seeded(4);
        for life in 1..10_000 {
            let life = Duration::from_secs(life);
            let Windows { mandatory, advisory } = Windows::of(life, &jitter);
            assert!(mandatory < advisory && advisory < life / 2, "{life:?}");
        }
    }
}
