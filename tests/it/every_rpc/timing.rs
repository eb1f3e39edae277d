//! How long it takes to be refused: whether one that is there can be told from one that is not.
//!
//! As dudect does it: calls about the two are interleaved by chance on one connection, the slowest
//! part of all is cropped, and Welch's t says how sure the difference of the means is. Below 4.5
//! nobody can tell; a planted difference, measured beside the others, shows that one could. Each of
//! these answers waits for its beat (`src/grpc/pace.rs`), so each policy has a runtime of its own, which
//! is at rest for most of the time. It takes seven minutes, and a machine that does nothing else:
//!
//! ```sh
//! cargo test --release --test it timing -- --ignored --nocapture --test-threads 4
//! ```

use std::time::Duration;

use ionvault::pb::v1::UploadCredentialRequest;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::support::raw::send;
use crate::support::{ADMIN, STRANGER, World, ionapi, labels, upload};

use super::requests::{Form, request};
use super::{Rpc, every_rpc};

const THERE: &str = "tenants/acme/credentials/infor";
const NOT_THERE: [&str; 2] = ["tenants/acme/credentials/other", "tenants/none/credentials/infor"];

const CALLS: usize = 20_000;
const WARM_UP_CALLS: usize = 2_000;
const PLANTED: Duration = Duration::from_micros(20);

/// The slowest tenth of all calls has been interrupted by something else.
const CROPPED_ABOVE_PERCENT: usize = 90;

/// dudect's: by chance it is passed once in 150,000 times.
const TOLD_APART: f64 = 4.5;

/// The two names of a pair, and a request about each.
struct Pair {
    rpc: Rpc,
    requests: [Vec<u8>; 2],
    /// What is added to the first one's time.
    planted: Duration,
}

impl Pair {
    fn of(rpc: &Rpc, not_there: &str) -> Self {
        let requests = [THERE, not_there].map(|name| request(rpc, name, Form::Good));
        Self { rpc: rpc.clone(), requests, planted: Duration::ZERO }
    }

    /// Nanoseconds of calls about the first and about the second, in turns that chance chose.
    async fn measure(&self, channel: &Channel, calls: usize) -> [Vec<f64>; 2] {
        let mut taken = [Vec::new(), Vec::new()];
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..calls {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let which = (random >> 32) as usize % 2;
            let began = Instant::now();
            send(channel, &self.rpc.path, &self.requests[which]).await.result().unwrap_err();
            let planted_from = Instant::now();
            while which == 0 && planted_from.elapsed() < self.planted {}
            taken[which].push(began.elapsed().as_nanos() as f64);
        }
        taken
    }
}

/// Both without what lies above the percentile of all together.
fn cropped(taken: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
    let mut all = taken.concat();
    all.sort_by(f64::total_cmp);
    let most = all[all.len() * CROPPED_ABOVE_PERCENT / 100];
    taken.map(|times| times.into_iter().filter(|time| *time < most).collect())
}

/// Mean, and the square of the mean's own error.
fn moments(times: &[f64]) -> (f64, f64) {
    let count = times.len() as f64;
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

/// The difference of the means in nanoseconds, and Welch's t.
fn welch([one, other]: &[Vec<f64>; 2]) -> (f64, f64) {
    let ((one, one_error), (other, other_error)) = (moments(one), moments(other));
    let difference = one - other;
    (difference, difference / (one_error + other_error).sqrt())
}

#[test]
fn welchs_t_is_as_the_book_has_it() {
    let (difference, t) = welch(&[vec![3.0, 4.0, 5.0], vec![1.0, 2.0, 6.0]]);
    assert!(
        (difference - 1.0).abs() < 1e-12
            && (t - 1.0 / 2.666_666_666_666_666_5_f64.sqrt()).abs() < 1e-12
    );
}

/// A vault with a credential that has labels, and a stranger's connection to it.
async fn stranger(policy: &str) -> (World, Channel) {
    let world = World::new().await;
    let keys: Vec<_> = (0..LABELS).map(|number| format!("label{number}")).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "value")).collect();
    let hidden = UploadCredentialRequest {
        labels: labels(&pairs),
        ..upload(THERE, &ionapi("ACME_PRD", "app1"))
    };
    world.credentials(ADMIN).await.upload_credential(hidden).await.unwrap();
    let channel = world.channel_under(policy, STRANGER).await;
    (world, channel)
}

/// Measures a pair, prints what came of it, and says whether the two were told apart.
#[expect(clippy::print_stdout, reason = "figures of a test that is run by hand")]
async fn told_apart(about: &str, channel: &Channel, pair: Pair) -> bool {
    pair.measure(channel, WARM_UP_CALLS).await;
    let (difference, t) = welch(&cropped(pair.measure(channel, CALLS).await));
    println!("{about}: {difference:+.0} ns, t = {t:+.2}");
    t.abs() >= TOLD_APART
}

async fn nobody_tells(about: &str, policy: &str) {
    let (_world, channel) = stranger(policy).await;
    let mut told = Vec::new();
    for (name, not_there) in MEASURED {
        let rpc = every_rpc().into_iter().find(|rpc| rpc.name == name).unwrap();
        let about = format!("{about}, {name}, {not_there}");
        if told_apart(&about, &channel, Pair::of(&rpc, not_there)).await {
            told.push(about);
        }
    }
    assert!(told.is_empty(), "told apart: {told:?}");
}

#[tokio::test]
#[ignore = "measures time, on a quiet machine"]
async fn nobody_tells_what_is_hidden_by_its_name() {
    let others = r#"permit (principal, action, resource in Tenant::"other");"#;
    nobody_tells("by its name", others).await;
}

#[tokio::test]
#[ignore = "measures time, on a quiet machine"]
async fn nobody_tells_what_is_hidden_by_its_label() {
    nobody_tells("by a label", LABELLED).await;
}

/// Fifty times as much to find out where there are labels.
#[tokio::test]
#[ignore = "measures time, on a quiet machine"]
async fn nobody_tells_what_takes_long_to_find_hidden() {
    let costly: String = (0..50)
        .map(|number| {
            let label = number % LABELS;
            format!(
                r#"permit (principal, action, resource) when {{
                     resource.hasTag("label{label}") && resource.getTag("label{label}") like "*{number}"
                   }};"#
            )
        })
        .collect();
    nobody_tells("by fifty labels", &costly).await;
}

#[tokio::test]
#[ignore = "measures time, on a quiet machine"]
async fn a_planted_difference_is_told() {
    let (_world, channel) = stranger(LABELLED).await;
    let rpc = every_rpc().into_iter().find(|rpc| rpc.name == "IssueToken").unwrap();
    let planted = Pair { planted: PLANTED, ..Pair::of(&rpc, NOT_THERE[0]) };
    assert!(told_apart(&format!("{PLANTED:?} planted"), &channel, planted).await);
}

const LABELLED: &str = r#"permit (principal, action, resource)
    when { resource.hasTag("label0") && resource.getTag("label0") == "another" };"#;

/// Of the hidden credential.
const LABELS: usize = 16;

/// One that reads, one that writes, and the one that most callers use.
const MEASURED: [(&str, &str); 3] = [
    ("IssueToken", NOT_THERE[0]),
    ("GetCredential", NOT_THERE[1]),
    ("UploadCredential", NOT_THERE[0]),
];
