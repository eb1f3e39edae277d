//! What is counted, and how it is told.

use std::collections::BTreeMap;
use std::fmt;

use crate::kills::house::Outcome;
use crate::kills::provider::Granted;
use crate::kills::proxy::Reached;
use crate::kills::steps::Step;

pub(crate) struct Figures {
    /// By step, how far the exchange had got that was meant.
    killed: BTreeMap<Step, BTreeMap<Option<Reached>, usize>>,
    working: usize,
    later: usize,
    pub(crate) stuck: Vec<String>,
    /// Kills that fell into another step than their own.
    pub(crate) astray: Vec<String>,
    /// Kills after which tokens were gone that the store had acknowledged.
    pub(crate) lost: Vec<Step>,
    at_first: Granted,
    at_last: Granted,
}

impl Figures {
    pub(crate) fn new(granted: Granted) -> Self {
        Self {
            killed: BTreeMap::new(),
            working: 0,
            later: 0,
            stuck: Vec::new(),
            astray: Vec::new(),
            lost: Vec::new(),
            at_first: granted,
            at_last: granted,
        }
    }

    pub(crate) fn killed(&mut self, step: Step, by_strace: bool, reached: Option<Reached>) {
        if !step.is_meant(by_strace, reached) {
            self.astray.push(format!("{step:?}: by strace {by_strace}, at {reached:?}"));
        }
        *self.killed.entry(step).or_default().entry(reached).or_default() += 1;
    }

    pub(crate) fn kills(&self) -> usize {
        self.killed.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Working => self.working += 1,
            Outcome::WorkingLater => self.later += 1,
            Outcome::Stuck(why) => self.stuck.push(why),
        }
    }

    /// How the victim of this step was served after it.
    pub(crate) fn served_by(&mut self, step: Step, grant_type: Option<&str>) {
        // Its tokens are old by then: one who still has the refresh token redeems it.
        if step.keeps_tokens() && grant_type != Some("refresh_token") {
            self.lost.push(step);
        }
    }

    pub(crate) fn finish(&mut self, granted: Granted) {
        self.at_last = granted;
    }

    pub(crate) fn families_revoked(&self) -> u64 {
        self.at_last.families_revoked - self.at_first.families_revoked
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, by) in &self.killed {
            write!(f, "  {step:?}: {} kills", by.values().sum::<usize>())?;
            for (reached, times) in by {
                let reached = match reached {
                    None => "before the request".to_owned(),
                    Some(reached) => format!("at {reached:?}"),
                };
                write!(f, ", {times} {reached}")?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "{} kills; credentials found working {}, at the second token {}, stuck {}; \
             durable tokens lost {}",
            self.kills(),
            self.working,
            self.later,
            self.stuck.len(),
            self.lost.len()
        )?;
        write!(
            f,
            "the provider granted {} refreshes and {} log-ins (fallbacks), and revoked {} families",
            self.at_last.refreshes - self.at_first.refreshes,
            self.at_last.log_ins - self.at_first.log_ins,
            self.families_revoked()
        )
    }
}
