//! What a source is, from its first bytes: always an answer, of any bytes, type and name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::ingest::detect;

fuzz_target!(|data: &[u8]| {
    let types = ["", "video/mp2t", "application/dash+xml", "text/plain"];
    let names = ["/", "/live/1.ts", "/index.m3u8", "/film.mp4"];
    let pick = usize::from(data.first().copied().unwrap_or_default());
    let data = data.get(1..).unwrap_or_default();
    let found = detect::container(types[pick % 4], names[pick / 4 % 4], data);
    let _ = (format!("{found:?}"), detect::is_decided(data));
});
