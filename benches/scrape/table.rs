//! What was measured, as a table.

use std::time::Duration;

/// What one round has shown.
pub(crate) struct Round {
    pub(crate) name: &'static str,
    /// How long each scrape took, from the request to its last byte.
    pub(crate) scrapes: Vec<Duration>,
    /// How long each answer of `/live` took.
    pub(crate) probes: Vec<Duration>,
    /// Cores that the server used.
    pub(crate) cores: f64,
    /// How long players of the previews would have stood still, all together.
    pub(crate) stalled: Duration,
}

/// The duration that this share of all does not exceed; 0 when there are none.
pub(crate) fn quantile(all: &[Duration], share: f64) -> Duration {
    let mut all = all.to_vec();
    all.sort_unstable();
    let last = all.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    all.get(at).copied().unwrap_or_default()
}

/// Prints the rounds, each in a row.
pub(crate) fn print(rounds: &[Round]) {
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    println!(
        "| | scrapes | median, ms | 99 % | most | `/live`: median, ms | 99 % | most | cores | previews stood still, ms |"
    );
    println!("|---|{}", "---:|".repeat(9));
    for round in rounds {
        let Round {
            name,
            scrapes,
            probes,
            ..
        } = round;
        let times =
            |all: &[Duration]| [0.5, 0.99, 1.0].map(|share| milliseconds(quantile(all, share)));
        println!(
            "| {name} | {} | {} | {} | {:.3} | {} |",
            scrapes.len(),
            times(scrapes).join(" | "),
            times(probes).join(" | "),
            round.cores,
            milliseconds(round.stalled)
        );
    }
}
