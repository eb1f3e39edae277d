//! One kill after the other, and what became of the credentials.

use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::time::timeout;

use crate::installation::Server;
use crate::kills::figures::Figures;
use crate::kills::house::House;
use crate::kills::proxy::Rule;
use crate::kills::steps::{Layout, Parts, Step, ask, learn, prepare, stop_at};
use crate::program::Ended;

/// Kills so many times, in each step in turn.
pub(crate) async fn run(house: &House, kills: usize) -> Figures {
    let mut figures = Figures::new(house.granted().await);
    settle(house, &mut figures).await;
    let layout = learn(house, Parts::of_round(0)).await;
    let steps = Step::possible(&layout);
    settle(house, &mut figures).await;
    for round in 0.. {
        if figures.kills() >= kills {
            break;
        }
        let step = steps[round % steps.len()];
        kill(house, step, round, &layout, &mut figures).await;
        if step.keeps_tokens() {
            house.until_tokens_are_old().await;
        }
        settle(house, &mut figures).await;
        let victim = house.client_id(Parts::of_round(round).victim);
        figures.served_by(step, house.proxy.first_grant(victim).as_deref());
    }
    figures.finish(house.granted().await);
    figures
}

/// Starts the vault; all credentials must give tokens that work.
async fn settle(house: &House, figures: &mut Figures) {
    house.proxy.forget();
    let (server, vault) = house.serve().await;
    for outcome in house.outcomes(&vault).await {
        figures.note(outcome);
    }
    server.stop();
}

async fn kill(house: &House, step: Step, round: usize, layout: &Layout, figures: &mut Figures) {
    let parts = Parts::of_round(round);
    house.proxy.forget();
    house.until_tokens_are_old().await;
    let (server, vault, _trace) = house.serve_traced(step.kill_at(layout, round)).await;
    let Server { program, .. } = server;
    let pid = program.pid();
    let mut dead = tokio::task::spawn_blocking(move || program.end());
    let script = async {
        prepare(house, &vault, parts).await;
        let call = ask(&vault, parts.victim);
        match step.rule() {
            Some(rule) => stop_at(house, &vault, parts.victim, rule).await,
            // No assertion hangs on where this falls.
            None if step == Step::AnyMoment => drop(timeout(moment(round), call).await),
            None => call.await,
        }
    };
    // Where strace kills, the script is left where it is.
    let (ended, by_strace) = tokio::select! {
        ended = &mut dead => (ended, true),
        () = script => {
            kill_process(pid, Signal::KILL).unwrap();
            (dead.await, false)
        }
    };
    died(ended.unwrap());
    let reached = || house.proxy.reached(house.client_id(parts.victim));
    figures.killed(step, by_strace, reached());
    if step == Step::Recovering {
        kill_again(house, parts).await;
        figures.killed(step, false, reached());
    }
}

/// Kills the vault while it makes up for a kill, when the provider has acted.
async fn kill_again(house: &House, parts: Parts) {
    house.proxy.forget();
    let (server, vault) = house.serve().await;
    stop_at(house, &vault, parts.victim, Rule::HoldAnswer).await;
    server.program.signal(Signal::KILL);
    died(tokio::task::block_in_place(|| server.program.end()));
}

fn died(ended: Ended) {
    assert_eq!(ended.code, None, "it ended by itself: {ended:#?}");
}

/// A token takes some 20 ms.
fn moment(round: usize) -> Duration {
    Duration::from_millis((round / 10 % 24) as u64)
}
