use super::*;
use crate::m3u::{Limits, parse, plan};
use crate::stream::{Draft, Options};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

fn news() -> Definition {
    let body = json!({"id": "news", "name": "News, \"24\"", "group": "A \"B\"", "logo": "http://logo/x.png", "tags": ["t"],
        "attributes": {"tvg-chno": "7", "catchup-source": "http://provider/u/p/", "vlcopt.network-caching": "500",
            "kodiprop.inputstream": "x"},
        "sources": [{"url": "http://h/x.ts", "user_agent": "VLC", "credentials": {"type": "basic", "username": "b@b", "password": "p"},
            "headers": {"Referer": "http://r/", "Origin": "http://o", "X-Key": "a&b c"}}]});
    Draft::define(body, None, |_| false).unwrap()
}

fn unsigned(_: &StreamId, _: &str) -> Option<String> {
    None
}

#[test]
fn sources() {
    let expected = "#EXTM3U
#EXTINF:-1 tvg-name='News, \"24\"' tvg-logo=\"http://logo/x.png\" group-title='A \"B\"' sightglass-id=\"news\" \
catchup-source=\"http://provider/u/p/\" tvg-chno=\"7\",News, \"24\"
#KODIPROP:inputstream=x
#EXTVLCOPT:network-caching=500
#EXTVLCOPT:http-user-agent=VLC
#EXTVLCOPT:http-origin=http://o
#EXTVLCOPT:http-referrer=http://r/
http://b%40b:p@h/x.ts|X-Key=a%26b%20c
";
    assert_eq!(
        write([&news()], Target::Sources { secrets: true }, &unsigned),
        expected
    );
}

#[test]
fn previews() {
    let target = |quality, format| Target::Previews {
        base: "http://me:8080/tv/",
        transcode: None,
        quality,
        format,
    };
    let expected = "#EXTM3U
#EXTINF:-1 tvg-id=\"news\" tvg-name=\"News, '24'\" tvg-logo=\"http://logo/x.png\" group-title=\"A 'B'\" tvg-chno=\"7\",News, \"24\"
http://me:8080/tv/streams/preview/news
";
    assert_eq!(
        write([&news()], target(None, PreviewFormat::Ts), &unsigned),
        expected
    );
    let hls = write(
        [&news()],
        target(Some("lo&w"), PreviewFormat::Hls),
        &unsigned,
    );
    assert!(
        hls.ends_with("/tv/streams/preview/news/index.m3u8?quality=lo%26w\n"),
        "{hls}"
    );
    let sign = |id: &StreamId, query: &str| Some(format!("sig={id}/{query}"));
    for (quality, format, end) in [
        (None, PreviewFormat::Ts, "/news?sig=news/\n"),
        (
            Some("low"),
            PreviewFormat::Hls,
            "/news/index.m3u8?quality=low&sig=news/quality=low\n",
        ),
    ] {
        let text = write([&news()], target(quality, format), &sign);
        assert!(text.ends_with(end), "{text}");
    }
    let off = Definition {
        enabled: false,
        ..news()
    };
    assert_eq!(
        write([&off], target(None, PreviewFormat::Ts), &unsigned),
        "#EXTM3U\n"
    );
    assert!(write([&off], Target::Sources { secrets: true }, &unsigned).contains("x.ts"));
}

#[test]
fn nothing_starts_a_line() {
    // The types allow no line break; the writer does not rely on it.
    let mut evil = news();
    let bad = "x\r\n#EXTINF:-1,Evil\nhttp://evil/";
    (evil.name, evil.group, evil.logo, evil.tvg_id) = (
        bad.into(),
        Some(bad.into()),
        Some(bad.into()),
        Some(bad.into()),
    );
    evil.attributes = ["tvg-name", "a", "vlcopt.a", "kodiprop.a"]
        .map(|name| (name.to_owned(), bad.to_owned()))
        .into();
    evil.sources[0].user_agent = Some(bad.into());
    evil.sources[0].headers = ["Referer", "X-A"]
        .map(|name| (name.to_owned(), bad.to_owned()))
        .into();
    let base = "http://h\nhttp://evil/\n";
    for target in [
        Target::Sources { secrets: true },
        Target::Previews {
            base,
            transcode: None,
            quality: Some(bad),
            format: PreviewFormat::Ts,
        },
    ] {
        let text = write([&evil], target, &unsigned);
        assert!(!text.contains('\r'));
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("http://evil") || line.starts_with("#EXTINF:-1,Evil")),
            "{text}"
        );
        assert_eq!(parse(text.as_bytes(), &Limits::default()).entries.len(), 1);
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z\"',=|& #é日%\\\\-]{1,12}".prop_filter("blank", |text| !text.trim().is_empty())
}

