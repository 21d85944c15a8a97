//! Files of the operator's media folder as sources.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::support::*;

async fn refused(server: &Server, id: &str, url: &str) -> (String, String, String) {
    server.add_stream(id, url).await;
    let (_, _, body) = server
        .get(&format!("/streams/preview/{id}?timeout=4000"))
        .await;
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (text("stage"), text("cause"), body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_plays_over_and_over() {
    let folder = tempfile::tempdir().unwrap();
    // 4 seconds of it, so that the seam is soon seen; and the same in packets of 204 bytes.
    let whole = std::fs::read(media("bbb-4s").join(first_segment())).unwrap();
    let padded: Vec<u8> = whole
        .chunks(188)
        .flat_map(|packet| [packet, &[0; 16]].concat())
        .collect();
    std::fs::write(folder.path().join("short film.ts"), &whole).unwrap();
    std::fs::write(folder.path().join("padded.trp"), padded).unwrap();
    let clip = media("clips/bigbuckbunny.mp4");
    std::fs::copy(clip, folder.path().join("film.mp4")).unwrap();
    let server =
        Server::start(Options::new().env("SOURCE_MEDIA_DIR", &folder.path().display())).await;
    let url = |name: &str| format!("file://{}/{name}", folder.path().display());
    server.add_stream("film", &url("short%20film.ts")).await;
    server.add_stream("padded", &url("padded.trp")).await;
    server.add_stream("mp4", &url("film.mp4")).await;
    let film = server.preview("film", "quality=source");
    let padded = server.preview("padded", "quality=source");
    let mp4 = server.preview("mp4", "quality=source");
    let (film, padded, mp4) = tokio::join!(
        ffprobe_packets(&film, 10),
        ffprobe_packets(&padded, 10),
        ffprobe_packets(&mp4, 10)
    );
    for seen in [film, padded, mp4] {
        assert!(seen.span("video") > 9.0, "{} s", seen.span("video"));
        assert!(seen.span("audio") > 8.0, "{} s", seen.span("audio"));
        seen.assert_monotone_dts();
        seen.assert_no_gap("video", 0.5);
    }
}

fn first_segment() -> String {
    let index = std::fs::read_to_string(media("bbb-4s/index.m3u8")).unwrap();
    let name = index.lines().find(|line| !line.starts_with('#'));
    name.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_the_folder_is_read() {
    let off = Server::start(Options::new()).await;
    let (stage, cause, text) = refused(&off, "off", "file:///etc/hostname").await;
    assert_eq!((&*stage, &*cause), ("policy", "policy"), "{text}");
    assert!(text.contains("SOURCE_MEDIA_DIR"), "{text}");

    let all = tempfile::tempdir().unwrap();
    let folder = all.path().join("media");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(media("bbb.ts"), all.path().join("secret.ts")).unwrap();
    std::fs::write(folder.join("page.ts"), "<html>no media</html>").unwrap();
    symlink("../secret.ts", folder.join("link.ts")).unwrap();
    let server = Server::start(Options::new().env("SOURCE_MEDIA_DIR", &folder.display())).await;
    let at = |name: &str| format!("file://{}/{name}", folder.display());
    for (id, url, stage, cause) in [
        (
            "elsewhere",
            "file:///etc/hostname".to_owned(),
            "policy",
            "policy",
        ),
        ("dots", at("../secret.ts"), "policy", "policy"),
        ("hidden-dots", at("%2e%2e/secret.ts"), "policy", "policy"),
        ("slash", at("..%2fsecret.ts"), "policy", "policy"),
        ("link", at("link.ts"), "policy", "policy"),
        ("none", at("none.ts"), "request", "not_found"),
        ("page", at("page.ts"), "first_byte", "not_media"),
    ] {
        let (at, why, text) = refused(&server, id, &url).await;
        assert_eq!((&*at, &*why), (stage, cause), "{id}: {text}");
        assert!(!text.contains("secret"), "{id}: {text}");
    }
    // A playlist is somebody else's word.
    let m3u = format!("#EXTM3U\n#EXTINF:-1,A\n{}\n", at("page.ts"));
    let (_, _, plan) = server
        .post_text("/api/v1/streams/import", "audio/x-mpegurl", &m3u)
        .await;
    assert_eq!(
        (&plan["added"], &plan["skipped"]),
        (&json!(0), &json!(1)),
        "{plan}"
    );
}
