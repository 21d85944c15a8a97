//! Every query of rules and dashboard against what a running server exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::dashboard::{self, Asked, braced};
use super::load::Load;
use super::promql::{metric, references};
use super::{RULES, deployed};
use crate::support::*;

/// What selects nothing, and why it need not.
const EMPTY: [(&str, &str); 2] = [
    ("ALERTS{", "nothing has lasted for long enough"),
    (r#"status="5xx""#, "the API does not fail"),
];

/// Labels that Prometheus and its configuration give, and that of its alerts.
const GIVEN: [&str; 4] = ["job", "instance", "site", "alertname"];

/// How soon everything is there: a few scrapes.
const SCRAPED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn every_query_finds_what_a_server_at_work_exports() {
    let load = Load::start().await;
    let folder = TempDir::with_prefix("sightglass-rules-").expect("a temporary folder");
    let prometheus = Prometheus::start(&configure(folder.path(), load.server.base())).await;
    load.until_told().await;
    let text = scrape(&load.server).await;
    let checked = promtool(&["check", "metrics"], &text).await;
    let said = format!("{}{}", checked.text(), checked.stderr);
    assert!(checked.success() && said.is_empty(), "{said}");
    let began = Instant::now();
    loop {
        let problems = problems(&prometheus).await;
        if problems.is_empty() {
            break;
        }
        let waited = began.elapsed();
        assert!(waited < patience(SCRAPED), "{problems:#?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// One scrape, whole, without and with compression.
async fn scrape(server: &Server) -> String {
    let http = http_client().no_proxy().no_gzip().build().unwrap();
    let get = async |accepted: &str| {
        let request = http.get(server.url("/metrics"));
        let answer = request.header("accept-encoding", accepted).send().await;
        let answer = answer.expect("a scrape");
        let headers = answer.headers().clone();
        let header = |name| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header("content-type").as_deref(),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        assert_eq!(header("vary").as_deref(), Some("accept-encoding"));
        let coding = header("content-encoding");
        (coding, answer.bytes().await.expect("a whole scrape"))
    };
    let (coding, packed) = get("gzip").await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    assert!(packed.starts_with(&[0x1f, 0x8b]));
    let (coding, plain) = get("identity").await;
    assert_eq!(coding, None);
    assert!(
        packed.len() * 5 < plain.len(),
        "{} of {}",
        packed.len(),
        plain.len()
    );
    let text = String::from_utf8(plain.to_vec()).expect("UTF-8");
    let samples = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(
        samples.count(),
        Metrics::parse(&text).0.len(),
        "some samples twice"
    );
    text
}

/// The delivered configuration for this server, at a pace for tests.
fn configure(folder: &Path, base: &str) -> PathBuf {
    let rules = folder.join("rules");
    std::fs::create_dir(&rules).expect("a folder");
    for name in RULES {
        let text = deployed(&format!("prometheus/rules/{name}.yml"));
        let text = text.replace("interval: 30s", "interval: 1s");
        std::fs::write(rules.join(format!("{name}.yml")), text).expect("rules");
    }
    let text = deployed("prometheus/prometheus.yml")
        .replace("127.0.0.1:8080", base.trim_start_matches("http://"))
        .replace("scrape_interval: 15s", "scrape_interval: 1s")
        .replace("scrape_timeout: 10s", "scrape_timeout: 1s")
        .replace("evaluation_interval: 15s", "evaluation_interval: 1s");
    let path = folder.join("prometheus.yml");
    std::fs::write(&path, text).expect("a configuration");
    path
}

/// Everything that is wrong with any rule or query; empty when nothing is.
async fn problems(prometheus: &Prometheus) -> Vec<String> {
    let (rules, mut problems) = rules(prometheus).await;
    let mut labels = BTreeMap::new();
    for rule in rules {
        problems.extend(check(prometheus, &rule, false, &mut labels).await);
    }
    for asked in dashboard::queries(&dashboard::read()) {
        problems.extend(check(prometheus, &asked, true, &mut labels).await);
    }
    problems
}

/// The rules as Prometheus has loaded them, and which of them it cannot evaluate.
async fn rules(prometheus: &Prometheus) -> (Vec<Asked>, Vec<String>) {
    let loaded = prometheus.get("rules", &[]).await.expect("rules");
    let groups = loaded["groups"].as_array().expect("groups");
    let all = groups.iter().filter_map(|group| group["rules"].as_array());
    let (mut asked, mut problems) = (Vec::new(), Vec::new());
    for rule in all.flatten() {
        let name = rule["name"].as_str().expect("a name");
        if rule["health"] != "ok" {
            problems.push(format!(
                "rule {name}: {} {}",
                rule["health"], rule["lastError"]
            ));
        }
        let texts = [&rule["annotations"], &rule["labels"]].map(Value::to_string);
        let shown = braced(&texts.concat());
        let shown = shown
            .iter()
            .filter_map(|text| text.split("$labels.").nth(1));
        asked.push(Asked {
            place: format!("rule {name}"),
            expression: rule["query"].as_str().expect("a query").to_owned(),
            shown: shown
                .map(|name| name.trim_end_matches([' ', ')']).to_owned())
                .collect(),
        });
    }
    assert!(asked.len() > 20, "{} rules", asked.len());
    (asked, problems)
}

/// What is wrong with one query. One of a panel shall also have a result.
async fn check(
    prometheus: &Prometheus,
    asked: &Asked,
    is_shown: bool,
    labels: &mut BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let Asked {
        place,
        expression,
        shown,
    } = asked;
    // As Grafana does; the stream is the one that is converted.
    let expression = expression
        .replace("$__rate_interval", "10s")
        .replace("$__range", "1m")
        .replace("$instance", ".*")
        .replace("$stream", "c1");
    let result = match prometheus.query(&expression).await {
        Ok(result) => result,
        Err(error) => return vec![format!("{place}: {error}: {expression}")],
    };
    let asks = references(&expression);
    let may_be_empty = |text: &str| EMPTY.iter().any(|(part, _)| text.contains(part));
    let mut problems = Vec::new();
    let mut known: BTreeSet<String> = GIVEN.map(ToOwned::to_owned).into();
    for selector in &asks.selectors {
        let name = metric(selector);
        if !labels.contains_key(name) {
            let of = labels_of(prometheus, name).await;
            labels.insert(name.to_owned(), of);
        }
        known.extend(labels[name].iter().cloned());
        let selected = prometheus.query(selector).await;
        let is_there = selected.is_ok_and(|series| !series.is_empty());
        if !is_there && !may_be_empty(selector) && !is_of_other_stream(selector) {
            problems.push(format!("{place}: nothing is {selector}"));
        }
        if labels[name].is_empty() && !may_be_empty(selector) {
            problems.push(format!("{place}: there is no {name}"));
        }
    }
    if !may_be_empty(&expression) {
        let unknown = asks.labels.iter().chain(shown);
        let unknown = unknown.filter(|label| !known.contains(*label));
        problems.extend(unknown.map(|label| format!("{place}: no label {label}: {expression}")));
    }
    // What compares shows what is beyond a limit.
    let compares = expression.contains(" > 0");
    let excused = compares || may_be_empty(&expression) || is_of_other_stream(&expression);
    if is_shown && result.is_empty() && !excused {
        problems.push(format!("{place}: no result: {expression}"));
    }
    problems
}

/// The stream that is converted is well: its conditions are those of the others.
fn is_of_other_stream(text: &str) -> bool {
    text.contains("sightglass_stream_condition{") && text.contains(r#"stream="c1""#)
}

/// The labels that series of this name have.
async fn labels_of(prometheus: &Prometheus, name: &str) -> BTreeSet<String> {
    let series = prometheus.query(name).await.unwrap_or_default();
    let labels = series.iter().filter_map(|one| one["metric"].as_object());
    labels.flat_map(|metric| metric.keys().cloned()).collect()
}
