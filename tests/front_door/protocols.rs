//! Protocol by protocol: what the table of the README claims. Each origin is validated and played; when it
//! stops, a backup takes over; when it starts again, it is taken back, and the viewer was there all the time.

use serde_json::json;

use crate::SOON;
use crate::support::*;

/// An origin that can be restarted, of any protocol.
trait Service {
    /// What is to be pulled.
    fn url(&self) -> String;
    /// Cuts off its clients. Nothing comes from it until it starts again.
    fn stop(&mut self);
    /// Starts it again, in the same place.
    async fn start(&mut self);
}

/// Something of the test's own origin.
struct Own(Origin, String);

impl Service for Own {
    fn url(&self) -> String {
        self.1.clone()
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    async fn start(&mut self) {
        self.0.resume();
    }
}

/// What ffmpeg packs into a folder and nginx serves. ffmpeg goes on while nginx is stopped.
struct Packed {
    nginx: Nginx,
    entry: &'static str,
    _packager: Packager,
}

impl Packed {
    async fn live(how: &str, entry: &'static str) -> Self {
        let packager = Packager::live(how);
        packager.wait().await;
        Self {
            nginx: Nginx::serve(packager.folder()).await,
            entry,
            _packager: packager,
        }
    }
}

impl Service for Packed {
    fn url(&self) -> String {
        self.nginx.url(self.entry)
    }

    fn stop(&mut self) {
        self.nginx.stop();
    }

    async fn start(&mut self) {
        self.nginx.resume().await;
    }
}

/// A process that serves or sends one thing.
struct Process<F> {
    url: String,
    launch: F,
    ready: Ready,
    kid: Option<Kid>,
}

/// When a process that was started is ready.
#[derive(Clone, Copy)]
enum Ready {
    /// Once it has begun to send, which nobody can ask it.
    Unknown,
    /// Once it listens on this TCP port, which is not asked either: it serves one client.
    Listens(u16),
    /// Once it answers on this port with more than the head of an answer.
    Serves(u16),
}

impl Ready {
    async fn wait(self) {
        eventually(SOON, "the origin to be ready", async || match self {
            Self::Unknown => Some(()),
            Self::Listens(port) => {
                let wanted = format!(":{port:04X} 00000000:0000 0A");
                let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
                sockets.contains(&wanted).then_some(())
            }
            Self::Serves(port) => {
                let url = format!("http://127.0.0.1:{port}/tv");
                let client = http_client().no_proxy().build().unwrap();
                let mut answer = client.get(url).send().await.ok()?;
                answer.chunk().await.ok()?.map(drop)
            }
        })
        .await;
    }
}

impl<F: Fn() -> Kid> Process<F> {
    async fn start(url: String, ready: Ready, launch: F) -> Self {
        let kid = Some(launch());
        ready.wait().await;
        Self {
            url,
            launch,
            ready,
            kid,
        }
    }
}

impl<F: Fn() -> Kid> Service for Process<F> {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn stop(&mut self) {
        self.kid = None;
    }

    async fn start(&mut self) {
        self.kid = Some((self.launch)());
        self.ready.wait().await;
    }
}

impl Service for RtspServer {
    fn url(&self) -> String {
        self.url()
    }

    fn stop(&mut self) {
        self.stop();
    }

    async fn start(&mut self) {
        self.start_again();
    }
}

/// nginx-rtmp and who publishes to it.
struct Published(RtmpServer, Option<Kid>);

impl Service for Published {
    fn url(&self) -> String {
        self.0.url("live/film")
    }

    fn stop(&mut self) {
        self.1 = None;
        self.0.stop();
    }

