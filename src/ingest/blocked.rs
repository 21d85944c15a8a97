//! Whether the page that comes with a refusal speaks of a block: of the country, the network or the
//! player, not of the account. Pure.

/// What such pages say, in lower case. Only what leaves little doubt: a refusal that is not
/// recognised counts as one of the credentials.
const PHRASES: [&[u8]; 16] = [
    b"not available in your",
    b"unavailable in your",
    b"in your country",
    b"in your region",
    b"from your country",
    b"from your region",
    b"your location",
    b"geo-block",
    b"geoblock",
    b"geo block",
    b"geo-restrict",
    b"georestrict",
    b"country is blocked",
    b"ip has been blocked",
    b"you have been blocked",
    b"ip address has been blocked",
];

/// Looks at the start of a page, at most some kilobytes.
pub(super) fn tells(content_type: &str, page: &[u8]) -> bool {
    let readable = ["text/", "application/json", "application/xml"];
    if !content_type.is_empty() && !readable.iter().any(|kind| content_type.starts_with(kind)) {
        return false;
    }
    let page = page.to_ascii_lowercase();
    let says = |phrase: &&[u8]| page.windows(phrase.len()).any(|window| window == *phrase);
    PHRASES.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_speak_of_a_block_are_told_from_other_refusals() {
        let yes = [
            "<h1>Sorry, this channel is Not Available In Your Region</h1>",
            "{\"error\": \"GEOBLOCK\"}",
            "<title>Attention Required! | Cloudflare</title> Sorry, you have been blocked",
        ];
        for page in yes {
            assert!(tells("text/html", page.as_bytes()), "{page}");
        }
        for page in [
            "",
            "not for you",
            "Invalid username or password",
            "Forbidden",
        ] {
            assert!(!tells("", page.as_bytes()), "{page}");
        }
        assert!(!tells("video/mp2t", b"in your country"));
    }
}
