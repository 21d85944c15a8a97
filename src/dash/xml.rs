//! A cursor over XML: elements, their attributes, their text. Names are compared without their prefix.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::error::MpdError;

/// Reads one document.
pub(super) struct Xml<'x> {
    reader: Reader<&'x [u8]>,
}

/// The start of an element.
pub(super) struct Element<'x> {
    start: BytesStart<'x>,
    /// It has neither text nor children.
    empty: bool,
}

impl<'x> Xml<'x> {
    pub(super) fn new(text: &'x str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().trim_text(true);
        Self { reader }
    }

    /// The outermost element.
    pub(super) fn root(&mut self) -> Result<Element<'x>, MpdError> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Element::new(start, false)),
                Event::Empty(start) => return Ok(Element::new(start, true)),
                Event::Eof => return Err(MpdError::NotXml),
                _ => {}
            }
        }
    }

    /// The next child of the element that is being read; `None` at its end. The caller reads each child to its end.
    pub(super) fn child(&mut self, parent: &Element<'x>) -> Result<Option<Element<'x>>, MpdError> {
        if parent.empty {
            return Ok(None);
        }
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element::new(start, false))),
                Event::Empty(start) => return Ok(Some(Element::new(start, true))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(MpdError::NotXml),
                _ => {}
            }
        }
    }

    /// Passes over an element.
    pub(super) fn skip(&mut self, element: &Element<'x>) -> Result<(), MpdError> {
        if !element.empty {
            let end = self.reader.read_to_end(element.start.name());
            end.map_err(|_| MpdError::NotXml)?;
        }
        Ok(())
    }

    /// The text of an element without children, at most `limit` bytes of it.
    pub(super) fn text(&mut self, element: &Element<'x>, limit: usize) -> Result<String, MpdError> {
        let mut text = String::new();
        if element.empty {
            return Ok(text);
        }
        loop {
            match self.event()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(part) => {
                    if let Ok(Some(character)) = part.resolve_char_ref() {
                        text.push(character);
                    } else {
                        let name = part.xml10_content();
                        let known = quick_xml::escape::resolve_predefined_entity(&name);
                        text.push_str(known.ok_or(MpdError::NotXml)?);
                    }
                }
                Event::Start(_) | Event::Empty(_) | Event::Eof => return Err(MpdError::NotXml),
                Event::End(_) => break,
                _ => {}
            }
            if text.len() > limit {
                return Err(MpdError::UriTooLong);
            }
        }
        Ok(text.trim().to_owned())
    }

    fn event(&mut self) -> Result<Event<'x>, MpdError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(MpdError::DocumentType),
            Ok(event) => Ok(event),
            Err(_) => Err(MpdError::NotXml),
        }
    }
}

impl<'x> Element<'x> {
    fn new(start: BytesStart<'x>, empty: bool) -> Self {
        Self { start, empty }
    }

    /// Its name without prefix.
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// The value of an attribute, by its name without prefix; the first one counts.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.start.attributes();
        let found = attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.local_name().into_inner() == name)?;
        found
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .ok()
    }

    /// A number, where it is one.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }
}
