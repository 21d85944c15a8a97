//! Sets the size and rate of the encoded picture from what the decoder turns out to give.

use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

use super::event::{Event, EventSender, Fault, Link};
use super::fit::{Fit, Picture, fit, scale_method};
use super::set::set;
use super::spec::Profile;
use super::topology::names;

/// 8192x4320, with what codecs add to fill blocks.
const MOST_PIXELS: u64 = 8192 * 4352;

/// Watches for the picture in front of the first element that may depend on it, and sets the `size` filter before that
/// element sees it: so a resolution that changes in mid-stream is followed, too.
pub(super) fn follow(pipeline: &impl IsA<gst::Bin>, profile: &Profile, events: &EventSender) {
    let Some(size) = pipeline.by_name(names::SIZE) else {
        return;
    };
    let first = [names::DEINTERLACE, names::RATE, names::SCALE, names::SIZE]
        .iter()
        .find_map(|name| pipeline.by_name(name));
    let Some(pad) = first.and_then(|element| element.static_pad("sink")) else {
        return;
    };
    let base = size.property::<gst::Caps>("caps");
    let size = size.downgrade();
    let scale = pipeline.by_name(names::SCALE);
    let scale = scale.map(|element| element.downgrade());
    let profile = profile.clone();
    let events = events.clone();
    let reduces_rate = pipeline.by_name(names::RATE).is_some();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event()
            && let gst::EventView::Caps(caps) = event.view()
            && let Some(picture) = picture_of(caps.caps())
            && let Some(size) = size.upgrade()
        {
            let mut fit = fit(&profile, &picture);
            if !reduces_rate {
                fit.rate = None;
            }
            tracing::debug!(?picture, ?fit, "picture");
            if let Some(scale) = scale.as_ref().and_then(gst::glib::WeakRef::upgrade)
                && let Err(error) = set(&scale, "method", scale_method(&picture, &fit))
            {
                tracing::warn!(%error, "a setting stays as it is");
            }
            size.set_property(
                "caps",
                with_fit(&base, fit, colorimetry_of(caps.caps()).as_deref()),
            );
            events.send(Event::SourceVideo(picture));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Ends the pipeline before a decoder is told of a picture that no source has: headers are cheap to forge, and a decoder
/// makes room for what they say.
pub(super) fn refuse_absurd(pipeline: &gst::Pipeline, events: &EventSender, link: &Arc<Link>) {
    let (events, link) = (events.clone(), Arc::clone(link));
    pipeline.connect_deep_element_added(move |_, _, element| {
        let decodes = element.factory().is_some_and(|factory| {
            factory.has_type(gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO)
        });
        let Some(pad) = element.static_pad("sink").filter(|_| decodes) else {
            return;
        };
        let (events, link) = (events.clone(), Arc::clone(&link));
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let Some(event) = info.event()
                && let gst::EventView::Caps(caps) = event.view()
                && let Some(picture) = picture_of(caps.caps()).filter(is_absurd)
            {
                let Picture { width, height, .. } = picture;
                if !link.ended() {
                    events.send(Event::Error {
                        element: names::VIDEO_IN.to_owned(),
                        message: format!("the source says that its picture has {width}x{height} pixels: that is not believed"),
                        missing: None,
                        fault: Fault::Other,
                    });
                    link.end();
                }
                return gst::PadProbeReturn::Handled;
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Larger than 8K, in either direction.
fn is_absurd(picture: &Picture) -> bool {
    u64::from(picture.width) * u64::from(picture.height) > MOST_PIXELS
}

/// Tells the size of the encoded picture.
pub(super) fn tell_encoded(encoder: &gst::Element, events: &EventSender) {
    let Some(pad) = encoder.static_pad("src") else {
        return;
    };
    let events = events.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event()
            && let gst::EventView::Caps(caps) = event.view()
            && let Some(picture) = picture_of(caps.caps())
        {
            events.send(Event::Encoded {
                width: picture.width,
                height: picture.height,
            });
        }
        gst::PadProbeReturn::Ok
    });
}

/// Reads the picture from caps, raw or encoded; `None` if they have no size.
fn picture_of(caps: &gst::CapsRef) -> Option<Picture> {
    let structure = caps.structure(0)?;
    let side = |name| {
        structure
            .get::<i32>(name)
            .ok()
            .and_then(|side| u32::try_from(side).ok())
            .filter(|side| *side > 0)
    };
    let fraction = |name, default| {
        structure
            .get::<gst::Fraction>(name)
            .map_or(default, |value| {
                (
                    u32::try_from(value.numer()).unwrap_or(0),
                    u32::try_from(value.denom()).unwrap_or(0),
                )
            })
    };
    Some(Picture {
        width: side("width")?,
        height: side("height")?,
        par: fraction("pixel-aspect-ratio", (1, 1)),
        rate: fraction("framerate", (0, 1)),
        interlaced: structure
            .get::<&str>("interlace-mode")
            .is_ok_and(|mode| mode != "progressive"),
    })
}

/// The colours as told by the decoder, or as their default for this size.
fn colorimetry_of(caps: &gst::CapsRef) -> Option<String> {
    gst_video::VideoInfo::from_caps(caps)
        .ok()
        .filter(gst_video::VideoInfo::is_yuv)
        .map(|info| info.colorimetry().to_string())
}

/// The topology's own caps (format, memory) with size, shape of pixels, rate and colours set.
///
/// Colours stay what they were: left open they would follow the size (BT.709 above 576 lines, BT.601 below), and
/// converting between the two costs more than scaling.
fn with_fit(base: &gst::Caps, fit: Fit, colorimetry: Option<&str>) -> gst::Caps {
    let mut caps = base.clone();
    if caps.is_any() || caps.is_empty() {
        caps = gst::Caps::new_empty_simple("video/x-raw");
    }
    let signed = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    for structure in caps.make_mut().iter_mut() {
        structure.set("width", signed(fit.width));
        structure.set("height", signed(fit.height));
        structure.set("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        if let Some((num, den)) = fit.rate {
            structure.set("framerate", gst::Fraction::new(signed(num), signed(den)));
        }
        if let Some(colorimetry) = colorimetry {
            structure.set("colorimetry", colorimetry);
        }
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_read_and_written() {
        gst::init().unwrap();
        let caps: gst::Caps = "video/x-raw,width=720,height=576,pixel-aspect-ratio=64/45,framerate=25/1,interlace-mode=mixed".parse().unwrap();
        let picture = picture_of(&caps).unwrap();
        assert_eq!(
            picture,
            Picture {
                width: 720,
                height: 576,
                par: (64, 45),
                rate: (25, 1),
                interlaced: true
            }
        );
        assert_eq!(
            picture_of(&"audio/x-raw,rate=48000".parse::<gst::Caps>().unwrap()),
            None
        );
        let base: gst::Caps = "video/x-raw,format=I420,width=1,framerate=1/1"
            .parse()
            .unwrap();
        let set = with_fit(
            &base,
            Fit {
                width: 1024,
                height: 576,
                rate: Some((50, 2)),
            },
            Some("bt709"),
        );
        let expected = "video/x-raw,format=I420,width=1024,height=576,pixel-aspect-ratio=1/1,\
                        framerate=25/1,colorimetry=bt709";
        assert_eq!(set, expected.parse::<gst::Caps>().unwrap());
    }
}
