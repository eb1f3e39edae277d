//! Certificates, keys and authorities that are replaced while calls run.

use std::os::unix::fs::symlink;

use rustls::version::TLS13;
use rustls_pki_types::CertificateDer;
use tokio::io::AsyncReadExt;
use tonic::transport::Channel;

use crate::authority::{Authority, INVOICES, Leaf};
use crate::clients::check;
use crate::house::{House, Open};
use crate::patience::until;

const RELOADS: &str = "ionvault_certificate_reloads_total";

impl Open {
    fn replace(&self, file: &str, text: &str) {
        std::fs::write(self.dir.path().join("new"), text).unwrap();
        std::fs::rename(self.dir.path().join("new"), self.dir.path().join(file)).unwrap();
    }

    fn replace_server(&self, server: &Leaf) {
        self.replace("server.crt", &server.certificate_pem);
        self.replace("server.key", &server.key.serialize_pem());
    }

    /// The certificate that a newcomer is shown.
    async fn shown(&self) -> CertificateDer<'static> {
        let config = self.authority.trusting(Some(&self.good()), &[&TLS13]);
        let stream = self.handshake(config).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    async fn until_shown(&self, server: &Leaf) {
        until("the new certificate", async || self.shown().await == server.certificate).await;
    }

    /// Whether a client of this authority gets in.
    async fn lets_in(&self, authority: &Authority) -> bool {
        let leaf = authority.client(&[INVOICES]);
        let config = self.authority.trusting(Some(&leaf), &[&TLS13]);
        let Ok(mut stream) = self.handshake(config).await else { return false };
        // Who is refused learns it after its own handshake; who is not, is greeted.
        let greeting = tokio::io::AsyncWriteExt::write_all(&mut stream, crate::frames::PREFACE);
        greeting.await.is_ok() && stream.read_u8().await.is_ok()
    }

    fn reloads(&self, outcome: &str) -> u64 {
        let label = format!("outcome=\"{outcome}\"");
        let lines = self.counted(RELOADS);
        let line = lines.iter().find(|line| line.contains(&label));
        line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_newcomers_and_cuts_nobody() {
    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    let call = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;
    let server = open.authority.server();
    open.replace_server(&server);
    open.until_shown(&server).await;
    open.held.let_go(2);
    assert_eq!(call.await.unwrap().unwrap().grpc_status.as_deref(), Some("0"));
    assert_eq!(client.call_held(&[]).await.unwrap().grpc_status.as_deref(), Some("0"));
    assert!(!open.journal.lines("took new certificates").is_empty());
}

#[tokio::test]
async fn clients_of_a_new_authority_get_in_and_those_of_a_removed_one_do_not() {
    let open = House::new().open().await;
    let before = open.channel(&open.good()).await;
    check(before.clone()).await.unwrap();
    let new = Authority::named("the next authority");
    assert!(open.lets_in(&open.authority).await && !open.lets_in(&new).await);

    open.replace("clients.crt", &format!("{}{}", open.authority.pem(), new.pem()));
    until("the new one gets in", async || open.lets_in(&new).await).await;
    assert!(open.lets_in(&open.authority).await, "both, while clients move");

    open.replace("clients.crt", new.pem());
    until("the old one is out", async || !open.lets_in(&open.authority).await).await;
    assert!(open.lets_in(&new).await);
    // Whoever is in stays until its connection is old.
    check(before).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing_and_is_told() {
    let open = House::new().open().await;
    let first = open.shown().await;
    let other = open.authority.server();
    let mut refused = 0;
    for (file, text, word) in [
        ("server.key", other.key.serialize_pem(), "is not the key of the first certificate"),
        ("server.key", "no key".to_owned(), "holds no usable PEM private key"),
        ("server.crt", "no certificate".to_owned(), "listen.mtls.certificate"),
        ("clients.crt", String::new(), "listen.mtls.client_ca"),
    ] {
        let good = std::fs::read_to_string(open.dir.path().join(file)).unwrap();
        open.replace(file, &text);
        until(word, async || open.reloads("refused") > refused).await;
        refused = open.reloads("refused");
        let told = open.journal.lines("the new certificates are of no use");
        assert!(told.iter().any(|line| line.contains("ERROR") && line.contains(word)), "{told:?}");
        assert_eq!(open.shown().await, first, "{file}");
        check(open.channel(&open.good()).await).await.unwrap();
        let taken = open.reloads("taken");
        open.replace(file, &good);
        until("the good ones are taken", async || open.reloads("taken") > taken).await;
    }
}

/// Each handshake uses a whole set, and no call notices.
#[tokio::test]
async fn no_call_is_lost_while_certificates_change() {
    let open = House::new().open().await;
    let busy = |channel: Channel| {
        tokio::spawn(async move {
            let mut calls = 0_u32;
            while calls < 60 {
                check(channel.clone()).await.unwrap();
                calls += 1;
            }
            calls
        })
    };
    let old = busy(open.channel(&open.good()).await);
    let mut newcomers = Vec::new();
    for _ in 0..3 {
        let server = open.authority.server();
        open.replace_server(&server);
        newcomers.push(busy(open.channel(&open.good()).await));
        open.until_shown(&server).await;
    }
    assert_eq!(old.await.unwrap(), 60);
    for newcomer in newcomers {
        assert_eq!(newcomer.await.unwrap(), 60);
    }
}

/// As Kubernetes mounts a secret: files that lead through a link, which is swapped.
#[tokio::test]
async fn a_secret_that_kubernetes_swaps_is_taken_as_a_whole() {
    let house = House::new();
    let mount = |version: &str, server: &Leaf| {
        std::fs::create_dir(house.path(version)).unwrap();
        house.write(&format!("{version}/tls.crt"), &server.certificate_pem);
        house.write(&format!("{version}/tls.key"), &server.key.serialize_pem());
        symlink(version, house.path("..data_new")).unwrap();
        std::fs::rename(house.path("..data_new"), house.path("..data")).unwrap();
    };
    mount("..first", &house.authority.server());
    for (file, target) in [("server.crt", "..data/tls.crt"), ("server.key", "..data/tls.key")] {
        std::fs::remove_file(house.path(file)).unwrap();
        symlink(target, house.path(file)).unwrap();
    }
    let second = house.authority.server();
    let dir = house.dir.path().to_owned();
    let open = house.open().await;
    std::fs::create_dir(dir.join("..second")).unwrap();
    std::fs::write(dir.join("..second/tls.crt"), &second.certificate_pem).unwrap();
    std::fs::write(dir.join("..second/tls.key"), second.key.serialize_pem()).unwrap();
    symlink("..second", dir.join("..data_new")).unwrap();
    std::fs::rename(dir.join("..data_new"), dir.join("..data")).unwrap();
    open.until_shown(&second).await;
    assert_eq!(open.reloads("refused"), 0);
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_before_it_comes() {
    let open = House::new().open().await;
    let ends = |file: &str| {
        let lines = open.counted("ionvault_certificate_expiry_timestamp_seconds");
        let label = format!("file=\"{file}\",");
        let found = lines
            .iter()
            .find(|line| line.contains(&label) || line.contains(&format!("file=\"{file}\"}}")));
        found
            .unwrap_or_else(|| panic!("{lines:?}"))
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse::<i64>()
            .unwrap()
    };
    assert!(ends("client_ca") > 0);
    let server = open.authority.leaf(|params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        params.not_after = rcgen::date_time_ymd(2091, 1, 1);
    });
    open.replace_server(&server);
    open.until_shown(&server).await;
    // 2091-01-01T00:00:00Z
    assert_eq!(ends("certificate"), 3_818_448_000);
}
