//! MMS over HTTP: chunks of any framing, and the ASF header in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::ingest::mms::asf;
use sightglass::ingest::mms::frame::{Chunk, Deframer};

fuzz_target!(|data: &[u8]| {
    let Some((&slicing, data)) = data.split_first() else {
        return;
    };
    let mut deframer = Deframer::default();
    let mut header = Vec::new();
    for part in data.chunks(usize::from(slicing).max(1) * 3) {
        deframer.push(part);
        while let Ok(Some(chunk)) = deframer.next_chunk() {
            if let Chunk::Header(bytes, last) = chunk {
                header.extend_from_slice(&bytes);
                if last {
                    let _ = asf::read(&header);
                }
            }
        }
    }
    if let Some(found) = asf::read(data) {
        assert!(found.packet > 0 && found.streams.len() <= 127);
    }
});
