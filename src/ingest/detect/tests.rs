use super::*;

use proptest::prelude::*;

const SYNC: u8 = 0x47;

/// Packets of `stride` bytes, their sync byte `before` bytes in.
fn ts_of(packets: usize, stride: usize, before: usize) -> Vec<u8> {
    (0..packets * stride)
        .map(|at| if at % stride == before { SYNC } else { 0x11 })
        .collect()
}

fn utf16(text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(unit);
    mark.iter().copied().chain(units).collect()
}

fn guess(start: &[u8]) -> Container {
    container("", "/", start)
}

#[test]
fn playlists_are_known_whatever_the_server_says() {
    let text = "\r\n\n#EXTM3U\r\n#EXT-X-VERSION:3\r\n";
    for body in [
        text.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16(text, b"\xff\xfe", u16::to_le_bytes),
        utf16(text, b"\xfe\xff", u16::to_be_bytes),
    ] {
        for content_type in ["text/plain", "video/mp2t", "text/html", ""] {
            assert_eq!(container(content_type, "/get.php", &body), Container::Hls);
        }
        assert!(is_decided(&body));
    }
}

#[test]
fn manifests_are_known_by_their_root_element() {
    let long = format!("<!--{}--><MPD >", "x".repeat(2000));
    for text in [
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
        "<?xml version=\"1.0\"?>\n<!-- a > b --><!DOCTYPE MPD>\r\n<MPD\n type=\"static\">",
        "  <?xml version=\"1.0\"?><dash:MPD/>",
        &long,
    ] {
        assert_eq!(
            container("text/xml", "/x", text.as_bytes()),
            Container::Dash
        );
        let wide = utf16(text, b"\xff\xfe", u16::to_le_bytes);
        assert_eq!(guess(&wide), Container::Dash);
    }
    let cut = format!("<?xml version=\"1.0\"?><!--{}", "x".repeat(4000));
    let of = |content_type, path| container(content_type, path, cut.as_bytes());
    assert_eq!(of("application/dash+xml", "/"), Container::Dash);
    assert_eq!(of("", "/live.MPD"), Container::Dash);
    assert_ne!(of("text/xml", "/"), Container::Dash);
    assert!(!is_decided(b"<?xml version=\"1.0\"?><MP"));
}

#[test]
fn packets_of_every_stride_are_found_behind_junk() {
    for (stride, before) in [(188, 0), (192, 4), (204, 0)] {
        for junk in [0, 1, 37, 187, 1000] {
            let mut start = vec![SYNC; junk];
            start.extend(ts_of(6, stride, before));
            assert_eq!(
                container("text/html", "/live/x.m3u8", &start),
                Container::Ts,
                "{stride} behind {junk}"
            );
        }
    }
    assert_ne!(guess(&ts_of(9, 190, 0)), Container::Ts);
    assert_eq!(guess(&[b'G'; 4096]), Container::NotMedia("text"));
    // Junk that hides it: the server is believed.
    assert_eq!(container("video/mp2t", "/", &[7; 4096]), Container::Ts);
    assert_eq!(container("", "/a/B.M2TS", &[7; 4096]), Container::Ts);
    assert_eq!(guess(&[7; 4096]), Container::Other);
}

