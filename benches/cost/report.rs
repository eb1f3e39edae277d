//! The figures, side by side.

/// One measure of all servers.
#[derive(Clone, Copy)]
pub(crate) struct Trio {
    /// Of the handler that does nothing.
    pub noop: f64,
    /// Of the same, where calls are recorded.
    pub recorded: f64,
    /// Of the vault, which records them too.
    pub vault: f64,
}

impl Trio {
    /// How many times as much a call takes that the vault handles.
    pub(crate) fn handling(&self) -> f64 {
        self.vault / self.recorded
    }

    /// How many times as much a call takes that is recorded.
    pub(crate) fn recording(&self) -> f64 {
        self.recorded / self.noop
    }

    /// A line for people.
    pub(crate) fn line(&self, what: &str) -> String {
        let Self { noop, recorded, vault } = self;
        format!(
            "{what}: no-op {noop:.1}, recorded {recorded:.1} (ratio {:.3}), IssueToken {vault:.1} \
             (ratio {:.3} to recorded, {:.3} to no-op)",
            self.recording(),
            self.handling(),
            vault / noop,
        )
    }
}

/// Measures, one after the other.
#[derive(Default)]
pub(crate) struct Rounds(Vec<Trio>);

impl Rounds {
    /// One more.
    pub(crate) fn add(&mut self, round: Trio) {
        self.0.push(round);
    }

    /// The round whose ratio is the middle one.
    pub(crate) fn median(&self) -> Option<Trio> {
        let mut rounds = self.0.clone();
        rounds.sort_by(|a, b| a.handling().total_cmp(&b.handling()));
        rounds.get(rounds.len() / 2).copied()
    }

    /// Lowest and highest ratio.
    pub(crate) fn range(&self) -> String {
        let ratios = self.0.iter().map(Trio::handling);
        let (low, high) = (ratios.clone().fold(f64::MAX, f64::min), ratios.fold(0.0, f64::max));
        format!("{low:.3} to {high:.3} in {} rounds", self.0.len())
    }
}
