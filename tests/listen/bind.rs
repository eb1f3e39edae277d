//! What keeps the listeners from opening: one sentence that names the key.

use ionvault::config::MeshPlace;
use ionvault::listen::{BindError, Listeners};

use crate::authority::Authority;
use crate::house::{House, nobody};

async fn refusal(
    house: &House,
    change: impl FnOnce(&mut ionvault::config::Listeners),
) -> BindError {
    let mut config = house.config();
    change(&mut config);
    let error =
        Listeners::bind(&config, nobody(), house.limits.clone()).await.err().expect("refused");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(!house.path("admin.sock").exists(), "nothing was made");
    error
}

#[tokio::test]
async fn a_port_in_use() {
    let house = House::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let mtls = refusal(&house, |config| config.mtls.as_mut().unwrap().address = taken).await;
    let ops = refusal(&house, |config| config.ops.as_mut().unwrap().address = taken).await;
    let mesh = refusal(&house, |config| {
        config.mesh.as_mut().unwrap().place = MeshPlace::Address(taken);
    })
    .await;
    for (key, error) in
        [("listen.mtls.address", mtls), ("listen.mesh.address", mesh), ("listen.ops.address", ops)]
    {
        let expected = format!(
            "{key}: the address {taken} is in use; stop the other program or choose another port"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_file_in_the_place_of_the_sidecars_socket() {
    let mut house = House::new();
    house.mesh_socket = true;
    house.write("mesh.sock", "somebody else's");
    let error = refusal(&house, |_| {}).await;
    assert!(error.to_string().starts_with("listen.mesh.address: "), "{error}");
}

#[tokio::test]
async fn an_address_of_another_machine() {
    let house = House::new();
    // TEST-NET-1 (RFC 5737) is nobody's.
    let error = refusal(&house, |config| {
        config.mtls.as_mut().unwrap().address = "192.0.2.1:0".parse().unwrap();
    });
    assert!(matches!(error.await, BindError::Address { key: "listen.mtls.address", .. }));
}

#[tokio::test]
async fn files_that_are_missing_or_hold_something_else() {
    for (file, key) in [
        ("server.crt", "listen.mtls.certificate"),
        ("clients.crt", "listen.mtls.client_ca"),
        ("server.key", "listen.mtls.key"),
    ] {
        let house = House::new();
        std::fs::remove_file(house.path(file)).unwrap();
        let missing = refusal(&house, |_| {}).await;
        house.write(file, "something else");
        let other = refusal(&house, |_| {}).await;
        for error in [missing, other] {
            assert!(error.to_string().starts_with(key), "{error}");
        }
    }
}

#[tokio::test]
async fn certificates_that_are_none() {
    let pem = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    for (file, expected) in
        [("server.crt", "listen.mtls.certificate"), ("clients.crt", "listen.mtls.client_ca")]
    {
        let house = House::new();
        house.write(file, pem);
        let error = refusal(&house, |_| {}).await;
        assert!(
            matches!(error, BindError::UnusableCertificate { key, .. } if key == expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_key_of_another_certificate() {
    let house = House::new();
    house.write("server.key", &Authority::new().server().key.serialize_pem());
    let error = refusal(&house, |_| {}).await;
    assert!(matches!(error, BindError::KeyMismatch { .. }), "{error}");
}

/// A key's text may be a key with a typo: no part of it may be shown.
#[tokio::test]
async fn a_broken_key_is_not_quoted() {
    let house = House::new();
    let pem = std::fs::read_to_string(house.path("server.key")).unwrap();
    let secret = pem.lines().nth(1).unwrap().to_owned();
    house.write("server.key", &pem.replacen('M', "!", 1));
    let error = refusal(&house, |_| {}).await;
    assert!(matches!(error, BindError::UnusableKey { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains(&secret[4..20]));
}
