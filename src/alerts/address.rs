//! Addresses that mail is sent to.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Octets before the `@` at most (RFC 5321, 4.5.3.1.1).
const MOST_LOCAL: usize = 64;
/// Octets of an address at most: a path of 256 less its brackets (RFC 5321, 4.5.3.1.3).
const MOST: usize = 254;

/// An e-mail address that every mail server takes: `Local-part@Domain` with a dot-string before the `@`, and a host
/// name behind it (RFC 5321, 4.1.2). Domains in other scripts are kept as IDNA writes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "email", example = "noc@example.org")]
pub struct MailAddress(String);

/// An address with the name that people see: `Sightglass <alerts@example.org>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, if there is one.
    pub name: Option<String>,
    /// The address.
    pub address: MailAddress,
}

impl MailAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, as the end of "the address ...".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or("has no @")?;
        if local.is_empty() || local.len() > MOST_LOCAL {
            return Err("must have 1 to 64 characters before the @");
        }
        let dotted = local.split('.').all(|atom| !atom.is_empty());
        if !dotted || !local.bytes().all(|byte| byte == b'.' || is_atext(byte)) {
            return Err("has a character before the @ that mail servers do not take");
        }
        let Some(domain) = host_name(domain) else {
            return Err("must have a host name behind the @");
        };
        let whole = format!("{local}@{domain}");
        if whole.len() > MOST {
            return Err("is longer than 254 characters");
        }
        Ok(Self(whole))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl Mailbox {
    /// Reads `name <address>`, or an address alone.
    ///
    /// # Errors
    /// As [`MailAddress::parse`].
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Ok(Self {
                name: None,
                address: MailAddress::parse(text)?,
            });
        };
        let (name, address) = inner.rsplit_once('<').ok_or("has a > without a <")?;
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) || name.chars().count() > 64 {
            return Err("must have a name of at most 64 printable characters");
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: MailAddress::parse(address)?,
        })
    }
}

/// What an atom is made of (RFC 5322, 3.2.3).
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A host name of letters, digits and hyphens, others by IDNA; no address.
fn host_name(text: &str) -> Option<String> {
    // The URL parser would decode these.
    if text.contains(['%', '[', ']', ':']) {
        return None;
    }
    let Ok(url::Host::Domain(name)) = url::Host::parse(text) else {
        return None;
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.split('.').all(label).then_some(name)
}

impl TryFrom<String> for MailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|problem| format!("the address {problem}"))
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_what_every_server_takes() {
        let good = |text: &str| MailAddress::parse(text).unwrap().0;
        assert_eq!(good(" noc+tv@Example.ORG "), "noc+tv@example.org");
        assert_eq!(good("a.b@localhost"), "a.b@localhost");
        assert_eq!(good("noc@bücher.example"), "noc@xn--bcher-kva.example");
        for bad in [
            "",
            "noc",
            "@example.org",
            "noc@",
            ".a@example.org",
            "a..b@example.org",
            "a b@example.org",
            "\"a b\"@example.org",
            "nöc@example.org",
            "a@b@example.org",
            "noc@[192.0.2.1]",
            "noc@192.0.2.1",
            "noc@ex%61mple.org",
            "noc@a_b.org",
            "noc@-a.org",
            "a@example.org\r\nRCPT TO:<b@example.org>",
            "a@example.org>\r\nDATA",
            "a,b@example.org",
            &format!("{}@example.org", "a".repeat(65)),
            &format!("a@{}.org", "a".repeat(64)),
        ] {
            assert!(MailAddress::parse(bad).is_err(), "{bad:?}");
        }
        let mailbox = Mailbox::parse("\"The NOC\" <noc@example.org>").unwrap();
        assert_eq!(mailbox.to_string(), "The NOC <noc@example.org>");
        assert_eq!(Mailbox::parse("noc@example.org").unwrap().name, None);
        for bad in ["NOC noc@example.org>", "<>", "A\nB <noc@example.org>"] {
            assert!(Mailbox::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_address_breaks_a_line(text in "[ -~\r\n@<>]{0,40}|.{0,20}@.{0,20}") {
            if let Ok(address) = MailAddress::parse(&text) {
                prop_assert!(address.0.bytes().all(|b| b.is_ascii_graphic() && !b"<>,;:\\\"()[]".contains(&b)));
                prop_assert_eq!(MailAddress::parse(&address.0), Ok(address));
            }
        }
    }
}
