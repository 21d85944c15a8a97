//! An origin for a monitor: many live HLS channels of real footage from shared pieces in memory,
//! each with faults that are switched on and off while it runs.
//!
//! A channel's clocks and counters go on whatever it plays: a channel that turns black does so as if
//! the picture before its encoder were lost. Nothing else about it changes, so that a monitor that
//! reports anything else beside it is wrong.
//!
//! ```ignore
//! let farm = Farm::start();
//! let news = farm.channel("news", &Clip::main(), Layout::default());
//! server.add_stream("news", &news.url()).await;
//! news.fault(Fault::Black);
//! // ...
//! news.heal();
//! ```

mod channel;
mod clip;
mod damage;
mod progressive;
mod timeline;

pub use channel::{Channel, Fault};
pub use clip::Clip;
pub use timeline::Layout;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::origin::Origin;

/// Origins, one for each host, that serve channels; end with the last handle of a channel.
pub struct Farm {
    hosts: Vec<Arc<Origin>>,
}

impl Farm {
    /// One host.
    pub fn start() -> Self {
        Self::with_hosts(1)
    }

    /// So many hosts, 127.0.0.1 and on, each of which is a provider of its own to a client.
    pub fn with_hosts(count: u8) -> Self {
        let host = |n| Arc::new(Origin::start_at(Ipv4Addr::new(127, 0, 0, n)));
        Self {
            hosts: (1..=count).map(host).collect(),
        }
    }

    /// Serves a channel on the first host.
    pub fn channel(&self, name: &str, clip: &Arc<Clip>, layout: Layout) -> Channel {
        Channel::open(name, &self.hosts[0], clip, layout)
    }

    /// Serves a channel on a port of its own, which can refuse. See [`Fault::Refused`].
    pub fn apart(name: &str, clip: &Arc<Clip>, layout: Layout) -> Channel {
        let origin = Arc::new(Origin::start());
        Channel::open(name, &origin, clip, layout).with_door()
    }

    /// Serves so many channels, `c0` and on, over all hosts in turn. No two are at the same place of
    /// the clip or of a segment, their clocks are spread over the whole range, so that some wrap in
    /// any minute, and every second one marks where the clip begins again as a discontinuity.
    pub fn channels(&self, count: usize, clip: &Arc<Clip>, layout: &Layout) -> Vec<Channel> {
        let rounds = clip.pieces() / layout.pieces;
        let open = |n: usize| {
            // Steps of the golden ratio are never alike and never bunched.
            let part = (n as f64 * 0.618_034).fract();
            let layout = layout
                .clone()
                .begin_at(n % rounds * layout.pieces)
                .phase(Duration::from_secs_f64(
                    part * layout.pieces as f64 * clip.piece_seconds(),
                ))
                .clock((part * (1_u64 << 33) as f64) as u64);
            let layout = if n % 2 == 1 { layout.marked() } else { layout };
            Channel::open(
                &format!("c{n}"),
                &self.hosts[n % self.hosts.len()],
                clip,
                layout,
            )
        };
        (0..count).map(open).collect()
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Arc<Origin>] {
        &self.hosts
    }

    /// Connections open now, accepted so far, requests and bytes of bodies, over all hosts.
    pub fn totals(&self) -> (usize, usize, usize, u64) {
        let all = self.hosts.iter().map(|origin| origin.counters());
        all.fold((0, 0, 0, 0), |sum, one| {
            (
                sum.0 + one.open,
                sum.1 + one.accepted,
                sum.2 + one.requests,
                sum.3 + one.bytes,
            )
        })
    }
}
