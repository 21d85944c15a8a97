use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use url::Url;

use super::*;

fn read(text: &str) -> Result<Mpd, MpdError> {
    let base = Url::parse("http://h.example/live/a.mpd?token=1").unwrap();
    parse(text.as_bytes(), &base, &Limits::default())
}

fn mpd(attributes: &str, periods: &str) -> Mpd {
    read(&format!(
        "<?xml version=\"1.0\"?>\n<MPD {attributes}>{periods}</MPD>"
    ))
    .unwrap()
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// One video representation.
fn video(inside: &str) -> String {
    format!(
        "<AdaptationSet mimeType='video/mp4' codecs='avc1.64001f'>\
         <Representation id='v0' bandwidth='2500000' width='1280' height='720'>{inside}</Representation></AdaptationSet>"
    )
}

/// The names and times of all segments of something static: `*` marks a jump, `!` a loss.
fn all(mpd: Mpd) -> Vec<String> {
    let mut follower = Follower::new(Role::Main, Arc::new(mpd));
    let mut all = Vec::new();
    loop {
        match follower.next(Duration::ZERO).unwrap() {
            Step::Fetch(segment) => all.push(tell(&segment)),
            Step::Ended => return all,
            other => panic!("{other:?} after {all:?}"),
        }
        assert!(all.len() < 1000);
    }
}

fn tell(segment: &Segment) -> String {
    let mark = match segment.joint {
        Joint::None => "",
        Joint::Loss => "!",
        Joint::Jump => "*",
    };
    let path = segment.resource.uri.path().trim_start_matches("/live/");
    let range = segment.resource.range.map_or(String::new(), |range| {
        format!("[{}+{}]", range.offset, range.length)
    });
    format!("{mark}{path}{range}@{}", segment.start.as_secs_f64())
}

#[test]
fn every_way_to_list_segments() {
    let template = "<SegmentTemplate timescale='1000' duration='4000' startNumber='5' initialization='$RepresentationID$/i.mp4' media='$RepresentationID$/$Bandwidth$-$Number%04d$$$.m4s'/>";
    let numbered = all(mpd(
        "mediaPresentationDuration='PT10S'",
        &format!("<Period>{}</Period>", video(template)),
    ));
    assert_eq!(
        numbered,
        [
            "v0/2500000-0005$.m4s@0",
            "v0/2500000-0006$.m4s@4",
            "v0/2500000-0007$.m4s@8"
        ]
    );

    let timeline = "<SegmentTemplate timescale='10' presentationTimeOffset='100' media='t$Time$'><SegmentTimeline>\
        <S t='100' d='40' r='1'/><S t='200' d='20' r='-1'/><S t='260' d='30'/></SegmentTimeline></SegmentTemplate>";
    let timed = all(mpd("", &format!("<Period>{}</Period>", video(timeline))));
    assert_eq!(
        timed,
        [
            "t100@0", "t140@4", "!t200@10", "t220@12", "t240@14", "t260@16"
        ]
    );

    let list = "<BaseURL>v.mp4</BaseURL><SegmentList timescale='1000' duration='5000'><Initialization range='0-99'/>\
        <SegmentURL mediaRange='100-199'/><SegmentURL media='b.mp4'/></SegmentList>";
    let listed = mpd(
        "mediaPresentationDuration='PT30S'",
        &format!("<Period>{}</Period>", video(list)),
    );
    let mut follower = Follower::new(Role::Main, Arc::new(listed.clone()));
    let Ok(Step::Fetch(first)) = follower.next(Duration::ZERO) else {
        panic!()
    };
    let init = first.init.unwrap();
    assert_eq!(
        (init.uri.path(), init.range.map(|r| (r.offset, r.length))),
        ("/live/v.mp4", Some((0, 100)))
    );
    assert_eq!(all(listed), ["v.mp4[100+100]@0", "b.mp4@5"]);

    let whole = all(mpd(
        "mediaPresentationDuration='PT30S'",
        &format!("<Period>{}</Period>", video("<BaseURL>v.mp4</BaseURL>")),
    ));
    assert_eq!(whole, ["v.mp4@0"]);
}

#[test]
fn an_index_lists_the_segments_of_its_file() {
    let base = "<BaseURL>v.mp4</BaseURL><SegmentBase indexRange='900-1023' timescale='90000'><Initialization range='0-899'/></SegmentBase>";
    let mpd = mpd(
        "mediaPresentationDuration='PT30S'",
        &format!("<Period>{}</Period>", video(base)),
    );
    let mut follower = Follower::new(Role::Main, Arc::new(mpd));
    let Ok(Step::Index(index)) = follower.next(Duration::ZERO) else {
        panic!()
    };
    let mut sidx = b"\0\0\0\x44sidx\0\0\0\0\0\0\0\x01".to_vec();
    for field in [
        1000_u32,
        0,
        10,
        3,
        500,
        4000,
        0x9000_0000,
        600,
        4000,
        0x9000_0000,
        70,
        1000,
        0,
    ] {
        sidx.extend(field.to_be_bytes());
    }
    assert_eq!(sidx.len(), 0x44);
    assert_eq!(
        follower.on_index(index.clone(), &sidx[..40]),
        Err(MpdError::BadIndex)
    );
    follower.on_index(index, &sidx).unwrap();
    let mut found = Vec::new();
    while let Ok(Step::Fetch(segment)) = follower.next(Duration::ZERO) {
        found.push(tell(&segment));
    }
    let at = 900 + 0x44 + 10;
    let expected = [(at, 500, 0), (at + 500, 600, 4), (at + 1100, 70, 8)];
    let expected = expected.map(|(at, length, time)| format!("v.mp4[{at}+{length}]@{time}"));
    assert_eq!(found, expected);
}

#[test]
fn periods_follow_each_other_with_a_jump() {
    let set = |name: &str| {
        video(&format!(
            "<SegmentTemplate timescale='1' duration='4' presentationTimeOffset='7' media='{name}$Number$'/>"
        ))
    };
    let periods = format!(
        "<BaseURL>//cdn.example/x/</BaseURL><Period duration='PT8S'><BaseURL>a/</BaseURL>{}</Period><Period id='ad'><AdaptationSet contentType='text'/></Period>\
         <Period start='PT12S'>{}</Period>",
        set("a"),
        set("b")
    );
    let mpd = mpd("mediaPresentationDuration='PT18S'", &periods);
    let spans: Vec<_> = mpd
        .periods
        .iter()
        .map(|p| (p.start.as_secs(), p.end.map(|e| e.as_secs())))
        .collect();
    assert_eq!(spans, [(0, Some(8)), (8, Some(12)), (12, Some(18))]);
    let mut follower = Follower::new(Role::Main, Arc::new(mpd));
    let mut found = Vec::new();
    while let Ok(Step::Fetch(segment)) = follower.next(Duration::ZERO) {
        found.push((
            segment.resource.uri.to_string(),
            segment.joint,
            segment.shift,
        ));
    }
    let expected = [
        ("a/a1", Joint::None, -7),
        ("a/a2", Joint::None, -7),
        ("b1", Joint::Jump, 5),
        ("b2", Joint::None, 5),
    ];
    let expected = expected.map(|(path, joint, seconds)| {
        (
            format!("http://cdn.example/x/{path}"),
            joint,
            seconds * 90_000,
        )
    });
    assert_eq!(found, expected);
}

#[test]
fn the_best_that_can_be_carried_is_chosen() {
    let representation = |id: &str, codecs: &str, bandwidth: u32| {
        format!("<Representation id='{id}' codecs='{codecs}' bandwidth='{bandwidth}'/>")
    };
    let sets = format!(
        "<AdaptationSet contentType='video'>{}{}{}</AdaptationSet>\
         <AdaptationSet mimeType='video/mp4'><EssentialProperty schemeIdUri='http://dashif.org/guidelines/trickmode' value='1'/>{}</AdaptationSet>\
         <AdaptationSet mimeType='audio/mp4' lang='de'><Role value='alternate'/>{}</AdaptationSet>\
         <AdaptationSet mimeType='audio/mp4' lang='en'><Role value='main'/>{}{}</AdaptationSet>",
        representation("low", "avc1.4d401e", 1),
        representation("high", "hvc1.1.6.L93.B0", 5),
        representation("av1", "av01.0.05M.08", 9),
        representation("trick", "avc1.4d401e", 99),
        representation("de", "mp4a.40.2", 9),
        representation("en", "mp4a.40.2", 1),
        representation("en-opus", "opus", 9),
    );
    let pick = |sets: &str| {
        let mpd = mpd("", &format!("<Period>{sets}</Period>"));
        choose(&mpd.periods[0], Want::Best).map(|choice| {
            let audio = choice.audio.map(|audio| audio.representation.id.clone());
            (choice.main.representation.id.clone(), audio)
        })
    };
    assert_eq!(pick(&sets), Ok(("high".into(), Some("en".into()))));
    let protected = sets.replace(
        "contentType='video'>",
        "contentType='video'><ContentProtection schemeIdUri='urn:x'/>",
    );
    assert_eq!(pick(&protected), Err(MpdError::Protected));
    let muxed = sets.replace("hvc1.1.6.L93.B0", "avc1.64001f,mp4a.40.2");
    assert_eq!(pick(&muxed), Ok(("high".into(), None)));
    assert_eq!(
        pick("<AdaptationSet contentType='text'><Representation id='t'/></AdaptationSet>"),
        Err(MpdError::Empty)
    );
}

#[test]
fn the_cheapest_picture_that_is_large_enough_is_chosen() {
    let pick = |sizes: &[Option<u32>], least: u64| {
        let all = sizes.iter().zip(1..).map(|(height, bandwidth)| {
            let size = height.map(|h| format!("width='{}' height='{h}'", h * 2));
            let size = size.unwrap_or_default();
            format!("<Representation id='{bandwidth}' codecs='avc1.4d401e' {size} bandwidth='{bandwidth}'/>")
        });
        let all: String = all.collect();
        let set = format!("<AdaptationSet contentType='video'>{all}</AdaptationSet>");
        let mpd = mpd("", &format!("<Period>{set}</Period>"));
        let chosen = choose(&mpd.periods[0], Want::AtLeast { height: least });
        chosen.unwrap().main.representation.id.clone()
    };
    let sizes = [Some(90), Some(144), Some(360), Some(720)];
    assert_eq!(pick(&sizes, 180), "3");
    assert_eq!(pick(&sizes[..2], 180), "2", "the tallest of the small");
    assert_eq!(pick(&[Some(90), None, None], 180), "2");
    assert_eq!(pick(&[None, Some(720)], 180), "2");
}

#[test]
fn what_cannot_be_used_is_told() {
    let with = |inside: &str| read(&format!("<MPD>{inside}</MPD>")).map(|_| ());
    assert_eq!(read("<MPD><Period>").map(|_| ()), Err(MpdError::NotXml));
    assert_eq!(read("<html></html>").map(|_| ()), Err(MpdError::NotMpd));
    assert_eq!(
        read("<!DOCTYPE m [<!ENTITY a 'b'>]><MPD/>").map(|_| ()),
        Err(MpdError::DocumentType)
    );
    assert_eq!(with(""), Err(MpdError::Empty));
    assert_eq!(
        with("<Period xlink:href='http://x/p.xml'/>"),
        Err(MpdError::Xlink)
    );
    assert_eq!(
        with("<Period xlink:href='urn:mpeg:dash:resolve-to-zero:2013'/>"),
        Err(MpdError::Empty)
    );
    assert_eq!(
        with("<BaseURL>file:///etc/</BaseURL><Period/>"),
        Err(MpdError::BadUri)
    );
    assert_eq!(
        with("<BaseURL>&x;</BaseURL><Period/>"),
        Err(MpdError::NotXml)
    );
    let what = "periods";
    assert_eq!(
        with(&"<Period/>".repeat(501)),
        Err(MpdError::TooMany { what, limit: 500 })
    );
    let what = "segments";
    let many = format!(
        "<Period><SegmentTemplate><SegmentTimeline>{}",
        "<S d='1'/>".repeat(100_001)
    );
    assert_eq!(
        with(&format!(
            "{many}</SegmentTimeline></SegmentTemplate></Period>"
        )),
        Err(MpdError::TooMany {
            what,
            limit: 100_000
        })
    );
    // Depth costs nothing: what is not known is passed over.
    let deep = format!(
        "{}{}<Period/>",
        "<a>".repeat(100_000),
        "</a>".repeat(100_000)
    );
    assert_eq!(with(&deep), Ok(()));
}

#[test]
fn durations_and_dates() {
    let read = |text| super::time::duration(text).map(|d| d.as_secs_f64());
    assert_eq!(read("PT1H2M3.5S"), Some(3723.5));
    assert_eq!(read("P1DT1S"), Some(86_401.0));
    assert_eq!(
        (
            read("-PT1S"),
            read("PT"),
            read("1S"),
            read("PT1X"),
            read("P9999999Y")
        ),
        (None, Some(0.0), None, None, None)
    );
    let date = |text| parse_date(text).map(|d| d.as_secs());
    assert_eq!(date("2026-01-01T00:00:00Z"), Some(1_767_225_600));
    assert_eq!(date("2026-01-01T00:00:00"), Some(1_767_225_600));
    assert_eq!(date("2026-01-01T02:00:00.5+02:00"), Some(1_767_225_600));
    assert_eq!(date("Thu, 01 Jan 2026 00:00:00 GMT"), Some(1_767_225_600));
    assert_eq!(date("1969-01-01T00:00:00Z"), None);
}

const EPOCH: &str =
    "type='dynamic' availabilityStartTime='1970-01-01T00:00:00Z' minimumUpdatePeriod='PT2S'";

fn live(attributes: &str, inside: &str) -> Arc<Mpd> {
    Arc::new(mpd(
        &format!("{EPOCH} {attributes}"),
        &format!("<Period start='PT0S'>{}</Period>", video(inside)),
    ))
}

fn numbered(attributes: &str) -> Arc<Mpd> {
    live(
        attributes,
        "<SegmentTemplate timescale='1' duration='4' media='$Number$'/>",
    )
}

/// A timeline of segments of 4 s.
fn timeline(numbers: std::ops::Range<u64>) -> Arc<Mpd> {
    let (t, r) = (numbers.start * 4, numbers.end - numbers.start - 1);
    live(
        "",
        &format!(
            "<SegmentTemplate media='$Time$'><SegmentTimeline><S t='{t}' d='4' r='{r}'/></SegmentTimeline></SegmentTemplate>"
        ),
    )
}

fn next(follower: &mut Follower, now: f64) -> String {
    match follower.next(secs(now)).unwrap() {
        Step::Fetch(segment) => tell(&segment),
        Step::Wait { until, starved } => {
            let why = if starved { "starved" } else { "until" };
            format!("{why} {}", until.as_secs_f64())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn live_by_the_clock() {
    let mut follower = Follower::new(Role::Main, numbered("timeShiftBufferDepth='PT60S'"));
    // At 102 s the edge is there; three segments back lies 90 s, in the one from 88 s on.
    assert_eq!(next(&mut follower, 102.0), "23@88");
    assert_eq!(next(&mut follower, 102.0), "24@92");
    assert_eq!(next(&mut follower, 102.0), "25@96");
    assert_eq!(next(&mut follower, 102.0), "until 104");
    assert_eq!(next(&mut follower, 104.0), "26@100");
    // Not there though it should be: our clock is ahead of theirs.
    assert_eq!(follower.failed(secs(104.0)), Failed::Retry);
    assert_eq!(next(&mut follower, 104.0), "until 106");
    assert_eq!(next(&mut follower, 106.0), "26@100");
    assert_eq!(next(&mut follower, 109.0), "until 110");
    // Away for long: what is gone is passed over.
    assert_eq!(next(&mut follower, 302.0), "!73@288");
    let delayed = numbered("suggestedPresentationDelay='PT30S'");
    assert_eq!(
        next(&mut Follower::new(Role::Main, delayed), 102.0),
        "19@72"
    );
    let future = Follower::new(Role::Main, numbered("")).next(Duration::ZERO);
    assert!(matches!(future, Ok(Step::Wait { starved: true, .. })));
}

#[test]
fn live_by_a_timeline() {
    let mut follower = Follower::new(Role::Main, timeline(10..15));
    // By the list alone: a clock that is an hour off does not matter.
    let now = 3_600.0;
    assert_eq!(next(&mut follower, now), "48@48");
    assert_eq!(next(&mut follower, now), "52@52");
    follower.on_mpd(timeline(11..16));
    assert_eq!(next(&mut follower, now), "56@56");
    assert_eq!(next(&mut follower, now), "60@60");
    assert_eq!(next(&mut follower, now), "starved 3601");
    // Tried, and given up.
    follower.on_mpd(timeline(16..20));
    for attempt in 0..4 {
        assert_eq!(next(&mut follower, now + 2.0 * f64::from(attempt)), "64@64");
        let failed = follower.failed(secs(now + 2.0 * f64::from(attempt)));
        assert_eq!(failed == Failed::Skipped, attempt == 3);
    }
    assert_eq!(next(&mut follower, now + 10.0), "!68@68");
    // Some left the window.
    follower.on_mpd(timeline(20..24));
    assert_eq!(next(&mut follower, now + 10.0), "!80@80");
    // The packager began anew.
    follower.on_mpd(timeline(5..8));
    assert_eq!(next(&mut follower, now + 10.0), "starved 3611");
    let text = EPOCH.replace("1970-01-01T00:00:00", "1970-01-01T00:50:00");
    let inside = "<SegmentTemplate media='$Time$'><SegmentTimeline><S t='0' d='4' r='3'/></SegmentTimeline></SegmentTemplate>";
    follower.on_mpd(Arc::new(mpd(
        &text,
        &format!("<Period>{}</Period>", video(inside)),
    )));
    assert_eq!(next(&mut follower, now + 10.0), "*4@4");
}

#[test]
fn updates_are_due_when_announced_or_wanted() {
    let mut updates = Updates::new(secs(100.0), &numbered(""));
    assert_eq!(updates.next(), Some(secs(102.0)));
    for (failures, at) in [(1, 101.0), (2, 102.0), (3, 104.0)] {
        assert_eq!(updates.failed(secs(100.0)), failures);
        assert_eq!(updates.next(), Some(secs(at)));
    }
    let rare = mpd(&EPOCH.replace("PT2S", "PT500S"), "<Period/>");
    updates.loaded(secs(200.0), &rare);
    assert_eq!(updates.next(), Some(secs(700.0)));
    updates.want();
    assert_eq!(updates.next(), Some(secs(202.0)));
    updates.loaded(secs(300.0), &mpd("", "<Period/>"));
    updates.want();
    assert_eq!(updates.next(), None);
}

proptest! {
    /// Whatever the window slides by, and whatever fails: each segment is handed out at most once but for retries, in
    /// order, and a hole is marked.
    #[test]
    fn a_sliding_timeline_is_followed_in_order(
        steps in prop::collection::vec((0_u64..12, any::<bool>()), 1..60),
    ) {
        let mut follower = Follower::new(Role::Main, timeline(0..5));
        let (mut first, mut now, mut newest, mut lost) = (0, 1000.0, None::<Duration>, false);
        for (slide, fails) in steps {
            first += slide;
            follower.on_mpd(timeline(first..first + 5));
            for _ in 0..10 {
                now += 3.0;
                let Ok(Step::Fetch(segment)) = follower.next(secs(now)) else { break };
                if let Some(newest) = newest {
                    prop_assert!(segment.start > newest, "{segment:?} after {newest:?}");
                    let joined = segment.start == newest + secs(4.0) && !lost;
                    prop_assert_eq!(segment.joint == Joint::None, joined);
                }
                let failed = fails.then(|| follower.failed(secs(now)));
                if failed == Some(Failed::Retry) {
                    continue;
                }
                lost = failed.is_some();
                newest = Some(segment.start);
            }
        }
    }

    #[test]
    fn no_timeline_makes_it_panic_or_run_away(
        runs in prop::collection::vec((any::<Option<u64>>(), any::<u64>(), -2_i64..i64::MAX), 0..8),
        small in prop::collection::vec((0_u64..50, 0_u64..9, -1_i64..5), 0..8),
        numbers in any::<(u64, u64, u64)>(),
        dynamic in any::<bool>(),
    ) {
        let mut text = String::new();
        for (t, d, r) in &runs {
            let t = t.map_or(String::new(), |t| format!("t='{t}'"));
            let _ = write!(text, "<S {t} d='{d}' r='{r}'/>");
        }
        for (t, d, r) in &small {
            let _ = write!(text, "<S t='{t}' d='{d}' r='{r}'/>");
        }
        let (timescale, offset, start) = numbers;
        let inside = format!(
            "<SegmentTemplate timescale='{timescale}' presentationTimeOffset='{offset}' startNumber='{start}' media='$Time$-$Number$'>\
             <SegmentTimeline>{text}</SegmentTimeline></SegmentTemplate>");
        let kind = if dynamic { EPOCH } else { "mediaPresentationDuration='P9Y'" };
        let mpd = mpd(kind, &format!("<Period>{}</Period><Period start='PT20S'>{}</Period>", video(&inside), video(&inside)));
        let mut follower = Follower::new(Role::Main, Arc::new(mpd));
        let mut newest = Duration::ZERO;
        for n in 0..50 {
            if let Ok(Step::Fetch(segment)) = follower.next(secs(f64::from(n) * 1e6)) {
                prop_assert!(segment.start >= newest);
                newest = segment.start;
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(parts in prop::collection::vec(prop::sample::select(vec![
        "<MPD type='dynamic'>", "</MPD>", "<Period>", "</Period>", "<AdaptationSet contentType='video'>", "</AdaptationSet>",
        "<Representation id='&#x41;'>", "</Representation>", "<SegmentTemplate media='$Number%099d$$Foo$'/>", "<BaseURL>a&amp;b</BaseURL>",
        "<SegmentList duration='1'>", "</SegmentList>", "<SegmentURL mediaRange='9-1'/>", "<S d='0'/>", "<![CDATA[x]]>", "<!-- -->", "&bad;", "<", "\u{0}",
    ]), 0..40)) {
        if let Ok(mpd) = read(&format!("<MPD>{}", parts.concat())) {
            let mut follower = Follower::new(Role::Main, Arc::new(mpd));
            for _ in 0..5 {
                let _ = follower.next(Duration::ZERO);
            }
        }
    }
}
