//! RTSP sources: the session is ours, what its packets hold is for a leased pipeline. MPEG-TS in RTP
//! needs none.

use std::sync::Arc;

use super::ingest::IngestDeps;
use super::leased::Leased;
use crate::ingest::rtsp::{Asking, Choice, Client, Media, TsPayload, choose};
use crate::ingest::sink::{Gone, Sink};
use crate::ingest::{IngestError, Stage};
use crate::metrics;
use crate::pipeline::{self, Library, Packets, RtpSpec, RtpTrack};
use crate::stream::{Source, StreamId};

/// How long packets are waited for that were overtaken, in milliseconds. TCP keeps their order: there it evens out
/// how they come.
const LATENCY_TCP: u32 = 200;
const LATENCY_UDP: u32 = 500;

/// Pulls an RTSP source until it ends or fails.
pub(super) async fn pull(
    deps: &IngestDeps,
    source: &Source,
    stream: &StreamId,
    sink: &Sink,
) -> Result<(), IngestError> {
    let asking = Asking {
        user_agent: deps.fetcher.user_agent(source),
        time: deps.fetcher.timeout(source),
        stall: deps.stall_timeout,
    };
    let (mut client, media) = Client::describe(&deps.dialer, source, asking, sink).await?;
    let choice = choose(&media)?;
    sink.reached(Stage::Manifest);
    match choice {
        Choice::Ts(index) => {
            sink.note(|found| found.container = Some("mpeg-ts"));
            client.set_up(&media, &[index]).await?;
            client.play().await?;
            ts(client, sink).await
        }
        Choice::Tracks(indices) => {
            sink.note(|found| found.container = Some("rtp"));
            let tracks: Vec<Media> = indices.iter().map(|index| media[*index].clone()).collect();
            client.set_up(&media, &indices).await?;
            converted(deps, client, &tracks, stream, sink).await
        }
    }
}

/// MPEG-TS goes on as it is.
async fn ts(mut client: Client, sink: &Sink) -> Result<(), IngestError> {
    let mut payload = TsPayload::default();
    while let Some(packet) = client.next().await? {
        if packet.rtcp {
            continue;
        }
        sink.reached(Stage::FirstByte);
        if let Some(bytes) = payload.take(&packet.data)
            && let Err(Gone) = sink.data(bytes).await
        {
            break;
        }
    }
    Ok(())
}

/// Pictures and sounds become TS in a pipeline under a lease of the pool of GStreamer ingests.
async fn converted(
    deps: &IngestDeps,
    client: Client,
    tracks: &[Media],
    stream: &StreamId,
    sink: &Sink,
) -> Result<(), IngestError> {
    let spec = RtpSpec {
        tracks: tracks.iter().map(track).collect(),
        latency_ms: if client.is_lossy() {
            LATENCY_UDP
        } else {
            LATENCY_TCP
        },
        profile: deps.convert.clone(),
    };
    let starting = move |library: Arc<Library>, label, deadline| async move {
        pipeline::start_rtp(&library, spec, label, deadline).await
    };
    let mut leased = Leased::start(deps, stream, sink, starting).await?;
    let Some(packets) = leased.packets() else {
        return Ok(());
    };
    let ended = {
        let feeding = feed(client, packets, sink);
        let delivery = leased.deliver(sink);
        tokio::pin!(feeding, delivery);
        tokio::select! {
            delivered = &mut delivery => delivered,
            fed = &mut feeding => fed,
        }
    };
    leased.stop().await;
    ended
}

/// Hands packets to the pipeline, and its reports to the server, until the session ends.
async fn feed(mut client: Client, mut packets: Packets, sink: &Sink) -> Result<(), IngestError> {
    client.play().await?;
    let mut told = 0;
    loop {
        tokio::select! {
            packet = client.next() => {
                let Some(packet) = packet? else { return Ok(()) };
                let pushed = if packet.rtcp {
                    packets.push_rtcp(packet.track, &packet.data)
                } else {
                    sink.reached(Stage::FirstByte);
                    packets.push(packet.track, &packet.data).await
                };
                if pushed.is_err() {
                    // The pipeline tells why it ended.
                    return std::future::pending().await;
                }
            }
            // These come every few seconds.
            Some((track, report)) = packets.report() => {
                client.report(track, &report);
                metrics::datagrams_dropped(&[("missing", client.lost().saturating_sub(told))]);
                told = told.max(client.lost());
            }
        }
    }
}

fn track(media: &Media) -> RtpTrack {
    RtpTrack {
        media: media.kind.clone(),
        payload: media.payload,
        encoding: media.encoding.clone(),
        clock_rate: media.clock_rate,
        channels: media.channels,
        parameters: media.parameters.clone(),
    }
}
