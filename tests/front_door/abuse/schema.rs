//! schemathesis asks whatever the description of the API allows, and what it does not.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{Scene, figure};
use crate::support::*;

/// What ends by itself only when its viewer goes, and what waits for receivers that are made up.
const ENDLESS: &str = "^/(streams/preview/|api/v1/events/stream|api/v1/ws|api/v1/alerts/test)";
/// Made up requests for each operation.
const EXAMPLES: u64 = 3;
/// No 5xx but those that are meant, and nothing that is not described.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method";

/// A server that lets it do everything, also once it has made users.
fn open() -> Options {
    Options::new().quick().env("INSECURE", "true")
}

/// Lets it loose on a server.
async fn examine(server: &Server, phases: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let examples = figure("ABUSE_EXAMPLES", EXAMPLES).to_string();
    let mut command = clean_command("python3");
    command
        .env("PYTHONPATH", folder.join(".media/schemathesis"))
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(folder.join("scripts/schemathesis.toml"))
        .args(["run", &server.url("/api/openapi.json"), "--phases", phases])
        .args(["--max-examples", &examples, "--workers", "1", "--seed", "1"])
        .args(["--request-timeout", "100"])
        .args(["--exclude-path-regex", ENDLESS, "--checks", CHECKS])
        .args(["--continue-on-failure", "--no-color"])
        .current_dir(server.folder());
    let limit = Duration::from_secs(figure("ABUSE_SECONDS", 2)) * 60;
    let finished = run(command, limit).await;
    eprintln!("{}", finished.text());
    assert!(
        finished.success(),
        "schemathesis found something, see above"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_keeps_to_its_description_whatever_it_is_asked() {
    let scene = Scene::set(open()).await;
    let thorough = figure("ABUSE_EXAMPLES", EXAMPLES) > EXAMPLES;
    let phases = if thorough {
        "examples,coverage,fuzzing"
    } else {
        "examples,fuzzing"
    };
    examine(&scene.server, phases).await;
    scene.unhurt().await;
}

/// One request goes on with what another has answered; it may remove what it finds, so nobody watches.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes long: make abuse"]
async fn the_api_keeps_to_its_description_over_many_steps() {
    let server = Server::start(open()).await;
    server.add_stream("a", "test://ball").await;
    examine(&server, "stateful").await;
    assert!(!server.logs().contain("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_has_a_name_and_says_how_it_fails() {
    let server = Server::start(Options::new()).await;
    let (_, _, description) = server.get("/api/openapi.json").await;
    let mut names = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(
                names.insert(name.to_owned()),
                "{method} {path}: {name} is taken"
            );
            let failure = &operation["responses"]["default"]["content"];
            assert!(
                failure["application/problem+json"].is_object(),
                "{method} {path}"
            );
        }
    }
    assert!(names.len() > 40, "{names:?}");
}
