//! MMS over HTTP from VLC: WMV and WMA, converted.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::SOON;
use crate::support::*;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// VLC serving a clip in a loop. It refuses to run as root.
fn vlc(port: u16) -> Kid {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    let mut command = clean_command(if root { "setpriv" } else { "vlc" });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "vlc"]);
    }
    command
        .args(["-I", "dummy", "--loop"])
        .arg(media("wmv.asf"))
        .arg("--sout")
        .arg(format!(
            "#std{{access=mmsh,mux=asfh,dst=127.0.0.1:{port}/tv}}"
        ))
        .env("HOME", std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn wmv_from_vlc_plays_and_comes_back() {
    let port = free_port();
    let mut origin = vlc(port);
    let options = Options::new()
        .env("SOURCE_BACKOFF_MIN", "200ms")
        .env("SOURCE_BACKOFF_MAX", "500ms");
    let server = Server::start(options).await;
    server
        .add_stream("mms", &format!("mms://127.0.0.1:{port}/tv"))
        .await;
    server
        .add_stream("mmsh", &format!("mmsh://127.0.0.1:{port}/tv"))
        .await;
    let viewer = TsViewer::open(&server.preview("mms", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    let seen = ffprobe_packets(&server.preview("mmsh", "quality=source"), 4).await;
    assert_eq!(seen.stream("video")["codec_name"], "h264");
    assert_eq!(seen.stream("audio")["codec_name"], "aac");
    assert!(seen.span("video") > 3.0, "{} s", seen.span("video"));
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
    origin.kill();
    let _origin = vlc(port);
    let before = viewer.bytes();
    viewer.wait_bytes(before + 200_000, SOON).await;
    assert!(viewer.seen().ended.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mms_server_gets_a_clear_answer() {
    let nginx = Nginx::serve(&media("")).await;
    let server = Server::start(Options::new()).await;
    let at = |path: &str| nginx.url(path).replace("http://", "mms://");
    for (id, path, cause) in [
        ("gone", "nothing", "not_found"),
        ("ts", "bbb.ts", "not_media"),
    ] {
        server.add_stream(id, &at(path)).await;
        let (status, _, body) = server
            .get(&format!("/streams/preview/{id}?timeout=5000"))
            .await;
        assert_eq!((status, &body["cause"]), (502, &cause.into()), "{body}");
        assert!(!body.to_string().contains("127.0.0.1"), "{body}");
    }
}
