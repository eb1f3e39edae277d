//! When things go wrong: faults, switches, clocks, disks, crashes.

use std::sync::Arc;
use std::time::Duration;

use ionvault::ports::OauthError;

use super::infor::{Fault, Spell, Switch};
use super::life::Life;
use super::randomness::Rng;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Something goes wrong now. Returns whether the process is to be stopped in good order.
pub(crate) fn change(life: &Arc<Life>) -> bool {
    match life.world.draw(|rng| rng.below(100)) {
        0..=34 => begin_spell(life),
        35..=46 => switch_off(life),
        47..=54 => step_clock(life),
        55..=58 => silence_store(life),
        59..=60 => {
            life.world.note(format_args!("the store will fail"));
            life.store.fail_for_good();
        }
        61..=65 => return true,
        _ => {
            let steps = life.world.draw(|rng| 1 + rng.below(12));
            life.world.note(format_args!("a crash comes in {steps} steps"));
            life.world.crash_in(steps as u64);
        }
    }
    false
}

fn begin_spell(life: &Life) {
    let servers = life.fleet.servers.len();
    let (server, fault, per_mille, lasts) = life.world.draw(|rng| {
        let per_mille = *rng.pick(&[100, 500, 1000]);
        (rng.below(servers), fault(rng), per_mille, rng.about(25 * MINUTE).min(6 * HOUR))
    });
    life.world.note(format_args!("server {server}: {fault:?}, {per_mille} of 1000, for {lasts:?}"));
    let until = life.world.now() + lasts;
    life.infor.begin_spell(Spell { server, fault, per_mille, until });
}

fn fault(rng: &mut Rng) -> Fault {
    let retry_after = *rng.pick(&[None, Some(1), Some(30), Some(600), Some(86_400)]);
    *rng.pick(&[
        Fault::Unreachable,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::LostAnswer,
        Fault::ServerError(retry_after),
        Fault::Garbage,
        Fault::Throttled(retry_after),
        Fault::Slow,
        Fault::Hang,
    ])
}

fn switch_off(life: &Life) {
    let logins = life.fleet.logins.len();
    let (login, error, lasts) = life.world.draw(|rng| {
        let error = *rng.pick(&[
            OauthError::InvalidClient,
            OauthError::InvalidGrant,
            OauthError::InvalidGrant,
            OauthError::UnauthorizedClient,
            OauthError::InvalidScope,
        ]);
        (rng.below(logins), error, rng.about(HOUR))
    });
    life.world.note(format_args!("login {login} is switched off for {lasts:?}: {error}"));
    let until = life.world.now() + lasts;
    life.infor.switch_off(Switch { login, error, until });
}

/// The wall clock is set: seconds as a rule, hours now and then.
fn step_clock(life: &Life) {
    let ahead = life.world.draw(|rng| {
        let most = *rng.pick(&[2_000, 5_000, 60_000, 600_000, 7_200_000]);
        i64::try_from(rng.below(2 * most)).unwrap() - i64::try_from(most).unwrap()
    });
    life.world.note(format_args!("the wall clock is {ahead} ms ahead now"));
    life.world.set_wall(ahead);
}

fn silence_store(life: &Arc<Life>) {
    let lasts = life.world.draw(|rng| rng.about(MINUTE));
    life.world.note(format_args!("the store is silent for {lasts:?}"));
    life.store.set_silent(true);
    let life = life.clone();
    tokio::spawn(async move {
        tokio::time::sleep(lasts).await;
        life.store.set_silent(false);
    });
}
