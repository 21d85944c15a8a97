//! slowhttptest: heads, bodies and readers that come drop by drop, and ranges without number.

use std::process::Stdio;
use std::time::Duration;

use super::{Scene, figure};
use crate::SOON;
use crate::support::*;

/// One mode of slowhttptest against a path.
fn attack(scene: &Scene, mode: &[&str], path: &str) -> Kid {
    let seconds = figure("ABUSE_SECONDS", 8).to_string();
    let connections = figure("ABUSE_CONNECTIONS", 200).to_string();
    let mut command = clean_command("slowhttptest");
    command
        .args(mode)
        .args(["-c", &connections, "-r", "200", "-l", &seconds])
        // Each sends something every second, and never gives up early.
        .args(["-i", "1", "-p", "5", "-u", &scene.server.url(path)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_bodies_readers_and_ranges_take_no_place_from_others() {
    let scene = Scene::set(
        Options::new()
            // So that there is something to be exhausted: the attacker may have half of it.
            .env("MAX_CONNECTIONS", "200")
            .env("MAX_CONNECTIONS_PER_CLIENT", "100")
            .env("UNLIMITED_CLIENTS", "192.0.2.0/24")
            .env("CLIENT_RATE", "0")
            .env("HTTP_HEADER_TIMEOUT", "3s")
            .env("HTTP_BODY_TIMEOUT", "3s"),
    )
    .await;
    let preview = "/streams/preview/tv?quality=source";
    let mut attacks: Vec<_> = [
        (&["-H"][..], "/api/v1/streams"),
        (&["-B", "-t", "POST", "-s", "8192"], "/api/v1/streams"),
        (&["-R", "-a", "10", "-b", "3000"], preview),
        (
            &["-X", "-w", "1", "-y", "8", "-n", "5", "-z", "1", "-k", "3"],
            "/api/openapi.json",
        ),
        (&["-X", "-w", "1", "-y", "8", "-n", "5", "-z", "1"], preview),
    ]
    .into_iter()
    .map(|(mode, path)| attack(&scene, mode, path))
    .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.newcomer().await;
    }
    let limit = Duration::from_secs(figure("ABUSE_SECONDS", 8)) + SOON;
    for attack in &mut attacks {
        eventually(limit, "the end of slowhttptest", async || attack.ended()).await;
    }
    // Else nothing of this was put to the test.
    let metrics = scene.server.metrics().await;
    let reason = |reason| metrics.sum("sightglass_http_turned_away_total", &[("reason", reason)]);
    assert!(reason("connections") > 100.0, "{}", reason("connections"));
    scene.unhurt().await;
}
