//! Session descriptions (RFC 4566), as far as RTSP servers use them. Pure.
//!
//! Only what is needed is read, so that a mistake in an `o=`, `b=` or `t=` line costs nothing.

/// Most media descriptions that are read.
const MAX_MEDIA: usize = 32;
/// Most format parameters of a track.
const MAX_PARAMETERS: usize = 64;

/// A session description.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    /// `a=control` of the session.
    pub(super) control: Option<String>,
    /// The media, in their order.
    pub(super) media: Vec<Media>,
}

/// One `m=` section: what the server offers as one track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `video`, `audio`, `application`, ...
    pub kind: String,
    /// RTP payload type (RFC 3551), of the first format offered.
    pub payload: u8,
    /// Encoding name in upper case (`H264`, `MPEG4-GENERIC`, `PCMU`); empty if none is known.
    pub encoding: String,
    /// Ticks of its time stamps in a second; 0 if not known.
    pub clock_rate: u32,
    /// What follows the clock rate in `a=rtpmap`: channels of an audio track.
    pub channels: Option<u16>,
    /// Format parameters (`a=fmtp`), names in lower case.
    pub parameters: Vec<(String, String)>,
    /// `a=control`.
    pub(super) control: Option<String>,
}

impl Description {
    /// Reads a description; `None` if it has no media at all.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let mut description = Self::default();
        // Of the section that is read now.
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        let mut section: Option<Media> = None;
        for line in text.lines().map(str::trim_end) {
            match line.split_once('=') {
                Some(("m", value)) => {
                    description.close(section.take(), &attributes);
                    attributes.clear();
                    if description.media.len() == MAX_MEDIA {
                        break;
                    }
                    section = Some(Media::named(value));
                }
                Some(("a", value)) => {
                    attributes.push(value.split_once(':').unwrap_or((value, "")));
                }
                _ => {}
            }
        }
        description.close(section, &attributes);
        (!description.media.is_empty()).then_some(description)
    }

    fn close(&mut self, section: Option<Media>, attributes: &[(&str, &str)]) {
        let control = attributes.iter().find(|(name, _)| *name == "control");
        let control = control.map(|(_, value)| value.trim().to_owned());
        match section {
            None => self.control = control,
            Some(mut media) => {
                media.control = control;
                media.describe(attributes);
                self.media.push(media);
            }
        }
    }
}

impl Media {
    /// The value of a format parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// From `video 0 RTP/AVP 96 97`.
    fn named(value: &str) -> Self {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        // Other profiles have formats that are no numbers, or are encrypted (SAVP): they get no encoding.
        let rtp = words
            .nth(1)
            .is_some_and(|profile| profile.contains("RTP/AVP"));
        let payload = words.next().filter(|_| rtp);
        let payload = payload.and_then(|word| word.parse::<u8>().ok());
        Self {
            kind,
            payload: payload.filter(|number| *number < 128).unwrap_or(u8::MAX),
            ..Self::default()
        }
    }

    fn describe(&mut self, attributes: &[(&str, &str)]) {
        let payload = self.payload.to_string();
        let of = |wanted: &'static str| {
            let values = attributes.iter().filter(move |(name, _)| *name == wanted);
            values
                .filter_map(|(_, value)| value.trim().split_once(char::is_whitespace))
                .find(|(number, _)| *number == payload)
                .map(|(_, rest)| rest.trim())
        };
        match of("rtpmap") {
            Some(map) => {
                let mut parts = map.split('/').map(str::trim);
                self.encoding = parts.next().unwrap_or_default().to_ascii_uppercase();
                let clock = parts.next().and_then(|text| text.parse().ok());
                self.clock_rate = clock.unwrap_or_default();
                self.channels = parts.next().and_then(|text| text.parse().ok());
            }
            None => {
                if let Some((name, clock, channels)) = fixed(self.payload) {
                    name.clone_into(&mut self.encoding);
                    self.clock_rate = clock;
                    self.channels = channels;
                }
            }
        }
        if let Some(list) = of("fmtp") {
            let pairs = list
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='));
            self.parameters = pairs
                .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
                .take(MAX_PARAMETERS)
                .collect();
        }
    }
}

/// The payload types that are fixed (RFC 3551, 6): name, clock rate, channels.
fn fixed(payload: u8) -> Option<(&'static str, u32, Option<u16>)> {
    Some(match payload {
        0 => ("PCMU", 8_000, Some(1)),
        3 => ("GSM", 8_000, Some(1)),
        8 => ("PCMA", 8_000, Some(1)),
        // A clock rate of 8 kHz for a sampling rate of 16 kHz, by an old mistake (4.5.2).
        9 => ("G722", 8_000, Some(1)),
        10 => ("L16", 44_100, Some(2)),
        11 => ("L16", 44_100, Some(1)),
        14 => ("MPA", 90_000, None),
        26 => ("JPEG", 90_000, None),
        31 => ("H261", 90_000, None),
        32 => ("MPV", 90_000, None),
        33 => ("MP2T", 90_000, None),
        34 => ("H263", 90_000, None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_of_gst_rtsp_server() {
        let text = b"v=0\r\no=- 9318746523 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\n\
            i=rtsp-server\r\nt=0 0\r\na=tool:GStreamer\r\na=type:broadcast\r\na=control:*\r\na=range:npt=now-\r\n\
            m=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 packetization-mode=1;profile-level-id=64001f;sprop-parameter-sets=Z2QAH6zZ,aOvssiw=\r\n\
            a=control:stream=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n\
            a=fmtp:97 streamtype=5; mode=AAC-hbr; config=1210; SizeLength=13\r\na=control:stream=1\r\n";
        let description = Description::parse(text).unwrap();
        assert_eq!(description.control.as_deref(), Some("*"));
        let [video, audio] = &description.media[..] else {
            panic!("{description:?}")
        };
        assert_eq!((video.kind.as_str(), video.payload), ("video", 96));
        assert_eq!(
            (video.encoding.as_str(), video.clock_rate),
            ("H264", 90_000)
        );
        assert_eq!(
            video.parameter("sprop-parameter-sets"),
            Some("Z2QAH6zZ,aOvssiw=")
        );
        assert_eq!(video.control.as_deref(), Some("stream=0"));
        assert_eq!((audio.clock_rate, audio.channels), (44_100, Some(2)));
        assert_eq!(audio.parameter("sizelength"), Some("13"));
    }

    #[test]
    fn fixed_payloads_and_mistakes() {
        let text = b"v=0\no=nonsense\nb=AS:\nm=video 0 RTP/AVP 33\na=control:rtsp://h/x\n\
            m=audio 0 RTP/AVP 0 101\na=fmtp:101 0-15\nm=application 0 udp wb\n\
            m=video 0 RTP/AVP 300\na=rtpmap:96 H264/90000 \n";
        let media = Description::parse(text).unwrap().media;
        assert_eq!(media[0].encoding, "MP2T");
        assert_eq!(
            (media[1].encoding.as_str(), media[1].clock_rate),
            ("PCMU", 8_000)
        );
        assert!(media[2].encoding.is_empty() && media[3].encoding.is_empty());
        assert_eq!(Description::parse(b"<html>"), None);
        let many = "m=video 0 RTP/AVP 33\n".repeat(1000);
        assert_eq!(
            Description::parse(many.as_bytes()).unwrap().media.len(),
            MAX_MEDIA
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([a-z]=[ -~]{0,40}\n|a=(rtpmap|fmtp|control):[ -~]{0,20}\n|m=video 0 RTP/AVP [0-9 ]{0,8}\n){0,12}") {
            let _ = Description::parse(text.as_bytes());
        }
    }
}
