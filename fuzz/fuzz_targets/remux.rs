//! Containers of any sort in any slicing: what comes out are whole packets, and what is held is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::remux::{Container, InputOptions, Limits, Output, Remux};
use sightglass::ts::PACKET;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let container = match kind % 5 {
        0 => Container::Any,
        1 => Container::Ts,
        2 => Container::Mp4,
        3 => Container::Flv,
        _ => Container::PackedAudio,
    };
    let limits = Limits::default();
    let mut remux = Remux::new(vec![InputOptions::new(container)], limits);
    let mut out = Vec::new();
    let slice = usize::from(kind / 5).max(1) * 13;
    for (n, part) in data.chunks(slice).enumerate() {
        let _ = remux.push(0, part, &mut out);
        match n % 41 {
            13 => remux.segment(0),
            40 => remux.discontinuity(0, &mut out),
            _ => {}
        }
    }
    remux.finish(&mut out);
    for item in &out {
        if let Output::Data(bytes) = item {
            assert_eq!(bytes.len() % PACKET, 0, "whole packets");
        }
    }
});
