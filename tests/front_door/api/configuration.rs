//! Configuration.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn check_config_tells_all_mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("s.toml");
    std::fs::write(
        &file,
        "lisen = 1\n[hls]\nwindow = 2\n[profiles.low]\nwidth = 3\n",
    )
    .expect("a file");
    let file = file.to_str().expect("a plain path");
    let env = [
        ("SOURCE_ALLOW_CIDRS", "10.0.0.0/8,nonsense"),
        ("TRANSCODE_THREADS", "x"),
        ("MAX_CONCURRENT_TRANSCODES", "-1"),
        ("TRANSCODE_QUALITY_PROFILE", "ultra"),
    ];
    let (code, told) = program(
        &["check-config", "--config", file, "--listen", "nowhere"],
        &env,
    )
    .await;
    assert_eq!(code, Some(2), "{told}");
    for wanted in [
        "lisen",
        "hls.window",
        "profiles.low.width",
        "SOURCE_ALLOW_CIDRS",
        "TRANSCODE_THREADS",
        "MAX_CONCURRENT_TRANSCODES",
        "--listen",
    ] {
        assert!(told.contains(wanted), "{wanted} is not told:\n{told}");
    }
    let (code, told) = program(&["check-config"], &[("TRANSCODE_QUALITY_PROFILE", "ultra")]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("low, medium") || told.contains("high, low, medium"),
        "{told}"
    );
    let (code, told) = program(&["check-config", "--config", "/nonexistent/s.toml"], &[]).await;
    assert_eq!(code, Some(2), "{told}");
    let (code, told) = program(&["check-config", "--print", "--hls-window", "9"], &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("window = 9 # flag --hls-window"), "{told}");
    let (code, told) = program(&["--version"], &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with(&format!("sightglass {}", env!("CARGO_PKG_VERSION"))),
        "{told}"
    );
    for part in ["\ncommit ", "\nGStreamer 1.", "\n  x264 ", "\n  app "] {
        assert!(told.contains(part), "{part:?}: {told}");
    }
    let (code, _) = program(&["serve", "--no-such-flag"], &[]).await;
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_binds_and_writes_nothing() {
    // The port is taken, so that a server that tried it would say so.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("x.redb");
    let args = [
        "serve",
        "--listen",
        &address,
        "--db",
        db.to_str().expect("plain"),
    ];
    let (code, told) = program(&args, &[("HLS_WINDOW", "x"), ("TRANSCODE_THREADS", "0")]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("hls.window") && told.contains("transcode.threads"),
        "{told}"
    );
    assert!(!told.contains("cannot listen") && !db.exists(), "{told}");

    let (code, told) = program(&args, &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("cannot listen") && told.contains(&address),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("shared.redb");
    let mut first = Server::start(Options::new().db(&db)).await;
    first.add(stream("news")).await;
    let Err(failure) = Server::try_start(Options::new().db(&db)).await else {
        panic!("two servers on one store");
    };
    assert_eq!(failure.status.code(), Some(1), "{}", failure.output);
    assert!(
        failure.output.contains("in use by another process"),
        "{}",
        failure.output
    );
    assert_eq!(
        first.get("/api/v1/streams/news").await.0,
        200,
        "the first one is unharmed"
    );
    first.terminate().await;
    let second = Server::start(Options::new().db(&db)).await;
    assert_eq!(total(&second).await, 1);

    let broken = folder.path().join("broken.redb");
    std::fs::write(&broken, "this is no store").expect("a file");
    let Err(failure) = Server::try_start(Options::new().db(&broken)).await else {
        panic!("a server on a broken store");
    };
    assert_eq!(failure.status.code(), Some(1), "{}", failure.output);
    assert_eq!(
        std::fs::read(&broken).expect("it is there"),
        b"this is no store"
    );
}
