//! A transport stream in any slicing: whatever it says, packets come out whole, and memory stays bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::ts::{self, Cutter, CutterOptions, PACKET, Scan, ScanOptions};

fuzz_target!(|data: &[u8]| {
    let Some((&slicing, data)) = data.split_first() else {
        return;
    };
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut chunks = Vec::new();
    let mut at = sightglass::base::clock::now();
    let paced = slicing % 2 == 0;
    let mut scan = Scan::new(ScanOptions { paced, ..ScanOptions::default() });
    let slice = usize::from(slicing).max(1) * 7;
    for (n, part) in data.chunks(slice).enumerate() {
        cutter.push(part, &mut chunks);
        scan.push(part, at);
        at += std::time::Duration::from_millis(40);
        if n % 61 == 60 {
            cutter.discontinuity();
            scan.discontinuity();
        }
        if n % 29 == 28 {
            scan.segment();
        }
        if n % 17 == 16 {
            cutter.flush(&mut chunks);
        }
    }
    cutter.finish(&mut chunks);
    let report = scan.take(at);
    assert!(report.bytes <= data.len() as u64, "no more than there was");
    assert!(report.tracks.len() <= 64, "bounded");
    let tracks = cutter.tracks();
    let mut filter = tracks.cloned().map(|tracks| {
        let pids: Vec<u16> = tracks.tracks.iter().take(2).map(|track| track.pid).collect();
        let _ = tracks.codecs_rfc6381();
        ts::select(&tracks, &pids)
    });
    for chunk in &chunks {
        assert_eq!(chunk.data.len() % PACKET, 0, "whole packets");
        assert!(chunk.data.chunks(PACKET).all(|packet| packet[0] == 0x47));
        if let Some(filter) = &mut filter {
            let filtered = filter.apply(chunk);
            assert_eq!(filtered.data.len() % PACKET, 0, "whole packets");
        }
    }
});
