//! The random walk: everything that operators, viewers and sources do to a server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use super::super::clients::{HlsSeen, TsViewer, ViewerOptions, hls_viewer};
use super::super::server::Server;
use super::random::Random;
use super::scene::{PLAYED, Scene, WISHES};

/// Most viewers at a time, and most HLS players.
const VIEWERS: usize = 8;
const PLAYERS: usize = 3;

/// What can be done.
#[derive(Debug, Clone, Copy)]
enum Act {
    Join,
    JoinSlowly,
    Play,
    Leave,
    LeaveAll,
    Pause,
    Disturb,
    EndSession,
    Rename,
    Redefine,
    Delete,
    Look,
}

const ACTS: &[(usize, Act)] = &[
    (30, Act::Join),
    (6, Act::JoinSlowly),
    (6, Act::Play),
    (22, Act::Leave),
    (2, Act::LeaveAll),
    (5, Act::Pause),
    (12, Act::Disturb),
    (5, Act::EndSession),
    (2, Act::Rename),
    (3, Act::Redefine),
    (3, Act::Delete),
    (4, Act::Look),
];

/// A walk under way.
pub struct Walk<'a> {
    server: &'a Server,
    scene: &'a Scene,
    random: Random,
    viewers: Vec<TsViewer>,
    players: Vec<JoinHandle<HlsSeen>>,
    /// How often each thing was done.
    pub done: BTreeMap<&'static str, usize>,
    /// Viewers by the status they were answered with; 0 for those who left before.
    pub answers: BTreeMap<u16, usize>,
    /// What must not be: server errors.
    pub troubles: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Sets out.
    pub fn new(server: &'a Server, scene: &'a Scene, seed: u64) -> Self {
        Self {
            server,
            scene,
            random: Random::new(seed),
            viewers: Vec::new(),
            players: Vec::new(),
            done: BTreeMap::new(),
            answers: BTreeMap::new(),
            troubles: Vec::new(),
        }
    }

    /// Does one thing, and pauses for a moment.
    pub async fn step(&mut self) {
        let what = self.act().await;
        *self.done.entry(what).or_default() += 1;
        let pause = 20 + self.random.below(300);
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
    }

    /// Everybody leaves, all sources are well, all streams are there.
    pub async fn finish(&mut self) {
        self.scene.heal();
        while !self.viewers.is_empty() {
            self.leave(0);
        }
        for player in self.players.drain(..) {
            player.abort();
        }
        for (id, _) in WISHES {
            self.delete(id).await;
            self.server.add(self.scene.definition(id)).await;
        }
    }

    async fn act(&mut self) -> &'static str {
        match self.random.weighted(ACTS) {
            Act::Join => self.join(false),
            Act::JoinSlowly => self.join(true),
            Act::Play => self.play(),
            Act::Leave => {
                let Some(which) = self.any_viewer() else {
                    return self.join(false);
                };
                self.leave(which);
                "viewer leaves"
            }
            Act::LeaveAll => {
                while !self.viewers.is_empty() {
                    self.leave(0);
                }
                "all leave"
            }
            Act::Pause => {
                let pause = self.random.below(2) == 0;
                match self.random.one(&self.viewers) {
                    Some(viewer) if pause => viewer.pause(),
                    Some(viewer) => viewer.resume(),
                    None => {}
                }
                "viewer stops or goes on reading"
            }
            Act::Disturb => self.scene.disturb(&mut self.random),
            Act::EndSession => self.end_session().await,
            Act::Rename => {
                let name = json!({ "name": format!("name {}", self.random.below(1000)) });
                self.patch(&name).await;
                "stream renamed"
            }
            Act::Redefine => {
                let pattern = if self.random.below(2) == 0 {
                    "snow"
                } else {
                    "pinwheel"
                };
                let url = format!("test://{pattern}?width=160&height=90");
                let source = json!({ "sources": [{ "url": url }] });
                let (status, _, body) = self.server.patch("/api/v1/streams/bars", &source).await;
                self.judge(status, &body.to_string());
                "source redefined"
            }
            Act::Delete => {
                let id = self.stream();
                self.delete(id).await;
                let definition = self.scene.definition(id);
                let (status, _, body) = self.server.post("/api/v1/streams", &definition).await;
                self.judge(status, &body.to_string());
                "stream deleted and added"
            }
            Act::Look => {
                for path in ["/health", "/playlist.m3u8", "/api/v1/streams"] {
                    let (status, _, body) = self.server.get(path).await;
                    self.judge(status, &body.to_string());
                }
                "looks around"
            }
        }
    }

    fn join(&mut self, slowly: bool) -> &'static str {
        if self.viewers.len() >= VIEWERS {
            self.leave(0);
        }
        let url = self.wish();
        let options = ViewerOptions {
            receive_buffer: slowly.then_some(8192),
            bytes_per_second: slowly.then_some(20_000),
            blind: true,
            ..ViewerOptions::default()
        };
        self.viewers.push(TsViewer::open_with(&url, options));
        if slowly {
            "slow viewer joins"
        } else {
            "viewer joins"
        }
    }

    fn play(&mut self) -> &'static str {
        self.players.retain(|player| !player.is_finished());
        if self.players.len() < PLAYERS {
            let id = PLAYED[self.random.below(PLAYED.len())];
            let url = self.server.preview(&format!("{id}/index.m3u8"), "");
            let seconds = 1 + self.random.below(6) as u32;
            self.players
                .push(tokio::spawn(async move { hls_viewer(&url, seconds).await }));
        }
        "HLS player joins"
    }

    fn leave(&mut self, which: usize) {
        let (status, _, _) = self.viewers.swap_remove(which).glance();
        *self.answers.entry(status).or_default() += 1;
        self.judge(status, "a preview");
    }

    fn any_viewer(&mut self) -> Option<usize> {
        (!self.viewers.is_empty()).then(|| self.random.below(self.viewers.len()))
    }

    async fn end_session(&mut self) -> &'static str {
        let (_, _, status) = self.server.get("/api/streams/transcoding/status").await;
        let sessions = status["sessions"].as_array().cloned().unwrap_or_default();
        if let Some(session) = self.random.one(&sessions) {
            let id = session["sessionId"].as_str().unwrap_or_default();
            let (status, _, body) = self.server.delete(&format!("/api/v1/sessions/{id}")).await;
            self.judge(status, &body.to_string());
        }
        "session ended"
    }

    async fn patch(&mut self, what: &serde_json::Value) {
        let path = format!("/api/v1/streams/{}", self.stream());
        let (status, _, body) = self.server.patch(&path, what).await;
        self.judge(status, &body.to_string());
    }

    async fn delete(&mut self, id: &str) {
        let (status, _, body) = self.server.delete(&format!("/api/v1/streams/{id}")).await;
        self.judge(status, &body.to_string());
    }

    fn stream(&mut self) -> &'static str {
        WISHES[self.random.below(WISHES.len())].0
    }

    fn wish(&mut self) -> String {
        let (id, queries) = WISHES[self.random.below(WISHES.len())];
        let query = queries[self.random.below(queries.len())];
        self.server.preview(id, query)
    }

    fn judge(&mut self, status: u16, what: &str) {
        // A source may be at fault (502, 504) and the server full (503), but it does not fail.
        if status == 500 || status == 501 {
            self.troubles.push(format!("{status}: {what}"));
        }
    }
}
