//! Which code pulls a source: one arm for each kind.

use super::convert::{self, Sound};
use super::ingest::IngestDeps;
use crate::ingest::sink::Sink;
use crate::ingest::{self, IngestError, Patience, Pulled, file, mms, rtmp, udp};
use crate::stream::{Source, SourceKind, StreamId};

/// Pulls `source` into `sink` until it ends or fails. `Ok` means that it ended by itself, or that
/// nobody takes its bytes any more.
///
/// # Errors
/// With the stage it reached and the cause.
pub(super) async fn pull(
    deps: &IngestDeps,
    source: &Source,
    who: (&StreamId, &str),
    sink: &Sink,
) -> Result<(), IngestError> {
    let scheme = source.url.as_url().scheme();
    sink.note(|found| found.protocol = Some(scheme.to_owned()));
    deps.dialer.policy().check_scheme(scheme)?;
    let patience = Patience {
        answer: deps.fetcher.timeout(source),
        stall: deps.stall_timeout,
    };
    match source.url.kind() {
        SourceKind::Http => {
            // Where a provider counts connections: one at a time, and none that outlives the pull.
            let single = source.account.as_ref();
            let single = single.map(|_| deps.fetcher.single(&deps.dialer, sink));
            let fetcher = single.as_ref().unwrap_or(&deps.fetcher);
            let pulled = ingest::pull(fetcher, source, sink).await?;
            match pulled {
                Pulled::Ended => Ok(()),
                Pulled::Foreign(foreign) => {
                    let pull = |to: Sink, _| async move { foreign.pull(&to).await };
                    convert::run(deps, who.0, sink, Sound::Within, pull).await
                }
            }
        }
        SourceKind::Test => super::test_source::pull(deps, source, who, sink).await,
        SourceKind::Rtsp => super::rtsp::pull(deps, source, who.0, sink).await,
        SourceKind::Rtmp => {
            // A large future, which the others need not make room for.
            Box::pin(rtmp::pull(&deps.dialer, source, patience, sink)).await
        }
        SourceKind::Udp | SourceKind::Rtp => udp::pull(&deps.dialer, source, patience, sink).await,
        SourceKind::Srt => super::srt::pull(deps, source, who.0, sink).await,
        SourceKind::Mms => {
            let opened = mms::open(&deps.dialer, source, patience, sink).await?;
            let pull = |to: Sink, _| async move { opened.pull(&to).await };
            convert::run(deps, who.0, sink, Sound::Within, pull).await
        }
        SourceKind::File => file::pull(deps.media_dir.as_deref(), source, sink).await,
    }
}
