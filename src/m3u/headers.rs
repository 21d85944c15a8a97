//! Request headers as playlists carry them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::stream::{Header, check_header, limits};

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What stands beside headers behind the `|` of a URL: options of Kodi's HTTP client. `!` before a name makes it a
/// header all the same.
const OPTIONS: [&str; 10] = [
    "acceptencoding",
    "auth",
    "connection-timeout",
    "customrequest",
    "failonerror",
    "postdata",
    "redirect-limit",
    "seekable",
    "sslcipherlist",
    "verifypeer",
];

/// Headers collected for one entry; whatever stands nearer to the URL wins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Headers {
    pub(super) plain: BTreeMap<String, String>,
    pub(super) user_agent: Option<String>,
}

impl Headers {
    /// Adds a header; says why it cannot be sent, if so. An empty one is none.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if value.trim().is_empty() {
            return Ok(());
        }
        let (name, value) = match check_header(name, value).map_err(|(problem, _)| problem)? {
            Header::UserAgent(agent) => {
                self.user_agent = Some(agent);
                return Ok(());
            }
            Header::Bearer(token) => ("Authorization".to_owned(), format!("Bearer {token}")),
            Header::Plain(name, value) => (name, value),
        };
        if self.plain.len() >= limits::HEADERS && !self.plain.contains_key(&name) {
            return Err("is one too many");
        }
        self.plain.insert(name, value);
        Ok(())
    }
}

/// The header that an `#EXTVLCOPT` or an `#EXTINF` attribute stands for.
pub(super) fn option_header(name: &str) -> Option<&'static str> {
    Some(match name {
        "http-user-agent" | "user-agent" => "User-Agent",
        "http-referrer" | "http-referer" => "Referer",
        "http-origin" => "Origin",
        _ => return None,
    })
}

/// Splits `url|Name=value&Name=value`.
pub(super) fn split_url(line: &str) -> (&str, &str) {
    match line.split_once('|') {
        Some((url, rest)) if rest.contains('=') => (url.trim_end(), rest),
        _ => (line, ""),
    }
}

/// The pairs of `Name=value&Name=value`, percent-decoded; some players part them by `|`.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split(['&', '|']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let name = percent_decode_str(name.trim()).decode_utf8_lossy();
        if OPTIONS
            .iter()
            .any(|option| option.eq_ignore_ascii_case(&name))
        {
            return None;
        }
        let name = match name.strip_prefix('!') {
            Some(forced) => Cow::Owned(forced.to_owned()),
            None => name,
        };
        Some((name, percent_decode_str(value.trim()).decode_utf8_lossy()))
    })
}

/// One pair for behind the `|`.
pub(super) fn pair(name: &str, value: &str) -> String {
    let forced = name.starts_with('!')
        || OPTIONS
            .iter()
            .any(|option| option.eq_ignore_ascii_case(name));
    let mark = if forced { "!" } else { "" };
    format!(
        "{mark}{}={}",
        utf8_percent_encode(name, ENCODED),
        utf8_percent_encode(value, ENCODED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_bar() {
        let (url, rest) = split_url(
            "http://h/x?a=b |User-Agent=VLC%2F3.0&Referer=http://r/&verifypeer=false|x=1 2&=&y",
        );
        assert_eq!(url, "http://h/x?a=b");
        let all: Vec<_> = pairs(rest).map(|(n, v)| format!("{n}: {v}")).collect();
        assert_eq!(
            all,
            ["User-Agent: VLC/3.0", "Referer: http://r/", "x: 1 2", ": "]
        );
        assert_eq!(split_url("http://h/a|b"), ("http://h/a|b", ""));
    }

    #[test]
    fn written_pairs_are_read() {
        for (name, value) in [
            ("X-A", "a&b|c=d %41+é"),
            ("Seekable", "1"),
            ("!X", "1"),
            ("A&|B", "x"),
        ] {
            let text = pair(name, value);
            let read: Vec<_> = pairs(&text).collect();
            assert_eq!(
                read,
                [(Cow::Borrowed(name), Cow::Borrowed(value))],
                "{text}"
            );
        }
    }

    #[test]
    fn collects() {
        let mut headers = Headers::default();
        assert_eq!(headers.add("referer", "http://a/"), Ok(()));
        assert_eq!(headers.add("REFERER", "http://b/"), Ok(()));
        assert_eq!(headers.add("user-agent", "V"), Ok(()));
        assert_eq!(headers.add("X", ""), Ok(()));
        assert!(headers.add("Host", "x").is_err());
        assert!(headers.add("a b", "x").is_err());
        assert_eq!(
            headers.plain,
            BTreeMap::from([("Referer".to_owned(), "http://b/".to_owned())])
        );
        let added = (0..100)
            .filter(|i| headers.add(&format!("X-{i}"), "1").is_ok())
            .count();
        assert_eq!(added, limits::HEADERS - 1);
    }
}
