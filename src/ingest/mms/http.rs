//! One request and its answer in HTTP/1.0: this protocol's servers speak no other, and stretch it in ways that
//! clients of real HTTP refuse.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ingest::error::{Cause, IngestError, Stage};

/// Longest head of an answer.
const MAX_HEAD: usize = 16 << 10;
/// Bytes read at a time.
const READ: usize = 32 << 10;

/// A connection with an answer to be read.
pub(super) struct Connection {
    stream: TcpStream,
    stall: Duration,
    /// What came with the head.
    rest: Bytes,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, stall: Duration) -> Self {
        Self {
            stream,
            stall,
            rest: Bytes::new(),
        }
    }

    /// Sends a request and reads the head of its answer, within `time`.
    pub(super) async fn ask(&mut self, request: &[u8], time: Duration) -> Result<(), IngestError> {
        let broken = |error: std::io::Error| IngestError::of_connection(Stage::Request, &error);
        let asked = async {
            self.stream.write_all(request).await.map_err(broken)?;
            let mut head = BytesMut::new();
            loop {
                if let Some(end) = end_of_head(&head) {
                    let body = head.split_off(end);
                    self.rest = body.freeze();
                    return judge(&head);
                }
                if head.len() > MAX_HEAD {
                    let text = "the head of the source's answer is too long";
                    return Err(IngestError::new(Stage::Request, Cause::Limit, text));
                }
                if self.stream.read_buf(&mut head).await.map_err(broken)? == 0 {
                    let text = "the source closed the connection";
                    return Err(IngestError::new(Stage::Request, Cause::Unreachable, text));
                }
            }
        };
        tokio::time::timeout(time, asked).await.unwrap_or_else(|_| {
            let text = "the source did not answer in time";
            Err(IngestError::new(Stage::Request, Cause::Timeout, text))
        })
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, IngestError> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let mut bytes = BytesMut::with_capacity(READ);
        let read = self.stream.read_buf(&mut bytes);
        match tokio::time::timeout(self.stall, read).await {
            Ok(Ok(0)) => Ok(None),
            Ok(Ok(_)) => Ok(Some(bytes.freeze())),
            Ok(Err(error)) => Err(IngestError::of_connection(Stage::Flow, &error)),
            Err(_) => {
                let seconds = self.stall.as_secs();
                let text = format!("no bytes came from the source for {seconds} s");
                Err(IngestError::new(Stage::Flow, Cause::Stalled, text))
            }
        }
    }
}

/// Where the body begins.
fn end_of_head(head: &[u8]) -> Option<usize> {
    let at = |mark: &[u8]| {
        let found = head.windows(mark.len()).position(|window| window == mark);
        found.map(|at| at + mark.len())
    };
    at(b"\r\n\r\n").or_else(|| at(b"\n\n"))
}

/// Whether the answer is one that can be read.
fn judge(head: &[u8]) -> Result<(), IngestError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split_ascii_whitespace();
    let speaks = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|word| word.parse::<u16>().ok());
    match status.filter(|_| speaks) {
        Some(200..=299) => {}
        Some(300..=399) => {
            let text = "the source redirects, which is not followed for MMS";
            return Err(IngestError::new(Stage::Request, Cause::Unsupported, text));
        }
        Some(status) => return Err(IngestError::of_status(Stage::Request, status)),
        None => {
            let text = "the source does not speak HTTP";
            return Err(IngestError::new(Stage::Request, Cause::NotMedia, text));
        }
    }
    let coded = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    if coded {
        let text = "the source answers in a transfer coding that MMS does not have";
        return Err(IngestError::new(Stage::Request, Cause::Unsupported, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_judged() {
        let of = |head: &str| judge(head.as_bytes()).map_err(|error| error.cause);
        assert_eq!(of("HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n"), Ok(()));
        assert_eq!(of("HTTP/1.0 404 Not Found\r\n\r\n"), Err(Cause::NotFound));
        assert_eq!(of("HTTP/1.0 401 No\r\n\r\n"), Err(Cause::Auth));
        assert_eq!(of("HTTP/1.1 302 Found\r\n\r\n"), Err(Cause::Unsupported));
        assert_eq!(of("SSH-2.0-x\r\n\r\n"), Err(Cause::NotMedia));
        assert_eq!(end_of_head(b"HTTP/1.0 200\r\n\r\n$H"), Some(16));
        assert_eq!(end_of_head(b"HTTP/1.0 200\r\n"), None);
    }
}
