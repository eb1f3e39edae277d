//! `AuditService`: who may read the log, and what it shows and proves.

use ionvault::pb::v1::audit_service_client::AuditServiceClient;
use ionvault::pb::v1::{
    AuditCheckpoint, AuditEvent, AuditOrder, GetAuditCheckpointRequest, ListAuditEventsRequest,
    ProveAuditEventRequest,
};
use tlog_tiles::{Hash, check_record, check_tree, record_hash};
use tonic::Status;
use tonic::transport::Channel;

use crate::support::{
    ACME, ADMIN, AUDITOR, ISSUER, STRANGER, UPLOADER, World, fields, ionapi, reason,
};

/// The RPCs about the audit log.
pub(crate) const RPCS: [&str; 3] = ["ListAuditEvents", "GetAuditCheckpoint", "ProveAuditEvent"];

async fn call(channel: Channel, rpc: &str, parent: &str) -> Result<(), Status> {
    let mut client = AuditServiceClient::new(channel);
    match rpc {
        "ListAuditEvents" => {
            let request =
                ListAuditEventsRequest { parent: parent.to_owned(), ..Default::default() };
            client.list_audit_events(request).await.map(drop)
        }
        "GetAuditCheckpoint" => {
            client.get_audit_checkpoint(GetAuditCheckpointRequest::default()).await.map(drop)
        }
        "ProveAuditEvent" => {
            client.prove_audit_event(ProveAuditEventRequest { sequence: 0 }).await.map(drop)
        }
        other => panic!("{other} is not about the audit log"),
    }
}

/// A log that begins with an upload for `acme` and a token for `other`.
async fn world() -> World {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload("tenants/other/credentials/infor", &ionapi("OTHER_PRD", "app1")).await;
    world.issue("tenants/other/credentials/infor").await.unwrap();
    world
}

