//! The load balancer's example, run: `HAProxy` in front of two servers.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{
    Kid, LiveHls, Options, Origin, Server, clean_command, eventually, ffprobe_packets,
    free_tcp_port, hls_viewer, media, run,
};
use crate::{SOON, TOOL_LIMIT, repository, text};

/// Streams that are asked for to see where they go.
const STREAMS: usize = 60;

/// `HAProxy` with our example, in front of these servers.
struct Balancer {
    _kid: Kid,
    _folder: TempDir,
    base: String,
    http: reqwest::Client,
}

impl Balancer {
    async fn start(one: &Server, two: &Server) -> Self {
        let address = |server: &Server| server.base().replace("http://", "");
        let base = format!("127.0.0.1:{}", free_tcp_port());
        let config = text("deploy/haproxy/haproxy.cfg")
            .replace("127.0.0.1:8000", &base)
            .replace("10.0.0.11:8080", &address(one))
            .replace("10.0.0.12:8080", &address(two))
            // Sooner than in real life.
            .replace("inter 2s", "inter 200ms");
        let folder = TempDir::with_prefix("sightglass-haproxy-").unwrap();
        let path = folder.path().join("haproxy.cfg");
        std::fs::write(&path, config).unwrap();
        let mut command = clean_command("haproxy");
        command
            .args(["-db", "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let balancer = Self {
            _kid: Kid::spawn(&mut command),
            _folder: folder,
            base: format!("http://{base}"),
            http: crate::support::http_client().no_proxy().build().unwrap(),
        };
        eventually(SOON, "HAProxy", async || {
            balancer.server_of("any").await.map(drop)
        })
        .await;
        balancer
    }

    /// Which server answers for a stream.
    async fn server_of(&self, stream: &str) -> Option<String> {
        let url = format!("{}/api/v1/streams/{stream}", self.base);
        let answer = self.http.get(url).timeout(SOON).send().await.ok()?;
        let by = answer.headers().get("x-served-by")?;
        Some(by.to_str().unwrap().to_owned())
    }

    /// Which server answers for each of many streams.
    async fn shares(&self) -> BTreeMap<String, String> {
        let mut shares = BTreeMap::new();
        for number in 0..STREAMS {
            let stream = format!("channel-{number}");
            let server = self.server_of(&stream).await.unwrap_or_default();
            shares.insert(stream, server);
        }
        shares
    }
}

#[tokio::test]
async fn haproxy_takes_the_example_as_it_is() {
    let mut command = Command::new("haproxy");
    command
        .args(["-c", "-f"])
        .arg(repository("deploy/haproxy/haproxy.cfg"));
    let done = run(command, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);
    assert!(!done.stderr.contains("WARNING"), "{}", done.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_pulled_by_one_server_and_moves_only_when_that_fails() {
    let origin = Origin::start();
    let live = origin.live_hls("news", LiveHls::new(media("bbb-4s")));
    let one = Server::start(Options::new()).await;
    let mut two = Server::start(Options::new()).await;
    for server in [&one, &two] {
        server.add_stream("news", &live.url()).await;
    }
    let balancer = Balancer::start(&one, &two).await;

    // Both have a share, and the same one each time.
    let shares = balancer.shares().await;
    let of_two = shares.values().filter(|server| *server == "two").count();
    assert!(
        (STREAMS / 6..=STREAMS * 5 / 6).contains(&of_two),
        "{shares:?}"
    );
    assert_eq!(balancer.shares().await, shares);

    // Viewers of one stream, of either sort, are at one server, which pulls it once.
    let preview = format!("{}/streams/preview/news", balancer.base);
    let playlist = format!("{preview}/index.m3u8");
    let (packets, hls) = tokio::join!(ffprobe_packets(&preview, 3), hls_viewer(&playlist, 3));
    packets.assert_monotone_dts();
    hls.assert_clean();
    let mut pulls = Vec::new();
    for server in [&one, &two] {
        let metrics = server.metrics().await;
        pulls.push(metrics.sum("sightglass_ingest_bytes_total", &[]) > 0.0);
    }
    assert_eq!(
        pulls.iter().filter(|pulled| **pulled).count(),
        1,
        "{pulls:?}"
    );

    // Without the one server its streams are the other's, whose own stay where they were.
    two.kill9();
    eventually(SOON, "the end of server two to be noticed", async || {
        let shares = balancer.shares().await;
        shares.values().all(|server| server == "one").then_some(())
    })
    .await;
}
