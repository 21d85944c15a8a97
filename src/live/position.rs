//! Where a client is: which run of the server, which change, which filter.

use std::fmt;

/// One run of the server. Sequence numbers begin anew with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u32);

impl Epoch {
    /// The run of this number, which is to be random.
    pub fn new(random: u32) -> Self {
        Self(random)
    }
}

/// Where a client is. Its text is what SSE calls an event's id, and what `since` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The run of the server.
    pub epoch: Epoch,
    /// The newest change that the client knows.
    pub seq: u64,
    /// Names the filter ([`super::Filter::tag`]); 0 for none.
    pub filter: u32,
}

impl Position {
    /// Reads the text form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        // The longest there is: two numbers of 32 bits, one of 64, and what is between them.
        if text.len() > 8 + 1 + 20 + 1 + 8 {
            return None;
        }
        let mut parts = text.split('-');
        let position = Self {
            epoch: Epoch(hex(parts.next()?)?),
            seq: digits(parts.next()?)?,
            filter: parts.next().map_or(Some(0), hex)?,
        };
        parts.next().is_none().then_some(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch.0, self.seq)?;
        if self.filter != 0 {
            write!(f, "-{:08x}", self.filter)?;
        }
        Ok(())
    }
}

fn hex(text: &str) -> Option<u32> {
    let plain = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| plain)
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(epoch: u32, seq: u64, filter: u32) {
            let position = Position { epoch: Epoch(epoch), seq, filter };
            prop_assert_eq!(Position::parse(&position.to_string()), Some(position));
        }

        #[test]
        fn any_text_is_taken_or_refused(text in "[0-9a-f+-]{0,40}|.{0,60}") {
            if let Some(position) = Position::parse(&text) {
                prop_assert_eq!(Position::parse(&position.to_string()), Some(position));
            }
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "0",
            "-",
            "0000000g-1",
            "00000000-",
            "00000000-+1",
            "00000000--1",
            "1-1",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
        for text in ["00000000-1-00000001-", "00000000-99999999999999999999"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
