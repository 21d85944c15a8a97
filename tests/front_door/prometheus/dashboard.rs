//! The dashboard: is it one that Grafana shows, and what does it ask for?

use std::collections::BTreeSet;

use serde_json::Value;

use super::DEPLOY;

/// Panels of Grafana's own that are not Angular's.
const PANELS: [&str; 8] = [
    "bargauge",
    "gauge",
    "heatmap",
    "stat",
    "state-timeline",
    "table",
    "text",
    "timeseries",
];
/// Units of Grafana that are used here.
const UNITS: [&str; 10] = [
    "none",
    "short",
    "percentunit",
    "bytes",
    "Bps",
    "bps",
    "s",
    "cps",
    "opm",
    "reqps",
];
/// The least version of the schema whose panels need no migration.
const SCHEMA: u64 = 39;
/// Columns of the grid.
const COLUMNS: u64 = 24;

/// A query of a panel, a variable or an annotation.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where it stands.
    pub(super) place: String,
    /// As it is written, with Grafana's variables.
    pub(super) expression: String,
    /// Labels that its legend or its columns show.
    pub(super) shown: BTreeSet<String>,
}

/// The dashboard as it is delivered.
pub(super) fn read() -> Value {
    let path = format!("{DEPLOY}/grafana/dashboards/sightglass.json");
    let text = std::fs::read_to_string(path).expect("the dashboard");
    serde_json::from_str(&text).expect("JSON")
}

/// Panels without the rows themselves: those that are open, and those of each closed row.
fn canvases(dashboard: &Value) -> Vec<Vec<&Value>> {
    let all = dashboard["panels"].as_array().expect("panels");
    let (rows, open): (Vec<&Value>, Vec<&Value>) =
        all.iter().partition(|panel| panel["type"] == "row");
    let closed = rows.into_iter().map(|row| {
        let panels = row["panels"].as_array();
        panels.into_iter().flatten().collect()
    });
    closed.chain([open]).collect()
}

/// Every panel, rows apart.
fn panels(dashboard: &Value) -> Vec<&Value> {
    canvases(dashboard).concat()
}

/// Every query.
pub(super) fn queries(dashboard: &Value) -> Vec<Asked> {
    let mut all = Vec::new();
    for panel in panels(dashboard) {
        let title = text(&panel["title"]);
        let columns = panel["transformations"][0]["options"]["indexByName"].as_object();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let mut shown = braced(text(&target["legendFormat"]));
            shown.extend(columns.into_iter().flat_map(|names| names.keys().cloned()));
            all.push(Asked {
                place: format!("{title} {}", text(&target["refId"])),
                expression: text(&target["expr"]).to_owned(),
                shown,
            });
        }
    }
    for annotation in dashboard["annotations"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if let Some(expression) = annotation["expr"].as_str() {
            all.push(Asked {
                place: format!("annotation {}", annotation["name"]),
                expression: expression.to_owned(),
                shown: braced(text(&annotation["textFormat"])),
            });
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let query = text(&variable["query"]["query"]);
        if let Some(inner) = query.strip_prefix("label_values(") {
            let (expression, label) = inner.rsplit_once(',').expect("a metric and a label");
            all.push(Asked {
                place: format!("variable {}", variable["name"]),
                expression: expression.to_owned(),
                shown: [label.trim().trim_end_matches(')').to_owned()].into(),
            });
        }
    }
    all
}

/// The names in `{{name}}`.
pub(super) fn braced(text: &str) -> BTreeSet<String> {
    let parts = text.split("{{").skip(1);
    let names = parts.filter_map(|part| Some(part.split_once("}}")?.0.trim().to_owned()));
    names.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_dashboard_is_one_that_grafana_shows() {
    let dashboard = read();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= SCHEMA);
    assert_eq!(dashboard["uid"], "sightglass");
    // An id is given by the Grafana that loads it.
    assert!(dashboard["id"].is_null());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|v| text(&v["name"])).collect();
    assert_eq!(names, ["datasource", "instance", "stream"]);
    assert_eq!(variables[0]["type"], "datasource");
    assert_eq!(variables[0]["query"], "prometheus");

    let all = panels(&dashboard);
    let rows = dashboard["panels"].as_array().unwrap();
    let rows = rows.iter().filter(|panel| panel["type"] == "row");
    let mut ids = BTreeSet::new();
    for panel in all.iter().copied().chain(rows) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["id"]);
    }
    for panel in &all {
        let title = text(&panel["title"]);
        assert!(!title.is_empty(), "{panel}");
        assert!(PANELS.contains(&text(&panel["type"])), "{title}");
        assert_eq!(
            text(&panel["datasource"]["uid"]),
            "${datasource}",
            "{title}"
        );
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(UNITS.contains(&text(&defaults["unit"])), "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        let mut letters = BTreeSet::new();
        for target in targets {
            assert!(letters.insert(text(&target["refId"])), "{title}");
            assert_eq!(
                text(&target["datasource"]["uid"]),
                "${datasource}",
                "{title}"
            );
            let expression = text(&target["expr"]);
            assert!(
                expression.contains("ALERTS{") || expression.contains(r#"instance=~"$instance""#),
                "{title}: {expression}"
            );
            // Whatever interval Prometheus scrapes at.
            assert!(!expression.contains("[5m]"), "{title}: {expression}");
        }
    }
    for canvas in canvases(&dashboard) {
        no_two_overlap(&canvas);
    }
}

fn no_two_overlap(panels: &[&Value]) {
    let place =
        |panel: &Value| ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
    for (n, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(w > 0 && h > 0 && x + w <= COLUMNS, "{}", panel["title"]);
        for other in &panels[n + 1..] {
            let [x2, y2, w2, h2] = place(other);
            let apart = x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y;
            assert!(apart, "{} and {}", panel["title"], other["title"]);
        }
    }
}
