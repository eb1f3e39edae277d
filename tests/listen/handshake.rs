//! Who does not get past the handshake: no call, a counter with the reason.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, SanType};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::{Authority, INVOICES, Leaf, far_ahead, long_ago};
use crate::clients::check;
use crate::frames::PREFACE;
use crate::house::{House, Open};
use crate::patience::until;

impl Open {
    /// The handshake fails, is counted once under `reason`, and others are served as before.
    async fn turns_away(&self, config: ClientConfig, reason: &str) {
        match self.handshake(config).await {
            // The server's alert comes after the client thinks it is done.
            Ok(mut stream) => {
                stream.read_u8().await.expect_err("closed");
            }
            Err(error) => drop(error),
        }
        self.counts_one(reason).await;
        check(self.channel(&self.good()).await).await.unwrap();
        assert_eq!(self.peers.lock().unwrap().len(), 1, "only the good caller's call");
    }

    async fn counts_one(&self, reason: &str) {
        let name = "ionvault_tls_handshake_failures_total";
        let line = format!("{name}{{listener=\"mtls\",reason=\"{reason}\"}} 1");
        until(reason, async || !self.counted(name).is_empty()).await;
        assert_eq!(self.counted(name), [line]);
        let lines = self.journal.lines("a TLS handshake failed");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("WARN") && lines[0].contains("127.0.0.1:"), "{lines:?}");
        assert!(lines[0].contains(&format!("reason=\"{reason}\"")), "{lines:?}");
    }

    fn presenting(&self, leaf: &Leaf) -> ClientConfig {
        self.authority.trusting(Some(leaf), &[&TLS13])
    }
}

fn invoices(params: &mut CertificateParams) {
    params.subject_alt_names = vec![SanType::URI(INVOICES.try_into().unwrap())];
}

async fn leaf_is_turned_away(change: impl FnOnce(&mut CertificateParams), reason: &str) {
    let open = House::new().open().await;
    let leaf = open.authority.leaf(|params| {
        invoices(params);
        change(params);
    });
    open.turns_away(open.presenting(&leaf), reason).await;
}

#[tokio::test]
async fn no_certificate() {
    let open = House::new().open().await;
    open.turns_away(open.authority.trusting(None, &[&TLS13]), "no client certificate").await;
}

#[tokio::test]
async fn an_expired_certificate() {
    leaf_is_turned_away(long_ago, "certificate expired").await;
}

#[tokio::test]
async fn a_certificate_of_the_future() {
    leaf_is_turned_away(far_ahead, "certificate not yet valid").await;
}

#[tokio::test]
async fn a_certificate_for_servers_only() {
    let servers = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    leaf_is_turned_away(servers, "certificate not for clients").await;
}

#[tokio::test]
async fn an_authority_as_leaf() {
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    };
    leaf_is_turned_away(authority, "certificate unusable").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority() {
    for (another, reason) in [
        (Authority::named("another"), "unknown issuer"),
        // The same name with another key: the signature decides.
        (Authority::new(), "bad signature"),
    ] {
        let open = House::new().open().await;
        let leaf = another.client(&[INVOICES]);
        open.turns_away(open.presenting(&leaf), reason).await;
    }
}

#[tokio::test]
async fn a_client_of_yesterday() {
    let open = House::new().open().await;
    let config = open.authority.trusting(Some(&open.good()), &[&TLS12]);
    open.turns_away(config, "no TLS 1.3").await;
}

#[tokio::test]
async fn a_client_that_wants_another_protocol_or_names_none() {
    for protocols in [vec![b"http/1.1".to_vec()], vec![]] {
        let open = House::new().open().await;
        let mut config = open.presenting(&open.good());
        config.alpn_protocols = protocols;
        open.turns_away(config, "no HTTP/2").await;
    }
}

#[tokio::test]
async fn a_client_that_distrusts_the_server() {
    let open = House::new().open().await;
    let config = Authority::new().trusting(Some(&open.good()), &[&TLS13]);
    open.turns_away(config, "refused by the client").await;
}

#[tokio::test]
async fn plain_text() {
    let open = House::new().open().await;
    let mut stream = TcpStream::connect(open.mtls).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ended = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    open.counts_one("not TLS").await;
}

/// Time is ours here: whenever nothing else can happen, the next timer is due.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing() {
    let open = House::new().open().await;
    let mut stream = TcpStream::connect(open.mtls).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    open.counts_one("too slow").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_proves_who_it_is_and_then_says_nothing() {
    let open = House::new().open().await;
    let mut stream = open.handshake(open.presenting(&open.good())).await.unwrap();
    let _ended = stream.read(&mut [0]).await;
    open.counts_one("too slow").await;
}

#[tokio::test]
async fn a_client_that_leaves() {
    let open = House::new().open().await;
    drop(TcpStream::connect(open.mtls).await.unwrap());
    open.counts_one("connection lost").await;
}

/// The first certificate may have expired by then.
#[tokio::test]
async fn a_client_that_comes_back_is_looked_at_again() {
    let open = House::new().open().await;
    let config = open.presenting(&open.good());
    for _ in 0..2 {
        let mut stream = open.handshake(config.clone()).await.unwrap();
        // A ticket, if there were one, would come before the first answer.
        stream.write_all(PREFACE).await.unwrap();
        stream.read_u8().await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
}

/// One that holds its turn and says nothing delays the others at most by its own time.
#[tokio::test]
async fn handshakes_beyond_their_limit_wait_for_their_turn() {
    let mut house = House::new();
    house.limits.handshakes = 1;
    house.limits.handshake = std::time::Duration::from_secs(600);
    let open = house.open().await;
    let silent = TcpStream::connect(open.mtls).await.unwrap();
    let leaf = open.good();
    let waiting = open.handshake(open.presenting(&leaf));
    let mut waiting = std::pin::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("two handshakes at once"),
        () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
    }
    drop(silent);
    waiting.await.unwrap();
}
