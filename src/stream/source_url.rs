//! Where a source is pulled from: a URL with a scheme that can be pulled.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::limits;

/// The scheme of local files, which only an operator's own definition may use: whoever reads URLs from elsewhere
/// (playlists, redirects) refuses it.
const FILE: &str = "file";

/// The URL of a source, checked: absolute, a known scheme, a host, bounded in length.
///
/// It may carry credentials in its user part, its path (`/live/user/password/7.ts`) and its query, so it has no
/// `Display`, and its `Debug` is [`Self::redacted`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(description = "An absolute URL; its user name and password are kept apart, as credentials.", value_type = String, format = "uri", example = "http://provider.example/live/news/index.m3u8")]
pub struct SourceUrl(Url);

/// How a source is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// HTTP or HTTPS: playlists, manifests and media files, told apart by what comes.
    Http,
    /// The built-in test picture, `test://`.
    Test,
    /// RTSP, over TLS or not (RFC 2326).
    Rtsp,
    /// RTMP, over TLS or not.
    Rtmp,
    /// MPEG-TS in UDP datagrams, unicast or multicast.
    Udp,
    /// MPEG-TS in RTP (RFC 2250), unicast or multicast.
    Rtp,
    /// SRT, calling or listening.
    Srt,
    /// MMS over HTTP (MS-WMSP).
    Mms,
    /// A file under the operator's folder.
    File,
}

/// Why a text is no [`SourceUrl`]. Quotes nothing of the text, which may hold credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Empty.
    #[error("is empty")]
    Empty,
    /// Longer than [`limits::URL`].
    #[error("is longer than {} bytes", limits::URL)]
    TooLong,
    /// Holds a control character, such as a line break.
    #[error("holds a control character")]
    Control,
    /// Without a scheme.
    #[error("is not an absolute URL")]
    Relative,
    /// A scheme that is never pulled, such as `ftp`.
    #[error("has a scheme that sources cannot use")]
    Scheme,
    /// Without a host.
    #[error("names no host")]
    Host,
    /// A file on another machine, or a folder.
    #[error("names no file of this machine (file:///folder/file.ts)")]
    File,
    /// Broken in another way.
    #[error("is not a valid URL ({0})")]
    Syntax(#[from] url::ParseError),
    /// User name or password that is not UTF-8 or holds control characters.
    #[error("has a user name or password that is not plain text")]
    UserInfo,
}

impl SourceUrl {
    /// The schemes of sources that are not files.
    pub const SCHEMES: [&'static str; 12] = [
        "http", "https", "test", "rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt", "mms",
        "mmsh",
    ];
    /// What a source URL may look like, for messages.
    pub const ALLOWED: &'static str = "an absolute URL with the scheme http, https, test, rtsp, rtsps, rtmp, rtmps, udp, rtp, srt, mms, mmsh or \
         file, at most 8192 bytes";

