//! The steps of the journal, and how a process is killed in each.

use std::time::Duration;

use crate::kills::house::{CREDENTIALS, House};
use crate::kills::proxy::{Reached, Rule};
use crate::kills::tracing::{Call, Commits, KillAt};
use crate::kills::vault::Vault;

/// Where a renewal is when the process is killed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Step {
    /// At some moment, most of which lie before the intent is written.
    AnyMoment,
    /// In the middle of writing a commit to the store, or before.
    Writing,
    /// The intent is written, and not durable.
    IntentWritten,
    /// The intent is durable; nothing was sent.
    IntentDurable,
    /// The request was sent; the provider has not seen it.
    RequestSent,
    /// The provider has acted; its answer has not arrived.
    AnswerLost,
    /// The answer has arrived; the new tokens are written, and not durable.
    TokensWritten,
    /// The new tokens are durable; nobody has got one.
    TokensDurable,
    /// The caller has its token.
    HandedOut,
    /// The vault was started again after such a kill and asked for the token again; the provider
    /// has acted on what the vault made of that, and its answer has not arrived.
    Recovering,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::AnyMoment,
        Self::Writing,
        Self::IntentWritten,
        Self::IntentDurable,
        Self::RequestSent,
        Self::AnswerLost,
        Self::TokensWritten,
        Self::TokensDurable,
        Self::HandedOut,
        Self::Recovering,
    ];

    /// The steps in which a process can be killed: all, if strace sees its files.
    pub(crate) fn possible(layout: &Layout) -> Vec<Self> {
        let blind = layout.before.notes == 0;
        let needs_sight = [Self::Writing, Self::IntentDurable, Self::TokensDurable];
        Self::ALL.into_iter().filter(|step| !(blind && needs_sight.contains(step))).collect()
    }

    /// At which call strace kills, if it does.
    pub(crate) fn kill_at(self, layout: &Layout, round: usize) -> Option<KillAt> {
        let at = |call, number| Some(KillAt { call, number });
        match self {
            // Start-up makes no thread write more often than twice.
            Self::Writing => at(Call::Write, 3 + round / 10 % 2),
            Self::IntentWritten => at(Call::Sync, layout.before.syncs + 1),
            Self::IntentDurable => at(Call::Note, layout.before.notes + 1),
            Self::TokensWritten => at(Call::Sync, layout.asked.syncs + 1),
            Self::TokensDurable => at(Call::Note, layout.asked.notes + 1),
            Self::AnyMoment
            | Self::RequestSent
            | Self::AnswerLost
            | Self::HandedOut
            | Self::Recovering => None,
        }
    }

    /// Whether a kill fell into this step.
    pub(crate) fn is_meant(self, by_strace: bool, reached: Option<Reached>) -> bool {
        let met = (by_strace, reached);
        match self {
            Self::AnyMoment => !by_strace,
            // Whose turn it is may have been served, and another thread have written less.
            Self::Writing => true,
            Self::IntentWritten | Self::IntentDurable => met == (true, None),
            Self::RequestSent => met == (false, Some(Reached::Request)),
            Self::AnswerLost | Self::Recovering => met == (false, Some(Reached::Answer)),
            Self::TokensWritten | Self::TokensDurable => met == (true, Some(Reached::Delivered)),
            Self::HandedOut => met == (false, Some(Reached::Delivered)),
        }
    }

    /// Whether the tokens that the provider gave must be there afterwards.
    pub(crate) const fn keeps_tokens(self) -> bool {
        matches!(self, Self::TokensDurable | Self::HandedOut)
    }

    /// Where the proxy stops the exchange of the credential whose turn it is.
    pub(crate) const fn rule(self) -> Option<Rule> {
        match self {
            Self::RequestSent => Some(Rule::HoldRequest),
            Self::AnswerLost | Self::Recovering => Some(Rule::HoldAnswer),
            Self::AnyMoment
            | Self::Writing
            | Self::IntentWritten
            | Self::IntentDurable
            | Self::TokensWritten
            | Self::TokensDurable
            | Self::HandedOut => None,
        }
    }
}

/// Which commits a round makes until the credential whose turn it is has been served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Before it is asked for.
    before: Commits,
    /// When the provider has been asked.
    asked: Commits,
}

/// The parts that credentials play in a round.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    /// It is killed in the step whose turn it is.
    pub(crate) victim: usize,
    /// Its request never reaches the provider.
    pub(crate) unsent: usize,
    /// The provider acts, and its answer never arrives.
    pub(crate) unanswered: usize,
    /// Its answer is lost while the vault lives: an outcome that is not known.
    pub(crate) lost: usize,
}

impl Parts {
    pub(crate) fn of_round(round: usize) -> Self {
        let part = |number: usize| (round + number) % CREDENTIALS;
        Self { victim: part(0), unsent: part(1), unanswered: part(2), lost: part(3) }
    }
}

/// Brings three credentials into their steps, one after the other.
pub(crate) async fn prepare(house: &House, vault: &Vault, parts: Parts) {
    stop_at(house, vault, parts.unsent, Rule::HoldRequest).await;
    stop_at(house, vault, parts.unanswered, Rule::HoldAnswer).await;
    house.proxy.rule(house.client_id(parts.lost), Rule::LoseAnswer);
    let _refused = vault.issue(&House::name(parts.lost)).await;
}

/// Asks for a token, and returns when the proxy has stopped the exchange behind it.
pub(crate) async fn stop_at(house: &House, vault: &Vault, number: usize, rule: Rule) {
    let client_id = house.client_id(number);
    house.proxy.rule(client_id, rule);
    let vault = vault.clone();
    let mut call = tokio::spawn(async move { vault.issue(&House::name(number)).await });
    let answered = async {
        match (&mut call).await.unwrap() {
            Ok(_) => panic!("credential {number} was served, and not stopped by {rule:?}"),
            // Perhaps strace has killed the vault, and is about to tell.
            Err(status) => {
                tokio::time::sleep(DEATH_TIME_MAX).await;
                panic!("credential {number} was refused, and not stopped by {rule:?}: {status:?}")
            }
        }
    };
    tokio::select! {
        () = answered => {}
        () = house.proxy.until(client_id, rule.stops_at()) => {}
    }
}

/// Asks for a token. A connection that breaks is the vault's end, which is waited for elsewhere.
pub(crate) async fn ask(vault: &Vault, number: usize) {
    if vault.issue(&House::name(number)).await.is_err() {
        tokio::time::sleep(DEATH_TIME_MAX).await;
    }
}

/// Goes through a whole round without a kill, and counts.
pub(crate) async fn learn(house: &House, parts: Parts) -> Layout {
    house.proxy.forget();
    house.until_tokens_are_old().await;
    let (server, vault, trace) = house.serve_traced(None).await;
    prepare(house, &vault, parts).await;
    let before = trace.commits();
    let victim = house.client_id(parts.victim);
    house.proxy.rule(victim, Rule::DelayAnswer);
    let name = House::name(parts.victim);
    let call = tokio::spawn({
        let vault = vault.clone();
        async move { vault.issue(&name).await }
    });
    house.proxy.until(victim, Reached::Answer).await;
    let asked = trace.commits();
    house.proxy.release();
    call.await.unwrap().unwrap();
    let after = trace.commits();
    println!("commits: {before:?}, asked {asked:?}, served {after:?}");
    if before.notes == 0 {
        println!("SKIPPED: three of ten steps; only root sees the files of the vault's process");
    }
    drop(server);
    Layout { before, asked }
}

/// Only a vault that lives on after its connections broke takes so long to end.
const DEATH_TIME_MAX: Duration = Duration::from_secs(60);
