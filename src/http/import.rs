//! M3U in and out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::AppState;
use super::auth::Signer;
use super::client::Client;
use super::extract::{Params, read_body};
use super::gate::Access;
use super::problem::Problem;
use crate::auth::{Permission, Place};
use crate::ingest::IngestError;
use crate::m3u::{self, Counts, Plan, PreviewFormat, Row};
use crate::stream::{Draft, Invalid, Source, SourceKind, State, StreamId};

/// The largest body that may hold the URL of a playlist instead of a playlist.
const MAX_URL_BODY: usize = 8 << 10;
/// How long a playlist may take to arrive from elsewhere.
const FETCH_TIME: std::time::Duration = std::time::Duration::from_mins(1);

/// Imports that hold a body at a time.
static IMPORTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

/// How to import.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// Only tell what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ImportReport {
    /// True when nothing was written because that was asked for.
    dry_run: bool,
    /// The sums.
    #[serde(flatten)]
    counts: Counts,
    /// Every entry, and every line that could not be used, in the order of the lines.
    rows: Vec<Row>,
}

/// Imports an M3U playlist.
///
/// The body is the playlist, or `{"url": "http://..."}` to have it fetched from there under the
/// same rules as any source.
#[utoipa::path(post, path = "/api/v1/streams/import", tag = "streams", params(ImportParams),
    request_body(content((String = "audio/x-mpegurl"), (String = "text/plain"))),
    responses((status = 200, body = ImportReport), (status = 400, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn import(
    Extract(app): Extract<Arc<AppState>>,
    Params(params): Params<ImportParams>,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    // Bodies are large here: two at a time, the others wait with theirs unread.
    let _turn = IMPORTS.acquire().await.map_err(|_| Problem::internal())?;
    let body = read_body(request, &()).await?;
    let body = match playlist_url(&body)? {
        Some(source) => fetch(&app, &source).await?,
        None => body,
    };
    let hub = Arc::clone(&app.hub);
    let dry_run = params.dry_run;
    let written = tokio::spawn(async move {
        let plan = move |all: crate::actors::catalog::Snapshot| {
            let parsed = m3u::parse(&body, &m3u::Limits::default());
            let plan = m3u::plan(parsed, all.values().map(|r| &r.definition));
            let wanted = plan.rows.iter().filter(|_| !dry_run);
            let definitions = wanted.filter_map(|r| r.definition.clone()).collect();
            (plan, definitions)
        };
        let (plan, ids) = hub.catalog.import(plan).await?;
        for id in ids {
            hub.definition_changed(&id);
        }
        Ok::<_, Problem>(plan)
    });
    let plan = written.await.map_err(|_| Problem::internal())??;
    let Plan { counts, rows } = plan;
    // A body that is no playlist at all is one mistake, not an import without entries.
    if let [only] = rows.as_slice()
        && counts.skipped == 1
        && only.name.is_empty()
    {
        let reason = only.reason.clone().unwrap_or_default();
        return Err(Problem::bad_request(format!(
            "nothing can be imported: {reason}"
        )));
    }
    tracing::info!(
        added = counts.added,
        changed = counts.changed,
        unchanged = counts.unchanged,
        skipped = counts.skipped,
        dry_run,
        "playlist imported"
    );
    Ok(Json(ImportReport {
        dry_run,
        counts,
        rows,
    }))
}

/// The source that a JSON body names; `None` when the body is no JSON object.
fn playlist_url(body: &Bytes) -> Result<Option<Source>, Problem> {
    if body.len() > MAX_URL_BODY || !body.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    let source: serde_json::Value = serde_json::from_slice(body).map_err(|e| {
        Problem::bad_request(format!("the body is neither a playlist nor JSON: {e}"))
    })?;
    let draft = serde_json::json!({ "name": "playlist", "sources": [source] });
    let at_home = |mut invalid: Invalid| {
        // The mistakes are in the body, which is the source alone.
        if let Some(rest) = invalid.pointer.strip_prefix("/sources/0") {
            invalid.pointer = rest.to_owned();
        }
        invalid
    };
    let definition = Draft::define(draft, None, |_| false)
        .map_err(|mistakes| Problem::invalid(mistakes.into_iter().map(at_home).collect()))?;
    let source = definition.sources.into_iter().next();
    if source
        .as_ref()
        .is_some_and(|s| s.url.kind() != SourceKind::Http)
    {
        let (pointer, problem) = ("/url".to_owned(), "is no http or https URL".to_owned());
        let allowed = "an absolute http or https URL".to_owned();
        return Err(Problem::invalid(vec![Invalid {
            pointer,
            problem,
            allowed,
        }]));
    }
    Ok(source)
}

async fn fetch(app: &AppState, source: &Source) -> Result<Bytes, Problem> {
    let fetcher = &app.hub.settings().ingest.fetcher;
    let failed = |error: IngestError| Problem::cannot_be_fetched(&error);
    let manners = fetcher.manners(source);
    let mut answer = fetcher
        .get(source.url.as_url(), &manners, None)
        .await
        .map_err(failed)?;
    answer
        .read_all(Bytes::new(), app.settings.max_import_bytes, FETCH_TIME)
        .await
        .map_err(failed)
}

/// What to export.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// The quality of each preview.
    quality: Option<String>,
    /// `ts` (default) or `hls`.
    format: Option<String>,
    /// Convert always or never; absent: what a browser could not play.
    transcode: Option<bool>,
    /// The original sources, with their headers, instead of previews.
    #[serde(default)]
    sources: bool,
    /// The credentials of the sources too, and header values that may be some: a backup that is itself a secret.
    #[serde(default)]
    secrets: bool,
    /// Only this group.
    group: Option<String>,
}

/// The enabled streams as a playlist that any player opens; with `sources=true` all of them, as a
/// backup that can be imported; complete with `secrets=true`, else without passwords, tokens and
/// header values that may be secret.
#[utoipa::path(get, path = "/playlist.m3u", tag = "preview", params(ExportParams),
    responses((status = 200, description = "An M3U playlist", content_type = "audio/x-mpegurl"), (status = 400, body = Problem)))]
