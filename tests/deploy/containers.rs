//! Kubernetes' manifests against Kubernetes' own schemas, and the pipelines without GPL.

use std::process::Command;

use crate::support::{Options, Server, ffprobe_packets, media, run};
use crate::{TOOL_LIMIT, repository, text};

#[tokio::test]
async fn the_manifests_are_valid_and_belong_together() {
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(repository("tests/deploy/kubernetes.py"))
        .arg(repository("deploy/kubernetes"))
        .arg(media("kubernetes"));
    let done = run(command, TOOL_LIMIT).await;
    assert!(done.success(), "{}{}", done.text(), done.stderr);
}

#[tokio::test]
async fn the_configuration_of_the_manifests_is_good() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sightglass"));
    command
        .args(["check-config", "--config"])
        .arg(repository("deploy/kubernetes/sightglass.toml"))
        .env("LISTEN_ADDR", "[::]:8080");
    let done = run(command, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);
}

#[test]
fn every_deployment_asks_who_is_there() {
    for (file, said) in [
        ("Dockerfile", "    AUTH=required \\\n"),
        (
            "deploy/systemd/sightglass.service",
            "\nEnvironment=AUTH=required\n",
        ),
        (
            "deploy/kubernetes/statefulset.yaml",
            "- name: AUTH\n              value: required\n",
        ),
    ] {
        assert!(text(file).contains(said), "{file}");
    }
}

#[test]
fn the_image_has_what_the_setup_installs() {
    let setup = text("scripts/setup.sh");
    let words = setup.split(|c: char| c.is_whitespace() || c == '(' || c == ')');
    let plugins: Vec<_> = words
        .filter(|word| word.starts_with("gstreamer1.0-plugins") || *word == "gstreamer1.0-libav")
        .collect();
    assert!(plugins.len() >= 5, "{plugins:?}");
    let image = text("Dockerfile");
    for package in plugins {
        assert!(image.contains(&format!(" {package}")), "{package}");
    }
    // Whatever follows runs without rights.
    let last_user = image
        .lines()
        .rfind(|line| line.starts_with("USER "))
        .unwrap();
    assert_eq!(last_user, "USER 10001:10001");
}

#[test]
fn the_pipelines_without_gpl_differ_in_their_encoder_only() {
    let folder = repository("deploy/openh264");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let elements = |path: String| -> Vec<String> {
            let text = text(&path);
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines
                .map(ToOwned::to_owned)
                .filter(|line| !line.is_empty())
                .collect()
        };
        let ours = elements(format!("deploy/openh264/{name}"));
        let built_in = elements(format!("pipelines/{name}"));
        assert_eq!(ours.len(), built_in.len(), "{name}");
        let differ: Vec<_> = ours.iter().zip(&built_in).filter(|(a, b)| a != b).collect();
        assert_eq!(differ.len(), 1, "{name}: {differ:?}");
        assert!(differ[0].0.contains("openh264enc name=encoder"), "{name}");
        assert!(differ[0].1.contains("x264enc name=encoder"), "{name}");
        seen += 1;
    }
    let with_x264 = std::fs::read_dir(repository("pipelines"))
        .unwrap()
        .filter(|entry| {
            let text = std::fs::read_to_string(entry.as_ref().unwrap().path()).unwrap_or_default();
            text.lines()
                .any(|line| line.trim_start().starts_with("! x264enc"))
        });
    assert_eq!(seen, with_x264.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_x264_previews_are_encoded_by_openh264() {
    let folder = repository("deploy/openh264");
    let options = Options::new().env("PIPELINES_DIR", folder.to_str().unwrap());
    let server = Server::start(options).await;
    server.add_stream("test", "test://ball").await;
    let seen = ffprobe_packets(&server.preview("test", "quality=low&transcode=true"), 3).await;
    seen.assert_monotone_dts();
    assert!(seen.span("video") > 2.0);
}
