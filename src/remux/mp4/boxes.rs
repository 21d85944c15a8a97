//! Boxes within bytes that are all there, and the numbers in them.

use bytes::{Buf, Bytes};

/// A four-character code.
pub(super) type FourCc = [u8; 4];

/// The boxes in `data` as (type, content). Ends at the first that does not fit.
pub(super) fn boxes(mut data: Bytes) -> impl Iterator<Item = (FourCc, Bytes)> {
    std::iter::from_fn(move || {
        let (size, kind, head) = header(&data)?;
        let size = if size == 0 {
            data.len()
        } else {
            usize::try_from(size).ok()?
        };
        if size < head || size > data.len() {
            return None;
        }
        let mut content = data.split_to(size);
        content.advance(head);
        Some((kind, content))
    })
}

/// Size (0: up to the end), type, and length of the header itself; `None` when it isn't all here.
pub(super) fn header(data: &[u8]) -> Option<(u64, FourCc, usize)> {
    let size = be32(data, 0)?;
    let kind = *data.get(4..)?.first_chunk()?;
    if size == 1 {
        return Some((be64(data, 8)?, kind, 16));
    }
    Some((size.into(), kind, 8))
}

/// The first box of a type.
pub(super) fn find(data: &Bytes, kind: FourCc) -> Option<Bytes> {
    boxes(data.clone()).find_map(|(k, content)| (k == kind).then_some(content))
}

/// Version and flags of a full box.
pub(super) fn full(data: &[u8]) -> Option<(u8, u32)> {
    be32(data, 0).map(|word| ((word >> 24) as u8, word & 0x00ff_ffff))
}

pub(super) fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

pub(super) fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

pub(super) fn be64(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// A number of 8 bytes in version 1 of a full box, of 4 in version 0.
pub(super) fn wide(data: &[u8], at: usize, version: u8) -> Option<u64> {
    if version == 1 {
        be64(data, at)
    } else {
        be32(data, at).map(u64::from)
    }
}
