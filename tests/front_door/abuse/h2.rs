//! HTTP/2 by hand: what no honest client sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Scene, figure};
use crate::SOON;
use crate::support::*;

/// RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// HPACK (RFC 7541): indexed fields, and literals that are not indexed.
fn get(path: &str) -> Vec<u8> {
    // :method GET, :scheme http, :authority, :path.
    let mut block = vec![0x82, 0x86, 0x01, 9];
    block.extend(b"127.0.0.1");
    block.extend([0x04, path.len() as u8]);
    block.extend(path.as_bytes());
    block
}

/// A connection that says what it likes, and reads all that comes unless told otherwise.
struct Rude {
    write: tokio::net::tcp::OwnedWriteHalf,
    reading: tokio::task::JoinHandle<Vec<u8>>,
}

impl Rude {
    async fn connect(scene: &Scene, settings: &[u8], reads: bool) -> Self {
        let stream = TcpStream::connect(scene.address())
            .await
            .expect("a connection");
        let (mut read, mut write) = stream.into_split();
        let mut hello = PREFACE.to_vec();
        hello.extend(frame(SETTINGS, 0, 0, settings));
        write.write_all(&hello).await.expect("a preface");
        let reading = tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut buffer = vec![0; 64 << 10];
            if !reads {
                std::future::pending::<()>().await;
            }
            while let Ok(1..) = read.read(&mut buffer).await.inspect(|n| {
                // The end is what matters: how it was closed.
                seen.drain(..seen.len().saturating_sub(4 << 10));
                seen.extend(&buffer[..*n]);
            }) {}
            seen
        });
        Self { write, reading }
    }

    /// Sends this again and again until the server has had enough, or `most` times: how often.
    async fn flood(&mut self, most: u32, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
        for n in 0..most {
            let bytes = next(n);
            let sent = tokio::time::timeout(SOON, self.write.write_all(&bytes)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return n;
            }
        }
        most
    }

    /// Waits until the server closes; the code of its GOAWAY, if it sent one that arrived.
    async fn closed(self, limit: Duration) -> Option<u32> {
        let Self { write, reading } = self;
        let seen = tokio::time::timeout(patience(limit), reading).await;
        drop(write);
        let seen = seen.expect("the server closes").expect("no panic");
        let goaway = [0, 0, 0, GOAWAY, 0, 0, 0, 0, 0];
        let at = seen.windows(9).rposition(|it| it[3..] == goaway[3..])?;
        let code = seen.get(at + 13..at + 17)?;
        Some(u32::from_be_bytes(code.try_into().ok()?))
    }
}

