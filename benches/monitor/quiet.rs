//! The long watch: healthy channels at usual times, the hard clip among them. Nothing may be raised, and
//! every stream is to be looked at all the time.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::farm::{Clip, Farm, Layout};
use super::support::{Figures, Options, Server, alarms, coverage, eventually, healths};

/// Channels of each clip, and of each mode.
const CHANNELS: usize = 8;
/// Most time until all have been looked at.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two lines of the report.
const REPORT: Duration = Duration::from_mins(5);

/// Watches for this time; red when anything is raised or not looked at.
pub(crate) async fn run(length: Duration) -> ExitCode {
    let (farm, main, hard) = (Farm::with_hosts(4), Clip::main(), Clip::hard());
    let server = Server::start(Options::new().env("MONITOR_MODE", "continuous")).await;
    let channels = farm.channels(2 * CHANNELS, &main, &Layout::default());
    let hard_ones = (0..2 * CHANNELS).map(|n| {
        // In every phase, and so that half of the clocks wrap within the time.
        let layout = Layout::default()
            .begin_at(n % 12 * 2)
            .phase(Duration::from_millis(240 * n as u64))
            .clock((1 << 33) - 90_000 * 240 * n as u64);
        let layout = if n % 2 == 1 { layout.marked() } else { layout };
        farm.channel(&format!("hard{n}"), &hard, layout)
    });
    let all: Vec<_> = channels.into_iter().chain(hard_ones).collect();
    for (n, channel) in all.iter().enumerate() {
        let mode = ["continuous", "sampled"][n / CHANNELS % 2];
        let monitor = json!({ "monitor": { "mode": mode } });
        let sources = json!([{ "url": channel.url() }]);
        let id = channel.name();
        server
            .add(json!({ "id": id, "name": id, "sources": sources, "options": monitor }))
            .await;
    }
    eventually(PATIENCE, "all to be covered", async || {
        (coverage(&server).await >= 1.0).then_some(())
    })
    .await;
    let began = Instant::now();
    let (mut raised, mut least) = (0, 1.0_f64);
    while began.elapsed() < length {
        let left = length.saturating_sub(began.elapsed());
        let found = alarms(&server, REPORT.min(left)).await;
        raised += found.len();
        least = least.min(coverage(&server).await);
        let Figures {
            cpu_seconds,
            anonymous_bytes,
            ..
        } = server.figures();
        println!(
            "{:>4.0} min: {raised} alarms, coverage {least:.3}, CPU {cpu_seconds:.0} s, {} MB {found:?}",
            began.elapsed().as_secs_f64() / 60.0,
            anonymous_bytes / 1_000_000
        );
    }
    let healths = healths(&server).await;
    let others = healths.iter().filter(|(_, health)| health.state != "up");
    let others: Vec<_> = others
        .map(|(id, health)| format!("{id} is {}", health.state))
        .collect();
    if raised == 0 && least >= 1.0 && others.is_empty() {
        println!("\nGREEN: {} healthy streams raised nothing", all.len());
        return ExitCode::SUCCESS;
    }
    println!("\nRED: {raised} alarms, coverage {least:.3}, {others:?}");
    ExitCode::FAILURE
}
