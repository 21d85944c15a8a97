//! Starting and stopping, over and over.

use std::time::Duration;

use crate::support::soak::{Census, compare, header, row};
use crate::support::{Options, Origin, Server, TsFile, TsViewer, eventually, media};

/// Cycles at a time.
const LANES: usize = 8;
/// Cycles until the first look: what is made once is made, what is reused is filled.
const FIRST: usize = 10;
/// Cycles between two looks.
const BETWEEN: usize = 100;
const SOON: Duration = Duration::from_mins(1);

/// Starts and stops previews so many times, transcodes and copies in turn; gives what is left.
pub(crate) async fn run(cycles: usize) -> Vec<String> {
    println!("{cycles} cycles, {LANES} at a time\n");
    let origin = Origin::start();
    let clip = origin.ts("clip", TsFile::new(media("hevc10.ts")));
    let mut server = Server::start(
        Options::new()
            .env("STREAM_LINGER", "0")
            .env("RENDITION_LINGER", "0")
            .env("MAX_CONCURRENT_TRANSCODES", &LANES),
    )
    .await;
    for lane in 0..LANES {
        let ball = "test://ball?width=160&height=90&fps=25";
        server.add_stream(&format!("encode{lane}"), ball).await;
        let copy = format!("{}/{lane}", clip.url());
        server.add_stream(&format!("copy{lane}"), &copy).await;
    }
    let (mut done, mut first, mut worst) = (0, None, Census::default());
    header();
    while done < cycles {
        let until = if done == 0 {
            FIRST
        } else {
            done / BETWEEN * BETWEEN + BETWEEN
        };
        some(&server, done..until.min(cycles)).await;
        done = until.min(cycles);
        let now = match first {
            None => Census::at_rest(&server, &origin).await,
            // The first one has seen how much rest it takes.
            Some(first) if done == cycles => {
                let limit = Duration::from_secs(45);
                Census::back_at(first, &server, &origin, limit).await
            }
            Some(_) => idle(&server).await,
        };
        first.get_or_insert(now);
        worst = now;
        row(&format!("{done} cycles"), &now, done);
    }
    let mut findings = first.map_or_else(Vec::new, |first| compare(&first, &worst));
    if server.ended().is_some() || server.logs().contain("panicked") {
        findings.push("the server is gone, or something in it panicked".to_owned());
    }
    findings
}

/// These cycles, as many at a time as there are lanes.
async fn some(server: &Server, cycles: std::ops::Range<usize>) {
    let lanes = (0..LANES).map(|lane| {
        let mine: Vec<_> = cycles.clone().filter(|n| n % LANES == lane).collect();
        async move {
            for n in mine {
                cycle(server, lane, (n / LANES).is_multiple_of(2)).await;
            }
        }
    });
    futures_util::future::join_all(lanes).await;
}

async fn cycle(server: &Server, lane: usize, encode: bool) {
    let url = if encode {
        server.preview(&format!("encode{lane}"), "transcode=true&quality=low")
    } else {
        server.preview(&format!("copy{lane}"), "transcode=false")
    };
    TsViewer::open(&url).wait_keyframe(SOON).await;
}

/// Waits until nothing runs.
async fn idle(server: &Server) -> Census {
    eventually(SOON, "everything to have ended", async || {
        let now = Census::take(server).await;
        (now.sessions + now.running == 0).then_some(now)
    })
    .await
}
