//! What is the matter with a stream: from what is seen now and then to conditions that are raised and cleared. Pure.
//!
//! Whoever watches a stream tells its [`Machine`] each [`Observation`]: a kind was seen, or was looked for and not seen. What
//! was seen counts as there until the next observation of the kind, be that after a second or a minute; so one machine
//! serves streams that are scanned all the time and streams that are looked at now and then. It answers with [`Change`]s.
//!
//! - **Raised** when it has lasted for its hold time, counted from when it was first seen, and was seen after half of that
//!   time (picture and sound: at the end of it, for between two looks they may have been otherwise), and as often as `looks` says. A closer look ([`Observation::confirmed`]) stands for the last two. So two dark
//!   keyframes, and one failed request, raise nothing.
//! - **Cleared** when it has been gone for its clear time. What is gone for less than 5 s was not gone.
//! - **Flapping**: what is raised again within 30 minutes takes twice as long to clear each time, up to 5 minutes.
//! - **Explained**: what follows from something else that is raised ([`Kind::explained_by`]) is not raised beside it; it waits
//!   while that is only suspected, is replaced if it came first, and is looked at afresh when that is gone.
//! - **Our own network**: when most streams of different hosts fail together, the [`Guard`] says so once, and outages of
//!   streams are held back; afterwards they must last anew.
//! - [`Health`] follows from what is raised: down by a critical outage (`down`, `stalled`, `stale`, `blocked`), degraded by
//!   anything else above info, else up. It is unknown until media was seen or something was raised, and again while our own
//!   network hides an outage.
//!
//! Times and severity can be set in the configuration (`monitor.hold`, `.clear`, `.severity`, `.disable`) and for each stream
//! (`options.monitor.conditions`), those of the server itself ([`Kind::SERVER`]) apart, whose machine is another
//! ([`Terms::of_server`]):
//!
//! | kind            | meaning                                                                       | severity | hold | clear | looks |
//! |-----------------|-------------------------------------------------------------------------------|----------|------|-------|-------|
//! | `down`          | it cannot be pulled: connections, requests or playlists fail, and retries too | critical | 10 s | 10 s  | 2     |
//! | `stalled`       | connected, but nothing comes                                                  | critical | 10 s | 10 s  | 1     |
//! | `stale`         | the playlist is served but has not changed for 1.5 target durations           | critical | 10 s | 10 s  | 1     |
//! | `black`         | the picture is black                                                          | critical | 10 s | 10 s  | 3     |
//! | `frozen`        | the picture does not move; never where the stream says that it is a still one | critical | 10 s | 10 s  | 3     |
//! | `silent`        | the sound is silence                                                          | critical | 10 s | 10 s  | 3     |
//! | `no_video`      | the video track is gone                                                       | critical | 10 s | 10 s  | 1     |
//! | `no_audio`      | the audio track is gone                                                       | critical | 10 s | 10 s  | 1     |
//! | `continuity`    | TS packets are lost or repeated                                               | warning  | 10 s | 60 s  | 1     |
//! | `transport`     | sync, tables or CRC of the transport stream are broken                        | warning  | 10 s | 60 s  | 1     |
//! | `scrambled`     | the media is scrambled                                                        | critical | 10 s | 10 s  | 1     |
//! | `timing`        | PCR or PTS jump, jitter or drift apart                                        | warning  | 10 s | 60 s  | 1     |
//! | `bitrate`       | far from what was announced or usual                                          | warning  | 30 s | 30 s  | 1     |
//! | `playlist`      | it breaks its rules, or segments that it lists fail                           | warning  | 10 s | 60 s  | 1     |
//! | `slow`          | segments come slower than they play                                           | warning  | 30 s | 30 s  | 1     |
//! | `codec_changed` | codec, resolution or tracks have changed                                      | info     | 0 s  | 60 s  | 1     |
//! | `blocked`       | the provider refuses this server                                              | critical | 10 s | 10 s  | 1     |
//! | `own_network`   | most streams of different hosts fail together; of the server, not of a stream | critical | 0 s  | 5 s   | 1     |
//! | `low_descriptors` | few file descriptors are left; of the server, as are all below              | critical | 10 s | 60 s  | 2     |
//! | `low_disk`      | little space is left where the store is                                       | critical | 10 s | 60 s  | 2     |
//! | `memory_warning` | more memory is taken than the operator's warning allows                      | warning  | 30 s | 60 s  | 2     |
//! | `monitor_behind` | too few streams are looked at within their intervals                         | warning  | 60 s | 60 s  | 2     |
//! | `outbox_behind` | notifications wait too long, or were given up                                 | warning  | 60 s | 60 s  | 2     |

mod condition;
mod guard;
mod kind;
mod machine;
mod terms;

pub use condition::{
    Change, Condition, Ending, Evidence, NUMBERS_MAX, Now, Observation, Proof, TEXT_MAX,
};
pub use guard::{Guard, Network};
pub use kind::{Health, Kind, Severity};
pub use machine::Machine;
pub use terms::{CLEAR_MAX, FLAP_MEMORY, MERGE, Rule, Terms};

#[cfg(test)]
mod tests {
    use super::*;

    /// The table above is what people read; the rules are what holds.
    #[test]
    fn the_table_tells_the_rules() {
        let rows = include_str!("mod.rs").lines();
        let rows: Vec<Vec<_>> = rows
            .filter_map(|line| line.strip_prefix("//! | `"))
            .map(|row| {
                row.split('|')
                    .map(|cell| cell.trim_matches([' ', '`']))
                    .collect()
            })
            .collect();
        assert_eq!(rows.len(), Kind::COUNT);
        for (row, kind) in rows.iter().zip(Kind::ALL) {
            let rule = kind.rule();
            let seconds = |time: std::time::Duration| format!("{} s", time.as_secs());
            let told = [row[0], row[2], row[3], row[4], row[5]];
            let true_ones = [
                kind.as_str(),
                rule.severity.as_str(),
                &seconds(rule.hold),
                &seconds(rule.clear),
                &rule.looks.to_string(),
            ];
            assert_eq!(told, true_ones);
        }
    }
}
