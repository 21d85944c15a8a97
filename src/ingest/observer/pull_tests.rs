//! The observer on real pulls: what passes the hooks of an HLS and of a continuous source.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::clock::now;
use crate::ingest::policy::Policy;
use crate::ingest::{Fetcher, sink};
use crate::stream::{Source, SourceUrl};

/// Serves the media folder; `missing` is not there.
async fn origin(missing: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, missing));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, missing: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let media = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".media");
    let file = std::fs::read(media.join(path.trim_start_matches('/')));
    let (status, body) = match file {
        Ok(body) if !path.ends_with(missing) => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

/// Pulls to the end, as a pump would, but for the pace.
async fn pulled(path: &str, missing: &'static str) -> Observed {
    let port = origin(missing).await;
    let policy = Arc::new(Policy::new(vec!["127.0.0.0/8".parse().expect("CIDR")]));
    let soon = Duration::from_secs(10);
    let fetcher = Fetcher::new(policy, "test", soon, soon).expect("a client");
    let url = SourceUrl::parse(&format!("http://127.0.0.1:{port}/{path}")).expect("a URL");
    let observer = Arc::new(Observer::default());
    observer.enable();
    let (sink, mut drain) = sink::channel();
    let sink = sink.watched_by(Arc::clone(&observer), Arc::new(AtomicBool::new(false)));
    let source = Source::new(url);
    let pull = async move {
        let sink = sink;
        crate::ingest::pull(&fetcher, &source, &sink)
            .await
            .map(|_| ())
    };
    let taken = async { while drain.next().await.is_some() {} };
    let (ended, ()) = tokio::join!(Box::pin(pull), taken);
    ended.expect("a whole pull");
    observer.take(now())
}

#[tokio::test]
async fn an_hls_source_with_a_segment_that_is_not_there() {
    let observed = pulled("bbb-4s/index.m3u8", "seg-005.ts").await;
    let playlist = observed.playlist.clone().expect("a playlist");
    // A file: the segments of its last minute are not all there is. Each is asked for, the missing one twice.
    assert_eq!((playlist.loaded, playlist.live), (1, false));
    assert_eq!((playlist.segments, playlist.segments_failed), (17, 2));
    assert_eq!(playlist.measured, (17, 0), "{playlist:?}");
    assert!(playlist.took < playlist.announced, "{playlist:?}");
    assert_eq!(playlist.target_duration.as_secs(), 4);
    let scan = &observed.scan;
    assert!(scan.errors.is_clean(), "{:?}", scan.errors.named());
    assert_eq!(scan.table_interval.map(|i| i.as_secs()), Some(5));
    assert!((scan.media.as_secs_f64() - playlist.announced.as_secs_f64()).abs() < 1.5);
    assert!(!observed.remuxed);
    let mut found = findings(&observed, &Limits::default());
    found.retain(|finding| finding.present);
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_continuous_source() {
    let observed = pulled("two-programmes.ts", "-").await;
    assert_eq!(observed.playlist, None);
    assert!(!observed.remuxed && observed.scan.errors.is_clean());
    assert_eq!(observed.scan.packets * 188, 4_518_392);
}
