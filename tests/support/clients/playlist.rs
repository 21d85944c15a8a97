//! A small reader of HLS playlists (RFC 8216), apart from the product's own.

/// A media playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MediaPlaylist {
    /// `#EXT-X-TARGETDURATION` in seconds.
    pub target: Option<u64>,
    /// `#EXT-X-MEDIA-SEQUENCE`, 0 if absent.
    pub sequence: u64,
    /// `#EXT-X-DISCONTINUITY-SEQUENCE`, 0 if absent.
    pub discontinuity_sequence: u64,
    /// Whether `#EXT-X-ENDLIST` is there.
    pub ended: bool,
    /// The segments.
    pub segments: Vec<Listed>,
}

/// A segment in a playlist.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// As written.
    pub uri: String,
    /// `#EXTINF` in seconds.
    pub duration: f64,
    /// Whether `#EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
}

/// A playlist of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// The URI and the attributes of each variant.
    Multivariant(Vec<(String, String)>),
    /// A media playlist.
    Media(MediaPlaylist),
}

impl Playlist {
    /// Reads a playlist; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        if lines.next() != Some("#EXTM3U") {
            return Err(format!("no #EXTM3U: {:?}", &text[..text.len().min(100)]));
        }
        let mut media = MediaPlaylist::default();
        let mut variants = Vec::new();
        let mut attributes = None;
        let mut duration = None;
        let mut discontinuity = false;
        for line in lines {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-STREAM-INF" => attributes = Some(value.to_owned()),
                "#EXT-X-TARGETDURATION" => media.target = Some(number(line, value)?),
                "#EXT-X-MEDIA-SEQUENCE" => media.sequence = number(line, value)?,
                "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                    media.discontinuity_sequence = number(line, value)?;
                }
                "#EXT-X-DISCONTINUITY" => discontinuity = true,
                "#EXT-X-ENDLIST" => media.ended = true,
                "#EXTINF" => duration = Some(number(line, value.split(',').next().unwrap_or(""))?),
                _ if line.starts_with('#') => {}
                _ => {
                    if let Some(attributes) = attributes.take() {
                        variants.push((line.to_owned(), attributes));
                        continue;
                    }
                    media.segments.push(Listed {
                        uri: line.to_owned(),
                        duration: duration.take().ok_or(format!("no #EXTINF before {line}"))?,
                        discontinuity: std::mem::take(&mut discontinuity),
                    });
                }
            }
        }
        if !variants.is_empty() {
            return Ok(Self::Multivariant(variants));
        }
        let target = media.target.ok_or("no #EXT-X-TARGETDURATION")?;
        let long = media
            .segments
            .iter()
            .find(|segment| segment.duration.round() as u64 > target);
        match long {
            Some(long) => Err(format!(
                "{} s is over the target of {target} s",
                long.duration
            )),
            None => Ok(Self::Media(media)),
        }
    }
}

fn number<T: std::str::FromStr>(line: &str, value: &str) -> Result<T, String> {
    value
        .trim()
        .parse()
        .map_err(|_| format!("no number: {line}"))
}
