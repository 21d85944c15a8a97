//! From XML to an [`Mpd`]: attributes are inherited, addresses resolved, lists counted.

mod segments;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::error::MpdError;
use super::mpd::{AdaptationSet, Kind, Mpd, Period, Representation, Timing};
use super::slots::{MAX_URI, Slots, resolve};
use super::time;
use super::xml::{Element, Xml};
use crate::ts;
use crate::ts::rfc6381;

/// What an MPD may cost. Exceeding one is an error, not a cut.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Periods.
    pub periods: usize,
    /// Representations of all periods.
    pub representations: usize,
    /// Entries of all timelines and lists.
    pub segments: usize,
    /// Bytes of all addresses and templates together.
    pub uri_bytes_total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            periods: 500,
            representations: 2_000,
            segments: 100_000,
            uri_bytes_total: 16 << 20,
        }
    }
}

/// Ways of learning the time that are kept.
const MAX_TIMING: usize = 8;
/// Bytes of an attribute that is kept as it is written.
const MAX_TEXT: usize = 256;

/// Reads an MPD. Addresses are resolved against `base`, its own address after redirects.
pub fn parse(body: &[u8], base: &Url, limits: &Limits) -> Result<Mpd, MpdError> {
    if body.len() > limits.bytes {
        return Err(MpdError::TooLarge {
            limit: limits.bytes,
        });
    }
    let text = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let mut reader = Reader {
        xml: Xml::new(&text),
        limits,
        representations: 0,
        segments: 0,
        uri_bytes: 0,
    };
    let root = reader.xml.root()?;
    if root.name() != "MPD" {
        return Err(MpdError::NotMpd);
    }
    reader.mpd(&root, base)
}

struct Reader<'x, 'l> {
    xml: Xml<'x>,
    limits: &'l Limits,
    representations: usize,
    /// Entries of timelines and lists.
    segments: usize,
    uri_bytes: usize,
}

/// What a level of the MPD hands down to the next.
#[derive(Clone)]
struct Inherited {
    base: Arc<Url>,
    /// This level has named a base of its own; the first one counts.
    own_base: bool,
    slots: Slots,
    mime: Option<String>,
    codecs: Option<String>,
    content: Option<String>,
    size: (Option<u64>, Option<u64>),
    protected: bool,
    /// For other uses than to be played.
    special: bool,
}

impl Inherited {
    fn child(&self) -> Self {
        Self {
            own_base: false,
            ..self.clone()
        }
    }

    /// Takes in the attributes that sets and representations have in common (5.3.7).
    fn common(&mut self, element: &Element<'_>) {
        let text = |name| element.get(name).map(|text| cut(&text));
        self.mime = text("mimeType").or(self.mime.take());
        self.codecs = text("codecs").or(self.codecs.take());
        self.content = text("contentType").or(self.content.take());
        self.size.0 = element.number("width").or(self.size.0);
        self.size.1 = element.number("height").or(self.size.1);
    }

    fn kind(&self) -> Kind {
        let named = |name: Option<&str>| match name.map(|n| n.split('/').next().unwrap_or(n)) {
            Some("video") => Some(Kind::Video),
            Some("audio") => Some(Kind::Audio),
            Some(_) => Some(Kind::Other),
            None => None,
        };
        let by_codecs = || {
            let has = |kind| {
                let codecs = self.codecs.as_deref().unwrap_or_default();
                rfc6381::named(codecs).any(|(_, codec)| codec.kind == kind)
            };
            match (has(ts::Kind::Video), has(ts::Kind::Audio)) {
                (true, _) => Kind::Video,
                (false, true) => Kind::Audio,
                _ => Kind::Other,
            }
        };
        if self.special {
            return Kind::Other;
        }
        named(self.mime.as_deref())
            .filter(|kind| *kind != Kind::Other)
            .or_else(|| named(self.content.as_deref()))
            .unwrap_or_else(by_codecs)
    }
}

