//! Wires the parts together; owns the order in which they start and drain.

mod auth;
mod confinement;
mod door;
pub mod health;
pub mod people;
mod supervised;
pub mod trial;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actors::accounts::Accounts;
use crate::actors::alerts::Alerts;
use crate::actors::auth::{Auth, AuthError};
use crate::actors::breakers::RenditionBreakers;
use crate::actors::catalog::Catalog;
use crate::actors::convert::encoding;
use crate::actors::delivery::{self, Delivery};
use crate::actors::governor::{self, Bounds};
use crate::actors::hls_output::HlsSettings;
use crate::actors::hub::{Hub, HubSettings};
use crate::actors::info::{self, Info};
use crate::actors::ingest::IngestDeps;
use crate::actors::live::Live;
use crate::actors::monitor::{self, Monitor};
use crate::actors::pool::Pool;
use crate::actors::rendition::RenditionDeps;
use crate::actors::sampler::{Sampler, SamplerOptions};
use crate::actors::sessions::{SessionLimits, Sessions};
use crate::actors::validation::jobs::Validations;
use crate::admission::costs::{self, CostBook};
use crate::admission::{self, Thresholds};
use crate::base::clock;
use crate::conditions::{Condition, Kind};
use crate::config::{Config, Sources, Transcode};
use crate::feed::Retention;
use crate::history::KeptState;
use crate::http::{self, AppState};
use crate::ingest::policy::{Policy, Rules};
use crate::ingest::{Dialer, Fetcher};
use crate::log::Log;
use crate::mail::{self, Mailer};
use crate::metrics;
use crate::notify::{Poster, PosterSettings, Receivers, Retry, alertmanager};
use crate::pipeline::{self, Library};
use crate::process;
use crate::store::{self, AlertsKept, Closing, Opened, Store};
use crate::stream::{Draft, StreamId};
use crate::supervise::{self, Supervisor};

pub use confinement::{confine, tell_confinement};

/// HLS sessions are looked through this often.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);
/// GStreamer ingests that may wait for a lease.
const INGEST_QUEUE: usize = 256;
/// Deliveries under way when the server ends may take this long.
const DELIVERY_GRACE: Duration = Duration::from_secs(5);
/// The longest that a pipeline which is tried at start may take.
const WARM_UP_DEADLINE: Duration = Duration::from_secs(10);

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// GStreamer or a pipeline file.
    #[error(transparent)]
    Pipeline(#[from] pipeline::PipelineError),
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The socket that the service manager passes.
    #[error(transparent)]
    Passed(#[from] supervise::PassedError),
    /// The HTTP client.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The system's certificates cannot be used.
    #[error("TLS to sources cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificate of this server.
    #[error("TLS cannot be served: {0}")]
    Certificate(#[from] crate::http::TlsError),
    /// Mail.
    #[error("mail cannot be set up: {0}")]
    Mail(String),
    /// The metrics recorder.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// It would listen beyond this machine, and nobody could log in.
    #[error(
        "{address} is not loopback, and nobody could log in there. Add an administrator (sightglass user add NAME --role admin, \
         or AUTH_ADMIN_PASSWORD_FILE), or start with --auth required to be told a one-time token that makes one; or let \
         everybody in with --insecure"
    )]
    Unguarded {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// Who is let in.
    #[error("nobody can be let in: {0}")]
    Auth(String),
    /// Something did not end in time.
    #[error("forced to stop: {0}")]
    Forced(String),
}

impl From<AuthError> for AppError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(error) => Self::Store(error),
            error => Self::Auth(error.to_string()),
        }
    }
}

