//! What a pipeline tells, as our own small enum.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Notify, mpsc};

use super::fit::Picture;

/// Events kept for a reader that is busy; what comes then is dropped and counted.
const CAPACITY: usize = 64;
/// Places that only endings may take, so that a flood of warnings never hides an error.
const KEPT_FOR_ENDINGS: usize = 8;

/// The most inputs of a pipeline: picture and sound from two places.
pub(super) const INPUTS: usize = 2;

/// Something a pipeline tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The pipeline has failed; nothing more comes out of it.
    Error {
        /// Element that failed, by its name in the topology.
        element: String,
        /// What it says, without URLs and credentials.
        message: String,
        /// What is not installed, if that is the cause.
        missing: Option<String>,
        /// The sort of failure.
        fault: Fault,
    },
    /// All input has been worked off.
    EndOfStream,
    /// Something is odd; work goes on.
    Warning {
        /// Element that warns.
        element: String,
        /// What it says, without URLs and credentials.
        message: String,
    },
    /// The source's picture, at its start and whenever it changes.
    SourceVideo(Picture),
    /// The encoded picture, at its start and whenever it changes.
    Encoded {
        /// Width in square pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// The sort of a pipeline's failure, as far as the element that failed tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// The source cannot be reached, or was lost.
    Unreachable,
    /// The source does not have what was asked for.
    NotFound,
    /// Credentials are missing or wrong.
    Auth,
    /// The source did not answer in time.
    Timeout,
    /// Nobody knows this format.
    NotMedia,
    /// The format is known, and the codec or what unpacks it is not to be had here.
    Codec,
    /// The content is encrypted.
    Protected,
    /// The format is known, but what came cannot be read.
    Damaged,
    /// Anything else.
    #[default]
    Other,
}

/// The reading end.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

impl Events {
    /// The next event, in order; `None` after the pipeline is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// An event that is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// How many events were dropped because nobody read them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The writing end; used from streaming threads, never waits.
#[derive(Debug, Clone)]
pub(super) struct EventSender {
    sender: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl EventSender {
    pub(super) fn send(&self, event: Event) {
        let ending = matches!(event, Event::Error { .. } | Event::EndOfStream);
        if (!ending && self.sender.capacity() <= KEPT_FOR_ENDINGS)
            || self.sender.try_send(event).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) fn channel() -> (EventSender, Events) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let dropped = Arc::new(AtomicU64::new(0));
    (
        EventSender {
            sender,
            dropped: Arc::clone(&dropped),
        },
        Events { receiver, dropped },
    )
}

/// What streaming threads and the async ends share: wake-ups and whether it is over. Holds no `GStreamer` object.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Room in an input: one for each that a pipeline may have.
    pub(super) room: [Notify; INPUTS],
    /// A sample in the output.
    pub(super) sample: Notify,
    ended: AtomicBool,
}

impl Link {
    /// No more input is taken and, after what lies ready, none comes out.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        for room in &self.room {
            room.notify_one();
        }
        self.sample.notify_one();
    }

    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_warnings_does_not_hide_the_end() {
        let (sender, mut events) = channel();
        for _ in 0..1000 {
            sender.send(Event::Warning {
                element: "demux".into(),
                message: "odd".into(),
            });
        }
        sender.send(Event::EndOfStream);
        let mut last = None;
        while let Some(event) = events.try_next() {
            last = Some(event);
        }
        assert_eq!(last, Some(Event::EndOfStream));
        assert_eq!(
            events.dropped(),
            1000 - (CAPACITY - KEPT_FOR_ENDINGS) as u64
        );
    }
}
