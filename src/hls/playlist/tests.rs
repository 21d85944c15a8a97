use super::*;
use proptest::prelude::*;

fn base() -> Url {
    Url::parse("https://user:pw@cdn.example/live/one/index.m3u8?token=1").unwrap()
}

fn read(text: &str) -> Result<Playlist, PlaylistError> {
    parse(text.as_bytes(), &base(), &Limits::default())
}

fn media(text: &str) -> MediaPlaylist {
    match read(text) {
        Ok(Playlist::Media(playlist)) => playlist,
        other => panic!("{other:?}"),
    }
}

fn multivariant(text: &str) -> Multivariant {
    match read(text) {
        Ok(Playlist::Multivariant(all)) => all,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_live_playlist() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:8\n#EXT-X-MEDIA-SEQUENCE:2680\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:4\n\n#EXTINF:7.975,\nhttp://other.example/s/2680.ts\n\
         #EXTINF:7.941,News, live\n/s/2681.ts?a=b#frag\n#EXT-X-DISCONTINUITY\n#EXTINF:3\n2682.ts\n",
    );
    assert_eq!(playlist.target_duration, Duration::from_secs(8));
    assert_eq!(
        (playlist.media_sequence, playlist.discontinuity_sequence),
        (2680, 4)
    );
    assert!(!playlist.ended);
    let uris: Vec<_> = playlist.segments.iter().map(|s| s.uri.as_str()).collect();
    let expected = [
        "http://other.example/s/2680.ts",
        "https://user:pw@cdn.example/s/2681.ts?a=b",
        "https://user:pw@cdn.example/live/one/2682.ts",
    ];
    assert_eq!(uris, expected);
    let last = &playlist.segments[2];
    assert_eq!((last.sequence, last.discontinuity), (2682, true));
    assert_eq!(playlist.segments[0].duration, Duration::from_millis(7975));
    assert!(!playlist.segments[1].discontinuity);
}

/// Faults that are out in the world; the referee crate reads several of them wrong.
#[test]
fn faults_that_players_forgive() {
    let plain = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9.5,\na.ts\n#EXTINF:9.5,\nb.ts\n#EXT-X-ENDLIST\n";
    let good = media(plain);
    assert!(good.ended);
    let variants = [
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        format!("\u{feff}{plain}"),
        format!("\n  {plain}"),
        plain.trim_end().to_owned(),
        plain.replace("#EXTM3U", "#EXTM3U x-tvg-url=\"\" "),
        plain.replace("DURATION:10", "DURATION:10.0"),
        plain.replace(
            "DURATION:10\n",
            "DURATION:10\n#EXT-X-UNKNOWN:a=b\n# note\n#EXT-X-MEDIA-SEQUENCE:\n",
        ),
        plain.replace("9.5,\na", "9.5,A, B, and = C\na"),
        plain.replace("9.5,\na", "9.500000 , \n  a"),
        plain.replace("#EXT-X-ENDLIST", "#EXT-X-ENDLIST\n#EXT-X-TRAILER:"),
        plain.replace(
            "#EXTINF:9.5,\nb",
            "#EXT-X-DISCONTINUITY-SEQUENCE:x\n#EXTINF:9.5,\nb",
        ),
        plain.replace("#EXTINF:9.5,\nb", "#EXTINF:9.5,\n#EXT-X-KEY:METHOD=NONE\nb"),
    ];
    for text in variants {
        assert_eq!(media(&text), good, "{text:?}");
    }
    let latin1 = plain.replace("9.5,\na", "9.5,caf?\na").into_bytes();
    let latin1: Vec<u8> = latin1
        .into_iter()
        .map(|b| if b == b'?' { 0xe9 } else { b })
        .collect();
    let read = parse(&latin1, &base(), &Limits::default());
    assert_eq!(read, Ok(Playlist::Media(good)));
}

