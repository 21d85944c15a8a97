//! The server under test: the real binary, started as an operator would start it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::child::{Kid, clean_command};
use super::figures::Figures;
use super::logs::Logs;
use super::metrics::Metrics;
use super::wait::{eventually, patience};

/// Longest wait for the server to listen. Generous: a first start may scan the plugin registry.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for a clean end; the server itself promises 30 s.
const END_LIMIT: Duration = Duration::from_secs(40);
/// Longest wait for the whole answer of a JSON request.
const REQUEST_LIMIT: Duration = Duration::from_mins(1);
/// Lines of the log shown when a test fails.
const SHOWN: usize = 100;

/// Status, headers and body of an answer. A body that is not JSON is a JSON string; an empty one
/// is null.
pub type Reply = (u16, HeaderMap, Value);

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    env: Vec<(String, String)>,
    args: Vec<String>,
    db: Option<PathBuf>,
    config: Option<String>,
}

impl Options {
    /// The defaults: an empty store in a folder of its own, sources on loopback allowed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// Tries sources soon, so that tests need not wait for the pauses of real life: a trial of a
    /// better source comes after three seconds.
    pub fn quick(self) -> Self {
        self.env("SOURCE_BACKOFF_MIN", "100ms")
            .env("SOURCE_BACKOFF_MAX", "2s")
            .env("SOURCE_TIMEOUT", "1s")
            .env("SOURCE_STALL_TIMEOUT", "2s")
            .env("FEED_LEAD", "1s")
    }

    /// Adds an argument behind `serve --listen ... --db ...`.
    pub fn arg(mut self, argument: &str) -> Self {
        self.args.push(argument.to_owned());
        self
    }

    /// Uses this store, which outlives the server.
    pub fn db(mut self, path: &Path) -> Self {
        self.db = Some(path.to_owned());
        self
    }

    /// Passes this TOML text as the configuration file.
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }
}

/// A server that ended before it listened.
#[derive(Debug)]
pub struct StartFailure {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote, standard output and error together.
    pub output: String,
}

/// A running server; killed on drop, with its last log lines shown when the test is failing.
pub struct Server {
    kid: Kid,
    base: String,
    logs: Logs,
    http: reqwest::Client,
    options: Options,
    folder: Arc<TempDir>,
    started_in: Duration,
}

impl Server {
    /// Starts a server and waits until it listens.
    ///
    /// # Panics
    /// When it ends first, or does not listen in time.
    pub async fn start(options: Options) -> Self {
        match Self::try_start(options).await {
            Ok(server) => server,
            Err(failure) => panic!("no start ({}):\n{}", failure.status, failure.output),
        }
    }

    /// Starts a server that may refuse to start, as with a bad configuration.
    pub async fn try_start(options: Options) -> Result<Self, StartFailure> {
        let folder = TempDir::with_prefix("sightglass-test-").expect("a temporary folder");
        Self::launch(options, Arc::new(folder)).await
    }

    /// Starts it again on the same store, after [`Self::kill9`] or [`Self::terminate`]. The port
    /// is another one.
    pub async fn restart(self) -> Self {
        match Self::launch(self.options.clone(), Arc::clone(&self.folder)).await {
            Ok(server) => server,
            Err(failure) => panic!("no restart ({}):\n{}", failure.status, failure.output),
        }
    }

