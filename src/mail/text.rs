//! The text of a mail.

use std::fmt::Write;

use crate::alerts::{Item, ItemKind, Notification, wording};

/// What is told together, under its heading, in the order of the mail.
pub(super) fn sections(notification: &Notification) -> Vec<(&'static str, ItemKind, Vec<&Item>)> {
    let sections = [
        ("Test", ItemKind::Test),
        ("Raised", ItemKind::Raised),
        ("Still raised", ItemKind::StillRaised),
        ("Not acknowledged", ItemKind::Escalated),
        ("Recovered", ItemKind::Cleared),
    ];
    let with_items = sections.map(|(heading, kind)| {
        let items = notification.items.iter().filter(|item| item.kind == kind);
        (heading, kind, items.collect::<Vec<_>>())
    });
    let told = with_items.into_iter();
    told.filter(|(_, _, items)| !items.is_empty()).collect()
}

/// What is beside the items, a sentence each.
pub(super) fn notes(notification: &Notification) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(common) = &notification.common {
        notes.push(format!(
            "Common to most of them: {}.",
            wording::common(common)
        ));
    }
    if notification.more > 0 {
        notes.push(format!("{} more are not listed.", notification.more));
    }
    match notification.held_back {
        0 => {}
        1 => notes.push("1 change was held back since the last notification.".to_owned()),
        n => notes.push(format!(
            "{n} changes were held back since the last notification."
        )),
    }
    notes
}

/// What is told of an item beside its name and its sentence.
pub(super) fn details(item: &Item) -> String {
    let condition = &item.condition;
    let mut words = Vec::new();
    if item.kind != ItemKind::Test {
        words.push(condition.severity.as_str().to_owned());
    }
    words.push(format!("since {}", wording::time(condition.since)));
    if let Some(end) = condition.cleared_at {
        words.push(format!("until {}", wording::time(end)));
    }
    if let Some(group) = &item.group {
        words.push(format!(
            "group {}",
            wording::clean(group, wording::MOST_NAME)
        ));
    }
    match item.held_back {
        0 => {}
        1 => words.push("came and went once before, untold".to_owned()),
        n => words.push(format!("came and went {n} times before, untold")),
    }
    words.join(", ")
}

/// Who tells it.
pub(super) fn footer(notification: &Notification, installation: &str) -> String {
    let installation = wording::clean(installation, wording::MOST_NAME);
    format!(
        "Sightglass, {installation}. Notification {} of {}.",
        notification.id,
        wording::time(notification.at)
    )
}

/// The whole text.
pub(super) fn text(notification: &Notification, installation: &str) -> String {
    let mut out = format!("{}\n", wording::title(notification));
    // Writing to a String does not fail.
    for (heading, _, items) in sections(notification) {
        let _ = write!(out, "\n{heading} ({})\n", items.len());
        for item in items {
            let (name, id) = (wording::name(item), &item.stream);
            let sentence = wording::sentence(item, notification.at);
            let _ = writeln!(out, "- {name} ({id}): {sentence}\n  {}", details(item));
        }
    }
    for note in notes(notification) {
        let _ = write!(out, "\n{note}\n");
    }
    // What is below is a signature to mail programs (RFC 3676, 4.3).
    let _ = write!(out, "\n-- \n{}\n", footer(notification, installation));
    out
}
