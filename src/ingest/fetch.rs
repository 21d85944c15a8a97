//! HTTP requests to sources: every hop under the source policy, every wait bounded.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RANGE, USER_AGENT,
};
use url::Url;

use super::Dialer;
use super::blocked;
use super::error::{Cause, IngestError, Stage};
use super::policy::Policy;
use super::resolve::Resolver;
use super::single::{self, Single};
use super::sink::Sink;
use crate::stream::{Credentials, Source, is_secret_header};

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 8;
/// Bytes of a refusal's page that are looked at, and how long they may take.
const PAGE: usize = 8 << 10;
const PAGE_TIME: Duration = Duration::from_secs(1);
/// How long an idle connection is kept for the next request. Short: it may count against the
/// provider's connection limit.
const KEEP_IDLE: Duration = Duration::from_secs(10);
/// Idle connections kept to one host: of many streams of one provider few ask at the same moment, and
/// each holds a descriptor and up to 400 KB.
const MOST_IDLE: usize = 32;

/// The HTTP client for sources.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    /// In place of the client, for sources whose provider counts connections.
    single: Option<Single>,
    resolver: Resolver,
    default_user_agent: HeaderValue,
    default_timeout: Duration,
    stall_timeout: Duration,
}

/// How a source wants to be asked: its headers, credentials and timeout.
#[derive(Clone)]
pub struct Manners {
    /// Sent to every host that the source leads to.
    headers: HeaderMap,
    /// Sent to the source's own origin only.
    secret: HeaderMap,
    origin: url::Origin,
    timeout: Duration,
}

/// An answer with a good status, its body still to be read.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub url: Url,
    /// The media type without parameters, in lower case.
    pub content_type: String,
    /// True for 206.
    pub partial: bool,
    /// The place of the body's first byte in the whole: not 0 in an answer to a range.
    pub first: u64,
    /// Bytes of the body, where the server says so.
    pub length: Option<u64>,
    /// When the server says that it answered, since the Unix epoch.
    pub date: Option<Duration>,
    reply: Reply,
    stall_timeout: Duration,
}

/// An answer of either client.
#[derive(Debug)]
enum Reply {
    Pooled(reqwest::Response),
    Single(single::Reply),
}

