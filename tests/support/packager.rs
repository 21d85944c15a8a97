//! ffmpeg as a packager: the main clip as fragmented MP4 for HLS and DASH, nothing encoded anew.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use super::child::{Kid, clean_command};
use super::media;
use super::wait::{eventually, patience};

/// Fragmented MP4, sound in a group of its own; with a live window.
pub const HLS_LIVE: &str = "-f hls -hls_time 2 -hls_list_size 6 -hls_flags delete_segments+independent_segments \
    -hls_segment_type fmp4 -var_stream_map v:0,agroup:sound|a:0,agroup:sound,language:en,default:yes \
    -master_pl_name main.m3u8 %v/index.m3u8";
/// The same, all of it listed.
pub const HLS_ALL: &str = "-f hls -hls_time 2 -hls_list_size 0 -hls_playlist_type vod -hls_segment_type fmp4 \
    -var_stream_map v:0,agroup:sound|a:0,agroup:sound,language:en,default:yes \
    -master_pl_name main.m3u8 %v/index.m3u8";
/// Segments by their times, with a live window.
pub const DASH_TIMELINE: &str =
    "-f dash -seg_duration 2 -window_size 6 -extra_window_size 3 -use_timeline 1 main.mpd";
/// Segments by their numbers and the clock.
pub const DASH_NUMBERS: &str = "-f dash -seg_duration 4 -window_size 6 -extra_window_size 6 -use_timeline 0 \
    -update_period 4 main.mpd";
/// One file for each track, its segments listed as ranges.
pub const DASH_LIST: &str =
    "-f dash -single_file 1 -global_sidx 1 -use_template 0 -use_timeline 0 main.mpd";

/// A folder that ffmpeg writes; it is stopped and the folder is gone on drop.
pub struct Packager {
    kid: Kid,
    folder: TempDir,
    playlists: &'static [&'static str],
}

impl Packager {
    /// Packs the clip once, as fast as it goes.
    pub async fn all(how: &str) -> Self {
        let mut packager = Self::start(how, false);
        let limit = patience(Duration::from_secs(30));
        eventually(limit, "ffmpeg to pack the clip", async || {
            packager.kid.ended()
        })
        .await;
        packager
    }

    /// Packs the clip at its own speed, from now on for 72 s.
    pub fn live(how: &str) -> Self {
        Self::start(how, true)
    }

    fn start(how: &str, live: bool) -> Self {
        let folder = TempDir::with_prefix("sightglass-packed-").expect("a temporary folder");
        let mut command = clean_command("ffmpeg");
        command.current_dir(folder.path());
        command.args(["-nostdin", "-v", "error"]);
        command.args(live.then_some("-re"));
        command.arg("-i").arg(media("bbb-4s/index.m3u8"));
        // Rates for the multivariant playlist. The tags of MPEG-TS mean nothing to MP4.
        command.args("-map 0:v -map 0:a -c copy -b:v 2500k -b:a 128k -bsf:a aac_adtstoasc -tag:v avc1 -tag:a mp4a".split(' '));
        // Between the streams of a map stands a blank.
        let words = how.split_whitespace().map(|word| word.replace('|', " "));
        command.args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let kid = Kid::spawn(&mut command);
        let playlists: &[_] = if how.contains("-f hls") {
            &["main.m3u8", "0/index.m3u8", "1/index.m3u8"]
        } else {
            &["main.mpd"]
        };
        Self {
            kid,
            folder,
            playlists,
        }
    }

    /// Where it writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until all its playlists, or its manifest, are there, which ffmpeg writes in no promised order.
    pub async fn wait(&self) {
        for name in self.playlists {
            let what = format!("ffmpeg to write {name}");
            let path = self.folder().join(name);
            eventually(patience(Duration::from_secs(20)), &what, async || {
                path.exists().then_some(())
            })
            .await;
        }
    }
}
