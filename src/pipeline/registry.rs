//! All pipelines of the process, and what each of them takes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::topology::Topology;
use crate::base::clock;
use crate::memory::{Account, Usage};

/// One pipeline of this process; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct PipelineId(u64);

/// What a pipeline works for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Id of the stream.
    pub stream: String,
    /// The rendition it makes; `source` for one that pulls.
    pub rendition: String,
}

/// Sorts of pipelines, as metrics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Decodes and encodes a picture.
    Transcode,
    /// Converts sound alone; a picture is copied.
    Audio,
    /// Brings a source in.
    Ingest,
    /// Decodes what the monitor looks at, for one stream after the other.
    Sample,
}

/// How far a pipeline is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is being built.
    Starting,
    /// It runs.
    Running,
    /// It is being torn down.
    Stopping,
    /// Its teardown passed the deadline: given up, but what it holds it still holds.
    Wedged,
}

/// A pipeline and what it takes.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which it is.
    pub id: PipelineId,
    /// What it works for.
    pub label: Label,
    /// Its topology.
    pub topology: Topology,
    /// How far it is.
    pub phase: Phase,
    /// When its building began.
    pub began: Instant,
    /// What it takes now; `None` where that is not measured.
    pub usage: Option<Usage>,
}

#[cfg(test)]
impl PipelineId {
    pub(crate) fn numbered(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Kind {
    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transcode => "transcode",
            Self::Audio => "audio",
            Self::Ingest => "ingest",
            Self::Sample => "sample",
        }
    }
}

impl Report {
    /// File descriptors that a pipeline of this topology holds, as counted at start.
    pub fn descriptors(&self) -> u32 {
        DESCRIPTORS[self.topology as usize].load(Ordering::Relaxed)
    }

    /// Its sort.
    pub fn kind(&self) -> Kind {
        self.topology.kind()
    }
}

impl Topology {
    /// The sort of its pipelines.
    pub fn kind(self) -> Kind {
        match self {
            Self::EncodeBoth | Self::EncodeVideo | Self::EncodeVideoOnly => Kind::Transcode,
            Self::EncodeAudio | Self::EncodeRadio => Kind::Audio,
            Self::Test
            | Self::Convert
            | Self::ConvertPair
            | Self::Srt
            | Self::Rtp
            | Self::IngestVideo
            | Self::IngestAudio => Kind::Ingest,
            Self::SamplePicture | Self::SampleSound => Kind::Sample,
        }
    }
}

/// Every pipeline that holds anything, in the order of their starts: wedged ones too.
///
/// Reads each one's memory, some ten microseconds for each.
pub fn pipelines() -> Vec<Report> {
    // Accounts are read outside the lock: a start never waits for a reader.
    let entries: Vec<_> = registry()
        .entries
        .iter()
        .map(|(&id, entry)| (PipelineId(id), entry.clone()))
        .collect();
    entries
        .into_iter()
        .map(|(id, entry)| Report {
            id,
            usage: entry.account.usage(),
            label: entry.label,
            topology: entry.topology,
            phase: entry.phase,
            began: entry.began,
        })
        .collect()
}

/// By topology. Which of the process's descriptors a pipeline has opened cannot be told while others come and go.
static DESCRIPTORS: [AtomicU32; Topology::ALL.len()] =
    [const { AtomicU32::new(0) }; Topology::ALL.len()];

pub(super) fn note_descriptors(topology: Topology, count: u32) {
    DESCRIPTORS[topology as usize].store(count, Ordering::Relaxed);
}

#[derive(Debug, Clone)]
struct Entry {
    label: Label,
    topology: Topology,
    phase: Phase,
    began: Instant,
    account: Account,
}

#[derive(Debug)]
struct Registry {
    next: u64,
    entries: BTreeMap<u64, Entry>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 1,
    entries: BTreeMap::new(),
});

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the list, kept until nothing of the pipeline is left.
#[derive(Debug)]
pub(super) struct Registered {
    id: PipelineId,
    account: Account,
}

impl Registered {
    pub(super) fn begin(label: Label, topology: Topology) -> Self {
        let account = Account::open();
        let entry = Entry {
            label,
            topology,
            phase: Phase::Starting,
            began: clock::now(),
            account: account.clone(),
        };
        let mut registry = registry();
        let id = registry.next;
        registry.next += 1;
        registry.entries.insert(id, entry);
        Self {
            id: PipelineId(id),
            account,
        }
    }

    /// For a pipeline that is charged to nobody and listed nowhere.
    pub(super) fn nobody() -> Self {
        Self {
            id: PipelineId(0),
            account: Account::nobody(),
        }
    }

    pub(super) fn id(&self) -> PipelineId {
        self.id
    }

    /// What its threads and memory are charged to.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn enter_phase(&self, phase: Phase) {
        if let Some(entry) = registry().entries.get_mut(&self.id.0) {
            entry.phase = phase;
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let gone = registry().entries.remove(&self.id.0);
        // Gives an arena back, outside the lock.
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_listed_from_its_beginning_to_its_end() {
        let label = Label {
            stream: "registry-test".into(),
            rendition: "low".into(),
        };
        let phase = || {
            pipelines()
                .into_iter()
                .find(|report| report.label.stream == "registry-test")
                .map(|report| (report.phase, report.kind().as_str()))
        };
        let registered = Registered::begin(label, Topology::EncodeRadio);
        assert_eq!(phase(), Some((Phase::Starting, "audio")));
        registered.enter_phase(Phase::Wedged);
        assert_eq!(phase(), Some((Phase::Wedged, "audio")));
        drop(registered);
        assert_eq!(phase(), None);
    }
}
