//! The API as its clients meet it: definitions, playlists, probes, mistakes of every sort, crashes,
//! configuration. All through the real process.

// Tests live in wall clock time.
#![allow(clippy::disallowed_methods)]

mod accounts;
mod bad_input;
mod configuration;
mod crashes;
mod definitions;
mod history;
mod playlists_in;
mod playlists_out;
mod probes;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

const STREAMS: &str = "/api/v1/streams";
const IMPORT: &str = "/api/v1/streams/import";
const DRY: &str = "/api/v1/streams/import?dry_run=true";
const M3U: &str = "audio/x-mpegurl";
/// A port that nothing listens on.
const NOWHERE: &str = "http://127.0.0.1:9/x.ts";

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().expect("a plain header"))
}

/// The entity tag of an answer (RFC 9110, 8.8.3): strong, quoted, and opaque to clients.
fn etag(headers: &HeaderMap) -> String {
    let tag = header(headers, "etag");
    let inner = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    assert!(
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains('"')),
        "a strong entity tag, not {tag:?}"
    );
    tag.to_owned()
}

/// Adds a stream called `news`; its path and entity tag.
async fn news(server: &Server) -> (&'static str, String) {
    let (status, headers, body) = server.post(STREAMS, &stream("news")).await;
    assert_eq!(status, 201, "{body}");
    ("/api/v1/streams/news", etag(&headers))
}

/// Asserts that a reply is problem details (RFC 9457) of this status and code.
fn assert_problem(what: &str, (status, headers, body): &Reply, wanted: u16, code: &str) {
    assert_eq!(*status, wanted, "{what}: {body}");
    let kind = header(headers, "content-type");
    assert_eq!(kind, "application/problem+json", "{what}: {body}");
    assert_eq!(body["code"], code, "{what}: {body}");
    assert_eq!(body["status"], wanted, "{what}: {body}");
    assert_eq!(
        body["type"],
        format!("urn:sightglass:problem:{code}"),
        "{what}"
    );
    for member in ["title", "detail"] {
        let text = body[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{what}: no {member} in {body}");
    }
}

/// Any request, with a body that need not be JSON.
async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Reply {
    let mut request = server
        .http()
        .request(method.clone(), server.url(path))
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request
        .timeout(patience(Duration::from_secs(30)))
        .send()
        .await;
    let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a whole answer");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, headers, body)
}

/// Writes these bytes to the server's port and reads until it closes, or until `enough` was read.
async fn raw(server: &Server, request: &[u8], enough: &str) -> String {
    let address = server.base().trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    socket
        .write_all(request)
        .await
        .expect("the request can be written");
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains(enough) {
            match socket.read(&mut buffer).await {
                Ok(length @ 1..) => answer.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
    };
    let limit = patience(Duration::from_secs(10));
    tokio::time::timeout(limit, read)
        .await
        .expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

fn stream(id: &str) -> Value {
    json!({ "id": id, "name": id, "sources": [{ "url": NOWHERE }] })
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect()
}

async fn total(server: &Server) -> u64 {
    let (status, _, list) = server.get("/api/v1/streams?limit=1").await;
    assert_eq!(status, 200, "{list}");
    list["total"].as_u64().expect("a total")
}

async fn import(server: &Server, path: &str, text: &str) -> Value {
    let (status, _, report) = server.post_text(path, M3U, text).await;
    assert_eq!(status, 200, "{report}");
    report
}

fn counts(report: &Value) -> [u64; 4] {
    ["added", "changed", "unchanged", "skipped"].map(|name| report[name].as_u64().expect("a count"))
}

/// `sightglass` with these arguments and variables, to its end: exit code and all output.
async fn program(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = clean_command(env!("CARGO_BIN_EXE_sightglass"));
    command.args(args).envs(env.iter().copied());
    let ended = run(command, Duration::from_secs(20)).await;
    let code = ended.status.and_then(|status| status.code());
    (code, format!("{}{}", ended.text(), ended.stderr))
}