fn value() -> impl Strategy<Value = String> {
    text().prop_filter("the one loss", |text| is_exact(text.trim()))
}

prop_compose! {
    fn source()(
        path in "[a-z|?&=%é \"#@]{0,12}",
        scheme in prop::sample::select(vec!["http", "https", "rtsp", "srt", "test", "udp"]),
        agent in prop::option::of("[!-~][ -~]{0,10}"),
        headers in prop::collection::btree_map("(X-[a-z&|]{1,5}|Referer|Origin|Cookie|Seekable|!A)", "[!-~][ -~]{0,10}", 0..4),
        login in 0..4,
        secrets in ("[ -~é&&[^:]]{1,6}", "[ -~é]{0,6}", "[!-~]{1,9}"),
    ) -> serde_json::Value {
        let takes = matches!(scheme, "http" | "https" | "rtsp");
        let credentials = match login {
            1 if takes => json!({"type": "basic", "username": secrets.0, "password": secrets.1}),
            2 if takes => json!({"type": "bearer", "token": secrets.2}),
            _ => json!(null),
        };
        json!({"url": format!("{scheme}://h/{path}"), "user_agent": agent, "headers": headers, "credentials": credentials})
    }
}

prop_compose! {
    fn definition()(
        id in "[a-z][a-z0-9_-]{0,8}",
        name in text(),
        group in prop::option::of(value()),
        tvg_id in prop::option::of(value()),
        logo in prop::option::of("http://l/[a-z?=&'\",]{0,8}"),
        attributes in prop::collection::btree_map("(tvg-name|x-[a-z.]{1,5}|vlcopt\\.[a-z]{0,5}|kodiprop\\.[a-z.]{0,5})", prop_oneof![value(), Just(String::new())], 0..5),
        source in source(),
        extra in any::<bool>(),
    ) -> Definition {
        let logo = logo.filter(|logo| is_exact(logo));
        let attributes: BTreeMap<_, _> = attributes.into_iter().filter(|(name, value)| name != "tvg-name" || !value.is_empty()).collect();
        let body = json!({"id": id, "name": name, "group": group, "tvg_id": tvg_id, "logo": logo, "sources": [source],
            "attributes": attributes, "tags": if extra { vec!["t"] } else { vec![] }, "enabled": extra,
            "options": {"transcode": extra}});
        Draft::define(body, None, |_| false).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn round_trip(made in prop::collection::vec(definition(), 1..5)) {
        let streams: BTreeMap<_, _> = made.into_iter().map(|d| (d.id.clone(), d)).collect();
        let mut urls = std::collections::BTreeSet::new();
        let streams: Vec<_> = streams.into_values().filter(|d| urls.insert(d.sources[0].url.clone())).collect();
        let written = write(&streams, Target::Sources { secrets: true }, &unsigned);
        let parsed = parse(written.as_bytes(), &Limits::default());
        prop_assert_eq!(&parsed.problems, &[], "{}", written);

        // Into the same store nothing changes; into an empty one all come back but for what an M3U cannot hold.
        let again = plan(parsed.clone(), &streams);
        prop_assert_eq!(again.counts.unchanged, streams.len(), "{}\n{:#?}", written, again);
        let fresh: Vec<_> = plan(parsed, []).rows.into_iter().filter_map(|row| row.definition).collect();
        let expected: Vec<_> = streams.into_iter()
            .map(|d| Definition { tags: vec![], enabled: true, options: Options::default(), ..d })
            .collect();
        prop_assert!(fresh == expected, "{}\n{:#?}\n{:#?}", written, fresh, expected);
    }
}
