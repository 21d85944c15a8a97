//! The server as it is now, as those are told who look on.

use std::collections::HashMap;

use crate::actors::hub::Hub;
use crate::actors::info::Info;
use crate::actors::monitor::{Known, Monitor};
use crate::actors::plan::RenditionKey;
use crate::actors::rendition::RenditionStatus;
use crate::actors::sessions::{Format, Session};
use crate::conditions::{Condition, Kind, TEXT_MAX};
use crate::ingest::IngestError;
use crate::live::{
    ConditionRow, FailureRow, PoolRow, Seen, SeenStream, ServerRow, SessionRow, StreamRow,
};
use crate::stream::{Definition, MonitorMode, State, StreamId};

pub(super) fn look(hub: &Hub, monitor: &Monitor, info: &Info) -> Seen {
    let mut sessions = hub.sessions.list();
    sessions.sort_by_key(|session| session.id);
    let mut viewers: HashMap<&StreamId, usize> = HashMap::new();
    for session in &sessions {
        *viewers.entry(&session.stream).or_default() += 1;
    }
    let mut known: HashMap<StreamId, Known> = monitor.all().into_iter().collect();
    let all = hub.catalog.snapshot();
    let streams = all.iter().map(|(id, record)| {
        let viewers = viewers.get(id).copied().unwrap_or(0);
        stream(hub, monitor, &record.definition, known.remove(id), viewers)
    });
    Seen {
        streams: streams.collect(),
        sessions: sessions.iter().map(|one| session(hub, one)).collect(),
        pool: Some(pool(hub)),
        server: Some(server(info)),
    }
}

fn stream(
    hub: &Hub,
    monitor: &Monitor,
    definition: &Definition,
    known: Option<Known>,
    viewers: usize,
) -> SeenStream {
    let status = hub.status(definition);
    // A look pulls for a moment, once in each interval: that is the monitor's business, not the stream's.
    let only_looked_at = known
        .as_ref()
        .is_some_and(|k| k.mode == MonitorMode::Sampled);
    let state = match status.state {
        State::Disabled => State::Disabled,
        _ if viewers == 0 && only_looked_at => State::Idle,
        state => state,
    };
    let is_pulled = !matches!(state, State::Idle | State::Disabled);
    let failure = match status.state {
        State::Up => None,
        _ => failure(known.as_ref(), status.error.as_deref()),
    };
    let bitrate = known.as_ref().and_then(|known| known.bitrate);
    let row = StreamRow {
        id: definition.id.clone(),
        name: definition.name.clone(),
        group: definition.group.clone(),
        state,
        failure,
        source: status.ingest.filter(|_| is_pulled).map(|one| one.source),
        viewers,
        thumbnail: monitor.thumbnail(&definition.id).map(|one| one.version),
        bitrate: None,
        health: known.as_ref().map(|known| known.health),
        since: known.as_ref().map(|known| known.health_since),
        conditions: known.map_or_else(Vec::new, |known| {
            known.conditions.iter().map(condition).collect()
        }),
    };
    SeenStream { row, bitrate }
}

/// Why a stream does not flow: what its pull says; between two looks, when there is none, what was found by the last one.
fn failure(known: Option<&Known>, error: Option<&IngestError>) -> Option<FailureRow> {
    if let Some(error) = error {
        return Some(FailureRow {
            stage: Some(error.stage),
            cause: Some(error.cause),
            message: shortened(&error.message),
        });
    }
    let mut conditions = known?.conditions.iter();
    let found = conditions.find(|one| {
        use Kind::{Blocked, Down, Stale, Stalled};
        matches!(one.kind, Down | Stalled | Stale | Blocked)
    })?;
    Some(FailureRow {
        stage: None,
        cause: found.evidence.cause,
        message: shortened(&found.evidence.text),
    })
}

/// At most [`TEXT_MAX`] characters of it.
fn shortened(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

fn condition(condition: &Condition) -> ConditionRow {
    ConditionRow {
        kind: condition.kind,
        severity: condition.severity,
        since: condition.since,
    }
}

fn session(hub: &Hub, session: &Session) -> SessionRow {
    let key = session.rendition();
    let quality = key.as_ref().map(|key| key.profile().unwrap_or("source"));
    let quality = quality.map(str::to_owned);
    let output = key.filter(RenditionKey::is_encoded);
    let rendition = output.and_then(|key| hub.rendition(&(session.stream.clone(), key)));
    let pipeline = rendition
        .as_ref()
        .map(|rendition| match *rendition.status().borrow() {
            RenditionStatus::Queued => "queued",
            RenditionStatus::Starting => "starting",
            RenditionStatus::Running => "running",
            RenditionStatus::QueueFull
            | RenditionStatus::OutOfDescriptors
            | RenditionStatus::Failed(_) => "failed",
        });
    SessionRow {
        id: session.id,
        stream: session.stream.clone(),
        address: session.viewer.address.to_string(),
        user_agent: session.viewer.user_agent.clone(),
        format: match session.format {
            Format::Ts => "ts",
            Format::Hls => "hls",
        },
        since: session.started_at,
        quality,
        pipeline,
        queue_position: rendition.and_then(|one| one.queue_position()),
    }
}

fn pool(hub: &Hub) -> PoolRow {
    let figures = hub.pool().figures();
    let host = figures.host;
    PoolRow {
        running: figures.running,
        slots: figures.max,
        queued: figures.queued,
        hold: figures.hold.map(crate::admission::Hold::as_str),
        suspended: hub.suspended().len(),
        pressure: host.thresholds.pressure(host.process_bytes).as_str(),
    }
}

fn server(info: &Info) -> ServerRow {
    let raised = info.state().conditions;
    let row = |condition: &Condition| ConditionRow {
        kind: condition.kind,
        severity: condition.severity,
        since: condition.since,
    };
    ServerRow {
        conditions: raised.iter().map(row).collect(),
    }
}
