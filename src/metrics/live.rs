//! Clients that follow live updates.

use metrics::{Counter, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::live::Resync;

const CLIENTS: &str = "sightglass_live_clients";
const MESSAGES: &str = "sightglass_live_messages_total";
const BYTES: &str = "sightglass_live_bytes_total";
const RESYNCS: &str = "sightglass_live_resyncs_total";

const TRANSPORTS: [&str; 2] = ["sse", "websocket"];

pub(super) fn describe() {
    describe_gauge!(
        CLIENTS,
        Unit::Count,
        "Clients that follow live updates, by transport."
    );
    describe_counter!(
        MESSAGES,
        Unit::Count,
        "Snapshots and deltas handed to clients of live updates."
    );
    describe_counter!(
        BYTES,
        Unit::Bytes,
        "Bytes handed to clients of live updates, as compressed as they were sent, by transport."
    );
    describe_counter!(
        RESYNCS,
        Unit::Count,
        "Times a client of live updates that knew something was told everything anew, by reason."
    );
    counter!(MESSAGES).increment(0);
    for transport in TRANSPORTS {
        gauge!(CLIENTS, "transport" => transport).set(0.0);
        counter!(BYTES, "transport" => transport).increment(0);
    }
    for reason in [Resync::Restart, Resync::Filter, Resync::Gap, Resync::Slow] {
        counter!(RESYNCS, "reason" => word(reason)).increment(0);
    }
}

/// A client that follows, until dropped.
#[must_use]
pub struct LiveClient {
    transport: &'static str,
    bytes: Counter,
}

impl std::fmt::Debug for LiveClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LiveClient").field(&self.transport).finish()
    }
}

impl LiveClient {
    /// Bytes were handed over for it.
    pub fn sent(&self, bytes: usize) {
        self.bytes.increment(bytes as u64);
    }
}

impl Drop for LiveClient {
    fn drop(&mut self) {
        gauge!(CLIENTS, "transport" => self.transport).decrement(1.0);
    }
}

/// A client follows, over this transport.
pub fn live_client(transport: &'static str) -> LiveClient {
    gauge!(CLIENTS, "transport" => transport).increment(1.0);
    LiveClient {
        transport,
        bytes: counter!(BYTES, "transport" => transport),
    }
}

/// A client was told something.
pub fn live_message() {
    counter!(MESSAGES).increment(1);
}

/// A client that knew something was told everything anew.
pub fn live_resync(why: Resync) {
    counter!(RESYNCS, "reason" => word(why)).increment(1);
}

fn word(why: Resync) -> &'static str {
    match why {
        Resync::Restart => "restart",
        Resync::Filter => "filter",
        Resync::Gap => "gap",
        Resync::Slow => "slow",
    }
}
