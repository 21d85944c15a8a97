//! The origin alone: is it cheap enough to be beside what it measures?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::support::farm::{Clip, Farm, Layout};
use super::support::http_client;
use super::{HOSTS, OriginClock};

const CHANNELS: usize = 1000;
/// Requests each second, one in five of them for a segment.
const REQUESTS: u64 = 250;
const SEGMENT_IN: u64 = 5;

/// Asks 1,000 channels for playlists and segments, and prints what that takes of the origin.
pub(crate) async fn run(clip: &Arc<Clip>, length: Duration) {
    let farm = Farm::with_hosts(HOSTS);
    let channels = farm.channels(CHANNELS, clip, &Layout::default());
    let http = http_client().no_proxy().build().expect("an HTTP client");
    let (bytes, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clock = OriginClock::start();
    let began = Instant::now();
    let mut asked = 0;
    while began.elapsed() < length {
        let due = (began.elapsed().as_secs_f64() * REQUESTS as f64) as u64;
        while asked < due {
            let channel = &channels[asked as usize % CHANNELS];
            let url = if asked % SEGMENT_IN == 0 {
                let file = format!("{}.ts", channel.newest());
                channel.url().replace("index.m3u8", &file)
            } else {
                channel.url()
            };
            asked += 1;
            let (bytes, requests, request) =
                (Arc::clone(&bytes), Arc::clone(&requests), http.get(url));
            tokio::spawn(async move {
                let mut answer = request.send().await.expect("the origin answers");
                while let Ok(Some(piece)) = answer.chunk().await {
                    bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                }
                requests.fetch_add(1, Ordering::Relaxed);
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "The origin alone, {CHANNELS} channels: {:.0} requests and {:.1} MB a second take {:.3} of a core.\n",
        requests.load(Ordering::Relaxed) as f64 / seconds,
        bytes.load(Ordering::Relaxed) as f64 / seconds / 1e6,
        clock.cores()
    );
}
