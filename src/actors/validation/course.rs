//! How far a validation is, for who looks on while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

use super::stages::{Journey, StepReport};
use crate::ingest::Progress;
use crate::stream::SourceUrl;

/// How far one source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationSourceProgress)]
pub struct SoFar {
    /// Its place in the definition, from 0.
    pub source: usize,
    /// All stages: those that were passed, the one that it is at, and those to come.
    pub stages: Vec<StepReport>,
}

/// Where a validation is. Whoever runs it tells, and anybody may look.
#[derive(Debug, Default)]
pub struct Course(Mutex<Option<At>>);

#[derive(Debug)]
struct At {
    source: usize,
    url: SourceUrl,
    progress: Option<Arc<Progress>>,
    decodes: bool,
}

impl Course {
    /// How far it is now; `None` before it begins.
    pub fn now(&self) -> Option<SoFar> {
        let at = self.at();
        let at = at.as_ref()?;
        let found = at.progress.as_ref().map(|progress| progress.found());
        let passed = at.progress.as_ref().map(|progress| progress.stages());
        let protocol = found.as_ref().and_then(|found| found.protocol.as_deref());
        let journey = Journey::new(&at.url, protocol, &passed.unwrap_or_default(), None);
        Some(SoFar {
            source: at.source,
            stages: journey.so_far(at.decodes),
        })
    }

    /// A source is looked at from now on.
    pub(super) fn begins(&self, source: usize, url: &SourceUrl) {
        *self.at() = Some(At {
            source,
            url: url.clone(),
            progress: None,
            decodes: false,
        });
    }

    /// This tells how far its pull is.
    pub(super) fn follows(&self, progress: &Arc<Progress>) {
        if let Some(at) = self.at().as_mut() {
            at.progress = Some(Arc::clone(progress));
        }
    }

    /// What came is put through the decoders.
    pub(super) fn decodes(&self) {
        if let Some(at) = self.at().as_mut() {
            at.decodes = true;
        }
    }

    fn at(&self) -> MutexGuard<'_, Option<At>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
