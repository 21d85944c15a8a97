//! Playlists: whatever they say, reading them ends, and what is asked for next is bounded.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use sightglass::hls::{self, Playlist, ReloadOptions, Reloader, Step, Want};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let base: Url = "http://host.example/live/index.m3u8".parse().expect("a URL");
    match hls::parse(data, &base, &hls::Limits::default()) {
        Err(error) => assert!(error.to_string().len() < 1000),
        Ok(Playlist::Multivariant(all)) => {
            let _ = hls::choose(&all.variants, Want::Best).map(|variant| all.audio_of(variant));
        }
        Ok(Playlist::Media(playlist)) => {
            let mut now = Instant::now();
            let mut reloader = Reloader::new(now, ReloadOptions::default());
            for _ in 0..3 {
                reloader.reload_started();
                reloader.on_playlist(playlist.clone(), now);
                for _ in 0..64 {
                    match reloader.next(now) {
                        Step::Fetch(segment) => {
                            let _ = reloader.segment_failed(segment.sequence, now);
                        }
                        Step::Ended => return,
                        _ => now += Duration::from_millis(500),
                    }
                }
            }
        }
    }
});