    /// Reads a URL (WHATWG URL, with surrounding white space left out).
    ///
    /// `udp://@:1234`, `rtp://:1234` and `srt://:9000`, which players read as "any address", get the host `0.0.0.0`.
    /// A `|` becomes `%7C`, since playlists put headers behind one.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > limits::URL {
            return Err(UrlError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::Control);
        }
        let given = text.split_once(':').map(|(scheme, _)| scheme);
        let Some(scheme) = given.filter(|s| is_scheme(s)) else {
            return Err(UrlError::Relative);
        };
        let mut known = Self::SCHEMES.iter().chain([&FILE]);
        let Some(scheme) = known.find(|s| s.eq_ignore_ascii_case(scheme)) else {
            return Err(UrlError::Scheme);
        };
        let any_host = any_address(scheme, text);
        let text = any_host.as_deref().unwrap_or(text);
        let url = if text.contains('|') {
            Url::parse(&text.replace('|', "%7C"))
        } else {
            Url::parse(text)
        };
        let url = url.map_err(|e| {
            if e == url::ParseError::EmptyHost {
                UrlError::Host
            } else {
                UrlError::Syntax(e)
            }
        })?;
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        match *scheme {
            FILE if has_host || url.path().ends_with('/') => return Err(UrlError::File),
            _ if url.cannot_be_a_base() => return Err(UrlError::Host),
            "test" | FILE => {}
            _ if !has_host => return Err(UrlError::Host),
            _ => {}
        }
        // Encoding may have made it longer, and what is stored must be readable again.
        if url.as_str().len() > limits::URL {
            return Err(UrlError::TooLong);
        }
        Ok(Self(url))
    }

    /// How it is pulled.
    pub fn kind(&self) -> SourceKind {
        match self.0.scheme() {
            "test" => SourceKind::Test,
            "rtsp" | "rtsps" => SourceKind::Rtsp,
            "rtmp" | "rtmps" => SourceKind::Rtmp,
            "udp" => SourceKind::Udp,
            "rtp" => SourceKind::Rtp,
            "srt" => SourceKind::Srt,
            "mms" | "mmsh" => SourceKind::Mms,
            FILE => SourceKind::File,
            // `parse` lets no other pass.
            _ => SourceKind::Http,
        }
    }

    /// The URL in full, credentials included: for connecting and storing, never for logs.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL in full, credentials included: for connecting and storing, never for logs.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, if it has one (`test://` may have none).
    pub fn host(&self) -> Option<&str> {
        self.0.host_str().filter(|host| !host.is_empty())
    }

    /// `scheme://host[:port]/...`: what may be logged or shown.
    pub fn redacted(&self) -> String {
        let (scheme, host) = (self.0.scheme(), self.0.host_str().unwrap_or_default());
        match self.0.port() {
            Some(port) => format!("{scheme}://{host}:{port}/..."),
            None => format!("{scheme}://{host}/..."),
        }
    }

    /// Whether both have the same scheme, host and port, so that what is secret to one may be sent to the other.
    pub fn same_origin(&self, other: &Self) -> bool {
        let key = |url: &Self| {
            (
                url.0.port_or_known_default(),
                url.0.host_str().map(str::to_ascii_lowercase),
            )
        };
        self.0.scheme() == other.0.scheme() && key(self) == key(other)
    }

    /// Whether user name and password mean something to this scheme. To UDP and RTP the part before the `@` is the
    /// address that a multicast comes from, and stays where it is.
    pub(crate) fn takes_credentials(&self) -> bool {
        !matches!(self.0.scheme(), "test" | "udp" | "rtp" | "srt" | FILE)
    }

    /// Takes user name and password out of the URL of a scheme that has them.
    pub(crate) fn split_user(mut self) -> Result<(Self, Option<(String, String)>), UrlError> {
        if !self.takes_credentials()
            || (self.0.username().is_empty() && self.0.password().is_none())
        {
            return Ok((self, None));
        }
        let plain = |part: &str| match percent_decode_str(part).decode_utf8() {
            Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
            _ => Err(UrlError::UserInfo),
        };
        let user = plain(self.0.username())?;
        let password = plain(self.0.password().unwrap_or_default())?;
        self.0
            .set_username("")
            .and_then(|()| self.0.set_password(None))
            .map_err(|()| UrlError::Host)?;
        let found = !(user.is_empty() && password.is_empty());
        Ok((self, found.then_some((user, password))))
    }

    /// The URL with user name and password in it, the reverse of [`Self::split_user`].
    pub(crate) fn with_user(&self, user: &str, password: &str) -> String {
        let mut url = self.0.clone();
        // The setters encode what would end the user part, but take a `%` as encoded already.
        let (user, password) = (user.replace('%', "%25"), password.replace('%', "%25"));
        let password = Some(password.as_str()).filter(|password| !password.is_empty());
        // Both fail only for URLs without a host, which take no credentials.
        let set = url
            .set_username(&user)
            .and_then(|()| url.set_password(password));
        if set.is_ok() {
            url.into()
        } else {
            self.0.as_str().to_owned()
        }
    }
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// The URL with `0.0.0.0` for a host that was left out, where players allow that.
fn any_address(scheme: &str, text: &str) -> Option<String> {
    if !matches!(scheme, "udp" | "rtp" | "srt") {
        return None;
    }
    let rest = text.get(scheme.len()..)?.strip_prefix("://")?;
    let rest = rest.strip_prefix('@').unwrap_or(rest);
    rest.starts_with(':')
        .then(|| format!("{scheme}://0.0.0.0{rest}"))
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({})", self.redacted())
    }
}

impl TryFrom<String> for SourceUrl {
    type Error = UrlError;
    fn try_from(text: String) -> Result<Self, UrlError> {
        Self::parse(&text)
    }
}

