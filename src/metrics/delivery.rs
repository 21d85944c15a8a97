//! Notifications on their way to people.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use super::exposition::{Exposition, Type};
use crate::actors::delivery::Figures;

const NOTIFICATIONS: &str = "sightglass_notifications_total";
pub(super) const DELAY: &str = "sightglass_notification_delay_seconds";
const DROPPED: &str = "sightglass_outbox_dropped_total";
const OUTBOX: &str = "sightglass_outbox_notifications";
const OLDEST: &str = "sightglass_outbox_oldest_seconds";

/// Bucket bounds of the delay, in seconds: from what should be to what a day without mail makes of it.
pub(super) const DELAYS: &[f64] = &[
    1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0,
    86_400.0,
];

const KINDS: [&str; 3] = ["email", "webhook", "alertmanager"];
const OUTCOMES: [&str; 3] = ["sent", "failed", "dead"];

pub(super) fn describe() {
    describe_counter!(
        NOTIFICATIONS,
        Unit::Count,
        "Attempts to deliver a notification, by kind of receiver: sent, failed (and tried again) or given up (dead)."
    );
    describe_counter!(
        DROPPED,
        Unit::Count,
        "Notifications that were removed undelivered because the outbox was full."
    );
    describe_histogram!(
        DELAY,
        Unit::Seconds,
        "Time from what happened to the receiver's acceptance of the notification that tells it."
    );
    // They begin at zero, so that the first of each is seen.
    for kind in KINDS {
        for outcome in OUTCOMES {
            counter!(NOTIFICATIONS, "kind" => kind, "outcome" => outcome).increment(0);
        }
    }
    counter!(DROPPED).increment(0);
    let _ = histogram!(DELAY);
}

/// A notification was sent.
pub fn notification_sent(kind: &'static str, delay: Duration) {
    counter!(NOTIFICATIONS, "kind" => kind, "outcome" => "sent").increment(1);
    histogram!(DELAY).record(delay.as_secs_f64());
}

/// An attempt failed, for good or not.
pub fn notification_failed(kind: &'static str, dead: bool) {
    let outcome = if dead { "dead" } else { "failed" };
    counter!(NOTIFICATIONS, "kind" => kind, "outcome" => outcome).increment(1);
}

/// Notifications were removed undelivered.
pub fn outbox_dropped(notifications: u64) {
    counter!(DROPPED).increment(notifications);
}

/// The outbox at the time of a scrape.
pub fn text(figures: &Figures, now: jiff::Timestamp) -> String {
    let mut out = Exposition::default();
    let about = (
        OUTBOX,
        Type::Gauge,
        "Notifications in the outbox, by state.",
    );
    let states = [("pending", figures.pending), ("dead", figures.dead)];
    let states = states.map(|(state, count)| ([state.to_owned()], count as f64));
    out.family(about, ["state"], states);
    let about = (
        OLDEST,
        Type::Gauge,
        "Age of the oldest notification that is still to be delivered; 0 if there is none.",
    );
    let oldest = figures
        .oldest_pending
        .map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
    out.single(about, oldest);
    out.into_text()
}
