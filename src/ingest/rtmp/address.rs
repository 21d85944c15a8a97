//! What an RTMP URL means: where to connect, and what to ask for. Pure.

use percent_encoding::percent_decode_str;
use url::Url;

/// Where to connect, and what to ask for.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// RTMPS.
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// The application, with its instance where the path has three segments or more.
    pub(super) app: String,
    /// The stream, with the query.
    pub(super) play_path: String,
}

impl Address {
    /// Splits a URL as players do: `rtmp://host/app/stream?query`, `rtmp://host/app/instance/stream`,
    /// `rtmp://host/app?query/stream`. `None` when it is not of this protocol.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return None,
        };
        let path = plain(url.path().trim_start_matches('/'));
        let query = url.query();
        let with_query = |text: &str| match query {
            Some(query) => format!("{text}?{query}"),
            None => text.to_owned(),
        };
        let (app, play_path) = match (split(&path), query.and_then(|q| q.rsplit_once('/'))) {
            (Some((app, name)), _) => (app.to_owned(), with_query(&prefixed(name))),
            (None, Some((query, name))) => (format!("{path}?{query}"), prefixed(name)),
            (None, None) => (with_query(&path), String::new()),
        };
        Some(Self {
            tls,
            host: url.host_str()?.to_owned(),
            port: url.port().unwrap_or(if tls { 443 } else { 1935 }),
            app,
            play_path,
        })
    }

    /// Whether what is secret to one may be told to the other.
    pub(super) fn same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// `rtmp` or `rtmps`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "rtmps" } else { "rtmp" }
    }

    /// The URL of the application, as the `connect` command wants it.
    pub(super) fn tc_url(&self) -> String {
        let scheme = self.scheme();
        format!("{scheme}://{}:{}/{}", self.host, self.port, self.app)
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Application and stream names are often keys.
        f.debug_struct("Address")
            .field("tls", &self.tls)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// The application, and the stream in it. Two segments belong to the application when there are more.
fn split(path: &str) -> Option<(&str, &str)> {
    let (first, rest) = path.split_once('/')?;
    // `mp4:films/a.mp4` is one name.
    match rest.split_once('/') {
        Some((instance, name)) if !instance.contains(':') && !name.is_empty() => {
            Some((&path[..first.len() + 1 + instance.len()], name))
        }
        _ => Some((first, rest)),
    }
}

/// The name of a file as media servers want it: `mp4:a.mp4`, and `a` for `a.flv`.
fn prefixed(name: &str) -> String {
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    match suffix {
        "mp4" | "f4v" if !name.contains(':') => format!("mp4:{name}"),
        "flv" => name.strip_suffix(".flv").unwrap_or(name).to_owned(),
        _ => name.to_owned(),
    }
}

/// Names go out as they were typed, not as a URL writes them. A query stays encoded: servers decode it.
fn plain(path: &str) -> String {
    match percent_decode_str(path).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => text.into_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_as_players_split_them() {
        for (url, app, play_path) in [
            ("rtmp://h/live/one", "live", "one"),
            (
                "rtmp://h/live/one?token=a/b%2B&x=1",
                "live",
                "one?token=a/b%2B&x=1",
            ),
            ("rtmp://h/app/inst/a/b?k=v", "app/inst", "a/b?k=v"),
            (
                "rtmp://h/live?vhost=v.example/one",
                "live?vhost=v.example",
                "one",
            ),
            ("rtmp://h/live", "live", ""),
            ("rtmp://h/live?key=1", "live?key=1", ""),
            ("rtmp://h/live/", "live", ""),
            ("rtmp://h", "", ""),
            ("rtmp://h/vod/film.mp4", "vod", "mp4:film.mp4"),
            ("rtmp://h/vod/mp4:a/film.mp4", "vod", "mp4:a/film.mp4"),
            ("rtmp://h/vod/film.flv?t=1", "vod", "film?t=1"),
            ("rtmp://h/live/my%20show", "live", "my show"),
        ] {
            let address = Address::of(&url.parse().unwrap()).unwrap();
            assert_eq!(
                (&*address.app, &*address.play_path),
                (app, play_path),
                "{url}"
            );
        }
    }

    #[test]
    fn ports_and_hosts() {
        let of = |url: &str| Address::of(&url.parse().unwrap());
        let address = of("rtmps://[2001:db8::1]/a/b").unwrap();
        assert_eq!((address.tls, address.port), (true, 443));
        assert_eq!(address.tc_url(), "rtmps://[2001:db8::1]:443/a");
        assert_eq!(of("rtmp://h:1936/a/b").unwrap().tc_url(), "rtmp://h:1936/a");
        assert_eq!(of("http://h/a"), None);
        let same = |a, b| of(a).unwrap().same_server(&of(b).unwrap());
        assert!(same("rtmp://h/a/b", "rtmp://h:1935/c"));
        assert!(!same("rtmps://h:1935/a/b", "rtmp://h/a/b"));
        let shown = format!("{:?}", of("rtmp://h/key/secret").unwrap());
        assert!(
            !shown.contains("key") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