    async fn start(&mut self) {
        self.0.resume().await;
        self.1 = Some(self.0.publish(&clip(), &["-c", "copy"], "live/film"));
    }
}

/// The main clip with a keyframe every four seconds.
fn clip() -> std::path::PathBuf {
    media("bbb-4s/index.m3u8")
}

/// Validates an idle stream by a connection of its own: this protocol, a picture of some size, decoded.
async fn validates(server: &Server, protocol: &str) {
    let path = "/api/v1/streams/tv/validate?source=0";
    let (status, _, report) = server.post(path, &json!({})).await;
    assert_eq!(status, 200, "{report:#}");
    let source = &report["sources"][0];
    assert_eq!(source["outcome"], "passed", "{report:#}");
    assert_eq!(source["connection"], "own", "{report:#}");
    let found = &source["found"];
    assert_eq!(found["protocol"], protocol, "{report:#}");
    let mut tracks = found["tracks"].as_array().unwrap().iter();
    let video = tracks.find(|track| track["kind"] == "video").unwrap();
    assert_eq!(video["codec"], "h264", "{report:#}");
    assert!(video["width"].as_u64() >= Some(320), "{report:#}");
    let decoding = source["stages"].as_array().unwrap().last();
    assert_eq!(decoding.unwrap()["verdict"], "passed", "{report:#}");
}

/// Waits until this source is the live one, with the viewer still there.
async fn until_live(server: &Server, viewer: &TsViewer, source: usize) {
    let what = format!("source {source} to flow");
    eventually(SOON, &what, async || {
        assert!(!viewer.glance().2, "the viewer was cut off");
        let (_, _, body) = server.get("/api/v1/streams/tv").await;
        (body["source_states"][source]["state"] == "live").then_some(())
    })
    .await;
}

/// All cells of a row.
async fn row(protocol: &str, mut origin: impl Service) {
    let other = Origin::start();
    let backup = other.ts("live", TsFile::new(media("bbb.ts")));
    let options = Options::new()
        .quick()
        .env("SOURCE_BACKOFF_MIN", "50ms")
        .env("SOURCE_TIMEOUT", "2s")
        .env("SOURCE_ALLOW_LISTEN", "true");
    let server = Server::start(options).await;
    let sources = json!([{ "url": origin.url() }, { "url": backup.url() }]);
    server
        .add(json!({ "id": "tv", "name": "TV", "sources": sources }))
        .await;

    validates(&server, protocol).await;
    // Some serve one client in their life.
    origin.stop();
    origin.start().await;

    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    until_live(&server, &viewer, 0).await;
    assert_eq!(other.counters().requests, 0, "the backup is not wanted yet");
    origin.stop();
    until_live(&server, &viewer, 1).await;
    let pictures = viewer.seen().keyframes.len();
    origin.start().await;
    until_live(&server, &viewer, 0).await;
    eventually(SOON, "the backup to be let go", async || {
        (other.counters().open == 0).then_some(())
    })
    .await;

    let seconds = viewer.seen().seconds;
    eventually(SOON, "pictures to go on", async || {
        let seen = viewer.seen();
        let on = seen.keyframes.len() > pictures && seen.seconds > seconds + 2.0;
        on.then_some(())
    })
    .await;
    let seen = viewer.seen();
    assert_eq!(seen.ended, None, "the viewer was cut off");
    assert_eq!((seen.continuity_errors, seen.sync_losses), (0, 0));
    // Of segments, one track may have come further than the other when the origin stopped.
    let segmented = matches!(protocol, "hls" | "dash");
    let most = if segmented { 4.5 } else { 1.0 };
    let step = seen.longest_step;
    assert!(step < most, "the timeline goes on: {step} s");
    let metrics = server.metrics().await;
    let count = |name| metrics.sum(name, &[]);
    assert_eq!(count("sightglass_sources_taken_back_total"), 1.0);
    assert_eq!(count("sightglass_pipelines_wedged_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_ts() {
    let origin = Origin::start();
    let url = origin.live_hls("tv", LiveHls::new(media("bbb-4s"))).url();
    row("hls", Own(origin, url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_fmp4_with_sound_apart() {
    row("hls", Packed::live(HLS_LIVE, "main.m3u8").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dash() {
    row("dash", Packed::live(DASH_TIMELINE, "main.mpd").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_ts() {
    let origin = Origin::start();
    let url = origin.ts("live", TsFile::new(media("bbb.ts"))).url();
    row("http", Own(origin, url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_flv() {
    let port = free_tcp_port();
    let url = format!("http://127.0.0.1:{port}/live.flv");
    let to = url.clone();
    let launch = move || ffmpeg_sends(&clip(), "flv", &["-listen", "1"], &to);
    row(
        "http",
        Process::start(url, Ready::Listens(port), launch).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtsp() {
    let folder = tempfile::tempdir().unwrap();
    let film = crate::rtsp::film(folder.path()).await;
    row("rtsp", RtspServer::h264_aac(&film, &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmp() {
    let mut origin = Published(RtmpServer::start().await, None);
    origin.stop();
    origin.start().await;
    row("rtmp", origin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn udp() {
    let url = format!("udp://127.0.0.1:{}", free_udp_port());
    let to = format!("{url}?pkt_size=1316");
    let launch = move || ffmpeg_sends(&clip(), "mpegts", &[], &to);
    row("udp", Process::start(url, Ready::Unknown, launch).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtp() {
    let url = format!("rtp://127.0.0.1:{}", free_udp_port());
    let to = url.clone();
    let launch = move || ffmpeg_sends(&clip(), "rtp_mpegts", &[], &to);
    row("rtp", Process::start(url, Ready::Unknown, launch).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn srt() {
    let place = format!("srt://127.0.0.1:{}", free_udp_port());
    let secret = "passphrase=secret-secret";
    let url = format!("{place}?{secret}&latency=60&streamid=tv");
    let to = format!("{place}?{secret}&mode=listener&pbkeylen=16");
    let launch = move || ffmpeg_sends(&clip(), "mpegts", &[], &to);
    row("srt", Process::start(url, Ready::Unknown, launch).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mms() {
    let port = free_tcp_port();
    let url = format!("mms://127.0.0.1:{port}/tv");
    let launch = move || vlc_serves_mms(&media("wmv.asf"), port);
    row(
        "mms",
        Process::start(url, Ready::Serves(port), launch).await,
    )
    .await;
}

/// What is no live origin: it plays and validates.
async fn recorded(server: &Server, protocol: &str, url: &str) {
    server.add_stream("tv", url).await;
    validates(server, protocol).await;
    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    eventually(SOON, "three seconds", async || {
        (viewer.seen().seconds > 3.0).then_some(())
    })
    .await;
    let seen = viewer.seen();
    assert!(seen.first_keyframe.is_some());
    assert_eq!((seen.continuity_errors, seen.sync_losses), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_mp4() {
    let folder = tempfile::tempdir().unwrap();
    crate::progressive::film(folder.path()).await;
    let nginx = Nginx::serve(folder.path()).await;
    let server = Server::start(Options::new()).await;
    recorded(&server, "http", &nginx.url("end.mp4")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file() {
    let folder = tempfile::tempdir().unwrap();
    let film = crate::progressive::film(folder.path()).await;
    let options = Options::new().env("SOURCE_MEDIA_DIR", &folder.path().display());
    let server = Server::start(options).await;
    recorded(&server, "file", &format!("file://{}", film.display())).await;
}
