//! Turns bus messages into events, in the thread that posts them, and streaming threads into threads of their pipeline.

use std::sync::{Arc, OnceLock};

use gst::prelude::*;
use gstreamer as gst;

use super::event::{Event, EventSender, Fault, Link};
use super::redact::redact;
use crate::confine;
use crate::memory::Account;

/// Gives the pipeline a bus of its own that keeps nothing: each message is looked at where it is posted, then dropped.
/// So no main loop is needed, no queue grows, and the bus opens no descriptors.
pub(super) fn attach(
    pipeline: &gst::Pipeline,
    events: EventSender,
    link: Arc<Link>,
    account: Account,
) {
    let bus = gst::glib::Object::builder::<gst::Bus>()
        .property("enable-async", false)
        .build();
    let missing = OnceLock::new();
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::StreamStatus(status) = message.view() {
            charge(status.type_(), &account);
        } else {
            handle(message, &events, &link, &missing);
        }
        gst::BusSyncReply::Drop
    });
    pipeline.set_bus(Some(&bus));
}

/// A streaming thread posts these itself: it is confined, and what it allocates from here on is the pipeline's. Threads come from a pool that all
/// pipelines share, so it is given back when it leaves.
fn charge(status: gst::StreamStatusType, account: &Account) {
    match status {
        gst::StreamStatusType::Enter => {
            confine::decoder_thread();
            account.attach();
        }
        gst::StreamStatusType::Leave => Account::detach(),
        _ => {}
    }
}

fn handle(
    message: &gst::MessageRef,
    events: &EventSender,
    link: &Link,
    missing: &OnceLock<String>,
) {
    let element = || {
        message
            .src()
            .map(|source| source.name().to_string())
            .unwrap_or_default()
    };
    match message.view() {
        gst::MessageView::Error(error) => {
            let message = told(&error.error(), error.debug().as_deref());
            events.send(Event::Error {
                element: element(),
                fault: fault(&error.error(), &message),
                message,
                missing: missing.get().cloned(),
            });
            link.end();
        }
        // The feed counts lost packets itself, and a bad line would make hundreds of these a second.
        gst::MessageView::Warning(warning)
            if warning.error().message().starts_with("CONTINUITY") => {}
        gst::MessageView::Warning(warning) => {
            events.send(Event::Warning {
                element: element(),
                message: told(&warning.error(), warning.debug().as_deref()),
            });
        }
        gst::MessageView::Eos(_) => {
            events.send(Event::EndOfStream);
            link.end();
        }
        gst::MessageView::Element(_) => {
            if let Some(structure) = message.structure()
                && structure.name() == "missing-plugin"
            {
                // the error that follows names no codec
                let name = structure.get::<&str>("name").unwrap_or("a plugin");
                let _ = missing.set(redact(name));
            }
        }
        _ => {}
    }
}

/// What the domain and code of an error tell, and for a read that failed its text.
fn fault(error: &gst::glib::Error, message: &str) -> Fault {
    use gst::{ResourceError, StreamError};
    match error.kind::<ResourceError>() {
        Some(ResourceError::NotFound) => return Fault::NotFound,
        Some(ResourceError::NotAuthorized) => return Fault::Auth,
        Some(
            ResourceError::OpenRead
            | ResourceError::OpenReadWrite
            | ResourceError::Read
            | ResourceError::Close,
        ) => {
            // SRT's own words; it has no codes for them.
            return if message.contains("Failed to authenticate") {
                Fault::Auth
            } else if message.contains("timeout") {
                Fault::Timeout
            } else {
                Fault::Unreachable
            };
        }
        _ => {}
    }
    match error.kind::<StreamError>() {
        Some(StreamError::TypeNotFound | StreamError::WrongType) => Fault::NotMedia,
        Some(StreamError::CodecNotFound) => Fault::Codec,
        Some(StreamError::Decrypt | StreamError::DecryptNokey) => Fault::Protected,
        Some(StreamError::Demux | StreamError::Decode | StreamError::Format) => Fault::Damaged,
        _ if error.matches(gst::CoreError::MissingPlugin) => Fault::Codec,
        _ => Fault::Other,
    }
}

/// Many elements tell the general in the message and the particular in the detail, after a line of source places.
fn told(error: &gst::glib::Error, detail: Option<&str>) -> String {
    match detail.and_then(|detail| detail.split_once('\n')) {
        Some((_, particular)) if !particular.trim().is_empty() => {
            redact(&format!("{} {particular}", error.message()))
        }
        _ => redact(error.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::event;

    #[test]
    fn errors_are_redacted_and_end_the_link() {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let element = gst::ElementFactory::make("identity")
            .name("demux")
            .build()
            .unwrap();
        pipeline.add(&element).unwrap();
        let (sender, mut events) = event::channel();
        let link = Arc::new(Link::default());
        attach(&pipeline, sender, Arc::clone(&link), Account::open());
        gst::element_warning!(
            element,
            gst::StreamError::Demux,
            ["lost something of udp://239.0.0.1:5000"]
        );
        let codec = gst::Structure::builder("missing-plugin")
            .field("name", "HEVC decoder")
            .build();
        element
            .post_message(gst::message::Element::new(codec))
            .unwrap();
        assert!(!link.ended());
        gst::element_error!(
            element,
            gst::StreamError::CodecNotFound,
            ("bad: no decoder for http://user:pw@host/x")
        );
        assert!(link.ended());
        assert_eq!(
            events.try_next(),
            Some(Event::Warning {
                element: "demux".into(),
                message: "Could not demultiplex stream. lost something of udp://[redacted]".into()
            })
        );
        let Some(Event::Error {
            element,
            message,
            missing,
            fault,
        }) = events.try_next()
        else {
            panic!("no error")
        };
        assert_eq!(
            (element.as_str(), message.as_str()),
            ("demux", "bad: no decoder for http://[redacted]")
        );
        assert_eq!(missing.as_deref(), Some("HEVC decoder"));
        assert_eq!(fault, Fault::Codec);
    }
}
