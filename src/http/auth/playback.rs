//! Signed URLs for players, which send no headers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::mistake;
use crate::actors::audio::AudioChoice;
use crate::actors::catalog::CatalogError;
use crate::actors::plan::{Quality, Wish};
use crate::auth::{Claim, Permission, Place, Ticket};
use crate::base::clock;
use crate::base::ids::{ClientId, SessionId};
use crate::http::AppState;
use crate::http::client::Client;
use crate::http::extract::{Body, StreamPath};
use crate::http::gate::Access;
use crate::http::import::base_url;
use crate::http::problem::Problem;

/// The shortest life of a signed URL, seconds.
const LIFE_MIN: u64 = 1;
/// The longest that an operator may give one, seconds: a year.
const LIFE_MAX: u64 = 366 * 86_400;

/// Signs what playlists lead to, for one who asks for a playlist.
#[derive(Debug)]
pub(in crate::http) struct Signer<'a> {
    app: &'a AppState,
    client: Option<ClientId>,
    expires: i64,
}

impl<'a> Signer<'a> {
    /// None where nobody is asked who they are. What is signed is good as long as the URL of who asks, and for the same
    /// client; for who has no URL as long as `validity`, but no longer than their token.
    pub(in crate::http) fn new(
        app: &'a AppState,
        access: &Access,
        client: &Client,
        validity: Duration,
    ) -> Option<Self> {
        if !app.auth.is_on() {
            return None;
        }
        let bound = access
            .ticket
            .as_ref()
            .is_some_and(|ticket| ticket.is_bound());
        let end = clock::wall()
            .as_second()
            .saturating_add_unsigned(validity.as_secs());
        let expires = match &access.ticket {
            // As it is, also when it has ended and the session goes on.
            Some(ticket) => ticket.expires(),
            None => access.principal.until().map_or(end, |until| until.min(end)),
        };
        Some(Self {
            app,
            client: bound.then(|| client.id()),
            expires,
        })
    }

    /// The signature for a stream, with what is asked for of it.
    pub(in crate::http) fn stream(&self, place: Place, stream: &str, query: &str) -> String {
        let claim = Claim::new(place, stream, "", query);
        self.sign(claim)
            .map_or_else(String::new, |ticket| ticket.query())
    }

    /// The signature for one output of a stream in a session.
    pub(in crate::http) fn output(
        &self,
        stream: &str,
        rendition: &str,
        session: SessionId,
    ) -> String {
        let query = format!("session={session}");
        let claim = Claim::new(Place::Output, stream, rendition, &query);
        self.sign(claim)
            .map_or_else(String::new, |ticket| ticket.query())
    }

    fn sign(&self, claim: Claim<'_>) -> Option<Ticket> {
        let claim = claim.bound_to(self.client);
        self.app.auth.sign(&claim, self.expires)
    }
}

/// What a player is to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlaybackFormat {
    /// MPEG-TS.
    #[default]
    Ts,
    /// HLS.
    Hls,
}

impl PlaybackFormat {
    fn place(self) -> Place {
        match self {
            Self::Ts => Place::Preview,
            Self::Hls => Place::Index,
        }
    }
}

/// For what, for whom, and for how long.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PlaybackWish {
    /// What it comes as.
    format: PlaybackFormat,
    /// A profile, or `source`: the URL is good for this one alone.
    quality: Option<String>,
    /// Convert always or never; absent: what a browser could not play.
    transcode: Option<bool>,
    /// One audio track; absent: as for a preview. Not for a playlist.
    audio: Option<String>,
    /// The streams of this group. For a playlist alone.
    group: Option<String>,
    /// How long it is good for, seconds; as configured, when absent. For longer than the URLs of a playlist one
    /// must be an operator. A token's own end is the end of what it has signed.
    #[schema(minimum = 1, maximum = 31_622_400)]
    expires_in: Option<u64>,
    /// The address of the one client that it is good for (an IPv6 address: its /64 network).
    #[schema(value_type = Option<String>)]
    client: Option<IpAddr>,
}

