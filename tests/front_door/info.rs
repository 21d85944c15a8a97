//! How the server itself is: figures, thresholds, conditions of its own, and its log.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::SOON;
use crate::support::*;

/// Longest wait for a condition that is raised after 10 s.
const RAISED: Duration = Duration::from_secs(40);

async fn get(server: &Server, path: &str) -> Value {
    let (status, _, body) = server.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}

fn messages(page: &Value) -> Vec<String> {
    let text = |line: &Value| line["message"].as_str().unwrap_or_default().to_owned();
    items(page).iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_how_it_is() {
    let server = Server::start(Options::new()).await;
    server.add_stream("news", "http://127.0.0.1:9/x.ts").await;
    let health = get(&server, "/api/v1/info/health").await;
    assert_eq!(health["status"], "healthy", "{health}");
    assert_eq!(health["conditions"], json!([]));
    let gstreamer = health["build"]["gstreamer"].as_str().expect("text");
    assert!(gstreamer.starts_with("GStreamer 1."), "{health}");
    let checks = health["checks"].as_array().expect("checks");
    let names: BTreeSet<_> = checks
        .iter()
        .filter_map(|it| it["check"].as_str())
        .collect();
    for name in [
        "low_descriptors",
        "low_disk",
        "monitor_behind",
        "store_slow",
        "log_dropped",
    ] {
        assert!(names.contains(name), "{name}: {health}");
    }
    let disk = checks.iter().find(|it| it["check"] == "low_disk");
    let disk = disk.expect("the disk");
    assert_eq!(
        (&disk["threshold"], &disk["unit"]),
        (&json!(5e8), &json!("bytes"))
    );

    let figures = get(&server, "/api/v1/info/monitoring").await;
    let number = |path: &str| {
        let value = figures.pointer(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("{path}: {figures}"))
    };
    let open = number("/descriptors/open");
    assert!(open > 5.0 && open < number("/descriptors/max"), "{figures}");
    assert!(number("/threads") >= 2.0 && number("/cpu/available_cores") > 0.0);
    assert!(number("/memory/resident_bytes") >= number("/memory/anonymous_bytes"));
    assert!(number("/memory/system_bytes") > number("/memory/system_available_bytes"));
    assert!(number("/store/file_bytes") > 0.0 && number("/store/latency") < 2.0);
    assert!(number("/store/disk_bytes") > number("/store/disk_free_bytes"));
    for queue in [
        "transcodes",
        "ingests",
        "connections",
        "looks",
        "store",
        "log",
    ] {
        assert!(number(&format!("/queues/{queue}")) >= 0.0);
    }
    assert_eq!(figures["log"]["filter"], "info");

    let metrics = server.metrics().await;
    let condition = |kind| format!("sightglass_server_condition{{condition=\"{kind}\"}}");
    for kind in [
        "own_network",
        "low_descriptors",
        "low_disk",
        "memory_warning",
        "monitor_behind",
        "outbox_behind",
    ] {
        assert_eq!(metrics.get(&condition(kind)), Some(0.0), "{kind}");
    }
    assert!(metrics.get("sightglass_store_disk_free_bytes") > Some(0.0));
    assert!(metrics.get("sightglass_store_file_bytes") > Some(0.0));
    assert_eq!(metrics.get("sightglass_log_lines_dropped_total"), Some(0.0));

    // The server is no stream, and none can be called as it is.
    let definition = json!({"id": "_server", "sources": [{"url": "http://127.0.0.1:9/y.ts"}]});
    let (status, _, told) = server.post("/api/v1/streams", &definition).await;
    assert_eq!(
        (status, &told["errors"][0]["pointer"]),
        (422, &json!("/id")),
        "{told}"
    );
    let (status, ..) = server.get("/api/v1/streams/_server/events").await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_is_told_once_and_not_again_after_a_restart() {
    let options = Options::new().env("LOW_DISK_THRESHOLD", "900000GiB");
    let mut server = Server::start(options).await;
    let condition = eventually(RAISED, "a nearly full disk to be told", async || {
        let health = get(&server, "/api/v1/info/health").await;
        health["conditions"].get(0).cloned()
    })
    .await;
    assert_eq!(
        (&condition["kind"], &condition["severity"]),
        (&json!("low_disk"), &json!("critical"))
    );
    let raised = async |server: &Server| {
        let page = get(server, "/api/v1/info/events").await;
        let raised = items(&page)
            .iter()
            .filter(|it| it["type"] == "condition_raised");
        raised
            .map(|it| it["condition"]["kind"].clone())
            .collect::<Vec<_>>()
    };
    eventually(SOON, "it to be kept", async || {
        (raised(&server).await == [json!("low_disk")]).then_some(())
    })
    .await;
    let metrics = server.metrics().await;
    let name = "sightglass_server_condition{condition=\"low_disk\"}";
    assert_eq!(metrics.get(name), Some(1.0));
    server.kill9();

    let server = server.restart().await;
    let health = get(&server, "/api/v1/info/health").await;
    assert_eq!(
        health["conditions"][0]["since"], condition["since"],
        "{health}"
    );
    assert_eq!(
        (&health["status"], &health["health"]),
        (&json!("degraded"), &json!("degraded"))
    );
    assert_eq!(raised(&server).await, [json!("low_disk")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_more_for_a_while() {
    const LEVEL: &str = "/api/v1/info/log-level";
    let server = Server::start(Options::new()).await;
    let start = get(&server, "/api/v1/info/logs").await;
    assert!(
        messages(&start).contains(&"listening".to_owned()),
        "{start}"
    );
    for (body, status) in [
        (json!({"level": "loud"}), 400),
        (json!({"level": "debug", "seconds": 0}), 400),
        (json!({"level": "debug", "seconds": 86_401}), 400),
        (json!({"level": "debug", "for": 5}), 400),
    ] {
        assert_eq!(server.put(LEVEL, &body).await.0, status, "{body}");
    }
    let change = json!({"level": "info,sightglass::http=debug", "seconds": 2});
    let (status, _, told) = server.put(LEVEL, &change).await;
    assert_eq!(
        (status, &told["configured"]),
        (200, &json!("info")),
        "{told}"
    );
    assert!(told["until"].is_string(), "{told}");
    get(&server, "/live").await;
    let since = start["next"].as_u64().expect("a number");
    let path = format!("/api/v1/info/logs?since={since}");
    let page = get(&server, &path).await;
    let request = items(&page)
        .iter()
        .find(|line| line["message"] == "request");
    let request = request.unwrap_or_else(|| panic!("{page}"));
    assert_eq!(
        (&request["level"], &request["fields"]["method"]),
        (&json!("debug"), &json!("PUT"))
    );
    eventually(SOON, "it on standard output", async || {
        let told = server.logs().contain("\"message\":\"request\"");
        told.then_some(())
    })
    .await;

    let end = eventually(SOON, "the level to be as configured", async || {
        let level = get(&server, LEVEL).await;
        (level["level"] == "info" && level.get("until").is_none()).then_some(())?;
        get(&server, "/api/v1/info/logs?limit=1").await["next"].as_u64()
    })
    .await;
    get(&server, "/live").await;
    let page = get(&server, &format!("/api/v1/info/logs?since={end}")).await;
    assert!(!messages(&page).contains(&"request".to_owned()), "{page}");
    let errors = get(&server, "/api/v1/info/logs?level=error").await;
    assert_eq!(errors["items"], json!([]));
    assert_eq!(server.get("/api/v1/info/logs?level=warning").await.0, 400);
    let (status, _, told) = server.delete(LEVEL).await;
    assert_eq!((status, &told["level"]), (200, &json!("info")));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_files_are_rotated_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("new/logs");
    let options = Options::new()
        .env("LOG_DIR", logs.to_str().expect("text"))
        .env("LOG_LEVEL", "info,sightglass::http=debug")
        .env("LOG_REPEAT_WINDOW", "0")
        .env("MAX_LOG_SIZE", "16KiB")
        .env("MAX_LOG_FILES", "3");
    let mut server = Server::start(options).await;
    for _ in 0..500 {
        get(&server, "/live").await;
    }
    server.terminate().await;
    let mut lines = 0;
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(&logs).expect("a folder") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(
            text.len() <= 16 << 10 && text.ends_with('\n'),
            "{}",
            path.display()
        );
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("whole lines");
            assert!(line["fields"]["message"].is_string(), "{line}");
            lines += 1;
        }
        names.insert(path.file_name().expect("a name").to_owned());
    }
    let expected = ["sightglass.log", "sightglass.log.1", "sightglass.log.2"];
    assert!(names.iter().eq(expected), "{names:?}");
    assert!(lines > 100, "{lines}");
    // The last words are there, too.
    let last = std::fs::read_to_string(logs.join("sightglass.log")).expect("text");
    assert!(last.contains("\"message\":\"stopped\""), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_logs_stops_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let path: &Path = folder.path();
    // Whatever is written there fails for want of space.
    std::os::unix::fs::symlink("/dev/full", path.join("sightglass.log")).expect("a link");
    let options = Options::new()
        .env("LOG_DIR", path.to_str().expect("text"))
        .env("LOG_LEVEL", "info,sightglass::http=debug")
        .env("LOG_REPEAT_WINDOW", "0");
    let mut server = Server::start(options).await;
    for _ in 0..100 {
        get(&server, "/live").await;
    }
    let dropped = eventually(SOON, "lost lines to be counted", async || {
        let metrics = server.metrics().await;
        let dropped = metrics.get("sightglass_log_lines_dropped_total")?;
        (dropped >= 100.0).then_some(dropped)
    })
    .await;
    assert!(dropped < 200.0, "{dropped}");
    eventually(SOON, "the failure to be told", async || {
        let told = server.logs().contain("the log files cannot be written");
        told.then_some(())
    })
    .await;
    let (status, took) = server.terminate().await;
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{took:?}"
    );
}
