//! Streams built to blow up end alone: within their ceiling, with a reason, and without costing
//! anybody else a picture.

use std::time::Duration;

use crate::support::*;

/// The ceiling of a pipeline.
const CEILING: u64 = 150 << 20;
/// What may come on top: figures are taken now and then, and a decoder is fast; and the bomb's own
/// ingest and feed.
const SLACK: u64 = 120 << 20;
/// The longest wait until a bomb's viewer is told, or its stream ends: three tries, each of which
/// may take 10 seconds to be found stuck.
const IN_TIME: Duration = Duration::from_secs(50);
/// How long a bomb that goes on showing something is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// It does while bytes have come within this time.
const SHOWING: Duration = Duration::from_secs(1);
/// The longest step between pictures of clips with 24 in a second, in seconds: none is missing.
const STEP: f64 = 1.5 / 24.0;
/// The longest that a player which holds nothing back may stand still; real ones hold back some seconds.
const STILL: Duration = Duration::from_millis(1500);

/// What a bomb comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its viewer is told why there is no picture, or its stream ends.
    Ends,
    /// It may also go on with what can be shown.
    EndsOrShows,
}

/// What became of a bomb.
#[derive(Debug)]
#[allow(dead_code, reason = "shown")]
struct Outcome {
    bomb: Bomb,
    fate: Fate,
    status: u16,
    /// When its viewer was told, or its stream ended.
    ended: Option<Duration>,
    bytes: u64,
    /// When the last byte came.
    moved: Duration,
    told: String,
}

impl Outcome {
    /// Whether the viewer was told in time, or has a picture.
    fn judge(&self) {
        let shows = self.fate == Fate::EndsOrShows && self.bytes > 0;
        assert!(self.ended.is_some() || shows, "left hanging: {self:?}");
        if self.status != 200 {
            let problem: serde_json::Value = serde_json::from_str(&self.told).unwrap_or_default();
            assert!(problem["code"].is_string(), "no reason: {self:?}");
        }
    }
}

/// Watches the memory of a server, and kills it before it takes the machine with it.
fn guard(server: &Server, most: u64) -> tokio::task::JoinHandle<()> {
    let pid = server.pid();
    tokio::spawn(async move {
        loop {
            match Figures::of(pid) {
                Some(now) if now.resident_bytes > most => break kill(pid),
                Some(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                None => break,
            }
        }
    })
}

fn kill(pid: u32) {
    eprintln!("the server takes too much memory: killed");
    let _ = std::process::Command::new("sh")
        .args(["-c", &format!("kill -KILL {pid}")])
        .status();
}

/// Previews one bomb until it ends, or has shown enough, or time is up.
async fn explode(server: &Server, bomb: Bomb, fate: Fate) -> Outcome {
    let id = format!("{bomb:?}").to_lowercase();
    let query = "transcode=true&quality=low&timeout=30000";
    let viewer = TsViewer::open(&server.preview(&id, query));
    let began = std::time::Instant::now();
    let (mut bytes, mut moved) = (0, Duration::ZERO);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (_, now, ended) = viewer.glance();
        let elapsed = began.elapsed();
        if now > bytes {
            (bytes, moved) = (now, elapsed);
        }
        // One that shows something still, some time later, has been survived.
        let shows = fate == Fate::EndsOrShows && elapsed > WATCHED && moved + SHOWING > elapsed;
        if ended || shows || elapsed > patience(IN_TIME) {
            break;
        }
    }
    let seen = viewer.seen();
    let told = if seen.status == 200 {
        0
    } else {
        seen.body.len()
    };
    Outcome {
        bomb,
        fate,
        status: seen.status,
        ended: seen.ended,
        bytes,
        moved,
        told: String::from_utf8_lossy(&seen.body[..told]).into_owned(),
    }
}

