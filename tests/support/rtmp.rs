//! nginx-rtmp as an origin that nobody here wrote, with TLS in front of it, and ffmpeg that
//! publishes to it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use super::child::{Kid, clean_command};
use super::nginx::{free_port, start};

/// An nginx with the RTMP module on a loopback port; killed on drop. Applications: `live` (waits for
/// a publisher), `strict` (refuses a stream that nobody publishes).
pub struct RtmpServer {
    /// `None` while it is stopped.
    kid: Option<Kid>,
    port: u16,
    tls_port: u16,
    home: TempDir,
}

impl RtmpServer {
    /// Starts it.
    pub async fn start() -> Self {
        let home = TempDir::with_prefix("sightglass-rtmp-").expect("a temporary folder");
        certificates(home.path());
        // Another process may take a free port before nginx does; then try others.
        for _ in 0..5 {
            let (port, tls_port) = (free_port(), free_port());
            std::fs::write(
                home.path().join("nginx.conf"),
                configuration(home.path(), port, tls_port),
            )
            .expect("the configuration can be written");
            if let Some(kid) = start(home.path(), port).await {
                let kid = Some(kid);
                return Self {
                    kid,
                    port,
                    tls_port,
                    home,
                };
            }
        }
        let errors = std::fs::read_to_string(home.path().join("error.log")).unwrap_or_default();
        panic!("nginx with RTMP does not start:\n{errors}");
    }

    /// The URL of a stream: `live/name`.
    pub fn url(&self, path: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{path}", self.port)
    }

    /// The same over TLS.
    pub fn tls_url(&self, path: &str) -> String {
        format!("rtmps://127.0.0.1:{}/{path}", self.tls_port)
    }

    /// The certificate of who signed the server's, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// Publishes a file in a loop, at real time, until what is returned is dropped. `arguments` stand
    /// between the input and the output: what to map, how to code.
    pub fn publish(&self, file: &Path, arguments: &[&str], path: &str) -> Kid {
        let mut command = clean_command("ffmpeg");
        command
            .args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"])
            .arg(file)
            .args(arguments)
            .args(["-f", "flv", &self.url(path)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Kid::spawn(&mut command)
    }

    /// Stops it; its ports refuse connections until [`Self::resume`].
    pub fn stop(&mut self) {
        self.kid = None;
    }

    /// Starts it again on the same ports.
    pub async fn resume(&mut self) {
        let kid = start(self.home.path(), self.port).await;
        self.kid = Some(kid.expect("nginx starts on the ports that it had"));
    }
}

/// An authority, and what it signed for 127.0.0.1.
pub(super) fn certificates(home: &Path) {
    let script = "set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
  -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=origin -keyout key.pem -out request.pem
printf 'subjectAltName=IP:127.0.0.1' >extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile extensions -out cert.pem";
    let made = clean_command("sh")
        .args(["-c", script])
        .current_dir(home)
        .output()
        .expect("a shell");
    let complaints = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "no certificates: {complaints}");
}

fn configuration(home: &Path, port: u16, tls_port: u16) -> String {
    let home = home.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 512; }}
rtmp {{ server {{
  listen 127.0.0.1:{port};
  application live {{ live on; }}
  application strict {{ live on; idle_streams off; }}
}} }}
stream {{ server {{
  listen 127.0.0.1:{tls_port} ssl;
  ssl_certificate {home}/cert.pem; ssl_certificate_key {home}/key.pem;
  proxy_pass 127.0.0.1:{port};
}} }}
"
    )
}