impl<'x> Reader<'x, '_> {
    fn mpd(&mut self, root: &Element<'x>, base: &Url) -> Result<Mpd, MpdError> {
        let span = |name| root.get(name).and_then(|text| time::duration(&text));
        let dynamic = root.get("type").is_some_and(|kind| kind == "dynamic");
        let start = root.get("availabilityStartTime");
        let mut mpd = Mpd {
            dynamic,
            availability_start: start.and_then(|text| time::date(&text)).unwrap_or_default(),
            duration: span("mediaPresentationDuration"),
            minimum_update: span("minimumUpdatePeriod"),
            time_shift: span("timeShiftBufferDepth"),
            delay: span("suggestedPresentationDelay"),
            location: None,
            timing: Vec::new(),
            periods: Vec::new(),
        };
        let mut level = Inherited {
            base: Arc::new(base.clone()),
            own_base: false,
            slots: Slots::default(),
            mime: None,
            codecs: None,
            content: None,
            size: (None, None),
            protected: false,
            special: false,
        };
        let mut read = Vec::new();
        while let Some(child) = self.xml.child(root)? {
            match child.name() {
                "BaseURL" => self.base(&child, &mut level)?,
                "Location" => {
                    let text = self.xml.text(&child, MAX_URI)?;
                    mpd.location = mpd.location.or(Some(resolve(base, &text)?));
                }
                "UTCTiming" => {
                    mpd.timing.extend(timing(&child, base));
                    mpd.timing.truncate(MAX_TIMING);
                    self.xml.skip(&child)?;
                }
                "Period" => {
                    if let Some(period) = self.period(&child, &level)? {
                        read.push(period);
                    }
                    let limit = self.limits.periods;
                    if read.len() > limit {
                        let what = "periods";
                        return Err(MpdError::TooMany { what, limit });
                    }
                }
                _ => self.xml.skip(&child)?,
            }
        }
        mpd.periods = place(read, mpd.duration, dynamic);
        if mpd.periods.is_empty() {
            return Err(MpdError::Empty);
        }
        Ok(mpd)
    }

    /// A period as it is written; `None` for one that resolves to nothing.
    fn period(
        &mut self,
        element: &Element<'x>,
        above: &Inherited,
    ) -> Result<Option<Written>, MpdError> {
        if !self.here(element)? {
            return Ok(None);
        }
        let span = |name| element.get(name).and_then(|text| time::duration(&text));
        let mut written = Written {
            start: span("start"),
            duration: span("duration"),
            period: Period {
                id: element.get("id").map(|id| cut(&id)),
                start: Duration::ZERO,
                end: None,
                sets: Vec::new(),
            },
        };
        let mut level = above.child();
        while let Some(child) = self.xml.child(element)? {
            match child.name() {
                "BaseURL" => self.base(&child, &mut level)?,
                "AdaptationSet" => {
                    let set = self.set(&child, &level)?;
                    written.period.sets.extend(set);
                }
                _ => self.slots_or_skip(&child, &mut level.slots)?,
            }
        }
        Ok(Some(written))
    }

    fn set(
        &mut self,
        element: &Element<'x>,
        above: &Inherited,
    ) -> Result<Option<AdaptationSet>, MpdError> {
        if !self.here(element)? {
            return Ok(None);
        }
        let mut level = above.child();
        level.common(element);
        let language = element.get("lang").map(|language| cut(&language));
        let mut set = AdaptationSet {
            language: language.filter(|language| !language.is_empty()),
            main: false,
            representations: Vec::new(),
        };
        while let Some(child) = self.xml.child(element)? {
            match child.name() {
                "BaseURL" => self.base(&child, &mut level)?,
                "Role" => {
                    set.main |= child.get("value").is_some_and(|value| value == "main");
                    self.xml.skip(&child)?;
                }
                "Representation" => {
                    let representation = self.representation(&child, &level)?;
                    set.representations.push(representation);
                }
                _ => self.common_or_skip(&child, &mut level)?,
            }
        }
        Ok(Some(set))
    }

    fn representation(
        &mut self,
        element: &Element<'x>,
        above: &Inherited,
    ) -> Result<Representation, MpdError> {
        self.representations += 1;
        let limit = self.limits.representations;
        if self.representations > limit {
            let what = "representations";
            return Err(MpdError::TooMany { what, limit });
        }
        let mut level = above.child();
        level.common(element);
        while let Some(child) = self.xml.child(element)? {
            match child.name() {
                "BaseURL" => self.base(&child, &mut level)?,
                _ => self.common_or_skip(&child, &mut level)?,
            }
        }
        Ok(Representation {
            kind: level.kind(),
            id: element.get("id").map(|id| cut(&id)).unwrap_or_default(),
            bandwidth: element.number("bandwidth").unwrap_or(0),
            size: level.size.0.zip(level.size.1),
            codecs: level.codecs.filter(|codecs| !codecs.is_empty()),
            protected: level.protected,
            base: level.base,
            slots: level.slots,
        })
    }

    fn common_or_skip(
        &mut self,
        child: &Element<'x>,
        level: &mut Inherited,
    ) -> Result<(), MpdError> {
        match child.name() {
            "ContentProtection" => level.protected = true,
            "EssentialProperty" => {
                let scheme = child.get("schemeIdUri").unwrap_or_default();
                level.special |= scheme.contains("trickmode") || scheme.contains("thumbnail");
            }
            _ => return self.slots_or_skip(child, &mut level.slots),
        }
        self.xml.skip(child)
    }

    fn base(&mut self, element: &Element<'x>, level: &mut Inherited) -> Result<(), MpdError> {
        let text = self.xml.text(element, MAX_URI)?;
        if !std::mem::replace(&mut level.own_base, true) {
            let base = resolve(&level.base, &text)?;
            self.charge(base.as_str().len())?;
            level.base = Arc::new(base);
        }
        Ok(())
    }

    /// False for what is to be read as if it were not there (5.5.3). What lies elsewhere is refused.
    fn here(&mut self, element: &Element<'x>) -> Result<bool, MpdError> {
        match element.get("href") {
            None => Ok(true),
            Some(href) if href == "urn:mpeg:dash:resolve-to-zero:2013" => {
                self.xml.skip(element)?;
                Ok(false)
            }
            Some(_) => Err(MpdError::Xlink),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), MpdError> {
        self.uri_bytes = self.uri_bytes.saturating_add(bytes);
        if self.uri_bytes > self.limits.uri_bytes_total {
            return Err(MpdError::UriTooLong);
        }
        Ok(())
    }
}

