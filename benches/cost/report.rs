//! The figures, side by side.

/// One measure of both servers.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    /// Of the handler that does nothing.
    pub noop: f64,
    /// Of the vault.
    pub vault: f64,
}

impl Pair {
    /// How many times as much the vault takes.
    pub(crate) fn ratio(&self) -> f64 {
        self.vault / self.noop
    }

    /// A line for people.
    pub(crate) fn line(&self, what: &str) -> String {
        let Self { noop, vault } = self;
        format!("{what}: no-op {noop:.1}, IssueToken {vault:.1}, ratio {:.3}", self.ratio())
    }
}

/// Pairs measured one after the other.
#[derive(Default)]
pub(crate) struct Rounds(Vec<Pair>);

impl Rounds {
    /// One more.
    pub(crate) fn add(&mut self, pair: Pair) {
        self.0.push(pair);
    }

    /// The round whose ratio is the middle one.
    pub(crate) fn median(&self) -> Option<Pair> {
        let mut pairs = self.0.clone();
        pairs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        pairs.get(pairs.len() / 2).copied()
    }

    /// Lowest and highest ratio.
    pub(crate) fn range(&self) -> String {
        let ratios = self.0.iter().map(Pair::ratio);
        let (low, high) = (ratios.clone().fold(f64::MAX, f64::min), ratios.fold(0.0, f64::max));
        format!("{low:.3} to {high:.3} in {} rounds", self.0.len())
    }
}
