//! How soon each fault is told, and its end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::server::Mode;
use super::support::farm::{Channel, Fault};
use super::support::{Server, health, patience};

/// Between two looks at a stream.
const LOOK: Duration = Duration::from_millis(250);
/// Most that is waited for.
const LIMIT: Duration = Duration::from_mins(4);

/// The faults, and what is to be raised; any one of these.
const FAULTS: [(&str, Fault, &[&str]); 13] = [
    ("refused", Fault::Refused, &["down"]),
    ("404", Fault::Status(404), &["down"]),
    ("503", Fault::Status(503), &["down"]),
    ("no answer", Fault::Mute, &["down", "stalled"]),
    ("segments stall", Fault::Stalled, &["down", "stalled"]),
    ("stale playlist", Fault::Stale, &["stale"]),
    ("slow segments", Fault::Slow(1.6), &["slow"]),
    ("black", Fault::Black, &["black"]),
    ("frozen", Fault::Frozen, &["frozen"]),
    ("silent", Fault::Silent, &["silent"]),
    ("packets missing", Fault::Lossy, &["continuity"]),
    ("sound lost", Fault::SoundLost, &["no_audio"]),
    ("scrambled", Fault::Scrambled, &["scrambled"]),
];

/// What came of the faults in a round.
pub(crate) struct Told {
    name: String,
    /// From the fault to the condition, and from its end to the condition's, in seconds.
    delays: Vec<(Option<f64>, Option<f64>)>,
    /// What was raised beside: `fault: kind`.
    beside: Vec<String>,
}

/// Breaks one channel in each way, all at one time, until that is told; then heals them.
pub(crate) async fn run(
    server: &Server,
    channels: &[Channel],
    apart: &Channel,
    mode: Mode,
    name: &str,
) -> Told {
    eprintln!("faults, told at intervals of {:?}", mode.interval);
    let step = channels.len() / FAULTS.len();
    let one = async |n: usize| {
        let (what, fault, kinds) = FAULTS[n];
        let channel = if fault == Fault::Refused {
            apart
        } else {
            &channels[n * step]
        };
        let mut beside = Vec::new();
        channel.fault(fault);
        let raised = until(server, channel, |found| {
            for kind in found.iter().filter(|kind| !kinds.contains(&kind.as_str())) {
                let line = format!("{what}: {kind}");
                if !beside.contains(&line) {
                    beside.push(line);
                }
            }
            found.iter().any(|kind| kinds.contains(&kind.as_str()))
        })
        .await;
        channel.heal();
        let cleared = until(server, channel, <[String]>::is_empty).await;
        (raised, cleared, beside)
    };
    let mut told = Told {
        name: name.to_owned(),
        delays: Vec::new(),
        beside: Vec::new(),
    };
    for (raised, cleared, beside) in join_all((0..FAULTS.len()).map(one)).await {
        told.delays.push((raised, cleared));
        told.beside.extend(beside);
    }
    told
}

/// Seconds until the conditions of a stream are as wanted.
async fn until(
    server: &Server,
    channel: &Channel,
    mut wanted: impl FnMut(&[String]) -> bool,
) -> Option<f64> {
    let began = Instant::now();
    while began.elapsed() < patience(LIMIT) {
        let health = health(server, channel.name()).await;
        let kinds: Vec<String> = health.kinds().into_iter().map(ToOwned::to_owned).collect();
        if wanted(&kinds) {
            return Some(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}

/// Prints the delays, a round two columns.
pub(crate) fn print(rounds: &[Told]) {
    if rounds.is_empty() {
        return;
    }
    let names: Vec<String> = rounds
        .iter()
        .map(|told| format!("{0}: raised | {0}: cleared", told.name))
        .collect();
    println!("\n| fault, seconds until | {} |", names.join(" | "));
    println!("|---|{}", "---:|".repeat(2 * rounds.len()));
    for (n, (what, ..)) in FAULTS.iter().enumerate() {
        let seconds = |value: Option<f64>| value.map_or("never".to_owned(), |s| format!("{s:.1}"));
        let cell = |told: &Told| {
            let (raised, cleared) = told.delays[n];
            format!("{} | {}", seconds(raised), seconds(cleared))
        };
        let cells: Vec<String> = rounds.iter().map(cell).collect();
        println!("| {what} | {} |", cells.join(" | "));
    }
    for told in rounds.iter().filter(|told| !told.beside.is_empty()) {
        println!("\nRaised beside, {}: {}", told.name, told.beside.join(", "));
    }
}
