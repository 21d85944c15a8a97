//! As much of the ASF header as a pull needs: the size of a packet, and which streams there are. Pure.
//! References: "Advanced Systems Format (ASF) Specification", 01.20.05.

const HEADER: [u8; 16] = guid(
    0x75b2_2630,
    0x668e,
    0x11cf,
    *b"\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
);
const FILE: [u8; 16] = guid(
    0x8cab_dca1,
    0xa947,
    0x11cf,
    *b"\x8e\xe4\x00\xc0\x0c\x20\x53\x65",
);
const STREAM: [u8; 16] = guid(
    0xb7dc_0791,
    0xa9b7,
    0x11cf,
    *b"\x8e\xe6\x00\xc0\x0c\x20\x53\x65",
);
const AUDIO: [u8; 16] = guid(
    0xf869_9e40,
    0x5b4d,
    0x11cf,
    *b"\xa8\xfd\x00\x80\x5f\x5c\x44\x2b",
);
const VIDEO: [u8; 16] = guid(
    0xbc19_efc0,
    0x5b4d,
    0x11cf,
    *b"\xa8\xfd\x00\x80\x5f\x5c\x44\x2b",
);
const ENCRYPTION: [u8; 16] = guid(
    0x2211_b3fb,
    0xbd23,
    0x11d2,
    *b"\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e",
);

/// A GUID as it lies in a file: three little-endian numbers, then bytes.
const fn guid(a: u32, b: u16, c: u16, d: [u8; 8]) -> [u8; 16] {
    let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    [
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6],
        d[7],
    ]
}

/// Identifier and length of an object.
const OBJECT: usize = 24;
/// The header object's own fields.
const HEADER_FIELDS: usize = 30;
/// Numbers have seven bits.
const MOST_STREAMS: usize = 127;
/// Larger packets than these are a lie: the framing cannot carry them.
const MOST_PACKET: usize = 65_535;

/// What the header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asf {
    /// Bytes of each data packet.
    pub packet: usize,
    /// Numbers of all streams, and whether each is to be sent: the first of each kind.
    pub streams: Vec<(u8, bool)>,
    /// Whether the content is encrypted (DRM).
    pub protected: bool,
}

/// Reads a header, as far as it is there; `None` if it is none.
pub fn read(header: &[u8]) -> Option<Asf> {
    if header.get(..16)? != HEADER {
        return None;
    }
    let mut asf = Asf::default();
    let (mut video, mut audio) = (false, false);
    let mut rest = header.get(HEADER_FIELDS..)?;
    while let Some((object, after)) = next(rest) {
        let body = &object[OBJECT..];
        if object.starts_with(&FILE) {
            // the smallest packet's size; both are equal
            let size = body.get(68..72)?;
            asf.packet = usize::try_from(u32::from_le_bytes(size.try_into().ok()?)).ok()?;
        } else if object.starts_with(&STREAM) && asf.streams.len() < MOST_STREAMS {
            let kind = body.get(..16)?;
            let number = *body.get(48)? & 0x7f;
            let seen = if kind == VIDEO {
                &mut video
            } else if kind == AUDIO {
                &mut audio
            } else {
                &mut true
            };
            asf.streams.push((number, !std::mem::replace(seen, true)));
        } else if object.starts_with(&ENCRYPTION) {
            asf.protected = true;
        }
        rest = after;
    }
    (1..=MOST_PACKET).contains(&asf.packet).then_some(asf)
}

/// The next object and what follows it.
fn next(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u64::from_le_bytes(data.get(16..OBJECT)?.try_into().ok()?);
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length >= OBJECT)?;
    data.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(id: [u8; 16], body: &[u8]) -> Vec<u8> {
        let mut out = id.to_vec();
        out.extend(((OBJECT + body.len()) as u64).to_le_bytes());
        out.extend(body);
        out
    }

    fn header(packet: u32) -> Vec<u8> {
        let mut file = vec![0; 80];
        file[68..72].copy_from_slice(&packet.to_le_bytes());
        let stream = |kind: [u8; 16], number: u8| {
            let mut body = kind.to_vec();
            body.resize(54, 0);
            body[48] = number;
            object(STREAM, &body)
        };
        let mut out = object(HEADER, &[0; 6]);
        out.extend(object(FILE, &file));
        for (kind, number) in [(AUDIO, 1), (VIDEO, 2), (VIDEO, 3)] {
            out.extend(stream(kind, number));
        }
        out
    }

    #[test]
    fn the_first_stream_of_each_kind_is_wanted() {
        let asf = read(&header(3200)).unwrap();
        assert_eq!(asf.packet, 3200);
        assert_eq!(asf.streams, [(1, true), (2, true), (3, false)]);
        assert!(!asf.protected);
    }

    #[test]
    fn impossible_packets_are_refused() {
        assert_eq!(read(&header(0)), None);
        assert_eq!(read(&header(u32::MAX)), None);
        assert_eq!(read(b"RIFF"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(at in 0usize..400, value in any::<u8>(), cut in 0usize..400) {
            let mut bytes = header(1000);
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(cut);
            let _ = read(&bytes);
        }
    }
}
