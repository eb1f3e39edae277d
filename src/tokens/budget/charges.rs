//! What was charged to one bucket, and when it stops to count.

use std::time::Duration;

use crate::model::BudgetLimits;
use crate::tokens::exchange::ASK_TIME_MAX;

/// The attempts of the last day, oldest first. Times are those of
/// [`BudgetTime`](super::time::BudgetTime).
///
/// Invariant: granules begin at least [`GRANULE`] apart, and none in the future; so there are at most
/// [`GRANULES_MAX`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Charges(Vec<Granule>);

/// Attempts that lie less than [`GRANULE`] apart. All count until the last of them could stop to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Granule {
    /// When the first was made.
    pub(super) begin: Duration,
    /// How many.
    pub(super) attempts: u32,
    /// How many of them for accounts that never got a token.
    pub(super) unproven: u32,
}

/// How long an attempt counts towards a limit per day.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an attempt counts towards a limit per minute.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The length of a granule: 0.01 % of a day is given away, and a day fits into a record.
pub(super) const GRANULE: Duration = Duration::from_secs(10);

/// Longest time between the charge and the request's arrival at Infor, whose own count begins
/// there. A charge counts so much longer, or a request that took long and one that took no time, a
/// day later, could meet in one day of Infor's.
pub(in crate::tokens) const ON_THE_WAY: Duration = COMMITTED_WITHIN.saturating_add(ASK_TIME_MAX);

/// Longest time until a charge is in the store: the store may take longer, and then Infor is not
/// asked. A disk that pauses for so long is in trouble, and its callers have gone.
pub(super) const COMMITTED_WITHIN: Duration = Duration::from_secs(18);

/// Most granules that count at the same time.
pub(super) const GRANULES_MAX: usize =
    ((DAY.as_secs() + ON_THE_WAY.as_secs()) / GRANULE.as_secs()) as usize + 2;

/// The largest limit that can be set.
const LIMIT_MAX: u32 = *BudgetLimits::PER_DAY.end();
const _: () = assert!(LIMIT_MAX >= *BudgetLimits::PER_MINUTE.end());

impl Charges {
    /// The granules of another time, as far as they still count.
    pub(super) fn new(granules: impl Iterator<Item = Granule>, now: Duration) -> Self {
        Self(granules.filter(|granule| granule.counts_until(DAY) > now).collect())
    }

    /// As many attempts as any limit may allow, made now.
    pub(super) fn full(now: Duration) -> Self {
        Self(vec![Granule { begin: now, attempts: LIMIT_MAX, unproven: LIMIT_MAX }])
    }

    pub(super) fn granules(&self) -> &[Granule] {
        &self.0
    }

    /// Whether nothing counts any more.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.counting(now, DAY).next().is_none()
    }

    /// How many attempts count towards a limit over `window`.
    pub(super) fn used(&self, now: Duration, window: Duration) -> u32 {
        self.counting(now, window).map(|granule| granule.attempts).fold(0, u32::saturating_add)
    }

    /// When fewer than `max` attempts count, of those that `count` counts: `now`, or when enough
    /// granules have left the window.
    pub(super) fn room_at(
        &self,
        now: Duration,
        window: Duration,
        max: u32,
        count: fn(&Granule) -> u32,
    ) -> Duration {
        let mut left = self.counting(now, window).map(count).fold(0, u32::saturating_add);
        let mut at = now;
        for granule in self.counting(now, window) {
            if left < max {
                return at;
            }
            left = left.saturating_sub(count(granule));
            at = granule.counts_until(window);
        }
        // With room for none at all there is nothing to wait for; a window is as good as any time.
        if left < max { at } else { now + window }
    }

    /// One more attempt.
    pub(super) fn charge(&mut self, now: Duration, proven: bool) {
        self.0.drain(..self.gone(now, DAY));
        let open = self.0.last_mut().filter(|last| now < last.begin + GRANULE);
        let unproven = u32::from(!proven);
        match open {
            Some(granule) => {
                granule.attempts = granule.attempts.saturating_add(1);
                granule.unproven = granule.unproven.saturating_add(unproven);
            }
            None => self.0.push(Granule { begin: now, attempts: 1, unproven }),
        }
    }

    fn counting(&self, now: Duration, window: Duration) -> impl Iterator<Item = &Granule> {
        self.0.iter().skip(self.gone(now, window))
    }

    /// How many granules have left the window: the oldest leave first.
    fn gone(&self, now: Duration, window: Duration) -> usize {
        self.0.partition_point(|granule| granule.counts_until(window) <= now)
    }
}

impl Granule {
    fn counts_until(&self, window: Duration) -> Duration {
        self.begin + GRANULE + ON_THE_WAY + window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_790_000_000 + seconds)
    }

    #[test]
    fn attempts_within_ten_seconds_share_a_granule() {
        let mut charges = Charges::default();
        for (seconds, proven) in [(0, true), (9, false), (10, true), (19, true), (25, true)] {
            charges.charge(at(seconds), proven);
        }
        let granule =
            |seconds, attempts, unproven| Granule { begin: at(seconds), attempts, unproven };
        assert_eq!(charges.granules(), [granule(0, 2, 1), granule(10, 2, 0), granule(25, 1, 0)]);
    }

    #[test]
    fn a_granule_counts_until_its_last_attempt_could_have_left_the_window_at_infor() {
        let mut charges = Charges::default();
        charges.charge(at(0), true);
        charges.charge(at(9), true);
        let last = 10 + 30 + 24 * 60 * 60;
        assert_eq!(charges.used(at(last - 1), DAY), 2);
        assert_eq!(charges.used(at(last), DAY), 0);
        assert_eq!(charges.used(at(10 + 30 + 60 - 1), MINUTE), 2);
        assert_eq!(charges.used(at(10 + 30 + 60), MINUTE), 0);
        assert!(!charges.is_idle(at(last - 1)));
        assert!(charges.is_idle(at(last)));
    }

    #[test]
    fn there_is_room_when_enough_granules_have_left() {
        let mut charges = Charges::default();
        for seconds in [0, 1, 20, 40] {
            charges.charge(at(seconds), seconds < 20);
        }
        let room = |max, count: fn(&Granule) -> u32| charges.room_at(at(50), MINUTE, max, count);
        let all: fn(&Granule) -> u32 = |granule| granule.attempts;
        assert_eq!(room(5, all), at(50), "there is room");
        assert_eq!(room(4, all), at(100), "when the first two have left");
        assert_eq!(room(3, all), at(100));
        assert_eq!(room(2, all), at(120));
        assert_eq!(room(1, all), at(140));
        assert_eq!(room(0, all), at(50) + MINUTE, "never");
        assert_eq!(room(2, |granule| granule.unproven), at(120));
    }

    #[test]
    fn what_counts_is_bounded() {
        let mut charges = Charges::default();
        for second in 0..2 * 24 * 60 * 60 {
            charges.charge(at(second), true);
        }
        let kept = charges.granules().len();
        assert!((GRANULES_MAX - 2..=GRANULES_MAX).contains(&kept), "{kept}");
    }
}
