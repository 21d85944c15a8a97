//! What is agreed on `permessage-deflate` (RFC 7692).

use axum::http::{HeaderMap, header};

/// The answer when the client has not said anything of our window.
const PLAIN: &str = "permessage-deflate; server_no_context_takeover";
/// The answer to one that asks for the window that we have anyway.
const WINDOW: &str = "permessage-deflate; server_no_context_takeover; server_max_window_bits=15";

/// The answer to the first offer that can be accepted; `None` for no compression.
///
/// Ours is always `server_no_context_takeover`, which a server may choose by itself (7.1.1.1): so each message is deflated
/// once for all clients. Our window is the largest; who asks for a smaller one is declined.
pub(super) fn accept(headers: &HeaderMap) -> Option<&'static str> {
    let all = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let lists = all.filter_map(|value| value.to_str().ok());
    // No quoted value of a parameter that is known has a comma or a semicolon in it.
    lists.flat_map(|list| list.split(',')).find_map(answer)
}

fn answer(offer: &str) -> Option<&'static str> {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut window = false;
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        let bits = value.map(|value| match value {
            "8" | "9" => Some(8),
            "10" | "11" | "12" | "13" | "14" => Some(14),
            "15" => Some(15),
            _ => None,
        });
        let good = match name {
            "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
            // How a client compresses is its own affair: it has nothing to say.
            "client_max_window_bits" => bits.is_none_or(|bits| bits.is_some()),
            "server_max_window_bits" => {
                window = true;
                bits == Some(Some(15))
            }
            _ => false,
        };
        if !good || seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(if window { WINDOW } else { PLAIN })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepted(offers: &[&'static str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            let value = HeaderValue::from_static(offer);
            headers.append(header::SEC_WEBSOCKET_EXTENSIONS, value);
        }
        accept(&headers)
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_accepted() {
        let plain = [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "x-other, Permessage-Deflate;client_max_window_bits=10; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        ];
        for offer in plain {
            assert_eq!(accepted(&[offer]), Some(PLAIN), "{offer}");
        }
        let window = r#"permessage-deflate; server_max_window_bits="15""#;
        assert_eq!(accepted(&["x", window]), Some(WINDOW));
    }

    #[test]
    fn offers_that_cannot_be_kept_are_declined() {
        let bad = [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; unknown",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
        ];
        for offer in bad {
            assert_eq!(accepted(&[offer]), None, "{offer}");
        }
        assert_eq!(accepted(&[]), None);
    }
}
