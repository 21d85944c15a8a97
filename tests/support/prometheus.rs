//! A real Prometheus that scrapes, and `promtool`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use super::child::{Finished, Kid, clean_command, run_with_input};
use super::http::http_client;
use super::nginx::free_port;
use super::wait::eventually;

/// Longest run of `promtool`.
const TOOL_LIMIT: Duration = Duration::from_secs(20);

/// A Prometheus with a store of its own; killed on drop.
pub struct Prometheus {
    _kid: Kid,
    base: String,
    http: reqwest::Client,
    _store: TempDir,
}

impl Prometheus {
    /// Starts one with this configuration file.
    ///
    /// # Panics
    /// When it does not come up, with what it wrote.
    pub async fn start(configuration: &Path) -> Self {
        let http = http_client().no_proxy().build().expect("an HTTP client");
        // Another process may take the free port before it does; then try another.
        for _ in 0..5 {
            let store = TempDir::with_prefix("sightglass-prometheus-").expect("a temporary folder");
            let address = format!("127.0.0.1:{}", free_port());
            let log = store.path().join("log");
            let output = std::fs::File::create(&log).expect("a log");
            let mut command = clean_command("prometheus");
            command
                .arg(format!("--config.file={}", configuration.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    store.path().join("data").display()
                ))
                .arg(format!("--web.listen-address={address}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(output);
            let mut kid = Kid::spawn(&mut command);
            let base = format!("http://{address}");
            let ready = format!("{base}/-/ready");
            let up = eventually(
                Duration::from_secs(20),
                "Prometheus to be ready",
                async || {
                    if kid.ended().is_some() {
                        return Some(false);
                    }
                    let answer = http.get(&ready).send().await.ok()?;
                    answer.status().is_success().then_some(true)
                },
            )
            .await;
            if up {
                return Self {
                    _kid: kid,
                    base,
                    http,
                    _store: store,
                };
            }
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(
                log.contains("address already in use"),
                "Prometheus does not start:\n{log}"
            );
        }
        panic!("no free port for Prometheus");
    }

    /// GET of its API: `data` of the answer.
    ///
    /// # Errors
    /// What it says of a request that it refuses.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let url = url::Url::parse_with_params(&format!("{}/api/v1/{path}", self.base), query)
            .map_err(|error| error.to_string())?;
        let answer = self.http.get(url).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if body["status"] == "success" {
            Ok(body["data"].clone())
        } else {
            Err(body["error"].as_str().unwrap_or_default().to_owned())
        }
    }

    /// The result of a query at this moment: one object with `metric` and `value` for each series.
    ///
    /// # Errors
    /// What is wrong with the query.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let data = self.get("query", &[("query", expression)]).await?;
        if data["resultType"] == "scalar" {
            return Ok(vec![data]);
        }
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }
}

/// Runs `promtool` with these arguments and this input.
pub async fn promtool(arguments: &[&str], input: &str) -> Finished {
    let mut command = clean_command("promtool");
    command.args(arguments);
    run_with_input(command, Bytes::from(input.to_owned()), TOOL_LIMIT).await
}
