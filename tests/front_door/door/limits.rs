//! What one client may have of the server.

use std::net::IpAddr;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::SOON;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_waits_and_nobody_else_does() {
    let server = Server::start(
        Options::new()
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("CLIENT_RATE", "1")
            .env("CLIENT_BURST", "20"),
    )
    .await;
    let ask = async |chain: &str| {
        let lines = [("x-forwarded-for", chain)];
        server.request(Method::GET, "/livez", &lines, None).await
    };
    let mut refused = 0;
    for n in 0..30 {
        // What it puts in front of its own address buys it nothing.
        let (status, headers, body) = ask(&format!("203.0.113.{n}, 198.51.100.7")).await;
        if status == 429 {
            refused += 1;
            assert_eq!(headers["retry-after"], "1");
            assert_eq!(body["code"], "too_many_requests");
            assert_eq!(headers["x-content-type-options"], "nosniff");
        }
    }
    assert!((5..=10).contains(&refused), "{refused} of 30");
    assert_eq!(ask("198.51.100.8").await.0, 200);
    // A subscriber's network is one client; this machine is not limited.
    for n in 0..40 {
        ask(&format!("2001:db8::{n}")).await;
    }
    assert_eq!(ask("2001:db8::ffff").await.0, 429);
    assert_eq!(ask("2001:db8:0:1::1").await.0, 200);
    for _ in 0..40 {
        assert_eq!(server.get("/livez").await.0, 200);
    }
    let metrics = server.metrics().await;
    let reason = [("reason", "client_rate")];
    let counted = metrics.sum("sightglass_http_turned_away_total", &reason);
    assert!(counted >= f64::from(refused), "{counted}");
    // It passes.
    eventually(SOON, "to be let in again", async || {
        (ask("198.51.100.7").await.0 == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_so_many_connections_and_no_more() {
    let server = Server::start(
        Options::new()
            .env("MAX_CONNECTIONS_PER_CLIENT", "5")
            .env("UNLIMITED_CLIENTS", "192.0.2.0/24"),
    )
    .await;
    let address: std::net::SocketAddr = server.base()[7..].parse().expect("an address");
    let connect = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((IpAddr::from(from), 0).into())
            .expect("an address");
        let mut stream = socket.connect(address).await.expect("a connection");
        let asked = stream
            .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        let mut answer = [0; 15];
        let read = tokio::time::timeout(SOON, stream.read(&mut answer)).await;
        let answered = asked.is_ok() && matches!(read, Ok(Ok(1..)));
        answered.then_some(stream)
    };
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(connect([127, 0, 0, 9]).await.expect("a place"));
    }
    assert!(connect([127, 0, 0, 9]).await.is_none());
    assert!(connect([127, 0, 0, 8]).await.is_some());
    held.pop();
    eventually(SOON, "a place again", async || {
        connect([127, 0, 0, 9]).await
    })
    .await;
}
