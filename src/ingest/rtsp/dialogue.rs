//! The dialogue with a server: which request follows which answer (RFC 2326, 10 and A). Pure.

use std::time::{Duration, Instant};

use url::Url;

use super::address::{self, Carrier};
use super::auth::Login;
use super::message::{Request, Response, reply, request};
use super::sdp::{Description, Media};
use super::transport::{Refused, Transport};
use crate::ingest::error::{Cause, IngestError, Stage};

/// How long a session lives without a sign of life, if the server does not say (12.37).
const SESSION_TIME: Duration = Duration::from_mins(1);
/// Shortest and longest pause between signs of life.
const ALIVE_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(2));
/// Longest session id that is repeated.
const MAX_SESSION: usize = 512;

/// How the server is spoken to.
pub(super) struct Manners {
    /// Header fields of every request.
    pub(super) fields: Vec<(String, String)>,
    /// How to log in.
    pub(super) login: Login,
    /// The carrier that the source demands; without one TCP is tried, then UDP.
    pub(super) carrier: Option<Carrier>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait for what comes.
    Wait,
    /// Send this.
    Send(Vec<u8>),
    /// The media are known: go on with [`Dialogue::choose`].
    Described(Vec<Media>),
    /// Bind a pair of ports for the next track: go on with [`Dialogue::bound`].
    Bind,
    /// All tracks are set up: go on with [`Dialogue::play`].
    Ready,
    /// Media comes from now on.
    Playing,
    /// Ask there instead.
    Moved(Url),
}

/// One dialogue on one connection.
pub(super) struct Dialogue {
    url: Url,
    manners: Manners,
    sequence: u32,
    phase: Phase,
    /// The request that waits for its answer.
    pending: Option<Pending>,
    /// Of the presentation (aggregate control).
    control: Url,
    /// Control URLs of the tracks offered.
    offered: Vec<Url>,
    /// Of those, the ones to set up, by index.
    chosen: Vec<usize>,
    carrier: Carrier,
    transports: Vec<Transport>,
    session: Option<String>,
    session_time: Duration,
    alive_by: &'static str,
    alive_due: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Options,
    Describe,
    Choose,
    Setup,
    Play,
    Playing,
}

struct Pending {
    method: &'static str,
    url: Url,
    fields: Vec<(&'static str, String)>,
    sequence: u32,
    /// How often it was answered with 401.
    refused: u32,
}

impl Dialogue {
    /// Begins a dialogue about `url`: the dialogue, and what to send first.
    pub(super) fn begin(url: Url, manners: Manners) -> (Self, Vec<u8>) {
        let mut dialogue = Self {
            control: url.clone(),
            carrier: manners.carrier.unwrap_or(Carrier::Tcp),
            url,
            manners,
            sequence: 0,
            phase: Phase::Options,
            pending: None,
            offered: Vec::new(),
            chosen: Vec::new(),
            transports: Vec::new(),
            session: None,
            session_time: SESSION_TIME,
            alive_by: "OPTIONS",
            alive_due: None,
        };
        let first = dialogue.ask("OPTIONS", dialogue.url.clone(), Vec::new());
        (dialogue, first)
    }

    /// The number of the newest request.
    pub(super) fn sequence(&self) -> u32 {
        self.sequence
    }

    /// How the tracks chosen travel, in their order.
    pub(super) fn transports(&self) -> &[Transport] {
        &self.transports
    }

