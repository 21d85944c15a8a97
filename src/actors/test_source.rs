//! The built-in `test://` source: a picture and a tone for who has no stream yet.

use std::sync::Arc;

use super::ingest::IngestDeps;
use super::leased::Leased;
use crate::ingest::sink::Sink;
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{self, Library, Pattern, TestSpec};
use crate::stream::{Source, StreamId};
use url::Url;

/// Runs a test pipeline under a lease of the pool of GStreamer ingests until nobody takes its
/// bytes any more.
pub(super) async fn pull(
    deps: &IngestDeps,
    source: &Source,
    (stream, name): (&StreamId, &str),
    sink: &Sink,
) -> Result<(), IngestError> {
    let spec = spec(source.url.as_url(), name)
        .map_err(|message| IngestError::new(Stage::Request, Cause::Unsupported, message))?;
    let starting = move |library: Arc<Library>, label, deadline| async move {
        pipeline::start_test(&library, spec, label, deadline).await
    };
    let mut leased = Leased::start(deps, stream, sink, starting).await?;
    let ended = leased.deliver(sink).await;
    leased.stop().await;
    ended
}

/// Reads `test://PATTERN?width=&height=&fps=&tone=`. Numbers out of range are brought into it.
fn spec(url: &Url, name: &str) -> Result<TestSpec, String> {
    let mut spec = TestSpec {
        name: name.to_owned(),
        pattern: match url.host_str().unwrap_or_default() {
            "" | "bars" => Pattern::Bars,
            "ball" => Pattern::Ball,
            "pinwheel" => Pattern::Pinwheel,
            "snow" => Pattern::Snow,
            "black" => Pattern::Black,
            "still" => Pattern::Still,
            _ => {
                let known = "bars, ball, pinwheel, snow, black, still";
                return Err(format!("the test source knows the patterns {known}"));
            }
        },
        ..TestSpec::default()
    };
    for (key, value) in url.query_pairs() {
        let number = || {
            let wrong = |_| format!("{} of the test source takes a number", &*key);
            value.parse::<u32>().map_err(wrong)
        };
        match &*key {
            "width" => spec.width = number()?,
            "height" => spec.height = number()?,
            "fps" => spec.frame_rate = number()?,
            "tone" => spec.tone = number()? != 0,
            _ => return Err("the test source takes width, height, fps and tone".to_owned()),
        }
    }
    Ok(spec)
}
