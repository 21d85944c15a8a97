//! What the server says of the health of its streams.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::server::Server;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A condition of a stream that is raised now.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// `black`, `down`, ...
    pub kind: String,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it was raised.
    pub at: Timestamp,
}

/// The health of a stream.
#[derive(Debug, Clone)]
pub struct Health {
    /// `up`, `degraded`, `down`, `unknown`, `paused`.
    pub state: String,
    /// What is raised.
    pub raised: Vec<Raised>,
    /// The last look.
    pub checked_at: Option<Timestamp>,
}

impl Health {
    /// Reads the `health` of a stream's record.
    pub fn read(record: &Value) -> Self {
        let health = &record["health"];
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let conditions = health["conditions"].as_array();
        let raised = conditions.into_iter().flatten().map(|condition| Raised {
            kind: condition["kind"].as_str().unwrap_or_default().to_owned(),
            since: time(&condition["since"]).expect("since"),
            at: time(&condition["raised_at"]).expect("raised_at"),
        });
        Self {
            state: health["state"].as_str().unwrap_or_default().to_owned(),
            raised: raised.collect(),
            checked_at: time(&health["checked_at"]),
        }
    }

    /// The kinds that are raised.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.raised.iter().map(|one| one.kind.as_str()).collect()
    }
}

/// The health of one stream.
pub async fn health(server: &Server, id: &str) -> Health {
    let (status, _, record) = server.get(&format!("/api/v1/streams/{id}")).await;
    assert_eq!(status, 200, "{record}");
    Health::read(&record)
}

/// The health of every stream (up to 1,000), by id.
pub async fn healths(server: &Server) -> BTreeMap<String, Health> {
    let (status, _, page) = server.get("/api/v1/streams?limit=1000").await;
    assert_eq!(status, 200, "{page}");
    let records = page["items"].as_array().into_iter().flatten();
    let read = |record: &Value| {
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        (id, Health::read(record))
    };
    records.map(read).collect()
}

/// The share of the monitored streams that were looked at within their interval.
pub async fn coverage(server: &Server) -> f64 {
    let (status, _, body) = server.get("/api/v1/monitor").await;
    assert_eq!(status, 200, "{body}");
    body["coverage"].as_f64().expect("a coverage")
}

/// Whatever is raised in so much time, on any stream: `id: kind`.
pub async fn alarms(server: &Server, time: Duration) -> BTreeSet<String> {
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    while began.elapsed() < time {
        for (id, health) in healths(server).await {
            for kind in health.kinds() {
                let alarm = format!("{id}: {kind}");
                if !seen.contains(&alarm) {
                    eprintln!("{:.0} s: {alarm}", began.elapsed().as_secs_f64());
                    seen.insert(alarm);
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    seen
}
