//! Probes, metrics, description.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told() {
    let server = Server::start(Options::new().env("ENVIRONMENT", "staging")).await;
    server.add(stream("news")).await;
    for path in ["/live", "/ready", "/livez", "/readyz"] {
        let (status, _, body) = server.get(path).await;
        assert_eq!((status, body), (200, json!("ok\n")), "{path}");
    }
    let (status, headers, health) = server.get("/health").await;
    assert_eq!(
        (status, header(&headers, "content-type")),
        (200, "application/json"),
        "{health}"
    );
    assert_eq!(health["status"], "healthy", "{health}");
    let at: jiff::Timestamp = health["timestamp"]
        .as_str()
        .expect("text")
        .parse()
        .expect("RFC 3339");
    let age = jiff::Timestamp::now().duration_since(at).as_secs();
    assert!((0..60).contains(&age), "{health}");
    assert!(
        health["uptime"]
            .as_f64()
            .is_some_and(|s| s > 0.0 && s < 120.0),
        "{health}"
    );
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        health["responseTime"]
            .as_f64()
            .is_some_and(|ms| (0.0..5000.0).contains(&ms)),
        "{health}"
    );
    assert!(health["environment"].is_string(), "{health}");
    let services = &health["services"];
    for part in ["database", "transcoding", "memory"] {
        assert_eq!(services[part]["status"], "healthy", "{health}");
    }
    assert_eq!(services["database"]["streams"], 1);
    assert!(
        services["database"]["latency"]
            .as_f64()
            .is_some_and(|ms| ms > 0.0),
        "{health}"
    );
    assert_eq!(
        (
            &services["transcoding"]["active"],
            &services["transcoding"]["maxConcurrent"]
        ),
        (&json!(0), &json!(3))
    );
    let memory = &services["memory"];
    assert!(
        memory["residentBytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1 << 20),
        "{health}"
    );
    let real = server.figures();
    let told = memory["threads"].as_u64().expect("threads");
    assert!(told.abs_diff(real.threads as u64) < 20, "{told}, {real:?}");

    let (status, _, pool) = server.get("/api/streams/transcoding/status").await;
    let idle = json!({"activeSessions": 0, "maxConcurrent": 3, "utilizationPercentage": 0.0, "queued": 0, "sessions": []});
    assert_eq!((status, pool), (200, idle));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_described_and_closed() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    server
        .add_stream("down", &origin.status("secret-door", 403))
        .await;
    let (status, _, _) = server.get("/streams/preview/down?timeout=3000").await;
    assert!(status >= 500);
    for path in [
        "/nope/127.0.0.1",
        "/api/v1/streams/nope",
        "/api/v1/streams/down",
    ] {
        server.get(path).await;
    }
    // What the server knows of itself is there from its first look on.
    let (status, headers, text) = eventually(
        Duration::from_secs(10),
        "a look at the server",
        async || {
            let answer = server.get("/metrics").await;
            let text = answer.2.as_str().unwrap_or_default();
            text.contains("sightglass_store_latency_seconds")
                .then_some(answer)
        },
    )
    .await;
    assert_eq!(status, 200);
    assert!(
        header(&headers, "content-type").starts_with("text/plain; version=0.0.4"),
        "{headers:?}"
    );
    let text = text.as_str().expect("text");
    let described = |mark: &str| -> BTreeMap<&str, &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
        lines.filter_map(|line| line.split_once(' ')).collect()
    };
    let (help, kinds) = (described("# HELP "), described("# TYPE "));
    let mut names = BTreeSet::new();
    let samples = Metrics::parse(text);
    for sample in samples.0.keys() {
        let name = sample.split('{').next().unwrap_or_default();
        let parts = ["_bucket", "_sum", "_count"];
        let family = parts
            .iter()
            .filter_map(|part| name.strip_suffix(part))
            .find(|family| kinds.get(family) == Some(&"histogram"))
            .unwrap_or(name);
        let kind = kinds
            .get(family)
            .unwrap_or_else(|| panic!("{sample} has no TYPE"));
        assert!(
            help.get(family).is_some_and(|text| !text.is_empty()),
            "{sample} has no HELP"
        );
        assert!(family.starts_with("sightglass_"), "{sample}");
        assert_eq!(
            *kind == "counter",
            family.ends_with("_total"),
            "{sample} is a {kind}"
        );
        assert!(
            ["counter", "gauge", "histogram"].contains(kind),
            "{sample} is a {kind}"
        );
        names.insert(family);
    }
    for wanted in [
        "sightglass_build_info",
        "sightglass_uptime_seconds",
        "sightglass_streams",
        "sightglass_sessions",
        "sightglass_ingest_failures_total",
        "sightglass_preview_failures_total",
        "sightglass_pool_slots",
        "sightglass_http_requests_total",
        "sightglass_http_request_duration_seconds",
        "sightglass_process_open_fds",
        "sightglass_process_resident_memory_bytes",
        "sightglass_process_cpu_seconds_total",
        "sightglass_store_latency_seconds",
    ] {
        assert!(names.contains(wanted), "{wanted} is missing: {names:?}");
    }
    // Labels are closed: nothing that a client or a provider wrote.
    for open in ["127.0.0.1", "://", "nope", "secret-door"] {
        assert!(!text.contains(open), "{open} in the metrics");
    }
    let metrics = server.metrics().await;
    assert!(metrics.sum("sightglass_ingest_failures_total", &[("cause", "auth")]) >= 1.0);
    assert!(
        metrics.sum(
            "sightglass_http_requests_total",
            &[("route", "unmatched"), ("status", "4xx")]
        ) >= 1.0
    );
    let streams = metrics.sum("sightglass_streams", &[]);
    assert!((streams - 1.0).abs() < f64::EPSILON, "{streams}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    let server = Server::start(Options::new()).await;
    let (status, headers, api) = server.get("/api/openapi.json").await;
    assert_eq!(
        (status, header(&headers, "content-type")),
        (200, "application/json")
    );
    assert!(
        api["openapi"].as_str().is_some_and(|v| v.starts_with("3.")),
        "{}",
        api["openapi"]
    );
    assert_eq!(api["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut missing = Vec::new();
    for (path, methods) in [
        (STREAMS, &["get", "post"][..]),
        ("/api/v1/streams/{id}", &["get", "put", "patch", "delete"]),
        ("/api/v1/accounts", &["get", "post"]),
        ("/api/v1/accounts/{id}", &["get", "put", "patch", "delete"]),
        (IMPORT, &["post"]),
        ("/playlist.m3u", &["get"]),
        ("/streams/preview/{id}", &["get"]),
        ("/streams/preview/{id}/index.m3u8", &["get"]),
        ("/streams/preview/{id}/{rendition}/index.m3u8", &["get"]),
        ("/streams/preview/{id}/{rendition}/{segment}", &["get"]),
        ("/api/streams/transcoding/status", &["get"]),
        ("/api/v1/sessions/{sessionId}", &["delete"]),
        ("/api/v1/events/stream", &["get"]),
        ("/api/v1/ws", &["get"]),
        ("/live", &["get"]),
        ("/ready", &["get"]),
        ("/livez", &["get"]),
        ("/readyz", &["get"]),
        ("/health", &["get"]),
        ("/metrics", &["get"]),
    ] {
        for method in methods {
            if !api["paths"][path][method]["responses"].is_object() {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "not described: {missing:?}");
    let schemas = api["components"]["schemas"].as_object().expect("schemas");
    let problem = &schemas["Problem"]["properties"];
    for member in ["type", "title", "status", "detail", "code", "errors"] {
        assert!(
            problem[member].is_object(),
            "Problem has no {member}: {problem}"
        );
    }
    // Every reference leads somewhere.
    let mut open = vec![&api];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("a local reference");
                    assert!(api.pointer(pointer).is_some(), "{target} is missing");
                }
                open.extend(object.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
}

/// Problems come as `application/problem+json`, and the description says so.
#[tokio::test(flavor = "multi_thread")]
async fn problems_are_described_with_their_media_type() {
    let server = Server::start(Options::new()).await;
    let (_, _, api) = server.get("/api/openapi.json").await;
    let mut wrong = Vec::new();
    for (path, operations) in api["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                for (kind, content) in response["content"].as_object().into_iter().flatten() {
                    let is_problem = content.to_string().contains("schemas/Problem\"");
                    if is_problem && kind != "application/problem+json" {
                        wrong.push(format!("{method} {path} {status}: {kind}"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} responses, such as {:?}",
        wrong.len(),
        wrong.first()
    );
}
