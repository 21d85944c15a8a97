//! The HTTP side: routes, problem details, and the server under them.
//!
//! Handlers speak to the hub through handles and snapshots; they never see a pipeline. Before them come those who look at
//! each request whatever it wants: [`guard`].

mod accounts;
mod alerts;
mod auth;
mod base_path;
mod client;
mod cors;
mod door;
mod extract;
mod forwarded;
mod gate;
mod headers;
mod health;
mod history;
mod import;
mod info;
mod live;
mod monitor;
mod negotiation;
mod openapi;
mod origin;
mod page;
mod pictures;
mod pipelines;
mod preview;
mod problem;
mod rate;
mod records;
mod scrape;
mod server;
mod sources;
mod status;
mod streams;
mod throttle;
mod validation;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use door::Door;
pub use server::{Certificates, Limits, Server, TlsError};

use crate::actors::alerts::Alerts;
use crate::actors::auth::Auth;
use crate::actors::delivery::Delivery;
use crate::actors::hub::Hub;
use crate::actors::info::Info;
use crate::actors::live::Live;
use crate::actors::monitor::Monitor;
use crate::actors::validation::jobs::Validations;
use crate::base::clock;
use crate::metrics;
use problem::Problem;

/// What handlers need.
#[derive(Debug)]
pub struct AppState {
    /// What runs.
    pub hub: Arc<Hub>,
    /// Checks of sources.
    pub validations: Validations,
    /// Watches all streams.
    pub monitor: Monitor,
    /// Delivers notifications.
    pub delivery: Delivery,
    /// Who is told of what.
    pub alerts: Alerts,
    /// How the server itself is.
    pub info: Info,
    /// Tells those who follow what has changed.
    pub live: Live,
    /// Lets people and programs in.
    pub auth: Auth,
    /// Renders the metrics.
    pub prometheus: PrometheusHandle,
    /// One scrape at a time: others wait, and cost nothing until then.
    pub scraping: Arc<tokio::sync::Mutex<()>>,
    /// When the server started.
    pub started: Instant,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
    /// Who is let in, and how often.
    pub door: Door,
    /// Settings of the HTTP side.
    pub settings: HttpSettings,
}

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How long a preview waits for its first byte unless the request says otherwise.
    pub preview_timeout: Duration,
    /// As configured.
    pub environment: String,
    /// Where players reach us, if that is not where the request came to.
    pub public_url: Option<url::Url>,
    /// The address that is listened on.
    pub address: SocketAddr,
    /// The largest playlist that can be imported, bytes.
    pub max_import_bytes: usize,
    /// The largest JSON body, bytes.
    pub max_json_bytes: usize,
    /// The longest a body may take to come in.
    pub body_timeout: Duration,
}

/// All routes, and their description.
pub fn router(state: &Arc<AppState>) -> Router {
    let settings = &state.settings;
    let api = OpenApiRouter::new()
        .routes(routes!(streams::list, streams::create))
        .routes(routes!(
            streams::read,
            streams::replace,
            streams::patch,
            streams::remove
        ))
        .routes(routes!(streams::restore))
        .routes(routes!(sources::fail_over))
        .routes(routes!(monitor::monitor))
        .routes(routes!(history::events))
        .routes(routes!(pictures::list))
        .routes(routes!(history::history))
        .routes(routes!(history::availability))
        .routes(routes!(history::bitrates))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(
            accounts::read,
            accounts::replace,
            accounts::patch,
            accounts::remove
        ))
        .routes(routes!(validation::unsaved))
        .routes(routes!(validation::saved))
        .routes(routes!(validation::list, validation::begin))
        .routes(routes!(validation::read, validation::cancel))
        .routes(routes!(status::transcoding))
        .routes(routes!(pipelines::pipelines))
        .routes(routes!(status::end_session))
        .merge(info_routes())
        .merge(alerts::routes())
        .merge(auth::routes())
        .layer(DefaultBodyLimit::max(settings.max_json_bytes))
        .layer(middleware::from_fn_with_state(
            settings.max_json_bytes,
            refuse_large,
        ))
        .layer(whole_request(settings));
    let import = OpenApiRouter::new()
        .routes(routes!(import::import))
        .layer(DefaultBodyLimit::max(settings.max_import_bytes))
        .layer(middleware::from_fn_with_state(
            settings.max_import_bytes,
            refuse_large,
        ))
        .layer(whole_request(settings));
    let plain = OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
        .routes(routes!(scrape::metrics));
    let export = OpenApiRouter::new().routes(routes!(import::export));
    let compressed = api
        .merge(import)
        .merge(plain)
        .merge(export)
        .layer(CompressionLayer::new());
    // They compress by themselves: once for all who follow.
    let followed = OpenApiRouter::new()
        .routes(routes!(live::sse::events))
        .routes(routes!(live::socket::socket));
    let media = OpenApiRouter::new()
        .routes(routes!(monitor::thumbnail))
        .routes(routes!(pictures::picture))
        .routes(routes!(preview::preview))
        .routes(routes!(preview::index))
        .routes(routes!(preview::media_playlist))
        .routes(routes!(preview::segment));
    let (router, description) = OpenApiRouter::with_openapi(OpenApi::default())
        .merge(compressed)
        .merge(followed)
        .merge(media)
        .split_for_parts();
    let description = Bytes::from(openapi::describe(description, state.door.base_path()));
    let router = router
        .route(
            "/api/openapi.json",
            get(move || std::future::ready(json(description.clone()))),
        )
        .merge(page::routes(page::Page::new(state.door.base_path())))
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "The method does not apply here",
                "this resource does not take that method",
            )
        })
        .layer(RequestBodyTimeoutLayer::new(settings.body_timeout));
    let guarded = guard(router, state).with_state(Arc::clone(state));
    base_path::below(state.door.base_path(), guarded)
}

/// What comes before all routes; the last layer is the first to see a request.
fn guard(router: Router<Arc<AppState>>, state: &Arc<AppState>) -> Router<Arc<AppState>> {
    let state = || Arc::clone(state);
    router
        .layer(middleware::from_fn_with_state(state(), gate::gate))
        .layer(middleware::from_fn_with_state(
            state(),
            origin::refuse_foreign_pages,
        ))
        .layer(middleware::from_fn_with_state(state(), rate::limit))
        .layer(middleware::from_fn_with_state(state(), cors::cors))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state(), headers::secure))
        .layer(middleware::from_fn_with_state(state(), client::find))
        .layer(middleware::from_fn(observe))
}

/// About the server itself.
fn info_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(info::health))
        .routes(routes!(info::monitoring))
        .routes(routes!(info::events))
        .routes(routes!(info::profiles))
        .routes(routes!(info::logs))
        .routes(routes!(
            info::log_level,
            info::change_log_level,
            info::reset_log_level
        ))
}

/// Bounds a request from its head to its answer, also for one who sends its body drop by drop.
fn whole_request(settings: &HttpSettings) -> TimeoutLayer {
    const WORK: Duration = Duration::from_secs(90);
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, settings.body_timeout + WORK)
}

fn json(text: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

#[allow(clippy::needless_pass_by_value, reason = "as the layer wants it")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a request handler panicked");
    Problem::internal().into_response()
}

/// A body that says it is too large is refused before it is sent.
async fn refuse_large(State(most): State<usize>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > most) {
        return Problem::body_too_large(Some(most)).into_response();
    }
    next.run(request).await
}

async fn observe(request: Request, next: Next) -> Response {
    let began = clock::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = response.status().as_u16();
    metrics::http_request(&route, method, status, began.elapsed());
    tracing::debug!(route, method, status, "request");
    response
}
