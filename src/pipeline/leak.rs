//! Loses memory on purpose, so that the soak can show that it would see a leak. Not in ordinary builds.

/// Loses as many bytes as the environment says, used ones.
pub(super) fn lose_some() {
    let bytes = std::env::var("SIGHTGLASS_LEAK_BYTES_PER_PIPELINE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    std::mem::forget(std::hint::black_box(vec![0xa5_u8; bytes]));
}
