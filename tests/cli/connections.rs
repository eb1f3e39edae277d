//! Reaching a vault, and not reaching it.

use std::os::unix::fs::PermissionsExt;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::process::CommandExt;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::program::{Ran, finish, run};
use super::vault::Vault;

/// A certificate authority, and certificates of it.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key, in PEM.
    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn server(&self, name: &str) -> (String, String) {
        self.issue(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self) -> (String, String) {
        self.issue("client.example", ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A vault with a certificate for this name, that trusts clients of this CA.
fn vault(ca: &Ca, name: &str) -> Vault {
    let (cert, key) = ca.server(name);
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(cert, key));
    Vault::start_tls(tls.client_ca_root(Certificate::from_pem(ca.0.pem())))
}

/// `show` over TLS: trusting this CA, being this client.
fn show(vault: &Vault, ca: &str, (cert, key): (String, String)) -> Ran {
    let mut command = vault.command(&["show", "acme/infor", "--timeout", "5s"]);
    command.env("IONVAULT_CA", vault.file("ca.pem", ca.as_bytes()));
    command.env("IONVAULT_CERT", vault.file("cert.pem", cert.as_bytes()));
    command.env("IONVAULT_KEY", vault.file("key.pem", key.as_bytes()));
    finish(command, None)
}

#[test]
fn both_sides_know_each_other() {
    let ca = Ca::new();
    let vault = vault(&ca, "localhost");
    let said = show(&vault, &ca.0.pem(), ca.client()).done();
    assert!(said.contains("tenants/acme/credentials/infor"), "{said}");
}

#[test]
fn a_vault_of_another_ca_is_not_talked_to() {
    let ca = Ca::new();
    let vault = vault(&ca, "localhost");
    let said = show(&vault, &Ca::new().0.pem(), ca.client()).failed(4);
    assert!(said.contains("cannot be reached\n"), "{said}");
    assert!(said.contains("invalid peer certificate"), "{said}");
    assert!(said.contains("next: check that --ca is the CA of the vault"), "{said}");
    assert!(vault.asked().is_empty());
}

#[test]
fn a_vault_by_another_name_is_not_talked_to() {
    let ca = Ca::new();
    let vault = vault(&ca, "elsewhere.example");
    let said = show(&vault, &ca.0.pem(), ca.client()).failed(4);
    assert!(said.contains("invalid peer certificate"), "{said}");
    assert!(vault.asked().is_empty());
}

#[test]
fn a_client_of_another_ca_is_refused_in_the_handshake() {
    let ca = Ca::new();
    let vault = vault(&ca, "localhost");
    let said = show(&vault, &ca.0.pem(), Ca::new().client()).failed(4);
    assert!(said.contains("ended the connection right after the TLS handshake\n"), "{said}");
    assert!(said.contains("next: most likely it does not accept your certificate"), "{said}");
    assert!(vault.asked().is_empty());
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let ca = Ca::new();
    let vault = vault(&ca, "localhost");
    let (cert, key) = ca.client();
    let said = show(&vault, "not a certificate", (cert.clone(), key.clone())).failed(1);
    assert!(said.contains("ca.pem holds no certificate\n"), "{said}");
    let said = show(&vault, &ca.0.pem(), (key.clone(), cert.clone())).failed(1);
    assert!(said.contains("cert.pem holds no certificate\n"), "{said}");
    // The key is a secret: it must not be quoted.
    let said = show(&vault, &ca.0.pem(), (cert.clone(), "no-key-at-all".into())).failed(1);
    assert!(said.contains("TLS cannot be set up with these files"), "{said}");
    assert!(!said.contains("no-key-at-all"), "{said}");
    let (_, other_key) = ca.client();
    let said = show(&vault, &ca.0.pem(), (cert, other_key)).failed(1);
    assert!(said.contains("the key belonging to the certificate"), "{said}");
}

#[test]
fn an_endpoint_where_nobody_listens_is_unavailable() {
    let said = run(&["list", "--endpoint", "unix:/nonexistent/vault.sock"]).failed(6);
    assert_eq!(
        said,
        "error: the vault at unix:/nonexistent/vault.sock cannot be reached\n\
         \x20 cause: No such file or directory (os error 2)\n\
         next: start the vault (`ionvault serve`), or name another with --endpoint or \
         IONVAULT_ENDPOINT\n"
    );

    let ca = Ca::new();
    let vault = Vault::start();
    // Bound, so that nobody else gets the port meanwhile, and not listening.
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = SocketAddrV4::try_from(getsockname(&bound).unwrap()).unwrap().port();
    let mut command = vault.command(&["list", "--endpoint", &format!("https://127.0.0.1:{port}")]);
    let (cert, key) = ca.client();
    command.env("IONVAULT_CA", vault.file("ca.pem", ca.0.pem().as_bytes()));
    command.env("IONVAULT_CERT", vault.file("cert.pem", cert.as_bytes()));
    command.env("IONVAULT_KEY", vault.file("key.pem", key.as_bytes()));
    let said = finish(command, None).failed(6);
    assert!(said.contains("Connection refused"), "{said}");
    assert!(said.contains("next: check the address"), "{said}");
}

#[test]
fn a_socket_that_one_may_not_open_is_denied() {
    let vault = Vault::start();
    let directory = vault.directory.path();
    let closed = directory.join("closed");
    std::fs::create_dir(&closed).unwrap();
    let endpoint = format!("unix:{}/vault.sock", closed.display());
    let mut command = vault.command(&["list", "--endpoint", &endpoint]);
    if rustix::process::geteuid().is_root() {
        // Permissions do not bind root, so somebody else asks, with a copy that they may run.
        let copy = directory.join("ionvault");
        std::fs::copy(command.get_program(), &copy).unwrap();
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
        command = std::process::Command::new(copy);
        command.args(["list", "--endpoint", &endpoint]).uid(NOBODY).gid(NOBODY);
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    let said = finish(command, None).failed(4);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(said.contains("Permission denied"), "{said}");
    assert!(said.contains("next: run this as a user who may open the socket"), "{said}");
}

/// The user who owns nothing, on Linux.
const NOBODY: u32 = 65_534;
