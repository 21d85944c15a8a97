//! The two bridges between async code and a pipeline's streaming threads: neither side ever blocks the other's thread.

use std::sync::Arc;

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::error::PipelineError;
use super::event::{INPUTS, Link};
use crate::memory::Account;

/// Where bytes go in: MPEG-TS, or whatever a converting ingest is given. Holds a bounded number of bytes (`max-bytes` of the topology's `in`), plus one chunk.
#[derive(Debug)]
pub struct Input {
    src: gst_app::AppSrc,
    link: Arc<Link>,
    /// Which of the link's it is.
    index: usize,
    account: Account,
}

impl Input {
    pub(super) fn new(
        src: gst_app::AppSrc,
        link: Arc<Link>,
        index: usize,
        account: Account,
    ) -> Self {
        let index = index.min(INPUTS - 1);
        src.set_block(false);
        src.set_is_live(false);
        src.set_property("emit-signals", false);
        let callbacks = gst_app::AppSrcCallbacks::builder()
            .need_data({
                let link = Arc::clone(&link);
                move |_, _| link.room[index].notify_one()
            })
            .build();
        src.set_callbacks(callbacks);
        Self {
            src,
            link,
            index,
            account,
        }
    }

    /// Hands in bytes (of TS: whole packets); waits while the pipeline has enough. Cancel safe: a push that
    /// is dropped while it waits has handed in nothing.
    ///
    /// # Errors
    /// [`PipelineError::Ended`] once the pipeline has failed, ended or been stopped.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), PipelineError> {
        self.ready().await?;
        self.hand_in(&chunk)
    }

    /// Waits until a [`try_push`](Self::try_push) will be taken. Cancel safe.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub async fn ready(&mut self) -> Result<(), PipelineError> {
        loop {
            // A wake-up between the look and the wait is kept by the Notify.
            if self.link.ended() {
                return Err(PipelineError::Ended);
            }
            if self.has_room() {
                return Ok(());
            }
            self.link.room[self.index].notified().await;
        }
    }

    /// Hands in a chunk if there is room; otherwise gives it back.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn try_push(&mut self, chunk: Bytes) -> Result<Option<Bytes>, PipelineError> {
        if self.link.ended() {
            return Err(PipelineError::Ended);
        }
        if !self.has_room() {
            return Ok(Some(chunk));
        }
        self.hand_in(&chunk).map(|()| None)
    }

    /// Bytes handed in that the pipeline has not taken yet.
    pub fn queued_bytes(&self) -> u64 {
        self.src.current_level_bytes()
    }

    /// Says that no more comes: the pipeline works off what it has, then the output ends.
    pub fn end_of_stream(&mut self) {
        // refused only by a pipeline that is over anyway
        let _ = self.src.end_of_stream();
    }

    fn has_room(&self) -> bool {
        self.src.current_level_bytes() < self.src.max_bytes()
    }

    fn hand_in(&self, chunk: &Bytes) -> Result<(), PipelineError> {
        if chunk.is_empty() {
            return Ok(());
        }
        // A copy, so that what waits in here is the pipeline's memory and not the feed's, which may have let go of it.
        self.src
            .push_buffer(gst::Buffer::from_slice(self.account.copy(chunk)))
            .map(|_| ())
            .map_err(|_| PipelineError::Ended)
    }
}

/// Where MPEG-TS comes out. Holds a bounded number of buffers (`max-buffers` of the topology's `tap`); while it is full
/// the pipeline rests.
#[derive(Debug)]
pub struct Output {
    sink: gst_app::AppSink,
    link: Arc<Link>,
}

impl Output {
    pub(super) fn new(sink: gst_app::AppSink, link: Arc<Link>) -> Self {
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample({
                let link = Arc::clone(&link);
                move |_| {
                    link.sample.notify_one();
                    Ok(gst::FlowSuccess::Ok)
                }
            })
            .build();
        sink.set_callbacks(callbacks);
        Self { sink, link }
    }

    /// The next whole TS packets as the muxer made them, or `None` after the last: then the [`Event`](super::Event) that
    /// tells why has been sent already, unless the pipeline was stopped. Cancel safe.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Look at the end before looking for a sample: what came before the end must be taken first.
            let ended = self.link.ended();
            if let Some(chunk) = self.try_next() {
                return Some(chunk);
            }
            if ended {
                return None;
            }
            self.link.sample.notified().await;
        }
    }

    /// Packets that lie ready.
    pub fn try_next(&mut self) -> Option<Bytes> {
        loop {
            let chunk = joined(&self.sink.try_pull_sample(gst::ClockTime::ZERO)?);
            if !chunk.is_empty() {
                return Some(chunk);
            }
        }
    }
}

/// The muxer makes a list of single packets for each access unit: one copy joins them, and keeps a chunk that stays in
/// a feed for seconds from keeping memory of the pipeline.
fn joined(sample: &gst::Sample) -> Bytes {
    let buffers = || {
        sample
            .buffer_list()
            .into_iter()
            .flat_map(|list| list.iter())
            .chain(sample.buffer())
    };
    let mut chunk = Vec::with_capacity(buffers().map(gst::BufferRef::size).sum());
    for buffer in buffers() {
        if let Ok(map) = buffer.map_readable() {
            chunk.extend_from_slice(&map);
        }
    }
    chunk.into()
}
