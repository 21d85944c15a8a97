//! RTSP origins: gst-rtsp-server and VLC, both independent of the product.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::child::{Kid, clean_command};
use super::senders::{free_tcp_port, vlc};
use super::wait::eventually;

/// What gst-rtsp-server makes of an MP4 file with H.264 and AAC.
const H264_AAC: &str = "qtdemux name=d d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 \
    d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97";

/// A server that plays one thing, in real time, anew for each client.
pub struct RtspServer {
    kid: Kid,
    port: u16,
    path: &'static str,
    command: (PathBuf, Vec<String>),
}

impl RtspServer {
    /// gst-rtsp-server with this MP4 file of H.264 and AAC; `options` as `rtsp_server.py` takes them.
    pub fn h264_aac(clip: &Path, options: &[&str]) -> Self {
        let pipeline = format!("filesrc location={} ! {H264_AAC}", clip.display());
        Self::gst(&pipeline, options)
    }

    /// gst-rtsp-server with a pipeline of its own.
    pub fn gst(pipeline: &str, options: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/rtsp_server.py");
        let mut arguments = vec![pipeline.to_owned()];
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        Self::launch((script, arguments), 0)
    }

    fn launch((script, arguments): (PathBuf, Vec<String>), port: u16) -> Self {
        // Debian's own Python: the bindings are packages of the system.
        let mut command = clean_command("/usr/bin/python3");
        command.arg(&script).arg(port.to_string()).args(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut kid = Kid::spawn(&mut command);
        let stdout = kid.child().stdout.take().expect("stdout is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let port = line
            .trim()
            .strip_prefix("port ")
            .and_then(|port| port.parse().ok());
        let port = port
            .unwrap_or_else(|| panic!("no RTSP server: {read:?} {line:?}: run make setup-test"));
        Self {
            kid,
            port,
            path: "live",
            command: (script, arguments),
        }
    }

    /// VLC's server with this file.
    pub async fn vlc(clip: &Path) -> Self {
        let port = free_tcp_port();
        let output = format!("#rtp{{sdp=rtsp://127.0.0.1:{port}/live}}");
        let kid = vlc([
            "--loop".as_ref(),
            clip.as_os_str(),
            "--sout".as_ref(),
            output.as_ref(),
        ]);
        let server = Self {
            kid,
            port,
            path: "live",
            command: (PathBuf::new(), Vec::new()),
        };
        eventually(Duration::from_secs(20), "VLC to listen", async || {
            let address = ("127.0.0.1", port);
            tokio::net::TcpStream::connect(address).await.ok().map(drop)
        })
        .await;
        server
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of what it plays.
    pub fn url(&self) -> String {
        self.url_of("rtsp", self.path)
    }

    /// The URL of a path, with this scheme.
    pub fn url_of(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}/{path}", self.port)
    }

    /// Stops it: clients are cut off, and its port refuses connections.
    pub fn stop(&mut self) {
        self.kid.kill();
    }

    /// Starts it again on its port.
    pub fn start_again(&mut self) {
        let Self { kid, .. } = Self::launch(self.command.clone(), self.port);
        self.kid = kid;
    }
}
