//! MMS over HTTP from VLC: WMV and WMA, converted.

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn wmv_from_vlc_plays() {
    let port = free_tcp_port();
    let _origin = vlc_serves_mms(&media("wmv.asf"), port);
    let options = Options::new()
        .env("SOURCE_BACKOFF_MIN", "200ms")
        .env("SOURCE_BACKOFF_MAX", "500ms");
    let server = Server::start(options).await;
    server
        .add_stream("mmsh", &format!("mmsh://127.0.0.1:{port}/tv"))
        .await;
    let seen = ffprobe_packets(&server.preview("mmsh", "quality=source"), 4).await;
    assert_eq!(seen.stream("video")["codec_name"], "h264");
    assert_eq!(seen.stream("audio")["codec_name"], "aac");
    assert!(seen.span("video") > 3.0, "{} s", seen.span("video"));
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
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
