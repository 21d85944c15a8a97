//! The two protocols as far as a client needs them, byte by byte, so that bytes can be counted.

use std::io::Write;

use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress};
use serde_json::Value;

/// Documents out of the bytes of a body of server-sent events.
pub struct Events {
    gzip: Option<GzDecoder<Vec<u8>>>,
    text: Vec<u8>,
}

impl Events {
    pub fn new(gzip: bool) -> Self {
        Self {
            gzip: gzip.then(|| GzDecoder::new(Vec::new())),
            text: Vec::new(),
        }
    }

    pub fn add(&mut self, bytes: &[u8]) -> Vec<Value> {
        match &mut self.gzip {
            None => self.text.extend_from_slice(bytes),
            Some(gzip) => {
                gzip.write_all(bytes).expect("gzip");
                gzip.flush().expect("gzip");
                self.text.append(gzip.get_mut());
            }
        }
        let mut documents = Vec::new();
        while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.text.drain(..end + 2).collect();
            let event = String::from_utf8(event).expect("UTF-8");
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            documents.extend(data.map(|data| serde_json::from_str(data).expect("JSON")));
        }
        documents
    }
}

/// Documents out of the frames of a WebSocket (RFC 6455, 5.2).
#[derive(Default)]
pub struct Frames {
    bytes: Vec<u8>,
    message: Vec<u8>,
    deflated: bool,
    /// Pings that are to be answered.
    pub pings: usize,
}

impl Frames {
    pub fn add(&mut self, bytes: &[u8]) -> Vec<Value> {
        self.bytes.extend_from_slice(bytes);
        let mut documents = Vec::new();
        while let Some((head, length)) = self.head() {
            if self.bytes.len() < head + length {
                break;
            }
            let frame: Vec<u8> = self.bytes.drain(..head + length).collect();
            match frame[0] & 0x0f {
                0 | 1 => {
                    if frame[0] & 0x0f == 1 {
                        self.deflated = frame[0] & 0x40 != 0;
                    }
                    self.message.extend_from_slice(&frame[head..]);
                    if frame[0] & 0x80 != 0 {
                        documents.push(self.document());
                    }
                }
                9 => self.pings += 1,
                _ => {}
            }
        }
        documents
    }

    fn head(&self) -> Option<(usize, usize)> {
        let short = usize::from(*self.bytes.get(1)?);
        assert!(short < 128, "a server's frame is not masked");
        Some(match short {
            126 => (
                4,
                usize::from(u16::from_be_bytes(self.bytes.get(2..4)?.try_into().ok()?)),
            ),
            127 => (
                10,
                u64::from_be_bytes(self.bytes.get(2..10)?.try_into().ok()?) as usize,
            ),
            short => (2, short),
        })
    }

    fn document(&mut self) -> Value {
        let mut message = std::mem::take(&mut self.message);
        if self.deflated {
            message.extend_from_slice(&[0, 0, 0xff, 0xff]);
            // Without what was before: it was agreed that no message refers to another.
            let mut inflate = Decompress::new(false);
            let mut text = Vec::new();
            while (inflate.total_in() as usize) < message.len() {
                text.reserve(64 << 10);
                let rest = &message[inflate.total_in() as usize..];
                let inflated = inflate.decompress_vec(rest, &mut text, FlushDecompress::Sync);
                inflated.expect("deflate");
            }
            message = text;
        }
        serde_json::from_slice(&message).expect("JSON")
    }
}
