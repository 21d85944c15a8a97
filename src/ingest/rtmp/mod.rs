//! RTMP and RTMPS: plays one stream of a server (Adobe's RTMP 1.0 and what servers made of it).
//!
//! [`session`] is the protocol, apart from I/O; here are the connection, its deadlines, and the way
//! of the media to the sink. Messages of audio and video are bodies of FLV tags.

mod address;
mod aggregate;
mod amf0;
mod chunk;
mod handshake;
mod login;
mod opening;
mod session;
mod verdict;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;
use url::Url;

use super::error::{Cause, IngestError, Stage};
use super::remuxed::{Remuxed, Stop};
use super::sink::Sink;
use super::{Dialer, Patience};
use crate::base::clock;
use crate::remux::{Container, Limits};
use crate::stream::Source;
use address::Address;
use login::Login;
use opening::Opening;
use session::{Event, Refusal, Session};

/// Connections of one pull: for redirections, and for challenges of a server that wants to know who
/// we are.
const MAX_CONNECTIONS: usize = 6;
/// Bytes asked from the connection at a time.
const READ: usize = 32 << 10;

/// Plays an `rtmp` or `rtmps` source into `sink` until it ends or fails.
///
/// # Errors
/// With the stage it reached and the cause. `Ok` means that the source ended by itself, or that
/// nobody takes its bytes any more.
pub async fn pull(
    dialer: &Dialer,
    source: &Source,
    patience: Patience,
    sink: &Sink,
) -> Result<(), IngestError> {
    sink.note(|found| {
        found.container = Some("flv");
        found.live = Some(true);
    });
    let origin = Address::of(source.url.as_url()).ok_or_else(no_address)?;
    let mut address = origin.clone();
    let mut login = Login::new(source.credentials.as_ref());
    for _ in 0..=MAX_CONNECTIONS {
        match play(dialer, &address, &login, patience, sink).await {
            Ok(()) => return Ok(()),
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::Challenged(words)) => login.challenged(&words, seed() as u32)?,
            Err(Refusal::Moved(target)) => {
                let target = moved(&address, &target)?;
                dialer.policy().check_scheme(target.scheme())?;
                // Credentials are for whom they were given for.
                let known = source.credentials.as_ref();
                login = Login::new(known.filter(|_| target.same_server(&origin)));
                address = target;
            }
        }
    }
    let text = format!("the source redirects more than {MAX_CONNECTIONS} times");
    Err(IngestError::new(Stage::Request, Cause::Limit, text))
}

/// One connection, to its end.
async fn play(
    dialer: &Dialer,
    address: &Address,
    login: &Login,
    patience: Patience,
    sink: &Sink,
) -> Result<(), Refusal> {
    let (host, time) = (&address.host, patience.answer);
    let stream = dialer.tcp(host, address.port, time, sink).await?;
    let player = Player {
        session: Session::new(address.clone(), login.parameters(), seed()),
        patience,
        deadline: clock::now(),
        opening: Opening::default(),
        remuxed: Remuxed::new(Container::Flv, Limits::live(), sink),
        sink,
    };
    if address.tls {
        let stream = dialer.tls(host, stream, time, sink).await?;
        player.run(stream).await
    } else {
        player.run(stream).await
    }
}

/// A number that differs from call to call; nothing secret hangs on it.
fn seed() -> u64 {
    RandomState::new().hash_one(0u8)
}

struct Player<'a> {
    session: Session,
    patience: Patience,
    /// When what is waited for must have come.
    deadline: Instant,
    opening: Opening,
    remuxed: Remuxed<'a>,
    sink: &'a Sink,
}

/// Whether to read on.
enum Turn {
    More,
    Ended,
}

impl Player<'_> {
    async fn run(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Refusal> {
        let ended = self.converse(stream).await;
        // What came before the end is shown, if anybody takes it.
        let _ = self.remuxed.finish().await;
        ended
    }

    async fn converse(
        &mut self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ) -> Result<(), Refusal> {
        self.deadline = clock::now() + self.patience.answer;
        loop {
            let output = self.session.take_output();
            let exchange = async {
                stream.write_all(&output).await?;
                stream.flush().await?;
                let input = self.session.input();
                input.reserve(READ);
                stream.read_buf(input).await
            };
            let read = timeout_at(self.deadline.into(), exchange).await;
            // The timer may not be asked for long while there always is something to read.
            if clock::now() >= self.deadline {
                return Err(self.late().into());
            }
            match read.map_err(|_| self.late())? {
                Ok(0) => return Err(self.session.closed().into()),
                Ok(bytes) => self.session.received(bytes),
                Err(error) => return Err(self.broken(&error).into()),
            }
            if let Turn::Ended = self.events().await? {
                return Ok(());
            }
        }
    }

    async fn events(&mut self) -> Result<Turn, Refusal> {
        let mut media = false;
        while let Some(event) = self.session.next()? {
            match event {
                Event::Plays => {
                    self.sink.reached(Stage::Request);
                    self.deadline = clock::now() + self.patience.answer;
                }
                Event::Described { pictures } => self.opening.described(pictures),
                Event::Media(tag) => {
                    self.sink.reached(Stage::FirstByte);
                    media = true;
                    if !self.opening.admits(&tag) {
                        continue;
                    }
                    let put = self.remuxed.flv_tag(tag.kind, tag.timestamp, &tag.body);
                    match put.await {
                        Ok(()) => {}
                        Err(Stop::Gone) => return Ok(Turn::Ended),
                        Err(Stop::Failed(error)) => return Err(error.into()),
                    }
                }
                Event::Ended => return Ok(Turn::Ended),
            }
        }
        if media {
            // From here: to deliver it may have taken a while.
            self.deadline = clock::now() + self.patience.stall;
        }
        Ok(Turn::More)
    }

    fn broken(&self, error: &std::io::Error) -> IngestError {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
                self.session.closed()
            }
            _ => IngestError::of_connection(self.session.stage(), error),
        }
    }

    fn late(&self) -> IngestError {
        let stage = self.session.stage();
        let (cause, text) = match stage {
            Stage::Flow => {
                let seconds = self.patience.stall.as_secs();
                let text = format!("no media came from the source for {seconds} s");
                (Cause::Stalled, text)
            }
            Stage::FirstByte => {
                let text = "the server accepts the request, but sends no media: perhaps nobody publishes the stream";
                (Cause::Timeout, text.to_owned())
            }
            _ => (
                Cause::Timeout,
                "the source did not answer in time".to_owned(),
            ),
        };
        IngestError::new(stage, cause, text)
    }
}

impl From<IngestError> for Refusal {
    fn from(error: IngestError) -> Self {
        Self::Failed(error)
    }
}

/// Where a redirection leads. Load balancers leave out what stays the same: the stream.
fn moved(from: &Address, target: &str) -> Result<Address, IngestError> {
    let nowhere = || {
        let text = "the source redirects to nowhere";
        IngestError::new(Stage::Request, Cause::NotFound, text)
    };
    let url = Url::parse(target).map_err(|_| nowhere())?;
    let mut address = Address::of(&url).ok_or_else(nowhere)?;
    if address.play_path.is_empty() {
        address.play_path.clone_from(&from.play_path);
    }
    Ok(address)
}

fn no_address() -> IngestError {
    let text = "the source's URL is not of RTMP";
    IngestError::new(Stage::Policy, Cause::Unsupported, text)
}
