//! What can be the matter with a stream or with this server, and what each finding means beside the others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rule;

/// A kind of condition.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConditionKind)]
pub enum Kind {
    /// It cannot be pulled: connections, requests or playlists fail, retries too.
    Down,
    /// Connected, but nothing comes.
    Stalled,
    /// The playlist is served but no longer changes (RFC 8216, 6.2.1: within 1.5 target durations).
    Stale,
    /// The picture is black.
    Black,
    /// The picture does not move.
    Frozen,
    /// The sound is silence.
    Silent,
    /// There is no video track where there was one.
    NoVideo,
    /// There is no audio track where there was one.
    NoAudio,
    /// TS packets are lost or repeated (TR 101 290, `Continuity_count_error`).
    Continuity,
    /// The transport stream is broken: sync, tables, CRC, error indicator (TR 101 290, priorities 1 and 2).
    Transport,
    /// The media is scrambled.
    Scrambled,
    /// Clocks and time stamps jump, jitter or drift apart (TR 101 290, PCR and PTS errors).
    Timing,
    /// The bitrate is far from what was announced or usual.
    Bitrate,
    /// The playlist breaks its rules, or segments that it lists fail.
    Playlist,
    /// Segments come slower than they play.
    Slow,
    /// Codec, resolution or tracks have changed.
    CodecChanged,
    /// The provider refuses this server: its country, its network, its player.
    Blocked,
    /// Most streams of different hosts fail together: the fault is with the network of this server. Never of one stream;
    /// [`Guard`](super::Guard) tells it.
    OwnNetwork,
    /// Few file descriptors are left: soon no connection can be made or taken. Of the server, as are those below.
    LowDescriptors,
    /// Little space is left where the store is.
    LowDisk,
    /// Pipelines and the rest take more memory than the operator's warning allows.
    MemoryWarning,
    /// Too few streams are looked at within their intervals.
    MonitorBehind,
    /// Notifications wait too long, or were given up.
    OutboxBehind,
}

/// How bad a condition is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the stream still counts as up.
    Info,
    /// Viewers may notice.
    Warning,
    /// Viewers do notice.
    Critical,
}

/// The state of a stream as its monitor sees it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing could be told yet, or not at present because our own network is at fault.
    Unknown,
    /// Media flows; nothing worse than [`Severity::Info`] is raised.
    Up,
    /// Media flows, but something is wrong with it.
    Degraded,
    /// No media comes.
    Down,
    /// Nobody looks, on purpose.
    Paused,
}

