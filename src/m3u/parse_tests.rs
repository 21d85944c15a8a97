use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Parsed {
    parse(text.as_bytes(), &Limits::default())
}

fn problems(parsed: &Parsed) -> Vec<(usize, &str)> {
    parsed
        .problems
        .iter()
        .map(|p| (p.line, p.reason.as_str()))
        .collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

const PROVIDER: &str = "\u{feff}#extm3u url-tvg=\"http://epg/1.xml,http://epg/2.xml\" X-TVG-URL='http://epg/3.xml' m3uautoload=1 \r\n\
    \r\n\
    #EXTINF:-1 TVG-ID=\"cnn.us\" tvg-name=\"CNN\" tvg-logo=\"http://logo/cnn.png?a=b,c\" Group-Title=\"News, World\" tvg-chno=\"7\" catchup='shift',CNN, the channel\r\n\
    #EXTVLCOPT:http-user-agent=\"Mozilla/5.0 (X11; Linux)\"\r\n\
    #EXTVLCOPT:http-referrer=https://ref.example/\r\n\
    #EXTVLCOPT:HTTP-ORIGIN=https://ref.example\r\n\
    #EXTVLCOPT:network-caching=1000\r\n\
    #EXTVLCOPT:no-audio\r\n\
    #EXTGRP:ignored\r\n\
    #KODIPROP:inputstream=inputstream.adaptive\r\n\
    #KODIPROP:inputstream.adaptive.license_key=https://lic/?a=b&c=d\r\n\
    #KODIPROP:inputstream.adaptive.stream_headers=X-Key=a%20b&User-Agent=K\r\n\
    #EXTHTTP:{\"cookie\":\"a=b\"}\r\n\
    #EXT-WHATEVER:1\r\n\
    http://tv.example/live/user/pass/1.ts|User-Agent=VLC%2F3&Referer=http%3A%2F%2Fr%2F&seekable=0   \r\n\
    #EXTGRP:Sports\r\n\
    #EXTINF:0,Sport 1\r\n\
    \r\n\
    rtp://@239.0.0.1:5000\r\n";

#[test]
fn a_provider_s_list() {
    let parsed = read(PROVIDER);
    assert_eq!(problems(&parsed), []);
    assert_eq!(
        parsed.guide_urls().collect::<Vec<_>>(),
        ["http://epg/1.xml", "http://epg/2.xml", "http://epg/3.xml"]
    );
    assert_eq!(
        parsed.header.get("m3uautoload").map(String::as_str),
        Some("1")
    );
    let [cnn, sport] = parsed.entries.as_slice() else {
        panic!("{:?}", parsed.entries)
    };
    let expected = Entry {
        line: 3,
        name: "CNN, the channel".to_owned(),
        url: "http://tv.example/live/user/pass/1.ts".to_owned(),
        group: Some("News, World".to_owned()),
        logo: Some("http://logo/cnn.png?a=b,c".to_owned()),
        tvg_id: Some("cnn.us".to_owned()),
        tvg_name: Some("CNN".to_owned()),
        headers: map(&[
            ("Referer", "http://r/"),
            ("Origin", "https://ref.example"),
            ("X-Key", "a b"),
            ("Cookie", "a=b"),
        ]),
        user_agent: Some("VLC/3".to_owned()),
        attributes: map(&[
            ("tvg-chno", "7"),
            ("catchup", "shift"),
            ("vlcopt.network-caching", "1000"),
            ("vlcopt.no-audio", ""),
        ]),
        kodiprops: map(&[
            ("inputstream", "inputstream.adaptive"),
            ("inputstream.adaptive.license_key", "https://lic/?a=b&c=d"),
        ]),
        duration: Some(-1.0),
        notes: vec![],
    };
    assert_eq!(cnn.headers, expected.headers);
    assert_eq!(*cnn, expected);
    assert_eq!(
        (sport.line, sport.name.as_str(), sport.group.as_deref()),
        (17, "Sport 1", Some("Sports"))
    );
    assert_eq!(
        (sport.url.as_str(), sport.headers.len()),
        ("rtp://@239.0.0.1:5000", 0)
    );
}

#[test]
fn encodings() {
    let text = "#EXTM3U\n#EXTINF:-1 group-title=\"Été\",Télé\nhttp://h/é\n";
    let utf16: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    let latin1: Vec<u8> = text.chars().map(|c| c as u8).collect();
    for body in [
        utf16,
        latin1,
        text.as_bytes().to_vec(),
        text.replace('\n', "\r").into_bytes(),
    ] {
        let parsed = parse(&body, &Limits::default());
        assert_eq!(parsed.entries.len(), 1);
        assert_eq!(
            (
                parsed.entries[0].name.as_str(),
                parsed.entries[0].url.as_str()
            ),
            ("Télé", "http://h/é")
        );
        assert_eq!(
            (parsed.entries[0].line, parsed.entries[0].group.as_deref()),
            (2, Some("Été"))
        );
    }
}

#[test]
fn holes_are_told_line_by_line() {
    let parsed = read(
        "#EXTINF:-1,No URL\n#EXTVLCOPT:http-user-agent=A\n#EXTINF:-1,B\n\nhttp://h/b\nhttp://bare/\njunk\n\
         #EXTINF:-1,Relative\nchan/1.ts\n#EXTINF:-1 tvg-id=\"x\",\nhttp://h/x\n#EXTHTTP:nope\n#EXTVLCOPT:http-referrer=é\n\
         http://h/y|Host=evil\n#EXTINF:-1,Last",
    );
    let names: Vec<_> = parsed
        .entries
        .iter()
        .map(|e| (e.line, e.name.as_str(), e.notes.len()))
        .collect();
    assert_eq!(names, [(3, "B", 0), (6, "", 1), (10, "x", 0), (14, "", 3)]);
    assert_eq!(
        parsed.entries[0].user_agent, None,
        "belongs to the entry that had no URL"
    );
    let neither = "the line is neither a directive nor an absolute URL";
    let lost = "the entry has no URL";
    assert_eq!(
        problems(&parsed),
        [(1, lost), (7, neither), (9, neither), (15, lost)]
    );
}

#[test]
fn what_is_no_channel_list_is_one_problem() {
    for (body, word) in [
        (
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nhttp://h/1.ts\n",
            "HLS",
        ),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://h/low.m3u8\n",
            "HLS",
        ),
        ("  <html><body>Login</body></html>", "HTML"),
        ("{\"error\":1}", "JSON"),
        ("", "empty"),
        ("#EXTM3U\n", "no entries"),
    ] {
        let parsed = read(body);
        assert!(parsed.entries.is_empty());
        assert_eq!(parsed.problems.len(), 1, "{body}");
        assert!(
            parsed.problems[0].reason.contains(word),
            "{body}: {:?}",
            parsed.problems
        );
    }
}

