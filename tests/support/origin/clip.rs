//! The segments that a live channel plays, and their encryption.

use std::path::Path;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use bytes::Bytes;

/// A segment of a finished playlist, read whole.
pub struct Segment {
    /// Seconds, as listed.
    pub duration: f64,
    /// Its bytes.
    pub body: Bytes,
}

/// The segments that `index.m3u8` in this folder lists.
pub fn read_clip(folder: &Path) -> Vec<Segment> {
    let index = folder.join("index.m3u8");
    let text = std::fs::read_to_string(&index)
        .unwrap_or_else(|error| panic!("{}: {error} (run `make media`)", index.display()));
    let mut duration = None;
    let mut segments = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#EXTINF:") {
            duration = rest
                .split(',')
                .next()
                .and_then(|seconds| seconds.parse().ok());
        } else if !line.is_empty() && !line.starts_with('#') {
            let path = folder.join(line);
            let body = std::fs::read(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
                .into();
            let duration = duration.take().expect("#EXTINF before each segment");
            segments.push(Segment { duration, body });
        }
    }
    assert!(!segments.is_empty(), "{} lists nothing", index.display());
    segments
}

/// AES-128 in CBC mode with PKCS #7 padding (RFC 8216, 4.3.2.4).
pub fn encrypt(key: [u8; 16], iv: [u8; 16], plain: &[u8]) -> Bytes {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() / 16 * 16 + 16, 0);
    cbc::Encryptor::<aes::Aes128>::new(&key.into(), &iv.into())
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .expect("room for the padding");
    buffer.into()
}

/// The key of a period.
pub fn key(period: u64) -> [u8; 16] {
    let mut key = *b"sightglass-key-0";
    key[..8].copy_from_slice(&(period + 1).to_le_bytes());
    key
}