/// A period whose place is to be found.
struct Written {
    start: Option<Duration>,
    duration: Option<Duration>,
    period: Period,
}

/// Start and end of each period (5.3.2.1). One that has no place yet is announced, but not there.
fn place(written: Vec<Written>, whole: Option<Duration>, dynamic: bool) -> Vec<Period> {
    let mut placed: Vec<Period> = Vec::new();
    let mut ends_at = Some(Duration::ZERO);
    for Written {
        start,
        duration,
        mut period,
    } in written
    {
        // In a live one a period without start and without one before it has not begun (5.3.2.2); but where it is the
        // only one, players take it from the start.
        let Some(start) = start.or(ends_at) else {
            continue;
        };
        if let Some(before) = placed.last_mut() {
            if start < before.start {
                continue;
            }
            before.end = Some(before.end.map_or(start, |end| end.min(start)));
        }
        period.start = start;
        period.end = duration.map(|duration| start.saturating_add(duration));
        ends_at = period.end;
        placed.push(period);
    }
    if let Some(last) = placed.last_mut() {
        let whole = whole.filter(|whole| *whole > last.start);
        last.end = match (last.end, whole) {
            (Some(end), Some(whole)) if !dynamic => Some(end.min(whole)),
            (end, whole) => end.or(whole),
        };
    }
    placed
}

/// The ways of learning the time that are known here.
fn timing(element: &Element<'_>, base: &Url) -> Option<Timing> {
    let scheme = element.get("schemeIdUri")?;
    let value = element.get("value")?;
    let first = value.split_whitespace().next()?;
    match scheme.rsplit_once(':')?.0.rsplit_once(':')?.1 {
        "direct" => time::date(&value).map(Timing::Direct),
        "http-head" => resolve(base, first).ok().map(Timing::Head),
        "http-iso" | "http-xsdate" => resolve(base, first).ok().map(Timing::Body),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