#[test]
fn durations_that_lie_or_are_missing() {
    let playlist =
        media("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:3\n#EXTINF:-1,\na.ts\n#EXTINF:6.2,\nb.ts\nc.ts\n");
    let durations: Vec<_> = playlist
        .segments
        .iter()
        .map(|s| s.duration.as_millis())
        .collect();
    assert_eq!(durations, [6200, 6200, 6200]);
    assert_eq!(playlist.target_duration.as_millis(), 6200);
    let zero = media("#EXTM3U\n#EXT-X-TARGETDURATION:0\n#EXTINF:0,\na.ts\n");
    assert_eq!(
        zero.target_duration,
        Duration::from_secs(1),
        "or it would be reloaded without pause"
    );
    let empty = media("#EXTM3U\n#EXT-X-TARGETDURATION:6\n");
    assert!(empty.segments.is_empty() && !empty.ended);
    let huge = media(
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1,\na\n#EXTINF:1,\nb\n",
    );
    assert_eq!(huge.segments[1].sequence, huge.segments[0].sequence + 1);
}

#[test]
fn keys_apply_until_replaced_and_default_to_the_sequence_number() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:15\n#EXT-X-MEDIA-SEQUENCE:7794\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"https://priv.example/key?r=52\"\n#EXTINF:2.8,\n52-A.ts\n#EXTINF:15,\n52-B.ts\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k,2\",IV=0x0000000000000000000000000000002A\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n\
         #EXTINF:15,\n53-A.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:15,\nplain.ts\n",
    );
    let keys: Vec<_> = playlist.segments.iter().map(|s| s.key.clone()).collect();
    let iv = |n: usize| keys[n].as_ref().map(|key| u128::from_be_bytes(key.iv));
    assert_eq!(
        [iv(0), iv(1), iv(2), iv(3)],
        [Some(7794), Some(7795), Some(42), None]
    );
    let uri = |n: usize| keys[n].as_ref().map(|key| key.uri.as_str());
    assert_eq!(uri(1), Some("https://priv.example/key?r=52"));
    assert_eq!(uri(2), Some("https://user:pw@cdn.example/live/one/k,2"));
}

#[test]
fn byte_ranges_continue_those_of_the_same_resource() {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@50\nall.ts\n#EXTINF:4,\n";
    let playlist = media(&format!(
        "{head}#EXT-X-BYTERANGE:30\nall.ts\n#EXTINF:4,\nwhole.ts\n"
    ));
    let ranges: Vec<_> = playlist.segments.iter().map(|s| s.byte_range).collect();
    let range = |offset, length| Some(ByteRange { offset, length });
    assert_eq!(ranges, [range(50, 100), range(150, 30), None]);
    for bad in [
        "30\nother.ts\n",
        "\nall.ts\n",
        "18446744073709551615\nall.ts\n",
        "0@3\nall.ts\n",
    ] {
        let result = read(&format!("{head}#EXT-X-BYTERANGE:{bad}"));
        assert!(
            matches!(result, Err(PlaylistError::BadByteRange { .. })),
            "{bad} {result:?}"
        );
    }
}

#[test]
fn gaps_are_kept() {
    let playlist =
        media("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-GAP\na.ts\n#EXTINF:4,\nb.ts\n");
    let gaps: Vec<_> = playlist.segments.iter().map(|s| s.gap).collect();
    assert_eq!(gaps, [true, false]);
}

/// As low-latency packagers write it: what is for players in a hurry is passed over.
#[test]
fn a_low_latency_playlist_reads_as_a_plain_one() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:9\n#EXT-X-PART-INF:PART-TARGET=1.0\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0,CAN-SKIP-UNTIL=24\n\
         #EXT-X-MEDIA-SEQUENCE:266\n#EXT-X-MAP:URI=\"init.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-02-14T02:13:36.106Z\n#EXTINF:4.0,\nfile266.m4s\n\
         #EXT-X-PART:DURATION=1,URI=\"file267.0.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=3,URI=\"file267.1.m4s\"\n\
         #EXTINF:4.0,\nfile267.m4s\n#EXT-X-PART:DURATION=1,URI=\"file268.0.m4s\"\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"file268.1.m4s\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"../1M/x.m3u8\",LAST-MSN=267,LAST-PART=1\n",
    );
    let names: Vec<_> = playlist.segments.iter().map(|s| s.uri.path()).collect();
    assert_eq!(names, ["/live/one/file266.m4s", "/live/one/file267.m4s"]);
    let skipped = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:4,\n4.ts\n",
    );
    assert_eq!(
        (skipped.media_sequence, skipped.segments[0].sequence),
        (4, 4)
    );
}

