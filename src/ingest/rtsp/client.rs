//! An RTSP session: signalling and packets, until it ends.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::address;
use super::auth::Login;
use super::connection::Connection;
use super::datagrams::Datagrams;
use super::dialogue::{Dialogue, Manners, Step};
use super::guard::{Guard, Verdict};
use super::message::{Frame, Response};
use super::rtcp;
use super::sdp::Media;
use super::transport::Transport;
use crate::base::clock;
use crate::ingest::dial::Dialer;
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::sink::Sink;
use crate::stream::Source;

/// Redirects followed.
const MAX_REDIRECTS: usize = 5;
/// Packets kept that come before the answer to PLAY.
const MAX_EARLY: usize = 512;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a server is asked.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The `User-Agent` to show.
    pub user_agent: String,
    /// The longest wait for a step of the way to the first packet.
    pub time: Duration,
    /// The longest silence after that.
    pub stall: Duration,
}

/// A session with a server. Dropping it says farewell in the background.
pub struct Client {
    /// `None` when it was taken to say farewell.
    connection: Option<Connection>,
    dialogue: Dialogue,
    asking: Asking,
    datagrams: Datagrams,
    transports: Vec<Transport>,
    early: VecDeque<Packet>,
    tracks: Vec<Track>,
    /// When silence has lasted too long.
    deadline: Instant,
    flows: bool,
}

/// What is known of a track that is played.
struct Track {
    guard: Guard,
    /// Its sender has said farewell (RFC 3550, 6.6).
    ended: bool,
}

/// A packet of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The number of the track among those that are played.
    pub track: usize,
    /// A sender report, not media.
    pub rtcp: bool,
    /// The packet, from its RTP or RTCP header on.
    pub data: Bytes,
}

impl Client {
    /// Connects, follows redirects, logs in and asks what there is: the session, and the media offered.
    ///
    /// # Errors
    /// With the stage it reached and the cause.
    pub async fn describe(
        dialer: &Dialer,
        source: &Source,
        asking: Asking,
        sink: &Sink,
    ) -> Result<(Self, Vec<Media>), IngestError> {
        let (origin, carrier) = address::target(source.url.as_url());
        let mut url = origin.clone();
        for _ in 0..=MAX_REDIRECTS {
            let connection = Connection::open(dialer, &url, asking.time, sink).await?;
            // What is secret to the source's own server is told to no other.
            let trusted = address::same_origin(&url, &origin);
            let mut fields = vec![("User-Agent".to_owned(), asking.user_agent.clone())];
            if trusted {
                let own = source.headers.iter();
                fields.extend(own.map(|(name, value)| (name.clone(), value.clone())));
            }
            let credentials = source.credentials.clone().filter(|_| trusted);
            let manners = Manners {
                fields,
                login: Login::new(credentials),
                carrier,
            };
            let (dialogue, first) = Dialogue::begin(url.clone(), manners);
            let mut client = Self {
                connection: Some(connection),
                dialogue,
                deadline: Instant::now() + asking.time,
                asking: asking.clone(),
                datagrams: Datagrams::new(),
                transports: Vec::new(),
                early: VecDeque::new(),
                tracks: Vec::new(),
                flows: false,
            };
            match client.converse(first).await? {
                Step::Described(media) => {
                    sink.reached(Stage::Request);
                    return Ok((client, media));
                }
                Step::Moved(to) => url = to,
                _ => return Err(unexpected()),
            }
        }
        let text = format!("the source redirects more than {MAX_REDIRECTS} times");
        Err(IngestError::new(Stage::Request, Cause::Limit, text))
    }

    /// Sets up these of the `media` described, by index.
    ///
    /// # Errors
    /// With the stage it reached and the cause.
    pub async fn set_up(&mut self, media: &[Media], chosen: &[usize]) -> Result<(), IngestError> {
        let chosen_media = chosen.iter().filter_map(|index| media.get(*index));
        let track = |media: &Media| Track {
            guard: Guard::new(media.payload),
            ended: false,
        };
        self.tracks = chosen_media.map(track).collect();
        let mut step = self.dialogue.choose(chosen.to_vec());
        loop {
            step = match step {
                Step::Send(text) => self.converse(text).await?,
                Step::Bind => {
                    let text = self.bind()?;
                    self.converse(text).await?
                }
                Step::Ready => break,
                _ => return Err(unexpected()),
            };
        }
        self.transports = self.dialogue.transports().to_vec();
        for (track, transport) in self.transports.iter().enumerate() {
            if let Transport::Udp { server, .. } = transport {
                self.datagrams.expect(track, *server);
            }
        }
        Ok(())
    }

