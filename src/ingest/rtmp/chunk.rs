//! Chunks and the messages in them (RTMP 1.0, clause 5.3). Pure.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};

/// Payload of a chunk until its sender says otherwise.
const DEFAULT_SIZE: usize = 128;
/// The largest message that is read: a keyframe of the highest rates is a few megabytes.
const MAX_MESSAGE: usize = 8 << 20;
/// Bytes of messages that have begun and not ended, over all chunk streams.
const MAX_HELD: usize = 16 << 20;
/// Chunk streams that a peer may open. Servers use four or five.
const MAX_STREAMS: usize = 64;
/// Bytes set aside at the start of a message, however long it says it is.
const FIRST_RESERVE: usize = 64 << 10;
/// A time stamp of 24 bits that says: the next four bytes hold it (clause 5.3.1.3).
const EXTENDED: u32 = 0xff_ffff;

/// A message, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The message type id.
    pub(super) kind: u8,
    /// The message stream id.
    pub(super) stream: u32,
    /// Milliseconds, modulo 2^32.
    pub(super) timestamp: u32,
    /// The payload.
    pub(super) body: Bytes,
}

/// Why chunks cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("the source sent an RTMP message of {0} bytes; {MAX_MESSAGE} are allowed")]
    MessageTooLarge(usize),
    #[error("the source began too many RTMP messages at a time")]
    TooMuchHeld,
    #[error("the source opened more than {MAX_STREAMS} RTMP chunk streams")]
    TooManyStreams,
    #[error("the source sent an RTMP chunk that continues nothing")]
    NothingBefore,
    #[error("the source set an RTMP chunk size of 0")]
    ChunkSize,
}

/// Puts messages together.
#[derive(Debug)]
pub(super) struct ChunkReader {
    input: BytesMut,
    size: usize,
    streams: BTreeMap<u32, ChunkStream>,
    /// The chunk stream whose payload comes next, and how much of it.
    payload: Option<(u32, usize)>,
    /// Bytes of all messages that have begun.
    held: usize,
}

/// What later chunks of a chunk stream leave out, and the message that has begun in it.
#[derive(Debug, Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    /// The newest header's extended time stamp, if it had one.
    extended: Option<u32>,
    length: usize,
    kind: u8,
    stream: u32,
    body: Option<BytesMut>,
}

/// A chunk header as it stands in the input.
struct Header {
    /// Bytes that it takes.
    taken: usize,
    chunk_stream: u32,
    format: u8,
    /// The time field or, where that says so, the extended one.
    time: u32,
    extended: bool,
    length: usize,
    kind: u8,
    stream: u32,
}

impl ChunkReader {
    /// A reader at the end of the handshake.
    pub(super) fn new() -> Self {
        Self {
            input: BytesMut::new(),
            size: DEFAULT_SIZE,
            streams: BTreeMap::new(),
            payload: None,
            held: 0,
        }
    }

    /// Where bytes from the peer are to be appended.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The next message that is whole. A chunk size or an abort in it must be told before the next.
    pub(super) fn next(&mut self) -> Result<Option<Message>, ChunkError> {
        loop {
            let Some((id, left)) = self.payload else {
                let Some(header) = self.header()? else {
                    return Ok(None);
                };
                self.begin(&header)?;
                continue;
            };
            let available = left.min(self.input.len());
            if available == 0 && left > 0 {
                return Ok(None);
            }
            let stream = self.streams.entry(id).or_default();
            let body = stream.body.get_or_insert_default();
            body.extend_from_slice(&self.input[..available]);
            self.held += available;
            self.input.advance(available);
            if available < left {
                self.payload = Some((id, left - available));
                return Ok(None);
            }
            self.payload = None;
            if body.len() >= stream.length {
                self.held = self.held.saturating_sub(body.len());
                return Ok(Some(Message {
                    kind: stream.kind,
                    stream: stream.stream,
                    timestamp: stream.timestamp,
                    body: stream.body.take().unwrap_or_default().freeze(),
                }));
            }
            if self.held > MAX_HELD {
                return Err(ChunkError::TooMuchHeld);
            }
        }
    }

    /// The peer's chunks have payloads of up to `size` bytes from now on.
    pub(super) fn set_size(&mut self, size: u32) -> Result<(), ChunkError> {
        // The highest bit must be zero; a message is no longer than 24 bits say (5.4.1).
        let size = size & 0x7fff_ffff;
        if size == 0 {
            return Err(ChunkError::ChunkSize);
        }
        self.size = size.min(EXTENDED) as usize;
        Ok(())
    }

    /// The message that has begun in this chunk stream will not be ended.
    pub(super) fn abort(&mut self, chunk_stream: u32) {
        if let Some(stream) = self.streams.get_mut(&chunk_stream) {
            let body = stream.body.take();
            self.held = self.held.saturating_sub(body.map_or(0, |b| b.len()));
        }
    }

