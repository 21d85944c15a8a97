//! `/streams/preview/{id}`: media for players, as MPEG-TS or HLS.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;

use super::AppState;
use super::auth::Signer;
use super::client::Client;
use super::extract::{Params, Segments, StreamPath, parse_id};
use super::gate::{Access, Pass};
use super::problem::Problem;
use crate::actors::audio::AudioChoice;
use crate::actors::hls_output::HlsOutput;
use crate::actors::hls_sessions::Touched;
use crate::actors::output::{Media, OutputKey};
use crate::actors::picked::Picked;
use crate::actors::plan::{Quality, RenditionKey, Wish};
use crate::actors::sessions::SessionGuard;
use crate::actors::view::{ViewError, ViewRequest};
use crate::auth::Permission;
use crate::base::clock;
use crate::base::ids::SessionId;
use crate::feed::Join;
use crate::hls::{VariantEntry, multivariant};
use crate::metrics;
use crate::stream::{Definition, Options, StreamId};

const TS: &str = "video/mp2t";
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// Bounds of `timeout`, milliseconds.
const TIMEOUT: std::ops::RangeInclusive<u64> = 1..=120_000;

/// What a player may ask for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewParams {
    /// `true`: convert always. `false`: never. Absent: only what a browser could not play.
    transcode: Option<bool>,
    /// A profile (`low`, `medium`, `high`, or one of the operator's): at most its size.
    /// `source`: untouched.
    quality: Option<String>,
    /// One audio track: its language (`de`, `deu`) or its place, from 0. Absent: all tracks of a source that is
    /// copied, the first of one that is converted.
    audio: Option<String>,
    /// How long to wait for the first media byte, milliseconds, 1 to 120000.
    timeout: Option<u64>,
    /// `ts` or `hls`; what `Accept` prefers when absent, else `ts`.
    format: Option<String>,
}

impl PreviewParams {
    fn request(
        &self,
        app: &AppState,
        definition: &Definition,
        (client, access): (&Client, &Access),
        headers: &HeaderMap,
    ) -> Result<ViewRequest, Problem> {
        let mut wish = self.wish(app, &definition.options);
        wish.audio = self.audio()?;
        let timeout = match self.timeout {
            None => app.settings.preview_timeout,
            Some(ms) if TIMEOUT.contains(&ms) => Duration::from_millis(ms),
            Some(ms) => {
                let text = format!(
                    "timeout is {ms}; it is given in milliseconds, {} to {}",
                    TIMEOUT.start(),
                    TIMEOUT.end()
                );
                return Err(Problem::bad_request(text));
            }
        };
        let agent = headers.get(header::USER_AGENT);
        Ok(ViewRequest {
            stream: definition.id.clone(),
            wish,
            timeout,
            viewer: access.viewer(client, agent),
            session: None,
        })
    }

    /// What the viewer said; the stream's own options only where the viewer said nothing and they
    /// do not contradict.
    fn wish(&self, app: &AppState, options: &Options) -> Wish {
        let profiles = &app.hub.settings().rendition.profiles;
        let asked = self.quality.as_deref().map(Quality::parse);
        let own = options.quality.as_deref().map(Quality::parse);
        // A profile that the configuration no longer has is no reason to refuse a viewer.
        let own = own.filter(|quality| match quality {
            Quality::Source => true,
            Quality::Profile(name) => profiles.contains_key(name.as_ref()),
        });
        let quality = match (asked, self.transcode) {
            (Some(asked), _) => Some(asked),
            (None, None) => own,
            (None, Some(true)) => own.filter(|quality| *quality != Quality::Source),
            (None, Some(false)) => None,
        };
        let transcode = self.transcode.or(match &quality {
            // Asked for by name: converting always or never would be something else.
            Some(_) if self.quality.is_some() => None,
            Some(Quality::Source) => None,
            _ => options.transcode,
        });
        Wish {
            transcode,
            quality,
            audio: None,
        }
    }

    fn audio(&self) -> Result<Option<AudioChoice>, Problem> {
        let parse = |text: &String| {
            AudioChoice::parse(text)
                .ok_or_else(|| Problem::bad_request(format!("audio is {}", AudioChoice::ALLOWED)))
        };
        self.audio.as_ref().map(parse).transpose()
    }

    fn wants_hls(&self, headers: &HeaderMap) -> Result<bool, Problem> {
        match self.format.as_deref() {
            Some("ts") => Ok(false),
            Some("hls") => Ok(true),
            Some(_) => Err(Problem::bad_request("format is ts or hls")),
            None => Ok(headers.get_all(header::ACCEPT).iter().any(|value| {
                let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
                text.contains("mpegurl") && !text.contains(TS)
            })),
        }
    }
}

