//! MP4 and FLV over HTTP, as files and without end: from nginx, from ffmpeg, and from servers with
//! bad manners.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use crate::SOON;
use crate::support::*;

/// The main clip as MP4, its index at the end: H.264 with B-frames, AAC; 12 s.
pub(crate) async fn film(folder: &Path) -> PathBuf {
    let path = folder.join("end.mp4");
    let source = media("bbb-4s/index.m3u8");
    ffmpeg(
        &source,
        &["-t", "12", "-map", "0:v", "-map", "0:a", "-c", "copy"],
        path.clone(),
    )
    .await;
    path
}

async fn ffmpeg(input: &Path, arguments: &[&str], output: PathBuf) {
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(input);
    command.args(arguments).arg(&output);
    let made = run(command, SOON).await;
    assert!(made.success(), "{}: {}", output.display(), made.stderr);
}

/// Watches the untouched source, and checks that time runs evenly.
async fn watch(server: &Server, id: &str) -> Packets {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), 6).await;
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
    assert_eq!(seen.stream("video")["width"], 1280, "{id}");
    assert!(seen.span("video") > 5.0, "{id}: {} s", seen.span("video"));
    seen.assert_no_gap("video", 0.1);
    // ffmpeg begins the sound of a fragmented file with a gap of a tenth of a second.
    seen.assert_no_gap("audio", 0.15);
    let first = |kind| seen.of(kind).filter_map(|p| p.pts).fold(f64::MAX, f64::min);
    let apart = first("video") - first("audio");
    assert!(
        apart.abs() < 0.2,
        "{id}: sound and picture begin {apart} s apart"
    );
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn files_play_wherever_their_index_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let end = film(path).await;
    let fragments = [
        "-c",
        "copy",
        "-movflags",
        "+frag_keyframe+empty_moov+default_base_moof",
    ];
    let languages = [
        "-map",
        "0:v",
        "-map",
        "0:a",
        "-map",
        "0:a",
        "-c",
        "copy",
        "-movflags",
        "+faststart",
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=deu",
    ];
    tokio::join!(
        ffmpeg(&end, &languages, path.join("front.mp4")),
        ffmpeg(&end, &fragments, path.join("fragments.mp4")),
        ffmpeg(&end, &["-c", "copy"], path.join("film.flv")),
    );
    let nginx = Nginx::serve(path).await;
    let server = Server::start(Options::new()).await;
    for id in ["front.mp4", "end.mp4", "fragments.mp4", "film.flv"] {
        server
            .add_stream(&id.replace('.', "-"), &nginx.url(id))
            .await;
    }
    let (front, ..) = tokio::join!(
        watch(&server, "front-mp4"),
        watch(&server, "end-mp4"),
        watch(&server, "fragments-mp4"),
        watch(&server, "film-flv"),
    );
    let sounds = front.streams.iter().filter(|s| s["codec_type"] == "audio");
    let languages: Vec<_> = sounds.map(|s| s["tags"]["language"].clone()).collect();
    assert_eq!(languages, ["eng", "deu"]);
    // The index, then the media; the first request is for the file as a whole.
    let asked = nginx.requests();
    let asked = asked.iter().filter(|line| line.contains("/end.mp4"));
    assert_eq!(asked.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_flv_over_http_plays() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/live.flv");
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-re", "-i"])
        .arg(media("bbb-4s/index.m3u8"))
        .args(["-c", "copy", "-listen", "1", "-f", "flv", &url])
        .stdin(Stdio::null());
    let _origin = Kid::spawn(&mut command);
    let server = Server::start(Options::new().env("SOURCE_BACKOFF_MIN", "100ms")).await;
    server.add_stream("live", &url).await;
    watch(&server, "live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_with_bad_manners() {
    let folder = TempDir::new().unwrap();
    let end = film(folder.path()).await;
    let breaks = Manners {
        breaks_after: Some(700_000),
        ..Manners::default()
    };
    let ignores = Manners {
        ignores_ranges: true,
        ..Manners::default()
    };
    let breaking = FileServer::start(&end, breaks).await;
    let ignoring = FileServer::start(&end, ignores).await;
    let server = Server::start(Options::new()).await;
    server.add_stream("breaking", &breaking.url("a.mp4")).await;
    server.add_stream("ignoring", &ignoring.url("a.mp4")).await;
    tokio::join!(watch(&server, "breaking"), watch(&server, "ignoring"));
    assert!(breaking.requests() > 3, "{}", breaking.requests());
}

/// Makes the box of the media longer by this many bytes, all of them a hole. ffmpeg leaves room for
/// the longer size that this needs: an empty box of 8 bytes in front.
fn stretch(path: &Path, hole: u64) {
    let file = std::fs::read(path).unwrap();
    let size = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let free = size(0) as usize;
    let mdat = free + 8;
    assert_eq!(
        (&file[free + 4..mdat], &file[mdat + 4..mdat + 8]),
        (&b"free"[..], &b"mdat"[..])
    );
    let end = mdat + size(mdat) as usize;
    let mut stretched = file[..end].to_vec();
    stretched[free..free + 8].copy_from_slice(b"\0\0\0\x01mdat");
    let length = (end - free) as u64 + hole;
    stretched[mdat..mdat + 8].copy_from_slice(&length.to_be_bytes());
    std::fs::write(path, stretched).unwrap();
    let out = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&out, &file[end..], end as u64 + hole).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ten_gigabytes_costs_no_memory() {
    let folder = TempDir::new().unwrap();
    let huge = film(folder.path()).await;
    stretch(&huge, 10 << 30);
    let polite = FileServer::start(&huge, Manners::default()).await;
    let ignores = Manners {
        ignores_ranges: true,
        ..Manners::default()
    };
    let ignoring = FileServer::start(&huge, ignores).await;
    let server = Server::start(Options::new()).await;
    let before = server.figures();
    server.add_stream("huge", &polite.url("huge.mp4")).await;
    server
        .add_stream("hopeless", &ignoring.url("huge.mp4"))
        .await;
    watch(&server, "huge").await;
    let (status, _, body) = server.get("/streams/preview/hopeless?timeout=15000").await;
    assert_eq!(
        (status, &body["cause"]),
        (502, &json!("unsupported")),
        "{body}"
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("index at the end"), "{detail}");
    let grown = server
        .figures()
        .anonymous_bytes
        .saturating_sub(before.anonymous_bytes);
    assert!(grown < 60 << 20, "{} MB more", grown >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_off_is_told() {
    let folder = TempDir::new().unwrap();
    let whole = std::fs::read(film(folder.path()).await).unwrap();
    std::fs::write(folder.path().join("cut.mp4"), &whole[..500_000]).unwrap();
    let nginx = Nginx::serve(folder.path()).await;
    let server = Server::start(Options::new()).await;
    server.add_stream("cut", &nginx.url("cut.mp4")).await;
    let (status, _, body) = server.get("/streams/preview/cut?timeout=15000").await;
    assert_eq!(
        (status, &body["cause"]),
        (502, &json!("not_media")),
        "{body}"
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("cut off"), "{detail}");
}
