//! The same guard where an operator names a proxy.

use std::sync::{Arc, Mutex};

use ionvault::adapters::{HttpProxy, HttpsTokenEndpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::attempts::{Outcome, PUBLIC, World};
use crate::listener::DOMAIN;
use crate::name_server::Records;
use crate::names::not_allowed;

/// Where the proxy is; the listener is not.
const PORT: u16 = 8888;

pub(crate) async fn told_judged_addresses_only(world: &mut World) {
    let questions = start().await;
    let asked = || std::mem::take(&mut *questions.lock().unwrap());
    let direct = std::mem::take(&mut world.endpoint);
    for host in ["10.9.9.9", "proxy.front.example", "fd00::9"] {
        world.names.set("proxy.front.example", Records::a(&["10.9.9.9"]));
        let proxy = HttpProxy { host: host.to_owned(), port: PORT };
        world.endpoint = HttpsTokenEndpoint::through(proxy);
        // The name would lead inside as soon as the proxy asked for it.
        let records = Records::rounds(&[&[PUBLIC], &[PUBLIC], &["127.0.0.1"]]);
        let outcome = world.ask("proxied", records, false).await;
        assert!(matches!(outcome, Outcome::Token), "{host}: {outcome:?}");
        world.only_reached(PUBLIC);
        assert_eq!(asked(), vec![format!("CONNECT {PUBLIC}:443 HTTP/1.1"); 2]);
        assert_eq!(world.names.lookups(&format!("proxied.{DOMAIN}")), 2);
        for address in ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1"] {
            let outcome = world.ask("proxied", Records::a(&[address, PUBLIC]), false).await;
            not_allowed(world, address, &outcome);
            assert_eq!(asked(), [""; 0], "the proxy was asked for {address}");
        }
        // On this side of the proxy.
        let outcome = world.ask("premises", Records::a(&["10.0.0.7"]), true).await;
        assert!(matches!(outcome, Outcome::Token), "{host}: {outcome:?}");
        world.only_reached("10.0.0.7");
        assert_eq!(asked(), [""; 0]);
    }
    world.endpoint = direct;
}

/// A proxy that does as it is told. What it was told: the first line of each question.
async fn start() -> Arc<Mutex<Vec<String>>> {
    let listener = TcpListener::bind(("::", PORT)).await.unwrap();
    let questions = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&questions);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(tunnel(stream, Arc::clone(&told)));
        }
    });
    questions
}

async fn tunnel(mut stream: TcpStream, told: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    let address = line.split(' ').nth(1).unwrap().to_owned();
    told.lock().unwrap().push(line);
    // A name is resolved, as proxies do.
    let mut server = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
}
