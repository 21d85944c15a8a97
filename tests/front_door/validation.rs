//! Validation: what a source is, or why it fails, and that asking changes nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::SOON;
use crate::support::*;

/// Validates a definition that is not saved.
async fn validate(server: &Server, url: &str, query: &str) -> Value {
    let body = json!({ "sources": [{ "url": url }] });
    let path = format!("/api/v1/streams/validate{query}");
    let (status, _, report) = server.post(&path, &body).await;
    assert_eq!(status, 200, "{report}");
    assert!(report.get("stream_id").is_none(), "{report}");
    no_secrets(&report, url);
    report
}

/// No answer names a path or a port of the source.
fn no_secrets(report: &Value, url: &str) {
    let text = report.to_string();
    assert!(!text.contains("127.0.0.1"), "{text}");
    // `udp://@:5000`, as VLC writes it, is no URL to others.
    if let Ok(url) = url::Url::parse(url)
        && url.path().len() > 1
    {
        assert!(!text.contains(url.path()), "{text}");
    }
}

/// The verdicts on the nine stages, a letter each: passed, failed, skipped, not reached, running.
fn verdicts(source: &Value) -> String {
    let stages = source["stages"].as_array().unwrap();
    let letter = |stage: &Value| match stage["verdict"].as_str() {
        Some("passed") => 'p',
        Some("failed") => 'F',
        Some("skipped") => '-',
        Some("not_reached") => '.',
        Some("running") => 'r',
        other => panic!("{other:?}"),
    };
    stages.iter().map(letter).collect()
}

fn track<'a>(source: &'a Value, kind: &str) -> &'a Value {
    let tracks = source["found"]["tracks"].as_array().unwrap();
    tracks.iter().find(|track| track["kind"] == kind).unwrap()
}

/// Asks for a validation as somebody who looks on.
async fn look_on(server: &Server, url: &str, query: &str) -> reqwest::Response {
    let asked = server
        .http()
        .post(server.url(&format!("/api/v1/streams/validate{query}")))
        .header("accept", "text/event-stream")
        .header("content-type", "application/json")
        .body(json!({ "sources": [{ "url": url }] }).to_string());
    asked.send().await.expect("an answer")
}

/// Who looks on is told of each stage while the validation runs, and of the report at the end.
#[tokio::test(flavor = "multi_thread")]
async fn its_stages_are_told_while_it_runs() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    // It comes as quickly as it is to be shown.
    let ts = origin.ts("live", TsFile::new(media("bbb.ts")));
    let answer = look_on(&server, &ts.url(), "").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    let read = |event: &str| {
        let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
        Some((name.to_owned(), serde_json::from_str(data).ok()?))
    };
    let events = text
        .split_terminator("\n\n")
        .map(|event| read(event).expect(event));
    let mut events: Vec<(String, Value)> = events.collect();
    let (last, report) = events.pop().unwrap();
    assert_eq!(
        (last.as_str(), &report["outcome"]),
        ("report", &json!("passed"))
    );
    assert_eq!(verdicts(&report["sources"][0]), "p-p-p-ppp", "{report:#}");
    assert!(
        events
            .iter()
            .all(|(name, told)| name == "progress" && told["source"] == 0)
    );
    let courses: Vec<String> = events.iter().map(|(_, told)| verdicts(told)).collect();
    // It goes forward only.
    let at = |course: &String| course.find('r').expect(course);
    assert!(
        courses.windows(2).all(|two| at(&two[0]) <= at(&two[1])),
        "{courses:?}"
    );
    assert!(courses.contains(&"p-p-p-pr.".to_owned()), "{courses:?}");
}

