//! SRT sources: TS, taken as it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::ingest::IngestDeps;
use super::leased::Leased;
use crate::ingest::sink::Sink;
use crate::ingest::srt::Target;
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{self, Library, SrtSpec};
use crate::stream::{Source, StreamId};

/// Calls the source, or waits for its call, and delivers what it sends until it ends.
pub(super) async fn pull(
    deps: &IngestDeps,
    source: &Source,
    stream: &StreamId,
    sink: &Sink,
) -> Result<(), IngestError> {
    let target = Target::read(source.url.as_url())?;
    let address = if target.listen {
        deps.dialer.policy().check_listen()?;
        own_address(&target)?
    } else {
        let found = deps.dialer.resolve(&target.host, target.port).await?;
        sink.reached(Stage::Dns);
        // SRT takes one; the next attempt resolves anew.
        *found.first().ok_or_else(unreachable)?
    };
    let listen = target.listen;
    let spec = SrtSpec {
        address,
        listen,
        passphrase: target.passphrase,
        key_length: target.key_length,
        stream_id: target.stream_id,
        latency: target.latency,
    };
    let starting = move |library: Arc<Library>, label, deadline| async move {
        pipeline::start_srt(&library, spec, label, deadline).await
    };
    let mut leased = Leased::start(deps, stream, sink, starting).await?;
    sink.note(|found| found.container = Some("mpeg-ts"));
    let time = deps.fetcher.timeout(source);
    let ended = {
        let delivery = leased.deliver(sink);
        tokio::pin!(delivery);
        tokio::select! {
            delivered = &mut delivery => delivered,
            error = silent(sink, time, listen) => Err(error),
        }
    };
    leased.stop().await;
    ended
}

/// A listener's address: which of this machine's it binds to.
fn own_address(target: &Target) -> Result<SocketAddr, IngestError> {
    let bare = target.host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().map_err(|_| {
        let text = "an SRT listener takes an address of this server, or none, in place of a host";
        IngestError::new(Stage::Request, Cause::Unsupported, text)
    })?;
    Ok(SocketAddr::new(address, target.port))
}

/// Ends when nothing has come in time.
async fn silent(sink: &Sink, time: Duration, listen: bool) -> IngestError {
    tokio::time::sleep(time).await;
    if sink.has_bytes() {
        return std::future::pending().await;
    }
    let text = if listen {
        "nobody has sent anything to the port in time"
    } else {
        "the source did not answer in time"
    };
    IngestError::new(Stage::Connect, Cause::Timeout, text)
}

fn unreachable() -> IngestError {
    let text = "the source's host name has no address";
    IngestError::new(Stage::Dns, Cause::Unreachable, text)
}
