//! What looks of the monitor come to, and what they cost.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

const LOOKS: &str = "sightglass_monitor_looks_total";
const COST: &str = "sightglass_monitor_look_cpu_seconds";
const REPLACED: &str = "sightglass_monitor_decoders_replaced_total";

pub(super) fn describe() {
    describe_counter!(
        LOOKS,
        Unit::Count,
        "Looks at pictures and sound, by what came of them."
    );
    describe_counter!(
        REPLACED,
        Unit::Count,
        "Decoders that were stopped after a look, because they had failed, were too slow or held too much."
    );
    describe_histogram!(
        COST,
        Unit::Seconds,
        "CPU time of a look: decoding and figures. A group of pictures is one look."
    );
    counter!(REPLACED).increment(0);
    for kind in ["picture", "sound"] {
        counter!(LOOKS, "kind" => kind, "outcome" => "ok").increment(0);
        let _ = histogram!(COST, "kind" => kind);
    }
}

/// A look at a `picture` or at `sound` has ended; both are words of closed sets.
pub fn sampled(kind: &'static str, outcome: &'static str) {
    counter!(LOOKS, "kind" => kind, "outcome" => outcome).increment(1);
}

/// What a look at a `picture` or at `sound` has cost.
pub fn sample_cost(kind: &'static str, cpu: Duration) {
    histogram!(COST, "kind" => kind).record(cpu);
}

/// A decoder is stopped.
pub fn sample_decoder_replaced() {
    counter!(REPLACED).increment(1);
}
