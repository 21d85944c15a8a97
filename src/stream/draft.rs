//! The body of POST and PUT, and the rules that make a definition of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use utoipa::ToSchema;

use super::invalid::{Mistakes, join, longer_than};
use super::{
    Credentials, Definition, Invalid, Options, SourceUrl, StreamId, is_reserved_attribute,
};
use super::{limits, shape, source_check};

/// A stream as a client sends it: nothing but `sources` must be there, and nothing unknown may be. The members
/// `revision`, `created_at`, `updated_at` and `state` of an answer may stay in, and are ignored.
#[derive(Clone, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamDraft, example = json!({"id": "news", "name": "News", "sources": [{"url": "http://provider.example/live/news.m3u8"}]}))]
pub struct Draft {
    /// The id; made from the name when absent.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    pub id: Option<String>,
    /// The name that people see; the id, or the host of the first source, when absent.
    #[schema(max_length = 256)]
    pub name: Option<String>,
    /// 1 to 16 places to pull from, the primary first.
    #[schema(required, value_type = Vec<DraftSource>, min_items = 1, max_items = 16)]
    pub sources: Option<Vec<DraftSource>>,
    /// The group that it is listed under.
    #[schema(max_length = 256)]
    pub group: Option<String>,
    /// The URL of a logo (http or https).
    #[schema(max_length = 2048)]
    pub logo: Option<String>,
    /// The channel's id in a programme guide (XMLTV).
    #[schema(max_length = 256)]
    pub tvg_id: Option<String>,
    /// Whether it may be pulled at all; `true` when absent.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// Free labels, at most 32 of 64 characters.
    #[schema(max_items = 32)]
    pub tags: Option<Vec<String>>,
    /// What differs from the server's configuration.
    pub options: Option<Options>,
    /// M3U attributes to keep for the way out.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A source as a client sends it.
#[derive(Clone, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourceDraft)]
pub struct DraftSource {
    /// An absolute URL. A user name and password in it become `credentials`.
    #[schema(max_length = 8192, example = "http://provider.example/live/news.m3u8")]
    pub url: String,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The `User-Agent` to show.
    #[schema(max_length = 1024)]
    pub user_agent: Option<String>,
    /// How to log in.
    pub credentials: Option<Credentials>,
    /// How long to wait for the first byte, in milliseconds.
    #[schema(minimum = 100, maximum = 120_000)]
    pub timeout_ms: Option<u64>,
    /// The account whose connections it counts among, and whose credentials it uses unless it has
    /// its own.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", example = "provider-a")]
    pub account: Option<String>,
}

impl Draft {
    /// Reads the shape of a body: types and member names. Tells all that is wrong with it.
    pub fn from_value(body: Value) -> Result<Self, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        let draft = shape::draft(body, &mut mistakes);
        if mistakes.len() == 0 {
            Ok(draft)
        } else {
            Err(mistakes.into_vec())
        }
    }

    /// [`Self::from_value`] and [`Self::check`] in one, so that wrong types and broken rules are told together.
    pub fn define(
        body: Value,
        fixed_id: Option<StreamId>,
        taken: impl Fn(&StreamId) -> bool,
    ) -> Result<Definition, Vec<Invalid>> {
        let mut mistakes = Mistakes::default();
        if !body.is_object() {
            return Self::from_value(body).and_then(|draft| draft.check(fixed_id, taken));
        }
        let checked = shape::draft(body, &mut mistakes).check(fixed_id, taken);
        match checked {
            Ok(definition) if mistakes.len() == 0 => Ok(definition),
            checked => Err(mistakes.merge(checked.err().unwrap_or_default())),
        }
    }

    /// Makes a definition, or tells all mistakes.
    ///
    /// `fixed_id` is the id that a path names: the body may repeat but not change it. `taken` steers an id that is
    /// made from the name; whether a given id may be used is for the store to say.
    pub fn check(
        self,
        fixed_id: Option<StreamId>,
        taken: impl Fn(&StreamId) -> bool,
    ) -> Result<Definition, Vec<Invalid>> {
        let mut m = Mistakes::default();
        let given = self.id.as_deref().and_then(|id| {
            StreamId::parse(id)
                .map_err(|e| m.add("/id", e, StreamId::ALLOWED))
                .ok()
        });
        if let (Some(fixed), Some(given)) = (&fixed_id, &given)
            && fixed != given
        {
            m.add("/id", "cannot be changed", "the id in the path, or none");
        }
        let id = fixed_id.or(given);

        let sources = check_sources(self.sources.unwrap_or_default(), &mut m);
        let name = match self
            .name
            .as_deref()
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            Some(name) => m.text("/name", name, limits::NAME),
            None => id.as_ref().map(ToString::to_string).or_else(|| {
                let host = sources.first().and_then(|source| source.url.host());
                Some(host.unwrap_or("Test").to_owned())
            }),
        };
        let group = m.optional_text("/group", self.group.as_deref(), limits::GROUP);
        let logo = check_logo(self.logo.as_deref(), &mut m);
        let tvg_id = m.optional_text("/tvg_id", self.tvg_id.as_deref(), limits::TVG_ID);
        let tags = check_tags(&self.tags.unwrap_or_default(), &mut m);
        let options = self.options.unwrap_or_default();
        options.check("/options", &mut m);
        let mut attributes = check_attributes(self.attributes, &mut m);