pub(super) async fn export(
    Extract(app): Extract<Arc<AppState>>,
    access: Access,
    Params(params): Params<ExportParams>,
    client: Client,
) -> Result<Response, Problem> {
    let format = match params.format.as_deref() {
        None | Some("ts") => PreviewFormat::Ts,
        Some("hls") => PreviewFormat::Hls,
        Some(_) => return Err(Problem::bad_request("format is ts or hls")),
    };
    if params.secrets && !params.sources {
        let text = "secrets=true goes with sources=true: previews hold none";
        return Err(Problem::bad_request(text));
    }
    if params.sources {
        access.require(&app, Permission::Operate)?;
    }
    if params.secrets {
        access.require(&app, Permission::Admin)?;
    }
    if let Some(quality) = &params.quality {
        let wish = crate::actors::plan::Wish {
            transcode: params.transcode,
            quality: Some(crate::actors::plan::Quality::parse(quality)),
            audio: None,
        };
        wish.check(&app.hub.settings().rendition.profiles)
            .map_err(|e| Problem::bad_request(e.to_string()))?;
    }
    let filter = crate::stream::Filter {
        group: params.group,
        // A backup of the sources holds the disabled ones too.
        enabled: (!params.sources).then_some(true),
        ..crate::stream::Filter::default()
    };
    let all = app.hub.catalog.snapshot();
    let definitions = all.values().map(|r| &r.definition);
    let chosen = definitions.filter(|d| filter.matches(d, State::Idle));
    let base = base_url(&app, &client);
    let target = if params.sources {
        m3u::Target::Sources {
            secrets: params.secrets,
        }
    } else {
        m3u::Target::Previews {
            base: &base,
            quality: params.quality.as_deref(),
            transcode: params.transcode,
            format,
        }
    };
    let place = match format {
        PreviewFormat::Ts => Place::Preview,
        PreviewFormat::Hls => Place::Index,
    };
    let validity = app.auth.settings().playlist_validity;
    let signer = Signer::new(&app, &access, &client, validity);
    let sign = |id: &StreamId, query: &str| {
        let signer = signer.as_ref()?;
        Some(signer.stream(place, id.as_str(), query))
    };
    let text = m3u::write(chosen, target, &sign);
    let head = [
        (header::CONTENT_TYPE, "audio/x-mpegurl; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("content-disposition"),
            "inline; filename=\"sightglass.m3u\"",
        ),
    ];
    Ok((StatusCode::OK, head, text).into_response())
}

/// Where players reach us: as configured, else as this client did.
pub(super) fn base_url(app: &AppState, client: &Client) -> String {
    if let Some(url) = &app.settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let (scheme, path) = (client.scheme(), app.door.base_path());
    match &client.host {
        Some(host) => format!("{scheme}://{host}{path}"),
        None => format!("{scheme}://{}{path}", app.settings.address),
    }
}
