//! The pure parts, each at the size at which it is used: cutting and scanning a stream, fanning it out,
//! reading a playlist, importing 20,000 channels.
#![allow(missing_docs, clippy::unwrap_used, clippy::format_push_string)]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sightglass::feed::{Feed, Join, Retention};
use sightglass::hls::{self, Window, WindowOptions};
use sightglass::m3u;
use sightglass::ts::{Chunk, Cutter, CutterOptions, Keyframe, Scan};

/// A clip of real footage when the test media are there, else null packets (much cheaper to cut).
fn clip() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.media/bbb.ts");
    let mut clip = std::fs::read(path).unwrap_or_else(|_| {
        eprintln!("no clip: run `make media`; cutting null packets instead");
        let packet: Vec<u8> = [0x47, 0x1f, 0xff, 0x10]
            .into_iter()
            .chain([0xff; 184])
            .collect();
        packet.repeat(40_000)
    });
    clip.truncate(8 << 20);
    clip
}

fn cutting(c: &mut Criterion) {
    let clip = clip();
    let mut group = c.benchmark_group("ts");
    group.throughput(Throughput::Bytes(clip.len() as u64));
    group.bench_function("cut", |b| {
        b.iter_batched(
            || Cutter::new(CutterOptions::default()),
            |mut cutter| {
                let mut chunks = Vec::new();
                for read in clip.chunks(16 << 10) {
                    cutter.push(read, &mut chunks);
                    cutter.flush(&mut chunks);
                    black_box(&chunks);
                    chunks.clear();
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("scan", |b| {
        let now = sightglass::base::clock::now();
        b.iter_batched(
            Scan::default,
            |mut scan| {
                for read in clip.chunks(16 << 10) {
                    scan.push(read, now);
                }
                scan.take(now)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

static PACKETS: [u8; 188 * 100] = [0x47; 188 * 100];

fn chunk(number: u64) -> Chunk {
    Chunk {
        data: Bytes::from_static(&PACKETS),
        keyframe: number.is_multiple_of(25).then(|| Keyframe {
            psi: Bytes::from_static(&[0x47; 376]),
            pts: number * 7200,
        }),
        discontinuity: false,
        clock: Some(number * 7200),
    }
}

fn fan_out(c: &mut Criterion) {
    let retention = Retention {
        history: std::time::Duration::from_secs(4),
        lag_bytes: 4 << 20,
        max_bytes: 16 << 20,
        keep_start: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut group = c.benchmark_group("feed");
    for viewers in [1usize, 50, 500] {
        group.throughput(Throughput::Elements(100));
        group.bench_function(format!("100 chunks to {viewers} viewers"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let (feed, publisher) = Feed::new(retention);
                    let mut all: Vec<_> =
                        (0..viewers).map(|_| feed.subscribe(Join::Newest)).collect();
                    for number in 0..100 {
                        publisher.publish(chunk(number));
                        for viewer in &mut all {
                            black_box(viewer.next().await);
                        }
                    }
                });
            });
        });
    }
    group.finish();
}

fn playlists(c: &mut Criterion) {
    let mut group = c.benchmark_group("hls");
    let mut window = Window::new(WindowOptions::default());
    for number in 0..1000 {
        window.push(&chunk(number));
    }
    group.bench_function("write a media playlist", |b| b.iter(|| window.playlist("")));
    let text = window.playlist("").unwrap();
    let base = "http://origin.example/live/index.m3u8".parse().unwrap();
    group.bench_function("read a media playlist", |b| {
        b.iter(|| hls::parse(black_box(text.as_bytes()), &base, &hls::Limits::default()).unwrap());
    });
    group.bench_function("push a chunk", |b| {
        let mut number = 1000;
        b.iter(|| {
            window.push(&chunk(number));
            number += 1;
        });
    });
    group.finish();
}

fn channels(c: &mut Criterion) {
    let mut text = String::from("#EXTM3U\n");
    for n in 0..20_000 {
        text += &format!(
            "#EXTINF:-1 tvg-id=\"c{n}.example\" tvg-logo=\"http://l.example/{n}.png\" \
             group-title=\"Group {}\",Channel {n}\nhttp://p.example/live/u/p/{n}.ts\n",
            n % 40
        );
    }
    let mut group = c.benchmark_group("m3u, 20,000 channels");
    group.sample_size(10);
    group.bench_function("read", |b| {
        b.iter(|| m3u::parse(black_box(text.as_bytes()), &m3u::Limits::default()));
    });
    let parsed = m3u::parse(text.as_bytes(), &m3u::Limits::default());
    let added = m3u::plan(parsed.clone(), []);
    let existing: Vec<_> = added
        .rows
        .into_iter()
        .filter_map(|r| r.definition)
        .map(Arc::new)
        .collect();
    group.bench_function("plan into an empty store", |b| {
        b.iter_batched(
            || parsed.clone(),
            |p| m3u::plan(p, []),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("plan against the same again", |b| {
        b.iter_batched(
            || parsed.clone(),
            |p| m3u::plan(p, existing.iter().map(AsRef::as_ref)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, cutting, fan_out, playlists, channels);
criterion_main!(benches);
