//! What an `srt://` URL says, in the ways that VLC, ffmpeg, OBS and srt-live-transmit write it. Pure.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use super::error::{Cause, IngestError, Stage};

/// Latencies above this many are microseconds, as ffmpeg and OBS count: nobody waits 10 s for a lost packet.
const MICROSECONDS_FROM: u64 = 10_000;
/// The longest latency.
const LONGEST: Duration = Duration::from_secs(10);
/// Lengths that SRT allows, in bytes.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;
const STREAM_ID: usize = 512;

/// Where and how to pull.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Host, as in the URL.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the peer connects to us.
    pub listen: bool,
    /// The secret that the content is encrypted with.
    pub passphrase: Option<String>,
    /// Length of its key in bytes.
    pub key_length: Option<u8>,
    /// What is asked for.
    pub stream_id: Option<String>,
    /// How long lost packets are waited for.
    pub latency: Option<Duration>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a URL. Parameters that mean nothing to a pull are passed over.
    ///
    /// # Errors
    /// [`Stage::Request`] with a sentence about the parameter that is wrong, never with its value.
    pub fn read(url: &Url) -> Result<Self, IngestError> {
        let wrong = |text: &str| IngestError::new(Stage::Request, Cause::Unsupported, text);
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port().filter(|port| *port > 0);
        let port = port.ok_or_else(|| wrong("an SRT source needs a port"))?;
        let mut target = Self {
            // A URL without a host is read as this one, and nobody can be called there.
            listen: host == "0.0.0.0" || host == "[::]",
            host,
            port,
            passphrase: None,
            key_length: None,
            stream_id: None,
            latency: None,
        };
        // Stream ids begin with "#!::", and players do not take that for a fragment.
        let mut query = url.query().unwrap_or_default().to_owned();
        if let Some(rest) = url.fragment() {
            query.push('#');
            query.push_str(rest);
        }
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| wrong("a parameter of the SRT source is no UTF-8"))?;
            if value.contains('\0') {
                return Err(wrong("a parameter of the SRT source has a NUL in it"));
            }
            match key {
                "mode" => match &*value {
                    "caller" | "client" => target.listen = false,
                    "listener" | "server" => target.listen = true,
                    _ => return Err(wrong("the mode of an SRT source is caller or listener")),
                },
                "passphrase" | "streamid" | "srt_streamid" if value.is_empty() => {}
                "passphrase" if PASSPHRASE.contains(&value.len()) => {
                    target.passphrase = Some(value.into_owned());
                }
                "passphrase" => {
                    return Err(wrong(
                        "the passphrase of an SRT source has 10 to 79 characters",
                    ));
                }
                "pbkeylen" => {
                    target.key_length = match &*value {
                        "" | "0" => None,
                        "16" => Some(16),
                        "24" => Some(24),
                        "32" => Some(32),
                        _ => return Err(wrong("pbkeylen of an SRT source is 16, 24 or 32")),
                    };
                }
                "streamid" | "srt_streamid" if value.len() <= STREAM_ID => {
                    target.stream_id = Some(value.into_owned());
                }
                "streamid" | "srt_streamid" => {
                    return Err(wrong("the streamid of an SRT source has at most 512 bytes"));
                }
                "latency" | "rcvlatency" => {
                    let number = value.parse();
                    let number =
                        number.map_err(|_| wrong("latency of an SRT source is a number"))?;
                    target.latency = Some(latency(number));
                }
                _ => {}
            }
        }
        Ok(target)
    }
}

fn latency(number: u64) -> Duration {
    let latency = if number > MICROSECONDS_FROM {
        Duration::from_micros(number)
    } else {
        Duration::from_millis(number)
    };
    latency.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Target, IngestError> {
        Target::read(&Url::parse(text).unwrap())
    }

    #[test]
    fn the_ways_of_players_are_read() {
        let plain = read("srt://h:9000").unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.listen),
            ("h", 9000, false)
        );
        let full = read("srt://h:9000?mode=caller&passphrase=secret%26secret&pbkeylen=32&latency=200&streamid=live/a+b").unwrap();
        assert_eq!(full.passphrase.as_deref(), Some("secret&secret"));
        assert_eq!(full.key_length, Some(32));
        assert_eq!(full.latency, Some(Duration::from_millis(200)));
        assert_eq!(full.stream_id.as_deref(), Some("live/a+b"));
        let obs = read("srt://h:1?streamid=#!::r=news,m=request&latency=250000").unwrap();
        assert_eq!(obs.stream_id.as_deref(), Some("#!::r=news,m=request"));
        assert_eq!(obs.latency, Some(Duration::from_millis(250)));
        assert!(read("srt://0.0.0.0:9000").unwrap().listen);
        assert!(read("srt://h:9000?mode=listener").unwrap().listen);
    }

    #[test]
    fn mistakes_are_told_without_values() {
        for text in [
            "srt://h",
            "srt://h:1?mode=rendezvous",
            "srt://h:1?passphrase=short",
            "srt://h:1?pbkeylen=17",
            "srt://h:1?latency=soon",
            "srt://h:1?streamid=%ff",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.stage, Stage::Request, "{text}");
            assert!(!error.message.contains("short"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(query in ".{0,60}") {
            let _ = Url::parse(&format!("srt://h:1?{query}")).map(|url| Target::read(&url));
        }
    }
}
