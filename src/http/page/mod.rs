//! The page: what browsers are shown at `/` and below `/ui`. It is part of the program, built from `web/`.
//!
//! Which path means what is for the page itself to tell, so the same document answers all of them. It is small, and asked for
//! again each time; what it loads has its hash in its name, and is kept for ever.

mod answer;
mod embedded;

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::AppState;
use super::negotiation::asks_for;
use super::problem::Problem;
use answer::{Content, IMMUTABLE, REVALIDATED, vary};
use embedded::{FILES, File};

/// How one comes to the page.
const BUILDING: &str = "this program was built without its page: make web, then build it again";

/// The page as it is shown below a path.
#[derive(Debug)]
pub(super) struct Page {
    /// None in a program that was built without it.
    index: Option<Content>,
}

impl Page {
    /// The page, shown below this path (which does not end in a slash).
    pub(super) fn new(base_path: &str) -> Self {
        let index = file("index.html").map(|index| document(index, base_path));
        Self { index }
    }
}

/// Its routes. They are none of the API's.
pub(super) fn routes(page: Page) -> Router<Arc<AppState>> {
    let page = Arc::new(page);
    let root = {
        let page = Arc::clone(&page);
        move |State(app): State<Arc<AppState>>, headers: HeaderMap| {
            std::future::ready(root(&app, &page, &headers))
        }
    };
    let view = move |headers: HeaderMap| std::future::ready(view(&page, &headers));
    Router::new()
        .route("/", get(root))
        .route("/ui", get(view.clone()))
        .route("/ui/", get(view.clone()))
        .route("/ui/{*path}", get(view))
        .route("/assets/{*path}", get(asset))
        .route("/icon.svg", get(icon))
}

/// The page for browsers, a few words for all others.
fn root(app: &AppState, page: &Page, headers: &HeaderMap) -> Response {
    let mut response = match &page.index {
        Some(index) if asks_for(headers, "text/html") => index.answer(headers),
        index => welcome(app, index.is_some()),
    };
    vary(response.headers_mut(), header::ACCEPT);
    response
}

fn view(page: &Page, headers: &HeaderMap) -> Response {
    match &page.index {
        Some(index) => index.answer(headers),
        None => Problem::not_found(BUILDING).into_response(),
    }
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    send(&format!("assets/{path}"), &IMMUTABLE, &headers)
}

async fn icon(headers: HeaderMap) -> Response {
    send("icon.svg", &REVALIDATED, &headers)
}

fn send(path: &str, keep: &HeaderValue, headers: &HeaderMap) -> Response {
    let Some(file) = file(path) else {
        return Problem::not_found("the page has no such file").into_response();
    };
    let content = Content {
        kind: file.kind,
        tag: file.tag.to_owned(),
        keep: keep.clone(),
        plain: Bytes::from_static(file.plain),
        gzip: file.gzip.map(Bytes::from_static),
    };
    content.answer(headers)
}

fn file(path: &str) -> Option<&'static File> {
    let found = FILES.binary_search_by(|file| file.path.cmp(path));
    found.ok().map(|at| &FILES[at])
}

/// The document, with the path that all its own URLs are relative to.
fn document(index: &File, base_path: &str) -> Content {
    let text = String::from_utf8_lossy(index.plain);
    let text = text.replacen(
        "<base href=\"/\"",
        &format!("<base href=\"{base_path}/\""),
        1,
    );
    let plain = Bytes::from(text);
    // The tag names the path as well: a proxy may be set up otherwise while browsers have the page.
    let tag = format!("{}{}", index.tag, base_path.replace('/', "."));
    Content {
        kind: index.kind,
        tag,
        keep: REVALIDATED,
        gzip: gzip(&plain),
        plain,
    }
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    let small = encoder.finish().ok()?;
    (small.len() < plain.len()).then(|| Bytes::from(small))
}

/// What there is, for who comes without a browser.
fn welcome(app: &AppState, has_page: bool) -> Response {
    let mut text = concat!("Sightglass ", env!("CARGO_PKG_VERSION"), "\n\n").to_owned();
    for line in [
        "playlist for players   /playlist.m3u\n",
        "one stream             /streams/preview/{id}\n",
        "one stream as HLS      /streams/preview/{id}/index.m3u8\n",
        "definitions            /api/v1/streams\n",
        "provider accounts      /api/v1/accounts\n",
        "the monitor            /api/v1/monitor\n",
        "alerts                 /api/v1/alerts/active\n",
        "this server            /api/v1/info/health\n",
        "what changes, live     /api/v1/events/stream\n",
        "who one is             /api/v1/me\n",
        "description of the API /api/openapi.json\n",
        "health                 /health\n",
        "metrics                /metrics\n",
    ] {
        text.push_str(&line.replacen('/', &format!("{}/", app.door.base_path()), 1));
    }
    if !has_page {
        text.push_str("\nThere is no page for browsers here: ");
        text.push_str(BUILDING);
        text.push_str(".\n");
    }
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, plain)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_knows_where_it_is() {
        let index = File {
            path: "index.html",
            kind: "text/html; charset=utf-8",
            tag: "1",
            plain: b"<head><base href=\"/\"><script src=\"assets/a.js\"></script>",
            gzip: None,
        };
        let shown = |base: &str| document(&index, base);
        let text = |content: &Content| String::from_utf8(content.plain.to_vec()).expect("text");
        assert!(text(&shown("")).contains("<base href=\"/\">"));
        assert!(text(&shown("/tv/a")).contains("<base href=\"/tv/a/\">"));
        assert_ne!(shown("").tag, shown("/tv/a").tag);
    }

    /// The build has sorted them, and there is nothing in the page that could not be shown.
    #[test]
    fn files_are_found() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
        for one in FILES {
            let found = file(one.path).map(|file| file.tag);
            assert_eq!(found, Some(one.tag));
            let known = ["index.html", "icon.svg"].contains(&one.path);
            assert!(known || one.path.starts_with("assets/"), "{}", one.path);
        }
        if let Some(index) = file("index.html") {
            let text = String::from_utf8_lossy(index.plain);
            assert!(text.contains("<base href=\"/\""), "{text}");
        }
    }
}
