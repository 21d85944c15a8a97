//! Each fault is raised within its hold time plus an interval, by its name and alone, and is cleared
//! when it is over. All of a group at one time, a channel each, on one server: what they cost is waiting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{CLEAR, HOLD, INTERVAL, add, options, until_up, watching};
use crate::support::farm::{Channel, Clip, Farm, Fault, Layout};
use crate::support::*;

/// From a fault until the first segment with it is listed and fetched.
const SEGMENT: Duration = Duration::from_secs(4);
/// For a machine that does other things, too.
const SLACK: Duration = Duration::from_secs(4);

/// A fault and what it must raise: one of these, or several, but nothing else.
struct Case {
    fault: Fault,
    kinds: &'static [&'static str],
    /// How long it takes until it can be told at all, besides a segment.
    shows_in: Duration,
}

const fn case(fault: Fault, kinds: &'static [&'static str], shows_in: u64) -> Case {
    Case {
        fault,
        kinds,
        shows_in: Duration::from_secs(shows_in),
    }
}

/// Before and beside the faults, a healthy channel for each.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_origin_does_wrong_is_told() {
    // A request that is not answered takes two seconds, a stall six; a playlist is stale after one and
    // a half of its target durations.
    let cases = [
        case(Fault::Refused, &["down"], 0),
        case(Fault::Status(404), &["down"], 0),
        case(Fault::Status(503), &["down"], 0),
        case(Fault::Segments(404), &["down", "stalled"], 6),
        case(Fault::Mute, &["down", "stalled"], 6),
        case(Fault::Stalled, &["down", "stalled"], 6),
        case(Fault::Stale, &["stale"], 3),
        case(Fault::Regressing, &["playlist"], 2),
        case(Fault::Slow(1.6), &["slow"], 4),
    ];
    told("continuous", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transport_stream_carries_wrong_is_told() {
    let cases = [
        case(Fault::Lossy, &["continuity"], 0),
        case(Fault::SoundLost, &["no_audio"], 2),
        case(Fault::SoundUnnamed, &["no_audio", "codec_changed"], 2),
        case(Fault::PictureLost, &["no_video"], 2),
        case(Fault::Scrambled, &["scrambled"], 0),
    ];
    told("continuous", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_and_heard_is_told() {
    let cases = [
        case(Fault::Black, &["black"], 0),
        // Two looks are needed to see that nothing moves.
        case(Fault::Frozen, &["frozen"], 2),
        case(Fault::Silent, &["silent"], 0),
    ];
    told("continuous", &cases).await;
}

/// Samples see the same.
#[tokio::test(flavor = "multi_thread")]
async fn sampled_streams_are_told_of_as_well() {
    let cases = [
        case(Fault::Status(503), &["down"], 0),
        case(Fault::Stale, &["stale"], 3),
        case(Fault::Black, &["black"], 0),
        case(Fault::Frozen, &["frozen"], 2),
        case(Fault::Silent, &["silent"], 0),
        case(Fault::Lossy, &["continuity"], 0),
    ];
    told("sampled", &cases).await;
}

/// What packets alone show is known a moment after the look that brought them: the next one comes when the hold time ends,
/// not an interval later.
#[tokio::test(flavor = "multi_thread")]
async fn packets_of_a_sample_ask_for_the_next_look() {
    const LONG: Duration = Duration::from_secs(16);
    let interval = format!("{}s", LONG.as_secs());
    let options = options("sampled").env("MONITOR_INTERVAL", &interval);
    let (farm, clip, server) = (Farm::start(), Clip::main(), Server::start(options).await);
    let faults = [Fault::SoundLost, Fault::Scrambled].repeat(4);
    let one = async |n: usize| {
        let channel = farm.channel(&format!("c{n}"), &clip, Layout::short().begin_at(2 * n));
        add(&server, &channel).await;
        until_up(&server, channel.name()).await;
        channel.fault(faults[n]);
        let limit = LONG + SEGMENT + HOLD + SLACK;
        let raised = |health: &Health| !health.raised.is_empty();
        until(&server, &channel, limit, &mut BTreeSet::new(), raised).await
    };
    let found = join_all((0..faults.len()).map(one)).await;
    let late = found.iter().filter(|health| health.is_none()).count();
    assert_eq!(late, 0, "were told an interval late");
}

async fn told(mode: &str, cases: &[Case]) {
    let (farm, clip, server) = (Farm::start(), Clip::main(), watching(mode).await);
    let faulty: Vec<Channel> = (0..cases.len())
        .map(|n| broken(&farm, &clip, n, cases))
        .collect();
    let healthy: Vec<Channel> = (0..cases.len())
        .map(|n| {
            farm.channel(
                &format!("healthy{n}"),
                &clip,
                Layout::short().begin_at(2 * n % 16),
            )
        })
        .collect();
    for channel in faulty.iter().chain(&healthy) {
        add(&server, channel).await;
    }
    for channel in faulty.iter().chain(&healthy) {
        until_up(&server, channel.name()).await;
    }
    let watch = async |(case, channel): (&Case, &Channel)| judge(&server, case, channel).await;
    let judged = join_all(cases.iter().zip(&faulty).map(watch)).await;
    let mut wrong: Vec<String> = judged.into_iter().flatten().collect();
    for channel in &healthy {
        let health = health(&server, channel.name()).await;
        if health.state != "up" || !health.raised.is_empty() {
            wrong.push(format!("{} is {health:?}", channel.name()));
        }
    }
    assert!(wrong.is_empty(), "{mode}: {wrong:#?}");
}

/// The channel for a case; one that refuses has a port of its own.
fn broken(farm: &Farm, clip: &Arc<Clip>, n: usize, cases: &[Case]) -> Channel {
    let layout = Layout::short().begin_at((2 * n + 1) % 16);
    match cases[n].fault {
        Fault::Refused => Farm::apart("refusing", clip, layout),
        _ => farm.channel(&format!("faulty{n}"), clip, layout),
    }
}

/// Breaks a channel, waits for what is raised, heals it, waits for its end; gives what is wrong about that.
async fn judge(server: &Server, case: &Case, channel: &Channel) -> Vec<String> {
    let fault = case.fault;
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let own = |kind: &str| case.kinds.contains(&kind);

    let began = Instant::now();
    channel.fault(fault);
    let limit = SEGMENT + case.shows_in + HOLD + INTERVAL + SLACK;
    let found = until(server, channel, limit, &mut seen, |health| {
        health.raised.iter().any(|one| own(&one.kind))
    })
    .await;
    let Some(found) = found else {
        let most = patience(limit);
        return vec![format!("{fault:?}: not raised in {most:?}, but {seen:?}")];
    };
    println!(
        "{fault:?}: raised after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let first = found.raised.iter().find(|one| own(&one.kind)).unwrap();
    let held = first.at.duration_since(first.since);
    if held.as_secs_f64() + 0.01 < HOLD.as_secs_f64() {
        wrong.push(format!("{fault:?}: {} held for {held:?} only", first.kind));
    }
    if found.state == "up" {
        wrong.push(format!("{fault:?}: the stream is still up"));
    }
    if matches!(fault, Fault::Refused | Fault::Status(_)) {
        let (_, _, stream) = server
            .get(&format!("/api/v1/streams/{}", channel.name()))
            .await;
        let bitrate = &stream["health"]["bitrate"];
        if !bitrate.is_null() {
            wrong.push(format!(
                "{fault:?}: nothing comes, at {bitrate} bits a second"
            ));
        }
    }
    // Something else might come late.
    until(server, channel, INTERVAL * 2, &mut seen, |_| false).await;

    let began = Instant::now();
    channel.heal();
    let limit = SEGMENT + case.shows_in + CLEAR + INTERVAL * 2 + SLACK;
    let over = |health: &Health| health.raised.is_empty() && health.state == "up";
    match until(server, channel, limit, &mut seen, over).await {
        Some(_) => println!(
            "{fault:?}: cleared after {:.1} s",
            began.elapsed().as_secs_f64()
        ),
        None => wrong.push(format!("{fault:?}: not cleared in {:?}", patience(limit))),
    }
    let beside: Vec<&String> = seen.iter().filter(|kind| !own(kind)).collect();
    if !beside.is_empty() {
        wrong.push(format!("{fault:?}: {beside:?} was raised beside"));
    }
    wrong
}

/// Looks at a stream until its health is as wanted, or the limit passes; notes all kinds that are raised.
async fn until(
    server: &Server,
    channel: &Channel,
    limit: Duration,
    seen: &mut BTreeSet<String>,
    wanted: impl Fn(&Health) -> bool,
) -> Option<Health> {
    let began = Instant::now();
    while began.elapsed() < patience(limit) {
        let health = health(server, channel.name()).await;
        seen.extend(health.kinds().into_iter().map(ToOwned::to_owned));
        if wanted(&health) {
            return Some(health);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    None
}
