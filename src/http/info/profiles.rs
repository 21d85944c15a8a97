//! What streams can be converted to.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;

use super::super::AppState;
use crate::config::Profile;

/// What streams can be converted to.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ProfileList)]
pub(in crate::http) struct ProfilesView {
    /// The profile that a stream gets for which none was asked, where it must be converted.
    #[schema(example = "medium")]
    default: String,
    /// The profiles, the cheapest first. Beside them there is `source`: the stream untouched.
    items: Vec<ProfileView>,
}

/// A profile. Sizes are upper bounds: the aspect ratio is kept, and nothing is scaled up.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Profile)]
pub(in crate::http) struct ProfileView {
    /// Its name: what `quality` takes.
    #[schema(example = "low")]
    name: String,
    /// The largest width of the picture, pixels.
    width: u32,
    /// The largest height of the picture, pixels.
    height: u32,
    /// Most pictures in a second.
    frame_rate: u32,
    /// Of the picture, bit/s.
    video_bitrate: u64,
    /// Of the sound, bit/s.
    audio_bitrate: u64,
}

impl ProfileView {
    fn new(profile: &Profile) -> Self {
        Self {
            name: profile.name.clone(),
            width: profile.width,
            height: profile.height,
            frame_rate: profile.max_frame_rate,
            video_bitrate: u64::from(profile.video_bitrate_kbps) * 1_000,
            audio_bitrate: u64::from(profile.audio_bitrate_kbps) * 1_000,
        }
    }
}

/// What streams can be converted to, for a choice of quality.
#[utoipa::path(get, path = "/api/v1/info/profiles", tag = "info",
    responses((status = 200, body = ProfilesView)))]
pub(in crate::http) async fn profiles(Extract(app): Extract<Arc<AppState>>) -> Json<ProfilesView> {
    let settings = app.hub.settings();
    let all = settings.rendition.profiles.values();
    let mut items: Vec<ProfileView> = all.map(ProfileView::new).collect();
    items.sort_by_key(|one| {
        (
            one.video_bitrate,
            u64::from(one.width) * u64::from(one.height),
        )
    });
    Json(ProfilesView {
        default: settings.default_profile.clone(),
        items,
    })
}
