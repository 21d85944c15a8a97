//! Names of users and tokens.

use std::fmt;

use data_encoding::BASE32_DNSSEC;
use serde::{Deserialize, Serialize};

/// The longest name of a user, characters.
const LONGEST: usize = 64;

/// The name of a user: 1 to 64 of `a-z 0-9 . _ @ -`, beginning with a letter or digit. No colon, which ends the name in
/// Basic authentication (RFC 7617, section 2).
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$", example = "ada")]
pub struct UserName(String);

impl UserName {
    /// What a name must be, as the end of "must be ...".
    pub const ALLOWED: &'static str =
        "1 to 64 of a-z, 0-9, dot, underscore, @ and hyphen, beginning with a letter or digit";

    /// Reads a name; `None` unless it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let good = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| plain(b) || b"._@-".contains(&b))
            && text.bytes().next().is_some_and(plain);
        good.then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("a user's name is {}", Self::ALLOWED))
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a token without telling it.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[schema(value_type = String, example = "3l2k0vqsg5u1a")]
pub struct TokenId(String);

impl TokenId {
    /// An id of these bytes.
    pub fn new(random: [u8; 8]) -> Self {
        Self(BASE32_DNSSEC.encode(&random))
    }

    /// Reads an id; `None` unless it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE32_DNSSEC.decode(text.as_bytes()).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in [
            "a",
            "ada.lovelace",
            "noc@example.org",
            "0-1_2",
            &"a".repeat(64),
        ] {
            assert_eq!(UserName::parse(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            ".a",
            "-a",
            "Ada",
            "a b",
            "a:b",
            "a/b",
            "ä",
            "a\n",
            &"a".repeat(65),
        ] {
            assert_eq!(UserName::parse(bad), None, "{bad:?}");
        }
        assert!(serde_json::from_str::<UserName>(r#""A""#).is_err());
    }

    #[test]
    fn ids_of_tokens_come_back() {
        let id = TokenId::new(*b"12345678");
        assert_eq!(TokenId::parse(id.as_str()), Some(id));
        assert_eq!(TokenId::parse("x"), None);
        assert_eq!(TokenId::parse("../../x"), None);
    }
}