/// Runs the server until `stop` is cancelled and everything has ended.
///
/// # Errors
/// When a part does not start, or does not end within the shutdown timeout.
pub async fn run(
    config: Config,
    supervisor: Supervisor,
    log: Log,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let started = clock::now();
    let passed = supervise::passed_listener()?;
    let prometheus = metrics::install()?;
    raise_descriptor_limit();
    let pipelines_dir = config.transcode.pipelines_dir.clone();
    let library = blocking(move || pipeline::init(pipelines_dir.as_deref())).await?;
    let db_path = config.db_path.clone();
    let kept = store_settings(&config);
    let Opened {
        store,
        closing,
        records,
        accounts,
        costs,
        states,
        alerts,
        auth,
    } = blocking(move || Store::open(&db_path, &kept)).await?;
    let auth = auth::open(&config, passed.as_ref(), store.clone(), auth).await?;
    let outbox = store.clone();
    let catalog = Catalog::new(store, records, accounts);
    if config.demo {
        add_demo_streams(&catalog).await;
    }
    let bounds = bounds(&config);
    warm_up(&library).await;
    let sampler = sampler(&config, &library, &bounds);
    let hub = Arc::new(hub(
        &config,
        catalog,
        Arc::new(library),
        &costs,
        bounds.ceiling_bytes,
    )?);
    let (server, address, certificates) = door::listen(&config, passed).await?;
    auth::listening(&config, &auth, address)?;
    let mut states: HashMap<_, _> = states.into_iter().collect();
    let kept = states.remove(&StreamId::server());
    let monitor = Monitor::new(
        Arc::clone(&hub),
        sampler.clone(),
        monitor::Settings::new(&config.monitor, config.limits.memory_warning),
        states,
        kept.as_ref().and_then(own_network),
    );
    let alerts = alerting(&config, &hub, &monitor, alerts);
    let delivery = delivery(&config, outbox, Arc::new(alerts.clone())).await?;
    let (info, looker) = look_at_ourselves(&config, &hub, &monitor, &log, &delivery, kept);
    let live = Live::new(
        Arc::clone(&hub),
        monitor.clone(),
        info.clone(),
        &config.live,
    );
    let state = Arc::new(AppState {
        monitor: monitor.clone(),
        alerts: alerts.clone(),
        info,
        live: live.clone(),
        auth: auth.clone(),
        hub: Arc::clone(&hub),
        delivery: delivery.clone(),
        validations: Validations::new(Arc::clone(&hub), stop.clone()),
        prometheus: prometheus.clone(),
        scraping: Arc::default(),
        started,
        stopping: stop.clone(),
        door: door::door(&config, address),
        settings: door::settings(&config, address),
    });
    let router = http::router(&state);
    tracing::info!(addr = %address, streams = hub.catalog.snapshot().len(), "listening");
    if config.demo {
        announce(&config, address, &hub);
    }
    // They end with `stop`.
    let tasks = TaskTracker::new();
    let keeping = upkeep(Arc::clone(&hub), auth, prometheus, log, stop.clone());
    tasks.spawn(keeping);
    tasks.spawn(door::reload(certificates, supervisor.clone(), stop.clone()));
    tasks.spawn(looker.run(stop.clone()));
    tasks.spawn(hub.accounts().clone().run(stop.clone()));
    tasks.spawn(governor::run(Arc::clone(&hub), bounds, stop.clone()));
    tasks.spawn(monitor.run(stop.clone()));
    tasks.spawn(delivery.run(stop.clone()));
    tasks.spawn(alerts.run(stop.clone()));
    tasks.spawn(live.run(stop.clone()));
    let serving = tokio::spawn(server.run(router, stop.clone()));
    supervised::begin(supervisor, &hub, &tasks, stop.clone());
    tasks.close();
    stop.cancelled().await;
    let drained = drain(&hub, serving, config.shutdown_timeout);
    let (ended, ()) = tokio::join!(drained, sampler.close());
    tasks.wait().await;
    close(hub, closing).await;
    tracing::info!(clean = ended.is_ok(), "stopped");
    ended
}

/// Who tells whom of what.
fn alerting(config: &Config, hub: &Arc<Hub>, monitor: &Monitor, kept: AlertsKept) -> Alerts {
    let settings = crate::alerts::Settings {
        rate_limit: config.alerts.rate_limit,
        ..crate::alerts::Settings::default()
    };
    let (hub, monitor) = (Arc::clone(hub), monitor.clone());
    Alerts::new(hub, monitor, kept, settings, &config.email.to)
}

fn store_settings(config: &Config) -> store::Settings {
    store::Settings {
        history: crate::history::Bounds {
            age: config.monitor.history_age,
            bytes: config.monitor.history_bytes as u64,
            picture_bytes: config.monitor.pictures_bytes as u64,
        },
        ..store::Settings::default()
    }
}

