//! The streams of a soak, and the server that shows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::origin::{Fault, Live, LiveHls, Origin, TsFile, TsLive};
use super::super::server::{Options, Server};
use super::super::{TsViewer, media};
use super::random::Random;

/// Each stream with the queries that it is previewed with: copied, converted in part, transcoded.
pub const WISHES: &[(&str, &[&str])] = &[
    ("film", &["quality=source", "transcode=false"]),
    ("tv", &["", "quality=source"]),
    ("dual", &[""]),
    (
        "small",
        &["", "transcode=true&quality=low", "transcode=false"],
    ),
    ("ball", &["", "transcode=true&quality=low"]),
    ("bars", &["transcode=true&quality=low", "transcode=false"]),
];
/// The streams that are played as HLS: those with short segments, because a session of HLS outlives
/// its player by three of them.
pub const PLAYED: &[&str] = &["small", "ball", "bars"];
/// The longest wait for a picture of a stream that is well.
const SOON: Duration = Duration::from_secs(30);

/// An origin with streams of every kind.
pub struct Scene {
    /// The origin.
    pub origin: Origin,
    film: Live,
    flows: Vec<(&'static str, TsLive)>,
}

impl Scene {
    /// Starts the origin.
    pub fn start() -> Self {
        let origin = Origin::start();
        let film = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
        let flow = |name: &'static str, clip: &str| {
            let file = TsFile::new(media(clip)).seamless();
            (name, origin.ts(name, file))
        };
        let flows = vec![
            flow("tv", "bbb.ts"),
            flow("dual", "mp2.ts"),
            flow("small", "hevc10.ts"),
        ];
        Self {
            origin,
            film,
            flows,
        }
    }

    /// How the server is started: everything lingers, but not for long.
    pub fn options() -> Options {
        Options::new()
            .env("STREAM_LINGER", "1s")
            .env("RENDITION_LINGER", "500ms")
            .env("HLS_SESSION_TIMEOUT", "4s")
            .env("SOURCE_STALL_TIMEOUT", "3s")
            .env("SOURCE_BACKOFF_MIN", "100ms")
            .env("SOURCE_BACKOFF_MAX", "1s")
            .env("MAX_SESSIONS_PER_CLIENT", "64")
            .env("LOG_LEVEL", "warn,sightglass::app=info")
    }

    /// The definition of a stream.
    pub fn definition(&self, id: &str) -> Value {
        let url = match id {
            "film" => self.film.url(),
            "ball" => "test://ball?width=320&height=180".to_owned(),
            "bars" => "test://bars?width=320&height=180".to_owned(),
            name => self.flow(name).url(),
        };
        json!({ "id": id, "name": id, "sources": [{ "url": url }] })
    }

    /// Defines all streams.
    pub async fn define(&self, server: &Server) {
        for (id, _) in WISHES {
            server.add(self.definition(id)).await;
        }
    }

    /// Shows one picture of every kind, so that what is loaded once is loaded.
    pub async fn warm_up(&self, server: &Server) {
        let shows = WISHES.iter().flat_map(|(id, queries)| {
            let shown = queries.iter().map(|query| server.preview(id, query));
            shown.map(async |url| {
                TsViewer::open(&url).wait_keyframe(SOON).await;
            })
        });
        let playlist = server.url("/streams/preview/small/index.m3u8");
        let (_, played) = tokio::join!(
            futures_util::future::join_all(shows),
            super::super::hls_viewer(&playlist, 3)
        );
        played.assert_clean();
        // Else they would outlive their player for a while.
        let (_, _, status) = server.get("/api/streams/transcoding/status").await;
        for session in status["sessions"].as_array().into_iter().flatten() {
            let id = session["sessionId"].as_str().unwrap_or_default();
            server.delete(&format!("/api/v1/sessions/{id}")).await;
        }
    }

    /// Does something to a source; what, is in the answer.
    pub fn disturb(&self, random: &mut Random) -> &'static str {
        let Some((_, flow)) = random.one(&self.flows) else {
            return "nothing";
        };
        match random.below(9) {
            0 => {
                flow.drop_connections();
                "source killed"
            }
            1 | 2 => {
                flow.stall(random.below(2) == 0);
                "source stalled or resumed"
            }
            3 => {
                flow.refuse(Some(503));
                "source refuses"
            }
            4 | 5 => {
                flow.garble(random.below(2) == 0);
                "garbage on or off"
            }
            6 => {
                let faults = [
                    Fault::Playlists(404),
                    Fault::Segments(503),
                    Fault::Stale,
                    Fault::HalfSegments,
                    Fault::HtmlPlaylists,
                ];
                random
                    .one(&faults)
                    .into_iter()
                    .for_each(|fault| self.film.fault(*fault));
                "HLS fault"
            }
            7 => {
                self.film.restart_source();
                "HLS source restarted"
            }
            _ => {
                self.heal();
                "all healed"
            }
        }
    }

    /// All sources are well again.
    pub fn heal(&self) {
        self.film.heal();
        for (_, flow) in &self.flows {
            flow.stall(false);
            flow.garble(false);
            flow.refuse(None);
        }
    }

    fn flow(&self, name: &str) -> &TsLive {
        let found = self.flows.iter().find(|(known, _)| *known == name);
        &found.expect("a stream of the scene").1
    }
}
