//! Whoever may not know of a credential sees no difference between one that is there and one that is
//! not: in the headers, the trailers, the details and their sizes.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Channel;

use crate::support::raw::{Answer, send};
use crate::support::{ADMIN, STRANGER, World, ionapi, labels, upload};

use super::requests::{Form, request};
use super::{Rpc, every_rpc};

/// As long as each other, so that no length depends on the name.
const THERE: &str = "tenants/acme/credentials/infor";
const NOT_THERE: [&str; 2] = ["tenants/acme/credentials/other", "tenants/none/credentials/infor"];

/// An answer with the name that the caller sent itself taken out.
async fn ask(channel: &Channel, rpc: &Rpc, name: &str, form: Form) -> Answer {
    let answer = send(channel, &rpc.path, &request(rpc, name, form)).await;
    let Answer { http, headers, message, trailers } = answer;
    let masked = |headers: HeaderMap| {
        let status = Status::from_header_map(&headers);
        let mut headers = headers;
        if let Some(status) = status {
            // They are in base64 there.
            headers.remove("grpc-status-details-bin");
            let told = mask(status.message().as_bytes(), name);
            headers.insert("grpc-message", hex(&told).parse().unwrap());
            headers.insert("details", hex(&mask(status.details(), name)).parse().unwrap());
        }
        // The second in which it was answered.
        headers.remove("date");
        headers
    };
    Answer { http, headers: masked(headers), message, trailers: trailers.map(masked) }
}

/// The credential's name and its tenant's, written over.
fn mask(bytes: &[u8], name: &str) -> Vec<u8> {
    let (tenant, _) = name.split_once("/credentials/").unwrap();
    let mut masked = bytes.to_vec();
    for word in [name, tenant] {
        while let Some(at) = masked.windows(word.len()).position(|part| part == word.as_bytes()) {
            masked[at..at + word.len()].fill(b'*');
        }
    }
    masked
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Policies under which the caller may not know of the credential, for one reason or another.
fn policies() -> [(&'static str, String); 4] {
    let stranger = format!(r#"principal == Caller::"{STRANGER}""#);
    [
        (
            "nothing is permitted",
            r#"permit (principal == Caller::"uid:7", action, resource);"#.to_owned(),
        ),
        (
            "everything is, in another tenant",
            format!(r#"permit ({stranger}, action, resource in Tenant::"other");"#),
        ),
        (
            "everything is, with a label that it has not",
            format!(
                r#"permit ({stranger}, action, resource)
                   when {{ resource has infor_tenant && resource.infor_tenant == "OTHER_PRD" }};"#
            ),
        ),
        (
            "everything is in all tenants, and it is hidden by its label",
            format!(
                r#"permit ({stranger}, action in Action::"read", resource);
                   forbid (principal, action, resource) when {{ resource.hasTag("hidden") }};"#
            ),
        ),
    ]
}

#[tokio::test]
async fn what_is_hidden_and_what_is_absent_answer_alike_to_the_byte() {
    let world = World::new().await;
    let hidden = ionvault::pb::v1::UploadCredentialRequest {
        labels: labels(&[("hidden", ""), ("environment", "prd")]),
        ..upload(THERE, &ionapi("ACME_PRD", "app1"))
    };
    world.credentials(ADMIN).await.upload_credential(hidden).await.unwrap();
    let (mut pairs, mut wrong) = (0, Vec::new());
    for (why, policy) in policies() {
        let channel = world.channel_under(&policy, STRANGER).await;
        for rpc in every_rpc() {
            for form in [Form::Good, Form::Malformed] {
                let there = ask(&channel, &rpc, THERE, form).await;
                assert!(there.result().is_err() || rpc.name == "ListCredentials", "{why}: {rpc:?}");
                for name in NOT_THERE {
                    pairs += 1;
                    let absent = ask(&channel, &rpc, name, form).await;
                    if there != absent {
                        wrong.push(format!("{why}: {} {form:?}:\n{there:?}\n{absent:?}", rpc.name));
                    }
                }
            }
        }
    }
    println!("{pairs} pairs of a hidden credential and an absent one, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever it took to find out. `timing.rs` measures that nothing of it shows.
#[tokio::test]
async fn what_may_hide_something_leaves_no_earlier_than_its_beat() {
    const BEAT: Duration = Duration::from_millis(5);
    let world = World::new().await;
    world.upload(THERE, &ionapi("ACME_PRD", "app1")).await;
    let stranger = world.channel(STRANGER).await;
    let (mut refusals, mut early) = (0, Vec::new());
    for rpc in every_rpc() {
        for name in [THERE, NOT_THERE[0], NOT_THERE[1]] {
            let began = Instant::now();
            let answer = send(&stranger, &rpc.path, &request(&rpc, name, Form::Good)).await;
            if answer.result().is_err() {
                refusals += 1;
                if began.elapsed() < BEAT {
                    early.push(format!("{} {name}", rpc.name));
                }
            }
        }
    }
    println!("{refusals} refusals, {} of them before their beat", early.len());
    assert!(early.is_empty() && refusals > 40, "{refusals}: {early:?}");
}
