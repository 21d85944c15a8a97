//! The program under a service manager: what it tells, and what it takes.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::support::{Kid, Options, Server, eventually, http_client, run};
use crate::{SOON, TOOL_LIMIT};

/// What a manager has been told, in order.
#[derive(Clone)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// Listens at `path` as systemd does.
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let told = Self(Arc::default());
        let all = Arc::clone(&told.0);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let lines = message.lines().map(ToOwned::to_owned);
                all.lock().unwrap().extend(lines);
            }
        });
        told
    }

    fn count(&self, line: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|l| *l == line).count()
    }

    fn position(&self, line: &str) -> Option<usize> {
        self.0.lock().unwrap().iter().position(|l| l == line)
    }

    async fn wait(&self, line: &str, times: usize) {
        eventually(SOON, line, async || {
            (self.count(line) >= times).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manager_is_told_of_readiness_life_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let told = Told::at(&path);
    let options = Options::new()
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "3000000");
    let mut server = Server::start(options).await;
    told.wait("READY=1", 1).await;
    assert_eq!(server.get("/readyz").await.0, 200);
    told.wait("WATCHDOG=1", 3).await;
    server
        .add(json!({ "id": "a", "name": "a", "sources": [{ "url": "http://127.0.0.1:9/" }] }))
        .await;
    told.wait("STATUS=1 streams, 0 viewers, 0 pipelines", 1)
        .await;

    let (status, _) = server.terminate().await;
    assert!(status.success());
    told.wait("STOPPING=1", 1).await;
    assert_eq!(told.count("READY=1"), 1);
    assert!(told.position("READY=1") < told.position("STOPPING=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_the_manager_holds_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let (_kid, base) = activated(folder.path(), &[]).await;
    // The first request starts the server, and waits for it.
    let answer = http_client().no_proxy().build().unwrap();
    let answer = answer.get(format!("{base}/readyz")).timeout(SOON * 2);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sockets_are_refused_with_a_word_on_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_tcp_port();
    let second = format!("127.0.0.1:{port}");
    let (mut kid, base) = activated(folder.path(), &["-l", &second]).await;
    let client = http_client().no_proxy().build().unwrap();
    let _ = client
        .get(base)
        .timeout(Duration::from_secs(1))
        .send()
        .await;
    let status = eventually(SOON, "the end of the server", async || kid.ended()).await;
    assert_eq!(status.code(), Some(1));
    let said = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(
        said.contains("give the socket unit one ListenStream"),
        "{said}"
    );
}

/// The server behind systemd's own stand-in for a socket unit; the URL at which it is waited for.
async fn activated(folder: &Path, more: &[&str]) -> (Kid, String) {
    let address = format!("127.0.0.1:{}", crate::support::free_tcp_port());
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["-l", &address])
        .args(more)
        .args(["-E", "LOG_FORMAT=json", "-E", "MONITOR_MODE=off"])
        .arg(env!("CARGO_BIN_EXE_sightglass"))
        // Where it would listen by itself, somebody else may.
        .args(["serve", "--listen", "192.0.2.1:1", "--db"])
        .arg(folder.join("sightglass.redb"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let kid = Kid::spawn(&mut command);
    let listening = folder.join("log");
    eventually(SOON, "the socket", async || {
        let said = std::fs::read_to_string(&listening).ok()?;
        said.contains("Listening on").then_some(())
    })
    .await;
    (kid, format!("http://{address}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_the_variable_that_it_is_called_after() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ENVIRONMENT"), "from a credential\n").unwrap();
    std::fs::write(folder.path().join("TRANSCODE_THREADS"), "3\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sightglass"));
    command
        .args(["check-config", "--print"])
        .env("CREDENTIALS_DIRECTORY", folder.path())
        .env("TRANSCODE_THREADS", "1");
    let done = run(command, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);
    let printed = done.text();
    assert!(
        printed.contains("environment = \"from a credential\""),
        "{printed}"
    );
    // The environment itself is stronger.
    assert!(printed.contains("\nthreads = 1 "), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_can_ask_for_its_health() {
    let mut server = Server::start(Options::new()).await;
    let address = server.base().strip_prefix("http://").unwrap().to_owned();
    let ask = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sightglass"));
        command.args(["health", "--listen", &address]);
        let done = run(command, TOOL_LIMIT).await;
        (done.status.and_then(|status| status.code()), done.stderr)
    };
    assert_eq!(ask().await.0, Some(0));
    server.terminate().await;
    let (code, told) = ask().await;
    assert_eq!(code, Some(1));
    assert!(told.contains("no answer from 127.0.0.1"), "{told}");
}
