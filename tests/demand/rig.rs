//! A hub in this process, without a server around it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sightglass::actors::accounts::Accounts;
use sightglass::actors::breakers::RenditionBreakers;
use sightglass::actors::catalog::Catalog;
use sightglass::actors::hls_output::HlsSettings;
use sightglass::actors::hub::{Hub, HubSettings, MonitorLease};
use sightglass::actors::ingest::{Ingest, IngestDeps, IngestStatus, Phase};
use sightglass::actors::output::Media;
use sightglass::actors::picked::Picked;
use sightglass::actors::plan::{Quality, Wish};
use sightglass::actors::pool::Pool;
use sightglass::actors::rendition::RenditionDeps;
use sightglass::actors::sessions::{self, SessionGuard, SessionLimits, Sessions};
use sightglass::actors::view::ViewRequest;
use sightglass::admission::Limits;
use sightglass::admission::costs::CostBook;
use sightglass::feed::{Join, Retention};
use sightglass::ingest::policy::{Policy, Rules};
use sightglass::ingest::{Demand, Dialer, Fetcher};
use sightglass::pipeline;
use sightglass::store::{Settings, Store};
use sightglass::stream::{Account, AccountRecord, Definition, Draft, StreamId};
use tokio_util::sync::CancellationToken;

use crate::support::eventually;

/// Long enough for anything that should take a moment, also on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// An ingest outlives its last viewer by this.
pub(crate) const LINGER: Duration = Duration::from_millis(300);

pub(crate) struct Rig {
    pub(crate) hub: Hub,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// Somebody who watches.
pub(crate) struct Viewer {
    _session: SessionGuard,
    media: Media,
    subscription: Picked,
    /// From the request to the first keyframe.
    pub(crate) first: Duration,
}

impl Rig {
    /// With accounts of one connection each, by their ids.
    pub(crate) fn new(accounts: &[&str]) -> Self {
        let library = Arc::new(pipeline::init(None).expect("GStreamer"));
        let folder = tempfile::tempdir().expect("a folder");
        let opened =
            Store::open(&folder.path().join("store"), &Settings::default()).expect("a store");
        let accounts = accounts.iter().map(|id| account(id)).collect();
        let catalog = Catalog::new(opened.store, Vec::new(), accounts);
        let sessions = Sessions::new(SessionLimits {
            per_client: 1000,
            total: 1000,
        });
        let policy = Arc::new(Policy::of(Rules {
            allow: vec!["127.0.0.0/8".parse().expect("a network")],
            ..Rules::default()
        }));
        let timeout = Duration::from_secs(2);
        let retention = Retention {
            history: Duration::from_secs(12),
            lag_bytes: 8 << 20,
            max_bytes: 24 << 20,
            keep_start: false,
        };
        let pool = || Pool::new(Limits::new(1, 1), CostBook::new(1, 1 << 30));
        let ingest = IngestDeps {
            fetcher: Fetcher::new(Arc::clone(&policy), "test", timeout, timeout).expect("a client"),
            dialer: Dialer::new(policy).expect("TLS"),
            media_dir: None,
            library: Arc::clone(&library),
            pool: pool(),
            accounts: Accounts::new(sessions.clone(), None),
            convert: pipeline::Profile::default(),
            retention,
            lead: Duration::from_secs(1),
            backoff: (Duration::from_millis(100), Duration::from_secs(1)),
            timeout,
            stall_timeout: timeout,
            teardown_deadline: timeout,
        };
        let hub = Hub::new(
            catalog,
            sessions,
            HubSettings {
                ingest,
                stream_linger: LINGER,
                rendition: RenditionDeps {
                    library,
                    pool: pool(),
                    breakers: RenditionBreakers::default(),
                    profiles: Arc::default(),
                    threads: 1,
                    retention,
                    lead: timeout,
                    linger: LINGER,
                    teardown_deadline: timeout,
                    max_age: None,
                },
                default_profile: "medium".to_owned(),
                hls: HlsSettings {
                    segment: Duration::from_secs(4),
                    window: 5,
                },
                hls_idle: Duration::from_secs(30),
            },
        );
        let stop = CancellationToken::new();
        tokio::spawn(hub.accounts().clone().run(stop.clone()));
        Self {
            hub,
            stop,
            _folder: folder,
        }
    }

