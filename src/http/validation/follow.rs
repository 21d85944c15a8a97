//! A validation whose stages are told while it runs, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::actors::validation::{self, Course, Options};
use crate::http::AppState;
use crate::stream::Definition;

/// What a client names in `Accept` to look on.
pub(super) const EVENTS: &str = "text/event-stream";
/// How often it is looked how far it is: more often than people see.
const GLANCE: Duration = Duration::from_millis(100);
/// Events that may wait for the client: there are two for each stage at most.
const AHEAD: usize = 32;

/// Validates, and tells `progress` each time that a stage was passed and `report` at the end. It ends early, without a
/// report, when nobody reads any more or the server stops.
pub(super) fn follow(
    app: Arc<AppState>,
    definition: Definition,
    saved: bool,
    options: Options,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (events, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let _permit = permit;
        let course = Course::default();
        let work = validation::validate(&app.hub, &definition, saved, &options, &course);
        let told = tell(&course, &events);
        let report = tokio::select! {
            report = work => report,
            () = told => return,
            () = app.stopping.cancelled() => return,
        };
        let _ = events.send(event("report", &report)).await;
    });
    let body = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Event>| {
        let event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    let mut response = Sse::new(body).into_response();
    let head = response.headers_mut();
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back until its buffer is full.
    head.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Tells how far it is, until nobody reads any more.
async fn tell(course: &Course, events: &mpsc::Sender<Event>) {
    let mut told = None;
    loop {
        let now = course.now();
        if let Some(so_far) = now.as_ref().filter(|_| now != told) {
            if events.send(event("progress", so_far)).await.is_err() {
                return;
            }
            told = now;
        }
        tokio::select! {
            () = events.closed() => return,
            () = tokio::time::sleep(GLANCE) => {}
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    // What is told are plain structures.
    event.json_data(data).unwrap_or_default()
}
