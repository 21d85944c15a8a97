//! A short soak, and the proof that it would see a leak.

use std::time::Duration;

use crate::support::soak::{Script, soak};

/// Any will do; a failure tells it by itself.
const SEED: u64 = 20_26;

#[tokio::test(flavor = "multi_thread")]
async fn a_short_soak_leaves_nothing_behind() {
    let mut script = Script::new(SEED, Duration::from_secs(20));
    script.sample = Duration::from_secs(5);
    let report = soak(script).await;
    println!("{}", report.summary);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert!(
        report.after.measured,
        "the server does not say how many bytes are in use"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliberate_leak_is_found() {
    let mut script = Script::new(SEED, Duration::from_secs(6));
    script.sample = Duration::from_secs(5);
    script.back = Duration::from_secs(5);
    script.leak = true;
    let report = soak(script).await;
    for wanted in ["threads", "descriptors", "sessions", "memory"] {
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.starts_with(wanted)),
            "no leak of {wanted} in {:#?}",
            report.findings
        );
    }
}