/// Shows a stream, as MPEG-TS or HLS.
///
/// MPEG-TS comes as one body without an end; ranges are ignored. `timeout` bounds the wait for
/// the first media byte, not how long one may watch.
#[utoipa::path(get, path = "/streams/preview/{id}", tag = "preview",
    params(("id" = String, Path, description = "Stream id"), PreviewParams),
    responses((status = 200, description = "MPEG-TS, or a multivariant playlist", content_type = "video/mp2t"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem), (status = 502, body = Problem),
        (status = 503, body = Problem), (status = 504, body = Problem)))]
pub(super) async fn preview(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    client: Client,
    access: Access,
    Params(params): Params<PreviewParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shape = if params.wants_hls(&headers)? {
        Shape::Hls {
            prefix: format!("{id}/"),
            signer: signer(&app, &access, &client),
        }
    } else {
        Shape::Ts(Pass::new(&app, access.clone(), Permission::Play))
    };
    show(
        &app,
        &id,
        (&client, &access),
        &params,
        &method,
        &headers,
        shape,
    )
    .await
}

/// What a preview comes as.
enum Shape<'a> {
    Ts(Pass),
    /// `prefix` leads from where the playlist was asked for to the stream's folder; `signer` signs what is there.
    Hls {
        prefix: String,
        signer: Option<Signer<'a>>,
    },
}

/// Signs what the playlists of a preview lead to.
fn signer<'a>(app: &'a AppState, access: &Access, client: &Client) -> Option<Signer<'a>> {
    let validity = app.auth.settings().playback_validity;
    Signer::new(app, access, client, validity)
}

async fn show(
    app: &AppState,
    id: &StreamId,
    (client, access): (&Client, &Access),
    params: &PreviewParams,
    method: &Method,
    headers: &HeaderMap,
    shape: Shape<'_>,
) -> Result<Response, Problem> {
    let record = app.hub.catalog.get(id).ok_or(ViewError::NotFound)?;
    let request = params.request(app, &record.definition, (client, access), headers)?;
    if method == Method::HEAD {
        // Players that look first must not start a pull.
        let kind = match shape {
            Shape::Ts(_) => TS,
            Shape::Hls { .. } => PLAYLIST,
        };
        return Ok(media_head(kind, "no-store").into_response());
    }
    let shown = match shape {
        Shape::Ts(pass) => transport_stream(app, &request, pass).await,
        Shape::Hls { prefix, signer } => {
            multivariant_playlist(app, &request, &prefix, signer.as_ref()).await
        }
    };
    shown.inspect_err(|problem| metrics::preview_failed(problem.code()))
}

/// Shows a stream as HLS: the multivariant playlist.
#[utoipa::path(get, path = "/streams/preview/{id}/index.m3u8", tag = "preview",
    params(("id" = String, Path, description = "Stream id"), PreviewParams),
    responses((status = 200, description = "A multivariant playlist", content_type = "application/vnd.apple.mpegurl"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem), (status = 502, body = Problem),
        (status = 503, body = Problem), (status = 504, body = Problem)))]
pub(super) async fn index(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    client: Client,
    access: Access,
    Params(params): Params<PreviewParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shape = Shape::Hls {
        prefix: String::new(),
        signer: signer(&app, &access, &client),
    };
    show(
        &app,
        &id,
        (&client, &access),
        &params,
        &method,
        &headers,
        shape,
    )
    .await
}

async fn transport_stream(
    app: &AppState,
    request: &ViewRequest,
    pass: Pass,
) -> Result<Response, Problem> {
    let asked = clock::now();
    let (session, media) = app.hub.view(request).await?;
    metrics::preview_first_byte(media.rendition.is_some(), asked.elapsed());
    tracing::info!(
        session = %session.id, stream = %session.stream, rendition = %media.key,
        client = %session.viewer.address, "preview begins"
    );
    let body = Body::from_stream(ts_body(session, media, pass));
    Ok((media_head(TS, "no-store"), body).into_response())
}

struct Watching {
    session: SessionGuard,
    media: Media,
    subscription: Picked,
    skips: u64,
    pass: Pass,
}

