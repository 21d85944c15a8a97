//! Who is let in, and who is not: through the real door, as everybody who knocks.

mod hostile;
mod media;
mod roles;
mod start;

use std::time::Duration;

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const PASSWORD: &str = "correct horse battery";

/// A server on which `admin` may log in, and everybody must.
async fn guarded(options: Options) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let path = file.to_str().unwrap();
    Server::start(options.env("AUTH_ADMIN_PASSWORD_FILE", path)).await
}

fn basic(name: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64.encode(format!("{name}:{password}").as_bytes())
    )
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn admin() -> String {
    basic("admin", PASSWORD)
}

async fn as_(
    server: &Server,
    credentials: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Reply {
    let headers = [("authorization", credentials)];
    server.request(method, path, &headers, body).await
}

/// What the administrator gets.
async fn asked(server: &Server, method: Method, path: &str, body: Option<&Value>) -> Value {
    let (status, _, answer) = as_(server, &admin(), method.clone(), path, body).await;
    assert!(status < 300, "{method} {path}: {status} {answer}");
    answer
}

async fn add_user(server: &Server, name: &str, role: &str) {
    let user = json!({"name": name, "role": role, "password": PASSWORD});
    asked(server, Method::POST, "/api/v1/users", Some(&user)).await;
}

async fn token(server: &Server, scope: &str) -> String {
    let draft = json!({"name": scope, "scopes": [scope]});
    let made = asked(server, Method::POST, "/api/v1/tokens", Some(&draft)).await;
    made["token"].as_str().unwrap().to_owned()
}

async fn add_stream(server: &Server, id: &str, url: &str) {
    let stream = json!({"id": id, "name": id, "sources": [{"url": url}],
        "attributes": {"catchup-source": "http://provider.example/secret"}});
    asked(server, Method::POST, "/api/v1/streams", Some(&stream)).await;
}

/// Logs in as a page does: the cookie, as a browser sends it back, and as it was set.
async fn log_in(server: &Server, name: &str, password: &str) -> (String, String) {
    let login = json!({"name": name, "password": password});
    let (status, headers, body) = server.post("/api/v1/login", &login).await;
    assert_eq!(status, 200, "{body}");
    let set = headers["set-cookie"].to_str().unwrap().to_owned();
    (set.split(';').next().unwrap().to_owned(), set)
}
