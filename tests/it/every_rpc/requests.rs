//! A request of each RPC about a credential.

use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, CompleteAuthorizationRequest, Credential,
    DeleteCredentialRequest, GetAuditCheckpointRequest, GetCredentialRequest, IssueTokenRequest,
    ListAuditEventsRequest, ListCredentialVersionsRequest, ListCredentialsRequest,
    ProveAuditEventRequest, RevokeTokensRequest, StartAuthorizationRequest, TestCredentialRequest,
    UndeleteCredentialRequest, UpdateCredentialRequest, UploadCredentialRequest, WatchTokenRequest,
};
use prost::Message as _;

use crate::support::{ionapi, labels, upload};

use super::Rpc;

/// As a caller means it, or with something wrong in each field but the name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Good,
    Malformed,
}

/// Where the log of `matrix::world` says something about the tenant for the first time.
fn first_record_about(name: &str) -> i64 {
    match name.split('/').nth(1) {
        Some("own") => 0,
        Some("other") => 3,
        _ => 1_000_000,
    }
}

/// The bytes of a request about a credential, or about its tenant where it is about that.
pub(super) fn request(rpc: &Rpc, name: &str, form: Form) -> Vec<u8> {
    let malformed = form == Form::Malformed;
    let name = name.to_owned();
    let wrong = |text: &str| if malformed { text.to_owned() } else { String::new() };
    let (etag, request_id) = (wrong("of another time"), wrong("not an id \u{0}"));
    let page_size = if malformed { -1 } else { 0 };
    let page_token = wrong("not a token");
    let wrong_labels = labels(if malformed { &[("Not A Key", "")] } else { &[] });
    let min_remaining = malformed.then_some(prost_types::Duration { seconds: -1, nanos: 0 });
    match rpc.name.as_str() {
        "UploadCredential" => {
            let file = if malformed { b"no file".to_vec() } else { ionapi("OWN_PRD", "app1") };
            UploadCredentialRequest {
                labels: wrong_labels,
                etag,
                request_id,
                requested_by: wrong("\u{7}"),
                ..upload(&name, &file)
            }
            .encode_to_vec()
        }
        "GetCredential" => GetCredentialRequest { name }.encode_to_vec(),
        "ListCredentials" => {
            let (parent, _) = name.split_once("/credentials/").unwrap();
            let (parent, filter) = (parent.to_owned(), wrong("health=GOOD"));
            ListCredentialsRequest { parent, page_size, page_token, filter, show_deleted: true }
                .encode_to_vec()
        }
        "ListCredentialVersions" => {
            ListCredentialVersionsRequest { parent: name, page_size, page_token }.encode_to_vec()
        }
        "UpdateCredential" => {
            let paths = if malformed { vec!["state".to_owned()] } else { vec![] };
            UpdateCredentialRequest {
                credential: Some(Credential {
                    name,
                    etag,
                    labels: wrong_labels,
                    ..Default::default()
                }),
                update_mask: Some(prost_types::FieldMask { paths }),
            }
            .encode_to_vec()
        }
        "ActivateCredentialVersion" => {
            let name = format!("{name}/versions/1");
            ActivateCredentialVersionRequest { name, etag, request_id }.encode_to_vec()
        }
        "DeleteCredential" => DeleteCredentialRequest { name, etag, request_id }.encode_to_vec(),
        "UndeleteCredential" => {
            UndeleteCredentialRequest { name, etag, request_id }.encode_to_vec()
        }
        "TestCredential" => TestCredentialRequest { name }.encode_to_vec(),
        "IssueToken" => {
            let rejected_token_id = wrong("none");
            IssueTokenRequest { name, min_remaining, rejected_token_id }.encode_to_vec()
        }
        "WatchToken" => WatchTokenRequest { name, min_remaining }.encode_to_vec(),
        "RevokeTokens" => RevokeTokensRequest { name }.encode_to_vec(),
        "StartAuthorization" => StartAuthorizationRequest { name }.encode_to_vec(),
        "CompleteAuthorization" => {
            let good = "https://docbits.example/?code=a&state=b".to_owned();
            let redirect_uri = if malformed { "no address".to_owned() } else { good };
            CompleteAuthorizationRequest { name, redirect_uri }.encode_to_vec()
        }
        "ListAuditEvents" => {
            let (parent, _) = name.split_once("/credentials/").unwrap();
            let parent = parent.to_owned();
            ListAuditEventsRequest { parent, page_size, page_token, ..Default::default() }
                .encode_to_vec()
        }
        "GetAuditCheckpoint" => {
            let old_tree_size = if malformed { -1 } else { 0 };
            GetAuditCheckpointRequest { old_tree_size }.encode_to_vec()
        }
        "ProveAuditEvent" => {
            let sequence = if malformed { -1 } else { first_record_about(&name) };
            ProveAuditEventRequest { sequence }.encode_to_vec()
        }
        other => panic!("{other} has no request here"),
    }
}
