//! What each pipeline takes, and where the memory of the process is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::exposition::{Exposition, Type};
use super::names;
use crate::memory::{ProcessMemory, Usage};

/// A pipeline, as metrics tell of it.
#[derive(Clone, Debug)]
pub struct PipelineFigures {
    /// The stream's id.
    pub stream: String,
    /// Its rendition.
    pub rendition: String,
    /// The sort of pipeline.
    pub kind: &'static str,
    /// What it takes, where that is measured.
    pub usage: Option<Usage>,
    /// File descriptors that it holds.
    pub descriptors: u32,
    /// How far its output lies behind real time.
    pub lag: Option<Duration>,
}

/// What the pool reckons with.
#[derive(Clone, Copy, Debug)]
pub struct Charges {
    /// Memory that running transcodes are charged with, in bytes.
    pub memory_bytes: u64,
    /// CPU that they are charged with, in cores.
    pub cpu_cores: f32,
    /// Above this new ones wait, in bytes.
    pub warning_bytes: u64,
    /// Above this the least wanted end, in bytes.
    pub critical_bytes: u64,
}

/// The text for one scrape. Labels are the stream's id, its rendition, and the sort of pipeline. A
/// rendition that is being taken over, or whose former pipeline is wedged, counts with all it has.
pub fn text(fleet: &[PipelineFigures], memory: &ProcessMemory, charges: &Charges) -> String {
    let mut out = Exposition::default();
    let each = |value: fn(&PipelineFigures, &Usage) -> Option<f64>| {
        let mut sums: BTreeMap<[&str; 3], f64> = BTreeMap::new();
        for one in fleet {
            let usage = one.usage.unwrap_or_default();
            let Some(value) = value(one, &usage) else {
                continue;
            };
            let labels = [one.stream.as_str(), one.rendition.as_str(), one.kind];
            *sums.entry(labels).or_default() += value;
        }
        sums
    };
    let labels = ["stream", "rendition", "kind"];
    let about = (
        names::MEMORY,
        Type::Gauge,
        "Memory that the pipeline holds: heap and stacks.",
    );
    out.family(
        about,
        labels,
        each(|one, usage| one.usage.map(|_| usage.total_bytes() as f64)),
    );
    let about = (
        names::PEAK,
        Type::Gauge,
        "The most memory that the pipeline was seen to hold.",
    );
    out.family(
        about,
        labels,
        each(|one, usage| one.usage.map(|_| usage.peak_bytes as f64)),
    );
    let about = (
        names::CPU,
        Type::Counter,
        "CPU time of the pipeline's threads.",
    );
    out.family(
        about,
        labels,
        each(|one, usage| one.usage.map(|_| usage.cpu.as_secs_f64())),
    );
    let about = (names::THREADS, Type::Gauge, "Threads of the pipeline.");
    out.family(
        about,
        labels,
        each(|one, usage| one.usage.map(|_| f64::from(usage.threads))),
    );
    let about = (
        names::DESCRIPTORS,
        Type::Gauge,
        "File descriptors that a pipeline of this topology holds.",
    );
    out.family(
        about,
        labels,
        each(|one, _| Some(f64::from(one.descriptors))),
    );
    // Two of one rendition must not become two series of one name.
    let mut lag: BTreeMap<[&str; 2], Duration> = BTreeMap::new();
    for one in fleet {
        let Some(new) = one.lag else { continue };
        let known = lag.entry([&one.stream, &one.rendition]).or_default();
        *known = new.max(*known);
    }
    let lag = lag.into_iter().map(|(of, lag)| (of, lag.as_secs_f64()));
    let about = (
        names::LAG,
        Type::Gauge,
        "How far the pipeline's output lies behind real time.",
    );
    out.family(about, ["stream", "rendition"], lag);
    process(&mut out, memory);
    pool(&mut out, charges);
    out.into_text()
}

fn process(out: &mut Exposition, memory: &ProcessMemory) {
    let mut states = vec![
        ("resident", memory.resident),
        ("anonymous", memory.anonymous),
        ("peak_anonymous", memory.peak_anonymous),
    ];
    if let Some(parts) = &memory.parts {
        states.extend([
            ("pipelines", parts.pipelines),
            ("server", parts.server),
            ("spare", parts.spare),
            ("unattributed", parts.unattributed),
        ]);
    }
    let about = (
        names::PROCESS,
        Type::Gauge,
        "Memory of the process. Anonymous memory is what pipelines and the server hold, what is spare, and what is unattributed.",
    );
    let series = states
        .into_iter()
        .map(|(state, bytes)| ([state], bytes as f64));
    out.family(about, ["state"], series);
}

fn pool(out: &mut Exposition, charges: &Charges) {
    let about = (
        names::CHARGED_BYTES,
        Type::Gauge,
        "Memory that running transcodes are charged with.",
    );
    out.single(about, charges.memory_bytes as f64);
    let about = (
        names::CHARGED_CORES,
        Type::Gauge,
        "CPU cores that running transcodes are charged with.",
    );
    out.single(about, f64::from(charges.cpu_cores));
    let about = (
        names::THRESHOLD,
        Type::Gauge,
        "Anonymous memory above which pipelines wait or end.",
    );
    let levels = [
        ("warning", charges.warning_bytes),
        ("critical", charges.critical_bytes),
    ];
    let series = levels.map(|(level, bytes)| ([level], bytes as f64));
    out.family(about, ["level"], series);
}