/// Previews these bombs, all at once, beside two healthy previews.
async fn survives(bombs: &[(Bomb, Fate)]) {
    let origin = Origin::start();
    let tv = origin.ts("tv", TsFile::new(media("bbb.ts")).seamless());
    let small = origin.ts("small", TsFile::new(media("hevc10.ts")).seamless());
    let mut server = Server::start(
        Options::new()
            .env("PIPELINE_MEMORY_CEILING", &CEILING)
            .env("MAX_CONCURRENT_TRANSCODES", &(1 + bombs.len()))
            .env("SOURCE_STALL_TIMEOUT", "5s"),
    )
    .await;
    server.add_stream("tv", &tv.url()).await;
    server.add_stream("small", &small.url()).await;
    for (bomb, _) in bombs {
        let id = format!("{bomb:?}").to_lowercase();
        server.add_stream(&id, &origin.bomb(&id, *bomb)).await;
    }
    let healthy = [
        ("copy", server.preview("tv", "quality=source")),
        (
            "transcode",
            server.preview("small", "transcode=true&quality=low"),
        ),
    ]
    .map(|(name, url)| (name, TsViewer::open(&url)));
    for (_, viewer) in &healthy {
        viewer.wait_keyframe(crate::SOON).await;
        viewer.wait_bytes(200_000, crate::SOON).await;
    }
    let before = server.figures().resident_bytes;
    let most = CEILING * bombs.len() as u64 + SLACK;
    forget_peak(server.pid());
    let watched = guard(&server, before + most + 4 * SLACK);
    let exploded = bombs
        .iter()
        .map(|(bomb, fate)| explode(&server, *bomb, *fate));
    let outcomes = futures_util::future::join_all(exploded).await;
    let grown = Figures::of(server.pid()).map_or(0, |now| now.peak_bytes.saturating_sub(before));
    eprintln!("at most {} MB over {} MB", grown >> 20, before >> 20);
    for outcome in &outcomes {
        eprintln!("{outcome:?}");
    }
    assert!(server.ended().is_none(), "the server is gone");
    // The others go on, also after it.
    for (_, viewer) in &healthy {
        let more = viewer.bytes() + 100_000;
        viewer.wait_bytes(more, crate::SOON).await;
    }
    watched.abort();
    for (name, viewer) in &healthy {
        unhurt(name, &viewer.seen());
    }
    assert!(grown <= most, "{} MB more than before", grown >> 20);
    for outcome in outcomes {
        outcome.judge();
    }
    assert_eq!(server.get("/health").await.0, 200);
    let metrics = server.metrics().await;
    assert_eq!(metrics.sum("sightglass_pipelines_wedged_total", &[]), 0.0);
    assert!(!server.logs().contain("panicked"));
}

/// A preview that has missed nothing.
pub(crate) fn unhurt(name: &str, seen: &Seen) {
    eprintln!(
        "{name}: longest step {:.3} s, stood still for {:?}",
        seen.longest_step, seen.stalled
    );
    assert!(seen.ended.is_none(), "{name} ended: {:?}", seen.error);
    assert_eq!(seen.continuity_errors, 0, "{name}");
    assert_eq!(seen.discontinuities, 0, "{name}");
    assert!(seen.longest_step <= STEP, "{name} misses pictures");
    let still = patience(STILL);
    assert!(
        seen.stalled <= still,
        "{name} stood still for {:?}",
        seen.stalled
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_headers_without_end() {
    survives(&[
        (Bomb::EndlessPicture, Fate::Ends),
        (Bomb::HugePictures, Fate::Ends),
        (Bomb::EndlessHeaders, Fate::Ends),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_size_in_h264_and_tables_without_end() {
    survives(&[
        (Bomb::AbsurdSize, Fate::Ends),
        (Bomb::AbsurdSizeLater, Fate::Ends),
        (Bomb::EndlessTables, Fate::EndsOrShows),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_size_in_hevc() {
    survives(&[(Bomb::AbsurdHevc, Fate::Ends)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_after_valid_headers_and_absurd_audio() {
    survives(&[
        (Bomb::Garbage, Fate::EndsOrShows),
        (Bomb::AbsurdAudio, Fate::EndsOrShows),
    ])
    .await;
}
