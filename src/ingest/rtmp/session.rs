//! A session that plays one stream (RTMP 1.0, clauses 5.4, 6.2 and 7): bytes in, bytes and events
//! out. Pure.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::address::Address;
use super::aggregate::Aggregate;
use super::amf0::{self, Value};
use super::chunk::{self, ChunkError, ChunkReader, Message};
use super::handshake::{self, Handshake, NotRtmp};
use super::verdict::{self, Verdict};
use crate::ingest::error::{Cause, IngestError, Stage};

/// The longest command that is read; an enhanced `onMetaData` has some kilobytes.
const MAX_COMMAND: usize = 64 << 10;
/// What we let the server send before it has to wait for an acknowledgement, in bytes.
const WINDOW: u32 = 2_500_000;
/// Milliseconds that the server may send ahead at the start.
const BUFFER_MS: u32 = 3_000;
/// Codecs that we want to hear of, also those that can only be named in an error (E-RTMP v2).
const FOURCC: [&str; 10] = [
    "hvc1", "avc1", "av01", "vp09", "mp4a", "ac-3", "ec-3", ".mp3", "Opus", "fLaC",
];

/// Message type ids.
pub(super) mod kind {
    pub(in super::super) const SET_CHUNK_SIZE: u8 = 1;
    pub(in super::super) const ABORT: u8 = 2;
    pub(in super::super) const ACKNOWLEDGEMENT: u8 = 3;
    pub(in super::super) const USER_CONTROL: u8 = 4;
    pub(in super::super) const WINDOW_SIZE: u8 = 5;
    pub(in super::super) const PEER_BANDWIDTH: u8 = 6;
    pub(in super::super) const AUDIO: u8 = 8;
    pub(in super::super) const VIDEO: u8 = 9;
    pub(in super::super) const DATA_AMF3: u8 = 15;
    pub(in super::super) const COMMAND_AMF3: u8 = 17;
    pub(in super::super) const DATA_AMF0: u8 = 18;
    pub(in super::super) const COMMAND_AMF0: u8 = 20;
    pub(in super::super) const AGGREGATE: u8 = 22;
}

/// Types of user control messages (clause 7.1.7).
mod control {
    pub(super) const STREAM_EOF: u16 = 1;
    pub(super) const SET_BUFFER_LENGTH: u16 = 3;
    pub(super) const PING_REQUEST: u16 = 6;
    pub(super) const PING_RESPONSE: u16 = 7;
}

/// Chunk streams that we send on; which is which is ours to choose.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;
const STREAM: u8 = 8;

/// Transactions, in the order in which we begin them.
const CONNECT: f64 = 1.0;
const CREATE_STREAM: f64 = 2.0;
const PLAY: f64 = 3.0;

/// What the server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It plays the stream: our request was granted.
    Plays,
    /// It describes the stream: whether it has pictures.
    Described {
        /// It does.
        pictures: bool,
    },
    /// A message of audio or video: the body of an FLV tag.
    Media(Tag),
    /// The stream has ended.
    Ended,
}

/// The body of an FLV tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// 8 audio, 9 video.
    pub(super) kind: u8,
    /// Milliseconds, modulo 2^32.
    pub(super) timestamp: u32,
    pub(super) body: Bytes,
}

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// For good.
    Failed(IngestError),
    /// Another URL is to be asked.
    Moved(String),
    /// The server wants credentials, in its own words.
    Challenged(String),
}

/// One session, from the handshake on.
#[derive(Debug)]
pub(super) struct Session {
    address: Address,
    /// Behind the application's name, to log in.
    parameters: String,
    step: Step,
    chunks: ChunkReader,
    output: Vec<u8>,
    /// What the newest message brought: three at most.
    events: VecDeque<Event>,
    /// A message whose tags are told one after the other.
    aggregate: Option<Aggregate>,
    /// Bytes from the peer, modulo 2^32, and how many of them it knows to have come.
    received: u32,
    acknowledged: u32,
    /// The peer waits for an acknowledgement after this many bytes.
    window: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Step {
    Handshake(Handshake),
    /// `connect` was sent.
    Connecting,
    /// `createStream` was sent.
    Creating,
    /// `play` was sent.
    Asking,
    /// It was granted; no media yet.
    Granted,
    /// Media has come.
    Flowing,
}

impl Session {
    /// Begins: the first bytes to send are in the output. `parameters` go behind the application's
    /// name; `seed` differs from session to session.
    pub(super) fn new(address: Address, parameters: &str, seed: u64) -> Self {
        let mut output = Vec::new();
        handshake::hello(&mut output, seed);
        Self {
            address,
            parameters: parameters.to_owned(),
            step: Step::Handshake(Handshake::Sent),
            chunks: ChunkReader::new(),
            output,
            events: VecDeque::new(),
            aggregate: None,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
        }
    }

    /// Where bytes from the server are to be appended; then call [`Self::received`].
    pub(super) fn input(&mut self) -> &mut BytesMut {
        self.chunks.input()
    }