/// The chunks of a feed, with PAT and PMT first where the viewer joins. Holds the session and
/// the leases: they end with the connection.
fn ts_body(
    session: SessionGuard,
    media: Media,
    pass: Pass,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let subscription = media.subscribe(Join::Newest);
    let viewer = Watching {
        session,
        media,
        subscription,
        skips: 0,
        pass,
    };
    stream::unfold(viewer, |mut viewer| async move {
        if !viewer.pass.holds() {
            return None;
        }
        let ended = viewer.session.ended();
        let item = ended
            .run_until_cancelled(viewer.subscription.next())
            .await??;
        let skips = viewer.subscription.skips();
        if skips > viewer.skips {
            metrics::viewer_skips(skips - viewer.skips);
            viewer.skips = skips;
        }
        let psi = item.chunk.keyframe.filter(|_| item.joined).map(|k| k.psi);
        let bytes = item.chunk.data.len() + psi.as_ref().map_or(0, Bytes::len);
        viewer.session.add_bytes(bytes);
        metrics::viewer_bytes("ts", bytes);
        let parts = psi.into_iter().chain([item.chunk.data]).map(Ok);
        Some((stream::iter(parts), viewer))
    })
    .flatten()
}

impl Drop for Watching {
    fn drop(&mut self) {
        tracing::info!(
            session = %self.session.id, stream = %self.session.stream, rendition = %self.media.key,
            bytes = self.session.bytes(), skips = self.skips,
            seconds = self.session.duration().as_secs(), "preview ends"
        );
    }
}

async fn multivariant_playlist(
    app: &AppState,
    request: &ViewRequest,
    prefix: &str,
    signer: Option<&Signer<'_>>,
) -> Result<Response, Problem> {
    let asked = clock::now();
    let (session, key, output) = app.hub.view_hls(request).await?;
    metrics::preview_first_byte(key.is_encoded(), asked.elapsed());
    tracing::info!(
        %session, stream = %request.stream, rendition = %key,
        client = %request.viewer.address, "preview begins (HLS)"
    );
    let tracks = output.tracks();
    let video = tracks.as_ref().and_then(|t| t.video()?.video.clone());
    let codecs = tracks.as_ref().and_then(|t| t.codecs_rfc6381());
    let (bandwidth, average) = output.bandwidth();
    let query = session_query(&request.stream, &key, session, signer);
    let uri = format!("{prefix}{key}/index.m3u8?{query}");
    let text = multivariant(&[VariantEntry {
        uri: &uri,
        bandwidth,
        average_bandwidth: Some(average),
        codecs: codecs.as_deref(),
        resolution: video.as_ref().map(|v| (v.width, v.height)),
        frame_rate: video
            .and_then(|v| v.frame_rate)
            .map(|(n, d)| f64::from(n) / f64::from(d.max(1))),
    }]);
    Ok((media_head(PLAYLIST, "no-store"), text).into_response())
}

/// The query of an output's playlist and segments in a session.
fn session_query(
    stream: &StreamId,
    key: &RenditionKey,
    session: SessionId,
    signer: Option<&Signer<'_>>,
) -> String {
    let mut query = format!("session={session}");
    if let Some(signer) = signer {
        query.push('&');
        query.push_str(&signer.output(stream.as_str(), &key.to_string(), session));
    }
    query
}

/// Names the session of a media playlist.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionParams {
    /// As the multivariant playlist gave it.
    session: Option<String>,
}

/// The media playlist of a rendition.
///
/// A player that comes back after its session has ended (it was paused, the server restarted)
/// gets a new one, and the media sequence goes on.
#[utoipa::path(get, path = "/streams/preview/{id}/{rendition}/index.m3u8", tag = "preview",
    params(("id" = String, Path, description = "Stream id"),
        ("rendition" = String, Path, description = "As the multivariant playlist gave it"), SessionParams),
    responses((status = 200, description = "A media playlist", content_type = "application/vnd.apple.mpegurl"),
        (status = 404, body = Problem), (status = 502, body = Problem), (status = 503, body = Problem),
        (status = 504, body = Problem)))]
