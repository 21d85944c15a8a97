//! How far a pull came and why it failed, from what it told.

use std::time::Duration;

use proptest::prelude::*;

use super::class::Class;
use super::collect::Collector;
use super::stages::{Journey, Step, StepReport, Verdict};
use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::SourceUrl;

const STAGES: [Stage; 10] = [
    Stage::Policy,
    Stage::Dns,
    Stage::Connect,
    Stage::Tls,
    Stage::Request,
    Stage::Manifest,
    Stage::FirstByte,
    Stage::Demux,
    Stage::Flow,
    Stage::Transcode,
];

fn journey(url: &str, protocol: Option<&str>, passed: &[(Stage, u64)]) -> Journey {
    let url = SourceUrl::parse(url).unwrap();
    let passed: Vec<_> = passed
        .iter()
        .map(|(stage, at)| (*stage, Duration::from_millis(*at)))
        .collect();
    Journey::new(&url, protocol, &passed, None)
}

/// A letter for each stage: passed, failed, skipped, not reached, running.
fn letters(stages: &[StepReport]) -> String {
    let letter = |stage: &StepReport| match stage.verdict {
        Verdict::Passed => 'p',
        Verdict::Failed => 'F',
        Verdict::Skipped => '-',
        Verdict::NotReached => '.',
        Verdict::Running => 'r',
    };
    stages.iter().map(letter).collect()
}

fn failed(journey: &Journey, stage: Stage, cause: Cause) -> String {
    let error = IngestError::new(stage, cause, "text");
    letters(&journey.report(Some(journey.failed_at(&error))))
}

#[test]
fn who_looks_on_sees_where_it_is() {
    use Stage as S;
    let named = "https://tv.example/a.m3u8";
    let so_far = |protocol, passed: &[_]| letters(&journey(named, protocol, passed).so_far(false));
    assert_eq!(so_far(None, &[]), "r........");
    let dns = [(S::Policy, 0), (S::Dns, 5)];
    assert_eq!(so_far(None, &dns), "ppr......");
    let tls = [(S::Dns, 5), (S::Connect, 9), (S::Tls, 12)];
    assert_eq!(so_far(None, &tls), "ppppr....");
    let listed = [
        (S::Dns, 5),
        (S::Connect, 9),
        (S::Tls, 12),
        (S::Request, 20),
        (S::Manifest, 21),
    ];
    assert_eq!(so_far(Some("hls"), &listed), "ppppppr..");
    let first_byte = [&listed[..], &[(S::FirstByte, 30)]].concat();
    assert_eq!(so_far(Some("hls"), &first_byte), "pppppppr.");
    let journey = journey(named, Some("hls"), &first_byte);
    assert_eq!(letters(&journey.so_far(true)), "ppppppppr");
    let took = journey.so_far(false).into_iter().map(|one| one.took_ms);
    assert_eq!(took.flatten().collect::<Vec<_>>(), [5, 4, 3, 8, 1, 9]);
}

#[test]
fn the_stage_that_failed_is_one_that_was_not_passed() {
    use Stage as S;
    let named = "http://tv.example/a.m3u8";
    let fresh = journey(named, None, &[]);
    assert_eq!(failed(&fresh, S::Dns, Cause::Unreachable), "pF.......");
    assert_eq!(failed(&fresh, S::Policy, Cause::Policy), "F........");
    // The client says that the request took too long; it hung in the connection.
    let resolved = journey(named, None, &[(S::Dns, 5)]);
    assert_eq!(failed(&resolved, S::Request, Cause::Timeout), "ppF......");
    let literal = journey("http://192.0.2.1/a", None, &[]);
    assert_eq!(failed(&literal, S::Request, Cause::Timeout), "p-F......");
    let connected = journey(named, None, &[(S::Dns, 5), (S::Connect, 9)]);
    assert_eq!(failed(&connected, S::Request, Cause::Auth), "ppp-F....");
    // A redirect leads to a host that refuses.
    assert_eq!(failed(&connected, S::Connect, Cause::Refused), "ppp-F....");
    // A segment is not there, though the playlist was.
    let listed = [
        (S::Dns, 5),
        (S::Connect, 9),
        (S::Request, 20),
        (S::Manifest, 21),
    ];
    let listed = journey(named, Some("hls"), &listed);
    assert_eq!(failed(&listed, S::Request, Cause::NotFound), "ppp-ppF..");
    // A later hop leads to an address that is denied.
    assert_eq!(failed(&listed, S::Policy, Cause::Policy), "Fpp.pp...");
    let flows = journey(
        named,
        None,
        &[(S::Connect, 9), (S::Request, 20), (S::FirstByte, 25)],
    );
    assert_eq!(failed(&flows, S::Flow, Cause::Stalled), "ppp-p-pF.");
    assert_eq!(failed(&flows, S::Transcode, Cause::Internal), "ppp-p-ppF");
    let multicast = journey("udp://@239.1.1.1:5000", None, &[]);
    assert_eq!(
        failed(&multicast, S::FirstByte, Cause::Timeout),
        "p-----F.."
    );
}

