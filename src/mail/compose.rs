//! A notification as a message (RFC 5322): text and HTML, with pictures in the HTML (RFC 2387).

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox as LettreMailbox, MultiPart, SinglePart};

use super::{html, text};
use crate::alerts::{ItemKind, MOST_THUMBNAILS, MailAddress, Mailbox, Notification, wording};
use crate::notify::{Failure, Stage, Verdict};

/// A message as it goes over the wire.
///
/// Its `Message-ID` is that of the notification, so that a repetition can be told from another mail. What becomes of
/// one condition stands in one thread. It names itself automatic, so that nothing answers it (RFC 3834).
pub(super) fn compose(
    notification: &Notification,
    from: &Mailbox,
    to: &[MailAddress],
    installation: &str,
) -> Result<Vec<u8>, Failure> {
    let id = |what: String| format!("<{what}@{}>", from.address.domain());
    let mut message = Message::builder()
        .from(mailbox(from.name.as_deref(), &from.address)?)
        .subject(wording::title(notification))
        .date(SystemTime::from(notification.at))
        .message_id(Some(id(notification.id.to_string())))
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"));
    if let Some(thread) = thread(notification) {
        message = message.references(id(thread));
    }
    for address in to {
        message = message.to(mailbox(None, address)?);
    }
    let text = text::text(notification, installation);
    let mut page =
        MultiPart::related().singlepart(SinglePart::html(html::html(notification, installation)));
    for (place, picture) in notification
        .pictures
        .iter()
        .enumerate()
        .take(MOST_THUMBNAILS)
    {
        let inline = Attachment::new_inline(html::content_id(notification, place));
        let jpeg = ContentType::parse("image/jpeg").map_err(|_| unusable("a media type"))?;
        page = page.singlepart(inline.body(picture.jpeg.clone(), jpeg));
    }
    let body = MultiPart::alternative()
        .singlepart(SinglePart::plain(text))
        .multipart(page);
    let message = message
        .multipart(body)
        .map_err(|_| unusable("its headers"))?;
    Ok(message.formatted())
}

/// What mails of one condition refer to: it was never sent, but mail programs put together what refers to the same.
fn thread(notification: &Notification) -> Option<String> {
    let [item] = notification.items.as_slice() else {
        return None;
    };
    let (kind, since) = (
        item.condition.kind.as_str(),
        item.condition.since.as_second(),
    );
    // Ids of streams may hold what a message id may not.
    let stream = data_encoding::HEXLOWER.encode(item.stream.as_str().as_bytes());
    (item.kind != ItemKind::Test).then(|| format!("{kind}.{since}.{stream}"))
}

fn mailbox(name: Option<&str>, address: &MailAddress) -> Result<LettreMailbox, Failure> {
    let address = address
        .as_str()
        .parse()
        .map_err(|_| unusable("an address"))?;
    Ok(LettreMailbox::new(name.map(str::to_owned), address))
}

fn raw(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn unusable(what: &str) -> Failure {
    Failure::new(
        Stage::Data,
        Verdict::Never,
        format!("the mail cannot be made: {what} cannot be used"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{item, notification};
    use crate::conditions::Kind;
    use proptest::prelude::*;

    fn composed(told: &Notification) -> String {
        let from = Mailbox::parse("Sightglass <alerts@example.org>").unwrap();
        let to = ["a@example.org", "b@example.org"].map(|it| MailAddress::parse(it).unwrap());
        String::from_utf8(compose(told, &from, &to, "production").unwrap()).unwrap()
    }

    fn headers(mail: &str) -> Vec<(&str, String)> {
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        let mut headers: Vec<(&str, String)> = Vec::new();
        for line in head.split("\r\n") {
            if let Some(folded) = line.strip_prefix([' ', '\t']) {
                headers.last_mut().unwrap().1.push_str(folded);
            } else {
                let (name, value) = line.split_once(": ").unwrap();
                headers.push((name, value.to_owned()));
            }
        }
        headers
    }

    #[test]
    fn a_message_is_itself_again_each_time() {
        let told = notification(vec![item("news", "News", Kind::Down)]);
        let mail = composed(&told);
        let headers = headers(&mail);
        let of = |name: &str| {
            let found = headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(of("Subject"), Some("[critical] News: down"));
        let id = format!("<{}@example.org>", told.id);
        assert_eq!(of("Message-ID"), Some(id.as_str()));
        assert_eq!(of("To"), Some("a@example.org, b@example.org"));
        assert_eq!(of("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(of("Date"), Some("Sun, 22 Nov 2026 10:00:15 +0000"));
        let thread = "<down.1795341600.6e657773@example.org>";
        assert_eq!(of("References"), Some(thread));
        let mut over = told.clone();
        over.items[0].kind = ItemKind::Cleared;
        assert!(composed(&over).contains(thread));
        assert!(mail.is_ascii(), "no extension of SMTP is needed");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_name_makes_a_header_or_a_part(name in "[ -~\r\n\0é\u{202e}<>&\"'.:]{0,120}") {
            let mut told = notification(vec![item("news", &name, Kind::Down)]);
            told.items[0].group = Some(name.clone());
            told.items[0].condition.evidence.text = name.clone();
            told.common = Some(crate::alerts::Common::Group(name));
            let mail = composed(&told);
            let headers = headers(&mail);
            let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
            prop_assert_eq!(names.len(), 10, "{:?}", names);
            prop_assert!(mail.lines().all(|line| line.len() <= 998));
            prop_assert!(!mail.replace("\r\n", "").contains(['\r', '\n', '\0']));
            let html = html::html(&told, "production");
            prop_assert_eq!(html.matches("<td").count(), 1);
            prop_assert_eq!(html.matches("<script").count(), 0);
        }
    }
}