pub(super) async fn media_playlist(
    Extract(app): Extract<Arc<AppState>>,
    Segments((id, rendition)): Segments<(String, String)>,
    client: Client,
    access: Access,
    Params(params): Params<SessionParams>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = output_key(&id, &rendition)?;
    let profiles = &app.hub.settings().rendition.profiles;
    if key
        .1
        .profile()
        .is_some_and(|name| !profiles.contains_key(name))
    {
        return Err(Problem::not_found("there is no such rendition"));
    }
    let known = params.session.as_deref().and_then(SessionId::parse);
    if method == Method::HEAD {
        return Ok(media_head(PLAYLIST, "no-store").into_response());
    }
    match known.map(|session| app.hub.touch_hls(session, &key)) {
        Some(Touched::Ended) => return Err(ViewError::Ended.into()),
        Some(Touched::Window(window)) => {
            if let Some(text) = window.playlist(&segment_suffix(&access, known)) {
                return Ok((media_head(PLAYLIST, "no-store"), text).into_response());
            }
        }
        Some(Touched::Unknown) | None => {}
    }
    let record = app.hub.catalog.get(&key.0).ok_or(ViewError::NotFound)?;
    let mut request =
        PreviewParams::default().request(&app, &record.definition, (&client, &access), &headers)?;
    request.wish = match &key.1 {
        RenditionKey::Source | RenditionKey::Picked { .. } => Wish {
            transcode: Some(false),
            quality: None,
            audio: None,
        },
        RenditionKey::Encoded { profile, .. } => Wish {
            transcode: None,
            quality: Some(Quality::Profile(Arc::clone(profile))),
            audio: None,
        },
    };
    request.session = known;
    rejoin(&app, &request, key, &client, &access).await
}

/// What segments have behind their names: the signature that their playlist was asked for with. It stays the same from one
/// reload to the next, as their names must (RFC 8216, 6.2.1).
fn segment_suffix(access: &Access, session: Option<SessionId>) -> String {
    match (&access.ticket, session) {
        (Some(ticket), Some(session)) => format!("?session={session}&{}", ticket.query()),
        _ => String::new(),
    }
}

/// A new session on exactly this output. It keeps the id that the player knows, because players
/// reload the URL they have; one who has none (or somebody else's) is redirected to its own.
async fn rejoin(
    app: &AppState,
    request: &ViewRequest,
    key: OutputKey,
    client: &Client,
    access: &Access,
) -> Result<Response, Problem> {
    let (session, output): (SessionId, _) = app
        .hub
        .view_output(request, &key.1)
        .await
        .map_err(Problem::from)
        .inspect_err(|problem| metrics::preview_failed(problem.code()))?;
    if request.session == Some(session) {
        let suffix = segment_suffix(access, Some(session));
        let text = output.playlist(&suffix).ok_or(ViewError::Stopping)?;
        return Ok((media_head(PLAYLIST, "no-store"), text).into_response());
    }
    let signer = signer(app, access, client);
    let query = session_query(&key.0, &key.1, session, signer.as_ref());
    let location =
        HeaderValue::from_str(&format!("index.m3u8?{query}")).map_err(|_| Problem::internal())?;
    let mut response = (
        StatusCode::TEMPORARY_REDIRECT,
        media_head(PLAYLIST, "no-store"),
    )
        .into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// A segment. Never changes, so it may be cached.
#[utoipa::path(get, path = "/streams/preview/{id}/{rendition}/{segment}", tag = "preview",
    params(("id" = String, Path, description = "Stream id"),
        ("rendition" = String, Path, description = "As the multivariant playlist gave it"),
        ("segment" = String, Path, description = "As the media playlist gave it")),
    responses((status = 200, description = "MPEG-TS", content_type = "video/mp2t"), (status = 404, body = Problem)))]
pub(super) async fn segment(
    Extract(app): Extract<Arc<AppState>>,
    Segments((id, rendition, name)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let gone = || Problem::not_found("there is no such segment: it is too old, or never was");
    let key = output_key(&id, &rendition)?;
    let sequence: u64 = name
        .strip_suffix(".ts")
        .and_then(|n| n.parse().ok())
        .ok_or_else(gone)?;
    let window: Arc<HlsOutput> = app.hub.window(&key).ok_or_else(gone)?;
    let segment = window.segment(sequence).ok_or_else(gone)?;
    metrics::viewer_bytes("hls", segment.bytes);
    let parts = segment.parts.iter().cloned().map(Ok::<_, Infallible>);
    let parts = stream::iter(parts.collect::<Vec<_>>());
    // Who may watch is asked here, and not at a cache on the way.
    let cache = if app.auth.is_on() {
        "private, max-age=3600, immutable"
    } else {
        "public, max-age=3600, immutable"
    };
    let mut response = (media_head(TS, cache), Body::from_stream(parts)).into_response();
    let length = HeaderValue::from(segment.bytes);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    Ok(response)
}

fn output_key(id: &str, rendition: &str) -> Result<OutputKey, Problem> {
    let id: StreamId = parse_id(id)?;
    let rendition = RenditionKey::parse(rendition)
        .ok_or_else(|| Problem::not_found("there is no such rendition"))?;
    Ok((id, rendition))
}

fn media_head(kind: &'static str, cache: &'static str) -> [(header::HeaderName, &'static str); 4] {
    [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::ACCEPT_RANGES, "none"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}
