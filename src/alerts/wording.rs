//! How a notification is put into words: the same for mail, webhooks and Alertmanager.
//!
//! Names of streams come from strangers' playlists: what would break a line, hide text or turn its direction is taken
//! out, and what is long is cut.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;

use super::{Common, Item, ItemKind, Notification};
use crate::conditions::{Kind, Severity};

/// Most characters of a name in a line of text.
pub const MOST_NAME: usize = 80;
/// Most characters of a title.
pub const MOST_TITLE: usize = 160;
/// Kinds of conditions that a title names.
const MOST_KINDS: usize = 3;

/// What is the matter, in a line: the subject of a mail.
///
/// ```text
/// [critical] BBC One: down
/// [recovered] BBC One: down for 12 min
/// [critical] 200 streams of account acme: down
/// [warning] 12 streams: 8 continuity errors, 4 slow segments; 3 recovered
/// ```
pub fn title(notification: &Notification) -> String {
    let items = &notification.items;
    let title = match items.as_slice() {
        [] => "[info] nothing to tell".to_owned(),
        [one] if notification.more == 0 => title_of_one(one, notification.at),
        _ => title_of_many(notification),
    };
    clean(&title, MOST_TITLE)
}

/// The gravest severity of what is raised; none where all is over, or only a test.
pub fn severity(notification: &Notification) -> Option<Severity> {
    let items = notification.items.iter();
    let raised = items.filter(|item| item.kind.is_raised());
    raised.map(|item| item.condition.severity).max()
}

/// What is the matter with one stream, in a sentence without its name.
pub fn sentence(item: &Item, now: Timestamp) -> String {
    let what = label(item.condition.kind);
    match item.kind {
        ItemKind::Raised => {
            let proof = clean(&item.condition.evidence.text, 240);
            if proof.is_empty() {
                what
            } else {
                format!("{what}: {proof}")
            }
        }
        ItemKind::Cleared => {
            let end = item.condition.cleared_at.unwrap_or(item.at);
            format!(
                "no longer {what}, after {}",
                span(item.condition.since, end)
            )
        }
        ItemKind::StillRaised => format!("still {what}, after {}", span(item.condition.since, now)),
        ItemKind::Escalated => {
            let lasts = span(item.condition.since, now);
            format!("still {what} after {lasts}, and nobody has acknowledged it")
        }
        ItemKind::Test => "a test: nothing is wrong".to_owned(),
    }
}

/// A kind of condition in words.
pub fn label(kind: Kind) -> String {
    let words = match kind {
        Kind::Stale => "stale playlist",
        Kind::Black => "black picture",
        Kind::Frozen => "frozen picture",
        Kind::Continuity => "continuity errors",
        Kind::Transport => "broken transport stream",
        Kind::Timing => "timing errors",
        Kind::Bitrate => "unusual bitrate",
        Kind::Playlist => "playlist errors",
        Kind::Slow => "slow segments",
        Kind::Blocked => "blocked by the provider",
        Kind::OwnNetwork => "fault of our own network",
        other => return other.as_str().replace('_', " "),
    };
    words.to_owned()
}

/// The name of a stream as it is shown; its id where it has none.
pub fn name(item: &Item) -> String {
    if item.stream.is_server() {
        return "this server".to_owned();
    }
    let name = clean(&item.name, MOST_NAME);
    if name.is_empty() {
        item.stream.to_string()
    } else {
        name
    }
}

/// What the items share, in words.
pub fn common(common: &Common) -> String {
    let (what, name) = match common {
        Common::Account(name) => ("account", name),
        Common::Host(name) => ("host", name),
        Common::Group(name) => ("group", name),
    };
    format!("{what} {}", clean(name, MOST_NAME))
}

/// A length of time for people: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A time for people: `2026-11-22 11:20:05 UTC`.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Text in one line: without control characters and those that hide text or turn its direction, spaces single, cut at
/// `most` characters.
pub fn clean(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut characters = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut first = true;
        for c in word.chars().filter(|c| !is_hidden(*c)) {
            if first && characters > 0 {
                out.push(' ');
                characters += 1;
            }
            first = false;
            if characters >= most {
                while characters >= most && out.pop().is_some() {
                    characters -= 1;
                }
                out.truncate(out.trim_end().len());
                out.push('…');
                return out;
            }
            out.push(c);
            characters += 1;
        }
    }
    out
}

/// Takes no room, or changes where other characters stand.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn title_of_one(item: &Item, now: Timestamp) -> String {
    let (name, what) = (name(item), label(item.condition.kind));
    let severity = item.condition.severity.as_str();
    let since = item.condition.since;
    match item.kind {
        ItemKind::Raised => format!("[{severity}] {name}: {what}"),
        ItemKind::Cleared => {
            let end = item.condition.cleared_at.unwrap_or(item.at);
            format!("[recovered] {name}: {what} for {}", span(since, end))
        }
        ItemKind::StillRaised => {
            let lasts = span(since, now);
            format!("[{severity}] {name}: still {what} after {lasts}")
        }
        ItemKind::Escalated => {
            let lasts = span(since, now);
            format!("[{severity}] {name}: still {what} after {lasts}, unacknowledged")
        }
        ItemKind::Test => "[test] Alerts from Sightglass arrive".to_owned(),
    }
}