    /// When [`keep_alive`](Self::keep_alive) is to be called.
    pub(super) fn alive_due(&self) -> Option<Instant> {
        self.alive_due
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// When the server refuses what cannot be done without.
    pub(super) fn answered(
        &mut self,
        response: &Response,
        now: Instant,
    ) -> Result<Step, IngestError> {
        let sequence = response.fields.get("CSeq");
        let sequence = sequence.and_then(|text| text.parse::<u32>().ok());
        let awaited = self.pending.as_ref().map(|pending| pending.sequence);
        // Not the answer that is waited for: a late one, or 100 Continue.
        if response.status < 200 || (sequence.is_some() && sequence != awaited) {
            return Ok(Step::Wait);
        }
        let Some(mut pending) = self.pending.take() else {
            return Ok(Step::Wait);
        };
        // Who cannot log in goes on: not every server that guards its media guards OPTIONS, or means it.
        let optional = matches!(self.phase, Phase::Options) && !self.manners.login.is_able();
        if response.status == 401 && !optional {
            let login = &mut self.manners.login;
            login.challenged(response, pending.refused)?;
            pending.refused += 1;
            return Ok(Step::Send(self.send(pending)));
        }
        if (300..400).contains(&response.status) && self.phase != Phase::Playing {
            return moved(response);
        }
        match self.phase {
            Phase::Options => Ok(self.describe(response)),
            Phase::Describe => self.described(response),
            Phase::Setup => self.set_up(response),
            Phase::Play => self.played(response, now),
            Phase::Playing => self.still_alive(response),
            Phase::Choose => Ok(Step::Wait),
        }
    }

    /// Takes a request of the server's: the reply to it, and whether the server ends the session by it.
    pub(super) fn asked(request: &Request) -> (Vec<u8>, bool) {
        match request.method.as_str() {
            "OPTIONS" | "GET_PARAMETER" | "SET_PARAMETER" | "ANNOUNCE" => {
                (reply(request, "200 OK"), false)
            }
            "REDIRECT" | "TEARDOWN" => (reply(request, "200 OK"), true),
            _ => (reply(request, "501 Not Implemented"), false),
        }
    }

    /// Sets up these of the tracks described, by index.
    pub(super) fn choose(&mut self, chosen: Vec<usize>) -> Step {
        self.chosen = chosen;
        self.phase = Phase::Setup;
        self.next_track()
    }

    /// A pair of ports is bound, `port` and the one after it.
    pub(super) fn bound(&mut self, port: u16) -> Vec<u8> {
        let transport = Transport::Udp {
            client: port,
            server: None,
        };
        self.ask_for(transport)
    }

    /// Has the tracks sent that are set up.
    pub(super) fn play(&mut self) -> Vec<u8> {
        self.phase = Phase::Play;
        let fields = vec![("Range", "npt=0.000-".to_owned())];
        self.ask("PLAY", self.control.clone(), fields)
    }

    /// The sign of life that is due. Whether it is answered does not matter: some servers do not.
    pub(super) fn keep_alive(&mut self, now: Instant) -> Vec<u8> {
        self.alive_due = Some(now + self.alive_pause());
        self.ask(self.alive_by, self.control.clone(), Vec::new())
    }

    /// The farewell, if there is a session to end.
    pub(super) fn teardown(&mut self) -> Option<Vec<u8>> {
        self.session.as_ref()?;
        Some(self.ask("TEARDOWN", self.control.clone(), Vec::new()))
    }

    fn describe(&mut self, options: &Response) -> Step {
        // A server that refuses OPTIONS may play all the same.
        let methods = options.fields.get("Public").unwrap_or_default();
        let mut methods = methods.split(',').map(str::trim);
        if methods.any(|method| method.eq_ignore_ascii_case("GET_PARAMETER")) {
            self.alive_by = "GET_PARAMETER";
        }
        self.phase = Phase::Describe;
        let fields = vec![("Accept", "application/sdp".to_owned())];
        Step::Send(self.ask("DESCRIBE", self.url.clone(), fields))
    }

    fn described(&mut self, response: &Response) -> Result<Step, IngestError> {
        accepted(response)?;
        let Some(description) = Description::parse(&response.body) else {
            let text = "the source's session description (SDP) names no media";
            return Err(IngestError::new(Stage::Manifest, Cause::NotMedia, text));
        };
        let named = ["Content-Base", "Content-Location"];
        let base = named.iter().find_map(|name| response.fields.get(name));
        let base = base.and_then(address::parse).unwrap_or(self.url.clone());
        self.control = address::control(&base, description.control.as_deref());
        let controls = description
            .media
            .iter()
            .map(|media| media.control.as_deref());
        self.offered = controls.map(|name| address::control(&base, name)).collect();
        self.phase = Phase::Choose;
        Ok(Step::Described(description.media))
    }

    fn next_track(&mut self) -> Step {
        let at = self.transports.len();
        if at == self.chosen.len() {
            return Step::Ready;
        }
        match self.carrier {
            Carrier::Udp => Step::Bind,
            Carrier::Tcp => {
                let rtp = u8::try_from(at * 2).unwrap_or(u8::MAX - 1);
                Step::Send(self.ask_for(Transport::Tcp { rtp, rtcp: rtp + 1 }))
            }
        }
    }

    /// SETUP of the track that is next.
    fn ask_for(&mut self, transport: Transport) -> Vec<u8> {
        let track = self.chosen.get(self.transports.len());
        let url = track.and_then(|track| self.offered.get(*track));
        let url = url.unwrap_or(&self.control).clone();
        let fields = vec![("Transport", transport.offer())];
        self.transports.push(transport);
        self.ask("SETUP", url, fields)
    }

    fn set_up(&mut self, response: &Response) -> Result<Step, IngestError> {
        let Some(offered) = self.transports.pop() else {
            return Ok(Step::Wait);
        };
        let first = self.transports.is_empty();
        if response.status == 461
            && first
            && self.manners.carrier.is_none()
            && self.carrier == Carrier::Tcp
        {
            self.carrier = Carrier::Udp;
            return Ok(self.next_track());
        }
        accepted(response)?;
        let answer = response.fields.get("Transport").unwrap_or_default();
        let transport = offered.accepted(answer).map_err(|refused| {
            let text = match refused {
                Refused::Multicast => "the source wants to send to a multicast group, which RTSP sources cannot use here",
                Refused::NotOffered => "the source wants to send its media in a way that was not asked for",
            };
            IngestError::new(Stage::Request, Cause::Unsupported, text)
        })?;
        self.transports.push(transport);
        if let Some(session) = response.fields.get("Session") {
            self.note_session(session)?;
        }
        Ok(self.next_track())
    }

    fn note_session(&mut self, field: &str) -> Result<(), IngestError> {
        let (id, parameters) = field.split_once(';').unwrap_or((field, ""));
        if id.len() > MAX_SESSION {
            let text = "the source's session id is longer than allowed";
            return Err(IngestError::new(Stage::Request, Cause::Limit, text));
        }
        self.session = Some(id.trim().to_owned());
        let time = parameters.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let seconds = value.trim().parse().ok()?;
            name.trim()
                .eq_ignore_ascii_case("timeout")
                .then(|| Duration::from_secs(seconds))
        });
        self.session_time = time.unwrap_or(self.session_time);
        Ok(())
    }

