//! What a client takes, by the lists in its header fields (RFC 9110, 12.5).

use axum::http::{HeaderMap, HeaderName, header};

/// Whether the client names this media type in `Accept`, and not only to refuse it. `*/*` names none.
pub(super) fn asks_for(headers: &HeaderMap, media_type: &str) -> bool {
    let weight = weight(headers, header::ACCEPT, media_type);
    weight.is_some_and(|weight| weight > 0.0)
}

/// Whether the client takes what is compressed with gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = |name| weight(headers, header::ACCEPT_ENCODING, name);
    let gzip = ["gzip", "x-gzip", "*"].into_iter().find_map(named);
    gzip.is_some_and(|gzip| gzip > 0.0)
}

/// The items of a list, which may be in several fields.
pub(super) fn items(headers: &HeaderMap, field: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(field).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// The weight of what is called so in a list such as `text/html, */*;q=0.8`; none if it is not named.
fn weight(headers: &HeaderMap, field: HeaderName, name: &str) -> Option<f32> {
    items(headers, field).find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(name) {
            return None;
        }
        let told = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Some(told.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn gzip_is_for_who_takes_it() {
        for (accepted, takes) in [
            (&["gzip, deflate, br"][..], true),
            (&["deflate;q=1.0, GZIP;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["x-gzip"], true),
            (&["*"], true),
            (&["*;q=0, gzip"], true),
            (&[], false),
            (&["identity"], false),
            (&["gzip;q=0, *"], false),
            (&["*, gzip; q=0.000"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in accepted {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(takes_gzip(&headers), takes, "{accepted:?}");
        }
    }

    #[test]
    fn a_media_type_is_asked_for_by_its_name() {
        for (accepted, asked) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json, text/html;q=0.1", true),
            ("text/html;q=0", false),
            ("*/*", false),
        ] {
            let accept = (header::ACCEPT, HeaderValue::from_static(accepted));
            let headers = HeaderMap::from_iter([accept]);
            assert_eq!(asks_for(&headers, "text/html"), asked, "{accepted}");
        }
        assert!(!asks_for(&HeaderMap::new(), "text/html"));
    }
}
