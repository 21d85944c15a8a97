//! Webhooks: their signature by an independent tool, and receivers that misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use sightglass::notify::{Stage, Target};
use sightglass::store::outbox::State;
use sightglass::stream::Secret;
use url::Url;

use crate::SOON;
use crate::rig::{Rig, down};
use crate::support::{clean_command, eventually, run_with_input};

type Calls = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A receiver that does what the path says, and what came to it.
async fn receiver() -> (Url, Calls) {
    async fn answer(
        Extract(calls): Extract<Calls>,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let path = uri.path().to_owned();
        let before = {
            let mut calls = calls.lock().unwrap();
            calls.push((path.clone(), headers, body));
            calls.iter().filter(|call| call.0 == path).count()
        };
        match path.as_str() {
            "/busy" if before < 3 => (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response(),
            "/gone" => (StatusCode::GONE, "nobody\r\nis here").into_response(),
            "/moved" => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/ok")]).into_response()
            }
            "/hang" => std::future::pending().await,
            _ => StatusCode::NO_CONTENT.into_response(),
        }
    }
    let calls = Calls::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&calls));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    (Url::parse(&url).unwrap(), calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_told_again_with_the_same_number() {
    const SECRET: &str = "a secret of some length";
    let (url, calls) = receiver().await;
    let rig = Rig::new(None);
    let target = Target::Webhook {
        url: url.join("busy").unwrap(),
        secret: Some(Secret::Text(SECRET.to_owned())),
    };
    rig.receiver("hook", target);
    let id = rig.tell("hook", vec![down("news")]).await;
    rig.sent(id).await;
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 3);
    for (_, headers, body) in &calls {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("webhook-id"), id.to_string());
        assert_eq!(text("content-type"), "application/json");
        // As the documentation tells people to verify it.
        let mut signed = format!("{id}.{}.", text("webhook-timestamp")).into_bytes();
        signed.extend_from_slice(body);
        let script = format!("openssl dgst -sha256 -hmac '{SECRET}' -binary | base64");
        let mut openssl = clean_command("sh");
        openssl.args(["-c", &script]);
        let finished = run_with_input(openssl, signed.into(), SOON).await;
        let expected = String::from_utf8_lossy(&finished.stdout);
        assert_eq!(text("webhook-signature"), format!("v1,{}", expected.trim()));
        let json: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(json["title"], "[critical] Channel news: down");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_for_good_redirects_are_not_followed_and_a_hanging_receiver_holds_only_itself()
{
    let (url, calls) = receiver().await;
    let rig = Rig::new(None);
    let mut ids = HashMap::new();
    for path in ["hang", "gone", "moved", "ok"] {
        let url = url.join(path).unwrap();
        rig.receiver(path, Target::Webhook { url, secret: None });
        ids.insert(path, rig.tell(path, vec![down("news")]).await);
    }
    let began = Instant::now();
    rig.sent(ids["ok"]).await;
    let gone = rig.row(ids["gone"], |row| row.state == State::Dead).await;
    let moved = rig.row(ids["moved"], |row| row.state == State::Dead).await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    let said = gone.last_error.unwrap();
    assert_eq!(
        said.message,
        "the receiver answered with HTTP status 410: nobody is here"
    );
    assert!(
        moved
            .last_error
            .unwrap()
            .message
            .contains("redirects are not followed")
    );
    let hangs = rig.row(ids["hang"], |row| row.attempts >= 1).await;
    let error = hangs.last_error.unwrap();
    assert_eq!((hangs.state, error.stage), (State::Pending, Stage::Request));
    assert!(!error.message.contains("127.0.0.1"), "{}", error.message);
    let paths: Vec<_> = calls
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.0.clone())
        .collect();
    assert_eq!(
        paths.iter().filter(|path| *path == "/ok").count(),
        1,
        "{paths:?}"
    );
    // Once it answers, what waited comes.
    let url = url.join("mended").unwrap();
    rig.receiver("hang", Target::Webhook { url, secret: None });
    rig.sent(ids["hang"]).await;
    eventually(SOON, "an empty outbox but for the dead", async || {
        let rows = rig.store.outbox().rows().await.unwrap();
        rows.iter()
            .all(|row| row.state == State::Dead)
            .then_some(())
    })
    .await;
}
