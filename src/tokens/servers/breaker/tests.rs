use super::*;
use crate::ports::OauthError;

/// A breaker with its clock and its jitter.
struct Bench {
    breaker: Breaker,
    now: Instant,
    jitter: Jitter,
}

impl Bench {
    fn new() -> Self {
        Self { breaker: Breaker::default(), now: Instant::now(), jitter: Jitter::seeded(11) }
    }

    /// Asks once, which must be possible.
    fn ask(&mut self, health: Health) -> bool {
        let ticket = self.enter().expect("somebody may ask");
        self.report(&ticket, health)
    }

    fn enter(&mut self) -> Result<Ticket, Duration> {
        self.breaker.enter(self.now)
    }

    fn report(&mut self, ticket: &Ticket, health: Health) -> bool {
        self.breaker.report(ticket, health, self.now, &self.jitter)
    }

    /// Fails until the breaker is open; how long.
    fn open(&mut self) -> Duration {
        while !self.ask(Health::Failed) {}
        self.enter().expect_err("the breaker is open")
    }
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        for _ in 0..4 {
            assert!(!bench.ask(Health::Failed));
        }
        assert!(!bench.ask(Health::Answered));
    }
    for _ in 0..4 {
        assert!(!bench.ask(Health::Failed));
        assert!(!bench.ask(Health::Neutral), "which neither counts nor forgives");
    }
    assert!(bench.ask(Health::Failed));
    let rest = bench.enter().unwrap_err();
    assert!(Duration::from_millis(22_500) <= rest && rest <= OPEN_FIRST, "{rest:?}");
    bench.now += rest - Duration::from_millis(1);
    assert_eq!(bench.enter(), Err(Duration::from_millis(1)));
}

#[test]
fn an_open_breaker_lets_one_probe_through_whose_success_closes_it() {
    let mut bench = Bench::new();
    let rest = bench.open();
    bench.now += rest;
    let probe = bench.enter().expect("the probe");
    for _ in 0..100 {
        assert_eq!(bench.enter(), Err(PROBE_PATIENCE), "one probe at a time");
    }
    assert!(bench.report(&probe, Health::Answered));
    let tickets: Vec<_> = (0..100).map(|_| bench.enter().expect("closed")).collect();
    for ticket in &tickets[..4] {
        assert!(!bench.report(ticket, Health::Failed), "it counts from nothing again");
    }
}

#[test]
fn each_failed_probe_keeps_it_open_for_longer() {
    let mut bench = Bench::new();
    let mut rest = bench.open();
    for at_most in [60, 120, 240, 300, 300, 300] {
        bench.now += rest;
        assert!(bench.ask(Health::Failed));
        rest = bench.enter().unwrap_err();
        let at_most = Duration::from_secs(at_most);
        assert!(at_most * 3 / 4 <= rest && rest <= at_most, "{rest:?} of {at_most:?}");
    }
    bench.now += rest;
    assert!(bench.ask(Health::Answered));
    let again = bench.open();
    assert!(again <= OPEN_FIRST, "a success begins anew");
}

#[test]
fn a_probe_that_told_nothing_gives_its_place_to_the_next() {
    let mut bench = Bench::new();
    let rest = bench.open();
    bench.now += rest;
    for _ in 0..10 {
        assert!(!bench.ask(Health::Neutral));
    }
    let first = bench.enter().expect("the next probe");
    assert_eq!(bench.enter(), Err(PROBE_PATIENCE), "still one at a time");
    assert!(bench.report(&first, Health::Answered));
}

#[test]
fn what_was_asked_before_it_turned_says_nothing() {
    let mut bench = Bench::new();
    let early: Vec<_> = (0..10).map(|_| bench.enter().unwrap()).collect();
    let rest = bench.open();
    for ticket in &early[..5] {
        assert!(!bench.report(ticket, Health::Answered));
        assert!(!bench.report(ticket, Health::Failed));
    }
    assert_eq!(bench.enter(), Err(rest));
    bench.now += rest;
    let probe = bench.enter().unwrap();
    assert!(!bench.report(&early[5], Health::Neutral), "the probe's place is not theirs to give");
    assert_eq!(bench.enter(), Err(PROBE_PATIENCE));
    assert!(bench.report(&probe, Health::Answered));
    for ticket in &early {
        assert!(!bench.report(ticket, Health::Failed));
    }
    assert!(bench.enter().is_ok());
}

#[test]
fn only_what_a_dead_server_does_counts_as_a_failure() {
    let no_time = None;
    for (error, health) in [
        (None, Health::Answered),
        (Some(ExchangeError::Refused(OauthError::InvalidGrant)), Health::Answered),
        (Some(ExchangeError::NoEndpoint), Health::Answered),
        (Some(ExchangeError::Unreachable("it is off")), Health::Failed),
        (
            Some(ExchangeError::Unavailable { what: "it hangs", retry_after: no_time }),
            Health::Failed,
        ),
        (Some(ExchangeError::Misbehaved("it is a page")), Health::Failed),
        (Some(ExchangeError::Throttled { retry_after: no_time }), Health::Neutral),
        (Some(ExchangeError::AddressNotAllowed("private")), Health::Neutral),
    ] {
        assert_eq!(health_of(error.as_ref()), health, "{error:?}");
    }
}
