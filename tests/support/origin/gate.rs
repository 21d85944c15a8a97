//! What a source may demand of those who ask.

use super::answer::{Reply, plain};
use super::serve::Asked;

/// Conditions on a request; the empty gate lets everyone in.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    headers: Vec<(String, String)>,
    authorization: Option<String>,
}

impl Gate {
    /// Lets everyone in.
    pub fn open() -> Self {
        Self::default()
    }

    /// Demands a header with exactly this value; 403 without.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Demands this `User-Agent`; 403 without.
    pub fn user_agent(self, value: &str) -> Self {
        self.header("user-agent", value)
    }

    /// Demands Basic credentials (RFC 7617); 401 without.
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        let pair = base64(format!("{user}:{password}").as_bytes());
        self.authorization = Some(format!("Basic {pair}"));
        self
    }

    /// Demands this bearer token (RFC 6750); 401 without.
    pub fn bearer(mut self, token: &str) -> Self {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }

    /// The refusal, if any.
    pub(super) fn refuses(&self, asked: &Asked) -> Option<Reply> {
        if let Some(wanted) = &self.authorization
            && asked.header("authorization") != Some(wanted)
        {
            let mut reply = plain(401, "text/plain", "who are you?");
            let scheme = if wanted.starts_with("Basic") {
                "Basic realm=\"o\""
            } else {
                "Bearer"
            };
            let scheme = scheme.parse().expect("a legal header");
            reply.headers_mut().insert("www-authenticate", scheme);
            return Some(reply);
        }
        let missing = |(name, value): &(String, String)| asked.header(name) != Some(value);
        self.headers
            .iter()
            .any(missing)
            .then(|| plain(403, "text/plain", "not for you"))
    }
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * at) & 63];
            text.push(if at <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}
