//! The observer on real pulls: what passes the hooks of an HLS and of a continuous source.

use std::fmt::Write;
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
            tokio::spawn(answer_with(stream, move |path| {
                let file = std::fs::read(media(path.trim_start_matches('/')));
                file.ok().filter(|_| !path.ends_with(missing))
            }));
        }
    });
    port
}

fn media(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".media");
    folder.join(name)
}

async fn answer_with(mut stream: TcpStream, body: impl Fn(&str) -> Option<Vec<u8>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match body(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
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
    let (ended, observer) = pulled_for(port, path, Duration::from_mins(1)).await;
    assert!(ended, "a whole pull");
    observer.take(now())
}

/// Pulls so long, or to the end: whether that has come, and who has watched.
async fn pulled_for(port: u16, path: &str, most: Duration) -> (bool, Arc<Observer>) {
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
    let both = async { tokio::join!(Box::pin(pull), taken).0 };
    let ended = tokio::time::timeout(most, both).await;
    (ended.is_ok_and(|ended| ended.is_ok()), observer)
}

/// A live stream of two variants with a segment each second, of which the lesser may stand still.
async fn two_variants(stands: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let began = now();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_with(stream, move |path| {
                let end = 6 + began.elapsed().as_secs();
                match path {
                    "/all.m3u8" => Some(
                        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlow.m3u8\n\
                         #EXT-X-STREAM-INF:BANDWIDTH=9000000\nhigh.m3u8\n"
                            .into(),
                    ),
                    "/low.m3u8" if stands => Some(seconds(6)),
                    "/low.m3u8" | "/high.m3u8" => Some(seconds(end)),
                    _ => std::fs::read(media("bbb-4s/seg-000.ts")).ok(),
                }
            }));
        }
    });
    port
}

fn seconds(end: u64) -> Vec<u8> {
    let first = end - 6;
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for n in first..end {
        let _ = write!(text, "#EXTINF:1,\n{n}.ts\n");
    }
    text.into_bytes()
}

#[tokio::test]
async fn a_variant_that_stands_while_another_is_pulled() {
    // Each is compared after five seconds, and after ten.
    let most = Duration::from_secs(13);
    let both = [true, false].map(async |stands| {
        let port = two_variants(stands).await;
        let (_, observer) = pulled_for(port, "all.m3u8", most).await;
        observer.take(now())
    });
    let [stands, well] =
        <[_; 2]>::try_from(futures_util::future::join_all(both).await).expect("two");
    let text = |observed: &Observed| {
        let all = findings(observed, &Limits::default());
        let playlist = all.into_iter().find(|finding| finding.kind == "playlist");
        playlist.expect("judged").numbers
    };
    let report = stands.variants.expect("compared");
    assert_eq!((report.watched, report.standing), (1, 1), "{report:?}");
    assert!(text(&stands).contains(&("variants_standing", 1.0)));
    let report = well.variants.expect("compared");
    let nothing = VariantReport {
        watched: 1,
        ..VariantReport::default()
    };
    assert_eq!(report, nothing);
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
