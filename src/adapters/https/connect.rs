//! A TCP connection to one of the judged addresses, directly or through the proxy.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::addresses::{Judged, Resolver};
use super::proxy::HttpProxy;
use crate::ports::ExchangeError;

/// Connects to one of `addresses`. Without a bound on time: the caller has one.
///
/// A proxy is the way to the internet, so it is asked for public addresses only. Private ones,
/// which only an approved host may have, are on our side of it.
pub(super) async fn connect(
    addresses: &[Judged],
    proxy: Option<&HttpProxy>,
    resolver: &Resolver,
) -> Result<TcpStream, ExchangeError> {
    let public = addresses.iter().filter(|judged| judged.public);
    let public: Vec<SocketAddr> = public.map(|judged| judged.address).collect();
    match proxy {
        Some(proxy) if !public.is_empty() => proxy.tunnel(&public, resolver).await,
        _ => {
            let all: Vec<SocketAddr> = addresses.iter().map(|judged| judged.address).collect();
            first(&all).await.ok_or(ExchangeError::Unreachable("no connection can be made"))
        }
    }
}

/// The first connection that comes about. Each address has a head start before the next one (RFC
/// 8305, section 5), so one that swallows packets does not use up the time of those that answer.
pub(super) async fn first(addresses: &[SocketAddr]) -> Option<TcpStream> {
    // Dropped with this future, and the attempts with it.
    let mut attempts = JoinSet::new();
    let mut untried = addresses.iter();
    loop {
        let begun = untried.next().map(|address| attempts.spawn(TcpStream::connect(*address)));
        if begun.is_none() {
            // All are under way: whoever is first, or nobody.
            while let Some(ended) = attempts.join_next().await {
                if let Ok(Ok(stream)) = ended {
                    return Some(stream);
                }
            }
            return None;
        }
        if let Ok(Some(Ok(Ok(stream)))) = timeout(HEAD_START, attempts.join_next()).await {
            return Some(stream);
        }
    }
}

/// As RFC 8305 (section 8) recommends.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let stream = first(&[closed, closed, good, closed]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(first(&[closed, closed]).await.is_none());
        assert!(first(&[]).await.is_none());
    }

    #[tokio::test]
    async fn an_address_that_swallows_packets_is_not_waited_for() {
        // A full queue: the kernel drops what else arrives.
        let full = tokio::net::TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            waiting.spawn(TcpStream::connect(silent));
        }
        while let Ok(Some(_)) = timeout(HEAD_START, waiting.join_next()).await {}
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let stream = first(&[silent, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }
}