#[test]
fn files_are_known_by_their_first_bytes() {
    for kind in [
        "ftyp", "styp", "moov", "moof", "sidx", "free", "wide", "mdat",
    ] {
        let mut start = vec![0, 0, 0, 24];
        start.extend(kind.as_bytes());
        assert_eq!(
            container("video/mp2t", "/x.ts", &start),
            Container::Mp4,
            "{kind}"
        );
    }
    assert_ne!(
        guess(b"\0\0\0\x05ftyp"),
        Container::Mp4,
        "no room for a box"
    );
    assert_eq!(guess(b"FLV\x01\x05\0\0\0\x09"), Container::Flv);
    assert_eq!(
        guess(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6"),
        Container::Asf
    );
    assert_eq!(guess(b"\x1a\x45\xdf\xa3\x9f\x42"), Container::Matroska);
    for other in [
        &b"OggS\0\x02"[..],
        b"RIFF\x10\0\0\0AVI LIST",
        b"\0\0\x01\xba\x44",
    ] {
        assert_eq!(guess(other), Container::Other);
    }
    let camera = b"--frame\r\nContent-Type: image/jpeg\r\n";
    assert_eq!(
        container("multipart/x-mixed-replace", "/", camera),
        Container::Other
    );
}

/// 128 kbit/s, 44.1 kHz, layer 3: 417 bytes.
fn mp3(frames: usize) -> Vec<u8> {
    let frame = [&[0xff, 0xfb, 0x90, 0x00][..], &[0x15; 413]].concat();
    frame.repeat(frames)
}

fn adts(frames: usize) -> Vec<u8> {
    let length = 300_usize;
    let head = [
        0xff,
        0xf1,
        0x50,
        0x80,
        (length >> 3) as u8,
        ((length & 7) << 5) as u8,
        0xfc,
    ];
    [&head[..], &vec![0x15; length - 7]].concat().repeat(frames)
}

#[test]
fn radio_is_known_from_the_middle_of_a_frame_and_behind_a_tag() {
    assert_eq!(guess(&mp3(4)[100..]), Container::Mp3);
    assert_eq!(guess(&adts(4)[100..]), Container::Adts);
    let tag = |size: u8| [&b"ID3\x04\0\0\0\0\0"[..], &[size], &vec![0; size.into()]].concat();
    assert_eq!(guess(&[tag(100), adts(1)].concat()), Container::Adts);
    assert_eq!(guess(&[tag(100), mp3(1)].concat()), Container::Mp3);
    let picture = b"ID3\x03\0\0\0\x7f\x7f\x7fAPIC";
    assert_eq!(guess(picture), Container::Mp3);
    // Too little to tell: what the server says.
    assert_eq!(
        container("audio/aacp", "/;", &adts(1)[9..]),
        Container::Adts
    );
    assert_eq!(container("", "/live.mp3", &mp3(1)[9..]), Container::Mp3);
    assert!(!is_decided(&mp3(1)));
}

#[test]
fn what_is_no_media_is_named() {
    for (start, what) in [
        (&b"  <!DOCTYPE html><html>"[..], "a web page"),
        (b"<?xml version=\"1.0\"?><html xmlns=\"x\">", "a web page"),
        (b"", "nothing"),
        (b"{\"error\": \"no\"}", "JSON"),
        (
            b"<?xml version=\"1.0\"?><rss >",
            "XML that is no DASH manifest",
        ),
        (b"<ASX version=\"3.0\">", "an ASX playlist"),
        (b"[playlist]\nFile1=http://h/", "a PLS playlist"),
        (
            b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\n",
            "a session description (SDP)",
        ),
        (b"Too many connections", "text"),
        (b"Zugang gesperrt f\xfcr Ihr Ger\xe4t", "text"),
        (b"\r\n\r\n", "nothing but blanks"),
        (b"\x1f\x8b\x08\0", "gzip-compressed data"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "an image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "an image"),
    ] {
        let found = container("video/mp2t", "/x.ts", start);
        assert_eq!(found, Container::NotMedia(what));
    }
    let empty = container("application/x-mpegurl", "/", b"http://h/a.ts");
    let what = "something that is called a playlist but is none";
    assert_eq!(empty, Container::NotMedia(what));
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(start in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let found = container("", "/", &start);
        prop_assert_eq!(is_decided(&start), media(&start) == Some(found));
    }

    /// What is decided stays decided the same, however much more has come.
    #[test]
    fn more_bytes_change_no_mind(cut in 0..3000_usize, which in 0..4_usize) {
        let whole = [ts_of(16, 204, 0), mp3(8), adts(10), b"<MPD >".repeat(500)][which].clone();
        let start = &whole[..cut.min(whole.len())];
        if is_decided(start) {
            prop_assert_eq!(guess(start), guess(&whole));
        }
    }
}
