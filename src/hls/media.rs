//! Media playlists (RFC 8216, 4.3.2 and 4.3.3): from lines to segments.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::lines::{self, Line};
use super::playlist::{
    ByteRange, Head, Key, KeyMethod, Map, MediaPlaylist, PlaylistError, Resolver, Segment,
};

/// A target duration of zero would mean reloading without pause.
const SHORTEST_TARGET: Duration = Duration::from_secs(1);

pub(super) fn read(
    text: &str,
    head: &Head,
    resolver: &mut Resolver<'_>,
) -> Result<MediaPlaylist, PlaylistError> {
    let mut reader = Reader::new(head.media_sequence);
    for (number, line) in lines::lines(text) {
        match line {
            Line::Tag { name, value } => reader.tag(number, name, value, resolver)?,
            Line::Uri(uri) => {
                let uri = resolver.expand(uri, number)?;
                reader.uri(number, &uri, resolver)?;
            }
        }
    }
    Ok(reader.finish(head))
}

/// Tags that apply to the next segment, and those that apply until replaced.
struct Reader {
    first_sequence: u64,
    segments: Vec<Segment>,
    /// Indexes of segments whose duration is still to be filled in.
    untimed: Vec<usize>,
    duration: Option<Duration>,
    range: Option<(u64, Option<u64>)>,
    discontinuity: bool,
    gap: bool,
    key: Option<(Arc<Url>, Option<[u8; 16]>)>,
    /// Method of a key we cannot use; counts only if there is no other for the segment (4.3.2.4).
    foreign: Option<String>,
    map: Option<Arc<Map>>,
}

impl Reader {
    fn new(first_sequence: u64) -> Self {
        Self {
            first_sequence,
            segments: Vec::new(),
            untimed: Vec::new(),
            duration: None,
            range: None,
            discontinuity: false,
            gap: false,
            key: None,
            foreign: None,
            map: None,
        }
    }

    fn tag(
        &mut self,
        line: usize,
        name: &str,
        value: &str,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), PlaylistError> {
        match name {
            "EXTINF" => self.duration = lines::seconds(value).filter(|d| !d.is_zero()),
            "EXT-X-BYTERANGE" => {
                let range = lines::byte_range(value);
                self.range = Some(range.ok_or(PlaylistError::BadByteRange { line })?);
            }
            "EXT-X-DISCONTINUITY" => self.discontinuity = true,
            "EXT-X-GAP" => self.gap = true,
            "EXT-X-MAP" => {
                let value = resolver.expand(value, line)?;
                self.map(line, &value, resolver)?;
            }
            "EXT-X-KEY" => {
                let value = resolver.expand(value, line)?;
                self.key(line, &value, resolver)?;
            }
            "EXT-X-DEFINE" => resolver.define(value, line)?,
            // Never asked for; a cache may answer with one all the same (8216bis, 4.4.5.2).
            "EXT-X-SKIP" if self.segments.is_empty() => self.skip(value),
            "EXT-X-I-FRAMES-ONLY" => return Err(PlaylistError::IFramesOnly),
            _ => {}
        }
        Ok(())
    }

    /// `EXT-X-KEY` (4.3.2.4): replaces the key of the same format, or all of them with `METHOD=NONE`.
    fn key(
        &mut self,
        line: usize,
        value: &str,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), PlaylistError> {
        let (mut method, mut uri, mut iv, mut format) = ("", None, None, "identity");
        for (name, value) in lines::attributes(value) {
            match name {
                "METHOD" => method = value,
                "URI" => uri = Some(value),
                "IV" => iv = Some(value),
                "KEYFORMAT" => format = value,
                _ => {}
            }
        }
        match (method, format.eq_ignore_ascii_case("identity")) {
            ("NONE", _) => (self.key, self.foreign) = (None, None),
            ("AES-128", true) => {
                let bad = PlaylistError::BadKey { line };
                let uri = uri
                    .filter(|uri| !uri.is_empty())
                    .ok_or_else(|| bad.clone())?;
                let iv = match iv {
                    Some(iv) => Some(lines::initialization_vector(iv).ok_or(bad)?),
                    None => None,
                };
                self.key = Some((Arc::new(resolver.resolve(uri, line)?), iv));
            }
            (method, identity) => {
                if identity {
                    self.key = None;
                }
                // With a key format of its own, the method's name says little.
                let named = if method == "AES-128" { format } else { method };
                self.foreign = Some(printable(named));
            }
        }
        Ok(())
    }