impl Fetcher {
    /// A client that asks under `policy`.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub fn new(
        policy: Arc<Policy>,
        user_agent: &str,
        default_timeout: Duration,
        stall_timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        Self::with(
            Resolver::new(policy),
            user_agent,
            default_timeout,
            stall_timeout,
        )
    }

    /// As [`Fetcher::new`], with a resolver of the caller's.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub fn with(
        resolver: Resolver,
        user_agent: &str,
        default_timeout: Duration,
        stall_timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        // Refused only when the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Names(resolver.clone())))
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .connect_timeout(default_timeout)
            .build()?;
        let default_user_agent = HeaderValue::from_str(user_agent)
            .unwrap_or_else(|_| HeaderValue::from_static("Sightglass"));
        Ok(Self {
            client,
            single: None,
            resolver,
            default_user_agent,
            default_timeout,
            stall_timeout,
        })
    }

    /// The same, over one connection at a time that ends with what this returns and its answers.
    #[must_use]
    pub fn single(&self, dialer: &Dialer, sink: &Sink) -> Self {
        Self {
            single: Some(Single::new(dialer, sink)),
            ..self.clone()
        }
    }

    /// True for one with at most one connection.
    pub(super) fn is_single(&self) -> bool {
        self.single.is_some()
    }

    /// The manners of a source.
    pub fn manners(&self, source: &Source) -> Manners {
        let mut headers = HeaderMap::new();
        let mut secret = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, self.default_user_agent.clone());
        for (name, value) in &source.headers {
            // The definition was checked; what does not fit all the same is left out.
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
                continue;
            };
            let Ok(value) = HeaderValue::from_str(value) else {
                continue;
            };
            // Anything else may be a credential under a name of its own (X-Api-Key).
            if is_secret_header(name.as_str()) {
                secret.insert(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        let agent = source.user_agent.as_deref();
        if let Some(Ok(value)) = agent.map(HeaderValue::from_str) {
            headers.insert(USER_AGENT, value);
        }
        if let Some(value) = source.credentials.as_ref().and_then(authorization) {
            secret.insert(AUTHORIZATION, value);
        }
        Manners {
            headers,
            secret,
            origin: source.url.as_url().origin(),
            timeout: self.timeout(source),
        }
    }

    /// The `User-Agent` to show to a source, for protocols that have one.
    pub fn user_agent(&self, source: &Source) -> String {
        let default = || self.default_user_agent.to_str().unwrap_or("Sightglass");
        let own = source.user_agent.as_deref();
        own.unwrap_or_else(default).to_owned()
    }

    /// How long to wait for a source's first answer.
    pub fn timeout(&self, source: &Source) -> Duration {
        source
            .timeout_ms
            .map_or(self.default_timeout, Duration::from_millis)
    }

    /// Asks for `url`, or for `range` (first byte, length) of it, following redirects.
    ///
    /// # Errors
    /// With the stage reached; a status other than 2xx is an error.
    pub async fn get(
        &self,
        url: &Url,
        manners: &Manners,
        range: Option<(u64, u64)>,
    ) -> Result<Answer, IngestError> {
        let range = range.map(|(first, length)| {
            let last = first.saturating_add(length.saturating_sub(1));
            format!("bytes={first}-{last}")
        });
        self.within(url, manners, range.as_deref()).await
    }

    /// Asks for the rest of `url` from the byte `first` on, as [`Self::get`]. The server may send all
    /// of it all the same: [`Answer::first`] tells.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_from(
        &self,
        url: &Url,
        manners: &Manners,
        first: u64,
    ) -> Result<Answer, IngestError> {
        let range = format!("bytes={first}-");
        self.within(url, manners, Some(&range)).await
    }

    /// [`Self::follow`], within the source's timeout.
    async fn within(
        &self,
        url: &Url,
        manners: &Manners,
        range: Option<&str>,
    ) -> Result<Answer, IngestError> {
        let late = || {
            IngestError::new(
                Stage::Request,
                Cause::Timeout,
                "the source did not answer in time",
            )
        };
        tokio::time::timeout(manners.timeout, self.follow(url, manners, range))
            .await
            .map_err(|_| late())?
    }

    async fn follow(
        &self,
        url: &Url,
        manners: &Manners,
        range: Option<&str>,
    ) -> Result<Answer, IngestError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.resolver.policy().check_url(&url)?;
            let mut headers = manners.headers.clone();
            if url.origin() == manners.origin {
                headers.extend(manners.secret.clone());
            }
            let range = range.and_then(|text| HeaderValue::from_str(text).ok());
            headers.extend(range.map(|value| (RANGE, value)));
            let reply = self.ask(&url, headers).await?;
            let status = reply.status();
            if status.is_redirection() {
                url = redirected(&url, reply.headers())?;
                reply.discard().await;
                continue;
            }
            if !status.is_success() {
                // Seldom: its room is not kept in every pull.
                return Err(Box::pin(refused(reply)).await);
            }
            let partial = status == reqwest::StatusCode::PARTIAL_CONTENT;
            return Ok(Answer {
                url,
                content_type: content_type(reply.headers()),
                partial,
                first: first_byte(reply.headers()).filter(|_| partial).unwrap_or(0),
                length: length(reply.headers()),
                date: date(reply.headers()),
                reply,
                stall_timeout: self.stall_timeout,
            });
        }
        let message = format!("the source redirects more than {MAX_REDIRECTS} times");
        Err(IngestError::new(Stage::Request, Cause::Limit, message))
    }

    async fn ask(&self, url: &Url, headers: HeaderMap) -> Result<Reply, IngestError> {
        if let Some(single) = &self.single {
            return single.get(url, headers).await.map(Reply::Single);
        }
        let sent = self.client.get(url.clone()).headers(headers).send().await;
        sent.map(Reply::Pooled)
            .map_err(|e| IngestError::of_client(Stage::Request, &e))
    }
}

