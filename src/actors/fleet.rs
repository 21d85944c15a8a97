//! All pipelines that run, with what they work for.

use std::collections::HashMap;
use std::sync::Arc;

use super::hub::Hub;
use super::output::OutputKey;
use super::rendition::{Live, Rendition};
use crate::base::breakers::Broken;
use crate::base::clock;
use crate::ingest::IngestError;
use crate::pipeline::{self, PipelineId, Report};

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Member {
    /// What it takes.
    pub report: Report,
    /// The rendition that it works for; `None` for one that pulls, and for one that no rendition
    /// counts on any more because it is being torn down.
    pub work: Option<Work>,
}

/// A rendition whose pipeline runs.
#[derive(Clone, Debug)]
pub struct Work {
    /// Which output.
    pub key: OutputKey,
    /// The rendition.
    pub rendition: Arc<Rendition>,
    /// Its pipeline's state.
    pub live: Live,
    /// Sessions that watch it.
    pub viewers: usize,
}

/// A rendition that is refused for a while, because it failed or was ended.
pub type Suspended = Broken<OutputKey, Arc<IngestError>>;

impl Hub {
    /// Every pipeline of the process, oldest first. Reads the memory of each.
    pub fn fleet(&self) -> Vec<Member> {
        let mut work = self.at_work();
        pipeline::pipelines()
            .into_iter()
            .map(|report| Member {
                work: work.remove(&report.id),
                report,
            })
            .collect()
    }

    /// Renditions that are refused for a while.
    pub fn suspended(&self) -> Vec<Suspended> {
        self.breakers().broken(clock::now()).collect()
    }

    fn at_work(&self) -> HashMap<PipelineId, Work> {
        let viewers = self.sessions.by_output();
        self.renditions
            .list()
            .into_iter()
            .filter_map(|(key, rendition, _)| {
                let live = rendition.live()?;
                let work = Work {
                    viewers: viewers.get(&key).copied().unwrap_or(0),
                    key,
                    rendition,
                    live,
                };
                Some((work.live.pipeline, work))
            })
            .collect()
    }
}
