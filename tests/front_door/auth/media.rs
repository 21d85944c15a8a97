//! Players: they send no headers, or passwords with each request.

use super::*;
use crate::SOON;

async fn playback_url(server: &Server, id: &str, wish: Value) -> String {
    let path = format!("/api/v1/streams/{id}/playback-url");
    let signed = asked(server, Method::POST, &path, Some(&wish)).await;
    let url = signed["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(server.base()), "{url}");
    url
}

async fn status(server: &Server, url: &str) -> (u16, String) {
    let answer = server.http().get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        return (status, String::new());
    }
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
    (
        status,
        problem["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// A signed URL lets a player in for its time; who watches HLS when it ends goes on watching, and afterwards it is good
/// no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_viewing_does_not_end_in_its_middle() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = guarded(Options::new().env("HLS_SESSION_TIMEOUT", "4s")).await;
    add_stream(&server, "film", &live.url()).await;
    let (hidden, _) = status(&server, &server.preview("film", "")).await;
    assert_eq!(hidden, 401);
    let wish = json!({"format": "hls", "quality": "source", "expires_in": 5});
    let url = playback_url(&server, "film", wish).await;
    let seen = hls_viewer(&url, 11).await;
    seen.assert_clean();
    // The last of them after the end of the signature.
    assert!(seen.reloads >= 2, "{} reloads", seen.reloads);
    assert!(seen.seconds() > 9.0, "{} s", seen.seconds());
    let refused = status(&server, &url).await;
    assert_eq!(refused, (403, "url_expired".to_owned()));
    // Of a segment as well, once its session is over.
    let segment = &seen.segments.last().unwrap().uri;
    assert!(segment.contains("&sig="), "{segment}");
    let cache = &seen.segments[0].headers["cache-control"];
    assert!(cache.to_str().unwrap().starts_with("private"), "{cache:?}");
}

/// Who watches may end that, but nobody else's; operators may.
#[tokio::test(flavor = "multi_thread")]
async fn viewers_end_their_own_sessions() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = guarded(Options::new()).await;
    add_stream(&server, "film", &live.url()).await;
    for (name, role) in [
        ("vera", "viewer"),
        ("viola", "viewer"),
        ("otto", "operator"),
    ] {
        add_user(&server, name, role).await;
    }
    let watch = async |name: &str| {
        let path = "/streams/preview/film/index.m3u8?quality=source";
        let who = basic(name, PASSWORD);
        let (status, _, text) = as_(&server, &who, Method::GET, path, None).await;
        assert_eq!(status, 200, "{text}");
        let text = text.as_str().unwrap().to_owned();
        let session = text.split_once("session=").unwrap().1;
        session.split(['&', '\n']).next().unwrap().to_owned()
    };
    let end = async |name: &str, session: &str| {
        let path = format!("/api/v1/sessions/{session}");
        let who = basic(name, PASSWORD);
        as_(&server, &who, Method::DELETE, &path, None).await.0
    };
    let (hers, others) = (watch("vera").await, watch("viola").await);
    assert_eq!(end("vera", &others).await, 403);
    assert_eq!(end("vera", &hers).await, 204);
    assert_eq!(end("vera", &hers).await, 404);
    assert_eq!(end("otto", &others).await, 204);
    // Not each change of channels is written down, but what is done to others, or tried. It is a moment later.
    let wanted = [("user:otto", 204), ("user:vera", 404), ("user:vera", 403)];
    eventually(SOON, "the three entries", async || {
        let path = "/api/v1/audit?sort=change";
        let log = asked(&server, Method::GET, path, None).await;
        let all = log["items"].as_array()?.iter();
        let ended = all.filter(|entry| entry["action"] == "DELETE /api/v1/sessions/{sessionId}");
        let told = ended.map(|entry| (entry["who"].clone(), entry["status"].clone()));
        let told: Vec<_> = told.collect();
        let wanted = wanted.map(|(who, status)| (json!(who), json!(status)));
        (told == wanted).then_some(())
    })
    .await;
}

/// The playlist of all streams leads players in, and so do a password and a token with each request.
#[tokio::test(flavor = "multi_thread")]
async fn players_are_led_in_by_the_playlist() {
    let origin = Origin::start();
    let live = origin.live_hls("film", LiveHls::new(media("bbb-4s")).seamless());
    let server = guarded(Options::new()).await;
    add_stream(&server, "film", &live.url()).await;
    let play = token(&server, "play").await;
    let wish = json!({"format": "hls", "quality": "source", "expires_in": 3600});
    let list = asked(&server, Method::POST, "/api/v1/playlist-url", Some(&wish)).await;
    let list = server
        .http()
        .get(list["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(list.status(), 200);
    let list = list.text().await.unwrap();
    let entry = list
        .lines()
        .find(|line| line.starts_with("http"))
        .unwrap()
        .to_owned();
    assert!(
        entry.contains("/index.m3u8?quality=source&expires="),
        "{list}"
    );
    let address = server.base().trim_start_matches("http://").to_owned();
    let (hls, ts, by_token) = tokio::join!(
        ffprobe_stream(&entry, 8),
        // ffmpeg sends what is in the URL when it is asked for it.
        async {
            let url =
                format!("http://admin:correct%20horse%20battery@{address}/streams/preview/film");
            ffprobe_stream(&url, 8).await
        },
        async {
            let url = format!("http://any:{play}@{address}/streams/preview/film/index.m3u8");
            ffprobe_stream(&url, 8).await
        },
    );
    for seen in [hls, ts, by_token] {
        assert!(seen.iter().any(|track| track["width"] == 1280), "{seen:?}");
    }
    // One is for one stream as it was asked for.
    let other = entry.replace("quality=source", "quality=low");
    assert_eq!(status(&server, &other).await.1, "url_not_valid");
}