/// A signed URL.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PlaybackUrl {
    /// The URL.
    url: String,
    /// The same without scheme and host.
    path: String,
    /// When it ends (RFC 3339, UTC); an HLS session that it began goes on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl PlaybackWish {
    fn query(&self, names: &[&str]) -> String {
        let transcode = self.transcode.map(|transcode| transcode.to_string());
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("quality", &self.quality),
            ("transcode", &transcode),
            ("audio", &self.audio),
            ("group", &self.group),
        ] {
            if let Some(value) = value.as_ref().filter(|_| names.contains(&name)) {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    fn check(&self, app: &AppState) -> Result<(), Problem> {
        let wish = Wish {
            transcode: self.transcode,
            quality: self.quality.as_deref().map(Quality::parse),
            audio: None,
        };
        wish.check(&app.hub.settings().rendition.profiles)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let audio = self.audio.as_deref();
        if audio.is_some_and(|audio| AudioChoice::parse(audio).is_none()) {
            let text = format!("audio is {}", AudioChoice::ALLOWED);
            return Err(Problem::bad_request(text));
        }
        Ok(())
    }

    /// When it ends, seconds since 1970.
    fn end(&self, app: &AppState, access: &Access, usual: Duration) -> Result<i64, Problem> {
        let longest = if app.auth.may(&access.principal, Permission::Operate) {
            LIFE_MAX
        } else {
            app.auth.settings().playlist_validity.as_secs()
        };
        let life = self.expires_in.unwrap_or(usual.as_secs().min(longest));
        if !(LIFE_MIN..=longest).contains(&life) {
            let allowed = format!("{LIFE_MIN} to {longest} seconds");
            return Err(mistake("/expires_in", "is out of range", allowed));
        }
        let end = clock::wall().as_second().saturating_add_unsigned(life);
        Ok(access.principal.until().map_or(end, |until| until.min(end)))
    }

    fn sign(
        &self,
        app: &AppState,
        claim: Claim<'_>,
        path: &str,
        query: &str,
        end: i64,
    ) -> Result<PlaybackUrl, Problem> {
        let claim = claim.bound_to(self.client.map(ClientId::of));
        let ticket = app.auth.sign(&claim, end).ok_or_else(Problem::internal)?;
        let and = if query.is_empty() { "" } else { "&" };
        let path = format!("{path}?{query}{and}{}", ticket.query());
        Ok(PlaybackUrl {
            url: path.clone(),
            path,
            expires_at: Timestamp::from_second(end).map_err(|_| Problem::internal())?,
        })
    }
}

/// A URL by which anybody may watch a stream for a while, without further credentials.
#[utoipa::path(post, path = "/api/v1/streams/{id}/playback-url", tag = "auth", request_body = PlaybackWish,
    params(("id" = String, Path, description = "Stream id")),
    responses((status = 200, body = PlaybackUrl), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(in crate::http) async fn stream(
    Extract(app): Extract<Arc<AppState>>,
    StreamPath(id): StreamPath,
    access: Access,
    client: Client,
    Body(wish): Body<PlaybackWish>,
) -> Result<Json<PlaybackUrl>, Problem> {
    app.hub.catalog.get(&id).ok_or(CatalogError::NotFound)?;
    if wish.group.is_some() {
        return Err(Problem::bad_request("group is for playlists"));
    }
    wish.check(&app)?;
    let end = wish.end(&app, &access, app.auth.settings().playback_validity)?;
    let query = wish.query(&["quality", "transcode", "audio"]);
    let path = match wish.format {
        PlaybackFormat::Ts => format!("/streams/preview/{id}"),
        PlaybackFormat::Hls => format!("/streams/preview/{id}/index.m3u8"),
    };
    let claim = Claim::new(wish.format.place(), id.as_str(), "", &query);
    let signed = wish.sign(&app, claim, &path, &query, end)?;
    Ok(Json(absolute(&app, &client, signed)))
}

/// A URL of the playlist of all streams, for players that take one. Each URL in it is signed as it is read.
#[utoipa::path(post, path = "/api/v1/playlist-url", tag = "auth", request_body = PlaybackWish,
    responses((status = 200, body = PlaybackUrl), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(in crate::http) async fn playlist(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    client: Client,
    Body(wish): Body<PlaybackWish>,
) -> Result<Json<PlaybackUrl>, Problem> {
    if wish.audio.is_some() {
        return Err(Problem::bad_request("audio is not for playlists"));
    }
    wish.check(&app)?;
    let end = wish.end(&app, &access, app.auth.settings().playlist_validity)?;
    let mut query = wish.query(&["quality", "transcode", "group"]);
    if wish.format == PlaybackFormat::Hls {
        let and = if query.is_empty() { "" } else { "&" };
        query = format!("format=hls{and}{query}");
    }
    let claim = Claim::new(Place::Playlist, "", "", &query);
    let signed = wish.sign(&app, claim, "/playlist.m3u", &query, end)?;
    Ok(Json(absolute(&app, &client, signed)))
}

fn absolute(app: &AppState, client: &Client, signed: PlaybackUrl) -> PlaybackUrl {
    let PlaybackUrl {
        path, expires_at, ..
    } = signed;
    PlaybackUrl {
        url: format!("{}{path}", base_url(app, client)),
        path: format!("{}{path}", app.door.base_path()),
        expires_at,
    }
}
