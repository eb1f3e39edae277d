//! What tonic answers by itself, before a handler: it carries a reason too.

use ionvault::pb::v1::{IssueTokenRequest, IssueTokenResponse};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::support::{ACME, ADMIN, ISSUER, World, reason, upload};

/// Sends `message` to `path`, whatever the path takes.
async fn send<M>(world: &World, path: &'static str, message: M) -> Status
where
    M: prost::Message + 'static,
{
    let mut client = tonic::client::Grpc::new(world.channel(ISSUER).await);
    client.ready().await.unwrap();
    let codec = ProstCodec::<M, IssueTokenResponse>::default();
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(Request::new(message), path, codec).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_request_of_this_api_says_so() {
    let world = World::new().await;
    let issue = "/ionvault.v1.TokenService/IssueToken";
    let request =
        || IssueTokenRequest { name: ACME.to_owned(), min_remaining: None, ..Default::default() };
    let large = IssueTokenRequest {
        name: "x".repeat(64 * 1024),
        min_remaining: None,
        ..Default::default()
    };
    for (status, code, told) in [
        (
            send(&world, "/ionvault.v1.TokenService/BorrowToken", request()).await,
            Code::Unimplemented,
            "UNKNOWN_METHOD",
        ),
        (
            send(&world, "/ionvault.v1.LoanService/IssueToken", request()).await,
            Code::Unimplemented,
            "UNKNOWN_METHOD",
        ),
        // As a message, a number has field 1 as a varint; `name` is a text.
        (send(&world, issue, 7_u32).await, Code::Internal, "MALFORMED_MESSAGE"),
        (send(&world, issue, large).await, Code::OutOfRange, "MESSAGE_TOO_LARGE"),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (code, told), "{status:?}");
    }
}

#[tokio::test]
async fn an_upload_may_be_as_long_as_its_fields_and_little_more() {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    for (length, code, told) in [
        (100 * 1024, Code::InvalidArgument, "INVALID_ION_API_FILE"),
        (128 * 1024, Code::OutOfRange, "MESSAGE_TOO_LARGE"),
    ] {
        let refused =
            client.upload_credential(upload(ACME, &vec![b' '; length])).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, told), "{length}");
    }
}