/// Figures and conditions of the server itself; `kept` is what was known when it was stopped.
fn look_at_ourselves(
    config: &Config,
    hub: &Arc<Hub>,
    monitor: &Monitor,
    log: &Log,
    delivery: &Delivery,
    kept: Option<KeptState>,
) -> (Info, info::Looker) {
    let delivery = delivery.clone();
    Info::new(info::Parts {
        hub: Arc::clone(hub),
        monitor: monitor.clone(),
        log: log.clone(),
        db_path: config.db_path.clone(),
        disk_free: config.limits.disk_free as u64,
        outbox: Box::new(move || {
            let figures = delivery.figures();
            let waited = |since| {
                clock::wall()
                    .duration_since(since)
                    .try_into()
                    .unwrap_or_default()
            };
            Some(crate::info::OutboxFigures {
                pending: figures.pending as u64,
                dead: figures.dead as u64,
                oldest: figures.oldest_pending.map(waited),
            })
        }),
        kept,
    })
}

/// The condition of our own network, if it lasted when the server was stopped.
fn own_network(kept: &KeptState) -> Option<Condition> {
    let mut conditions = kept.conditions.iter();
    conditions.find(|it| it.kind == Kind::OwnNetwork).cloned()
}

fn raise_descriptor_limit() {
    match process::raise_descriptor_limit() {
        Ok((soft, hard)) => tracing::info!(was = soft, now = hard, "descriptor limit raised"),
        Err(error) => tracing::warn!(%error, "cannot raise the descriptor limit"),
    }
}

/// What the operator allows, and what the control group does.
fn bounds(config: &Config) -> Bounds {
    let group = process::cgroup_limits();
    let limits = &config.limits;
    let thresholds = Thresholds::capped(
        limits.memory_warning as u64,
        limits.memory_critical as u64,
        group.memory_bytes,
    );
    let cores = match limits.cpu_cores {
        0 => process::available_cores(&group),
        cores => cores as f32,
    };
    tracing::info!(
        cores,
        memory_warning_bytes = thresholds.warning_bytes,
        memory_critical_bytes = thresholds.critical_bytes,
        group_memory_bytes = group.memory_bytes,
        "bounds of pipelines"
    );
    Bounds {
        thresholds,
        ceiling_bytes: (limits.pipeline_memory as u64).min(thresholds.critical_bytes),
        cores,
    }
}

/// The first viewer need not wait for plugins to be loaded from disk, and what they keep for good is
/// charged to nobody's pipeline.
async fn warm_up(library: &Library) {
    match pipeline::warm_up(library, WARM_UP_DEADLINE).await {
        Ok(took) => tracing::info!(milliseconds = took.as_millis() as u64, "pipelines are warm"),
        Err(error) => tracing::error!(%error, "a pipeline that was tried at start does not work"),
    }
}

/// Who delivers notifications.
async fn delivery(
    config: &Config,
    store: Store,
    receivers: Arc<dyn Receivers>,
) -> Result<Delivery, AppError> {
    let alerts = &config.alerts;
    let mailer = match mail_settings(config) {
        Some(settings) => {
            let made = blocking(move || Mailer::new(settings).map_err(AppError::Mail)).await?;
            Some(made)
        }
        None => None,
    };
    let poster = Poster::new(&PosterSettings {
        allow: alerts.allow_cidrs.clone(),
        private: alerts.allow_private,
        loopback: alerts.allow_loopback,
        deny_ports: alerts.deny_ports.clone(),
        timeout: alerts.timeout,
    })?;
    let settings = delivery::Settings {
        retry: Retry {
            min: alerts.retry_min,
            max: alerts.retry_max,
            give_up: alerts.give_up_after,
        },
        batch: config.email.batch,
        batch_pause: config.email.batch_pause,
        repeat: alertmanager::REPEAT,
        grace: config.shutdown_timeout.min(DELIVERY_GRACE),
        secrets_dir: config.sources.secrets_dir.clone(),
    };
    Ok(Delivery::new(store, receivers, mailer, poster, settings))
}

