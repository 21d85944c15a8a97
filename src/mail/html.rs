//! The HTML of a mail: tables and inline styles, which is what mail programs show alike.

use std::fmt::Write;

use super::text::{details, footer, notes, sections};
use crate::alerts::{Item, ItemKind, Notification, Picture, wording};
use crate::conditions::Severity;

/// Widths of a picture that is alone, and of one among several, pixels.
const WIDE: u32 = 480;
const NARROW: u32 = 208;
/// Pictures in a row.
const IN_ROW: usize = 3;
/// Items that have a line of their own for details.
const FEW: usize = 10;

/// The content id of a picture.
pub(super) fn content_id(notification: &Notification, place: usize) -> String {
    format!("picture-{place}.{}@sightglass", notification.id)
}

/// The whole page. `pictures` are attached under their [`content_id`].
pub(super) fn html(notification: &Notification, installation: &str) -> String {
    let title = wording::title(notification);
    let colour = colour(notification);
    // Plain text is what counts; the table is as wide as a phone lets it be.
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:16px;font:15px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n\
         <div style=\"max-width:700px;margin:0 auto\">\n\
         <h1 dir=\"auto\" style=\"font-size:19px;line-height:1.3;margin:0 0 16px;padding:2px 0 2px 12px;\
         border-left:5px solid {colour};overflow-wrap:anywhere\">{title}</h1>\n",
        title = escape(&title),
    );
    pictures(&mut out, notification);
    // Writing to a String does not fail.
    for (heading, kind, items) in sections(notification) {
        let _ = write!(
            out,
            "<h2 style=\"font-size:15px;margin:20px 0 4px\">{heading} ({})</h2>\n\
             <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
             style=\"border-collapse:collapse\">\n",
            items.len()
        );
        for item in items {
            row(&mut out, item, kind, notification);
        }
        out.push_str("</table>\n");
    }
    for note in notes(notification) {
        let _ = writeln!(
            out,
            "<p style=\"margin:16px 0 0\" dir=\"auto\">{}</p>",
            escape(&note)
        );
    }
    let _ = write!(
        out,
        "<p style=\"margin:24px 0 0;font-size:12px;color:#737373\">{}</p>\n</div></body></html>\n",
        escape(&footer(notification, installation))
    );
    out
}

fn row(out: &mut String, item: &Item, kind: ItemKind, notification: &Notification) {
    let colour = match kind {
        ItemKind::Cleared => RECOVERED,
        ItemKind::Test => INFO,
        ItemKind::Raised | ItemKind::StillRaised | ItemKind::Escalated => {
            of_severity(item.condition.severity)
        }
    };
    let few = notification.items.len() <= FEW;
    let between = if few { "<br>" } else { " " };
    let _ = writeln!(
        out,
        "<tr><td style=\"padding:7px 0;border-top:1px solid #d4d4d4;overflow-wrap:anywhere\">\
         <span style=\"color:{colour}\">&#9679;</span> <b><bdi>{}</bdi></b> \
         <span style=\"color:#737373\">{}</span><br><bdi>{}</bdi>{between}\
         <span style=\"font-size:12px;color:#737373\"><bdi>{}</bdi></span></td></tr>",
        escape(&wording::name(item)),
        escape(item.stream.as_str()),
        escape(&wording::sentence(item, notification.at)),
        escape(&details(item)),
    );
}

fn pictures(out: &mut String, notification: &Notification) {
    let width = if notification.pictures.len() == 1 {
        WIDE
    } else {
        NARROW
    };
    let places: Vec<_> = notification.pictures.iter().enumerate().collect();
    for row in places.chunks(IN_ROW) {
        out.push_str("<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\"><tr>\n");
        for (place, picture) in row {
            let caption = escape(&caption(notification, picture));
            let _ = writeln!(
                out,
                "<td valign=\"top\" width=\"{width}\" style=\"padding:0 12px 8px 0\"><img src=\"cid:{}\" width=\"{width}\" alt=\"{caption}\" \
                 style=\"display:block;max-width:100%;height:auto;border-radius:4px\">\
                 <span style=\"font-size:12px;color:#737373\"><bdi>{caption}</bdi></span></td>",
                content_id(notification, *place)
            );
        }
        out.push_str("</tr></table>\n");
    }
}

fn caption(notification: &Notification, picture: &Picture) -> String {
    let item = notification
        .items
        .iter()
        .find(|item| item.stream == picture.stream);
    let name = item.map_or_else(|| picture.stream.to_string(), wording::name);
    format!("{name}, {}", wording::time(picture.at))
}

const RECOVERED: &str = "#067647";
const INFO: &str = "#175cd3";

fn colour(notification: &Notification) -> &'static str {
    let over = notification
        .items
        .iter()
        .any(|item| item.kind == ItemKind::Cleared);
    match wording::severity(notification) {
        Some(severity) => of_severity(severity),
        None if over => RECOVERED,
        None => INFO,
    }
}

fn of_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#d92d20",
        Severity::Warning => "#dc6803",
        Severity::Info => INFO,
    }
}

/// Text between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
