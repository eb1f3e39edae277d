//! What outlives the process under test: true time, chance, the log, and what is broken.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use ionvault::ports::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::events::{Events, Kept};
use super::randomness::Rng;

/// One simulated world. Its time is true time, from 0.
pub(crate) struct World {
    state: Mutex<State>,
    crash: Notify,
}

struct State {
    rng: Rng,
    events: Events,
    broken: Option<String>,
    /// True time when the process started, and the same moment on its monotonic clock; without the
    /// second there is no process.
    began: (Duration, Option<Instant>),
    /// What the wall clock is ahead of true time, in milliseconds.
    wall_ahead: i64,
    wall_steps: u64,
    /// When the process started, and what the wall clock was ahead then.
    starts: VecDeque<(Duration, i64)>,
    /// Calls to store and authorization server so far, counted before and after their effect.
    steps: u64,
    crash_at: Option<u64>,
    disturbances: u64,
    dead: bool,
    crashes: u64,
}

/// Some moment in 2026.
const WALL_START: Duration = Duration::from_secs(1_790_000_000);

impl World {
    pub(crate) fn new(seed: u64, kept: Kept) -> Self {
        let state = State {
            rng: Rng::new(seed),
            events: Events::new(kept),
            broken: None,
            began: (Duration::ZERO, None),
            wall_ahead: 0,
            wall_steps: 0,
            starts: VecDeque::new(),
            steps: 0,
            crash_at: None,
            disturbances: 0,
            dead: false,
            crashes: 0,
        };
        Self { state: Mutex::new(state), crash: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn now(&self) -> Duration {
        self.state().now()
    }

    /// Draws from the world's chance.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }

    pub(crate) fn note(&self, what: fmt::Arguments<'_>) {
        let mut state = self.state();
        let now = state.now();
        state.events.note(now, what);
    }

    /// An invariant does not hold. The first one counts; the run ends.
    pub(crate) fn broken(&self, what: fmt::Arguments<'_>) {
        self.note(format_args!("BROKEN: {what}"));
        let mut state = self.state();
        state.broken.get_or_insert_with(|| what.to_string());
        state.dead = true;
        self.crash.notify_one();
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state().broken.is_some()
    }

    /// A process starts.
    pub(crate) fn begin_life(&self) {
        let mut state = self.state();
        state.began.1 = Some(Instant::now());
        state.dead = false;
        state.crash_at = None;
        let start = (state.now(), state.wall_ahead);
        state.starts.push_back(start);
        state.disturbances += 1;
    }

    /// Something happened after which the vault may not have written down what it wanted to.
    pub(crate) fn disturb(&self) {
        self.state().disturbances += 1;
    }

    pub(crate) fn disturbances(&self) -> u64 {
        self.state().disturbances
    }

    /// What the wall clock gained from one start to the next, all together, in this last time.
    pub(crate) fn wall_gained(&self, time: Duration) -> Duration {
        let mut state = self.state();
        let now = state.now();
        while state.starts.get(1).is_some_and(|(at, _)| *at + time < now) {
            state.starts.pop_front();
        }
        let pairs = state.starts.iter().zip(state.starts.iter().skip(1));
        let gained = pairs.map(|((_, before), (_, after))| (after - before).max(0)).sum::<i64>();
        Duration::from_millis(gained.unsigned_abs())
    }

    /// The process is gone; the next one starts so much later.
    pub(crate) fn end_life(&self, pause: Duration) {
        let mut state = self.state();
        state.began = (state.now() + pause, None);
        state.dead = true;
    }

    /// The process dies at this step, counted from now.
    pub(crate) fn crash_in(&self, steps: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.steps + steps.max(1));
    }

    /// The process lives on.
    pub(crate) fn spare(&self) {
        self.state().crash_at = None;
    }

    /// Ends when the process is to die.
    pub(crate) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Whether the process is dead already, and only its tasks do not know.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// A place where the process may die: whoever waits here then waits for ever.
    pub(crate) async fn step(&self) {
        let dies = {
            let mut state = self.state();
            state.steps += 1;
            if !state.dead && state.crash_at.is_some_and(|at| at <= state.steps) {
                state.dead = true;
                state.crashes += 1;
                let now = state.now();
                state.events.note(now, format_args!("crash"));
                self.crash.notify_one();
            }
            state.dead
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }

    /// Sets the wall clock so many milliseconds ahead (or behind) of true time.
    pub(crate) fn set_wall(&self, ahead: i64) {
        let mut state = self.state();
        state.wall_ahead = ahead;
        state.wall_steps += 1;
    }

    /// How often the wall clock was set.
    pub(crate) fn wall_steps(&self) -> u64 {
        self.state().wall_steps
    }

    pub(crate) fn wall(&self) -> SystemTime {
        let state = self.state();
        wall(state.now(), state.wall_ahead)
    }

    /// When the process started, by true time and by the wall clock then.
    pub(crate) fn start(&self) -> (Duration, SystemTime) {
        let (at, ahead) = *self.state().starts.back().unwrap();
        (at, wall(at, ahead))
    }

    pub(crate) fn report(&self) -> Report {
        let state = self.state();
        Report {
            simulated: state.now(),
            steps: state.steps,
            crashes: state.crashes,
            hash: state.events.hash(),
            events: state.events.lines(),
            broken: state.broken.as_ref().map(|broken| format!("{broken}\n{}", state.events)),
        }
    }
}

fn wall(at: Duration, ahead: i64) -> SystemTime {
    let true_wall = SystemTime::UNIX_EPOCH + WALL_START + at;
    let by = Duration::from_millis(ahead.unsigned_abs());
    if ahead < 0 { true_wall - by } else { true_wall + by }
}

impl State {
    fn now(&self) -> Duration {
        match self.began {
            (at, None) => at,
            (at, Some(instant)) => at + Instant::now().saturating_duration_since(instant),
        }
    }
}

impl Clock for World {
    fn now(&self) -> SystemTime {
        self.wall()
    }
}

/// What a run came to.
pub(crate) struct Report {
    pub(crate) simulated: Duration,
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    pub(crate) events: u64,
    pub(crate) hash: u64,
    /// The invariant that did not hold, and what went before.
    pub(crate) broken: Option<String>,
}