    /// Has the tracks sent that are set up.
    ///
    /// # Errors
    /// With the stage it reached and the cause.
    pub async fn play(&mut self) -> Result<(), IngestError> {
        let text = self.dialogue.play();
        match self.converse(text).await? {
            Step::Playing => {}
            _ => return Err(unexpected()),
        }
        self.deadline = Instant::now() + self.asking.time;
        Ok(())
    }

    /// Whether packets come in datagrams, so that some may be lost and others overtaken.
    pub fn is_lossy(&self) -> bool {
        !self.datagrams.is_empty()
    }

    /// The next packet; `None` when the server has ended the media. Cancel safe.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes for too long.
    pub async fn next(&mut self) -> Result<Option<Packet>, IngestError> {
        loop {
            let packet = match self.early.pop_front() {
                Some(packet) => packet,
                None => match self.wait().await? {
                    Came::Packet(packet) => packet,
                    Came::End => return Ok(None),
                    Came::Other => continue,
                },
            };
            if let Some(packet) = self.admit(packet)? {
                return Ok(Some(packet));
            }
            if self.tracks.iter().all(|track| track.ended) {
                return Ok(None);
            }
        }
    }

    /// Packets that have not come so far.
    pub fn lost(&self) -> u64 {
        self.tracks.iter().map(|track| track.guard.lost()).sum()
    }

    /// Passes on what may be passed on.
    fn admit(&mut self, mut packet: Packet) -> Result<Option<Packet>, IngestError> {
        let Some(track) = self.tracks.get_mut(packet.track) else {
            return Ok(None);
        };
        if packet.rtcp {
            track.ended |= rtcp::is_farewell(&packet.data);
            let report = track.guard.report(&packet.data);
            return Ok(report.map(|report| {
                packet.data = report.into();
                packet
            }));
        }
        match track.guard.media(&packet.data, clock::now()) {
            Verdict::Drop => return Ok(None),
            Verdict::Restart => {
                let text = "the source began anew in the middle";
                return Err(IngestError::new(Stage::Flow, Cause::Ended, text));
            }
            Verdict::Pass => {}
        }
        self.flows = true;
        self.deadline = Instant::now() + self.asking.stall;
        Ok(Some(packet))
    }

    /// Sends a receiver report about a track.
    pub fn report(&mut self, track: usize, packet: &[u8]) {
        match self.transports.get(track) {
            Some(Transport::Tcp { rtcp, .. }) => {
                if let Some(connection) = &mut self.connection {
                    connection.send_packet(*rtcp, packet);
                }
            }
            Some(Transport::Udp { .. }) => self.datagrams.report(track, packet),
            None => {}
        }
    }

    /// Sends a request, and what follows from its answer, until there is something to decide.
    async fn converse(&mut self, text: Vec<u8>) -> Result<Step, IngestError> {
        let connection = self.connection.as_mut().ok_or_else(unexpected)?;
        connection.send(&text)?;
        let mut deadline = Instant::now() + self.asking.time;
        loop {
            let stage = Stage::Request;
            let frame = timeout_at(deadline, connection.next(stage)).await;
            let frame = frame.map_err(|_| {
                let text = "the source did not answer in time";
                IngestError::new(stage, Cause::Timeout, text)
            })??;
            let step = match frame {
                None => {
                    let text = "the source closed the connection instead of answering";
                    return Err(IngestError::new(stage, Cause::Unreachable, text));
                }
                Some(Frame::Response(response)) => {
                    self.dialogue.answered(&response, clock::now())?
                }
                Some(Frame::Request(request)) => {
                    connection.send(&Dialogue::asked(&request).0)?;
                    continue;
                }
                Some(Frame::Data(channel, data)) => {
                    let packet = interleaved(&self.transports, channel, data);
                    self.early
                        .extend(packet.filter(|_| self.early.len() < MAX_EARLY));
                    continue;
                }
            };
            match step {
                Step::Wait => {}
                Step::Send(text) => {
                    connection.send(&text)?;
                    deadline = Instant::now() + self.asking.time;
                }
                other => return Ok(other),
            }
        }
    }