fn title_of_many(notification: &Notification) -> String {
    let of = |cleared: bool| {
        let items = notification.items.iter();
        items.filter(move |item| (item.kind == ItemKind::Cleared) == cleared)
    };
    let streams = |cleared| {
        of(cleared)
            .map(|item| &item.stream)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let shared = notification.common.as_ref();
    let shared = shared.map_or_else(String::new, |it| format!(" of {}", common(it)));
    let (raised, cleared) = (streams(false), streams(true));
    let (mark, count, wanted) = match severity(notification) {
        Some(severity) => (severity.as_str(), raised, false),
        None if raised > 0 => ("test", raised, false),
        None => ("recovered", cleared, true),
    };
    let plural = if count == 1 { "stream" } else { "streams" };
    let mut title = format!("[{mark}] {count} {plural}{shared}: {}", kinds(of(wanted)));
    if !wanted && cleared > 0 {
        let _ = write!(title, "; {cleared} recovered"); // writing to a String does not fail
    }
    if notification.more > 0 {
        let _ = write!(title, "; {} more", notification.more);
    }
    title
}

/// The kinds of conditions with their numbers, the most frequent first; without numbers if there is one kind alone.
fn kinds<'i>(items: impl Iterator<Item = &'i Item>) -> String {
    let mut counts: Vec<(Kind, usize)> = Vec::new();
    for item in items {
        match counts
            .iter_mut()
            .find(|(kind, _)| *kind == item.condition.kind)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((item.condition.kind, 1)),
        }
    }
    if let [(kind, _)] = counts.as_slice() {
        return label(*kind);
    }
    counts.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let others: usize = counts.iter().skip(MOST_KINDS).map(|(_, count)| count).sum();
    let named = counts.iter().take(MOST_KINDS);
    let mut words: Vec<_> = named
        .map(|(kind, count)| format!("{count} {}", label(*kind)))
        .collect();
    if others > 0 {
        words.push(format!("{others} others"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{item, notification};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_title_says_what_is_wrong() {
        let down = |n: usize| item(&format!("s{n}"), &format!("Channel {n}"), Kind::Down);
        let mut one = notification(vec![down(1)]);
        assert_eq!(title(&one), "[critical] Channel 1: down");
        one.items[0].kind = ItemKind::Cleared;
        one.items[0].condition.cleared_at = Some("2026-11-22T10:12:30Z".parse().unwrap());
        assert_eq!(title(&one), "[recovered] Channel 1: down for 12 min");
        one.items[0].kind = ItemKind::Escalated;
        one.at = "2026-11-22T13:05:00Z".parse().unwrap();
        let still = "[critical] Channel 1: still down after 3 h 5 min, unacknowledged";
        assert_eq!(title(&one), still);

        let mut many = notification((0..200).map(down).collect());
        many.common = Some(Common::Account("acme".to_owned()));
        assert_eq!(title(&many), "[critical] 200 streams of account acme: down");
        many.common = None;
        for n in 0..40 {
            many.items[n].condition.kind = Kind::Black;
            many.items[n + 100].kind = ItemKind::Cleared;
        }
        many.more = 7;
        assert_eq!(
            title(&many),
            "[critical] 160 streams: 120 down, 40 black picture; 40 recovered; 7 more"
        );
        many.items
            .iter_mut()
            .for_each(|it| it.kind = ItemKind::Cleared);
        assert_eq!(
            title(&many),
            "[recovered] 200 streams: 160 down, 40 black picture; 7 more"
        );
    }

    #[test]
    fn hostile_names_are_cleaned_and_cut() {
        let name = "Evil\r\nBcc: <victim@example.org>\u{202e}\u{200b}txt.exe\0";
        let evil = notification(vec![item("evil", name, Kind::Down)]);
        let expected = "[critical] Evil Bcc: <victim@example.org>txt.exe: down";
        assert_eq!(title(&evil), expected);
        assert_eq!(clean("  a \t b  ", 80), "a b");
        assert_eq!(clean(&"ä".repeat(100), 10), format!("{}…", "ä".repeat(9)));
        assert_eq!(clean("abcdef ghi", 7), "abcdef…");
        assert_eq!(clean("abcdef", 6), "abcdef");
        let none = item("evil", "\u{200b}\n", Kind::Down);
        assert_eq!(super::name(&none), "evil");
    }

    proptest! {
        #[test]
        fn clean_text_is_one_bounded_line(text in ".{0,200}", most in 1_usize..60) {
            let cleaned = clean(&text, most);
            prop_assert!(cleaned.chars().count() <= most);
            prop_assert!(!cleaned.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(clean(&cleaned, most), cleaned);
        }
    }
}