#[test]
fn initialization_sections_apply_until_replaced() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"700@20\"\n#EXTINF:4,\n1\n#EXTINF:4,\n2\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x2A\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"b.mp4\"\n#EXTINF:4,\n3\n",
    );
    let maps: Vec<_> = playlist
        .segments
        .iter()
        .map(|s| s.map.as_ref().unwrap())
        .collect();
    assert!(Arc::ptr_eq(maps[0], maps[1]));
    let range = ByteRange {
        offset: 20,
        length: 700,
    };
    assert_eq!((maps[0].byte_range, &maps[0].key), (Some(range), &None));
    assert_eq!(
        (maps[2].uri.path(), maps[2].byte_range),
        ("/live/one/b.mp4", None)
    );
    let iv = maps[2].key.as_ref().map(|key| u128::from_be_bytes(key.iv));
    assert_eq!(iv, Some(42));
}

#[test]
fn variables_are_put_in() {
    let text = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"host\",VALUE=\"http://h.example\"\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"g{$token}\"\n{$host}/v{$token}/{$}/{x}.m3u8\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g1\",URI=\"{$host}/a.m3u8\",DEFAULT=YES\n";
    let all = multivariant(text);
    assert_eq!(
        all.variants[0].uri.as_str(),
        "http://h.example/v1/%7B$%7D/%7Bx%7D.m3u8"
    );
    let audio = all
        .audio_of(&all.variants[0])
        .and_then(|audio| audio.uri.as_ref());
    assert_eq!(audio.map(Url::as_str), Some("http://h.example/a.m3u8"));

    let child = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:IMPORT=\"host\"\n\
        #EXT-X-MAP:URI=\"{$host}/i\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"{$host}/k\"\n#EXTINF:4,{$no}\n{$host}/1.mp4\n";
    let read = parse_child(
        child.as_bytes(),
        &base(),
        &Limits::default(),
        &all.variables,
    );
    let Ok(Playlist::Media(playlist)) = read else {
        panic!("{read:?}")
    };
    let segment = &playlist.segments[0];
    let uris = [
        &segment.uri,
        &segment.map.as_ref().unwrap().uri,
        &*segment.key.as_ref().unwrap().uri,
    ];
    let uris = uris.map(Url::as_str);
    assert_eq!(
        uris,
        [
            "http://h.example/1.mp4",
            "http://h.example/i",
            "http://h.example/k"
        ]
    );
    assert_eq!(
        read_child_alone(child),
        Err(PlaylistError::Undefined { line: 3 })
    );

    let bomb = format!(
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{}\"\n{}\n",
        "x".repeat(4000),
        "{$a}".repeat(1000)
    );
    assert_eq!(
        read_child_alone(&bomb),
        Err(PlaylistError::UriTooLong { line: 3 })
    );
}

fn read_child_alone(text: &str) -> Result<(), PlaylistError> {
    read(text).map(|_| ())
}

#[test]
fn errors_say_what_is_wrong() {
    use PlaylistError as E;
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n";
    let with = |tail: &str| format!("{head}{tail}\n#EXTINF:4,\na.ts\n");
    let mut ts = vec![0x47; 400];
    ts[1..188].fill(0);
    let mut cases = vec![
        (b" \n".to_vec(), E::NotAPlaylist(Found::Nothing)),
        (b"#EXTM3U\n".to_vec(), E::NotAPlaylist(Found::Nothing)),
        (ts, E::NotAPlaylist(Found::MpegTs)),
        (b"\0\0\0\x18ftypisom".to_vec(), E::NotAPlaylist(Found::Mp4)),
        (
            b"<?xml version='1.0'?><MPD>".to_vec(),
            E::NotAPlaylist(Found::Dash),
        ),
        (b"<!DOCTYPE html>".to_vec(), E::NotAPlaylist(Found::WebPage)),
        (b"#EXTM3U8\n".to_vec(), E::NotAPlaylist(Found::Other)),
        (
            b"#EXTM3U\n#EXTINF:-1 tvg-id=\"x\",X\nhttp://x/y\n".to_vec(),
            E::ChannelList,
        ),
        (
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n".to_vec(),
            E::NoVariants,
        ),
    ];
    let texts = [
        ("#EXT-X-MAP:BYTERANGE=\"5\"", E::BadMap { line: 3 }),
        ("#EXT-X-DEFINE:NAME=\"a\"", E::Undefined { line: 3 }),
        (
            "#EXT-X-KEY:METHOD=NONE,URI=\"{$b}\"",
            E::Undefined { line: 3 },
        ),
        ("#EXT-X-I-FRAMES-ONLY", E::IFramesOnly),
        ("#EXT-X-KEY:METHOD=AES-128", E::BadKey { line: 3 }),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=12",
            E::BadKey { line: 3 },
        ),
        (
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"",
            E::Encrypted {
                method: "SAMPLE-AES".into(),
            },
        ),
        (
            "#EXT-X-KEY:METHOD=<b>\",URI=\"k\"",
            E::Encrypted { method: "b".into() },
        ),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"com.example\"",
            E::Encrypted {
                method: "comexample".into(),
            },
        ),
        ("file:///etc/passwd", E::BadUri { line: 3 }),
        ("https://[", E::BadUri { line: 3 }),
    ];
    cases.extend(texts.map(|(tail, error)| (with(tail).into_bytes(), error)));
    for (body, error) in cases {
        let text = String::from_utf8_lossy(&body);
        assert_eq!(
            parse(&body, &base(), &Limits::default()),
            Err(error),
            "{text}"
        );
    }
    let shown = read(&with("https://[")).unwrap_err().to_string();
    assert!(!shown.contains("cdn.example") && !shown.contains("pw"));
}

