//! Who was turned away before anything looked at what was wanted.

use metrics::{Unit, counter, describe_counter};

const TURNED_AWAY: &str = "sightglass_http_turned_away_total";

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// A client asked too often.
    ClientRate,
    /// A token was used too often.
    TokenRate,
    /// A client had too many connections.
    Connections,
    /// A connection began no request in time, TLS included.
    Silent,
    /// No TLS came about.
    Handshake,
    /// An HTTP/2 connection was without requests for too long.
    Idle,
    /// An HTTP/2 client asked, and took back what it had asked, too often (rapid reset).
    Resets,
    /// An HTTP/2 client did not take what it had asked for.
    Stalled,
}

impl TurnedAway {
    const ALL: [Self; 8] = [
        Self::ClientRate,
        Self::TokenRate,
        Self::Connections,
        Self::Silent,
        Self::Handshake,
        Self::Idle,
        Self::Resets,
        Self::Stalled,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::ClientRate => "client_rate",
            Self::TokenRate => "token_rate",
            Self::Connections => "connections",
            Self::Silent => "silent",
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Resets => "resets",
            Self::Stalled => "stalled",
        }
    }
}

pub(super) fn describe() {
    describe_counter!(
        TURNED_AWAY,
        Unit::Count,
        "Requests that were refused and connections that were closed because of a limit, by reason."
    );
    for reason in TurnedAway::ALL {
        counter!(TURNED_AWAY, "reason" => reason.as_str()).increment(0);
    }
}

/// Somebody was turned away.
pub fn turned_away(reason: TurnedAway) {
    counter!(TURNED_AWAY, "reason" => reason.as_str()).increment(1);
}
