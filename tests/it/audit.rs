//! Every call is recorded before its answer leaves.

use std::time::Duration;

use ionvault::audit::Record;
use ionvault::identity::UnusableIdentity;
use ionvault::pb::v1::watch_token_response::Event;
use ionvault::pb::v1::{
    DeleteCredentialRequest, GetCredentialRequest, IssueTokenRequest, UploadCredentialRequest,
    WatchTokenRequest,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};

use crate::authorization::{RPCS, call};
use crate::support::{ACME, ADMIN, ISSUER, STRANGER, TOKEN_LIFE, World, ionapi, reason, upload};

/// What the last record says: method, caller, resource, outcome and reason.
async fn last(world: &World) -> [String; 5] {
    let records = world.recorded().await;
    let event = &records.last().unwrap().event;
    [&event.method, &event.caller, &event.resource, &event.outcome, &event.reason]
        .map(ToString::to_string)
}

async fn world() -> World {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world
}

#[tokio::test]
async fn every_call_is_recorded_before_its_answer_with_what_came_of_it() {
    let world = world().await;
    for rpc in RPCS {
        let name = format!("tenants/acme/credentials/{}", rpc.to_lowercase());
        let resource = match rpc {
            "ListCredentials" => "tenants/acme".to_owned(),
            "ActivateCredentialVersion" => format!("{name}/versions/1"),
            _ => name.clone(),
        };
        let refused = call(world.channel(STRANGER).await, rpc, &name).await.unwrap_err();
        let recorded = last(&world).await;
        let (code, why) = match reason(&refused).as_str() {
            "CALLER_DENIED" => ("PERMISSION_DENIED", "CALLER_DENIED"),
            _ => ("NOT_FOUND", "CREDENTIAL_NOT_FOUND"),
        };
        assert_eq!(recorded, [rpc, STRANGER, &resource, code, why]);

        world.upload(&name, &ionapi("ACME_PRD", "app1")).await;
        call(world.channel(ADMIN).await, rpc, &name).await.unwrap();
        let recorded = last(&world).await;
        assert_eq!(recorded[..3], [rpc, ADMIN, &resource]);
        // Some are permitted, and answered about the state.
        let expected = if recorded[4].is_empty() { "OK" } else { "FAILED_PRECONDITION" };
        assert_eq!(recorded[3], expected, "{recorded:?}");
    }
    let sequences: Vec<_> = world.recorded().await.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, (0..sequences.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_is_not_known_is_recorded_too() {
    let world = World::new().await;
    let channel = world.channel_of(Err(UnusableIdentity::SeveralUris)).await;
    call(channel, "IssueToken", ACME).await.unwrap_err();
    assert_eq!(
        last(&world).await,
        ["IssueToken", "", "", "UNAUTHENTICATED", "CALLER_UNKNOWN"].map(str::to_owned)
    );
    assert_eq!(world.recorded().await[0].event.listener, "mtls");
}

#[tokio::test]
async fn a_token_is_recorded_by_its_id_and_a_change_with_who_asked_for_it() {
    let world = World::new().await;
    let request = UploadCredentialRequest {
        request_id: "first-try".to_owned(),
        requested_by: "somebody@customer.example".to_owned(),
        ..upload(ACME, &ionapi("ACME_PRD", "app1"))
    };
    world.credentials(ADMIN).await.upload_credential(request).await.unwrap();
    let issued = world.issue(ACME).await.unwrap();
    let mut request = Request::new(DeleteCredentialRequest {
        name: ACME.to_owned(),
        request_id: "last-try".to_owned(),
        ..Default::default()
    });
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
    request.metadata_mut().insert("traceparent", header);
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();

    let records = world.recorded().await;
    let [uploaded, gave, deleted] = &records[..] else { panic!("{records:?}") };
    assert_eq!(uploaded.event.request_id, "first-try");
    assert_eq!(uploaded.event.requested_by, "somebody@customer.example");
    assert_eq!(gave.event.token_id, issued.token_id);
    assert_eq!((&*deleted.event.request_id, &*deleted.event.trace_id), ("last-try", trace));
}

#[tokio::test]
async fn what_is_no_rpc_is_recorded_as_unknown_and_never_in_the_callers_words() {
    let world = World::new().await;
    for path in ["/ionvault.v1.TokenService/Planted", "/planted.Service/Planted", "/"] {
        let mut client = tonic::client::Grpc::new(world.channel(ADMIN).await);
        client.ready().await.unwrap();
        let codec =
            tonic_prost::ProstCodec::<GetCredentialRequest, GetCredentialRequest>::default();
        let request = Request::new(GetCredentialRequest::default());
        let path = http::uri::PathAndQuery::try_from(path).unwrap();
        let refused = client.unary(request, path, codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        let expected = ["unknown", ADMIN, "", "UNIMPLEMENTED", "UNKNOWN_METHOD"];
        assert_eq!(last(&world).await, expected.map(str::to_owned));
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_recorded_with_its_reason() {
    let world = World::new().await;
    let mut client = world.tokens(ISSUER).await;
    let name = "x".repeat(100_000);
    let request = IssueTokenRequest { name, ..Default::default() };
    let refused = client.issue_token(request).await.unwrap_err();
    assert_eq!(reason(&refused), "MESSAGE_TOO_LARGE");
    let expected = ["IssueToken", ISSUER, "", "OUT_OF_RANGE", "MESSAGE_TOO_LARGE"];
    assert_eq!(last(&world).await, expected.map(str::to_owned));
}

#[tokio::test]
async fn each_token_that_a_watcher_gets_is_recorded_before_it_is_sent() {
    let world = world().await;
    let request = WatchTokenRequest { name: ACME.to_owned(), min_remaining: None };
    let mut stream = world.tokens(ISSUER).await.watch_token(request).await.unwrap().into_inner();
    assert_eq!(last(&world).await[0], "WatchToken");
    let message = stream.message().await.unwrap().unwrap();
    let Some(Event::Token(token)) = message.event else { panic!("{message:?}") };
    let records = world.recorded().await;
    let [.., began, handed] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*began.event.method, &*began.event.token_id), ("WatchToken", ""));
    assert_eq!((&*handed.event.method, &*handed.event.resource), ("WatchToken", ACME));
    assert_eq!(handed.event.token_id, token.token_id);
}

/// As a record of its own, without the token that was handed out before.
#[tokio::test]
async fn the_end_of_a_watch_is_recorded_with_its_reason() {
    let world = world().await;
    let request = WatchTokenRequest { name: ACME.to_owned(), min_remaining: None };
    let mut stream = world.tokens(ISSUER).await.watch_token(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let delete = DeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    world.credentials(ADMIN).await.delete_credential(delete).await.unwrap();
    assert_eq!(reason(&stream.message().await.unwrap_err()), "CREDENTIAL_DELETED");
    // The watcher may hear of the change before its own record is there.
    let records = world.recorded().await;
    let ended = &records.iter().rfind(|it| it.event.method == "WatchToken").unwrap().event;
    assert_eq!(
        [&*ended.caller, &ended.resource, &ended.outcome, &ended.reason, &ended.token_id],
        [ISSUER, ACME, "FAILED_PRECONDITION", "CREDENTIAL_DELETED", ""]
    );
}

#[tokio::test]
async fn a_watcher_gets_no_token_that_cannot_be_recorded() {
    let world = world().await;
    let request = WatchTokenRequest { name: ACME.to_owned(), min_remaining: None };
    let mut client = world.tokens(ISSUER).await;
    let mut stream = client.watch_token(request).await.unwrap().into_inner();
    close(&world).await;
    // The first message may have been on its way.
    let refused = loop {
        match stream.message().await {
            Ok(Some(_)) => world.pass(TOKEN_LIFE).await,
            Ok(None) => panic!("the stream ended well"),
            Err(refused) => break refused,
        }
    };
    assert_eq!(reason(&refused), "AUDIT_UNAVAILABLE");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_answered_and_not_done() {
    let world = world().await;
    close(&world).await;
    let recorded = world.recorded().await.len();
    for rpc in RPCS {
        let refused = call(world.channel(ADMIN).await, rpc, ACME).await.unwrap_err();
        assert_eq!(reason(&refused), "AUDIT_UNAVAILABLE", "{rpc}");
        assert_eq!(refused.code(), Code::Unavailable);
    }
    let other = "tenants/acme/credentials/other";
    let mut client = world.credentials(ADMIN).await;
    client.upload_credential(upload(other, &ionapi("ACME_PRD", "app2"))).await.unwrap_err();
    assert!(world.vault.find(&other.parse().unwrap()).unwrap().is_none());
    assert_eq!(world.infor.requests(), 0);
    assert_eq!(world.recorded().await.len(), recorded);
}

/// From now on nothing is recorded any more.
async fn close(world: &World) {
    world.audit_ends.cancel();
    while world.audit.admit().is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn refusals_that_repeat_become_one_record_a_minute() {
    const REFUSED: usize = 1_000;
    const ALONE: usize = 20;
    let world = World::new().await;
    let mut client = world.credentials(STRANGER).await;
    for _ in 0..REFUSED {
        refused(&mut client).await;
    }
    assert_eq!(world.recorded().await.len(), ALONE);
    // Another caller is not affected.
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;

    end_of_the_minute(&world).await;
    let records = world.recorded().await;
    assert_eq!(records.len(), ALONE + 2);
    let counted = records.last().unwrap();
    let repeats = counted.event.repeats.unwrap();
    assert_eq!(repeats.count.get(), (REFUSED - ALONE) as u64);
    assert!(repeats.first <= repeats.last);
    let expected = ["GetCredential", STRANGER, "", "NOT_FOUND", "CREDENTIAL_NOT_FOUND"];
    assert_eq!(last(&world).await, expected.map(str::to_owned));

    // The next minute begins anew.
    refused(&mut client).await;
    assert_eq!(world.recorded().await.len(), ALONE + 3);
    end_of_the_minute(&world).await;
    assert_eq!(world.recorded().await.len(), ALONE + 3);
}

async fn refused(
    client: &mut ionvault::pb::v1::credential_service_client::CredentialServiceClient<
        tonic::transport::Channel,
    >,
) {
    let request = GetCredentialRequest { name: ACME.to_owned() };
    assert_eq!(client.get_credential(request).await.unwrap_err().code(), Code::NotFound);
}

/// Runs the entrance until it has recorded what it counted.
async fn end_of_the_minute(world: &World) {
    let (entrance, over) = (world.entrance.clone(), CancellationToken::new());
    let until = over.clone();
    tokio::time::pause();
    let running = tokio::spawn(async move { entrance.run(until).await });
    tokio::time::sleep(Duration::from_secs(61)).await;
    tokio::time::resume();
    let counted =
        |records: &[Record]| records.iter().filter(|it| it.event.repeats.is_some()).count();
    assert_eq!(counted(&world.recorded().await), 1);
    over.cancel();
    running.await.unwrap();
}