async fn turned_away(scene: &Scene, reason: &str) -> f64 {
    let metrics = scene.server.metrics().await;
    metrics.sum("sightglass_http_turned_away_total", &[("reason", reason)])
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_their_connection_alone() {
    let scene = Scene::set(Options::new()).await;
    let many = figure("ABUSE_REQUESTS", 20_000) as u32;

    // Rapid reset (CVE-2023-44487): asks and takes back, a hundred times in one write.
    let mut rude = Rude::connect(&scene, &[], true).await;
    let batches = rude
        .flood(many / 100, |n| {
            let streams = (100 * n..100 * (n + 1)).map(|n| 2 * n + 1);
            let both = streams.map(|stream| {
                let path = get("/api/v1/streams");
                let ask = frame(HEADERS, END_HEADERS | END_STREAM, stream, &path);
                [ask, frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
            });
            both.collect::<Vec<_>>().concat()
        })
        .await;
    let code = rude.closed(SOON).await;
    eprintln!(
        "rapid reset: closed after at most {} requests, GOAWAY {code:?}",
        100 * batches
    );

    // The same, but each has begun to be answered before it is taken back.
    let silent = Origin::start();
    scene
        .server
        .add_stream("silent", &silent.hostile(Hostile::Silent))
        .await;
    let mut rude = Rude::connect(&scene, &[], true).await;
    let sent = rude
        .flood(2 * 1_000, |n| {
            let (stream, taken_back) = (n / 2 * 2 + 1, n % 2 == 1);
            std::thread::sleep(Duration::from_millis(1));
            if taken_back {
                frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())
            } else {
                let path = get("/streams/preview/silent?timeout=20000");
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &path)
            }
        })
        .await;
    rude.closed(SOON).await;
    let closed = turned_away(&scene, "resets").await;
    eprintln!("slower resets: closed after at most {} requests", sent / 2);
    assert!(closed >= 1.0, "{sent}");

    // CONTINUATION without end (CVE-2024-27316).
    let mut rude = Rude::connect(&scene, &[], true).await;
    rude.flood(1, |_| frame(HEADERS, END_STREAM, 1, &get("/")))
        .await;
    let mut field = vec![0x00, 1, b'a', 0x7f, 0x81, 0x7e];
    field.extend([b'x'; 16_000]);
    let sent = rude
        .flood(10_000, |_| frame(CONTINUATION, 0, 1, &field))
        .await;
    let code = rude.closed(SOON).await;
    eprintln!("CONTINUATION: closed after at most {sent} frames, GOAWAY {code:?}");
    assert!(sent < 10_000, "160 MB of headers were taken");
    // Small ones cost a frame each.
    let mut rude = Rude::connect(&scene, &[], true).await;
    rude.flood(1, |_| frame(HEADERS, END_STREAM, 1, &get("/")))
        .await;
    rude.flood(many, |_| frame(CONTINUATION, 0, 1, &[])).await;
    let code = rude.closed(SOON).await;
    eprintln!("empty CONTINUATION: GOAWAY {code:?}");

    // SETTINGS and PING, of which each wants an answer, by one who reads none.
    for (kind, payload) in [(SETTINGS, &[][..]), (PING, &[0; 8])] {
        let mut rude = Rude::connect(&scene, &[], false).await;
        let sent = rude.flood(20 * many, |_| frame(kind, 0, 0, payload).repeat(10));
        let sent = tokio::time::timeout(Duration::from_secs(3), sent).await;
        eprintln!("frames of type {kind}: {sent:?}");
        rude.reading.abort();
    }
    scene.unhurt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_asks_for_much_and_takes_nothing_is_closed() {
    let scene = Scene::set(
        Options::new()
            .env("HTTP_WRITE_TIMEOUT", "2s")
            .env("HTTP2_IDLE_TIMEOUT", "2s"),
    )
    .await;
    // SETTINGS_INITIAL_WINDOW_SIZE 0: nothing may be sent on any stream.
    let closed_window = [0, 4, 0, 0, 0, 0];
    let mut rude = Rude::connect(&scene, &closed_window, true).await;
    rude.flood(90, |n| {
        let path = ["/api/openapi.json", "/streams/preview/tv?quality=source"][n as usize % 2];
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &get(path))
    })
    .await;
    // It is alive all the time, and widens the window of the connection, but of no stream.
    let alive = async {
        loop {
            rude.flood(1, |_| {
                let mut both = frame(PING, 0, 0, &[0; 8]);
                both.extend(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 9]));
                both
            })
            .await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let closed = eventually(SOON, "the end of the connection", async || {
        let away = turned_away(&scene, "stalled").await + turned_away(&scene, "idle").await;
        (away > 0.0).then_some(())
    });
    tokio::select! {
        () = closed => {}
        _ = alive => {}
    }
    rude.closed(SOON).await;

    // One that only holds its connection open.
    let mut rude = Rude::connect(&scene, &[], true).await;
    rude.flood(1, |_| {
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/livez"))
    })
    .await;
    rude.closed(SOON).await;
    // One that sends half of a body.
    let mut rude = Rude::connect(&scene, &[], true).await;
    rude.flood(1, |_| frame(DATA, 0, 1, b"{")).await;
    let code = rude.closed(SOON).await;
    eprintln!("a body without a head: GOAWAY {code:?}");
    scene.unhurt().await;
}