impl From<SourceUrl> for String {
    fn from(url: SourceUrl) -> Self {
        url.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let kind = |text: &str| SourceUrl::parse(text).unwrap().kind();
        assert_eq!(kind("http://h/a.m3u8"), SourceKind::Http);
        assert_eq!(kind(" HTTPS://h/a.ts "), SourceKind::Http);
        assert_eq!(kind("test://"), SourceKind::Test);
        assert_eq!(kind("test://bars?seed=2"), SourceKind::Test);
        assert_eq!(kind("rtsp://h/x"), SourceKind::Rtsp);
        assert_eq!(kind("mmsh://h/x"), SourceKind::Mms);
        assert_eq!(kind("file:///srv/a%20b.ts"), SourceKind::File);
        assert_eq!(kind("file:/srv/a.ts"), SourceKind::File);
        for scheme in SourceUrl::SCHEMES {
            assert!(SourceUrl::ALLOWED.contains(scheme));
        }
    }

    #[test]
    fn refuses_what_is_never_pulled() {
        for (text, why) in [
            ("", UrlError::Empty),
            ("  ", UrlError::Empty),
            ("file://host/share/a.ts", UrlError::File),
            ("file:///srv/", UrlError::File),
            ("concat:a|b", UrlError::Scheme),
            ("javascript:alert(1)", UrlError::Scheme),
            ("data:text/plain,x", UrlError::Scheme),
            ("pipe:0", UrlError::Scheme),
            ("ftp://h/x", UrlError::Scheme),
            ("/live/1.ts", UrlError::Relative),
            ("live.ts", UrlError::Relative),
            ("http://", UrlError::Host),
            ("rtsp:///x", UrlError::Host),
            ("rtsp:x", UrlError::Host),
            ("http://h/a\nb", UrlError::Control),
        ] {
            assert_eq!(SourceUrl::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            SourceUrl::parse(&format!("http://h/{}", "a".repeat(8_200))),
            Err(UrlError::TooLong)
        );
        // Grows beyond the limit only when encoded.
        assert_eq!(
            SourceUrl::parse(&format!("http://h/{}", "é".repeat(3_000))),
            Err(UrlError::TooLong)
        );
        assert!(matches!(
            SourceUrl::parse("http://a b/"),
            Err(UrlError::Syntax(_))
        ));
    }

    #[test]
    fn players_habits_are_read() {
        for (text, read) in [
            ("udp://@:1234", "udp://0.0.0.0:1234"),
            ("UDP://@239.0.0.1:1234", "udp://239.0.0.1:1234"),
            (
                "udp://10.0.0.1@239.0.0.1:1234",
                "udp://10.0.0.1@239.0.0.1:1234",
            ),
            (
                "srt://:9000?mode=listener",
                "srt://0.0.0.0:9000?mode=listener",
            ),
            ("http://h/a|b", "http://h/a%7Cb"),
        ] {
            assert_eq!(SourceUrl::parse(text).unwrap().as_str(), read);
        }
    }

    #[test]
    fn secrets_stay_inside() {
        let url = SourceUrl::parse("http://bob:pw@h:8080/live/bob/pw/7.ts?token=pw#pw").unwrap();
        assert_eq!(url.redacted(), "http://h:8080/...");
        assert_eq!(format!("{url:?}"), "SourceUrl(http://h:8080/...)");
        assert_eq!(
            SourceUrl::parse("https://[::1]/x").unwrap().redacted(),
            "https://[::1]/..."
        );
        assert_eq!(
            SourceUrl::parse("test://").unwrap().redacted(),
            "test:///..."
        );
    }

    #[test]
    fn user_info_goes_out_and_in() {
        let (url, user) = SourceUrl::parse("http://b%40b:p%3Aw%7C@h/x")
            .unwrap()
            .split_user()
            .unwrap();
        assert_eq!(url.as_str(), "http://h/x");
        let (name, password) = user.unwrap();
        assert_eq!((name.as_str(), password.as_str()), ("b@b", "p:w|"));
        assert_eq!(url.with_user(&name, &password), "http://b%40b:p%3Aw%7C@h/x");
        assert_eq!(url.with_user("%41", "%"), "http://%2541:%25@h/x");
        let (url, user) = SourceUrl::parse("udp://10.0.0.1@239.0.0.1:1")
            .unwrap()
            .split_user()
            .unwrap();
        assert_eq!((url.as_str(), user), ("udp://10.0.0.1@239.0.0.1:1", None));
        let broken = SourceUrl::parse("http://a%ff:b@h/").unwrap().split_user();
        assert_eq!(broken.map(|_| ()), Err(UrlError::UserInfo));
    }

    #[test]
    fn origins() {
        let url = |text: &str| SourceUrl::parse(text).unwrap();
        assert!(url("http://h/a").same_origin(&url("http://H:80/b?c")));
        assert!(!url("http://h/a").same_origin(&url("https://h/a")));
        assert!(!url("http://h/a").same_origin(&url("http://h:81/a")));
    }
}
