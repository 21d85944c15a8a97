//! Segments that are no MPEG-TS: fragmented MP4 by HLS and by DASH, sound beside the picture.

use crate::support::*;

/// The packets of the clip that everything here is packed from.
async fn clip() -> Packets {
    ffprobe_packets(media("bbb-4s/index.m3u8").to_str().unwrap(), 72).await
}

/// Watches the untouched source for some seconds: real footage without damage, in step.
async fn watch(server: &Server, id: &str, clip: &Packets) {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), 6).await;
    for kind in ["video", "audio"] {
        assert!(
            seen.span(kind) > 5.0,
            "{id}: {} s of {kind}",
            seen.span(kind)
        );
        seen.assert_no_gap(kind, 0.1);
    }
    let video = seen.stream("video");
    assert_eq!(
        (&video["width"], &video["height"]),
        (&1280.into(), &720.into()),
        "{id}"
    );
    seen.assert_monotone_dts();
    seen.assert_clean(&[]);
    let off = out_of_step(&seen, clip);
    assert!(off.abs() < 0.05, "{id}: the sound is {off:.3} s off");
}

/// By how many seconds the sound is later than in the clip, against the picture. Stretches of both are found again by
/// the sizes of their packets.
fn out_of_step(seen: &Packets, clip: &Packets) -> f64 {
    let shift = |kind: &str, skip: usize| {
        let list = |packets: &Packets| -> Vec<(u64, f64)> {
            packets.of(kind).map(|p| (p.size, p.pts.unwrap())).collect()
        };
        let (seen, clip) = (list(seen), list(clip));
        let wanted = &seen[skip..skip + 12];
        // Headers may differ from container to container, by as much in each packet.
        let same = |at: &[(u64, f64)]| {
            let differences = at.iter().zip(wanted).map(|(a, b)| a.0.abs_diff(b.0));
            differences.filter(|difference| *difference <= 8).count() >= 11
        };
        let found = clip.windows(12).find(|at| same(at));
        let at = found.unwrap_or_else(|| panic!("the clip has no such {kind}"));
        wanted[3].1 - at[3].1
    };
    shift("audio", 30) - shift("video", 30)
}

async fn add(server: &Server, origin: &Nginx, id: &str, name: &str) {
    server.add_stream(id, &origin.url(name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_of_fragmented_mp4_with_its_sound_apart() {
    let live = Packager::live(HLS_LIVE);
    let all = Packager::all(HLS_ALL).await;
    let vod = Nginx::serve(all.folder()).await;
    let (server, clip) = (Server::start(Options::new()).await, clip().await);
    add(&server, &vod, "vod", "main.m3u8").await;
    watch(&server, "vod", &clip).await;
    live.wait().await;
    let origin = Nginx::serve(live.folder()).await;
    add(&server, &origin, "live", "main.m3u8").await;
    watch(&server, "live", &clip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dash_live_and_not() {
    let (timeline, numbers) = (Packager::live(DASH_TIMELINE), Packager::live(DASH_NUMBERS));
    let (list, index) = tokio::join!(Packager::all(DASH_LIST), Packager::all(DASH_LIST));
    index_alone(&index);
    let (server, clip) = (Server::start(Options::new()).await, clip().await);
    let mut origins = Vec::new();
    for (id, packager) in [
        ("list", &list),
        ("index", &index),
        ("timeline", &timeline),
        ("numbers", &numbers),
    ] {
        packager.wait().await;
        let origin = Nginx::serve(packager.folder()).await;
        add(&server, &origin, id, "main.mpd").await;
        origins.push(origin);
    }
    tokio::join!(
        watch(&server, "list", &clip),
        watch(&server, "index", &clip),
        watch(&server, "timeline", &clip),
        watch(&server, "numbers", &clip),
    );
}

/// Lets each file be its own list of segments.
fn index_alone(packager: &Packager) {
    let folder = packager.folder();
    let mpd = std::fs::read_to_string(folder.join("main.mpd")).unwrap();
    let mut parts = mpd.split("<SegmentList").enumerate();
    let mut text = parts.next().unwrap().1.to_owned();
    for (n, part) in parts {
        let file = std::fs::read(folder.join(format!("main-stream{}.mp4", n - 1))).unwrap();
        let at = file.windows(4).position(|four| four == b"sidx").unwrap() - 4;
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let rest = part.split_once("</SegmentList>").unwrap().1;
        text += &format!(
            "<SegmentBase indexRange=\"{at}-{}\"><Initialization range=\"0-{}\"/></SegmentBase>{rest}",
            at + size - 1,
            at - 1
        );
    }
    std::fs::write(folder.join("main.mpd"), text).unwrap();
}
