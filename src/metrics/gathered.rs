//! Figures that are read when somebody asks for the metrics.

use std::time::Duration;

use super::exposition::{Exposition, Type};
use super::names;
use crate::admission::Hold;
use crate::process;

/// Figures read when somebody asks for the metrics.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Time since the start.
    pub uptime: Duration,
    /// Streams by state.
    pub streams: Vec<(&'static str, usize)>,
    /// Sessions by format.
    pub sessions: Vec<(&'static str, usize)>,
    /// Slots of the pool, taken ones, and the queue.
    pub pool: (usize, usize, usize),
    /// Why the next in the queue waits.
    pub hold: Option<Hold>,
    /// Renditions that are refused for a while.
    pub suspended: usize,
    /// Pipelines started and wedged since the start.
    pub pipelines: (u64, u64),
    /// Latency of the store's newest check; `None` when it did not answer.
    pub store_latency: Option<Duration>,
    /// Descriptors open and allowed, resident bytes, threads, CPU seconds.
    pub process: process::Figures,
}

/// The text for one scrape. Labels are closed sets.
pub fn text(figures: &Gathered) -> String {
    let mut out = Exposition::default();
    server(&mut out, figures);
    pool(&mut out, figures);
    process(&mut out, figures);
    out.into_text()
}

fn server(out: &mut Exposition, figures: &Gathered) {
    let about = (names::UPTIME, Type::Gauge, "Time since the server started.");
    out.single(about, figures.uptime.as_secs_f64());
    let counts = |counts: &[(&'static str, usize)]| -> Vec<([&'static str; 1], f64)> {
        let count = |&(label, count): &(&'static str, usize)| ([label], count as f64);
        counts.iter().map(count).collect()
    };
    let about = (names::STREAMS, Type::Gauge, "Streams by state.");
    out.family(about, ["state"], counts(&figures.streams));
    let about = (names::SESSIONS, Type::Gauge, "Viewers' sessions by format.");
    out.family(about, ["format"], counts(&figures.sessions));
    let about = (
        names::STORE_LATENCY,
        Type::Gauge,
        "Time the store took to answer its newest check; absent when it did not answer.",
    );
    out.single(about, figures.store_latency.map(|t| t.as_secs_f64()));
}

fn pool(out: &mut Exposition, figures: &Gathered) {
    let (slots, used, queue) = figures.pool;
    let (started, wedged) = figures.pipelines;
    let gauge = |name, help| (name, Type::Gauge, help);
    let counter = |name, help| (name, Type::Counter, help);
    let about = gauge(names::POOL_SLOTS, "Transcodes that may run at once.");
    out.single(about, slots as f64);
    let about = gauge(names::POOL_USED, "Transcode slots taken.");
    out.single(about, used as f64);
    let about = gauge(names::POOL_QUEUE, "Requests waiting for a transcode slot.");
    out.single(about, queue as f64);
    let help = "1 for the reason why the next in the queue waits.";
    let held = Hold::ALL.map(|hold| {
        let held = u8::from(figures.hold == Some(hold));
        ([hold.as_str()], f64::from(held))
    });
    out.family(gauge(names::POOL_HELD, help), ["reason"], held);
    let help = "Renditions that are refused for a while after failures.";
    out.single(gauge(names::SUSPENDED, help), figures.suspended as f64);
    let about = counter(names::PIPELINES_STARTED, "GStreamer pipelines started.");
    out.single(about, started as f64);
    let help = "Pipelines whose teardown passed its deadline.";
    out.single(counter(names::PIPELINES_WEDGED, help), wedged as f64);
}

fn process(out: &mut Exposition, figures: &Gathered) {
    let process = &figures.process;
    let gauge = |name, help| (name, Type::Gauge, help);
    let about = gauge(names::FDS, "Open file descriptors.");
    out.single(about, process.open_fds as f64);
    let help = "The most file descriptors the process may open.";
    out.single(gauge(names::MAX_FDS, help), process.max_fds as f64);
    let about = gauge(names::RESIDENT, "Resident memory of the process.");
    out.single(about, process.resident_bytes as f64);
    let about = gauge(names::PROCESS_THREADS, "Threads of the process.");
    out.single(about, process.threads as f64);
    let help = "CPU time of the process, user and system.";
    let about = (names::PROCESS_CPU, Type::Counter, help);
    out.single(about, process.cpu_seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_does_not_answer_has_no_latency() {
        let mut figures = Gathered {
            store_latency: Some(Duration::from_millis(1)),
            ..Gathered::default()
        };
        assert!(text(&figures).contains("\nsightglass_store_latency_seconds 0.001\n"));
        figures.store_latency = None;
        assert!(!text(&figures).contains("store_latency"));
    }

    #[test]
    fn cpu_time_is_told_with_its_fractions() {
        let process = process::Figures {
            cpu_seconds: 1.25,
            ..process::Figures::default()
        };
        let figures = Gathered {
            process,
            ..Gathered::default()
        };
        assert!(text(&figures).contains("\nsightglass_process_cpu_seconds_total 1.25\n"));
    }
}
