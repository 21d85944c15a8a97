//! Reading an M3U: one pass over the lines, holding what was said since the last URL.

use std::collections::BTreeMap;
use std::fmt;

use super::extinf;
use super::headers::{pairs, split_url};
use super::pending::Pending;
use super::text::{decode, lines, other_format, text};
use crate::stream::limits;

/// How much of an M3U is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body, in bytes.
    pub bytes: usize,
    /// Most entries; the rest is not read.
    pub entries: usize,
    /// Longest line, in bytes; a longer one is left out.
    pub line_bytes: usize,
    /// Most problems told one by one; the rest is counted.
    pub problems: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            entries: 100_000,
            line_bytes: 64 << 10,
            problems: 10_000,
        }
    }
}

/// What an M3U says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The entries in their order.
    pub entries: Vec<Entry>,
    /// What could not be read, in the order of the lines.
    pub problems: Vec<Problem>,
    /// How many problems there were beyond [`Limits::problems`].
    pub problems_dropped: usize,
    /// The attributes of the `#EXTM3U` line, names in lower case.
    pub header: BTreeMap<String, String>,
}

impl Parsed {
    /// The addresses of programme guides that the header names (`url-tvg`, `x-tvg-url`; several parted by commas).
    pub fn guide_urls(&self) -> impl Iterator<Item = &str> {
        let named = ["url-tvg", "x-tvg-url", "tvg-url"]
            .into_iter()
            .filter_map(|name| self.header.get(name));
        named
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|url| !url.is_empty())
    }
}

/// One channel of an M3U, as it stands there. `Debug` leaves out what may be secret.
#[derive(Clone, Default, PartialEq)]
pub struct Entry {
    /// The line of its `#EXTINF`, or of its URL when there is none; from 1.
    pub line: usize,
    /// The title, else `tvg-name`, else `tvg-id`; may be empty.
    pub name: String,
    /// The URL without what followed a `|`.
    pub url: String,
    /// `group-title`, else `#EXTGRP`.
    pub group: Option<String>,
    /// `tvg-logo`.
    pub logo: Option<String>,
    /// `tvg-id`.
    pub tvg_id: Option<String>,
    /// `tvg-name`.
    pub tvg_name: Option<String>,
    /// Request headers that can be sent, names in `Title-Case`.
    pub headers: BTreeMap<String, String>,
    /// The user agent to show.
    pub user_agent: Option<String>,
    /// All other attributes, names in lower case, and other `#EXTVLCOPT`s as `vlcopt.NAME`.
    pub attributes: BTreeMap<String, String>,
    /// `#KODIPROP`s, names in lower case, but for those that set headers.
    pub kodiprops: BTreeMap<String, String>,
    /// Seconds, as the `#EXTINF` says; `-1` or 0 for live.
    pub duration: Option<f64>,
    /// What was left out of this entry, and why.
    pub notes: Vec<&'static str>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("line", &self.line)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Something on a line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong. Quotes nothing of the line.
    pub reason: String,
}

/// Reads an M3U or M3U8 body, in time linear in its size. Never fails: what cannot be read is a [`Problem`], and a
/// body that is something else altogether is a single one.
pub fn parse(body: &[u8], limits: &Limits) -> Parsed {
    let mut reader = Reader {
        limits,
        out: Parsed::default(),
        pending: Pending::default(),
    };
    if body.len() > limits.bytes {
        reader.problem(1, format!("the body is larger than {} bytes", limits.bytes));
        return reader.out;
    }
    let body = decode(body);
    if let Some(reason) = other_format(&body) {
        reader.problem(1, reason);
        return reader.out;
    }
    for (number, line) in lines(&body) {
        if line.len() > limits.line_bytes {
            reader.problem(
                number,
                format!("the line is longer than {} bytes", limits.line_bytes),
            );
            continue;
        }
        let line = text(line);
        let next = match line.trim().strip_prefix('#') {
            Some(directive) => reader.directive(number, directive),
            None => reader.address(number, line.trim()),
        };
        if next == Next::Stop {
            break;
        }
    }
    reader.end()
}