#[test]
fn everything_is_bounded() {
    let limits = Limits {
        bytes: 400,
        entries: 2,
        line_bytes: 40,
        problems: 3,
    };
    let parsed = parse(&[b'#'; 401], &limits);
    assert_eq!(parsed.problems.len(), 1);
    let parsed = parse("http://h/x\n".repeat(5).as_bytes(), &limits);
    assert_eq!((parsed.entries.len(), problems(&parsed)[0].0), (2, 3));
    let parsed = parse("junk\n".repeat(20).as_bytes(), &limits);
    assert_eq!((parsed.problems.len(), parsed.problems_dropped), (3, 17));
    let long = format!("#EXTINF:-1,{}\nhttp://h/x", "x".repeat(40));
    let parsed = parse(long.as_bytes(), &limits);
    assert_eq!(
        (parsed.entries[0].name.as_str(), problems(&parsed)[0].0),
        ("", 1)
    );

    let props = |i| format!("#KODIPROP:k{i}=1\n#EXTVLCOPT:v{i}=1\n#EXTVLCOPT:http-referrer=x\n");
    let many: String = (0..200)
        .map(props)
        .chain(["http://h/x".to_owned()])
        .collect();
    let entry = &read(&many).entries[0];
    assert_eq!(
        (
            entry.kodiprops.len(),
            entry.attributes.len(),
            entry.notes.len()
        ),
        (64, 64, 2)
    );
}

#[test]
fn debug_shows_no_url() {
    assert!(!format!("{:?}", read(PROVIDER)).contains("pass"));
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&body, &Limits::default());
    }

    #[test]
    fn no_text_panics(lines in proptest::collection::vec("(#EXTINF:|#EXTVLCOPT:|#KODIPROP:|#EXTGRP:|#EXTHTTP:|http://|#|)[\\PC\"=,|& ]{0,20}", 0..12)) {
        let parsed = read(&lines.join("\n"));
        prop_assert!(parsed.entries.len() + parsed.problems.len() <= 2 * lines.len() + 1);
    }
}
