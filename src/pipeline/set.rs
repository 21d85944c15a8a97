//! Sets values on elements that an operator may have exchanged for others.

use gst::glib;
use gst::prelude::*;
use gstreamer as gst;

use super::error::PipelineError;

/// Sets `property` if the element has it and says so otherwise: another encoder lacks some of x264's properties.
///
/// # Errors
/// [`PipelineError::Setting`] if the element has the property and refuses the value.
pub(super) fn set(
    element: &gst::Element,
    property: &str,
    value: &str,
) -> Result<(), PipelineError> {
    let Some(pspec) = element.find_property(property) else {
        tracing::debug!(element = %element.name(), property, value, "the element lacks this property");
        return Ok(());
    };
    let refused = |reason: &str| PipelineError::Setting {
        element: element.name().to_string(),
        property: property.to_owned(),
        value: value.to_owned(),
        reason: reason.to_owned(),
    };
    if !pspec.flags().contains(glib::ParamFlags::WRITABLE) {
        return Err(refused("it cannot be written"));
    }
    let parsed = glib::Value::deserialize_with_pspec(value, &pspec)
        .map_err(|_| refused("no such value, or of another type"))?;
    if let Some((least, greatest)) = range(&pspec)
        && !value
            .parse::<i128>()
            .is_ok_and(|value| (least..=greatest).contains(&value))
    {
        // set_property would panic
        return Err(refused(&format!("allowed are {least} to {greatest}")));
    }
    element.set_property_from_value(property, &parsed);
    Ok(())
}

/// Bounds of a property that counts.
fn range(pspec: &glib::ParamSpec) -> Option<(i128, i128)> {
    macro_rules! of {
        ($($kind:ty),*) => {
            $(if let Some(pspec) = pspec.downcast_ref::<$kind>() {
                return Some((pspec.minimum().into(), pspec.maximum().into()));
            })*
        };
    }
    of!(
        glib::ParamSpecInt,
        glib::ParamSpecUInt,
        glib::ParamSpecInt64,
        glib::ParamSpecUInt64
    );
    None
}

/// Sets `bitrate` in the unit that the element counts in, told by its description of the property: x264enc and most
/// hardware encoders count thousands of bits, openh264enc and the AAC encoders count bits.
///
/// # Errors
/// As [`set`].
pub(super) fn set_bitrate(element: &gst::Element, kbps: u32) -> Result<(), PipelineError> {
    let thousands = element
        .find_property("bitrate")
        .and_then(|pspec| pspec.blurb().map(str::to_ascii_lowercase))
        .is_some_and(|blurb| blurb.contains("kb"));
    let value = if thousands {
        u64::from(kbps)
    } else {
        u64::from(kbps) * 1000
    };
    set(element, "bitrate", &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(factory: &str) -> gst::Element {
        gst::init().unwrap();
        gst::ElementFactory::make(factory)
            .name("encoder")
            .build()
            .unwrap()
    }

    #[test]
    fn a_missing_property_is_no_error() {
        set(&element("openh264enc"), "speed-preset", "veryfast").unwrap();
    }

    #[test]
    fn a_wrong_value_is_told() {
        let x264 = element("x264enc");
        set(&x264, "speed-preset", "superfast").unwrap();
        let error = set(&x264, "speed-preset", "warp").unwrap_err().to_string();
        assert!(
            error.contains("encoder.speed-preset") && error.contains("warp"),
            "{error}"
        );
        assert!(set(&x264, "threads", "-1").is_err());
        assert!(set(&x264, "bitrate", "99999999").is_err());
    }

    #[test]
    fn bitrate_is_set_in_the_unit_of_the_element() {
        let x264 = element("x264enc");
        set_bitrate(&x264, 2500).unwrap();
        assert_eq!(x264.property::<u32>("bitrate"), 2500);
        let openh264 = element("openh264enc");
        set_bitrate(&openh264, 2500).unwrap();
        assert_eq!(openh264.property::<u32>("bitrate"), 2_500_000);
        let aac = element("avenc_aac");
        set_bitrate(&aac, 128).unwrap();
        assert_eq!(aac.property::<i32>("bitrate"), 128_000);
    }
}
