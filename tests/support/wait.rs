//! Bounded waits.

use std::time::{Duration, Instant};

/// Pause between two looks of [`eventually`].
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks again and again until `look` gives a value, for at most `limit` (see [`patience`]).
///
/// # Panics
/// When the limit passes, naming `what` was waited for.
pub async fn eventually<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let limit = patience(limit);
    let began = Instant::now();
    let searched = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    let Ok(found) = tokio::time::timeout(limit, searched).await else {
        let waited = began.elapsed().as_secs_f64();
        panic!("gave up after {waited:.1} s waiting for {what}");
    };
    found
}

/// `limit` times the environment variable `TEST_PATIENCE` (at least 1, default 1), for machines
/// that are slower or busier than the one on which the limits were chosen.
pub fn patience(limit: Duration) -> Duration {
    let factor = std::env::var("TEST_PATIENCE")
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .map_or(1.0, |factor| factor.clamp(1.0, 100.0));
    limit.mul_f64(factor)
}