#[test]
fn limits_hold() {
    let limits = Limits {
        bytes: 3000,
        segments: 2,
        variants: 2,
        uri_bytes: 100,
        uri_bytes_total: 200,
    };
    let limited = |text: &str| parse(text.as_bytes(), &base(), &limits).map(|_| ());
    let media = |n: usize, uri: &str| {
        "#EXTM3U\n#EXT-X-VERSION:3\n".to_owned() + &format!("{uri}\n").repeat(n)
    };
    assert_eq!(limited(&media(2, "a")), Ok(()));
    assert_eq!(
        limited(&media(3, "a")),
        Err(PlaylistError::TooManySegments { limit: 2 })
    );
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n";
    assert_eq!(limited(&format!("#EXTM3U\n{}", variant.repeat(2))), Ok(()));
    let many = limited(&format!("#EXTM3U\n{}", variant.repeat(3)));
    assert_eq!(many, Err(PlaylistError::TooManyVariants { limit: 2 }));
    let long = "a".repeat(90);
    assert_eq!(
        limited(&media(1, &long)),
        Err(PlaylistError::UriTooLong { line: 3 })
    );
    let total = Limits {
        uri_bytes: 1000,
        ..limits.clone()
    };
    let all = parse(media(2, &long).as_bytes(), &base(), &total);
    assert_eq!(all, Err(PlaylistError::UriTooLong { line: 4 }));
    assert_eq!(
        limited(&" ".repeat(3001)),
        Err(PlaylistError::TooLarge { limit: 3000 })
    );
}

const VARIANTS: &str = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sep\",NAME=\"en\",DEFAULT=YES,URI=\"en.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"in\",NAME=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"in\",NAME=\"de\",URI=\"de.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"in\",NAME=\"de\",URI=\"sub.m3u8\"\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI=\"iframe.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,RESOLUTION=640x360,CODECS=\"\",AUDIO=\"in\"\n360.m3u8\n\
    #EXT-X-STREAM-INF:PROGRAM-ID=1, BANDWIDTH=7680000,FRAME-RATE=50.000,RESOLUTION=1920x1080,CODECS=\"avc1.640028,mp4a.40.2\",AUDIO=\"in\"\n# note\n1080.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028,mp4a.40.2\",AUDIO=\"sep\"\n1080s.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=20000000,RESOLUTION=3840x2160,CODECS=\"av01.0.12M.10\"\n2160.m3u8\n\
    #EXT-X-STREAM-INF:RESOLUTION=broken,BANDWIDTH=2560000,RESOLUTION=1280X720\n720.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=65000,CODECS=\"mp4a.40.5\"\naudio.m3u8\n";