#[derive(PartialEq)]
enum Next {
    Line,
    Stop,
}

struct Reader<'l> {
    limits: &'l Limits,
    out: Parsed,
    pending: Pending,
}

impl Reader<'_> {
    fn problem(&mut self, line: usize, reason: impl Into<String>) {
        if self.out.problems.len() < self.limits.problems {
            self.out.problems.push(Problem {
                line,
                reason: reason.into(),
            });
        } else {
            self.out.problems_dropped += 1;
        }
    }

    fn directive(&mut self, line: usize, text: &str) -> Next {
        let (name, value) = text.split_at(text.find([':', ' ', '\t']).unwrap_or(text.len()));
        let value = value.strip_prefix(':').unwrap_or(value).trim();
        match name.to_ascii_uppercase().as_str() {
            "EXTM3U" => self.header(value),
            "EXTINF" => self.extinf(line, value),
            "EXTGRP" => {
                self.pending.extgrp = Some(value.to_owned()).filter(|group| !group.is_empty());
            }
            "EXTVLCOPT" => self.pending.vlc_option(value),
            "KODIPROP" => self.pending.kodi_property(value),
            "EXTHTTP" => self.pending.http_object(value),
            // Only a playlist of one stream's segments or variants has these, and has them before its first URL.
            "EXT-X-TARGETDURATION" | "EXT-X-STREAM-INF" | "EXT-X-MEDIA-SEQUENCE"
                if self.out.entries.is_empty() =>
            {
                self.out = Parsed::default();
                self.pending = Pending::default();
                self.problem(line, "this is the HLS playlist of one stream, not a list of channels; add its URL as a source");
                return Next::Stop;
            }
            _ => {}
        }
        Next::Line
    }

    fn header(&mut self, value: &str) {
        let mut found = Vec::new();
        extinf::scan(value, &mut found);
        for (name, value) in found {
            if self.out.header.len() < limits::ATTRIBUTES {
                self.out
                    .header
                    .entry(name.to_ascii_lowercase())
                    .or_insert_with(|| value.to_owned());
            }
        }
    }

    fn extinf(&mut self, line: usize, value: &str) {
        if self.pending.opened {
            self.abandon();
        }
        let info = extinf::info(value);
        let pending = &mut self.pending;
        (pending.opened, pending.entry.line, pending.entry.duration) = (true, line, info.duration);
        info.title.clone_into(&mut pending.entry.name);
        for (name, value) in info.attributes {
            pending.attribute(&name.to_ascii_lowercase(), value);
        }
    }

    /// Tells of an entry that no URL came for.
    fn abandon(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending.opened && !pending.told {
            self.problem(pending.entry.line, "the entry has no URL");
        }
    }

    fn address(&mut self, line: usize, text: &str) -> Next {
        let (url, extra) = split_url(text);
        if !is_absolute(url) {
            self.problem(line, "the line is neither a directive nor an absolute URL");
            self.pending.told = true;
            return Next::Line;
        }
        if self.out.entries.len() >= self.limits.entries {
            let most = self.limits.entries;
            self.pending = Pending::default();
            self.problem(
                line,
                format!("more than {most} entries; from here on nothing was read"),
            );
            return Next::Stop;
        }
        let mut pending = std::mem::take(&mut self.pending);
        for (name, value) in pairs(extra) {
            pending.header(&name, &value);
        }
        self.out.entries.push(pending.finish(line, url));
        Next::Line
    }

    fn end(mut self) -> Parsed {
        self.abandon();
        // An entry without a URL is told at its own line, after the lines that followed it.
        self.out.problems.sort_by_key(|problem| problem.line);
        if self.out.entries.is_empty() && self.out.problems.is_empty() {
            self.problem(1, "the playlist has no entries");
        }
        self.out
    }
}

fn is_absolute(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
