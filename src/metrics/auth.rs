//! Who is let in.

use metrics::{Unit, counter, describe_counter};

const LOGINS: &str = "sightglass_auth_logins_total";
const REFUSALS: &str = "sightglass_auth_refusals_total";
const AUDIT_DROPPED: &str = "sightglass_audit_dropped_total";

pub(super) fn describe() {
    describe_counter!(
        LOGINS,
        Unit::Count,
        "Passwords and tokens that were shown, but for those known from a moment before, by outcome."
    );
    describe_counter!(
        REFUSALS,
        Unit::Count,
        "Requests that were not let in, by reason."
    );
    describe_counter!(
        AUDIT_DROPPED,
        Unit::Count,
        "Entries of the audit log that were lost because the store was busy or failed."
    );
    for outcome in ["done", "refused", "failed"] {
        counter!(LOGINS, "outcome" => outcome).increment(0);
    }
    for reason in ["unauthenticated", "forbidden", "url"] {
        counter!(REFUSALS, "reason" => reason).increment(0);
    }
    counter!(AUDIT_DROPPED).increment(0);
}

/// Somebody showed a password or a token.
pub fn login(outcome: &'static str) {
    counter!(LOGINS, "outcome" => outcome).increment(1);
}

/// A request was not let in.
pub fn refusal(reason: &'static str) {
    counter!(REFUSALS, "reason" => reason).increment(1);
}

/// Entries of the audit log were lost.
pub fn audit_dropped(entries: usize) {
    counter!(AUDIT_DROPPED).increment(entries as u64);
}
