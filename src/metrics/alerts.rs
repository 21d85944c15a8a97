//! Alerts.

use metrics::{Unit, counter, describe_counter};

use super::exposition::{Exposition, Type};
use super::names;
use crate::actors::alerts::Figures;
use crate::conditions::Severity;

const HELD_BACK: &str = "sightglass_notifications_held_back_total";

pub(super) fn describe() {
    describe_counter!(
        HELD_BACK,
        Unit::Count,
        "Changes that a receiver was told of only as a number, because they came too often."
    );
    counter!(HELD_BACK).increment(0);
}

/// Changes will be told as a number.
pub fn held_back(changes: u64) {
    if changes > 0 {
        counter!(HELD_BACK).increment(changes);
    }
}

/// The text for one scrape.
pub fn text(figures: &Figures) -> String {
    let mut out = Exposition::default();
    let about = (
        names::ALERTS_ACTIVE,
        Type::Gauge,
        "Alerts that are raised and not acknowledged.",
    );
    let severities = Severity::ALL.into_iter().zip(figures.active);
    let active = severities.map(|(severity, count)| ([severity.as_str().to_owned()], count as f64));
    out.family(about, ["severity"], active);
    let about = (
        names::ALERTS_ACKNOWLEDGED,
        Type::Gauge,
        "Alerts that are raised and acknowledged.",
    );
    out.single(about, figures.acknowledged as f64);
    out.into_text()
}