impl Reply {
    fn status(&self) -> reqwest::StatusCode {
        match self {
            Self::Pooled(response) => response.status(),
            Self::Single(reply) => reply.status,
        }
    }

    fn headers(&self) -> &HeaderMap {
        match self {
            Self::Pooled(response) => response.headers(),
            Self::Single(reply) => &reply.headers,
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, IngestError> {
        match self {
            Self::Pooled(response) => {
                let read = response.chunk().await;
                read.map_err(|e| IngestError::of_client(Stage::Flow, &e))
            }
            Self::Single(reply) => reply.chunk().await,
        }
    }

    /// The body is not wanted.
    async fn discard(self) {
        if let Self::Single(reply) = self {
            reply.discard().await;
        }
    }
}

impl Answer {
    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes for the stall timeout.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, IngestError> {
        match tokio::time::timeout(self.stall_timeout, self.reply.chunk()).await {
            Ok(read) => read,
            Err(_) => Err(IngestError::new(
                Stage::Flow,
                Cause::Stalled,
                format!(
                    "no bytes came from the source for {} s",
                    self.stall_timeout.as_secs()
                ),
            )),
        }
    }

    /// The rest of the body after `start`, at most `limit` bytes in all and within `time`.
    ///
    /// # Errors
    /// As [`Answer::chunk`], and when the body is larger or slower than allowed.
    pub async fn read_all(
        &mut self,
        start: Bytes,
        limit: usize,
        time: Duration,
    ) -> Result<Bytes, IngestError> {
        let mut body = BytesMut::from(start);
        let read = async {
            while let Some(bytes) = self.chunk().await? {
                if body.len() + bytes.len() > limit {
                    let message = format!("the source sent more than {limit} bytes");
                    return Err(IngestError::new(Stage::Manifest, Cause::Limit, message));
                }
                body.extend_from_slice(&bytes);
            }
            Ok(())
        };
        match tokio::time::timeout(time, read).await {
            Ok(result) => result.map(|()| body.freeze()),
            Err(_) => Err(IngestError::new(
                Stage::Manifest,
                Cause::Timeout,
                "the source sent its answer too slowly",
            )),
        }
    }
}

/// The verdict on a status that is no success; on 403 the page that comes with it has a say.
async fn refused(mut reply: Reply) -> IngestError {
    let status = reply.status();
    let error = IngestError::of_status(Stage::Request, status.as_u16());
    if status != reqwest::StatusCode::FORBIDDEN {
        return error;
    }
    let kind = content_type(reply.headers());
    let mut page = BytesMut::new();
    let read = async {
        while let Ok(Some(bytes)) = reply.chunk().await {
            let room = PAGE.saturating_sub(page.len());
            page.extend_from_slice(&bytes[..room.min(bytes.len())]);
            if page.len() >= PAGE {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(PAGE_TIME, read).await;
    if !blocked::tells(&kind, &page) {
        return error;
    }
    let text = "the source answered with HTTP status 403 and a page that speaks of a block";
    IngestError::new(Stage::Request, Cause::Blocked, text)
}

fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url, IngestError> {
    let location = headers.get(LOCATION);
    location
        .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
        .and_then(|text| from.join(text).ok())
        .ok_or_else(|| {
            let message = "the source redirects to nowhere";
            IngestError::new(Stage::Request, Cause::NotFound, message)
        })
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The first byte that a Content-Range names (RFC 9110, 14.4).
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (first, _) = text.trim().strip_prefix("bytes ")?.split_once('-')?;
    first.trim().parse().ok()
}

fn date(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    crate::dash::parse_date(text)
}

fn authorization(credentials: &Credentials) -> Option<HeaderValue> {
    let text = match credentials {
        Credentials::Basic { username, password } => {
            let pair = format!("{username}:{password}");
            format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()))
        }
        Credentials::Bearer { token } => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The resolver as the HTTP client wants it. The client sets the port itself.
struct Names(Resolver);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