    fn bind(&mut self) -> Result<Vec<u8>, IngestError> {
        let connection = self.connection.as_ref().ok_or_else(unexpected)?;
        let (local, peer) = (connection.local.ip(), connection.peer.ip());
        let port = self.datagrams.bind(local, peer).map_err(|_| {
            let text = "no pair of UDP ports is free";
            IngestError::new(Stage::Request, Cause::Overload, text)
        })?;
        Ok(self.dialogue.bound(port))
    }

    async fn wait(&mut self) -> Result<Came, IngestError> {
        let Some(connection) = &mut self.connection else {
            return Ok(Came::End);
        };
        let alive_due = self.dialogue.alive_due().map(Instant::from_std);
        tokio::select! {
            frame = connection.next(Stage::Flow) => match frame? {
                None => {
                    let text = "the source closed the connection";
                    Err(IngestError::new(Stage::Flow, Cause::Ended, text))
                }
                Some(Frame::Data(channel, data)) => {
                    let packet = interleaved(&self.transports, channel, data);
                    Ok(packet.map_or(Came::Other, Came::Packet))
                }
                Some(Frame::Response(response)) => self.note(&response),
                Some(Frame::Request(request)) => {
                    let (reply, ends) = Dialogue::asked(&request);
                    connection.send(&reply)?;
                    Ok(if ends { Came::End } else { Came::Other })
                }
            },
            came = self.datagrams.next(), if !self.datagrams.is_empty() => {
                let broken = |error| IngestError::of_connection(Stage::Flow, &error);
                let (track, rtcp, data) = came.map_err(broken)?;
                Ok(Came::Packet(Packet { track, rtcp, data }))
            }
            () = sleep_until(alive_due.unwrap_or(self.deadline)), if alive_due.is_some() => {
                let text = self.dialogue.keep_alive(clock::now());
                connection.send(&text)?;
                Ok(Came::Other)
            }
            () = sleep_until(self.deadline) => Err(self.silent()),
        }
    }

    fn note(&mut self, response: &Response) -> Result<Came, IngestError> {
        if let Step::Send(text) = self.dialogue.answered(response, clock::now())?
            && let Some(connection) = &mut self.connection
        {
            connection.send(&text)?;
        }
        Ok(Came::Other)
    }

    fn silent(&self) -> IngestError {
        if self.flows {
            let text = format!(
                "no packets came from the source for {} s",
                self.asking.stall.as_secs()
            );
            return IngestError::new(Stage::Flow, Cause::Stalled, text);
        }
        let text = if self.is_lossy() {
            "the source agreed to play, but none of its datagrams came: a firewall may hold them back; \
             `?tcp` in the URL asks for TCP"
        } else {
            "the source agreed to play, but sends nothing"
        };
        IngestError::new(Stage::FirstByte, Cause::Timeout, text)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // Otherwise the server might count the session against a limit until it times out.
        let Some(text) = self.dialogue.teardown() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if connection.send(&text).is_ok() {
            let sequence = self.dialogue.sequence().to_string();
            runtime.spawn(tokio::time::timeout(FAREWELL, async move {
                while let Ok(Some(frame)) = connection.next(Stage::Flow).await {
                    if let Frame::Response(response) = frame
                        && response.fields.get("CSeq") == Some(&sequence)
                    {
                        return;
                    }
                }
            }));
        }
    }
}

/// What came while it plays.
enum Came {
    Packet(Packet),
    End,
    Other,
}

fn interleaved(transports: &[Transport], channel: u8, data: Bytes) -> Option<Packet> {
    let is = |transport: &Transport| match *transport {
        Transport::Tcp { rtp, rtcp } => channel == rtp || channel == rtcp,
        Transport::Udp { .. } => false,
    };
    let track = transports.iter().position(is)?;
    let rtcp = matches!(transports[track], Transport::Tcp { rtcp, .. } if channel == rtcp);
    Some(Packet { track, rtcp, data })
}

fn unexpected() -> IngestError {
    let text = "the dialogue with the source went astray";
    IngestError::new(Stage::Request, Cause::Internal, text)
}
