//! Mail: addresses, host names, and what is not to be shown.

use super::net::{array, list};
use super::parser::{Parser, Shape, quoted};
use crate::alerts::{MailAddress, Mailbox};
use crate::mail::Security;
use std::fmt;

/// The words for how the connection to the mail server is secured.
pub(super) const SECURITIES: &[(&str, Security)] = &[
    ("starttls", Security::StartTls),
    ("tls", Security::Tls),
    ("plain", Security::Plain),
];

/// The most recipients in a list.
const RECIPIENTS_MAX: usize = 50;
/// The longest secret, bytes.
const SECRET_MAX: usize = 1_024;

/// Text that is kept from logs and listings.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

/// What is shown in place of a [`Hidden`] text; no value, so that who prints a configuration to use it finds out.
const SHOWN: &str = "(hidden)";

/// A [`Hidden`] text.
pub(super) struct HiddenText;

impl Parser for HiddenText {
    type Value = Hidden;

    fn parse(&self, text: &str) -> Option<Hidden> {
        let line = text != SHOWN && !text.contains(['\r', '\n', '\0']);
        let good = line && (1..=SECRET_MAX).contains(&text.len());
        good.then(|| Hidden(text.to_owned()))
    }

    fn allowed(&self) -> String {
        format!("a line of 1 to {SECRET_MAX} bytes")
    }

    fn show(&self, _: &Hidden) -> String {
        quoted(SHOWN)
    }
}

/// A host name or an address, without a port.
pub(super) struct HostName;

impl Parser for HostName {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let host = url::Host::parse(text).or_else(|_| url::Host::parse(&format!("[{text}]")));
        match host.ok()? {
            url::Host::Domain(name) => {
                let good = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                name.bytes().all(good).then_some(name)
            }
            url::Host::Ipv4(address) => Some(address.to_string()),
            url::Host::Ipv6(address) => Some(address.to_string()),
        }
    }

    fn allowed(&self) -> String {
        "a host name or an IP address, such as mail.example.org".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

/// Who sends.
pub(super) struct Sender;

impl Parser for Sender {
    type Value = Mailbox;

    fn parse(&self, text: &str) -> Option<Mailbox> {
        Mailbox::parse(text).ok()
    }

    fn allowed(&self) -> String {
        "an e-mail address, such as alerts@example.org or Sightglass <alerts@example.org>"
            .to_owned()
    }

    fn show(&self, value: &Mailbox) -> String {
        quoted(&value.to_string())
    }
}

/// Recipients, comma-separated.
pub(super) struct Addresses;

impl Parser for Addresses {
    type Value = Vec<MailAddress>;
    const SHAPE: Shape = Shape::List;

    fn parse(&self, text: &str) -> Option<Vec<MailAddress>> {
        list(text, RECIPIENTS_MAX, |item| MailAddress::parse(item).ok())
    }

    fn allowed(&self) -> String {
        format!("up to {RECIPIENTS_MAX} e-mail addresses, comma-separated")
    }

    fn show(&self, value: &Vec<MailAddress>) -> String {
        array(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_recipients_and_secrets() {
        for (text, host) in [
            ("Mail.Example.org", "mail.example.org"),
            ("192.0.2.1", "192.0.2.1"),
            ("::1", "::1"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(HostName.parse(text).as_deref(), Some(host));
        }
        for text in ["", "a b", "mail.example.org:25", "http://a", "a\r\nb"] {
            assert_eq!(HostName.parse(text), None, "{text:?}");
        }
        let to = Addresses.parse("a@example.org, b@example.org").unwrap();
        assert_eq!(to.len(), 2);
        assert_eq!(Addresses.parse(""), Some(Vec::new()));
        assert_eq!(Addresses.parse("a@example.org,b"), None);
        let password = HiddenText.parse("hunter2").unwrap();
        assert!(!format!("{password:?}{}", HiddenText.show(&password)).contains("hunter2"));
        assert_eq!(HiddenText.parse("a\nb"), None);
        assert_eq!(HiddenText.parse(SHOWN), None);
    }
}
