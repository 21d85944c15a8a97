//! The chunk reader against a model of a sender: every header form, interleaved, in any cutting.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::chunk::{ChunkError, ChunkReader, Message};
use super::super::session::kind;

/// A message to send, and how.
#[derive(Clone, Debug)]
struct Plan {
    chunk_stream: u32,
    message: Message,
    /// The shortest header form that the sender uses.
    shortest: u8,
    /// Whether later chunks of the message repeat an extended time stamp.
    repeats: bool,
}

/// What a chunk stream was told last.
#[derive(Clone, Debug)]
struct Last {
    message: Message,
    /// The time field: absolute or a difference.
    time: u32,
}

fn plan() -> impl Strategy<Value = Plan> {
    let time = prop_oneof![0..100u32, 0xff_fff0..0x100_0010u32, any::<u32>()];
    let chunk_stream = prop_oneof![3..6u32, 60..70u32, 315..325u32];
    let body = prop::collection::vec(any::<u8>(), 0..400);
    (
        chunk_stream,
        time,
        body,
        8..10u8,
        0..2u32,
        0..4u8,
        any::<bool>(),
    )
        .prop_map(
            |(chunk_stream, timestamp, body, kind, stream, shortest, repeats)| Plan {
                chunk_stream,
                message: Message {
                    kind,
                    stream,
                    timestamp,
                    body: Bytes::from(body),
                },
                shortest,
                repeats,
            },
        )
}

fn basic(out: &mut Vec<u8>, form: u8, chunk_stream: u32) {
    match chunk_stream {
        0..64 => out.push(form << 6 | chunk_stream as u8),
        64..320 => out.extend([form << 6, (chunk_stream - 64) as u8]),
        _ => {
            out.push(form << 6 | 1);
            out.extend(((chunk_stream - 64) as u16).to_le_bytes());
        }
    }
}

/// The shortest form that can say this message after that one, not below `shortest`.
fn form(last: Option<&Last>, message: &Message, shortest: u8) -> (u8, u32) {
    let Some(last) = last.filter(|last| last.message.stream == message.stream) else {
        return (0, message.timestamp);
    };
    let delta = message.timestamp.wrapping_sub(last.message.timestamp);
    let alike = last.message.kind == message.kind && last.message.body.len() == message.body.len();
    match (alike, delta == last.time) {
        (true, true) if shortest == 3 => (3, delta),
        (true, _) if shortest >= 2 => (2, delta),
        _ if shortest >= 1 => (1, delta),
        _ => (0, message.timestamp),
    }
}

/// The chunks of a message.
fn chunks(last: Option<&Last>, plan: &Plan, size: usize) -> (Vec<Vec<u8>>, Last) {
    let message = &plan.message;
    let (form, time) = form(last, message, plan.shortest);
    let extended = time >= 0xff_ffff;
    let mut head = Vec::new();
    basic(&mut head, form, plan.chunk_stream);
    if form < 3 {
        head.extend(&time.min(0xff_ffff).to_be_bytes()[1..]);
    }
    if form < 2 {
        head.extend(&(message.body.len() as u32).to_be_bytes()[1..]);
        head.push(message.kind);
    }
    if form == 0 {
        head.extend(message.stream.to_le_bytes());
    }
    if extended && (form < 3 || plan.repeats) {
        head.extend(time.to_be_bytes());
    }
    let mut parts = message.body.chunks(size);
    head.extend(parts.next().unwrap_or_default());
    let mut all = vec![head];
    for part in parts {
        let mut chunk = Vec::new();
        basic(&mut chunk, 3, plan.chunk_stream);
        if extended && plan.repeats {
            chunk.extend(time.to_be_bytes());
        }
        // Without the repetition, payload that looks like it cannot be told apart.
        chunk.extend(part);
        all.push(chunk);
    }
    let message = message.clone();
    (all, Last { message, time })
}

fn read(reader: &mut ChunkReader, bytes: &[u8], cut: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for part in bytes.chunks(cut) {
        reader.input().extend_from_slice(part);
        while let Some(message) = reader.next().unwrap() {
            messages.push(message);
        }
    }
    messages
}

