//! Takes addresses and credentials out of messages that libraries wrote.

/// Longest message kept, in bytes.
const LONGEST: usize = 400;
/// What stands for something taken out.
const REDACTED: &str = "[redacted]";
/// A word that holds one of these before `=` or `:` has a secret after it.
const SECRETS: [&str; 8] = [
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "cookie",
    "apikey",
];

/// Makes a message fit for logs that people share: URLs shrink to their scheme, `user:password@` and named secrets go,
/// control characters become spaces, and what is too long is cut.
pub(super) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut secret_follows = 0u8;
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        if secret_follows > 0 {
            secret_follows -= 1;
            // "Authorization: Basic dXNlcg==" has its secret in the second word after the name
            if is_scheme(word) {
                secret_follows = 1;
            }
            out.push_str(REDACTED);
        } else {
            secret_follows = push_word(&mut out, word);
        }
        if out.len() > LONGEST {
            let mut end = LONGEST;
            while !out.is_char_boundary(end) {
                end -= 1;
            }
            out.truncate(end);
            out.push('…');
            break;
        }
    }
    out
}

/// Appends one word without its secrets; answers how many words after it are secret.
fn push_word(out: &mut String, word: &str) -> u8 {
    if let Some(at) = word.find("://") {
        out.push_str(&word[..at]);
        out.push_str("://");
        out.push_str(REDACTED);
        return 0;
    }
    let lower = word.to_ascii_lowercase();
    let name_end = SECRETS
        .iter()
        .filter_map(|name| lower.find(name).map(|at| at + name.len()))
        .min();
    // from the first sign after the name on it is the value
    let value = name_end.and_then(|end| word[end..].find(['=', ':']).map(|sign| end + sign + 1));
    if let Some(value) = value {
        out.push_str(&word[..value]);
        if value == word.len() {
            return 1;
        }
        out.push_str(REDACTED);
        return 0;
    }
    match word.rfind('@') {
        Some(at) if word[..at].contains(':') => {
            out.push_str(REDACTED);
            out.push_str(&word[at..]);
        }
        _ => out.push_str(word),
    }
    0
}

fn is_scheme(word: &str) -> bool {
    ["basic", "bearer", "digest"].contains(&word.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_go_and_sense_stays() {
        for (text, expected) in [
            (
                "Could not open http://user:pw@host/a?token=1 for reading",
                "Could not open http://[redacted] for reading",
            ),
            (
                "uri=\"rtmp://live/key\", again",
                "uri=\"rtmp://[redacted] again",
            ),
            (
                "Authorization: Basic dXNlcjpwdw== sent",
                "Authorization: [redacted] [redacted] sent",
            ),
            ("password=hunter2 wrong", "password=[redacted] wrong"),
            ("passphrase: hunter2 wrong", "passphrase: [redacted] wrong"),
            (
                "login bob:pw@example.org failed",
                "login [redacted]@example.org failed",
            ),
            (
                "No valid frames decoded before end of stream",
                "No valid frames decoded before end of stream",
            ),
            ("a\u{0}b\nc", "a b c"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let cut = redact(&"ä ".repeat(2000));
        assert!(
            cut.len() <= LONGEST + 4 && cut.ends_with('…'),
            "{}",
            cut.len()
        );
        assert!(redact(&"x".repeat(5000)).len() <= LONGEST + 4);
    }

    proptest! {
        #[test]
        fn never_panics_never_leaks(text in ".*", host in "[a-z]{5,20}") {
            let redacted = redact(&format!("{text} http://{host}hush/ {text}"));
            let leak = format!("{host}hush");
            prop_assert!(!redacted.contains(&leak), "{}", redacted);
        }
    }
}
