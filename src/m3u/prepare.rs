//! From an entry to a definition: what can be mended is mended and told, what cannot is refused with a reason.

use std::collections::BTreeMap;

use super::Entry;
use crate::stream::{
    Credentials, Definition, Draft, DraftSource, Invalid, Source, SourceKind, SourceUrl, StreamId,
    is_reserved_attribute, is_web_url, limits,
};

/// An entry that can be a stream.
pub(super) struct Prepared {
    pub(super) line: usize,
    /// The definition under a stand-in id.
    pub(super) definition: Definition,
    /// The id that an export of ours wrote beside it.
    pub(super) wanted: Option<StreamId>,
    /// The URL with its credentials, by which the file's own doubles are told.
    pub(super) whole_url: String,
    /// Whether the entry has a `tvg-name`, even one that is the name.
    pub(super) says_tvg_name: bool,
    pub(super) notes: Vec<&'static str>,
}

/// Makes a definition of an entry; the error is the reason why it cannot be one.
pub(super) fn prepare(entry: Entry, stand_in: &StreamId) -> Result<Prepared, String> {
    // A playlist is somebody else's word: it names no file of this machine.
    let url = SourceUrl::parse(&entry.url).ok();
    if url.is_some_and(|url| url.kind() == SourceKind::File) {
        return Err("url: files of this server cannot be imported".to_owned());
    }
    let mut notes = entry.notes;
    let mut clip = |value: Option<String>, most: usize| {
        let text = clean(&value?);
        let Some((end, _)) = text.char_indices().nth(most) else {
            return Some(text).filter(|text| !text.is_empty());
        };
        notes.push("a text that is too long was cut");
        Some(text[..end].trim_end().to_owned())
    };
    let mut name = clip(Some(entry.name), limits::NAME);
    let group = clip(entry.group, limits::GROUP);
    let tvg_id = clip(entry.tvg_id, limits::TVG_ID);
    let tvg_name = clip(entry.tvg_name, limits::ATTRIBUTE_VALUE);
    let mut logo = entry.logo;
    if logo
        .as_deref()
        .is_some_and(|logo| logo.chars().count() > limits::LOGO || !is_web_url(logo))
    {
        notes.push("a logo that is no http or https URL was left out");
        logo = None;
    }
    if name.is_none() {
        let host = SourceUrl::parse(&entry.url)
            .ok()
            .and_then(|url| url.host().map(str::to_owned));
        name = Some(host.unwrap_or_else(|| "Stream".to_owned()));
    }

    let mut kept = entry.attributes;
    let wanted = kept
        .remove("sightglass-id")
        .and_then(|id| StreamId::parse(&id).ok());
    let says_tvg_name = tvg_name.is_some();
    kept.extend(tvg_name.map(|value| ("tvg-name".to_owned(), value)));
    kept.extend(
        entry
            .kodiprops
            .into_iter()
            .map(|(name, value)| (format!("kodiprop.{name}"), value)),
    );
    let attributes = keepable(kept, &mut notes);

    let (headers, user_agent) = (entry.headers, entry.user_agent);
    let source = DraftSource {
        url: entry.url,
        headers,
        user_agent,
        ..DraftSource::default()
    };
    let sources = Some(vec![source]);
    let draft = Draft {
        name,
        sources,
        group,
        logo,
        tvg_id,
        attributes,
        ..Draft::default()
    };
    let definition = draft
        .check(Some(stand_in.clone()), |_| false)
        .map_err(|mistakes| reason(&mistakes))?;
    // What login there is at this point comes from the URL, or is a token in a header.
    let whole_url = match definition.sources.first() {
        Some(Source {
            url,
            credentials: Some(Credentials::Basic { username, password }),
            ..
        }) => url.with_user(username, password),
        Some(source) => source.url.as_str().to_owned(),
        None => String::new(),
    };
    Ok(Prepared {
        line: entry.line,
        definition,
        wanted,
        whole_url,
        says_tvg_name,
        notes,
    })
}

/// A name that can be shown for an entry, whatever it holds.
pub(super) fn shown_name(name: &str) -> String {
    clean(name).chars().take(limits::NAME).collect()
}

fn clean(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

fn keepable(
    kept: BTreeMap<String, String>,
    notes: &mut Vec<&'static str>,
) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for (name, value) in kept {
        let short = value.chars().count() <= limits::ATTRIBUTE_VALUE;
        let named = !is_reserved_attribute(&name) && crate::stream::is_attribute_name(&name);
        if short && named && attributes.len() < limits::ATTRIBUTES {
            attributes.insert(name, clean(&value));
        } else if !notes.contains(&LEFT_OUT) {
            notes.push(LEFT_OUT);
        }
    }
    attributes
}

const LEFT_OUT: &str = "an attribute that cannot be kept was left out";

/// The first mistake, in words for someone who looks at a playlist.
fn reason(mistakes: &[Invalid]) -> String {
    let Some(first) = mistakes.first() else {
        return "cannot be used".to_owned();
    };
    let place = first
        .pointer
        .strip_prefix("/sources/0/")
        .unwrap_or(&first.pointer)
        .trim_start_matches('/');
    format!("{place}: {}; allowed: {}", first.problem, first.allowed)
}
