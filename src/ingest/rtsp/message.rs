//! RTSP messages and interleaved frames on one connection (RFC 2326, 4 to 7 and 10.12). Pure.
//!
//! Lenient where servers are sloppy (bare line feeds, no reason phrase, text that is not UTF-8),
//! strict where it matters: what claims a length is bounded before it is waited for.

use std::fmt::Write;

use bytes::{Buf, Bytes, BytesMut};

/// Most bytes of a message before its body.
const MAX_HEAD: usize = 32 << 10;
/// Most header fields of a message.
const MAX_FIELDS: usize = 128;
/// Largest body: a session description.
const MAX_BODY: usize = 256 << 10;

/// Cuts what comes over the connection into messages and frames, however it was chunked.
#[derive(Debug, Default)]
pub(super) struct Framer {
    buffer: BytesMut,
    /// Bytes of the buffer that were searched for the end of a head already.
    searched: usize,
}

/// One thing that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// An interleaved packet (10.12).
    Data(u8, Bytes),
    /// An answer to a request of ours.
    Response(Response),
    /// A request of the server's.
    Request(Request),
}

/// An answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) fields: Fields,
    pub(super) body: Bytes,
}

/// A request of the server's; what it is about is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) fields: Fields,
}

/// The header fields of a message, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

/// Why what came is no RTSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Neither a message nor a frame.
    NotRtsp,
    /// A head or body that is larger than allowed.
    TooLarge,
}

impl Framer {
    /// Where to read into.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole thing, or `None` until more has come.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.searched == 0 {
            let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
            let blanks = self.buffer.iter().take_while(blank).count();
            self.buffer.advance(blanks);
        }
        match self.buffer.first() {
            None => Ok(None),
            Some(b'$') => Ok(self.data()),
            // A method, or `RTSP/1.0`.
            Some(byte) if byte.is_ascii_uppercase() => self.message(),
            Some(_) => Err(Malformed::NotRtsp),
        }
    }

    fn data(&mut self) -> Option<Frame> {
        let &[_, channel, high, low] = self.buffer.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if self.buffer.len() < 4 + length {
            return None;
        }
        self.buffer.advance(4);
        Some(Frame::Data(channel, self.buffer.split_to(length).freeze()))
    }

    fn message(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some(head_length) = end_of_head(&self.buffer, self.searched) else {
            // The end may begin in the last bytes seen.
            self.searched = self.buffer.len().saturating_sub(3).max(1);
            return match self.buffer.len() {
                0..MAX_HEAD => Ok(None),
                _ => Err(Malformed::TooLarge),
            };
        };
        if head_length > MAX_HEAD {
            return Err(Malformed::TooLarge);
        }
        // Looked at again each time a part of the body comes, which is rarely.
        let head = String::from_utf8_lossy(&self.buffer[..head_length]);
        let mut lines = head.lines();
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = Fields::read(lines)?;
        let length = match fields.get("Content-Length") {
            Some(text) => text.parse::<usize>().map_err(|_| Malformed::NotRtsp)?,
            None => 0,
        };
        if length > MAX_BODY {
            return Err(Malformed::TooLarge);
        }
        if self.buffer.len() < head_length + length {
            return Ok(None);
        }
        self.searched = 0;
        self.buffer.advance(head_length);
        let body = self.buffer.split_to(length).freeze();
        frame(&start, fields, body).map(Some)
    }
}

fn frame(start: &str, fields: Fields, body: Bytes) -> Result<Frame, Malformed> {
    let mut words = start.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    if first.starts_with("RTSP/") {
        let status = words.next().and_then(|word| word.parse().ok());
        return match status {
            Some(status @ 100..=999) => Ok(Frame::Response(Response {
                status,
                fields,
                body,
            })),
            _ => Err(Malformed::NotRtsp),
        };
    }
    if !words.any(|word| word.starts_with("RTSP/")) {
        return Err(Malformed::NotRtsp);
    }
    let method = first.to_owned();
    Ok(Frame::Request(Request { method, fields }))
}