#[test]
fn times_are_of_each_stage_alone() {
    let passed = [
        (Stage::Dns, 5),
        (Stage::Connect, 12),
        (Stage::Tls, 40),
        (Stage::Request, 90),
    ];
    let report = journey("https://tv.example/", None, &passed).report(None);
    let times: Vec<_> = report.iter().map(|stage| stage.took_ms).collect();
    assert_eq!(times[..5], [None, Some(5), Some(7), Some(28), Some(50)]);
    assert_eq!(letters(&report), "ppppp-ppp");
}

#[test]
fn each_cause_has_a_class_that_says_who_must_do_what() {
    let class = |stage, cause, cut_off| Class::of(&IngestError::new(stage, cause, ""), cut_off);
    assert_eq!(
        class(Stage::Dns, Cause::Unreachable, false),
        Class::Unreachable
    );
    assert_eq!(
        class(Stage::Dns, Cause::Unreachable, true),
        Class::OwnNetwork
    );
    assert_eq!(
        class(Stage::Flow, Cause::Unreachable, true),
        Class::Unreachable
    );
    assert_eq!(
        class(Stage::Request, Cause::Blocked, false),
        Class::GeoOrBlocked
    );
    assert_eq!(class(Stage::Flow, Cause::Stalled, false), Class::Timeout);
    assert_eq!(
        class(Stage::Transcode, Cause::Internal, false),
        Class::Codec
    );
    assert_eq!(
        class(Stage::Connect, Cause::Internal, false),
        Class::Internal
    );
    assert_eq!(
        class(Stage::Policy, Cause::Unsupported, false),
        Class::Policy
    );
    assert_eq!(class(Stage::Demux, Cause::Unsupported, false), Class::Codec);
    for status in [
        (401, Class::Auth),
        (404, Class::NotFound),
        (451, Class::GeoOrBlocked),
        (429, Class::ProviderLimit),
        (458, Class::ProviderLimit),
        (503, Class::ProviderError),
    ] {
        let error = IngestError::of_status(Stage::Request, status.0);
        assert_eq!(Class::of(&error, false), status.1);
    }
}

#[test]
fn metrics_name_classes_as_the_api_does() {
    for class in Class::ALL {
        assert_eq!(serde_json::json!(class), class.as_str());
    }
}

proptest! {
    /// Whatever a pull tells of itself: exactly one stage failed, none behind it was passed by
    /// guessing, and what it says it passed is passed.
    #[test]
    fn one_stage_fails_and_the_others_make_sense(
        passed in prop::collection::vec((0usize..7, 0u64..10_000), 0..7),
        stage in 0usize..10,
        timeout in any::<bool>(),
        url in prop::sample::select(vec![
            "http://tv.example/", "https://192.0.2.1/", "udp://@239.1.1.1:5000", "rtsp://tv.example/x",
        ]),
        protocol in prop::sample::select(vec![None, Some("hls")]),
    ) {
        let passed: Vec<_> = passed.into_iter().map(|(at, time)| (STAGES[at], time)).collect();
        let journey = journey(url, protocol, &passed);
        let cause = if timeout { Cause::Timeout } else { Cause::Unreachable };
        let at = journey.failed_at(&IngestError::new(STAGES[stage], cause, ""));
        let report = journey.report(Some(at));
        let failed = report.iter().filter(|step| step.verdict == Verdict::Failed);
        prop_assert_eq!(failed.map(|step| step.stage).collect::<Vec<_>>(), vec![at]);
        prop_assert_eq!(report.iter().map(|step| step.stage).collect::<Vec<_>>(), Step::ALL.to_vec());
        for step in report {
            let told = step.took_ms.is_some();
            prop_assert!(told == (step.verdict == Verdict::Passed && told));
            prop_assert!(step.stage <= at || step.verdict == Verdict::NotReached || told);
        }
    }

    /// A collector takes any bytes, keeps little, and knows what to say.
    #[test]
    fn a_collector_survives_anything(data in prop::collection::vec(any::<u8>(), 0..4000)) {
        let mut collector = Collector::default();
        prop_assert!(!collector.push(&data));
        collector.discontinuity();
        collector.finish();
        prop_assert!(!collector.is_media());
        prop_assert!(!collector.missing(Duration::from_secs(20)).message.is_empty());
        prop_assert!(collector.into_collected().is_none());
    }
}
