//! What is delivered for Prometheus and Grafana, tried on Debian's Prometheus and the real server: rules that are sound,
//! a dashboard that Grafana shows, and no query for anything that the server does not export.

mod dashboard;
mod load;
mod promql;
mod queries;

use std::collections::BTreeSet;

use crate::support::*;

/// Where it is delivered.
const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
/// The files of rules.
const RULES: [&str; 3] = ["recording", "server", "streams"];

fn deployed(path: &str) -> String {
    let path = format!("{DEPLOY}/{path}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_sound_and_do_what_they_say() {
    let folder = format!("{DEPLOY}/prometheus");
    let configuration = format!("{folder}/prometheus.yml");
    let tests = format!("{folder}/rules_test.yml");
    let rules = RULES.map(|name| format!("{folder}/rules/{name}.yml"));
    let mut check = vec!["check", "rules", "--lint=all", "--lint-fatal"];
    check.extend(rules.iter().map(String::as_str));
    for arguments in [
        &["check", "config", &configuration][..],
        &check,
        &["test", "rules", &tests],
    ] {
        let ended = promtool(arguments, "").await;
        let said = format!("{}{}", ended.text(), ended.stderr);
        assert!(ended.success(), "promtool {arguments:?}: {said}");
    }
}

/// No alert is delivered of which nobody has seen that it fires.
#[test]
fn every_alert_is_tested() {
    let names = |text: &str, key: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| {
            let line = line.trim().trim_start_matches("- ");
            Some(line.strip_prefix(key)?.trim().to_owned())
        });
        lines.collect()
    };
    let rules = RULES.map(|name| deployed(&format!("prometheus/rules/{name}.yml")));
    let alerts = names(&rules.concat(), "alert:");
    let tested = names(&deployed("prometheus/rules_test.yml"), "alertname:");
    assert_eq!(alerts, tested);
    assert!(alerts.len() > 10, "{alerts:?}");
}