    /// Adds a stream of these sources: URLs, or URLs and accounts.
    pub(crate) async fn add(&self, id: &str, sources: Value) -> Arc<Definition> {
        let body = json!({"id": id, "name": id, "sources": sources});
        let draft = Draft::from_value(body).expect("well-formed");
        let added = self
            .hub
            .catalog
            .add(|all| draft.check(None, |id: &StreamId| all.contains_key(id)));
        let added = added.await;
        added.map_err(|e| e.to_string()).expect("valid");
        self.definition(id)
    }

    pub(crate) fn definition(&self, id: &str) -> Arc<Definition> {
        let id = StreamId::parse(id).expect("valid");
        let record = self.hub.catalog.get(&id).expect("added");
        Arc::new(record.definition.clone())
    }

    pub(crate) fn monitor(&self, id: &str, demand: Demand) -> MonitorLease {
        self.hub.monitor_ingest(&self.definition(id), demand)
    }

    /// Watches the untouched source until it has a keyframe.
    pub(crate) async fn watch(&self, id: &str, client: u8) -> Viewer {
        let began = Instant::now();
        let request = ViewRequest {
            stream: StreamId::parse(id).expect("valid"),
            wish: Wish {
                quality: Some(Quality::Source),
                ..Wish::default()
            },
            timeout: SOON,
            viewer: sessions::Viewer::anybody(Ipv4Addr::new(192, 0, 2, client).into()),
            session: None,
        };
        let (session, media) = self.hub.view(&request).await.expect("a picture");
        let mut subscription = media.subscribe(Join::Newest);
        let first = subscription.next().await.expect("media");
        assert!(first.chunk.keyframe.is_some());
        Viewer {
            _session: session,
            media,
            subscription,
            first: began.elapsed(),
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.hub.drain();
        self.stop.cancel();
    }
}

impl Viewer {
    pub(crate) fn ingest(&self) -> &Ingest {
        &self.media.ingest
    }

    /// Reads until so much media has come, in seconds.
    pub(crate) async fn read(&mut self, seconds: u64) {
        let mut first = None;
        loop {
            let item = self.subscription.next().await.expect("media");
            let Some(clock) = item.chunk.clock else {
                continue;
            };
            let begin = *first.get_or_insert(clock);
            if clock.saturating_sub(begin) >= seconds * 90_000 {
                return;
            }
        }
    }
}

fn account(id: &str) -> AccountRecord {
    let body = json!({"id": id, "max_connections": 1, "release_ms": 50});
    AccountRecord {
        account: Account::define(body, None, |_| false).expect("valid"),
        revision: 1,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// Waits until the status is as wanted.
pub(crate) async fn until(ingest: &Ingest, what: &str, wanted: impl Fn(&IngestStatus) -> bool) {
    let mut status = ingest.status();
    let met = tokio::time::timeout(SOON, status.wait_for(|s| wanted(s))).await;
    // What was found is a lock on the status: let go before it is read again.
    let met = met.is_ok_and(|found| found.is_ok());
    let now = ingest.status().borrow().clone();
    assert!(met, "not {what}: {now:?}");
}

pub(crate) async fn until_live(ingest: &Ingest, demand: Demand) {
    let live = |s: &IngestStatus| s.phase == Phase::Live && s.demand == demand;
    until(ingest, &format!("live and {demand:?}"), live).await;
}

/// Waits until a count is as wanted.
pub(crate) async fn until_count(what: &str, wanted: usize, count: impl Fn() -> usize) {
    eventually(SOON, what, async || (count() == wanted).then_some(())).await;
}