/// The length of a head with its empty line, if that has come. Looks from `from` on.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    loop {
        let feed = bytes.get(at..)?.iter().position(|byte| *byte == b'\n')? + at;
        match bytes.get(feed + 1..)? {
            [b'\n', ..] => return Some(feed + 2),
            [b'\r', b'\n', ..] => return Some(feed + 3),
            _ => at = feed + 1,
        }
    }
}

impl Fields {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, Malformed> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                // A value goes on in the next line.
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                continue;
            }
            if fields.len() == MAX_FIELDS {
                return Err(Malformed::TooLarge);
            }
            if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Ok(Self(fields))
    }

    /// The first value of a field.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// All values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

/// The text of a request without body. Values must hold no line breaks.
pub(super) fn request<'a>(
    method: &str,
    url: &str,
    sequence: u32,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {sequence}\r\n");
    for (name, value) in fields {
        // Never fails on a String.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The answer to a request of the server's.
pub(super) fn reply(to: &Request, status: &str) -> Vec<u8> {
    let sequence = to.fields.get("CSeq").unwrap_or("0");
    format!("RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALOGUE: &[u8] = b"\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-length: 5\r\n\
        X-Folded: a\r\n  b\r\n\r\nv=0\r\n$\x00\x00\x03abcRTSP/1.0 401\nWWW-Authenticate: Basic\n\
        www-authenticate: Digest\n\n$\x01\x00\x00OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n";

    fn cut(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<Frame> {
        let mut framer = Framer::default();
        let mut frames = Vec::new();
        for piece in pieces {
            framer.buffer().extend_from_slice(&piece);
            while let Some(frame) = framer.next().unwrap() {
                frames.push(frame);
            }
        }
        assert!(framer.buffer().is_empty());
        frames
    }

    #[test]
    fn any_chunking_gives_the_same_frames() {
        let whole = cut(std::iter::once(DIALOGUE.to_vec()));
        let [
            Frame::Response(described),
            Frame::Data(0, packet),
            Frame::Response(denied),
            Frame::Data(1, empty),
            Frame::Request(request),
        ] = &whole[..]
        else {
            panic!("{whole:?}")
        };
        assert_eq!(
            (described.status, &described.body[..]),
            (200, &b"v=0\r\n"[..])
        );
        assert_eq!(described.fields.get("x-folded"), Some("a b"));
        assert_eq!((&packet[..], empty.len()), (&b"abc"[..], 0));
        assert_eq!(denied.status, 401);
        let challenges: Vec<_> = denied.fields.all("WWW-Authenticate").collect();
        assert_eq!(challenges, ["Basic", "Digest"]);
        assert_eq!(request.method, "OPTIONS");
        assert!(reply(request, "200 OK").starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n"));
        for size in 1..DIALOGUE.len() {
            assert_eq!(
                cut(DIALOGUE.chunks(size).map(<[u8]>::to_vec)),
                whole,
                "{size}"
            );
        }
    }

    fn verdict(bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
        let mut framer = Framer::default();
        framer.buffer().extend_from_slice(bytes);
        framer.next()
    }

    #[test]
    fn what_is_no_rtsp_is_refused() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            b"\x00\x01\x02",
            b"RTSP/1.0 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert_eq!(verdict(bytes), Err(Malformed::NotRtsp), "{bytes:?}");
        }
    }

    #[test]
    fn claimed_lengths_are_bounded() {
        let long = format!("RTSP/1.0 200 {}", "x".repeat(MAX_HEAD));
        assert_eq!(verdict(long.as_bytes()), Err(Malformed::TooLarge));
        let body = b"RTSP/1.0 200 OK\r\nContent-Length: 4000000000\r\n\r\n";
        assert_eq!(verdict(body), Err(Malformed::TooLarge));
        let fields = format!(
            "RTSP/1.0 200 OK\r\n{}\r\n",
            "a:b\r\n".repeat(MAX_FIELDS + 1)
        );
        assert_eq!(verdict(fields.as_bytes()), Err(Malformed::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(pieces in proptest::collection::vec(
            proptest::prelude::any::<Vec<u8>>(), 0..20,
        )) {
            let mut framer = Framer::default();
            for piece in pieces {
                framer.buffer().extend_from_slice(&piece);
                while let Ok(Some(_)) = framer.next() {}
            }
        }
    }
}