    /// Counts bytes that were appended to the input.
    pub(super) fn received(&mut self, bytes: usize) {
        self.received = self.received.wrapping_add(bytes as u32);
        let unknown = self.received.wrapping_sub(self.acknowledged);
        // At most one for each read, however small the window is.
        if self.step > Step::Connecting && unknown >= self.window {
            self.acknowledged = self.received;
            self.control(kind::ACKNOWLEDGEMENT, &self.received.to_be_bytes());
        }
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The next event in what was received; `None` when more is needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(tag) = self.aggregated() {
                self.media(tag);
                continue;
            }
            if let Step::Handshake(mut handshake) = self.step {
                let read = handshake.read(self.chunks.input(), &mut self.output);
                read.map_err(|NotRtmp| {
                    self.failed(Cause::NotMedia, "the server does not speak RTMP")
                })?;
                self.step = Step::Handshake(handshake);
                if handshake != Handshake::Done {
                    return Ok(None);
                }
                self.connect();
            }
            let message = self.chunks.next().map_err(|e| self.broken(e))?;
            let Some(message) = message else {
                return Ok(None);
            };
            self.message(message)?;
        }
    }

    /// What it means that the server has closed the connection.
    pub(super) fn closed(&self) -> IngestError {
        let (cause, when) = match self.step {
            Step::Handshake(_) => (Cause::Unreachable, "in the RTMP handshake"),
            Step::Connecting | Step::Creating => (Cause::Refused, "when asked for the application"),
            Step::Asking => (Cause::Refused, "when asked for the stream"),
            Step::Granted => (Cause::Refused, "before any media came"),
            Step::Flowing => (Cause::Unreachable, "while media flowed"),
        };
        let text = format!("the source closed the connection {when}");
        IngestError::new(self.stage(), cause, text)
    }

    /// How far it has come.
    pub(super) fn stage(&self) -> Stage {
        match self.step {
            Step::Granted => Stage::FirstByte,
            Step::Flowing => Stage::Flow,
            _ => Stage::Request,
        }
    }

