//! Live updates over HTTP: server-sent events, WebSocket, and polling.

mod extension;
mod follow;
mod handshake;
pub(super) mod poll;
pub(super) mod socket;
pub(super) mod sse;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use url::form_urlencoded;

use super::problem::Problem;
use crate::actors::live::Full;
use crate::live::Filter;
use crate::stream::StreamId;

/// A client that is told nothing else hears this often that it is still connected; so do proxies on the way.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages are handed over in pieces of this many bytes.
const PIECE: usize = 16 << 10;

/// What a client wants to hear of, and what it knows.
#[derive(Clone, Debug, Default)]
struct Wish {
    filter: Filter,
    since: Option<String>,
}

/// What a client wants to hear of. Documentation of [`Wish`], whose parameters may come more than once.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "for the description of the API")]
pub(super) struct LiveParams {
    /// Go on from here: the `id` of the newest document that one has. Without it, or when that is too long ago, from
    /// another run of the server or of another filter, everything is told first.
    #[param(example = "5f2c91aa-1204")]
    since: Option<String>,
    /// Only these streams, and those of the groups: ids, separated by commas. May be repeated.
    #[param(example = "news,sport")]
    stream: Option<String>,
    /// Only streams of this group, and those that are named. May be repeated.
    group: Option<String>,
}

impl Wish {
    /// Reads a query.
    ///
    /// # Errors
    /// 400 for what is no filter, and for parameters that there are not.
    fn parse(query: &str) -> Result<Self, Problem> {
        let (mut streams, mut groups, mut since) = (BTreeSet::new(), BTreeSet::new(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "stream" => {
                    for id in value.split(',').filter(|id| !id.is_empty()) {
                        let id = StreamId::parse(id).map_err(|error| {
                            Problem::bad_request(format!("stream: an id {error}"))
                        })?;
                        streams.insert(id);
                    }
                }
                "group" if !value.is_empty() => {
                    groups.insert(value.into_owned());
                }
                "group" => {}
                "since" => since = Some(value.into_owned()),
                _ => {
                    let text = "live updates take since, stream and group, and nothing else";
                    return Err(Problem::bad_request(text));
                }
            }
        }
        let filter = Filter::new(streams, groups);
        let filter = filter.map_err(|error| Problem::bad_request(format!("the filter {error}")))?;
        Ok(Self { filter, since })
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        let text = format!("{full}; poll /api/v1/streams?since= meanwhile");
        Self::busy("too_many_live_clients", "Too many clients follow", text)
    }
}

/// 503: it takes too long to find out how things are.
fn no_answer() -> Problem {
    let text = "the server did not find out in time how its streams are";
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "overloaded",
        "The server is overloaded",
        text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        let wish = Wish::parse("stream=b,a&stream=c&group=A%26B&group=&since=1-2").expect("good");
        let streams = ["a", "b", "c"].map(|id| id.parse().expect("an id"));
        let meant = Filter::new(streams.into(), BTreeSet::from(["A&B".to_owned()]));
        assert_eq!(wish.filter, meant.expect("few"));
        assert_eq!(wish.since.as_deref(), Some("1-2"));
        assert!(Wish::parse("").expect("good").filter.is_all());
        for query in ["stream=A", "streams=a", "limit=3"] {
            assert!(Wish::parse(query).is_err(), "{query}");
        }
    }
}