    fn played(&mut self, response: &Response, now: Instant) -> Result<Step, IngestError> {
        accepted(response)?;
        self.phase = Phase::Playing;
        self.alive_due = Some(now + self.alive_pause());
        Ok(Step::Playing)
    }

    fn still_alive(&mut self, response: &Response) -> Result<Step, IngestError> {
        match response.status {
            454 => {
                let text = "the source has forgotten the session";
                Err(IngestError::new(Stage::Flow, Cause::Ended, text))
            }
            // It counts as a sign of life all the same, but perhaps not to every server.
            400.. => {
                self.alive_by = "OPTIONS";
                Ok(Step::Wait)
            }
            _ => Ok(Step::Wait),
        }
    }

    fn alive_pause(&self) -> Duration {
        let (least, most) = ALIVE_EVERY;
        (self.session_time / 2).clamp(least, most)
    }

    fn ask(
        &mut self,
        method: &'static str,
        url: Url,
        fields: Vec<(&'static str, String)>,
    ) -> Vec<u8> {
        self.send(Pending {
            method,
            url,
            fields,
            sequence: 0,
            refused: 0,
        })
    }

    fn send(&mut self, mut pending: Pending) -> Vec<u8> {
        self.sequence += 1;
        pending.sequence = self.sequence;
        let login = &mut self.manners.login;
        let authorization = login.authorization(pending.method, pending.url.as_str());
        let authorization = authorization
            .iter()
            .map(|value| ("Authorization", value.as_str()));
        let own = pending
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let session = self.session.iter().map(|id| ("Session", id.as_str()));
        let common = self.manners.fields.iter();
        let common = common.map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = own.chain(session).chain(authorization).chain(common);
        let text = request(
            pending.method,
            pending.url.as_str(),
            pending.sequence,
            fields,
        );
        self.pending = Some(pending);
        text
    }
}

fn moved(response: &Response) -> Result<Step, IngestError> {
    let error = |cause, text: &str| IngestError::new(Stage::Request, cause, text);
    if !matches!(response.status, 300..=303 | 307 | 308) {
        return Err(refusal(response.status));
    }
    let Some(location) = response.fields.get("Location") else {
        return Err(error(Cause::NotFound, "the source redirects to nowhere"));
    };
    match address::parse(location) {
        Some(url) => Ok(Step::Moved(url)),
        None => Err(error(
            Cause::Unsupported,
            "the source redirects to something else than RTSP",
        )),
    }
}

fn accepted(response: &Response) -> Result<(), IngestError> {
    match response.status {
        200..300 => Ok(()),
        status => Err(refusal(status)),
    }
}

/// The verdict on a status that is no success (RFC 2326, 7.1.1).
fn refusal(status: u16) -> IngestError {
    let cause = match status {
        401..=403 | 407 => Cause::Auth,
        408 => Cause::Timeout,
        // Not Enough Bandwidth; the others are HTTP's.
        429 | 453 | 509 => Cause::ProviderLimit,
        406 | 415 | 461 | 505 | 551 => Cause::Unsupported,
        400..=499 => Cause::NotFound,
        _ => Cause::Server,
    };
    let text = match status {
        404 | 410 => "the source's server does not know the stream (RTSP status 404)".replace("404", &status.to_string()),
        453 => "the source's server has no bandwidth left (RTSP status 453)".to_owned(),
        461 => "the source's server refuses this transport (RTSP status 461); `?udp` or `?tcp` in the URL asks for another"
            .to_owned(),
        _ => format!("the source answered with RTSP status {status}"),
    };
    IngestError::new(Stage::Request, cause, text)
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
