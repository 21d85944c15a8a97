//! What the running server has given up, and that it works all the same.

use std::collections::BTreeMap;
use std::fs;

use crate::SOON;
use crate::support::*;

/// Fields of `/proc/PID/task/TID/status` by thread.
fn threads(server: &Server) -> BTreeMap<u32, BTreeMap<String, String>> {
    let folder = format!("/proc/{}/task", server.pid());
    let tasks = fs::read_dir(folder).unwrap().flatten();
    let status = |task: fs::DirEntry| {
        // Threads come and go.
        let text = fs::read_to_string(task.path().join("status")).ok()?;
        let fields = text.lines().filter_map(|line| line.split_once(":\t"));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Some((task.file_name().to_str()?.parse().ok()?, fields.collect()))
    };
    tasks.filter_map(status).collect()
}

fn children(server: &Server) -> String {
    let folder = format!("/proc/{}/task", server.pid());
    let tasks = fs::read_dir(folder).unwrap().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_thread_is_confined_by_default() {
    let server = Server::start(Options::new()).await;
    server
        .add_stream("tv", "test://ball?width=320&height=180")
        .await;
    let viewer = TsViewer::open(&server.preview("tv", "transcode=true&quality=low"));
    viewer.wait_keyframe(SOON).await;
    for path in ["/health", "/api/v1/info/health"] {
        let (_, _, health) = server.get(path).await;
        let confinement = &health["confinement"];
        for means in [
            "no_new_privileges",
            "capabilities",
            "landlock",
            "seccomp",
            "decoder_threads",
        ] {
            assert_eq!(confinement[means], "on", "{path}: {confinement}");
        }
        assert!(confinement["landlock_abi"].as_u64() >= Some(1));
        assert!(confinement["failures"].is_null(), "{confinement}");
    }
    let threads = threads(&server);
    assert!(threads.len() > 10, "{}", threads.len());
    let mut filters = BTreeMap::new();
    for (thread, status) in &threads {
        for (field, expected) in [
            ("NoNewPrivs", "1"),
            ("Seccomp", "2"),
            ("CapInh", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapEff", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
        ] {
            let name = &status["Name"];
            assert_eq!(status[field], expected, "{field} of {thread} ({name})");
        }
        *filters
            .entry(status["Seccomp_filters"].clone())
            .or_insert(0) += 1;
    }
    // Those that decode have one more than the others.
    assert_eq!(filters.len(), 2, "{filters:?}");
    assert_eq!(children(&server), "");
    let (_, _, health) = server.get("/api/v1/info/health").await;
    let elements = health["build"]["gstreamer_elements"].as_u64().unwrap();
    assert!((100..250).contains(&elements), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off_and_required() {
    let server = Server::start(Options::new().env("CONFINEMENT", "off")).await;
    let (_, _, health) = server.get("/health").await;
    assert_eq!(health["confinement"]["seccomp"], "off", "{health}");
    assert_eq!(health["confinement"]["landlock"], "off", "{health}");
    assert_eq!(threads(&server)[&server.pid()]["Seccomp"], "0");
    drop(server);
    let server = Server::start(Options::new().env("CONFINEMENT", "required")).await;
    assert_eq!(threads(&server)[&server.pid()]["Seccomp"], "2");
    let wrong = Options::new().env("CONFINEMENT", "perhaps");
    let failure = Server::try_start(wrong).await.err().expect("a refusal");
    assert!(
        failure.output.contains("one of on, off, required"),
        "{}",
        failure.output
    );
}

/// Whether a file plays from the media folder once that has become a link to another place, which no rule of the server
/// itself forbids.
async fn plays_from_elsewhere(confinement: &str) -> bool {
    let place = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (place.path().join("media"), place.path().join("elsewhere"));
    for (folder, name) in [(&folder, "a.ts"), (&elsewhere, "b.ts")] {
        fs::create_dir(folder).unwrap();
        fs::copy(media("bbb.ts"), folder.join(name)).unwrap();
    }
    let options = Options::new().env("CONFINEMENT", confinement);
    let server = Server::start(options.env("SOURCE_MEDIA_DIR", &folder.display())).await;
    let url = |name: &str| format!("file://{}/{name}", folder.display());
    server.add_stream("here", &url("a.ts")).await;
    let viewer = TsViewer::open(&server.preview("here", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    drop(viewer);
    fs::rename(&folder, place.path().join("kept")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    server.add_stream("elsewhere", &url("b.ts")).await;
    let viewer = TsViewer::open(&server.preview("elsewhere", "quality=source&timeout=3000"));
    viewer.wait_status(SOON).await == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_plan_is_out_of_reach() {
    assert!(
        plays_from_elsewhere("off").await,
        "there is nothing to prove"
    );
    assert!(!plays_from_elsewhere("on").await);
}
