//! DASH manifests: whatever they say, reading and following them ends, and time never runs backwards.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sightglass::dash::{self, Follower, Role, Step};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let base: Url = "http://host.example/live/index.mpd".parse().expect("a URL");
    let mpd = match dash::parse(data, &base, &dash::Limits::default()) {
        Err(error) => return assert!(error.to_string().len() < 1000),
        Ok(mpd) => Arc::new(mpd),
    };
    for role in [Role::Main, Role::Audio] {
        let mut follower = Follower::new(role, Arc::clone(&mpd));
        let (mut now, mut newest) = (Duration::from_secs(1_767_225_600), Duration::ZERO);
        for _ in 0..64 {
            match follower.next(now) {
                Ok(Step::Fetch(segment)) => {
                    assert!(segment.start >= newest || mpd.dynamic);
                    newest = segment.start;
                }
                Ok(Step::Index(index)) => {
                    if follower.on_index(index, data).is_err() {
                        break;
                    }
                }
                Ok(Step::Wait { .. }) => now += Duration::from_secs(2),
                Ok(Step::Ended) | Err(_) => break,
            }
        }
    }
});
