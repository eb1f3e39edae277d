//! When an answer leaves that may hide something: at a time that does not depend on what was there.
//!
//! To find that a credential is not yours takes other steps than to find that there is none: a policy
//! looks at labels, a record is read. Both come to the same words ([`super::status::not_found`]), and a
//! difference of a microsecond in their times would be enough to tell them apart, over many calls.
//! So such answers leave at whole beats after their call came, by when all the work is long done.
//! Whatever took how long before the beat does not show.
//!
//! The runtime's own timers would show it: they wake whole milliseconds after the runtime went to rest,
//! which it does when the work is done (20 µs were told by them). The kernel's (`timerfd_create(2)`) go
//! by the beat.

use std::io;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep};

/// Fifty times what such an answer takes on a machine at rest (0.1 ms, measured by
/// `tests/it/every_rpc/timing.rs`), so that few pass into the next beat; and nothing to somebody
/// who asks for what is not there.
const BEAT: Duration = Duration::from_millis(5);

/// Waits for the next beat of a call that came then.
pub(super) async fn until_it_tells_nothing(came: Instant) {
    let left = left(came.elapsed());
    // One descriptor for each call that waits. Without one to spare, about the beat must do.
    if alarm(left).await.is_err() {
        sleep(left).await;
    }
}

/// What is left of the beat that this time lies in.
fn left(elapsed: Duration) -> Duration {
    let into = elapsed.as_nanos() % BEAT.as_nanos();
    BEAT.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or_default()))
}

#[expect(
    deprecated,
    reason = "a descriptor that is owned stays the one that it is, which is what the new way has to be \
              promised in unsafe code"
)]
async fn alarm(after: Duration) -> io::Result<()> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let once = Itimerspec {
        it_interval: Timespec::default(),
        it_value: Timespec::try_from(after).map_err(io::Error::other)?,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    AsyncFd::new(timer)?.readable().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_ends_whole_beats_after_the_call_came() {
        for (elapsed, expected) in
            [(0, 5_000), (1, 4_999), (4_999, 1), (5_000, 5_000), (12_000, 3_000), (1 << 50, 2_376)]
        {
            let micros = Duration::from_micros;
            assert_eq!(left(micros(elapsed)), micros(expected), "{elapsed}");
        }
    }

    #[tokio::test]
    async fn nothing_leaves_before_its_beat() {
        for took in [Duration::ZERO, Duration::from_millis(3)] {
            let came = Instant::now();
            sleep(took).await;
            until_it_tells_nothing(came).await;
            assert!(came.elapsed() >= BEAT);
        }
        let began = Instant::now();
        alarm(Duration::from_millis(2)).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(2));
    }
}
