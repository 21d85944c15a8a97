use super::*;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::ingest::{Dialer, Fetcher, sink};
use crate::stream::{Source, SourceUrl};

const SOON: Duration = Duration::from_secs(5);

/// A name that is at 127.0.0.2 when it is first looked up, and at 127.0.0.1 ever after.
fn rebinding() -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_, port| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let address = [127, 0, 0, if first { 2 } else { 1 }];
        Box::pin(async move { Ok(vec![SocketAddr::from((address, port))]) })
    });
    (lookup, asked)
}

/// Listeners at 127.0.0.2, which is allowed, and at the same port of 127.0.0.1, which is not; how many came to each.
async fn servers() -> (u16, [Arc<AtomicUsize>; 2]) {
    let first = TcpListener::bind("127.0.0.2:0").await.expect("a port");
    let port = first.local_addr().expect("bound").port();
    let second = TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("a port");
    let counts = [Arc::default(), Arc::default()];
    for (listener, count) in [first, second].into_iter().zip(&counts) {
        let count: Arc<AtomicUsize> = Arc::clone(count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1024]).await;
                // Each answer ends its connection, so that the next request needs another one.
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
    }
    (port, counts)
}

fn policy() -> Arc<Policy> {
    Arc::new(Policy::new(vec!["127.0.0.2/32".parse().expect("CIDR")]))
}

fn reached(counts: &[Arc<AtomicUsize>; 2]) -> [usize; 2] {
    [0, 1].map(|at| counts[at].load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_checked() {
    let (lookup, asked) = rebinding();
    let (port, counts) = servers().await;
    let dialer = Dialer::with(Resolver::with(policy(), lookup)).expect("certificates");
    let (sink, _drain) = sink::channel();
    let first = dialer.tcp("rebind.example", port, SOON, &sink).await;
    let first = first.expect("a connection").peer_addr().expect("connected");
    assert_eq!(first, SocketAddr::from(([127, 0, 0, 2], port)));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "looked up once");
    let second = dialer.tcp("rebind.example", port, SOON, &sink).await;
    assert_eq!(second.expect_err("denied").cause, Cause::Policy);
    assert_eq!(reached(&counts)[1], 0);
}

#[tokio::test]
async fn so_does_each_request_over_http() {
    let (lookup, asked) = rebinding();
    let (port, counts) = servers().await;
    let resolver = Resolver::with(policy(), lookup);
    let fetcher = Fetcher::with(resolver, "test", SOON, SOON).expect("a client");
    let url = SourceUrl::parse(&format!("http://rebind.example:{port}/")).expect("a URL");
    let source = Source::new(url);
    let manners = fetcher.manners(&source);
    let first = fetcher.get(source.url.as_url(), &manners, None).await;
    assert!(first.is_ok(), "{first:?}");
    drop(first);
    let second = fetcher.get(source.url.as_url(), &manners, None).await;
    let error = second.expect_err("denied");
    assert_eq!((error.stage, error.cause), (Stage::Policy, Cause::Policy));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(reached(&counts), [1, 0]);
}

#[tokio::test]
async fn every_spelling_of_an_address_is_judged_by_what_it_is() {
    let resolver = Resolver::new(policy());
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "::ffff:127.0.0.1",
        "fe80::1%lo",
    ] {
        let error = resolver.resolve(host, 80).await.expect_err(host);
        assert_eq!(error.cause, Cause::Policy, "{host}");
    }
    let allowed = resolver.resolve("0x7f000002", 80).await;
    assert_eq!(allowed, Ok(vec![SocketAddr::from(([127, 0, 0, 2], 80))]));
}