    fn message(&mut self, message: Message) -> Result<(), Refusal> {
        let body = &message.body;
        let number = || body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match message.kind {
            kind::SET_CHUNK_SIZE => {
                let size = number().unwrap_or_default();
                self.chunks.set_size(size).map_err(|e| self.broken(e))?;
            }
            kind::ABORT => self.chunks.abort(number().unwrap_or_default()),
            kind::USER_CONTROL => self.user_control(body),
            // Never 0: each byte would ask for an answer.
            kind::WINDOW_SIZE => self.window = number().unwrap_or(WINDOW).max(1),
            kind::PEER_BANDWIDTH => self.control(kind::WINDOW_SIZE, &WINDOW.to_be_bytes()),
            kind::AUDIO | kind::VIDEO => self.media(Tag {
                kind: message.kind,
                timestamp: message.timestamp,
                body: message.body,
            }),
            kind::AGGREGATE => {
                self.aggregate = Some(Aggregate::new(message.timestamp, message.body));
            }
            kind::COMMAND_AMF0 | kind::DATA_AMF0 => self.command(body)?,
            // AMF3 messages begin with a byte that says so and go on in AMF0.
            kind::COMMAND_AMF3 | kind::DATA_AMF3 => {
                self.command(body.strip_prefix(&[0]).unwrap_or(body))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn user_control(&mut self, body: &[u8]) {
        let Some((event, data)) = body.split_first_chunk() else {
            return;
        };
        match u16::from_be_bytes(*event) {
            control::PING_REQUEST => {
                let mut answer = control::PING_RESPONSE.to_be_bytes().to_vec();
                answer.extend(data.iter().take(4));
                self.control(kind::USER_CONTROL, &answer);
            }
            // Before media it belongs to what was played before, as some servers see it.
            control::STREAM_EOF if self.step == Step::Flowing => {
                self.events.push_back(Event::Ended);
            }
            _ => {}
        }
    }

    fn media(&mut self, tag: Tag) {
        if tag.body.is_empty() {
            return; // some servers fill pauses with them
        }
        if self.step < Step::Granted {
            // There are servers that do not say so.
            self.events.push_back(Event::Plays);
        }
        self.step = Step::Flowing;
        self.events.push_back(Event::Media(tag));
    }

    /// The next tag of the aggregate message that is being read.
    fn aggregated(&mut self) -> Option<Tag> {
        let aggregate = self.aggregate.as_mut()?;
        let tag = aggregate.next();
        if tag.is_none() {
            self.aggregate = None;
        }
        tag
    }

    fn command(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if body.len() > MAX_COMMAND {
            return Ok(()); // metadata; no command is that long
        }
        let values = amf0::read(body);
        let name = values.first().and_then(Value::text).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::number);
        let info = |at: usize| values.get(at).unwrap_or(&Value::Null);
        match name {
            "_result" if transaction == Some(CONNECT) && self.step == Step::Connecting => {
                self.judge(info(3), false)?;
                self.create_stream();
            }
            "_result" if transaction == Some(CREATE_STREAM) && self.step == Step::Creating => {
                let stream = info(3).number().unwrap_or(1.0);
                self.play(stream as u32);
            }
            // Others are answers to what we do not need.
            "_error" if matches!(transaction, Some(CONNECT | CREATE_STREAM | PLAY)) => {
                self.judge(info(3), true)?;
            }
            "onStatus" => self.judge(info(3), false)?,
            // Sent as data: there is no transaction.
            "onPlayStatus" => self.judge(info(1), false)?,
            "onMetaData" => {
                let pictures = has_pictures(info(1));
                self.events.push_back(Event::Described { pictures });
            }
            "close" => return Err(Refusal::Failed(self.closed())),
            _ => {}
        }
        Ok(())
    }

    fn judge(&mut self, info: &Value, refused: bool) -> Result<(), Refusal> {
        match verdict::judge(info, refused) {
            Verdict::Ignore => {}
            Verdict::Plays => {
                if self.step == Step::Asking {
                    self.step = Step::Granted;
                    self.events.push_back(Event::Plays);
                }
            }
            // Who waits for a publisher is told of one that left, too.
            Verdict::Unpublished if self.step < Step::Flowing => {}
            Verdict::Unpublished | Verdict::Ended => self.events.push_back(Event::Ended),
            Verdict::Moved(target) => return Err(Refusal::Moved(target)),
            Verdict::Challenged(words) => return Err(Refusal::Challenged(words)),
            Verdict::Failed(cause, text) => return Err(self.failed(cause, text)),
        }
        Ok(())
    }

    fn connect(&mut self) {
        let text = |text: &str| Value::Text(text.to_owned());
        let with_parameters = |name: &str| Value::Text(format!("{name}{}", self.parameters));
        let codecs = FOURCC.iter().map(|code| text(code)).collect();
        let members = [
            ("app", with_parameters(&self.address.app)),
            // What players that are not a browser say that they are.
            ("flashVer", text("LNX 9,0,124,2")),
            ("tcUrl", with_parameters(&self.address.tc_url())),
            ("fpad", Value::Bool(false)),
            ("capabilities", Value::Number(15.0)),
            ("audioCodecs", Value::Number(4071.0)),
            ("videoCodecs", Value::Number(252.0)),
            ("videoFunction", Value::Number(1.0)),
            ("objectEncoding", Value::Number(0.0)),
            ("fourCcList", Value::List(codecs)),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        let argument = Value::Object(members.into());
        self.send_command(COMMANDS, 0, "connect", CONNECT, &[argument]);
        self.step = Step::Connecting;
    }

    fn create_stream(&mut self) {
        self.control(kind::WINDOW_SIZE, &WINDOW.to_be_bytes());
        self.send_command(COMMANDS, 0, "createStream", CREATE_STREAM, &[Value::Null]);
        self.step = Step::Creating;
    }

    fn play(&mut self, stream: u32) {
        let name = Value::Text(self.address.play_path.clone());
        // Live if there is such a stream, else recorded (clause 7.2.2.1).
        let arguments = [Value::Null, name, Value::Number(-2000.0)];
        self.send_command(STREAM, stream, "play", PLAY, &arguments);
        let mut buffer = control::SET_BUFFER_LENGTH.to_be_bytes().to_vec();
        buffer.extend(stream.to_be_bytes());
        buffer.extend(BUFFER_MS.to_be_bytes());
        self.control(kind::USER_CONTROL, &buffer);
        self.step = Step::Asking;
    }

    fn send_command(
        &mut self,
        chunk_stream: u8,
        stream: u32,
        name: &str,
        transaction: f64,
        arguments: &[Value],
    ) {
        let mut body = Vec::new();
        amf0::write(&mut body, &Value::Text(name.to_owned()));
        amf0::write(&mut body, &Value::Number(transaction));
        for argument in arguments {
            amf0::write(&mut body, argument);
        }
        let kind = kind::COMMAND_AMF0;
        chunk::write(&mut self.output, chunk_stream, kind, stream, &body);
    }

    fn control(&mut self, kind: u8, body: &[u8]) {
        chunk::write(&mut self.output, CONTROL, kind, 0, body);
    }

    fn failed(&self, cause: Cause, text: &str) -> Refusal {
        Refusal::Failed(IngestError::new(self.stage(), cause, text))
    }

    fn broken(&self, error: ChunkError) -> Refusal {
        let cause = match error {
            ChunkError::NothingBefore | ChunkError::ChunkSize => Cause::NotMedia,
            _ => Cause::Limit,
        };
        self.failed(cause, &error.to_string())
    }
}

/// Whether an `onMetaData` names a video codec, or at least a size of pictures.
fn has_pictures(description: &Value) -> bool {
    let named = description.get("videocodecid").or(description.get("width"));
    match named {
        Some(Value::Number(number)) => *number > 0.0,
        Some(Value::Text(text)) => !text.is_empty(),
        _ => false,
    }
}
