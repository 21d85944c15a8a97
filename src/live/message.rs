//! A document in each form in which it is sent, made when somebody first wants it, once for all.

use std::io;
use std::sync::OnceLock;

use bytes::Bytes;

use super::Block;

/// A document, and the sequence number that one is at who has it.
#[derive(Debug)]
pub struct Message {
    seq: u64,
    id: String,
    json: Bytes,
    event: OnceLock<Bytes>,
    deflated: OnceLock<Block>,
    event_deflated: OnceLock<Block>,
}

impl Message {
    /// A message of this document; `id` is the position as text.
    pub fn new(seq: u64, id: String, json: String) -> Self {
        Self {
            seq,
            id,
            json: json.into(),
            event: OnceLock::new(),
            deflated: OnceLock::new(),
            event_deflated: OnceLock::new(),
        }
    }

    /// The sequence number that one is at who has it.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The document.
    pub fn json(&self) -> Bytes {
        self.json.clone()
    }

    /// The document as a server-sent event (WHATWG HTML, 9.2.5). JSON has no line breaks.
    pub fn event(&self) -> Bytes {
        let make = || {
            let room = self.json.len() + self.id.len() + 16;
            let mut event = Vec::with_capacity(room);
            for part in [
                b"id: ",
                self.id.as_bytes(),
                b"\ndata: ",
                &self.json,
                b"\n\n",
            ] {
                event.extend_from_slice(part);
            }
            event.into()
        };
        self.event.get_or_init(make).clone()
    }

    /// The document, deflated.
    ///
    /// # Errors
    /// As [`Block::new`].
    pub fn deflated(&self) -> io::Result<&Block> {
        deflate(&self.deflated, || self.json.clone())
    }

    /// The event, deflated.
    ///
    /// # Errors
    /// As [`Block::new`].
    pub fn event_deflated(&self) -> io::Result<&Block> {
        deflate(&self.event_deflated, || self.event())
    }
}

/// Two who come first at the same time both do the work; one of them in vain.
fn deflate(place: &OnceLock<Block>, text: impl FnOnce() -> Bytes) -> io::Result<&Block> {
    if let Some(made) = place.get() {
        return Ok(made);
    }
    let block = Block::new(&text())?;
    Ok(place.get_or_init(|| block))
}
