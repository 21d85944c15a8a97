//! What the monitor knows.

use std::time::{Duration, Instant};

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

use super::exposition::{Exposition, Type};
use super::names;
use crate::actors::monitor::{Known, Overview, coverage};
use crate::conditions::{Health, Kind};
use crate::stream::{MonitorMode, StreamId};

const HEALTHS: [Health; 5] = [
    Health::Unknown,
    Health::Up,
    Health::Degraded,
    Health::Down,
    Health::Paused,
];
const LOOK_DURATION: &str = "sightglass_monitor_look_duration_seconds";
const RAISED: &str = "sightglass_conditions_raised_total";
const STANDSTILLS: &str = "sightglass_monitor_standstills_total";

pub(super) fn describe() {
    describe_histogram!(
        LOOK_DURATION,
        Unit::Seconds,
        "Time that a look at a stream took, from its turn to the verdict, by whether there was media to see."
    );
    describe_counter!(RAISED, Unit::Count, "Conditions that were raised, by kind.");
    describe_counter!(
        STANDSTILLS,
        Unit::Count,
        "Times that this server stood still for 5 s or more: what was not seen meanwhile is held against no stream."
    );
    counter!(STANDSTILLS).increment(0);
    for kind in Kind::ALL {
        raised(kind).increment(0);
    }
    for saw in [false, true] {
        let _ = looks(saw);
    }
}

/// A look was made; `saw` tells whether there was media.
pub fn looked(took: Duration, saw: bool) {
    looks(saw).record(took);
}

fn looks(saw: bool) -> Histogram {
    let outcome = if saw { "media" } else { "nothing" };
    histogram!(LOOK_DURATION, "outcome" => outcome)
}

/// The server has not run for a while.
pub fn stood_still() {
    counter!(STANDSTILLS).increment(1);
}

/// A condition was raised.
pub fn condition_raised(kind: Kind) {
    raised(kind).increment(1);
}

fn raised(kind: Kind) -> Counter {
    counter!(RAISED, "condition" => kind.as_str())
}

/// The text for one scrape. Labels are stream ids, which an operator made, and small closed sets; with
/// `each_stream` off, only what is told of all streams together.
pub fn text(
    all: &[(StreamId, Known)],
    overview: &Overview,
    each_stream: bool,
    now: Instant,
) -> String {
    let mut out = Exposition::default();
    together(&mut out, all, overview, now);
    if each_stream {
        of_each(&mut out, all);
    }
    out.into_text()
}

fn together(out: &mut Exposition, all: &[(StreamId, Known)], overview: &Overview, now: Instant) {
    let known = || all.iter().map(|(_, known)| known);
    let about = (
        names::COVERAGE,
        Type::Gauge,
        "Share of watched streams that were looked at within their intervals.",
    );
    out.single(about, coverage(known(), now));
    let about = (
        names::MONITORED,
        Type::Gauge,
        "Streams that the monitor watches, by mode.",
    );
    let modes = [MonitorMode::Continuous, MonitorMode::Sampled];
    let modes = modes.map(|mode| {
        let streams = known().filter(|one| one.mode == mode).count();
        ([mode.as_str()], streams as f64)
    });
    out.family(about, ["mode"], modes);
    let about = (
        names::HEALTH,
        Type::Gauge,
        "Streams that the monitor watches, by how they are.",
    );
    let healths = HEALTHS.map(|health| {
        let streams = known().filter(|one| one.health == health).count();
        ([health.as_str()], streams as f64)
    });
    out.family(about, ["state"], healths);
    let about = (
        names::CONDITIONS,
        Type::Gauge,
        "Conditions of streams that last, by kind.",
    );
    let kinds = Kind::STREAM.map(|kind| {
        let active = known().flat_map(|one| &one.conditions);
        let active = active.filter(|condition| condition.kind == kind).count();
        ([kind.as_str()], active as f64)
    });
    out.family(about, ["condition"], kinds);
    let about = (
        names::OLDEST_LOOK,
        Type::Gauge,
        "Age of the oldest newest look: how long the stream was not looked at that waits longest.",
    );
    let oldest = known().map(|one| one.age(now).as_secs_f64());
    let oldest = oldest.fold(0.0, f64::max);
    out.single(about, oldest);
    let about = (
        names::OWN_NETWORK,
        Type::Gauge,
        "1 while most streams of different hosts fail together, which is taken for a fault of our own network.",
    );
    let ours = f64::from(u8::from(overview.own_network.is_some()));
    out.single(about, ours);
    let about = (
        names::THUMBNAILS,
        Type::Gauge,
        "Memory that pictures of streams take.",
    );
    out.single(about, overview.thumbnail_bytes as f64);
}

fn of_each(out: &mut Exposition, all: &[(StreamId, Known)]) {
    let about = (
        names::STREAM_UP,
        Type::Gauge,
        "1 for a stream that plays, with or without conditions, 0 for one that is down; absent while that is not known.",
    );
    let up = all.iter().filter_map(|(id, known)| {
        let up = match known.health {
            Health::Up | Health::Degraded => 1.0,
            Health::Down => 0.0,
            Health::Unknown | Health::Paused => return None,
        };
        Some(([id.as_str()], up))
    });
    out.family(about, ["stream"], up);
    let about = (
        names::STREAM_CONDITION,
        Type::Gauge,
        "1 for each condition of a stream that lasts, with its severity.",
    );
    let lasting = all.iter().flat_map(|(id, known)| {
        known.conditions.iter().map(move |condition| {
            let (kind, severity) = (condition.kind.as_str(), condition.severity.as_str());
            ([id.as_str(), kind, severity], 1.0)
        })
    });
    out.family(about, ["stream", "condition", "severity"], lasting);
    let about = (
        names::STREAM_RATE,
        Type::Gauge,
        "Bytes a second of the stream's media, where it is pulled without pause.",
    );
    let rate = all
        .iter()
        .filter_map(|(id, known)| Some(([id.as_str()], known.bitrate? / 8.0)));
    out.family(about, ["stream"], rate);
    let about = (
        names::STREAM_CONTINUITY,
        Type::Counter,
        "Continuity counter errors that the monitor has seen in the stream.",
    );
    let errors = all.iter();
    let errors = errors.map(|(id, known)| ([id.as_str()], known.continuity_errors as f64));
    out.family(about, ["stream"], errors);
    let about = (
        names::STREAM_LOOKS,
        Type::Counter,
        "Looks at the stream since it is watched.",
    );
    let looks = all
        .iter()
        .map(|(id, known)| ([id.as_str()], known.looks as f64));
    out.family(about, ["stream"], looks);
    let about = (
        names::STREAM_LAST_CHECK,
        Type::Gauge,
        "When the stream was looked at last, in seconds since 1970.",
    );
    let last = all.iter().filter_map(|(id, known)| {
        let at = known.checked_at?;
        Some(([id.as_str()], at.as_millisecond() as f64 / 1e3))
    });
    out.family(about, ["stream"], last);
}
