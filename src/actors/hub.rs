//! What runs: ingests, renditions, HLS windows and sessions. How a viewer gets one of them is
//! in [`super::view`].

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::accounts::{Accounts, Monitoring};
use super::catalog::Catalog;
use super::descriptors::Descriptors;
use super::hls_output::{HlsOutput, HlsSettings, Sequences};
use super::hls_sessions::{HlsSessions, Touched};
use super::ingest::{Ingest, IngestDeps, IngestStatus, Phase};
use super::output::OutputKey;
use super::plan::RenditionKey;
use super::pool::{Pool, Verdict};
use super::rendition::{Rendition, RenditionDeps};
use super::sessions::Sessions;
use super::view::ViewError;
use crate::admission::govern::Reason;
use crate::base::breaker::Check;
use crate::base::breakers::Breakers;
use crate::base::clock;
use crate::base::ids::{ClientId, SessionId};
use crate::base::shared::{Attendance, Lease, Shareable, Shared};
use crate::ingest::{Demand, IngestError};
use crate::stream::{AccountId, Definition, State, StreamId};

/// Everything that runs.
#[derive(Debug)]
pub struct Hub {
    /// The definitions.
    pub catalog: Catalog,
    /// Who watches.
    pub sessions: Sessions,
    ingests: Shared<StreamId, Ingest>,
    pub(super) renditions: Shared<OutputKey, Rendition>,
    pub(super) windows: Shared<OutputKey, HlsOutput>,
    pub(super) hls_sessions: HlsSessions,
    pub(super) sequences: Arc<Sequences>,
    pub(super) settings: HubSettings,
    pub(super) draining: AtomicBool,
    descriptors: Descriptors,
}

/// How the hub runs things.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// For ingests.
    pub ingest: IngestDeps,
    /// How long an ingest outlives its last consumer.
    pub stream_linger: Duration,
    /// For renditions.
    pub rendition: RenditionDeps,
    /// Used where conversion is needed and no quality was asked for.
    pub default_profile: String,
    /// For HLS windows.
    pub hls: HlsSettings,
    /// An HLS session ends this long after its last request.
    pub hls_idle: Duration,
}

/// The monitor's part in an ingest; ends when dropped.
#[must_use]
#[derive(Debug)]
pub struct MonitorLease {
    ingest: Attendance<StreamId, Ingest>,
    _monitoring: Monitoring,
}

impl MonitorLease {
    /// Asks for something else from now on.
    pub fn ask(&self, demand: Demand) {
        self.ingest.set_monitored(demand);
    }

    /// The pull has ended, as with a change of the definition.
    pub fn has_ended(&self) -> bool {
        !self.ingest.is_alive()
    }
}

impl std::ops::Deref for MonitorLease {
    type Target = Ingest;

    fn deref(&self) -> &Ingest {
        &self.ingest
    }
}

/// A status snapshot of one stream.
#[derive(Clone, Debug)]
pub struct StreamStatus {
    /// Its state.
    pub state: State,
    /// Why it is down.
    pub error: Option<Arc<IngestError>>,
    /// The place among those that wait for a connection of an account, while it waits.
    pub queue: Option<(AccountId, usize)>,
    /// The pull, while there is one.
    pub ingest: Option<IngestStatus>,
}

