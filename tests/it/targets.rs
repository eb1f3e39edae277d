//! Where token requests go, whom they trust there, and by which grant they ask.

use ionvault::pb::v1::UploadCredentialRequest;
use ionvault::pb::v1::ion_api_file::Grant;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tonic::Code;

use crate::support::{ACME, ADMIN, World, fields, ionapi, reason, upload};

/// A file of the on-premises server that the operator approved (variant C).
fn on_premises() -> Vec<u8> {
    String::from_utf8(ionapi("infor", "app1"))
        .unwrap()
        .replace(
            "https://mingle-ionapi.eu1.inforcloudsuite.com",
            "https://inforos.customer.example",
        )
        .replace(
            "mingle-sso.eu1.inforcloudsuite.com:443/infor/as",
            "inforos.customer.example/InforIntSTS",
        )
        .into_bytes()
}

/// An authority that nobody else knows.
fn authority() -> rcgen::Certificate {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

fn with_certificates(pem: impl Into<Vec<u8>>) -> UploadCredentialRequest {
    UploadCredentialRequest { ca_certificates: pem.into(), ..upload(ACME, &on_premises()) }
}

#[tokio::test]
async fn requests_trust_the_uploaded_certificates_and_no_others() {
    let world = World::new().await;
    let (one, two) = (authority(), authority());
    let mut client = world.credentials(ADMIN).await;
    client.upload_credential(with_certificates(one.pem())).await.unwrap();
    world.issue(ACME).await.unwrap();
    let target = world.infor.last_target();
    assert_eq!(target.url.as_str(), "https://inforos.customer.example/InforIntSTS/token.oauth2");
    assert_eq!(target.trust_anchors, [one.der().clone()]);

    // Other certificates are another version, and a token that came by the old ones is not shared.
    let both = format!("{}{}", two.pem(), one.pem());
    let uploaded = client.upload_credential(with_certificates(both)).await.unwrap().into_inner();
    assert_eq!((uploaded.version, uploaded.added), (2, true));
    drop(client);
    let world = world.restart().await;
    world.issue(ACME).await.unwrap();
    let target = world.infor.last_target();
    assert_eq!(target.trust_anchors, [two.der().clone(), one.der().clone()]);

    let mut client = world.credentials(ADMIN).await;
    client.upload_credential(upload(ACME, &on_premises())).await.unwrap();
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 3, "another version, another account");
    assert_eq!(world.infor.last_target().trust_anchors, []);
}

#[tokio::test]
async fn certificates_that_are_none_are_refused_by_their_field() {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    let planted = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n";
    let cut = authority().pem().replace("-----END CERTIFICATE-----", "");
    for pem in ["planted", planted, cut.as_str()] {
        let refused = client.upload_credential(with_certificates(pem)).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str(), fields(&refused)),
            (Code::InvalidArgument, "INVALID_ARGUMENT", vec!["ca_certificates".to_owned()])
        );
        assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
    }
    assert!(world.vault.find(&ACME.parse().unwrap()).unwrap().is_none());
}

/// Variant F, with little more than what it takes.
#[tokio::test]
async fn a_file_without_a_service_account_asks_by_client_credentials() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    let file = br#"{"cn":"DocBits_PRD","ci":"ACME_PRD~app1","cs":"invented-client-secret",
"pu":"https://mingle-sso.eu1.inforcloudsuite.com:443/ACME_PRD/as/","ot":"token.oauth2"}"#;
    let credential = world.upload(ACME, file).await;
    let said = credential.ion_api_file.unwrap();
    assert_eq!((said.grant(), said.has_service_account), (Grant::ClientCredentials, false));
    for _ in 0..2 {
        world.issue(ACME).await.unwrap();
        world.clock.advance(crate::support::TOKEN_LIFE);
    }
    assert_eq!((world.infor.requests(), world.infor.requests_by("client_credentials")), (2, 2));
}
