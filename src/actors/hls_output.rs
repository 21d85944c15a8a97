//! The HLS window of one rendition, filled while somebody watches it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::output::{Media, OutputKey};
use super::picked::Picked;
use crate::base::clock;
use crate::base::shared::Shareable;
use crate::feed::Join;
use crate::hls::{SegmentData, Window, WindowOptions};
use crate::ts::Tracks;

/// Segments kept after they have left the playlist, for players that are late.
const KEEP: usize = 4;
/// A window never holds more.
const MAX_BYTES: usize = 64 << 20;

/// How windows are cut.
#[derive(Clone, Copy, Debug)]
pub struct HlsSettings {
    /// Shortest segment that is cut at a keyframe.
    pub segment: Duration,
    /// Segments in a playlist.
    pub window: usize,
}

/// A rendition's window.
#[derive(Debug)]
pub struct HlsOutput {
    window: Arc<Mutex<Window>>,
    tracks: watch::Receiver<Option<Arc<Tracks>>>,
    /// Changes with each new segment; closed when the rendition has ended.
    version: watch::Receiver<u64>,
    cancel: CancellationToken,
    key: OutputKey,
    sequences: Arc<Sequences>,
}

/// Where the windows of each output have got to, so that the next one goes on from there: players
/// and caches take a sequence number for one segment for ever.
#[derive(Debug, Default)]
pub struct Sequences {
    /// The next media sequence and discontinuity sequence.
    next: Mutex<HashMap<OutputKey, (u64, u64)>>,
}

impl Sequences {
    /// Outputs remembered; beyond, the clock alone must do.
    const MOST: usize = 100_000;

    fn next(&self, key: &OutputKey) -> (u64, u64) {
        let clock = clock::sequence_epoch_seconds(clock::wall());
        let (media, breaks) = self.lock().get(key).copied().unwrap_or_default();
        // Quarter seconds: a window may begin with a burst of segments, and still no number is
        // used twice when the server was restarted in between. Hours for breaks, which are rare: hls.js walks
        // an array as long as this number at each reload, which takes it a second for a hundred millions.
        (media.max(clock * 4), breaks.max(clock / 3600))
    }

    fn note(&self, key: &OutputKey, window: &Window) {
        let mut next = self.lock();
        if next.len() < Self::MOST || next.contains_key(key) {
            let numbers = (window.next_sequence(), window.next_discontinuity_sequence());
            next.insert(key.clone(), numbers);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OutputKey, (u64, u64)>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HlsOutput {
    /// Starts cutting `media` into segments, in a task of its own that keeps `media` running.
    pub(super) fn start(
        media: Media,
        key: &OutputKey,
        settings: HlsSettings,
        sequences: &Arc<Sequences>,
    ) -> Self {
        let encoded = media.rendition.is_some();
        // A source cut by its provider keeps the provider's promise; ours is the segment length.
        let target_duration = if encoded {
            Some(settings.segment + Duration::from_secs(1))
        } else {
            media.ingest.status().borrow().target_duration
        };
        // Encoded GOPs have the segment's length but for the first, which is shorter: a goal below
        // it ends that one too, instead of adding it to the next and passing the target duration.
        let segment_target = if encoded {
            settings.segment / 2
        } else {
            settings.segment
        };
        let (first_sequence, first_discontinuity_sequence) = sequences.next(key);
        let window = Arc::new(Mutex::new(Window::new(WindowOptions {
            first_sequence,
            first_discontinuity_sequence,
            segment_target,
            target_duration,
            window_segments: settings.window,
            keep_segments: KEEP,
            max_bytes: MAX_BYTES,
            independent: encoded,
        })));
        let (version_sender, version) = watch::channel(0);
        let cancel = CancellationToken::new();
        let tracks = media.feed().tracks();
        // What is kept of the feed may be minutes of radio: a window's worth is enough.
        let back = settings.segment * u32::try_from(settings.window).unwrap_or(u32::MAX);
        let subscription = media.subscribe(Join::Back(back));
        let (stop, filled) = (cancel.clone(), Arc::clone(&window));
        tokio::spawn(async move {
            let fill = fill(subscription, &filled, version_sender);
            stop.run_until_cancelled(fill).await;
            drop(media);
        });
        Self {
            window,
            tracks,
            version,
            cancel,
            key: key.clone(),
            sequences: Arc::clone(sequences),
        }
    }

    /// Waits for the first segment; false when the rendition ends before it.
    pub async fn ready(&self) -> bool {
        let mut version = self.version.clone();
        loop {
            version.borrow_and_update();
            if self.window().ready() {
                return true;
            }
            if version.changed().await.is_err() {
                return self.window().ready();
            }
        }
    }

    /// The media playlist now; `None` before the first segment.
    pub fn playlist(&self, query: &str) -> Option<String> {
        self.window().playlist(query)
    }

    /// A segment, while it is kept.
    pub fn segment(&self, sequence: u64) -> Option<SegmentData> {
        self.window().segment(sequence)
    }

    /// Measured bits per second: the peak segment's, and the average.
    pub fn bandwidth(&self) -> (u64, u64) {
        self.window().bandwidth()
    }

    /// The target duration, once it is fixed.
    pub fn target_duration(&self) -> Option<Duration> {
        self.window().target_duration()
    }

    /// What the rendition carries.
    pub fn tracks(&self) -> Option<Arc<Tracks>> {
        self.tracks.borrow().clone()
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fill(mut feed: Picked, window: &Mutex<Window>, version: watch::Sender<u64>) {
    let lock = || window.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(item) = feed.next().await {
        let mut chunk = item.chunk;
        // After a skip what follows does not continue what is in the window.
        chunk.discontinuity |= item.joined && lock().ready();
        lock().push(&chunk);
        version.send_modify(|v| *v += 1);
    }
    lock().end();
}

impl Shareable for HlsOutput {
    fn linger(&self) -> Duration {
        // Its sessions outlive their last request already.
        Duration::ZERO
    }
    fn is_alive(&self) -> bool {
        !self.cancel.is_cancelled() && self.version.has_changed().is_ok()
    }
    fn stop(&self) {
        self.cancel.cancel();
        // An ended window takes no more chunks: its numbers are final.
        let mut window = self.window();
        window.end();
        self.sequences.note(&self.key, &window);
    }
}

impl Drop for HlsOutput {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::plan::RenditionKey;
    use crate::stream::StreamId;

    #[test]
    fn numbers_go_on_and_those_of_breaks_are_small() {
        let stream = StreamId::parse("a").unwrap();
        let key = (stream, RenditionKey::parse("source").unwrap());
        let sequences = Sequences::default();
        let (media, breaks) = sequences.next(&key);
        assert!(media > 100_000_000, "beyond what any run before has used");
        assert!((7_000..1_000_000).contains(&breaks), "{breaks}");
        sequences
            .lock()
            .insert(key.clone(), (media + 9, breaks + 9));
        assert_eq!(sequences.next(&key), (media + 9, breaks + 9));
    }
}
