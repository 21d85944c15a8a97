//! Renditions whose pipelines fail again and again: who asks for one is answered at once, with the
//! reason, until a trial succeeds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::output::OutputKey;
use crate::base::breaker::Policy;
use crate::base::breakers::Breakers;
use crate::ingest::IngestError;

/// Renditions that are remembered for their failures.
const REMEMBERED: usize = 1024;
/// A pipeline that has run this long without a failure is healthy.
pub(super) const HEALTHY: Duration = Duration::from_secs(30);
/// A rendition fails when its pipeline has failed several times in a row, so once is enough.
const POLICY: Policy = Policy {
    failures: 1,
    window: Duration::from_mins(1),
    pause: Duration::from_secs(10),
    pause_max: Duration::from_mins(5),
    healthy: HEALTHY,
    trial_max: Duration::from_mins(2),
};

/// The breakers of all renditions; cheap to clone.
#[derive(Clone, Debug)]
pub struct RenditionBreakers(Arc<Mutex<Breakers<OutputKey, Arc<IngestError>>>>);

impl Default for RenditionBreakers {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Breakers::new(POLICY, REMEMBERED))))
    }
}

impl RenditionBreakers {
    /// To ask and to tell.
    pub fn lock(&self) -> MutexGuard<'_, Breakers<OutputKey, Arc<IngestError>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