    /// `EXT-X-MAP` (4.3.2.5), encrypted as the segments are that follow it.
    fn map(
        &mut self,
        line: usize,
        value: &str,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), PlaylistError> {
        let bad = || PlaylistError::BadMap { line };
        let (mut uri, mut range) = ("", None);
        for (name, value) in lines::attributes(value) {
            match name {
                "URI" => uri = value,
                "BYTERANGE" => {
                    let (length, offset) = lines::byte_range(value).ok_or_else(bad)?;
                    let offset = offset.unwrap_or(0);
                    range = Some(ByteRange { offset, length });
                }
                _ => {}
            }
        }
        if uri.is_empty() {
            return Err(bad());
        }
        self.map = Some(Arc::new(Map {
            uri: resolver.resolve(uri, line)?,
            byte_range: range,
            // Without an IV, which 4.3.2.4 demands here, players count it as segment 0.
            key: self.key_of(0),
        }));
        Ok(())
    }

    fn skip(&mut self, value: &str) {
        let skipped = lines::attributes(value).find(|(name, _)| *name == "SKIPPED-SEGMENTS");
        let skipped = skipped.and_then(|(_, count)| lines::integer(count));
        self.first_sequence = self.first_sequence.saturating_add(skipped.unwrap_or(0));
    }

    fn next_sequence(&self) -> u64 {
        let count = self.segments.len() as u64;
        self.first_sequence.saturating_add(count)
    }

    fn key_of(&self, sequence: u64) -> Option<Key> {
        self.key.as_ref().map(|(uri, iv)| Key {
            method: KeyMethod::Aes128,
            uri: Arc::clone(uri),
            iv: iv.unwrap_or_else(|| u128::from(sequence).to_be_bytes()),
        })
    }

    fn uri(
        &mut self,
        line: usize,
        uri: &str,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), PlaylistError> {
        let limit = resolver.limits.segments;
        if self.segments.len() >= limit {
            return Err(PlaylistError::TooManySegments { limit });
        }
        if let (None, Some(method)) = (&self.key, &self.foreign) {
            return Err(PlaylistError::Encrypted {
                method: method.clone(),
            });
        }
        let index = self.segments.len();
        let sequence = self.next_sequence();
        let uri = resolver.resolve(uri, line)?;
        let byte_range = match self.range.take() {
            Some(range) => Some(
                self.place(&uri, range)
                    .ok_or(PlaylistError::BadByteRange { line })?,
            ),
            None => None,
        };
        let duration = self.duration.take();
        if duration.is_none() {
            self.untimed.push(index);
        }
        self.segments.push(Segment {
            sequence,
            byte_range,
            duration: duration.unwrap_or_default(),
            key: self.key_of(sequence),
            map: self.map.clone(),
            discontinuity: std::mem::take(&mut self.discontinuity),
            after_loss: false,
            gap: std::mem::take(&mut self.gap),
            uri,
        });
        Ok(())
    }

    /// A range without offset continues that of the segment before, if it is of the same resource (4.3.2.2).
    fn place(&self, uri: &Url, (length, offset): (u64, Option<u64>)) -> Option<ByteRange> {
        let continued = || {
            let before = self.segments.last().filter(|before| before.uri == *uri)?;
            before.byte_range.map(|range| range.offset + range.length)
        };
        let offset = offset.or_else(continued)?;
        offset.checked_add(length)?;
        Some(ByteRange { offset, length })
    }

    fn finish(mut self, head: &Head) -> MediaPlaylist {
        let longest = self
            .segments
            .iter()
            .map(|s| s.duration)
            .max()
            .unwrap_or_default();
        let target = head
            .target_duration
            .filter(|d| !d.is_zero())
            .unwrap_or(longest);
        let target_duration = target.max(SHORTEST_TARGET);
        for index in self.untimed {
            self.segments[index].duration = target_duration;
        }
        MediaPlaylist {
            target_duration,
            media_sequence: self.first_sequence,
            discontinuity_sequence: head.discontinuity_sequence,
            segments: self.segments,
            ended: head.ended,
        }
    }
}

/// A method's name, safe to show.
fn printable(method: &str) -> String {
    let safe = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = method.chars().filter(safe).take(32).collect();
    if name.is_empty() {
        "an unknown method".to_owned()
    } else {
        name
    }
}