    async fn launch(options: Options, folder: Arc<TempDir>) -> Result<Self, StartFailure> {
        let db = options
            .db
            .clone()
            .unwrap_or_else(|| folder.path().join("sightglass.redb"));
        let mut command = clean_command(env!("CARGO_BIN_EXE_sightglass"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--db"])
            .arg(&db)
            .env("SOURCE_ALLOW_CIDRS", "127.0.0.0/8")
            .env("G_DEBUG", "fatal-criticals")
            .env("LOG_FORMAT", "json")
            // What watches by itself would be counted among what a test does.
            .env("MONITOR_MODE", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(toml) = &options.config {
            let path = folder.path().join("sightglass.toml");
            std::fs::write(&path, toml).expect("the configuration can be written");
            command.arg("--config").arg(path);
        }
        command
            .args(&options.args)
            .envs(options.env.iter().map(|(name, value)| (name, value)));

        let began = Instant::now();
        let mut kid = Kid::spawn(&mut command);
        let logs = Logs::default();
        logs.collect(kid.child().stdout.take().expect("stdout is piped"));
        logs.collect(kid.child().stderr.take().expect("stderr is piped"));
        let address = loop {
            if let Some(address) = logs.find(listening) {
                break address;
            }
            if let Some(status) = kid.ended() {
                // The collectors may still be reading the last lines.
                tokio::time::sleep(Duration::from_millis(100)).await;
                let output = logs.lines().join("\n");
                return Err(StartFailure { status, output });
            }
            assert!(
                began.elapsed() < patience(START_LIMIT),
                "the server does not listen after {:?}:\n{}",
                began.elapsed(),
                logs.tail(SHOWN).join("\n")
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let http = super::http::http_client()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        Ok(Self {
            kid,
            base: format!("http://{address}"),
            logs,
            http,
            options,
            folder,
            started_in: began.elapsed(),
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The URL of a path that begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The URL of the preview of stream `id`, with this query (which may be empty).
    pub fn preview(&self, id: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        self.url(&format!("/streams/preview/{id}{mark}{query}"))
    }

    /// From the start of the process to its word that it listens.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The folder that holds the store unless another was given; gone with the last server in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The HTTP client behind the helpers, for requests they have no form for.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// What the server has logged so far.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, &[], None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.request(Method::POST, path, &[], Some(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.request(Method::PUT, path, &[], Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.request(Method::PATCH, path, &[], Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path, &[], None).await
    }

    /// Any request with a whole, small answer, with further headers such as `If-Match`.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let payload = body.map(|body| ("application/json", body.to_string()));
        self.send(method, path, headers, payload).await
    }

    /// POST of a text, such as an M3U list.
    pub async fn post_text(&self, path: &str, content_type: &str, text: &str) -> Reply {
        let payload = Some((content_type, text.to_owned()));
        self.send(Method::POST, path, &[], payload).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        payload: Option<(&str, String)>,
    ) -> Reply {
        let mut request = self
            .http
            .request(method.clone(), self.url(path))
            .timeout(patience(REQUEST_LIMIT));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((content_type, text)) = payload {
            request = request.header("content-type", content_type).body(text);
        }
        let (status, headers, text) = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.text().await?))
        }
        .await
        .unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let body = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::String(text),
        };
        (status, headers, body)
    }

    /// GET whose body is read by the caller, as it comes.
    pub async fn raw_get(&self, path: &str) -> reqwest::Response {
        let answer = self.http.get(self.url(path)).send();
        tokio::time::timeout(patience(REQUEST_LIMIT), answer)
            .await
            .unwrap_or_else(|_| panic!("GET {path}: no headers in time"))
            .unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// Adds a stream with one source; panics unless it is created.
    pub async fn add_stream(&self, id: &str, url: &str) -> Value {
        self.add(json!({ "id": id, "name": id, "sources": [{ "url": url }] }))
            .await
    }

    /// Adds a stream as defined; panics unless it is created.
    pub async fn add(&self, definition: Value) -> Value {
        let (status, _, body) = self.post("/api/v1/streams", &definition).await;
        assert_eq!(status, 201, "adding {definition}: {body}");
        body
    }

    /// A scrape of `/metrics`.
    pub async fn metrics(&self) -> Metrics {
        match self.get("/metrics").await {
            (200, _, Value::String(text)) => Metrics::parse(&text),
            (status, _, body) => panic!("/metrics: {status} {body}"),
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.kid.pid()
    }

    /// Threads, descriptors, memory and CPU of the process.
    ///
    /// # Panics
    /// When the server has ended.
    pub fn figures(&self) -> Figures {
        self.kid.figures().expect("the server runs")
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.kid.ended()
    }

    /// Sends SIGTERM without waiting.
    pub fn ask_to_end(&self) {
        self.kid.terminate();
    }

    /// Sends SIGTERM and waits for the end: how it ended, and how long that took.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.kid.terminate();
        let kid = &mut self.kid;
        let status = eventually(END_LIMIT, "the end of the server", async || kid.ended()).await;
        (status, began.elapsed())
    }

    /// Stops the process for so long, as a machine does that sleeps or has no memory left.
    pub async fn stand_still(&self, time: Duration) {
        self.kid.signal("STOP");
        tokio::time::sleep(time).await;
        self.kid.signal("CONT");
        // Connections that said nothing meanwhile are closed; who asks just then is not answered.
        eventually(END_LIMIT, "an answer after the standstill", async || {
            let answer = self.http.get(self.url("/livez")).send().await;
            answer.is_ok().then_some(())
        })
        .await;
    }

    /// Kills it at once, as a crash or the kernel would.
    pub fn kill9(&mut self) {
        self.kid.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- last log lines of the server ---");
            eprintln!("{}", self.logs.tail(SHOWN).join("\n"));
            eprintln!("--- end of the server's log ---");
        }
    }
}

/// The address in the line by which the server says that it listens.
fn listening(line: &Value) -> Option<String> {
    let said = |key: &str| line["fields"].get(key).or_else(|| line.get(key))?.as_str();
    (said("message")? == "listening").then(|| said("addr").map(ToOwned::to_owned))?
}