/// How mail leaves; `None` where there is no mail server.
pub fn mail_settings(config: &Config) -> Option<mail::Settings> {
    let email = &config.email;
    let (host, from) = (email.host.clone()?, email.from.clone()?);
    let file = email.password_file.clone().map(mail::Password::File);
    let text = email.password.clone().map(|it| mail::Password::Text(it.0));
    let login = email.username.clone().zip(file.or(text));
    let login = login.map(|(username, password)| mail::Login { username, password });
    if login.is_some() && email.security == mail::Security::Plain {
        tracing::warn!("the password of the mail server is sent without encryption");
    }
    Some(mail::Settings {
        host,
        port: match email.port {
            0 => email.security.port(),
            port => port,
        },
        security: email.security,
        login,
        ca_file: email.ca_file.clone(),
        from,
        hello: email.hello.clone(),
        timeout: email.timeout,
        installation: config.environment.clone(),
    })
}

/// The decoders that look at streams.
fn sampler(config: &Config, library: &Library, bounds: &Bounds) -> Sampler {
    let options = SamplerOptions {
        decoders: config.monitor.decoders,
        ceiling_bytes: bounds
            .ceiling_bytes
            .min(SamplerOptions::default().ceiling_bytes),
        teardown_deadline: config.transcode.teardown_deadline,
        ..SamplerOptions::default()
    };
    Sampler::new(library.clone(), options)
}

fn rules(sources: &Sources) -> Rules {
    Rules {
        allow: sources.allow_cidrs.clone(),
        deny: sources.deny_cidrs.clone(),
        private: sources.allow_private,
        multicast: sources.allow_multicast,
        listen: sources.allow_listen,
        deny_ports: sources.deny_ports.clone(),
        schemes: Some(sources.schemes.clone()),
    }
}

fn hub(
    config: &Config,
    catalog: Catalog,
    library: Arc<Library>,
    learned: &[(String, Vec<u8>)],
    ceiling: u64,
) -> Result<Hub, AppError> {
    let retention = Retention {
        // What a transcode or an HLS window begins with.
        history: config.sources.lead.max(config.hls.segment * 3),
        lag_bytes: config.feed.lag_bytes,
        max_bytes: config.feed.max_bytes,
        keep_start: false,
    };
    let sources = &config.sources;
    let sessions = Sessions::new(SessionLimits {
        per_client: config.sessions.max_per_client,
        total: config.sessions.max_total,
    });
    let policy = Arc::new(Policy::of(rules(sources)));
    let dialer = Dialer::new(Arc::clone(&policy))?;
    let fetcher = Fetcher::new(
        policy,
        &sources.user_agent,
        sources.default_timeout,
        sources.stall_timeout,
    )?;
    let transcode = &config.transcode;
    let mut book = CostBook::new(costs::CAPACITY, ceiling);
    let restored = learned.iter().filter(|(key, json)| book.restore(key, json));
    tracing::debug!(rows = restored.count(), "costs of pipelines are known");
    let ingest_costs = CostBook::new(1, ceiling);
    let settings = HubSettings {
        ingest: IngestDeps {
            fetcher,
            dialer,
            media_dir: sources.media_dir.clone(),
            library: Arc::clone(&library),
            accounts: Accounts::new(sessions.clone(), sources.secrets_dir.clone()),
            pool: Pool::new(
                admission::Limits::new(transcode.max_gst_ingests, INGEST_QUEUE),
                ingest_costs,
            ),
            convert: conversion(transcode),
            retention,
            lead: sources.lead,
            backoff: (sources.backoff_min, sources.backoff_max),
            timeout: sources.default_timeout,
            stall_timeout: sources.stall_timeout,
            teardown_deadline: transcode.teardown_deadline,
        },
        stream_linger: config.sessions.stream_linger,
        rendition: RenditionDeps {
            library,
            pool: Pool::new(
                admission::Limits::new(transcode.max_concurrent, transcode.queue_length),
                book,
            ),
            breakers: RenditionBreakers::default(),
            profiles: Arc::new(transcode.profiles.clone()),
            threads: transcode.threads,
            retention,
            lead: sources.lead,
            linger: config.sessions.rendition_linger,
            teardown_deadline: transcode.teardown_deadline,
            max_age: Some(transcode.pipeline_max_age).filter(|age| !age.is_zero()),
        },
        default_profile: transcode.default_profile.clone(),
        hls: HlsSettings {
            segment: config.hls.segment,
            window: config.hls.window,
        },
        hls_idle: config.sessions.hls_idle,
    };
    Ok(Hub::new(catalog, sessions, settings))
}

