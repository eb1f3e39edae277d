//! Reflection, in the version that tools speak today and in the one that older ones speak.

use std::collections::BTreeSet;

use tonic_reflection::pb::{v1, v1alpha};

use crate::support::{ADMIN, World};

const SERVICES: [&str; 5] = [
    "grpc.health.v1.Health",
    "ionvault.v1.AuditService",
    "ionvault.v1.AuthorizationService",
    "ionvault.v1.CredentialService",
    "ionvault.v1.TokenService",
];

/// Lists the services, and asks for a message of ours and for one of the error details.
macro_rules! ask {
    ($version:ident, $channel:expr) => {{
        use $version::server_reflection_request::MessageRequest;
        use $version::server_reflection_response::MessageResponse;
        let questions = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol("ionvault.v1.IssueTokenRequest".to_owned()),
            MessageRequest::FileContainingSymbol("google.rpc.ErrorInfo".to_owned()),
        ];
        let requests = questions.map(|question| $version::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        });
        let mut client = $version::server_reflection_client::ServerReflectionClient::new($channel);
        let stream = tokio_stream::iter(requests);
        let mut answers = client.server_reflection_info(stream).await.unwrap().into_inner();
        let mut names = BTreeSet::new();
        let mut files = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            match answer.message_response.unwrap() {
                MessageResponse::ListServicesResponse(list) => {
                    names.extend(list.service.into_iter().map(|service| service.name));
                }
                MessageResponse::FileDescriptorResponse(found) => {
                    files += found.file_descriptor_proto.len();
                }
                other => panic!("{other:?}"),
            }
        }
        (names, files)
    }};
}

#[tokio::test]
async fn both_versions_describe_the_services_and_the_error_details() {
    let world = World::new().await;
    let channel = world.channel(ADMIN).await;
    let today = ask!(v1, channel.clone());
    let yesterday = ask!(v1alpha, channel);
    for (names, files) in [today, yesterday] {
        for service in SERVICES {
            assert!(names.contains(service), "{service} is not in {names:?}");
        }
        assert!(files >= 2, "a message is not described");
    }
}
