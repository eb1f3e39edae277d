//! The way out through an HTTP proxy (CONNECT; RFC 9110, section 9.3.6).

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::addresses::Resolver;
use super::connect;
use crate::ports::ExchangeError;

/// A proxy as the operator names it. Its address is not judged: it is the operator's word, not a
/// file's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpProxy {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl HttpProxy {
    /// A connection through the proxy to one of `addresses`. The proxy is told a judged address,
    /// never a name, so it cannot come to another one.
    pub(super) async fn tunnel(
        &self,
        addresses: &[SocketAddr],
        resolver: &Resolver,
    ) -> Result<TcpStream, ExchangeError> {
        let proxies = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, self.port)],
            Err(_) => match resolver.look_up(&self.host, self.port).await {
                Ok(found) => found,
                Err(_) => return Err(unreachable("the proxy's name does not resolve")),
            },
        };
        let mut refusal = unreachable("the proxy was asked for nothing");
        for address in addresses {
            let Some(stream) = connect::first(&proxies).await else {
                return Err(unreachable("no connection to the proxy can be made"));
            };
            match open(stream, *address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

async fn open(mut stream: TcpStream, address: SocketAddr) -> Result<TcpStream, ExchangeError> {
    let broken = |_| unreachable("the connection to the proxy broke");
    let question = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(question.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head is no longer the proxy's.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(unreachable("the proxy's answer is too long"));
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    match status(&head) {
        Some([b'2', _, _]) => Ok(stream),
        Some(b"407") => Err(unreachable("the proxy wants to know who asks")),
        Some(_) => Err(unreachable("the proxy does not connect to its address")),
        None => Err(unreachable("the proxy's answer is not HTTP")),
    }
}

/// The three digits of the status line.
fn status(head: &[u8]) -> Option<&[u8; 3]> {
    let after = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, rest) = after.split_first_chunk::<3>()?;
    let whole = digits.iter().all(u8::is_ascii_digit) && matches!(rest.first(), Some(b' ' | b'\r'));
    whole.then_some(digits)
}

fn unreachable(what: &'static str) -> ExchangeError {
    ExchangeError::Unreachable(what)
}

/// A status line and a few fields; what a proxy adds to a refusal, such as a page, is not read.
const HEAD_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What comes of a proxy that answers so, and what it was asked.
    async fn tunnel(answer: &[u8]) -> (Result<(), String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = HttpProxy { host: "127.0.0.1".to_owned(), port };
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 1024];
            let count = stream.read(&mut asked).await.unwrap();
            asked.truncate(count);
            // A client that has read enough resets the connection.
            let _written = stream.write_all(answer).await;
            (stream, String::from_utf8(asked).unwrap())
        };
        let to = ["203.0.113.7:443".parse().unwrap()];
        let resolver = Resolver::new();
        let (opened, (_stream, asked)) = tokio::join!(proxy.tunnel(&to, &resolver), answering);
        let outcome = match opened {
            Ok(mut stream) => {
                let mut first = [0; 3];
                stream.read_exact(&mut first).await.unwrap();
                assert_eq!(&first, b"TLS", "the proxy's head was read, and not a byte more");
                Ok(())
            }
            Err(ExchangeError::Unreachable(what)) => Err(what.to_owned()),
            Err(error) => panic!("{error}"),
        };
        (outcome, asked)
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_an_address_and_understood() {
        let refused = Err("the proxy does not connect to its address".to_owned());
        let not_http = Err("the proxy's answer is not HTTP".to_owned());
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
        for (answer, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\nTLS", Ok(())),
            ("HTTP/1.0 200\r\nvia: planted\r\n\r\nTLS", Ok(())),
            ("HTTP/1.1 403 Forbidden\r\ncontent-length: 7\r\n\r\nplanted", refused.clone()),
            ("HTTP/1.1 302 Found\r\nlocation: https://planted\r\n\r\n", refused),
            ("HTTP/1.1 407 planted\r\n\r\n", Err("the proxy wants to know who asks".to_owned())),
            ("HTTP/1.1 2000 OK\r\n\r\n", not_http.clone()),
            ("SSH-2.0-planted\r\n\r\n", not_http.clone()),
            ("\r\n\r\n", not_http),
            (long.as_str(), Err("the proxy's answer is too long".to_owned())),
        ] {
            let (outcome, asked) = tunnel(answer.as_bytes()).await;
            assert_eq!(outcome, expected, "{answer}");
            let question = "CONNECT 203.0.113.7:443 HTTP/1.1\r\nHost: 203.0.113.7:443\r\n\r\n";
            assert_eq!(asked, question);
        }
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_is_named() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let proxy = HttpProxy { host: "127.0.0.1".to_owned(), port: closed.port() };
        let tunnel = proxy.tunnel(&["203.0.113.7:443".parse().unwrap()], &Resolver::new()).await;
        let Err(ExchangeError::Unreachable(what)) = tunnel else { panic!("a tunnel") };
        assert_eq!(what, "no connection to the proxy can be made");
    }
}
