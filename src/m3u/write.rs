//! Writing an M3U that every player opens.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::headers;
use super::quote::{attribute, is_exact, one_line, plain_attribute};
use crate::stream::{Credentials, Definition, Source, StreamId, is_secret_header};

/// What the entries point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The previews of this server. Streams that are not enabled are left out, and so is whatever could lead a player
    /// round this server to the provider.
    Previews {
        /// Scheme, host and path prefix as clients see them: `http://127.0.0.1:8080`.
        base: &'a str,
        /// The quality profile to ask for; the stream's own when absent.
        quality: Option<&'a str>,
        /// Convert always or never; what a browser could not play when absent.
        transcode: Option<bool>,
        /// What to ask for.
        format: PreviewFormat,
    },
    /// The sources themselves: each stream's primary, enabled or not. With secrets, reading it back gives the same
    /// streams, but for what an M3U cannot hold (backups, accounts, tags, options, timeouts, `enabled`); without,
    /// reading it back takes no secret away.
    Sources {
        /// Credentials, and header values that may be some, too.
        secrets: bool,
    },
}

/// The kind of preview that a playlist asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PreviewFormat {
    /// MPEG-TS as it comes.
    #[default]
    Ts,
    /// HLS.
    Hls,
}

/// What lets a player in that asks for a stream with a query: parameters to be put behind it, if there must be any.
pub type Sign<'s> = dyn Fn(&StreamId, &str) -> Option<String> + 's;

/// Writes streams in their order, previews with what `sign` gives. No value can start a line or leave its quotes, whatever
/// it holds.
pub fn write<'a>(
    streams: impl IntoIterator<Item = &'a Definition>,
    target: Target<'_>,
    sign: &Sign<'_>,
) -> String {
    let mut out = String::from("#EXTM3U\n");
    for stream in streams {
        match target {
            Target::Previews { .. } if !stream.enabled => {}
            Target::Previews {
                base,
                quality,
                transcode,
                format,
            } => {
                entry(&mut out, stream);
                preview_url(&mut out, stream, base, format);
                let asked = query(quality, transcode);
                let signature = sign(&stream.id, &asked).unwrap_or_default();
                let parts = [asked, signature];
                let parts = parts.iter().filter(|part| !part.is_empty());
                for (part, mark) in parts.zip(['?', '&']) {
                    out.push(mark);
                    out.push_str(part);
                }
                out.push('\n');
            }
            Target::Sources { secrets } => source(&mut out, stream, secrets),
        }
    }
    out
}

/// The `#EXTINF` line of a preview.
fn entry(out: &mut String, stream: &Definition) {
    let tvg_id = stream.tvg_id.as_deref().unwrap_or(stream.id.as_str());
    let tvg_name = stream.attributes.get("tvg-name").unwrap_or(&stream.name);
    out.push_str("#EXTINF:-1");
    let fields = [
        ("tvg-id", Some(tvg_id)),
        ("tvg-name", Some(tvg_name)),
        ("tvg-logo", stream.logo.as_deref()),
    ];
    for (name, value) in fields
        .into_iter()
        .chain([("group-title", stream.group.as_deref())])
    {
        push(out, value.map(|value| plain_attribute(name, value)));
    }
    let public = stream
        .attributes
        .iter()
        .filter(|(name, value)| *name != "tvg-name" && is_public(name, value));
    public.for_each(|(name, value)| push(out, Some(plain_attribute(name, value))));
    let _ = writeln!(out, ",{}", one_line(&stream.name));
}

fn preview_url(out: &mut String, stream: &Definition, base: &str, format: PreviewFormat) {
    // The base may come from a request's Host header.
    let clean = |c: &char| !c.is_control() && !c.is_whitespace();
    out.extend(base.trim_end_matches('/').chars().filter(clean));
    let _ = write!(out, "/streams/preview/{}", stream.id);
    if format == PreviewFormat::Hls {
        out.push_str("/index.m3u8");
    }
}