#[test]
fn variants_and_the_choice_among_them() {
    use crate::hls::variants::{Variant, Want, choose};
    let read = multivariant(VARIANTS);
    let sound: Vec<_> = (read.variants.iter())
        .map(|v| read.audio_of(v).map(|audio| audio.uri.is_some()))
        .collect();
    let (inside, apart) = (Some(false), Some(true));
    assert_eq!(sound, [inside, inside, apart, None, None, None]);
    let all = read.variants;
    assert_eq!(all.len(), 6);
    assert_eq!(all[1].codecs.as_deref(), Some("avc1.640028,mp4a.40.2"));
    assert_eq!(
        (all[1].frame_rate, all[0].codecs.as_deref()),
        (Some(50.0), None)
    );
    assert_eq!(
        (all[0].average_bandwidth, all[4].resolution),
        (Some(1_000_000), Some((1280, 720)))
    );
    assert!(!all[5].has_video() && all[0].has_video());

    let name = |variants: &[Variant], want| {
        let chosen = choose(variants, want).map(|v| v.uri.path().to_owned());
        chosen.and_then(|path| path.rsplit('/').next().map(str::to_owned))
    };
    let cases = [
        (Want::Best, "1080s.m3u8"),
        (Want::AtMost { height: 1080 }, "1080s.m3u8"),
        (Want::AtMost { height: 900 }, "720.m3u8"),
        (Want::AtMost { height: 576 }, "360.m3u8"),
        (Want::AtMost { height: 100 }, "360.m3u8"),
        (Want::AtLeast { height: 180 }, "360.m3u8"),
        (Want::AtLeast { height: 400 }, "720.m3u8"),
    ];
    for (want, expected) in cases {
        assert_eq!(name(&all, want).as_deref(), Some(expected), "{want:?}");
    }
    assert_eq!(
        name(&all[2..4], Want::Best).as_deref(),
        Some("1080s.m3u8"),
        "separate sound before AV1"
    );
    assert_eq!(name(&all[5..], Want::Best).as_deref(), Some("audio.m3u8"));
    assert_eq!(name(&[], Want::Best), None);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "#EXT[A-Z0-9-]{0,12}:[ -~]{0,40}",
        prop::sample::select(vec![
            "#EXTM3U",
            "#EXTINF:4,x",
            "#EXT-X-GAP",
            "#EXT-X-MAP:URI=\"i\",BYTERANGE=\"9@18446744073709551606\"",
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a}\"",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=18446744073709551615",
            "{$a}",
            "#EXT-X-BYTERANGE:5",
            "#EXT-X-BYTERANGE:9@18446744073709551606",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"",
            "#EXT-X-STREAM-INF:BANDWIDTH=1",
            "#EXT-X-TARGETDURATION:4",
            "#EXT-X-MEDIA-SEQUENCE:99999999999999999999",
            "a.ts",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(lines in prop::collection::vec(line(), 0..30)) {
        let _ = read(&format!("#EXTM3U\n{}", lines.join("\n")));
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), marked in any::<bool>()) {
        if marked {
            bytes.splice(..0, *b"#EXTM3U\n#EXT-X-VERSION:3\n");
        }
        let _ = parse(&bytes, &base(), &Limits::default());
    }

    /// What the referee reads from a correct playlist is what we read.
    #[test]
    fn the_referee_agrees_on_correct_playlists(
        sequence in any::<u32>(),
        segments in prop::collection::vec((1_u32..20_000, any::<bool>(), "[a-z]{1,8}"), 0..20),
        ended in any::<bool>(),
    ) {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n");
        for (millis, discontinuity, name) in &segments {
            let mark = if *discontinuity { "#EXT-X-DISCONTINUITY\n" } else { "" };
            let seconds = f64::from(*millis) / 1000.0;
            let line = format!("{mark}#EXTINF:{seconds:.3},title\n{name}.ts\n");
            text.push_str(&line);
        }
        text += if ended { "#EXT-X-ENDLIST\n" } else { "" };
        let theirs = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
        let ours = media(&text);
        prop_assert_eq!(ours.media_sequence, theirs.media_sequence);
        prop_assert_eq!(ours.target_duration.as_secs(), theirs.target_duration);
        prop_assert_eq!(ours.ended, theirs.end_list);
        prop_assert_eq!(ours.segments.len(), theirs.segments.len());
        for (a, b) in ours.segments.iter().zip(&theirs.segments) {
            prop_assert_eq!(a.uri.path().rsplit('/').next(), Some(b.uri.as_str()));
            prop_assert!((a.duration.as_secs_f32() - b.duration).abs() < 0.001);
            prop_assert_eq!(a.discontinuity, b.discontinuity);
        }
    }
}