impl Hub {
    /// Nothing runs yet.
    pub fn new(catalog: Catalog, sessions: Sessions, settings: HubSettings) -> Self {
        settings.ingest.accounts.know(catalog.accounts());
        Self {
            catalog,
            sessions,
            ingests: Shared::default(),
            renditions: Shared::default(),
            windows: Shared::default(),
            hls_sessions: HlsSessions::default(),
            sequences: Arc::default(),
            settings,
            draining: AtomicBool::new(false),
            descriptors: Descriptors::default(),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &HubSettings {
        &self.settings
    }

    /// The pool of transcodes.
    pub fn pool(&self) -> &Pool {
        &self.settings.rendition.pool
    }

    /// The connections that providers count.
    pub fn accounts(&self) -> &Accounts {
        &self.settings.ingest.accounts
    }

    /// The accounts were changed: what runs keeps to the new terms.
    pub fn accounts_changed(&self) {
        self.accounts().know(self.catalog.accounts());
    }

    /// Which renditions fail again and again.
    pub fn breakers(&self) -> MutexGuard<'_, Breakers<OutputKey, Arc<IngestError>>> {
        self.settings.rendition.breakers.lock()
    }

    /// The count of file descriptors.
    pub fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    /// The window of a running HLS output, for segments.
    pub fn window(&self, key: &OutputKey) -> Option<Arc<HlsOutput>> {
        self.windows.peek(key)
    }

    /// Notes a request of an HLS session.
    pub fn touch_hls(&self, id: SessionId, key: &OutputKey) -> Touched {
        self.hls_sessions.touch(id, key)
    }

    /// Ends HLS sessions that have made no request for a while.
    pub fn expire_hls(&self) {
        self.hls_sessions.expire(self.settings.hls_idle);
    }

    /// Pulls a stream for the monitor, or joins its pull. What it asks for counts while nobody
    /// watches; then the pull ends with this lease, and yields its account's slot to whoever watches
    /// another stream. A pull that has ended ([`MonitorLease::has_ended`]) is not begun again: after
    /// that ask anew.
    pub fn monitor_ingest(&self, definition: &Definition, demand: Demand) -> MonitorLease {
        // Before the pull asks for its slot.
        let monitoring = self.accounts().monitoring(definition.id.clone());
        let attend = || {
            let start = || self.start_ingest(definition, demand);
            self.ingests.attend(&definition.id, start)
        };
        let mut ingest = attend();
        if ingest.definition.sources != definition.sources {
            // Started by a request that had read the definition before it was changed.
            drop(ingest);
            self.definition_changed(&definition.id);
            ingest = attend();
        }
        ingest.set_monitored(demand);
        MonitorLease {
            ingest,
            _monitoring: monitoring,
        }
    }

    fn start_ingest(&self, definition: &Definition, demand: Demand) -> Ingest {
        let linger = definition
            .options
            .linger_ms
            .map_or(self.settings.stream_linger, Duration::from_millis);
        let definition = Arc::new(definition.clone());
        Ingest::start(definition, self.settings.ingest.clone(), linger, demand)
    }

    pub(super) fn lease_ingest(&self, definition: &Definition) -> Lease<StreamId, Ingest> {
        let lease = || {
            let start = || self.start_ingest(definition, Demand::Watched);
            self.ingests.lease(&definition.id, start)
        };
        let ingest = lease();
        if ingest.definition.sources == definition.sources {
            return ingest;
        }
        // Started by a request that had read the definition before it was changed.
        drop(ingest);
        self.definition_changed(&definition.id);
        lease()
    }

    pub(super) fn lease_rendition(
        &self,
        stream: &StreamId,
        key: &RenditionKey,
        definition: &Definition,
        address: IpAddr,
    ) -> Result<Lease<OutputKey, Rendition>, ViewError> {
        let output = (stream.clone(), key.clone());
        if let Some(running) = self.renditions.lease_existing(&output) {
            return Ok(running);
        }
        let check = self.breakers().check(&output, clock::now());
        if let Check::Refuse {
            retry_after,
            reason,
        } = check
        {
            let error = reason;
            return Err(ViewError::Broken { error, retry_after });
        }
        let figures = self.pool().figures();
        if figures.running >= figures.max {
            // What nobody watches makes room before anybody waits.
            self.make_room();
        }
        let source = self.lease_ingest(definition);
        Ok(self.renditions.lease(&output, || {
            let deps = self.settings.rendition.clone();
            Rendition::start(output.clone(), source, ClientId::of(address), deps)
        }))
    }

    /// Ends at once what nobody watches any more and only lingers.
    pub(super) fn make_room(&self) {
        for (stream, rendition) in self.renditions.stop_idle() {
            self.note_end(&stream, &rendition.to_string(), Reason::Idle);
        }
    }

    /// Notes that a pipeline is ended against somebody's wish.
    pub(super) fn note_end(&self, stream: &StreamId, rendition: &str, reason: Reason) {
        self.pool()
            .decided(stream, rendition, Verdict::Ended, reason.as_str());
    }

    /// Gives up the source that a stream is pulled from now; false when it is not pulled.
    pub fn reject_source(&self, id: &StreamId, error: IngestError) -> bool {
        let ingest = self.ingests.peek(id);
        ingest.map(|ingest| ingest.reject(error)).is_some()
    }

    /// The pull of a stream while media flows from this source of it, leased as for a viewer: what the
    /// monitor pulls may be another variant, or next to nothing.
    pub(super) fn flowing(
        &self,
        definition: &Definition,
        source: usize,
    ) -> Option<Lease<StreamId, Ingest>> {
        let ingest = self.ingests.peek(&definition.id)?;
        let status = ingest.status().borrow().clone();
        let flows = status.phase == Phase::Live && status.source == source;
        let same = ingest.definition.sources == definition.sources;
        let lease = || self.ingests.lease_existing(&definition.id);
        (flows && same).then(lease).flatten()
    }

    /// Ends a pull, whoever uses it.
    pub(super) fn end_ingest(&self, id: &StreamId) {
        self.ingests.stop_where(|key, _| key == id);
    }

    /// The state of a stream.
    pub fn status(&self, definition: &Definition) -> StreamStatus {
        let ingest = self.ingests.peek(&definition.id);
        // One that has ended by itself is forgotten with its last lease.
        let ingest = ingest.filter(|ingest| ingest.is_alive());
        let ingest = ingest.map(|ingest| ingest.status().borrow().clone());
        let (state, error) = match &ingest {
            _ if !definition.enabled => (State::Disabled, None),
            None => (State::Idle, None),
            Some(status) => {
                let state = match status.phase {
                    Phase::Waiting => State::Waiting,
                    Phase::Live => State::Up,
                    Phase::BackingOff => State::Down,
                    Phase::Connecting if status.error.is_some() => State::Down,
                    Phase::Connecting => State::Connecting,
                };
                (state, status.error.clone())
            }
        };
        StreamStatus {
            state,
            error,
            queue: ingest.as_ref().and_then(|status| self.place(status)),
            ingest,
        }
    }

    /// The account that a pull waits for, and its place in the queue, while it waits.
    pub(super) fn place(&self, status: &IngestStatus) -> Option<(AccountId, usize)> {
        let (account, place) = status.waits.clone()?;
        let position = self.accounts().position(&account, place)?;
        Some((account, position))
    }

    /// The rendition behind a session, if it is a converted one.
    pub fn rendition(&self, key: &OutputKey) -> Option<Arc<Rendition>> {
        self.renditions.peek(key)
    }

    /// A definition was changed or removed: what runs for it by the old sources ends.
    pub fn definition_changed(&self, id: &StreamId) {
        self.end_ingest(id);
        self.renditions.stop_where(|(key, _), _| key == id);
        self.windows.stop_where(|(key, _), _| key == id);
        self.breakers().reset_where(|(key, _)| key == id);
    }

    /// Ends everything and takes no more.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for session in self.sessions.list() {
            session.end();
        }
        self.hls_sessions.clear();
        self.windows.stop_where(|_, _| true);
        self.renditions.stop_where(|_, _| true);
        self.ingests.stop_where(|_, _| true);
    }
}