    fn begin(&mut self, header: &Header) -> Result<(), ChunkError> {
        let known = self.streams.contains_key(&header.chunk_stream);
        if !known && header.format != 0 {
            // Some servers open a chunk stream with a header that lacks only the message stream.
            if header.format != 1 {
                return Err(ChunkError::NothingBefore);
            }
        }
        if !known && self.streams.len() >= MAX_STREAMS {
            return Err(ChunkError::TooManyStreams);
        }
        if header.format < 3 {
            // A new message, also where the one before was never ended.
            self.abort(header.chunk_stream);
        }
        let size = self.size;
        let stream = self.streams.entry(header.chunk_stream).or_default();
        if header.format < 3 {
            stream.extended = header.extended.then_some(header.time);
            stream.delta = header.time;
            stream.timestamp = match header.format {
                0 => header.time,
                _ => stream.timestamp.wrapping_add(header.time),
            };
            if header.format < 2 {
                stream.length = header.length;
                stream.kind = header.kind;
            }
            if header.format == 0 {
                stream.stream = header.stream;
            }
        } else if stream.body.is_none() {
            stream.timestamp = stream.timestamp.wrapping_add(stream.delta);
        }
        if stream.length > MAX_MESSAGE {
            return Err(ChunkError::MessageTooLarge(stream.length));
        }
        let length = stream.length;
        let body = stream
            .body
            .get_or_insert_with(|| BytesMut::with_capacity(length.min(FIRST_RESERVE)));
        let left = length.saturating_sub(body.len()).min(size);
        self.payload = Some((header.chunk_stream, left));
        self.input.advance(header.taken);
        Ok(())
    }

    /// The header at the front of the input, when all of it is there.
    fn header(&self) -> Result<Option<Header>, ChunkError> {
        let Some((format, chunk_stream, basic)) = basic_header(&self.input) else {
            return Ok(None);
        };
        let mut header = Header {
            taken: basic,
            chunk_stream,
            format,
            time: 0,
            extended: false,
            length: 0,
            kind: 0,
            stream: 0,
        };
        let fields = [11, 7, 3, 0][usize::from(format)];
        let Some(message) = self.input.get(basic..basic + fields) else {
            return Ok(None);
        };
        header.taken += fields;
        let after = self.input.get(header.taken..).unwrap_or_default();
        if format == 3 {
            return self.continuation(header, after);
        }
        header.time = be24(message);
        header.extended = header.time == EXTENDED;
        if let [_, _, _, length @ .., kind] = message.get(..7).unwrap_or_default() {
            header.length = be24(length) as usize;
            header.kind = *kind;
        }
        if let Some(stream) = message.get(7..11).and_then(|id| id.try_into().ok()) {
            // The one field that is little-endian.
            header.stream = u32::from_le_bytes(stream);
        }
        if header.extended {
            let Some(time) = after.first_chunk() else {
                return Ok(None);
            };
            header.time = u32::from_be_bytes(*time);
            header.taken += 4;
        }
        Ok(Some(header))
    }

    /// A header of type 3. After an extended time stamp it repeats that (5.3.1.3), but some senders
    /// leave it out: four bytes that are not the known ones are payload.
    fn continuation(&self, mut header: Header, after: &[u8]) -> Result<Option<Header>, ChunkError> {
        let Some(stream) = self.streams.get(&header.chunk_stream) else {
            return Err(ChunkError::NothingBefore);
        };
        if let Some(known) = stream.extended {
            let known = known.to_be_bytes();
            let there = after
                .get(..known.len().min(after.len()))
                .unwrap_or_default();
            if known.starts_with(there) {
                if there.len() < known.len() {
                    return Ok(None);
                }
                header.taken += known.len();
            }
        }
        Ok(Some(header))
    }
}

/// Appends a message in chunks of the default size. `chunk_stream` is 2 to 63.
pub(super) fn write(out: &mut Vec<u8>, chunk_stream: u8, kind: u8, stream: u32, body: &[u8]) {
    out.push(chunk_stream & 0x3f);
    out.extend([0; 3]); // time stamp
    let length = u32::try_from(body.len()).unwrap_or(EXTENDED).min(EXTENDED);
    out.extend(&length.to_be_bytes()[1..]);
    out.push(kind);
    out.extend(stream.to_le_bytes());
    for (at, part) in body[..length as usize].chunks(DEFAULT_SIZE).enumerate() {
        if at > 0 {
            out.push(0xc0 | chunk_stream & 0x3f);
        }
        out.extend(part);
    }
}

/// Format, chunk stream id, and bytes taken (5.3.1.1).
fn basic_header(input: &[u8]) -> Option<(u8, u32, usize)> {
    let first = *input.first()?;
    let (id, taken) = match first & 0x3f {
        0 => (64 + u32::from(*input.get(1)?), 2),
        1 => {
            let high = u32::from(*input.get(2)?);
            (64 + u32::from(*input.get(1)?) + (high << 8), 3)
        }
        id => (u32::from(id), 1),
    };
    Some((first >> 6, id, taken))
}

fn be24(bytes: &[u8]) -> u32 {
    let bytes = bytes.iter().take(3);
    bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
