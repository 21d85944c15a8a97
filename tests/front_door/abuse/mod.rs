//! Abuse of the HTTP side. Whatever is tried, a preview that runs misses nothing, and a new one begins at once.
//!
//! `make abuse` runs the same for longer: `ABUSE_SECONDS`, `ABUSE_CONNECTIONS` and `ABUSE_REQUESTS`.

mod bodies;
mod h2;
mod schema;
mod slow;

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::SOON;
use crate::support::*;

/// The longest that a preview may take to begin.
const AT_ONCE: Duration = Duration::from_secs(1);
/// What an attack may cost in memory.
const MEMORY: u64 = 100 << 20;
/// Where those watch from who are not the attacker.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A figure of the environment, for `make abuse`.
fn figure(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// A server that shows a stream to somebody, while others attack it.
struct Scene {
    server: Server,
    viewer: TsViewer,
    _origin: Origin,
    memory: u64,
}

impl Scene {
    async fn set(options: Options) -> Self {
        let origin = Origin::start();
        let tv = origin.ts("tv", TsFile::new(media("bbb.ts")).seamless());
        let server = Server::start(options).await;
        server.add_stream("tv", &tv.url()).await;
        let viewer = watch(&server);
        viewer.wait_keyframe(SOON).await;
        viewer.wait_bytes(200_000, SOON).await;
        forget_peak(server.pid());
        let memory = server.figures().resident_bytes;
        Self {
            server,
            viewer,
            _origin: origin,
            memory,
        }
    }

    /// `127.0.0.1:PORT`.
    fn address(&self) -> &str {
        self.server.base().trim_start_matches("http://")
    }

    /// Somebody comes while it goes on.
    async fn newcomer(&self) {
        let viewer = watch(&self.server);
        viewer.wait_keyframe(SOON).await;
        let began = viewer.seen().first_keyframe.expect("a picture");
        eprintln!("a new preview after {began:?}");
        assert!(began <= patience(AT_ONCE), "a new preview took {began:?}");
    }

    /// The preview has missed nothing, a new one begins at once, and nothing has grown.
    async fn unhurt(mut self) {
        assert!(self.server.ended().is_none(), "the server is gone");
        self.newcomer().await;
        let more = self.viewer.bytes() + 100_000;
        self.viewer.wait_bytes(more, SOON).await;
        crate::bombs::unhurt("preview", &self.viewer.seen());
        let grown = self.server.figures().peak_bytes.saturating_sub(self.memory);
        eprintln!("{} MB more at most", grown >> 20);
        assert!(grown <= MEMORY, "{} MB more", grown >> 20);
        assert!(!self.server.logs().contain("panicked"));
    }
}

fn watch(server: &Server) -> TsViewer {
    let options = ViewerOptions {
        from: Some(ELSEWHERE),
        ..ViewerOptions::default()
    };
    TsViewer::open_with(&server.preview("tv", "quality=source"), options)
}
