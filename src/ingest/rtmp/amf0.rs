//! AMF0, as far as RTMP commands need it (Action Message Format, AMF 0). Pure.

/// How deep objects and arrays may be nested.
const DEPTH: usize = 8;
/// Values read from one message, those inside of objects included.
const VALUES: usize = 1024;

mod marker {
    pub(super) const NUMBER: u8 = 0;
    pub(super) const BOOLEAN: u8 = 1;
    pub(super) const STRING: u8 = 2;
    pub(super) const OBJECT: u8 = 3;
    pub(super) const NULL: u8 = 5;
    pub(super) const UNDEFINED: u8 = 6;
    pub(super) const REFERENCE: u8 = 7;
    pub(super) const ECMA_ARRAY: u8 = 8;
    pub(super) const OBJECT_END: u8 = 9;
    pub(super) const STRICT_ARRAY: u8 = 10;
    pub(super) const DATE: u8 = 11;
    pub(super) const LONG_STRING: u8 = 12;
    pub(super) const UNSUPPORTED: u8 = 13;
    pub(super) const XML: u8 = 15;
    pub(super) const TYPED_OBJECT: u8 = 16;
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Bool(bool),
    /// What is not UTF-8 was replaced.
    Text(String),
    /// Also an ECMA array or a typed object.
    Object(Vec<(String, Value)>),
    List(Vec<Value>),
    Null,
    /// A kind that no command means anything by: a date, a reference, XML.
    Other,
}

impl Value {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The member of this name, if it is an object that has one.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                let member = members.iter().find(|(known, _)| known == name);
                member.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// Reads values up to the first that cannot be read, or that is too much.
pub(super) fn read(bytes: &[u8]) -> Vec<Value> {
    let mut reader = Reader {
        bytes,
        left: VALUES,
    };
    let mut values = Vec::new();
    while let Some(value) = reader.value(0) {
        values.push(value);
    }
    values
}

/// Appends a value.
pub(super) fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            out.extend(number.to_be_bytes());
        }
        Value::Bool(truth) => out.extend([marker::BOOLEAN, u8::from(*truth)]),
        Value::Text(text) if u16::try_from(text.len()).is_ok() => {
            out.push(marker::STRING);
            write_name(out, text);
        }
        Value::Text(text) => {
            out.push(marker::LONG_STRING);
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            out.extend(length.to_be_bytes());
            out.extend(text.bytes().take(length as usize));
        }
        Value::Object(members) => {
            out.push(marker::OBJECT);
            for (name, value) in members {
                write_name(out, name);
                write(out, value);
            }
            out.extend([0, 0, marker::OBJECT_END]);
        }
        Value::List(values) => {
            out.push(marker::STRICT_ARRAY);
            let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
            out.extend(count.to_be_bytes());
            for value in values {
                write(out, value);
            }
        }
        Value::Null | Value::Other => out.push(marker::NULL),
    }
}

/// A string of at most 65,535 bytes, without its marker; a longer one is cut.
fn write_name(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend(text.bytes().take(usize::from(length)));
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// Values that may still be read.
    left: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let value = match self.byte()? {
            marker::NUMBER => Value::Number(f64::from_be_bytes(*self.array()?)),
            marker::BOOLEAN => Value::Bool(self.byte()? != 0),
            marker::STRING => Value::Text(self.name()?),
            marker::LONG_STRING => Value::Text(self.long()?),
            marker::NULL | marker::UNDEFINED => Value::Null,
            marker::OBJECT => self.object(depth)?,
            marker::ECMA_ARRAY => {
                // Its count is a hint: the end marker counts.
                self.take(4)?;
                self.object(depth)?
            }
            marker::TYPED_OBJECT => {
                self.name()?;
                self.object(depth)?
            }
            marker::STRICT_ARRAY => self.list(depth)?,
            marker::REFERENCE => self.take(2).map(|_| Value::Other)?,
            marker::DATE => self.take(10).map(|_| Value::Other)?,
            marker::XML => self.long().map(|_| Value::Other)?,
            marker::UNSUPPORTED => Value::Other,
            _ => return None,
        };
        Some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        if depth >= DEPTH {
            return None;
        }
        let mut members = Vec::new();
        loop {
            let name = self.name()?;
            if name.is_empty() && self.bytes.first() == Some(&marker::OBJECT_END) {
                self.byte()?;
                return Some(Value::Object(members));
            }
            members.push((name, self.value(depth + 1)?));
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        if depth >= DEPTH {
            return None;
        }
        let mut values = Vec::new();
        // Ends with the input or the budget at the latest, whatever the count says.
        for _ in 0..u32::from_be_bytes(*self.array()?) {
            values.push(self.value(depth + 1)?);
        }
        Some(Value::List(values))
    }

    fn name(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(*self.array()?);
        self.text(usize::from(length))
    }

    fn long(&mut self) -> Option<String> {
        let length = u32::from_be_bytes(*self.array()?);
        self.text(usize::try_from(length).ok()?)
    }

    fn text(&mut self, length: usize) -> Option<String> {
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| *byte)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(head)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (-1e9..1e9).prop_map(Value::Number),
            any::<bool>().prop_map(Value::Bool),
            ".{0,20}".prop_map(Value::Text),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let member = ("[a-z]{1,8}", inner.clone());
            prop_oneof![
                prop::collection::vec(member, 0..6).prop_map(Value::Object),
                prop::collection::vec(inner, 0..6).prop_map(Value::List),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec(any_value(), 0..4)) {
            let mut bytes = Vec::new();
            for value in &values {
                write(&mut bytes, value);
            }
            prop_assert_eq!(read(&bytes), values);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(0u8..18, 0..4096)) {
            prop_assert!(read(&bytes).len() <= VALUES);
        }
    }

    #[test]
    fn depth_and_number_are_bounded_and_what_came_before_counts() {
        let mut deep = vec![marker::NUMBER, 0, 0, 0, 0, 0, 0, 0, 0];
        for _ in 0..100_000 {
            deep.extend([marker::STRICT_ARRAY, 0, 0, 0, 1]);
        }
        assert_eq!(read(&deep), [Value::Number(0.0)]);
        let mut wide = vec![marker::STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff];
        wide.extend([marker::NULL; 5000]);
        assert_eq!(read(&wide), []);
        assert_eq!(read(&[marker::NULL; 5000]).len(), VALUES);
    }

    #[test]
    fn an_ecma_array_may_lie_about_its_count() {
        let bytes = [8, 0xff, 0xff, 0xff, 0xff, 0, 1, b'a', 1, 1, 0, 0, 9];
        let members = vec![("a".to_owned(), Value::Bool(true))];
        assert_eq!(read(&bytes), [Value::Object(members)]);
    }
}
