//! What is told: rows of flat members.
//!
//! Every member is always there, `null` where there is nothing to tell: a row laid over an older one replaces it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::SessionId;
use crate::conditions::{Health, Kind, Severity};
use crate::ingest::{Cause, Stage};
use crate::stream::{State, StreamId};

/// A table of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The streams that are defined.
    Streams,
    /// Who watches.
    Sessions,
    /// The pool of transcodes: one row.
    Pool,
    /// The server itself: one row.
    Server,
}

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its table.
    pub section: Section,
    /// Its id there; empty in a table of one row.
    pub id: String,
}

/// A stream, as those are told who look on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LiveStream)]
pub struct StreamRow {
    /// Its id. In every row.
    pub id: StreamId,
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: Option<String>,
    /// What is pulled of it: as in the list of streams, but `idle` while only the monitor looks at it now and then.
    pub state: State,
    /// How the monitor finds it; null when it is not watched.
    pub health: Option<Health>,
    /// Since when it is so (RFC 3339, UTC).
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What is the matter with it.
    pub conditions: Vec<ConditionRow>,
    /// Why it does not flow; null while it does, and when that is not known.
    pub failure: Option<FailureRow>,
    /// Which of its sources is pulled, from 0; null while `state` is `idle` or `disabled`.
    pub source: Option<usize>,
    /// Sessions that watch it.
    pub viewers: usize,
    /// Names the newest picture at `/thumbnail.jpg`; null when there is none. Told at once when health or conditions
    /// change, otherwise every 5 minutes at most.
    pub thumbnail: Option<u64>,
    /// Bits a second, three digits of it, where they are measured. Told when it has changed by more than a fifth, every 10 s
    /// at most.
    pub bitrate: Option<u64>,
}

/// Why a stream does not flow.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LiveFailure)]
pub struct FailureRow {
    /// How far the pull got; null when that is not known any more, as between two attempts of the monitor.
    pub stage: Option<Stage>,
    /// The sort of cause.
    pub cause: Option<Cause>,
    /// In a few words.
    #[schema(example = "the server answers 404 Not Found")]
    pub message: String,
}

/// A condition that lasts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LiveCondition)]
pub struct ConditionRow {
    /// What is the matter.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// When it was first seen (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// One viewer's session.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LiveSession)]
pub struct SessionRow {
    /// Its id. In every row.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// The stream.
    pub stream: StreamId,
    /// Where the viewer comes from.
    pub address: String,
    /// What the viewer calls itself.
    pub user_agent: Option<String>,
    /// `ts` or `hls`.
    pub format: &'static str,
    /// When it began (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The profile, or `source`; null while it is being chosen.
    pub quality: Option<String>,
    /// How far the rendition's pipeline is: `queued`, `starting`, `running` or `failed`; null where none is needed.
    pub pipeline: Option<&'static str>,
    /// Place in the queue, from 1.
    pub queue_position: Option<usize>,
}

/// The pool of transcodes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LivePool)]
pub struct PoolRow {
    /// Transcodes that run.
    pub running: usize,
    /// The most that may.
    pub slots: usize,
    /// Requests that wait.
    pub queued: usize,
    /// Why the next of them waits: `slots`, `memory`, `cpu`, `lag` or `descriptors`.
    pub hold: Option<&'static str>,
    /// Renditions that are refused for a while.
    pub suspended: usize,
    /// Where memory stands against its thresholds: `normal`, `warning` or `critical`.
    pub pressure: &'static str,
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LiveServer)]
pub struct ServerRow {
    /// What is the matter with it.
    pub conditions: Vec<ConditionRow>,
}

/// What is told at a time. In a `delta` only what has changed is there: of each row its id and the members that are
/// others than before, to be laid over those that one has; a row that is new has all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveDocument)]
pub struct Document {
    /// `snapshot`: forget what you have, this is everything. `delta`: lay it over what you have.
    pub r#type: &'static str,
    /// Where one is now: what `since` and `Last-Event-ID` take.
    #[schema(example = "5f2c91aa-1204")]
    pub id: String,
    /// When it was so (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Streams that are new or have changed.
    pub streams: Vec<StreamRow>,
    /// Ids of streams that are gone, or that the filter no longer lets through.
    pub streams_removed: Vec<StreamId>,
    /// Sessions that are new or have changed.
    pub sessions: Vec<SessionRow>,
    /// Ids of sessions that have ended.
    pub sessions_removed: Vec<String>,
    /// The pool, if it has changed.
    pub pool: Option<PoolRow>,
    /// The server, if it has changed.
    pub server: Option<ServerRow>,
}

impl Section {
    /// The member of the document that has its rows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Sessions => "sessions",
            Self::Pool => "pool",
            Self::Server => "server",
        }
    }

    /// Whether it has many rows.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Streams | Self::Sessions)
    }
}