/// Who goes away does not leave a connection to the source behind.
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_who_looks_on() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let ts = origin.ts("slow", TsFile::new(media("bbb.ts")));
    origin.stall(true);
    let mut answer = look_on(&server, &ts.url(), "?timeout=60000").await;
    assert!(answer.chunk().await.unwrap().is_some());
    eventually(SOON, "a connection", async || {
        (origin.counters().open == 1).then_some(())
    })
    .await;
    drop(answer);
    eventually(SOON, "its end", async || {
        (origin.counters().open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn good_sources_are_described() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let live = origin.live_hls("hls", LiveHls::new(media("bbb-4s")));
    let master = origin.multivariant("multi", &[(&live, 2_500_000, "1280x720")]);
    let report = validate(&server, &master, "").await;
    assert_eq!(report["outcome"], "passed", "{report:#}");
    let hls = &report["sources"][0];
    assert_eq!(verdicts(hls), "p-p-ppppp", "{report:#}");
    assert_eq!(hls["connection"], "own");
    let found = &hls["found"];
    assert_eq!(
        (&found["protocol"], &found["live"]),
        (&json!("hls"), &json!(true))
    );
    assert_eq!(found["container"], "mpeg-ts", "{report:#}");
    assert_eq!(
        found["variants"],
        json!([{"bandwidth": 2_500_000, "width": 1280, "height": 720, "chosen": true}])
    );
    let video = track(hls, "video");
    for (key, value) in [
        ("codec", json!("h264")),
        ("profile", json!("High")),
        ("level", json!("3.1")),
        ("width", json!(1280)),
        ("height", json!(720)),
        ("frame_rate", json!(24.0)),
        ("interlaced", json!(false)),
        ("bit_depth", json!(8)),
        ("chroma", json!("4:2:0")),
        ("browser", json!({"plays": true})),
    ] {
        assert_eq!(video[key], value, "{key} of {video:#}");
    }
    assert!(video["bitrate"].as_u64() > Some(1_000_000), "{video}");
    let audio = track(hls, "audio");
    assert_eq!(
        (&audio["codec"], &audio["profile"]),
        (&json!("aac"), &json!("LC"))
    );
    assert_eq!(
        (&audio["sample_rate"], &audio["channels"]),
        (&json!(44_100), &json!(2))
    );
    assert_eq!(hls["preview"]["rendition"], "source");
    assert_eq!(hls["found"]["errors"]["continuity"], 0);
    assert!(hls["found"]["media_ms"].as_u64() >= Some(3000));

    let ts = origin.ts("ts", TsFile::new(media("mpeg2i.ts")).unpaced());
    let report = validate(&server, &ts.url(), "").await;
    let ts = &report["sources"][0];
    assert_eq!(verdicts(ts), "p-p-p-ppp", "{report:#}");
    assert_eq!(ts["found"]["container"], "mpeg-ts");
    let video = track(ts, "video");
    assert_eq!(
        (&video["profile"], &video["level"]),
        (&json!("Main"), &json!("Main"))
    );
    assert_eq!(
        (&video["interlaced"], &video["browser"]["plays"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(ts["preview"]["rendition"], "medium");
    assert_eq!(ts["preview"]["converts"], json!(["video", "audio"]));
    let tracks = ts["found"]["tracks"].as_array().unwrap().iter();
    let sounds: Vec<_> = tracks.filter(|track| track["kind"] == "audio").collect();
    let languages: Vec<_> = sounds.iter().map(|track| &track["language"]).collect();
    assert_eq!(languages, ["eng", "deu"], "{report:#}");
    assert_eq!(sounds[0]["codec"], "ac3");
    let rate = sounds[0]["bitrate"].as_f64().unwrap();
    assert!((rate / 192_000.0 - 1.0).abs() < 0.02, "{rate}");
    eventually(SOON, "the connections to end", async || {
        (origin.counters().open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_and_files_are_described_as_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(media("codecs/hevc.ts"), folder.path().join("film.ts")).unwrap();
    let options = Options::new()
        .env("SOURCE_ALLOW_LISTEN", "true")
        .env("SOURCE_MEDIA_DIR", &folder.path().display());
    let server = Server::start(options).await;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let mut ffmpeg = clean_command("ffmpeg");
    ffmpeg
        .args(["-v", "quiet", "-re", "-stream_loop", "-1", "-i"])
        .arg(media("gop10.ts"))
        .args(["-map", "0", "-c", "copy", "-f", "mpegts"])
        .arg(format!("udp://127.0.0.1:{port}?pkt_size=1316"))
        .stdin(std::process::Stdio::null());
    let _sender = Kid::spawn(&mut ffmpeg);
    let (udp, file) = (
        format!("udp://@:{port}"),
        format!("file://{}/film.ts", folder.path().display()),
    );
    let (udp, file) = tokio::join!(
        validate(&server, &udp, "?timeout=25000"),
        validate(&server, &file, "")
    );
    let source = &udp["sources"][0];
    assert_eq!(verdicts(source), "p-p---ppp", "{udp:#}");
    assert_eq!(track(source, "video")["codec"], "h264");
    let source = &file["sources"][0];
    assert_eq!(verdicts(source), "p---p-ppp", "{file:#}");
    assert_eq!(track(source, "video")["codec"], "hevc");
    assert_eq!(source["found"]["live"], false, "{file:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_is_named_and_decoded() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    // clip; video codec, profile, chroma, bits, interlaced; audio codec, channels; rendition
    let clips = [
        ("h264", "h264/High/4:2:0/8/false", "aac/2", "source"),
        ("h264-i", "h264/Main/4:2:0/8/true", "aac/2", "medium.video"),
        (
            "h264-10",
            "h264/High 10/4:2:0/10/false",
            "aac/2",
            "medium.video",
        ),
        (
            "h264-422",
            "h264/High 4:2:2/4:2:2/8/false",
            "aac/2",
            "medium.video",
        ),
        ("hevc", "hevc/Main/4:2:0/8/false", "aac/2", "medium.video"),
        (
            "hevc-422",
            "hevc/Range Extensions/4:2:2/10/false",
            "aac/2",
            "medium.video",
        ),
        (
            "mpeg2",
            "mpeg2video/Main/4:2:0/8/false",
            "aac/2",
            "medium.video",
        ),
        ("ac3-51", "h264/High/4:2:0/8/false", "ac3/6", "medium.audio"),
        ("eac3", "h264/High/4:2:0/8/false", "eac3/2", "medium.audio"),
        (
            "latm",
            "h264/High/4:2:0/8/false",
            "aac_latm/2",
            "medium.audio",
        ),
        ("mp3", "h264/High/4:2:0/8/false", "mp3/2", "source"),
    ];
    for (clip, picture, sound, rendition) in clips {
        let file = media("codecs").join(format!("{clip}.ts"));
        let ts = origin.ts(clip, TsFile::new(file).unpaced());
        let report = validate(&server, &ts.url(), "").await;
        let source = &report["sources"][0];
        let told = |kind: &str, keys: &[&str]| {
            let track = track(source, kind);
            let texts = keys.iter().map(|key| match &track[key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            texts.collect::<Vec<_>>().join("/")
        };
        let keys = ["codec", "profile", "chroma", "bit_depth", "interlaced"];
        assert_eq!(told("video", &keys), picture, "{clip}: {report:#}");
        assert_eq!(
            told("audio", &["codec", "channels"]),
            sound,
            "{clip}: {report:#}"
        );
        assert!(
            track(source, "video")["frame_rate"].as_f64() > Some(23.0),
            "{clip}"
        );
        assert_eq!(
            source["preview"]["rendition"], rendition,
            "{clip}: {report:#}"
        );
        assert!(verdicts(source).ends_with("ppp"), "{clip}: {report:#}");
    }
}

/// Sources that fail, each in a way of its own: URL; class, stage and verdicts.
fn failing(origin: &Origin) -> Vec<(String, &'static str)> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://{}/x", free.local_addr().unwrap());
    drop(free);
    let drm = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",\
               KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:4,\na.ts\n";
    let drm = origin.content("drm/index.m3u8", "audio/mpegurl", drm);
    let page = "<h1>This channel is not available in your country</h1>";
    let abroad = origin.refusal("abroad", 403, page);
    let tls = origin.url("x").replace("http:", "https:");
    let stalls = TsFile::new(media("bbb.ts")).unpaced().stall_after(200_000);
    let inside = origin.redirect("inside", "http://169.254.169.254/x");
    let hostile = |kind| origin.hostile(kind);
    vec![
        (origin.status("locked", 401), "auth request p-p-F...."),
        (origin.status("shut", 403), "auth request p-p-F...."),
        (abroad, "geo_or_blocked request p-p-F...."),
        (
            origin.status("law", 451),
            "geo_or_blocked request p-p-F....",
        ),
        (origin.status("gone", 404), "not_found request p-p-F...."),
        (
            origin.status("full", 458),
            "provider_limit request p-p-F....",
        ),
        (
            origin.status("ill", 503),
            "provider_error request p-p-F....",
        ),
        (refused, "refused connect p-F......"),
        (tls, "unreachable tls p-pF....."),
        (hostile(Hostile::Closes), "unreachable request p-p-F...."),
        (hostile(Hostile::Silent), "timeout request p-p-F...."),
        (hostile(Hostile::Html), "not_media first_byte p-p-p-F.."),
        (hostile(Hostile::EndlessJunk), "not_media demux p-p-p-pF."),
        (drm, "drm manifest p-p-pF..."),
        (origin.ts("stalls", stalls).url(), "timeout demux p-p-p-pF."),
        ("http://[::1]:9/x".to_owned(), "policy policy F........"),
        (
            "http://localhost.invalid/x".to_owned(),
            "unreachable dns pF.......",
        ),
        (inside, "policy policy F.p......"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_tells_its_stage_its_class_and_who_must_act() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let check = async |(url, wanted): (String, &str)| {
        let report = validate(&server, &url, "?timeout=2000").await;
        assert_eq!(report["outcome"], "failed", "{url}: {report:#}");
        let source = &report["sources"][0];
        let failure = &source["failure"];
        assert!(failure["message"].as_str().unwrap().len() > 10, "{failure}");
        assert!(
            failure["advice"].as_str().unwrap().ends_with('.'),
            "{failure}"
        );
        let text = |key: &str| failure[key].as_str().unwrap().to_owned();
        let class = match text("class").as_str() {
            // as it is on a machine without a network
            "own_network" => "unreachable".to_owned(),
            class => class.to_owned(),
        };
        let told = format!("{class} {} {}", text("stage"), verdicts(source));
        assert_eq!(told, wanted, "{url}: {report:#}");
        if url.ends_with("stalls") {
            // What was known before is told all the same.
            assert_eq!(track(source, "video")["height"], 720, "{report:#}");
        }
    };
    join_all(failing(&origin).into_iter().map(check)).await;
    let counted = async || {
        let metrics = server.metrics().await;
        let of = |labels: &[(&str, &str)]| metrics.sum("sightglass_validations_total", labels);
        let took = "sightglass_validation_duration_seconds_count";
        let took = metrics.sum(took, &[("outcome", "failed")]);
        assert_eq!(took, of(&[("outcome", "failed")]));
        ["auth", "not_found", "none"].map(|class| of(&[("class", class)]))
    };
    assert_eq!(counted().await, [2.0, 1.0, 0.0]);
    let good = origin.ts("good", TsFile::new(media("bbb.ts"))).url();
    validate(&server, &good, "?decode=false").await;
    assert_eq!(counted().await, [2.0, 1.0, 1.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_pulled_is_not_pulled_twice_and_nothing_changes() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let live = origin.ts("live", TsFile::new(media("bbb.ts")));
    let broken = origin.status("gone", 404);
    let sources = json!([{ "url": live.url() }, { "url": broken }]);
    server
        .add(json!({"id": "tv", "name": "TV", "sources": sources}))
        .await;
    let check = async |query: &str| {
        let path = format!("/api/v1/streams/tv/validate{query}");
        let (status, _, report) = server.post(&path, &json!({})).await;
        (status, report)
    };
    let idle = server.get("/api/v1/streams/tv").await.2;
    assert_eq!(check("?source=2").await.0, 400);
    assert_eq!(check("?timeout=5").await.0, 400);
    let (status, _, _) = server
        .post("/api/v1/streams/nobody/validate", &json!({}))
        .await;
    assert_eq!(status, 404);
    let invalid = json!({"sources": [{"url": "gopher://x/"}]});
    assert_eq!(
        server.post("/api/v1/streams/validate", &invalid).await.0,
        422
    );
    let (_, report) = check("").await;
    assert_eq!(report["outcome"], "degraded", "{report:#}");
    assert_eq!(report["stream_id"], "tv");
    assert_eq!(report["sources"][1]["failure"]["class"], "not_found");
    assert_eq!(
        server.get("/api/v1/streams/tv").await.2,
        idle,
        "validation leaves no trace"
    );

    let viewer = TsViewer::open(&server.preview("tv", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    let accepted = origin.counters().accepted;
    let (_, report) = check("?source=0").await;
    assert_eq!(report["outcome"], "passed", "{report:#}");
    let source = &report["sources"][0];
    assert_eq!(source["connection"], "running");
    assert_eq!(track(source, "video")["width"], 1280);
    assert_eq!(
        origin.counters().accepted,
        accepted,
        "a second connection was opened"
    );
    let (_, report) = check("?source=0&fresh=true&decode=false").await;
    assert_eq!(report["sources"][0]["connection"], "own");
    assert_eq!(report["sources"][0]["stages"][8]["verdict"], "skipped");
    assert_eq!(origin.counters().accepted, accepted + 1);
    assert_eq!(viewer.seen().ended, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_takes_no_connection_from_a_viewer() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    let account = json!({"id": "provider", "max_connections": 1});
    let (status, _, body) = server.post("/api/v1/accounts", &account).await;
    assert_eq!(status, 201, "{body}");
    for id in ["one", "two"] {
        let live = origin.ts(id, TsFile::new(media("bbb.ts")));
        let sources = json!([{ "url": live.url(), "account": "provider" }]);
        server
            .add(json!({"id": id, "name": id, "sources": sources}))
            .await;
    }
    let viewer = TsViewer::open(&server.preview("one", "quality=source"));
    viewer.wait_keyframe(SOON).await;
    let (_, _, report) = server
        .post("/api/v1/streams/two/validate", &json!({}))
        .await;
    let failure = &report["sources"][0]["failure"];
    assert_eq!(failure["class"], "provider_limit", "{report:#}");
    assert_eq!(origin.counters().peak, 1);
    assert_eq!(viewer.seen().ended, None);
    let (_, _, report) = server
        .post("/api/v1/streams/one/validate", &json!({}))
        .await;
    assert_eq!(report["outcome"], "passed", "{report:#}");
    assert_eq!(origin.counters().peak, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_are_checked_with_pauses_and_the_work_can_be_cancelled() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    origin.ts("good", TsFile::new(media("bbb.ts")).unpaced());
    origin.status("gone", 404);
    let port = origin.address().port();
    for n in 0..30 {
        let host = if n % 2 == 0 { "127.0.0.1" } else { "localhost" };
        let name = if n % 6 < 2 { "gone" } else { "good" };
        let url = format!("http://{host}:{port}/{name}?n={n}");
        let sources = json!([{ "url": url }]);
        let id = format!("s{n:02}");
        let group = if n < 30 { "all" } else { "none" };
        server
            .add(json!({"id": id, "name": id, "group": group, "sources": sources}))
            .await;
    }
    let before = origin.requests().len();
    let order = json!({"filter": {"group": "all"}, "decode": false});
    let (status, headers, job) = server.post("/api/v1/validations", &order).await;
    assert_eq!(status, 202, "{job}");
    let place = headers["location"].to_str().unwrap().to_owned();
    assert_eq!(job["progress"]["total"], 30);
    let mut seen_running = false;
    let done = eventually(SOON, "the end of the job", async || {
        let (_, _, job) = server.get(&place).await;
        seen_running |= job["progress"]["running"].as_u64() > Some(0);
        (job["state"] == "finished").then_some(job)
    })
    .await;
    assert!(seen_running);
    let progress = &done["progress"];
    assert_eq!(
        (&progress["passed"], &progress["failed"]),
        (&json!(20), &json!(10)),
        "{progress}"
    );
    assert_eq!(done["results"]["items"].as_array().unwrap().len(), 30);
    let (_, _, page) = server
        .get(&format!("{place}?outcome=failed&offset=4&limit=3"))
        .await;
    assert_eq!(page["results"]["total"], 10);
    assert_eq!(page["results"]["items"].as_array().unwrap().len(), 3);
    assert_eq!(
        page["results"]["items"][0]["sources"][0]["failure"]["class"],
        "not_found"
    );
    // As the origin saw it: no more than two connections from each host's streams, with pauses.
    assert!(origin.counters().peak <= 4, "{:?}", origin.counters());
    let asked = origin.requests();
    for host in ["127.0.0.1", "localhost"] {
        let times = asked[before..]
            .iter()
            .filter(|a| a.header("host").unwrap().starts_with(host));
        let times: Vec<_> = times.map(|asked| asked.at).collect();
        assert_eq!(times.len(), 15);
        let span = times[14].duration_since(times[0]);
        assert!(span > Duration::from_millis(14 * 230), "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_validation_notices_deletions_and_ends_at_once() {
    let origin = Origin::start();
    let server = Server::start(Options::new()).await;
    for n in 0..5 {
        let id = format!("s{n:02}");
        server.add_stream(&id, &origin.url(&id)).await;
    }
    // Streams that do not answer: one is deleted in the middle, then the rest is cancelled.
    origin.stall(true);
    let order = json!({"ids": ["s00", "s01", "s02", "s03", "s04"]});
    let (_, headers, _) = server.post("/api/v1/validations", &order).await;
    let slow = headers["location"].to_str().unwrap().to_owned();
    let running = async |place: &str| {
        let (_, _, job) = server.get(place).await;
        job["progress"]["running"].as_u64()
    };
    eventually(SOON, "checks to run", async || {
        (running(&slow).await == Some(2)).then_some(())
    })
    .await;
    server.delete("/api/v1/streams/s00").await;
    eventually(SOON, "the deletion to be told", async || {
        let (_, _, job) = server.get(&slow).await;
        (job["progress"]["deleted"] == 1).then_some(())
    })
    .await;
    let (_, headers, _) = server.post("/api/v1/validations", &json!({})).await;
    let third = headers["location"].to_str().unwrap().to_owned();
    assert_eq!(server.delete(&slow).await.0, 204);
    eventually(SOON, "the next job to run", async || {
        (running(&third).await > Some(0)).then_some(())
    })
    .await;
    assert_eq!(server.get(&slow).await.2["state"], "cancelled");
    assert_eq!(server.delete(&third).await.0, 204);
    eventually(
        Duration::from_secs(2),
        "the connections to end",
        async || (origin.counters().open == 0).then_some(()),
    )
    .await;
    let (_, _, list) = server.get("/api/v1/validations").await;
    let ids: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["id"])
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(third.ends_with(ids[0].as_str().unwrap()), "newest first");
    assert_eq!(
        server.delete(&slow).await.0,
        204,
        "it has ended: it is forgotten"
    );
    assert_eq!(server.get(&slow).await.0, 404);
    for bad in [
        json!({"ids": []}),
        json!({"ids": ["s01"], "filter": {}}),
        json!({"colour": 1}),
    ] {
        assert_eq!(
            server.post("/api/v1/validations", &bad).await.0,
            400,
            "{bad}"
        );
    }
    let unknown = json!({"ids": ["nobody"]});
    assert_eq!(server.post("/api/v1/validations", &unknown).await.0, 404);
}
