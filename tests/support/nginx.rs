//! nginx as an origin that nobody here wrote.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use super::child::{Kid, clean_command};
use super::wait::eventually;

/// An nginx that serves a folder on a loopback port; killed on drop.
pub struct Nginx {
    /// `None` while it is stopped.
    kid: Option<Kid>,
    port: u16,
    home: TempDir,
}

impl Nginx {
    /// Serves `folder` (playlists as `application/vnd.apple.mpegurl`, segments as `video/mp2t`);
    /// at so many bytes a second where the query says `rate=`.
    pub async fn serve(folder: &Path) -> Self {
        Self::with(&format!("root {};", folder.display())).await
    }

    /// Serves as these directives of a `server` say.
    pub async fn with(directives: &str) -> Self {
        let home = TempDir::with_prefix("sightglass-nginx-").expect("a temporary folder");
        // Another process may take the free port before nginx does; then try another.
        for _ in 0..5 {
            let port = free_port();
            let config = home.path().join("nginx.conf");
            std::fs::write(&config, configuration(home.path(), directives, port))
                .expect("the configuration can be written");
            let kid = start(home.path(), port).await;
            if kid.is_some() {
                return Self { kid, port, home };
            }
        }
        let errors = std::fs::read_to_string(home.path().join("error.log")).unwrap_or_default();
        panic!("nginx does not start:\n{errors}");
    }

    /// The URL of a path (without a slash in front) in the folder.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Lines of the access log so far: `METHOD path status user-agent`.
    pub fn requests(&self) -> Vec<String> {
        std::fs::read_to_string(self.home.path().join("access.log"))
            .unwrap_or_default()
            .lines()
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Stops it; its port refuses connections until [`Self::resume`].
    pub fn stop(&mut self) {
        self.kid = None;
    }

    /// Starts it again on the same port.
    pub async fn resume(&mut self) {
        let kid = start(self.home.path(), self.port).await;
        self.kid = Some(kid.expect("nginx starts on the port that it had"));
    }
}

/// Starts nginx with the `nginx.conf` in `home`, and waits until it listens on `port`; `None` when
/// it ends instead.
pub(super) async fn start(home: &Path, port: u16) -> Option<Kid> {
    let mut command = clean_command("nginx");
    command
        .arg("-c")
        .arg(home.join("nginx.conf"))
        .arg("-p")
        .arg(home)
        .args(["-e", "error.log"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut kid = Kid::spawn(&mut command);
    let up = eventually(Duration::from_secs(10), "nginx to listen", async || {
        if kid.ended().is_some() {
            return Some(false);
        }
        let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        connected.is_ok().then_some(true)
    })
    .await;
    up.then_some(kid)
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// One process in the foreground, everything it writes below `home`.
fn configuration(home: &Path, directives: &str, port: u16) -> String {
    let home = home.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 512; }}
http {{
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; application/dash+xml mpd; }}
  default_type application/octet-stream;
  log_format brief '$request_method $uri $status $http_user_agent';
  access_log {home}/access.log brief;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port}; {directives}
    if ($arg_rate) {{ set $limit_rate $arg_rate; }}
  }}
}}
"
    )
}