        let Some(name) = name.filter(|_| m.len() == 0) else {
            return Err(m.into_vec());
        };
        // The way out writes the name there anyway.
        if attributes.get("tvg-name") == Some(&name) {
            attributes.remove("tvg-name");
        }
        let id = id.unwrap_or_else(|| StreamId::from_name(&name, taken));
        let enabled = self.enabled.unwrap_or(true);
        Ok(Definition {
            id,
            name,
            sources,
            group,
            logo,
            tvg_id,
            enabled,
            tags,
            options,
            attributes,
        })
    }
}

fn check_sources(drafts: Vec<DraftSource>, m: &mut Mistakes) -> Vec<super::Source> {
    if drafts.is_empty() || drafts.len() > limits::SOURCES {
        let problem = if drafts.is_empty() {
            "has no source"
        } else {
            "has too many items"
        };
        m.add(
            "/sources",
            problem,
            format!("1 to {} sources", limits::SOURCES),
        );
        return Vec::new();
    }
    let mut sources: Vec<super::Source> = Vec::with_capacity(drafts.len());
    for (i, draft) in drafts.into_iter().enumerate() {
        let at = join("/sources", i);
        let Some(source) = source_check::check(&at, draft, m) else {
            continue;
        };
        if sources.iter().any(|other| other.url == source.url) {
            m.add(
                format!("{at}/url"),
                "is there twice",
                "a backup that differs from the other sources",
            );
        }
        sources.push(source);
    }
    sources
}

fn check_logo(logo: Option<&str>, m: &mut Mistakes) -> Option<String> {
    let logo = m.optional_text("/logo", logo, limits::LOGO)?;
    // It ends up in the dashboard's pages, where another scheme could run a script.
    let web =
        SourceUrl::parse(&logo).is_ok_and(|url| matches!(url.as_url().scheme(), "http" | "https"));
    if !web {
        m.add(
            "/logo",
            "is no web address",
            "an absolute http or https URL",
        );
    }
    web.then_some(logo)
}

/// Whether a text is an absolute http or https URL.
pub(crate) fn is_web_url(text: &str) -> bool {
    SourceUrl::parse(text).is_ok_and(|url| matches!(url.as_url().scheme(), "http" | "https"))
}

fn check_tags(tags: &[String], m: &mut Mistakes) -> Vec<String> {
    if tags.len() > limits::TAGS {
        m.add(
            "/tags",
            "has too many items",
            format!("at most {} tags", limits::TAGS),
        );
    }
    let tags = tags.iter().take(limits::TAGS).enumerate();
    let tags: BTreeSet<_> = tags
        .filter_map(|(i, tag)| m.text(&join("/tags", i), tag, limits::TAG))
        .collect();
    tags.into_iter().collect()
}

fn check_attributes(
    attributes: BTreeMap<String, String>,
    m: &mut Mistakes,
) -> BTreeMap<String, String> {
    if attributes.len() > limits::ATTRIBUTES {
        m.add(
            "/attributes",
            "has too many members",
            format!("at most {} attributes", limits::ATTRIBUTES),
        );
    }
    let mut checked = BTreeMap::new();
    for (name, value) in attributes.into_iter().take(limits::ATTRIBUTES) {
        let at = join("/attributes", &name);
        let name = name.to_ascii_lowercase();
        let value = value.trim();
        if !is_attribute_name(&name) {
            m.add(
                at,
                "is no attribute name",
                "1 to 64 of a-z, 0-9, '.', '_', '-', the first a letter or digit",
            );
        } else if is_reserved_attribute(&name) {
            m.add(
                at,
                "stands for a member of the stream or its source",
                "the member itself",
            );
        } else if longer_than(value, limits::ATTRIBUTE_VALUE) || value.chars().any(char::is_control)
        {
            let allowed = format!(
                "at most {} characters, no control characters",
                limits::ATTRIBUTE_VALUE
            );
            m.add(at, "has a value that a playlist cannot hold", allowed);
        } else if checked.insert(name, value.to_owned()).is_some() {
            m.add(
                at,
                "is there twice",
                "each attribute once; names are case-insensitive",
            );
        }
    }
    checked
}

/// Whether an M3U attribute (in lower case) may have this name.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    name.len() <= limits::ATTRIBUTE_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Through [`Draft::from_value`], so that there is one reading of a body; all mistakes are in the message.
impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(|mistakes| {
            let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            de::Error::custom(told.join("; "))
        })
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DraftSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftSource").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
