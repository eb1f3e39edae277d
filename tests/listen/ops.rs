//! `[listen.ops]`: probes and metrics.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::{House, Open};
use crate::patience::until;

impl Open {
    /// Status line and body.
    async fn get(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.ops).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // That it ends shows that the server closes.
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.lines().next().unwrap().trim_start_matches("HTTP/1.1 ");
        (status.to_owned(), body.to_owned())
    }
}

fn answer(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn probes_say_whether_to_restart_and_whether_to_send_callers() {
    let open = House::new().open().await;
    assert_eq!(open.get("GET /livez").await, answer("200 OK", "alive\n"));
    assert_eq!(open.get("GET /readyz").await, answer("200 OK", "ready\n"));
    *open.ready.lock().unwrap() = Err("the store is read-only".to_owned());
    let unready = answer("503 Service Unavailable", "the store is read-only\n");
    assert_eq!(open.get("GET /readyz").await, unready);
    assert_eq!(open.get("GET /livez").await, answer("200 OK", "alive\n"));
}

#[tokio::test]
async fn metrics_are_shown() {
    let open = House::new().open().await;
    drop(TcpStream::connect(open.mtls).await.unwrap());
    let line =
        "ionvault_tls_handshake_failures_total{listener=\"mtls\",reason=\"connection lost\"} 1";
    until("counted", async || open.get("GET /metrics").await.1.contains(line)).await;
}

#[tokio::test]
async fn anything_else_is_refused() {
    let open = House::new().open().await;
    for (request, expected) in [
        ("GET /", "404 Not Found"),
        ("GET /livez/", "404 Not Found"),
        ("POST /livez", "405 Method Not Allowed"),
        ("DELETE /metrics", "405 Method Not Allowed"),
    ] {
        assert_eq!(open.get(request).await.0, expected, "{request}");
    }
    assert_eq!(open.get("HEAD /livez").await, answer("200 OK", ""));
}

#[tokio::test]
async fn while_calls_finish_the_vault_is_alive_and_not_ready() {
    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    let call = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;
    open.drain.cancel();
    let closing = answer("503 Service Unavailable", "shutting down\n");
    assert_eq!(open.get("GET /readyz").await, closing);
    assert_eq!(open.get("GET /livez").await, answer("200 OK", "alive\n"));
    open.held.let_go(1);
    call.await.unwrap().unwrap();
    open.serving.await.unwrap();
    TcpStream::connect(open.ops).await.unwrap_err();
}

/// Time is ours here: whenever nothing else can happen, the next timer is due.
#[tokio::test(start_paused = true)]
async fn who_asks_slowly_is_cut() {
    let open = House::new().open().await;
    let mut stream = TcpStream::connect(open.ops).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}