use Kind::{
    Bitrate, Black, Blocked, CodecChanged, Continuity, Down, Frozen, LowDescriptors, LowDisk,
    MemoryWarning, MonitorBehind, NoAudio, NoVideo, OutboxBehind, OwnNetwork, Playlist, Scrambled,
    Silent, Slow, Stale, Stalled, Timing, Transport,
};

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 23;

    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; Self::COUNT] = [
        Down,
        Stalled,
        Stale,
        Black,
        Frozen,
        Silent,
        NoVideo,
        NoAudio,
        Continuity,
        Transport,
        Scrambled,
        Timing,
        Bitrate,
        Playlist,
        Slow,
        CodecChanged,
        Blocked,
        OwnNetwork,
        LowDescriptors,
        LowDisk,
        MemoryWarning,
        MonitorBehind,
        OutboxBehind,
    ];

    /// Those of streams, which a definition and the configuration may name; the first of [`Self::ALL`].
    pub const STREAM: [Self; 17] = {
        let mut kinds = [Down; 17];
        let mut at = 0;
        while at < kinds.len() {
            kinds[at] = Self::ALL[at];
            at += 1;
        }
        kinds
    };

    /// Those of the server itself: the rest of [`Self::ALL`].
    pub const SERVER: [Self; 6] = [
        OwnNetwork,
        LowDescriptors,
        LowDisk,
        MemoryWarning,
        MonitorBehind,
        OutboxBehind,
    ];

    /// What quality failover may be asked for.
    pub const FAILOVER: [Self; 3] = [Black, Frozen, Silent];

    /// Its name in the API, in metrics and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Down => "down",
            Stalled => "stalled",
            Stale => "stale",
            Black => "black",
            Frozen => "frozen",
            Silent => "silent",
            NoVideo => "no_video",
            NoAudio => "no_audio",
            Continuity => "continuity",
            Transport => "transport",
            Scrambled => "scrambled",
            Timing => "timing",
            Bitrate => "bitrate",
            Playlist => "playlist",
            Slow => "slow",
            CodecChanged => "codec_changed",
            Blocked => "blocked",
            OwnNetwork => "own_network",
            LowDescriptors => "low_descriptors",
            LowDisk => "low_disk",
            MemoryWarning => "memory_warning",
            MonitorBehind => "monitor_behind",
            OutboxBehind => "outbox_behind",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// How it is judged unless somebody says otherwise.
    pub fn rule(self) -> Rule {
        use Severity::{Critical, Info, Warning};
        let (severity, hold, clear, looks) = match self {
            // A retry must be seen to fail.
            Down => (Critical, 10, 10, 2),
            // Two dark, still or quiet moments are those of many a film.
            Black | Frozen | Silent => (Critical, 10, 10, 3),
            Stalled | Stale | NoVideo | NoAudio | Scrambled | Blocked => (Critical, 10, 10, 1),
            // These come in bursts: they are over when a while was clean.
            Continuity | Transport | Timing | Playlist => (Warning, 10, 60, 1),
            Bitrate | Slow => (Warning, 30, 30, 1),
            // Happens at one moment: told at once.
            CodecChanged => (Info, 0, 60, 1),
            OwnNetwork => (Critical, 0, 5, 1),
            // Everything ends when these are used up.
            LowDescriptors | LowDisk => (Critical, 10, 60, 2),
            MemoryWarning => (Warning, 30, 60, 2),
            // A busy minute, and the start, are no reason to wake anybody.
            MonitorBehind | OutboxBehind => (Warning, 60, 60, 2),
        };
        Rule {
            // Those of the server are of no single stream.
            enabled: !self.is_of_server(),
            severity,
            hold: Duration::from_secs(hold),
            clear: Duration::from_secs(clear),
            looks,
        }
    }

    /// What explains it: while one of these is raised, this one is not, for it would say the same thing twice or could
    /// not be seen. Holds the explanations of its explanations too.
    pub fn explained_by(self) -> &'static [Self] {
        match self {
            Blocked | OwnNetwork | LowDescriptors | LowDisk | MemoryWarning | MonitorBehind
            | OutboxBehind => &[],
            Down => &[Blocked],
            Stale => &[Blocked, Down],
            Stalled => &[Blocked, Down, Stale],
            Playlist | NoVideo | NoAudio | Continuity | Transport | Scrambled | Timing | Slow
            | CodecChanged => &[Blocked, Down, Stale, Stalled],
            Bitrate => &[Blocked, Down, Stale, Stalled, NoVideo],
            Black => &[Blocked, Down, Stale, Stalled, Scrambled, NoVideo],
            Silent => &[Blocked, Down, Stale, Stalled, Scrambled, NoAudio],
            Frozen => &[Blocked, Down, Stale, Stalled, Scrambled, NoVideo, Black],
        }
    }

    /// Whether it is one of the server itself, never of a stream.
    pub fn is_of_server(self) -> bool {
        Self::SERVER.contains(&self)
    }

    /// Whether nothing reaches viewers while it lasts.
    pub fn is_outage(self) -> bool {
        matches!(self, Down | Stalled | Stale | Blocked)
    }

    /// Whether media shows it, and nothing else does.
    pub fn is_of_media(self) -> bool {
        matches!(
            self,
            NoVideo
                | NoAudio
                | Black
                | Frozen
                | Silent
                | Continuity
                | Transport
                | Scrambled
                | Timing
        )
    }

    /// Whether a fault of our own network looks like it.
    pub fn follows_network(self) -> bool {
        matches!(self, Down | Stalled | Stale | Slow | Playlist | Bitrate)
    }

    /// Whether its absence can only be told where media was seen, so that it proves the stream to be up; the server is up
    /// where anything can be told of it.
    pub(super) fn absence_proves_media(self) -> bool {
        matches!(self, Down | Black | Frozen | Silent | NoVideo | NoAudio) || self.is_of_server()
    }

    /// Whether it needs a picture.
    pub(super) fn is_of_picture(self) -> bool {
        matches!(self, Black | Frozen | NoVideo)
    }

    /// Whether it needs sound.
    pub(super) fn is_of_sound(self) -> bool {
        matches!(self, Silent | NoAudio)
    }
}

impl Severity {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

impl Health {
    /// Its name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Paused => "paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("Black"), None);
        let both = Kind::STREAM.into_iter().chain(Kind::SERVER);
        assert!(both.eq(Kind::ALL));
        for severity in Severity::ALL {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
            assert_eq!(Severity::parse(severity.as_str()), Some(severity));
        }
        assert!(Severity::ALL.is_sorted());
        for health in [
            Health::Unknown,
            Health::Up,
            Health::Degraded,
            Health::Down,
            Health::Paused,
        ] {
            assert_eq!(serde_json::to_value(health).unwrap(), health.as_str());
        }
    }

    #[test]
    fn explanations_are_complete_and_go_one_way() {
        for kind in Kind::ALL {
            for other in kind.explained_by() {
                assert!(!other.explained_by().contains(&kind), "{kind:?} {other:?}");
                for further in other.explained_by() {
                    assert!(
                        kind.explained_by().contains(further),
                        "{kind:?} {further:?}"
                    );
                }
            }
        }
    }
}
