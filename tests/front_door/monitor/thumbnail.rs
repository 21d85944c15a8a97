//! The thumbnail shows what is on.

use std::time::Duration;

use super::{add, until_up, watching};
use crate::SOON;
use crate::support::farm::{Clip, Farm, Fault, Layout};
use crate::support::*;

/// A JPEG as the same small grey samples as any other picture.
pub(super) async fn decode(jpeg: Vec<u8>) -> Picture {
    let mut command = clean_command("ffmpeg");
    command
        .args([
            "-v",
            "error",
            "-f",
            "mjpeg",
            "-i",
            "pipe:0",
            "-frames:v",
            "1",
        ])
        .args(["-vf", "scale=64:36,format=gray", "-f", "rawvideo", "pipe:1"]);
    let finished = run_with_input(command, jpeg.into(), SOON).await;
    assert_eq!(
        finished.stdout.len(),
        Picture::WIDTH * Picture::HEIGHT,
        "{}",
        finished.stderr
    );
    Picture(finished.stdout)
}

/// The thumbnail of a stream and its `ETag`.
async fn thumbnail(server: &Server, id: &str) -> Option<(Picture, String)> {
    let path = format!("/api/v1/streams/{id}/thumbnail.jpg");
    let answer = server.raw_get(&path).await;
    if answer.status() != 200 {
        assert_eq!(answer.status(), 404);
        return None;
    }
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "image/jpeg");
    let age: f64 = headers["age"].to_str().unwrap().parse().unwrap();
    assert!(age < 20.0, "{age} s old");
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let jpeg = answer.bytes().await.unwrap().to_vec();
    assert!(jpeg.len() < 100_000, "{} bytes", jpeg.len());
    let size = jpeg_size(&jpeg).expect("a frame header");
    assert_eq!(size, (320, 180));
    Some((decode(jpeg).await, tag))
}

/// Width and height in the frame header (ITU-T T.81, B.2.2).
fn jpeg_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let mut at = 2;
    while let [0xff, marker, high, low, ..] = *jpeg.get(at..)? {
        if (0xc0..=0xc2).contains(&marker) {
            let number = |at: usize| u16::from_be_bytes([jpeg[at], jpeg[at + 1]]);
            return Some((number(at + 7), number(at + 5)));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_shows_what_is_on() {
    let (farm, clip, server) = (Farm::start(), Clip::main(), watching("continuous").await);
    let (news, black) = (
        farm.channel("news", &clip, Layout::short()),
        farm.channel("black", &clip, Layout::short()),
    );
    black.fault(Fault::Black);
    for channel in [&news, &black] {
        add(&server, channel).await;
    }
    until_up(&server, "news").await;
    // The keyframes that there are.
    let mut frames = Vec::new();
    for n in 0..clip.pieces() {
        let piece = media("farm/normal").join(format!("{:03}.ts", n + 1));
        let piece = std::fs::read(piece).unwrap();
        frames.push(Picture::first(piece.into()).await.unwrap());
    }
    let shown = eventually(SOON, "a thumbnail", async || {
        thumbnail(&server, "news").await
    });
    let (shown, tag) = shown.await;
    let mut distances: Vec<f64> = frames.iter().map(|frame| frame.distance(&shown)).collect();
    distances.sort_by(f64::total_cmp);
    assert!(distances[0] < 4.0, "no keyframe is like it: {distances:?}");
    assert!(distances[8] > 10.0, "it is like any: {distances:?}");

    // Who has it need not get it again, until it is another.
    let path = "/api/v1/streams/news/thumbnail.jpg";
    let known = [("if-none-match", tag.as_str())];
    let again = server
        .request(reqwest::Method::GET, path, &known, None)
        .await
        .0;
    assert!(again == 304 || again == 200, "{again}");
    eventually(SOON, "the next picture", async || {
        let (_, next) = thumbnail(&server, "news").await?;
        (next != tag).then_some(())
    })
    .await;

    // What is black until now is so by the samples' full range.
    let dark = eventually(Duration::from_secs(20), "a black picture", async || {
        let (picture, _) = thumbnail(&server, "black").await?;
        (picture.mean() < 30.0).then_some(picture)
    })
    .await;
    assert!(dark.mean() < 8.0, "black is grey: {}", dark.mean());
    assert_eq!(
        server.get("/api/v1/streams/nobody/thumbnail.jpg").await.0,
        404
    );
}
