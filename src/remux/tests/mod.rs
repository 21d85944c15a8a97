//! The room through its door: small inputs built byte by byte.

mod any;
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "byte strings are references"
)]
mod build;
mod containers;
mod inputs;

use super::*;
use crate::ts::{Found as TsFound, PACKET, Units};

/// A unit of the output: PID, decoding and presentation time, keyframe, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    pid: u16,
    dts: u64,
    pts: u64,
    key: bool,
    data: Vec<u8>,
}

/// All bytes of the output, breaks left out.
fn joined(out: &[Output]) -> Vec<u8> {
    (out.iter())
        .filter_map(|output| match output {
            Output::Data(bytes) => Some(&bytes[..]),
            _ => None,
        })
        .collect::<Vec<_>>()
        .concat()
}

/// Reads the output back.
fn seen(bytes: &[u8]) -> Vec<Seen> {
    assert_eq!(bytes.len() % PACKET, 0);
    let (mut units, mut pids, mut all) = (Units::default(), Vec::new(), Vec::new());
    let mut take = |found| match found {
        TsFound::Streams(streams) => pids = streams.iter().map(|s| s.listed.pid).collect(),
        TsFound::Unit(index, piece) => all.push(Seen {
            pid: pids[index],
            dts: piece.dts,
            pts: piece.pts,
            key: piece.key,
            data: piece.data,
        }),
    };
    let mut rest = bytes;
    while let Some(found) = units.next(&mut rest) {
        take(found);
    }
    units.flush();
    while let Some(found) = units.next(&mut &[][..]) {
        take(found);
    }
    all
}

/// Pushes one input and ends it.
fn whole(container: Container, input: &[u8]) -> (Vec<Output>, Result<(), RemuxError>, Remux) {
    let mut remux = Remux::new(vec![InputOptions::new(container)], Limits::default());
    let mut out = Vec::new();
    let result = remux.push(0, input, &mut out);
    remux.finish(&mut out);
    (out, result, remux)
}
