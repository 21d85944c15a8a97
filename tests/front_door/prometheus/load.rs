//! A server at work: streams watched, one of them black and one gone, previews, transcodes, an account.

use std::time::Duration;

use serde_json::json;

use crate::SOON;
use crate::support::farm::{Channel, Clip, Farm, Fault, Layout};
use crate::support::*;

/// Channels of the farm; `c0` is viewed, `c1` converted, `c2` gone, `c3` black.
const CHANNELS: usize = 4;

/// A server with all of that; it ends with this.
pub(super) struct Load {
    pub(super) server: Server,
    _farm: Farm,
    _channels: Vec<Channel>,
    _viewers: [TsViewer; 2],
}

impl Load {
    /// Starts it, and waits until viewers have their media.
    pub(super) async fn start() -> Self {
        let (farm, clip) = (Farm::start(), Clip::main());
        let channels = farm.channels(CHANNELS, &clip, &Layout::short());
        channels[2].fault(Fault::Status(503));
        channels[3].fault(Fault::Black);
        let options = Options::new()
            .quick()
            .env("MONITOR_MODE", "continuous")
            .env("MONITOR_INTERVAL", "2s")
            .env("MONITOR_PICTURE_INTERVAL", "2s")
            .env("MONITOR_START_RATE", "1000")
            .env("MONITOR_HOLD", "down=2s,black=2s");
        let server = Server::start(options).await;
        let account = json!({ "id": "provider", "name": "Provider", "max_connections": 4 });
        let (status, _, body) = server.post("/api/v1/accounts", &account).await;
        assert_eq!(status, 201, "{body}");
        for channel in &channels {
            let source = json!({ "url": channel.url(), "account": "provider" });
            let id = channel.name();
            server
                .add(json!({ "id": id, "name": id, "sources": [source] }))
                .await;
        }
        let plain = TsViewer::open(&server.preview("c0", ""));
        let converted = TsViewer::open(&server.preview("c1", "transcode=true&quality=low"));
        eventually(SOON, "media for the viewers", async || {
            (plain.bytes() > 0 && converted.bytes() > 0).then_some(())
        })
        .await;
        // HLS, a preview that fails, a path that is not there, and an error of the server's own side.
        let playlist = server.preview("c0", "").replace("/c0", "/c0/index.m3u8");
        let answer = server.http().get(playlist).send().await;
        assert!(answer.is_ok_and(|answer| answer.status().is_success()));
        for path in ["/streams/preview/c2?timeout=500", "/nothing/here"] {
            let (status, _, body) = server.get(path).await;
            assert!(status >= 400, "{path}: {body}");
        }
        Self {
            server,
            _farm: farm,
            _channels: channels,
            _viewers: [plain, converted],
        }
    }

    /// Waits until the monitor has told what is wrong.
    pub(super) async fn until_told(&self) {
        let what = "the monitor to tell of both faults";
        eventually(Duration::from_secs(40), what, async || {
            let metrics = self.server.metrics().await;
            let raised = |stream: &str, condition: &str| {
                let labels = [("stream", stream), ("condition", condition)];
                metrics.sum("sightglass_stream_condition", &labels) > 0.0
            };
            (raised("c2", "down") && raised("c3", "black")).then_some(())
        })
        .await;
    }
}
