//! The log as a whole, without a process of its own.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// What is written to standard output.
struct Out(SyncSender<Vec<u8>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Stands still when nobody reads, as a terminal would.
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(dir: Option<&Path>) -> config::Log {
    config::Log {
        level: "info".to_owned(),
        format: config::LogFormat::Json,
        dir: dir.map(Path::to_owned),
        max_size: 1_000_000,
        max_files: 5,
        repeat_window: Duration::from_secs(5),
        tail_lines: 100,
    }
}

fn start(config: &config::Log, unread: usize) -> (Log, tracing::Dispatch, Receiver<Vec<u8>>) {
    let (sender, receiver) = sync_channel(unread);
    let (log, filter) = Log::new(config, Shape::Json, Out(sender)).expect("threads");
    let dispatch = tracing::Dispatch::new(log.layers(filter));
    (log, dispatch, receiver)
}

/// Waits until everything is written, also on a slow disk.
fn close(log: &Log) {
    assert!((0..20).any(|_| log.close()), "it is not written");
}

fn read(receiver: &Receiver<Vec<u8>>) -> Vec<serde_json::Value> {
    let bytes: Vec<u8> = receiver.try_iter().flatten().collect();
    let text = String::from_utf8(bytes).expect("text");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON")
}

#[test]
fn fields_come_as_they_are() {
    let (log, dispatch, out) = start(&config(None), 1_000);
    tracing::dispatcher::with_default(&dispatch, || {
        let error = io::Error::other("no\nroute");
        tracing::info!(stream = %"news", count = 3u8, share = 0.5, clean = true, %error, kind = ?Level::Info, "up: {}", 1);
        tracing::warn!(r#type = "x", long = "y".repeat(5_000));
        tracing::debug!("not at this level");
    });
    close(&log);
    let lines = read(&out);
    assert_eq!(lines.len(), 2);
    let fields = serde_json::json!({
        "message": "up: 1", "stream": "news", "count": 3, "share": 0.5, "clean": true,
        "error": "no\nroute", "kind": "Info",
    });
    assert_eq!(lines[0]["fields"], fields);
    assert_eq!(lines[0]["target"], "sightglass::log::tests");
    assert_eq!(lines[1]["fields"]["type"], "x");
    let long = lines[1]["fields"]["long"].as_str().expect("text");
    assert!(long.len() < 2_100 && long.ends_with('…'));
}

#[test]
fn repetitions_are_told_with_their_number_and_at_the_end() {
    let (log, dispatch, out) = start(&config(None), 1_000);
    let say = |n: u32| {
        for _ in 0..n {
            tracing::warn!(stream = "news", "again");
        }
    };
    tracing::dispatcher::with_default(&dispatch, || {
        say(10);
        for stream in ["a", "b"] {
            tracing::warn!(stream, "again");
        }
        log.tick(clock::now());
        log.tick(clock::now() + Duration::from_secs(6));
        say(5);
    });
    close(&log);
    let told: Vec<_> = read(&out)
        .iter()
        .map(|line| {
            let stream = line["fields"]["stream"].as_str().expect("text");
            (stream.to_owned(), line["times"].as_u64().unwrap_or(1))
        })
        .collect();
    let expected = [("news", 1), ("a", 1), ("b", 1), ("news", 9), ("news", 5)];
    assert_eq!(
        told,
        expected.map(|(stream, times)| (stream.to_owned(), times))
    );
    assert_eq!(log.figures().collapsed, 14);
    let tail = log.tail(&Tail {
        since: None,
        level: Level::Warn,
        limit: 2,
    });
    let tail = tail.expect("it is kept");
    assert_eq!((tail.next, tail.missed), (5, 0));
    assert_eq!(
        tail.lines.iter().map(|line| line.times).collect::<Vec<_>>(),
        [9, 5]
    );
}

#[test]
fn another_level_for_a_while() {
    let (log, dispatch, out) = start(&config(None), 1_000);
    tracing::dispatcher::with_default(&dispatch, || {
        let say = |n: u8| tracing::debug!(n, "fine");
        say(0);
        log.change_level("sightglass::log=debug", Duration::from_mins(1));
        assert_eq!(log.level().filter, "sightglass::log=debug");
        assert!(log.level().until.is_some());
        say(1);
        log.tick(clock::now() + Duration::from_secs(59));
        say(2);
        log.tick(clock::now() + Duration::from_secs(61));
        assert_eq!(
            (log.level().filter.as_str(), log.level().until),
            ("info", None)
        );
        say(3);
        log.change_level("off", Duration::from_mins(1));
        log.reset_level();
        say(4);
    });
    close(&log);
    let fine: Vec<_> = read(&out)
        .iter()
        .filter_map(|line| line["fields"]["n"].as_u64())
        .collect();
    assert_eq!(fine, [1, 2]);
}

#[test]
fn a_reader_who_stands_still_stops_nobody() {
    let mut config = config(None);
    config.repeat_window = Duration::ZERO;
    let (log, dispatch, out) = start(&config, 0);
    let text = "x".repeat(1_000);
    let began = clock::now();
    tracing::dispatcher::with_default(&dispatch, || {
        for n in 0..20_000 {
            tracing::info!(n, "{text}");
        }
    });
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    let figures = log.figures();
    assert!(
        figures.dropped > 10_000 && figures.queued > 1_000,
        "{figures:?}"
    );
    // When somebody reads again, what was kept comes, and how much was not.
    let reader = std::thread::spawn(move || out.iter().flatten().collect::<Vec<u8>>());
    close(&log);
    tracing::dispatcher::with_default(&dispatch, || tracing::info!("after"));
    close(&log);
    drop((log, dispatch));
    let bytes = reader.join().expect("read");
    let text = String::from_utf8(bytes).expect("text");
    let told = text.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line["fields"]["lines"].as_u64()
    });
    assert_eq!(told, Some(figures.dropped));
    assert_eq!(text.lines().count() as u64, 20_000 - figures.dropped + 2);
}

#[test]
fn files_are_written_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(Some(folder.path()));
    config.max_size = 100_000;
    config.repeat_window = Duration::ZERO;
    let (log, dispatch, out) = start(&config, 100_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for n in 0..2_000 {
                        tracing::info!(
                            thread,
                            n,
                            "a line of the log that is as long as most of them are"
                        );
                    }
                });
            });
        }
    });
    close(&log);
    assert_eq!(log.figures().dropped, 0);
    assert_eq!(read(&out).len(), 8_000);
    let mut lines = 0;
    for name in ["sightglass.log", "sightglass.log.1", "sightglass.log.4"] {
        let text = std::fs::read_to_string(folder.path().join(name)).expect("a file");
        assert!(text.len() <= 100_000);
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("whole lines");
            assert!(line["fields"]["n"].is_u64());
            lines += 1;
        }
    }
    assert!(lines > 1_000, "{lines}");
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        5
    );
}

#[test]
fn a_full_disk_stops_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sightglass.log");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let (log, dispatch, out) = start(&config(Some(folder.path())), 1_000);
    tracing::dispatcher::with_default(&dispatch, || {
        for n in 0..100 {
            tracing::info!(n, "a line");
        }
    });
    close(&log);
    let lines = read(&out);
    let told = |text: &str| {
        lines
            .iter()
            .any(|it| it["fields"]["message"].to_string().contains(text))
    };
    assert!(told("a line") && told("cannot be written"), "{lines:?}");
    assert_eq!(log.figures().dropped, 100);
}
