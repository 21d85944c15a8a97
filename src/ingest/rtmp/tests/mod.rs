//! Recorded dialogues, dialogues of a model server, and damaged ones.

mod chunks;
mod server;

use proptest::prelude::*;

use super::address::Address;
use super::session::{Event, Refusal, Session};
use crate::ingest::error::{Cause, Stage};

/// What servers sent to this client: the first 14 kB of 96x54 H.264 with B-frames and AAC.
const RECORDED: [(&str, &[u8]); 2] = [
    ("nginx-rtmp 1.2.2", include_bytes!("nginx-rtmp.bin")),
    (
        "node-media-server 4.4.3",
        include_bytes!("node-media-server.bin"),
    ),
];

fn session() -> Session {
    let url = "rtmp://server.example/live/tiny".parse().unwrap();
    Session::new(Address::of(&url).unwrap(), "", 7)
}

/// Everything that a session tells of these bytes, cut at these places.
fn told(bytes: &[u8], cuts: &[usize]) -> (Vec<Event>, Vec<u8>, Option<Refusal>) {
    let mut session = session();
    let (mut events, mut output) = (Vec::new(), session.take_output());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut at = 0;
    for cut in cuts {
        session.input().extend_from_slice(&bytes[at..cut]);
        session.received(cut - at);
        at = cut;
        loop {
            match session.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(refusal) => return (events, output, Some(refusal)),
            }
        }
        let sent = session.take_output();
        // A ping of 7 bytes is answered by one of 18.
        assert!(
            sent.len() <= 4096 + 3 * cut,
            "{} bytes of answer",
            sent.len()
        );
        output.extend(sent);
    }
    (events, output, None)
}

fn media(events: &[Event]) -> Vec<(u8, u32, usize)> {
    let media = events.iter().filter_map(|event| match event {
        Event::Media(tag) => Some((tag.kind, tag.timestamp, tag.body.len())),
        _ => None,
    });
    media.collect()
}

#[test]
fn recorded_servers_play() {
    for (server, bytes) in RECORDED {
        let (events, output, refusal) = told(bytes, &[]);
        assert_eq!(refusal, None, "{server}");
        assert_eq!(events.first(), Some(&Event::Plays), "{server}");
        let media = media(&events);
        let kinds = |kind| media.iter().filter(|(k, ..)| *k == kind).count();
        assert!(kinds(8) > 10 && kinds(9) > 10, "{server}: {media:?}");
        // Per kind, time never runs back, nor far.
        for kind in [8, 9] {
            let times: Vec<u32> = media.iter().filter(|m| m.0 == kind).map(|m| m.1).collect();
            let good = times.windows(2).all(|t| t[0] <= t[1]);
            assert!(good, "{server}: {times:?}");
        }
        let asked = String::from_utf8_lossy(&output);
        for word in [
            "connect",
            "rtmp://server.example:1935/live",
            "createStream",
            "play",
            "tiny",
        ] {
            assert!(asked.contains(word), "{server}: {word}");
        }
    }
}

#[test]
fn a_server_that_speaks_text_is_none() {
    let (_, _, refusal) = told(b"HTTP/1.1 400 Bad Request\r\n\r\n", &[]);
    let Some(Refusal::Failed(error)) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(
        (error.stage, error.cause),
        (Stage::Request, Cause::NotMedia)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cutting_tells_the_same(
        which in 0..RECORDED.len(),
        cuts in prop::collection::vec(any::<usize>(), 0..200),
    ) {
        let bytes = RECORDED[which].1;
        prop_assert_eq!(told(bytes, &cuts), told(bytes, &[]));
    }

    #[test]
    fn damage_never_panics_nor_grows(
        which in 0..RECORDED.len(),
        damage in prop::collection::vec((3073usize..14_000, any::<u8>(), 0..3u8), 1..20),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let mut bytes = RECORDED[which].1.to_vec();
        for (at, byte, how) in damage {
            let at = at.min(bytes.len() - 1);
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let (events, ..) = told(&bytes, &cuts);
        let told: usize = media(&events).iter().map(|(_, _, size)| size).sum();
        prop_assert!(told <= bytes.len());
    }
}
