//! Which streams a list shows.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{IntoParams, ToSchema};

use super::Definition;

/// What a stream does now.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = StreamState)]
pub enum State {
    /// Nobody asks for it, so nothing is pulled.
    Idle,
    /// The pull waits for a connection among those of its source's account.
    Waiting,
    /// The pull has started and no media has come yet.
    Connecting,
    /// Media comes.
    Up,
    /// The pull failed and is tried again.
    Down,
    /// Its definition says that it is not to be pulled.
    Disabled,
}

/// Which streams to list; what is absent or empty does not filter. All that is there must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
#[schema(as = StreamFilter)]
pub struct Filter {
    /// Only streams of this very group.
    #[param(example = "News")]
    pub group: Option<String>,
    /// Only streams in this state.
    #[param(value_type = Option<State>, inline)]
    pub state: Option<State>,
    /// Only streams with this text, in any case, in name, id, group, `tvg_id` or a tag.
    #[param(example = "bbc")]
    pub text: Option<String>,
    /// Only enabled, or only disabled, streams.
    pub enabled: Option<bool>,
    /// Only streams with this very tag.
    pub tag: Option<String>,
}

impl Filter {
    /// Prepares the filter for many streams.
    pub fn matcher(&self) -> Matcher<'_> {
        let given =
            |value: &'_ Option<String>| value.as_ref().is_some_and(|v| !v.trim().is_empty());
        Matcher {
            group: self.group.as_deref().filter(|_| given(&self.group)),
            tag: self.tag.as_deref().filter(|_| given(&self.tag)),
            text: self
                .text
                .as_deref()
                .filter(|_| given(&self.text))
                .map(|text| text.trim().to_lowercase()),
            state: self.state,
            enabled: self.enabled,
        }
    }

    /// Whether one stream is listed.
    pub fn matches(&self, definition: &Definition, state: State) -> bool {
        self.matcher().matches(definition, state)
    }
}

/// A [`Filter`] made ready.
#[derive(Debug, Clone)]
pub struct Matcher<'f> {
    group: Option<&'f str>,
    tag: Option<&'f str>,
    text: Option<String>,
    state: Option<State>,
    enabled: Option<bool>,
}

impl Matcher<'_> {
    /// Whether a stream is listed.
    pub fn matches(&self, definition: &Definition, state: State) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
            && self
                .enabled
                .is_none_or(|wanted| wanted == definition.enabled)
            && self
                .group
                .is_none_or(|wanted| definition.group.as_deref() == Some(wanted))
            && self
                .tag
                .is_none_or(|wanted| definition.tags.iter().any(|tag| tag == wanted))
            && self
                .text
                .as_deref()
                .is_none_or(|wanted| holds_text(definition, wanted))
    }
}

fn holds_text(definition: &Definition, wanted: &str) -> bool {
    let texts = [Some(definition.name.as_str()), Some(definition.id.as_str())];
    let optional = [definition.group.as_deref(), definition.tvg_id.as_deref()];
    let texts = texts.into_iter().chain(optional).flatten();
    texts
        .chain(definition.tags.iter().map(String::as_str))
        .any(|text| lower(text).contains(wanted))
}

fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_lower {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// Which part of a list to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many to leave out at the start.
    #[schema(default = 0)]
    #[param(default = 0)]
    pub offset: usize,
    /// How many to show, 1 to 1000.
    #[serde(deserialize_with = "limit")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: usize,
}

impl Page {
    /// Most items of one page.
    pub const MOST: usize = 1_000;

    /// The items of the page, and how many there are in all.
    pub fn of<T>(&self, items: impl IntoIterator<Item = T>) -> (Vec<T>, usize) {
        let mut items = items.into_iter();
        let skipped = items.by_ref().take(self.offset).count();
        let page: Vec<T> = items.by_ref().take(self.limit.min(Self::MOST)).collect();
        let total = skipped + page.len() + items.count();
        (page, total)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            offset: 0,
            limit: 100,
        }
    }
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let limit = usize::deserialize(deserializer)?;
    if (1..=Page::MOST).contains(&limit) {
        Ok(limit)
    } else {
        Err(de::Error::custom("limit must be 1 to 1000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Draft;
    use serde_json::json;

    fn stream() -> Definition {
        let body = json!({"id": "bbc1", "name": "BBC Öne", "group": "UK", "tvg_id": "bbc1.uk", "tags": ["HD"],
            "sources": [{"url": "http://secret/"}]});
        Draft::define(body, None, |_| false).unwrap()
    }

    #[test]
    fn filters() {
        let hit = |filter: serde_json::Value| {
            serde_json::from_value::<Filter>(filter)
                .unwrap()
                .matches(&stream(), State::Up)
        };
        for yes in [
            json!({}),
            json!({"group": "UK", "state": "up", "text": "öNE", "enabled": true, "tag": "HD"}),
            json!({"text": "C1.UK"}),
            json!({"text": "uk"}),
            json!({"text": " hd "}),
            json!({"group": "", "text": "", "tag": ""}),
        ] {
            assert!(hit(yes.clone()), "{yes}");
        }
        for no in [
            json!({"group": "uk"}),
            json!({"state": "down"}),
            json!({"text": "secret"}),
            json!({"enabled": false}),
            json!({"tag": "hd"}),
            json!({"text": "bbc", "state": "idle"}),
        ] {
            assert!(!hit(no.clone()), "{no}");
        }
    }

    #[test]
    fn pages() {
        let page = |offset, limit| Page { offset, limit }.of(0..10);
        assert_eq!(page(0, 3), (vec![0, 1, 2], 10));
        assert_eq!(page(8, 5), (vec![8, 9], 10));
        assert_eq!(page(99, 5), (vec![], 10));
        assert_eq!(
            serde_json::from_value::<Page>(json!({})).unwrap(),
            Page {
                offset: 0,
                limit: 100
            }
        );
        for bad in [
            json!({"limit": 0}),
            json!({"limit": 1001}),
            json!({"offset": -1}),
        ] {
            assert!(serde_json::from_value::<Page>(bad).is_err());
        }
    }
}
