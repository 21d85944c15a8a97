//! What the lines since the last URL said of the entry to come.

use std::collections::BTreeMap;

use super::Entry;
use super::headers::{Headers, option_header, pairs};
use crate::stream::limits;

/// What was said since the last URL.
#[derive(Default)]
pub(super) struct Pending {
    /// The entry as its `#EXTINF` opened it.
    pub(super) opened: bool,
    /// A line in place of its URL has been told of already.
    pub(super) told: bool,
    pub(super) entry: Entry,
    headers: Headers,
    pub(super) extgrp: Option<String>,
}

impl Pending {
    fn note(&mut self, note: &'static str) {
        if !self.entry.notes.contains(&note) {
            self.entry.notes.push(note);
        }
    }

    pub(super) fn header(&mut self, name: &str, value: &str) {
        if self.headers.add(name, value).is_err() {
            self.note("a header that cannot be sent was left out");
        }
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        if let Some(header) = option_header(name) {
            // What a line of its own says is nearer to the URL.
            let said = if header == "User-Agent" {
                self.headers.user_agent.is_some()
            } else {
                self.headers.plain.contains_key(header)
            };
            if !said {
                self.header(header, value);
            }
            return;
        }
        let field = match name {
            "tvg-id" => &mut self.entry.tvg_id,
            "tvg-name" => &mut self.entry.tvg_name,
            "tvg-logo" => &mut self.entry.logo,
            "group-title" => &mut self.entry.group,
            _ => return self.keep(name.to_owned(), value),
        };
        if field.is_none() && !value.is_empty() {
            *field = Some(value.to_owned());
        }
    }

    fn keep(&mut self, name: String, value: &str) {
        if self.entry.attributes.len() >= limits::ATTRIBUTES
            && !self.entry.attributes.contains_key(&name)
        {
            return self.note("attributes beyond 64 were left out");
        }
        let kept = self.entry.attributes.entry(name).or_default();
        if kept.is_empty() {
            value.clone_into(kept);
        }
    }

    pub(super) fn vlc_option(&mut self, text: &str) {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        match option_header(&name) {
            Some(header) => self.header(header, value),
            None => self.keep(format!("vlcopt.{name}"), value),
        }
    }

    pub(super) fn kodi_property(&mut self, text: &str) {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let name = name.trim().to_ascii_lowercase();
        if matches!(
            name.strip_prefix("inputstream.adaptive."),
            Some("stream_headers" | "manifest_headers" | "common_headers")
        ) {
            for (name, value) in pairs(value) {
                self.header(&name, &value);
            }
        } else if self.entry.kodiprops.len() < limits::ATTRIBUTES {
            self.entry.kodiprops.insert(name, value.trim().to_owned());
        } else {
            self.note("attributes beyond 64 were left out");
        }
    }

    /// `#EXTHTTP:{"Cookie":"a=b"}`.
    pub(super) fn http_object(&mut self, text: &str) {
        match serde_json::from_str::<BTreeMap<String, String>>(text) {
            Ok(object) => object
                .iter()
                .for_each(|(name, value)| self.header(name, value)),
            Err(_) => self.note("an #EXTHTTP line that is no JSON object of strings was left out"),
        }
    }

    pub(super) fn finish(self, line: usize, url: &str) -> Entry {
        let Self {
            opened,
            mut entry,
            headers,
            extgrp,
            ..
        } = self;
        if !opened {
            entry.line = line;
            entry
                .notes
                .push("no #EXTINF before the URL; named after its host");
        }
        if entry.name.is_empty() {
            let other = entry.tvg_name.as_ref().or(entry.tvg_id.as_ref());
            entry.name = other.cloned().unwrap_or_default();
        }
        url.clone_into(&mut entry.url);
        entry.group = entry.group.or(extgrp);
        (entry.headers, entry.user_agent) = (headers.plain, headers.user_agent);
        entry
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(text)
}