/// How a picture is encoded that TS cannot carry: well enough to be shown as it is, or encoded once more.
fn conversion(transcode: &Transcode) -> crate::pipeline::Profile {
    let profile = transcode.profiles.get("medium");
    let profile = profile.or_else(|| transcode.profiles.get(&transcode.default_profile));
    profile.map_or_else(Default::default, |profile| {
        encoding(profile, transcode.threads)
    })
}

/// Streams for who has none yet.
async fn add_demo_streams(catalog: &Catalog) {
    if !catalog.snapshot().is_empty() {
        return;
    }
    let demo = [
        ("test-ball", "Test: moving ball", "test://ball"),
        ("test-bars", "Test: colour bars", "test://bars"),
    ];
    for (id, name, url) in demo {
        let json = serde_json::json!({
            "id": id, "name": name, "group": "Test", "sources": [{ "url": url }]
        });
        let added = match serde_json::from_value::<Draft>(json) {
            Ok(draft) => catalog
                .add(|all| draft.check(None, |id: &StreamId| all.contains_key(id)))
                .await
                .map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = added {
            tracing::warn!(stream = id, error, "cannot add the test stream");
        }
    }
}

/// Tells a newcomer what to open.
#[allow(clippy::print_stdout, reason = "for the person at the terminal")]
fn announce(config: &Config, address: std::net::SocketAddr, hub: &Hub) {
    let (scheme, base_path) = (config.tls.scheme(), &config.door.base_path);
    let base = format!("{scheme}://{address}{base_path}");
    println!(
        "\nSightglass is running. Open this in a browser:\n\n  {base}/\n\nOr one of these in VLC, mpv or ffplay:\n"
    );
    for id in hub.catalog.snapshot().keys().take(3) {
        println!("  {base}/streams/preview/{id}");
        println!("  {base}/streams/preview/{id}/index.m3u8   (HLS)");
    }
    println!("\nAll streams as a playlist: {base}/playlist.m3u");
    println!("Health: {base}/health   Metrics: {base}/metrics");
    println!("Ctrl-C stops it.\n");
}

async fn upkeep(
    hub: Arc<Hub>,
    auth: Auth,
    prometheus: metrics_exporter_prometheus::PrometheusHandle,
    log: Log,
    stop: CancellationToken,
) {
    while stop
        .run_until_cancelled(tokio::time::sleep(EXPIRY_INTERVAL))
        .await
        .is_some()
    {
        hub.expire_hls();
        auth.expire(clock::now());
        prometheus.run_upkeep();
        log.tick(clock::now());
    }
}

/// Ends bodies, pipelines and connections, in this order, within `timeout`.
async fn drain(
    hub: &Hub,
    serving: tokio::task::JoinHandle<()>,
    timeout: Duration,
) -> Result<(), AppError> {
    tracing::info!("stopping");
    hub.drain();
    let deadline = tokio::time::Instant::now() + timeout;
    let pipelines = async {
        while pipeline::census().running > 0 {
            // Again, for what a request that was under way has started since.
            hub.drain();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let torn_down = tokio::time::timeout_at(deadline, pipelines).await;
    let served = tokio::time::timeout_at(deadline, serving).await;
    let mut left = Vec::new();
    if torn_down.is_err() {
        let census = pipeline::census();
        left.push(format!("{} pipelines did not end", census.running));
    }
    if served.is_err() {
        left.push("connections did not end".to_owned());
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(AppError::Forced(left.join(", ")))
}

/// The store closes when its last handle is dropped. Who still holds one (a request that was cut
/// off) is not waited for: every acknowledged write is on disk already.
async fn close(hub: Arc<Hub>, closing: Closing) {
    drop(hub);
    let closed = tokio::task::spawn_blocking(move || closing.wait());
    if tokio::time::timeout(Duration::from_secs(2), closed)
        .await
        .is_err()
    {
        tracing::debug!("the store is still in use; its writes are on disk");
    }
}

async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, AppError>
where
    AppError: From<E>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(AppError::Forced(format!(
            "a part panicked at start: {error}"
        ))),
    }
}
