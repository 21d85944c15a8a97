//! The newest group of pictures of a feed, to look at.

use super::Feed;
use crate::ts::{Chunk, Ticks};

/// The newest group of pictures of a feed.
#[derive(Clone, Debug)]
pub struct Gop {
    /// Its keyframe and what follows it so far; empty while there is none.
    pub chunks: Vec<Chunk>,
    /// It is larger than what is kept, and this is its start.
    pub cut: bool,
    /// The keyframe's number in the feed, by which it is known again.
    pub number: Option<u64>,
}

impl Gop {
    /// The media time that it spans so far, in ticks of 90 kHz.
    pub fn span(&self) -> Ticks {
        let mut clocks = self.chunks.iter().filter_map(|chunk| chunk.clock);
        let first = clocks.next();
        let last = clocks.next_back().or(first);
        last.zip(first).map_or(0, |(b, a)| b.saturating_sub(a))
    }

    fn begins_as(&self, other: &Self) -> bool {
        let begin = |gop: &Self| Some(gop.chunks.first()?.keyframe.as_ref()?.pts);
        begin(self) == begin(other)
    }
}

impl Feed {
    /// The newest keyframe and what follows it so far.
    pub fn newest_gop(&self) -> Gop {
        let state = self.state();
        Gop {
            chunks: state.ring.newest_gop(),
            cut: state.ring.has_start_only(),
            number: state.ring.newest_keyframe(),
        }
    }

    /// The newest group of pictures as soon as it spans `enough`, or is whole though shorter. Empty
    /// when the feed ends before there is a keyframe.
    pub async fn look(&self, enough: Ticks) -> Gop {
        let mut head = self.head.subscribe();
        let mut held = self.newest_gop();
        while !held.cut && held.span() < enough && !self.state().ended {
            if head.changed().await.is_err() {
                break;
            }
            let now = self.newest_gop();
            if !held.chunks.is_empty() && !now.begins_as(&held) {
                break;
            }
            held = now;
        }
        held
    }
}