async fn list(
    world: &World,
    caller: &str,
    request: ListAuditEventsRequest,
) -> Result<Vec<AuditEvent>, Status> {
    let (mut client, mut all) = (world.audit_service(caller).await, vec![]);
    let mut request = request;
    loop {
        let page = client.list_audit_events(request.clone()).await?.into_inner();
        all.extend(page.audit_events);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn everything() -> ListAuditEventsRequest {
    ListAuditEventsRequest { parent: "tenants/-".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn only_the_roles_that_the_shipped_policy_names_read_the_log() {
    let world = world().await;
    for caller in [ADMIN, AUDITOR, UPLOADER, ISSUER, STRANGER] {
        for (rpc, parent) in
            RPCS.into_iter().flat_map(|rpc| [(rpc, "tenants/-"), (rpc, "tenants/acme")])
        {
            let got = call(world.channel(caller).await, rpc, parent).await;
            let got = got.map_or_else(|status| reason(&status), |()| "OK".to_owned());
            let expected = match rpc {
                _ if [ADMIN, AUDITOR].contains(&caller) => "OK",
                "ProveAuditEvent" => "AUDIT_EVENT_NOT_FOUND",
                _ => "CALLER_DENIED",
            };
            assert_eq!(got, expected, "{caller} {rpc} {parent}");
        }
    }
}

#[tokio::test]
async fn who_may_read_one_tenants_records_sees_no_other_ones() {
    let world = world().await;
    let policy = r#"permit (principal, action in Action::"audit", resource == Tenant::"acme");"#;
    let channel = world.channel_under(policy, STRANGER).await;
    let mut client = AuditServiceClient::new(channel.clone());
    let mut request = everything();
    let refused = client.list_audit_events(request.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "CALLER_DENIED");
    request.parent = "tenants/acme".to_owned();
    let page = client.list_audit_events(request.clone()).await.unwrap().into_inner();
    let of: Vec<_> = page.audit_events.iter().map(|event| event.resource.as_str()).collect();
    assert_eq!(of, [ACME]);
    // Reading them is about the tenant itself, and theirs to see.
    let page = client.list_audit_events(request.clone()).await.unwrap().into_inner();
    let of: Vec<_> = page.audit_events.iter().map(|event| event.resource.as_str()).collect();
    assert_eq!(of, [ACME, "tenants/acme"]);
    request.resource = "tenants/other/credentials/infor".to_owned();
    assert_eq!(fields(&client.list_audit_events(request).await.unwrap_err()), ["resource"]);
    assert_eq!(
        reason(&call(channel, "GetAuditCheckpoint", "").await.unwrap_err()),
        "CALLER_DENIED"
    );
    let mut prove =
        async |sequence| client.prove_audit_event(ProveAuditEventRequest { sequence }).await;
    assert!(prove(0).await.is_ok());
    let not_yours = prove(1).await.unwrap_err();
    let not_there = prove(1_000_000).await.unwrap_err();
    assert_eq!(not_yours.message(), not_there.message());
    assert_eq!(not_yours.details(), not_there.details());
}

#[tokio::test]
async fn a_list_has_what_was_asked_for_in_the_order_that_was_asked_for() {
    let world = world().await;
    let all = list(&world, AUDITOR, everything()).await.unwrap();
    let methods: Vec<_> = all.iter().map(|event| event.method.as_str()).collect();
    assert_eq!(methods, ["UploadCredential", "UploadCredential", "IssueToken"]);
    let token = &all[2];
    assert_eq!((token.caller.as_str(), token.outcome.as_str()), (ISSUER, "OK"));
    let base = everything();
    for (request, sequences) in [
        (ListAuditEventsRequest { method: "IssueToken".into(), ..base.clone() }, vec![2]),
        (ListAuditEventsRequest { resource: ACME.into(), ..base.clone() }, vec![0]),
        (ListAuditEventsRequest { token_id: token.token_id.clone(), ..base.clone() }, vec![2]),
        (ListAuditEventsRequest { caller: ISSUER.into(), ..base.clone() }, vec![2]),
        (ListAuditEventsRequest { end_time: token.time, ..base.clone() }, vec![0, 1]),
        (ListAuditEventsRequest { outcome: "NOT_FOUND".into(), ..base.clone() }, vec![]),
    ] {
        let told = format!("{request:?}");
        let got = list(&world, AUDITOR, request).await.unwrap();
        let got: Vec<_> = got.iter().map(|event| event.sequence).collect();
        assert_eq!(got, sequences, "{told}");
    }
    let newest = ListAuditEventsRequest {
        order: AuditOrder::NewestFirst.into(),
        page_size: 2,
        end_time: token.time,
        ..everything()
    };
    let got = list(&world, AUDITOR, newest).await.unwrap();
    assert_eq!(got.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn a_page_token_answers_only_its_query_and_its_caller() {
    let world = world().await;
    let request = ListAuditEventsRequest { page_size: 1, ..everything() };
    let mut client = world.audit_service(AUDITOR).await;
    let page = client.list_audit_events(request.clone()).await.unwrap().into_inner();
    let page_token = page.next_page_token;
    assert!(!page_token.is_empty());
    let with_token = ListAuditEventsRequest { page_token, ..request };
    assert!(client.list_audit_events(with_token.clone()).await.is_ok());
    let other_query = ListAuditEventsRequest { method: "IssueToken".into(), ..with_token.clone() };
    let refused = client.list_audit_events(other_query).await.unwrap_err();
    assert_eq!(fields(&refused), ["page_token"]);
    let mut admin = world.audit_service(ADMIN).await;
    assert_eq!(fields(&admin.list_audit_events(with_token).await.unwrap_err()), ["page_token"]);
}

#[tokio::test]
async fn a_record_is_proved_to_be_under_the_checkpoint() {
    let world = world().await;
    let mut client = world.audit_service(AUDITOR).await;
    let proved = client.prove_audit_event(ProveAuditEventRequest { sequence: 2 }).await.unwrap();
    let proved = proved.into_inner();
    let checkpoint = proved.checkpoint.unwrap();
    let lines: Vec<_> = checkpoint.note.lines().collect();
    let root = data_encoding::BASE64.decode(lines[2].as_bytes()).unwrap();
    let hash = |bytes: &[u8]| Hash(bytes.try_into().unwrap());
    let path: Vec<_> = proved.hashes.iter().map(|bytes| hash(bytes)).collect();
    let size = u64::try_from(checkpoint.tree_size).unwrap();
    let leaf = record_hash(&proved.leaf);
    check_record(&path, size, hash(&root), 2, leaf).unwrap();
    assert_eq!(proved.audit_event.unwrap().method, "IssueToken");
    let other = record_hash(b"another record");
    assert!(check_record(&path, size, hash(&root), 2, other).is_err());
}

#[tokio::test]
async fn a_checkpoint_covers_what_was_answered_before_and_verifies_offline() {
    let world = world().await;
    let mut client = world.audit_service(AUDITOR).await;
    let response = client.get_audit_checkpoint(GetAuditCheckpointRequest::default()).await.unwrap();
    let checkpoint = response.into_inner().checkpoint.unwrap();
    assert!(checkpoint.tree_size >= 3, "{}", checkpoint.tree_size);
    let key = &checkpoint.verifier_key;
    let witnessed = [checkpoint.note.clone()];
    let report = ionvault::audit::verify(&world.audit_dir, key, &witnessed).unwrap();
    assert!(report.findings.is_empty());
    assert!(report.size >= 3);
}

#[tokio::test]
async fn a_checkpoint_is_proved_to_go_on_from_one_that_was_kept() {
    let world = world().await;
    let mut client = world.audit_service(AUDITOR).await;
    let mut get = async |old_tree_size| {
        let request = GetAuditCheckpointRequest { old_tree_size };
        client.get_audit_checkpoint(request).await.map(tonic::Response::into_inner)
    };
    let root = |checkpoint: &AuditCheckpoint| -> Hash {
        let line = checkpoint.note.lines().nth(2).unwrap();
        Hash(data_encoding::BASE64.decode(line.as_bytes()).unwrap().try_into().unwrap())
    };
    let first = get(0).await.unwrap();
    assert!(first.consistency_hashes.is_empty(), "nothing was to be proved");
    let kept = first.checkpoint.unwrap();
    for _ in 0..3 {
        world.issue("tenants/other/credentials/infor").await.unwrap();
    }
    let answer = get(kept.tree_size).await.unwrap();
    let grown = answer.checkpoint.unwrap();
    assert!(grown.tree_size >= kept.tree_size + 3, "{} {}", kept.tree_size, grown.tree_size);
    let hashes = answer.consistency_hashes.into_iter();
    let hashes = hashes.map(|hash| Hash(hash.try_into().unwrap())).collect();
    let size = |checkpoint: &AuditCheckpoint| u64::try_from(checkpoint.tree_size).unwrap();
    check_tree(&hashes, size(&grown), root(&grown), size(&kept), root(&kept)).unwrap();

    let too_short = get(1_000_000).await.unwrap_err();
    assert_eq!(reason(&too_short), "AUDIT_LOG_TOO_SHORT");
    assert!(too_short.message().contains("fewer than the 1000000"), "{}", too_short.message());
    assert_eq!(fields(&get(-1).await.unwrap_err()), ["old_tree_size"]);
    let mut stranger = world.audit_service(STRANGER).await;
    let request = GetAuditCheckpointRequest { old_tree_size: 1_000_000 };
    assert_eq!(
        reason(&stranger.get_audit_checkpoint(request).await.unwrap_err()),
        "CALLER_DENIED",
        "how long the log is, is theirs to know who may read it"
    );
}