proptest! {
    #[test]
    fn what_is_sent_is_read(
        plans in prop::collection::vec(plan(), 1..12),
        size in 1..300u32,
        turns in prop::collection::vec(any::<usize>(), 64),
        cut in 1..500usize,
    ) {
        // Messages of different chunk streams are interleaved, chunk by chunk.
        let mut lasts = std::collections::BTreeMap::new();
        let mut queues: Vec<(u32, std::collections::VecDeque<Vec<u8>>)> = Vec::new();
        for plan in &plans {
            let last = lasts.get(&plan.chunk_stream);
            let (all, last) = chunks(last, plan, size as usize);
            lasts.insert(plan.chunk_stream, last);
            match queues.iter_mut().find(|(id, _)| *id == plan.chunk_stream) {
                Some((_, queue)) => queue.extend(all),
                None => queues.push((plan.chunk_stream, all.into())),
            }
        }
        let mut bytes = Vec::new();
        let mut turns = turns.into_iter().cycle();
        while !queues.is_empty() {
            let at = turns.next().unwrap_or_default() % queues.len();
            bytes.extend(queues[at].1.pop_front().unwrap_or_default());
            queues.retain(|(_, queue)| !queue.is_empty());
        }
        let mut reader = ChunkReader::new();
        reader.set_size(size).unwrap();
        let mut read = read(&mut reader, &bytes, cut);
        let mut sent: Vec<Message> = plans.into_iter().map(|plan| plan.message).collect();
        // Order holds within a chunk stream only.
        let key = |m: &Message| (m.timestamp, m.stream, m.kind, m.body.clone());
        read.sort_by_key(key);
        sent.sort_by_key(key);
        prop_assert_eq!(read, sent);
    }
}

fn header(chunk_stream: u8, kind: u8, length: u32) -> Vec<u8> {
    let mut bytes = vec![chunk_stream, 0, 0, 0];
    bytes.extend(&length.to_be_bytes()[1..]);
    bytes.extend([kind, 0, 0, 0, 0]);
    bytes
}

fn error(bytes: &[u8]) -> Option<ChunkError> {
    let mut reader = ChunkReader::new();
    reader.input().extend_from_slice(bytes);
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn claims_are_bounded() {
    let large = header(4, kind::VIDEO, 0xff_ffff);
    assert_eq!(error(&large), Some(ChunkError::MessageTooLarge(0xff_ffff)));
    assert_eq!(error(&[0xc5]), Some(ChunkError::NothingBefore));
    let mut many = Vec::new();
    for id in 2..64 {
        many.extend(header(id, kind::AUDIO, 0));
    }
    assert_eq!(error(&many), None);
    for id in 0..3 {
        many.extend([0, id]);
        many.extend(&header(0, kind::AUDIO, 0)[1..]);
    }
    assert_eq!(error(&many), Some(ChunkError::TooManyStreams));
    // Each of these is allowed; together they are too much.
    let mut reader = ChunkReader::new();
    reader.set_size(7 << 20).unwrap();
    let mut failure = None;
    for id in 3..7 {
        reader
            .input()
            .extend_from_slice(&header(id, kind::VIDEO, 8 << 20));
        reader.input().extend_from_slice(&vec![0; 7 << 20]);
        failure = failure.or(reader.next().err());
    }
    assert_eq!(failure, Some(ChunkError::TooMuchHeld));
}

#[test]
fn an_aborted_message_is_forgotten() {
    let mut reader = ChunkReader::new();
    let mut bytes = header(4, kind::VIDEO, 200);
    bytes.extend([1; 128]);
    assert!(read(&mut reader, &bytes, 1000).is_empty());
    reader.abort(4);
    bytes = vec![0xc4];
    bytes.extend([2; 128]);
    bytes.push(0xc4);
    bytes.extend([2; 72]);
    let messages = read(&mut reader, &bytes, 1);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body, vec![2; 200]);
}