fn query(quality: Option<&str>, transcode: Option<bool>) -> String {
    let quality = quality.map(|it| utf8_percent_encode(it, NON_ALPHANUMERIC));
    let quality = quality.map(|it| format!("quality={it}"));
    let transcode = transcode.map(|it| format!("transcode={it}"));
    let parts: Vec<_> = quality.into_iter().chain(transcode).collect();
    parts.join("&")
}

/// Whether an attribute says nothing about where the provider's streams are.
fn is_public(name: &str, value: &str) -> bool {
    let private = ["catchup", "timeshift", "vlcopt.", "kodiprop."];
    !private.iter().any(|prefix| name.starts_with(prefix)) && !value.contains("://")
}

fn source(out: &mut String, stream: &Definition, secrets: bool) {
    let Some(source) = stream.sources.first() else {
        return;
    };
    out.push_str("#EXTINF:-1");
    // A copy of the title is left out where quotes would spoil it: it would read as a name of its own.
    let tvg_name = stream
        .attributes
        .get("tvg-name")
        .or_else(|| Some(&stream.name).filter(|name| is_exact(name)));
    let fields = [
        ("tvg-id", stream.tvg_id.as_deref()),
        ("tvg-name", tvg_name.map(String::as_str)),
        ("tvg-logo", stream.logo.as_deref()),
        ("group-title", stream.group.as_deref()),
        ("sightglass-id", Some(stream.id.as_str())),
    ];
    for (name, value) in fields {
        push(out, value.map(|value| attribute(name, value)));
    }
    let mut lines = String::new();
    for (name, value) in stream
        .attributes
        .iter()
        .filter(|(name, _)| *name != "tvg-name")
    {
        match (name.strip_prefix("vlcopt."), name.strip_prefix("kodiprop.")) {
            (Some(name), _) if !name.is_empty() => vlc_option(&mut lines, name, value),
            (_, Some(name)) if !name.is_empty() => {
                let _ = writeln!(lines, "#KODIPROP:{name}={}", one_line(value));
            }
            _ => push(out, Some(attribute(name, value))),
        }
    }
    let _ = writeln!(out, ",{}", one_line(&stream.name));
    out.push_str(&lines);
    address(out, source, secrets);
}

/// The headers that players know as `#EXTVLCOPT`, then the URL with the rest behind a `|`, as Kodi has it.
fn address(out: &mut String, source: &Source, secrets: bool) {
    let mut rest = Vec::new();
    if let Some(agent) = &source.user_agent {
        vlc_option(out, "http-user-agent", agent);
    }
    let shown = source.headers.iter();
    for (name, value) in shown.filter(|(name, _)| secrets || !is_secret_header(name)) {
        match name.as_str() {
            "Referer" => vlc_option(out, "http-referrer", value),
            "Origin" => vlc_option(out, "http-origin", value),
            _ => rest.push(headers::pair(name, value)),
        }
    }
    match source.credentials.as_ref().filter(|_| secrets) {
        Some(Credentials::Basic { username, password }) => {
            out.push_str(&source.url.with_user(username, password));
        }
        Some(Credentials::Bearer { token }) => {
            rest.push(headers::pair("Authorization", &format!("Bearer {token}")));
            out.push_str(source.url.as_str());
        }
        None => out.push_str(source.url.as_str()),
    }
    if !rest.is_empty() {
        out.push('|');
        out.push_str(&rest.join("&"));
    }
    out.push('\n');
}

fn vlc_option(out: &mut String, name: &str, value: &str) {
    let value = one_line(value);
    // Readers take one pair of quotes off.
    let quote = if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        "\""
    } else {
        ""
    };
    let _ = writeln!(out, "#EXTVLCOPT:{name}={quote}{value}{quote}");
}

fn push(out: &mut String, attribute: Option<String>) {
    if let Some(attribute) = attribute {
        out.push(' ');
        out.push_str(&attribute);
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
