//! What ffprobe says of a stream.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::super::child::{Finished, clean_command, run};

/// Time that ffprobe gets beyond the length it was asked for: to connect, to analyse, to end.
const SLACK: Duration = Duration::from_secs(30);

/// Reads up to `seconds` of `url` (or of a file) to find its streams: the JSON list that
/// `ffprobe -show_streams` gives.
///
/// # Panics
/// When it finds none, or does not end in time.
pub async fn ffprobe_stream(url: &str, seconds: u32) -> Vec<Value> {
    let mut command = ffprobe();
    command
        .args([
            "-analyzeduration",
            &format!("{}", u64::from(seconds) * 1_000_000),
        ])
        .args(["-probesize", "50000000", "-show_streams", url]);
    let finished = run(command, Duration::from_secs(seconds.into()) + SLACK).await;
    let streams = &json(url, &finished)["streams"];
    let streams = streams.as_array().cloned().unwrap_or_default();
    assert!(
        !streams.is_empty(),
        "no streams in {url}: {}",
        finished.stderr
    );
    streams
}

/// Reads `seconds` of `url`, in stream time from its first packet on: every packet, and what
/// ffprobe complained about.
///
/// # Panics
/// When nothing comes, or it does not end in time.
pub async fn ffprobe_packets(url: &str, seconds: u32) -> Packets {
    let mut command = ffprobe();
    command
        .args(["-read_intervals", &format!("%+{seconds}")])
        .args(["-show_streams", "-show_packets", "-show_entries"])
        .arg("packet=stream_index,codec_type,pts_time,dts_time,size,flags")
        .arg(url);
    let finished = run(command, Duration::from_secs(seconds.into()) + SLACK).await;
    let json = json(url, &finished);
    let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
    let packets: Vec<Packet> = list("packets").iter().map(Packet::read).collect();
    assert!(
        !packets.is_empty(),
        "no packets in {url}: {}",
        finished.stderr
    );
    Packets {
        packets,
        streams: list("streams"),
        stderr: finished.stderr,
    }
}

fn ffprobe() -> Command {
    let mut command = clean_command("ffprobe");
    command.args(["-v", "warning", "-of", "json"]);
    command
}

fn json(url: &str, finished: &Finished) -> Value {
    assert!(
        finished.status.is_some(),
        "ffprobe of {url} did not end in {:?}: {}",
        finished.took,
        finished.stderr
    );
    serde_json::from_slice(&finished.stdout)
        .unwrap_or_else(|error| panic!("ffprobe of {url}: {error}; {}", finished.stderr))
}

/// One packet of an elementary stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// The index of its stream.
    pub stream: u64,
    /// `video`, `audio`, ...
    pub kind: String,
    /// Presentation time in seconds.
    pub pts: Option<f64>,
    /// Decoding time in seconds.
    pub dts: Option<f64>,
    /// Bytes.
    pub size: u64,
    /// Whether it is a keyframe.
    pub key: bool,
    /// Whether the demuxer found it damaged.
    pub corrupt: bool,
}

impl Packet {
    fn read(json: &Value) -> Self {
        let text = |key: &str| json[key].as_str();
        let number = |key: &str| text(key).and_then(|number| number.parse().ok());
        let flags = text("flags").unwrap_or_default();
        Self {
            stream: json["stream_index"].as_u64().unwrap_or_default(),
            kind: text("codec_type").unwrap_or_default().to_owned(),
            pts: number("pts_time"),
            dts: number("dts_time"),
            size: number("size").unwrap_or_default() as u64,
            key: flags.contains('K'),
            corrupt: flags.contains('C'),
        }
    }
}

/// What came in a stretch of a stream.
#[derive(Debug, Clone)]
#[allow(clippy::struct_field_names)]
pub struct Packets {
    /// All packets, in the order in which they came.
    pub packets: Vec<Packet>,
    /// The streams, as `-show_streams` gives them.
    pub streams: Vec<Value>,
    /// Warnings and errors.
    pub stderr: String,
}

impl Packets {
    /// The first stream of this kind (`video`, `audio`).
    ///
    /// # Panics
    /// When there is none.
    pub fn stream(&self, kind: &str) -> &Value {
        let found = self
            .streams
            .iter()
            .find(|stream| stream["codec_type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} among {:?}", self.streams))
    }

    /// The packets of this kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Packet> {
        self.packets
            .iter()
            .filter(move |packet| packet.kind == kind)
    }

    /// From the first to the last presentation time of this kind, in seconds.
    pub fn span(&self, kind: &str) -> f64 {
        let times = self.of(kind).filter_map(|packet| packet.pts);
        let (least, most) = times.fold((f64::MAX, f64::MIN), |(least, most), pts| {
            (least.min(pts), most.max(pts))
        });
        (most - least).max(0.0)
    }

    /// The seconds between one keyframe of the video and the next.
    pub fn keyframe_gaps(&self) -> Vec<f64> {
        let keyframes = self.of("video").filter(|packet| packet.key);
        let times: Vec<f64> = keyframes.filter_map(|packet| packet.pts).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Panics unless every stream's decoding times grow from packet to packet.
    pub fn assert_monotone_dts(&self) {
        for stream in 0..self.streams.len() as u64 {
            let packets = self.packets.iter().filter(|packet| packet.stream == stream);
            let times: Vec<f64> = packets.filter_map(|packet| packet.dts).collect();
            for (at, pair) in times.windows(2).enumerate() {
                assert!(
                    pair[1] > pair[0],
                    "stream {stream}, packet {}: DTS {} follows {}",
                    at + 1,
                    pair[1],
                    pair[0]
                );
            }
        }
    }

    /// Panics when two packets of a kind that follow each other lie further apart than `most`
    /// seconds, in presentation time.
    pub fn assert_no_gap(&self, kind: &str, most: f64) {
        let mut times: Vec<f64> = self.of(kind).filter_map(|packet| packet.pts).collect();
        times.sort_by(f64::total_cmp);
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(
                gap <= most,
                "{kind}: a gap of {gap:.3} s after {:.3} s",
                pair[0]
            );
        }
    }

    /// Panics when keyframes lie further apart than `most` seconds, or there are not two.
    pub fn assert_keyframes_within(&self, most: f64) {
        let gaps = self.keyframe_gaps();
        assert!(!gaps.is_empty(), "fewer than two keyframes");
        let longest = gaps.iter().fold(0.0_f64, |longest, gap| longest.max(*gap));
        assert!(
            longest <= most,
            "keyframes up to {longest:.3} s apart: {gaps:?}"
        );
    }

    /// Panics when ffprobe complained, or found a packet damaged. Lines that hold one of
    /// `tolerated` are no complaint.
    pub fn assert_clean(&self, tolerated: &[&str]) {
        let complaint = self.stderr.lines().find(|line| {
            !line.trim().is_empty() && !tolerated.iter().any(|known| line.contains(known))
        });
        assert!(complaint.is_none(), "ffprobe complained: {}", self.stderr);
        let damaged = self.packets.iter().find(|packet| packet.corrupt);
        assert!(damaged.is_none(), "a damaged packet: {damaged:?}");
    }
}
