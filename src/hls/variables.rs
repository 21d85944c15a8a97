//! Variables (`EXT-X-DEFINE`, RFC 8216bis, 4.3 and 4.4.2.3): defined, imported, and put into lines.

use std::borrow::Cow;
use std::collections::HashMap;

use url::Url;

use super::lines;
use super::playlist::PlaylistError;

/// Variables of one playlist. Far more than any has.
const MOST: usize = 100;

/// What a playlist has defined; a multivariant playlist passes it on to its media playlists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: HashMap<String, String>,
}

impl Variables {
    /// Takes in one `EXT-X-DEFINE` of the playlist at `base`, whose parent defined `imported`.
    pub(super) fn define(
        &mut self,
        line: usize,
        attributes: &str,
        base: &Url,
        imported: &Self,
    ) -> Result<(), PlaylistError> {
        let undefined = PlaylistError::Undefined { line };
        let (mut named, mut value) = (None, None);
        for (attribute, text) in lines::attributes(attributes) {
            match attribute {
                "NAME" => named = Some(text),
                "VALUE" => value = Some(text.to_owned()),
                "IMPORT" => {
                    named = Some(text);
                    value = imported.values.get(text).cloned();
                }
                "QUERYPARAM" => {
                    named = Some(text);
                    let mut pairs = base.query_pairs();
                    let pair = pairs.find(|(name, value)| name == text && !value.is_empty());
                    value = pair.map(|(_, value)| value.into_owned());
                }
                _ => {}
            }
        }
        let (Some(name), Some(value)) = (named.filter(|n| is_name(n)), value) else {
            return Err(undefined);
        };
        if self.values.len() >= MOST && !self.values.contains_key(name) {
            return Err(undefined);
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// The text with each `{$name}` replaced; what is not such a reference stays. The result has at
    /// most `limit` bytes if anything was replaced. Values are not searched again.
    pub(super) fn expand<'t>(
        &self,
        text: &'t str,
        line: usize,
        limit: usize,
    ) -> Result<Cow<'t, str>, PlaylistError> {
        let Some(first) = text.find("{$") else {
            return Ok(Cow::Borrowed(text));
        };
        let mut expanded = text[..first].to_owned();
        let mut rest = &text[first..];
        while let Some(at) = rest.find("{$") {
            expanded.push_str(&rest[..at]);
            let after = &rest[at + 2..];
            if let Some((name, left)) = after.split_once('}').filter(|(name, _)| is_name(name)) {
                let value = self.values.get(name);
                expanded.push_str(value.ok_or(PlaylistError::Undefined { line })?);
                rest = left;
            } else {
                expanded.push_str("{$");
                rest = after;
            }
            if expanded.len() + rest.len() > limit {
                return Err(PlaylistError::UriTooLong { line });
            }
        }
        expanded.push_str(rest);
        Ok(Cow::Owned(expanded))
    }
}

fn is_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !text.is_empty() && text.bytes().all(legal)
}
