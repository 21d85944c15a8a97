//! Sample entries: how the samples of a track are coded (ISO/IEC 14496-12, 8.5.2; 14496-14, 14496-15).

use bytes::{Buf, Bytes};

use super::Coding;
use super::boxes::{FourCc, be16, be32, boxes, find};
use crate::remux::audio::Aac;
use crate::remux::error::RemuxError;
use crate::remux::format::Format;
use crate::remux::nal::{Config, Family};
use crate::ts::{Codec, Kind};

/// Most bytes of headers that are written before each keyframe.
const MOST_HEADERS: usize = 4096;

/// What a sample entry says: how to announce and convert the track, or the name of its codec.
pub(super) type Described = Result<(Format, Coding), String>;

/// Reads the first entry of an `stsd` box.
pub(super) fn read(kind: Kind, stsd: &Bytes) -> Result<Described, RemuxError> {
    let damaged = RemuxError::NotMedia("a damaged sample description");
    let entries = stsd
        .get(8..)
        .map(|_| stsd.slice(8..))
        .ok_or(damaged.clone())?;
    let (code, entry) = boxes(entries).next().ok_or(damaged.clone())?;
    let fixed = match kind {
        Kind::Video => 78,
        // QuickTime's versions 1 and 2 are longer.
        _ => match be16(&entry, 8) {
            Some(1) => 28 + 16,
            Some(2) => 28 + 36,
            _ => 28,
        },
    };
    let mut children = entry.clone();
    if children.len() < fixed {
        return Err(damaged);
    }
    children.advance(fixed);
    if matches!(&code, b"encv" | b"enca") || find(&children, *b"sinf").is_some() {
        return Err(RemuxError::Encrypted {
            scheme: scheme(&children),
        });
    }
    Ok(match &code {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dvav" | b"dva1" => {
            nal(Codec::H264, Family::Avc, find(&children, *b"avcC"))?
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            nal(Codec::Hevc, Family::Hevc, find(&children, *b"hvcC"))?
        }
        b"mp4v" | b"mp4a" => {
            // QuickTime wraps it.
            let wrapped = || find(&find(&children, *b"wave")?, *b"esds");
            match find(&children, *b"esds").or_else(wrapped) {
                Some(esds) => elementary(&esds),
                None => Err(name(code)),
            }
        }
        b".mp3" | b"mp3 " | b"ms\0\x55" => Ok(plain(Codec::Mp3)),
        b"mp2v" | b"m2v1" | b"mx5p" => Ok(headed(Codec::Mpeg2Video, &[])),
        b"ac-3" => Ok(plain(Codec::Ac3)),
        b"ec-3" => Ok(plain(Codec::Eac3)),
        b"Opus" => opus(find(&children, *b"dOps").as_deref()),
        _ => Err(name(code)),
    })
}

fn nal(codec: Codec, family: Family, record: Option<Bytes>) -> Result<Described, RemuxError> {
    let record = record.ok_or(RemuxError::NotMedia("no decoder configuration"))?;
    let config = Config::parse(family, &record)?;
    Ok(Ok((Format::new(codec), Coding::Nal(config))))
}

fn plain(codec: Codec) -> (Format, Coding) {
    (Format::new(codec), Coding::Plain)
}

fn headed(codec: Codec, headers: &[u8]) -> (Format, Coding) {
    let headers = &headers[..headers.len().min(MOST_HEADERS)];
    (Format::new(codec), Coding::Headed(headers.to_vec()))
}

/// Encapsulation of Opus in ISO base media files, 4.3.2: channel mapping families 0 and 1.
fn opus(config: Option<&[u8]>) -> Described {
    let channels = config.and_then(|c| c.get(1)).copied().unwrap_or(2);
    match config.and_then(|c| c.get(10)).copied().unwrap_or(0) {
        0 | 1 if (1..=8).contains(&channels) => Ok((Format::opus(channels), Coding::Opus)),
        _ => Err("Opus with an unusual channel mapping".into()),
    }
}

/// An `ESDescriptor` (ISO/IEC 14496-1, 7.2.6.5): object type and decoder specific information.
fn elementary(esds: &Bytes) -> Described {
    let damaged = || "an elementary stream with a damaged description".to_owned();
    let es = descriptor(esds.get(4..).unwrap_or_default(), 3).ok_or_else(damaged)?;
    let &[_, _, flags, ref rest @ ..] = es else {
        return Err(damaged());
    };
    let mut skip = if flags & 0x80 != 0 { 2 } else { 0 };
    if flags & 0x40 != 0 {
        skip += 1 + usize::from(*rest.get(skip).ok_or_else(damaged)?);
    }
    if flags & 0x20 != 0 {
        skip += 2;
    }
    let config = descriptor(rest.get(skip..).unwrap_or_default(), 4).ok_or_else(damaged)?;
    let object_type = *config.first().ok_or_else(damaged)?;
    let specific = descriptor(config.get(13..).unwrap_or_default(), 5).unwrap_or_default();
    match object_type {
        0x20 => Ok(headed(Codec::Mpeg4Video, specific)),
        0x60..=0x65 => Ok(headed(Codec::Mpeg2Video, specific)),
        0x6a => Ok(headed(Codec::Mpeg1Video, specific)),
        0x40 | 0x66..=0x68 => Ok((Format::new(Codec::Aac), Coding::Aac(Aac::parse(specific)?))),
        0x69 | 0x6b => Ok(plain(Codec::Mp3)),
        0xa5 => Ok(plain(Codec::Ac3)),
        0xa6 => Ok(plain(Codec::Eac3)),
        0xa9..=0xac => Err("dts".into()),
        0xdd => Err("vorbis".into()),
        n => Err(format!("MPEG-4 object type {n:#04x}")),
    }
}

/// The content of the descriptor with this tag at the start of `data`; one that claims more than
/// there is has what there is.
fn descriptor(data: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, mut rest) = data.split_first()?;
    if first != tag {
        return None;
    }
    let mut size = 0_usize;
    for _ in 0..4 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        size = size << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(&rest[..size.min(rest.len())])
}

fn scheme(children: &Bytes) -> Option<String> {
    let schm = find(&find(children, *b"sinf")?, *b"schm")?;
    be32(&schm, 4).map(|code| name(code.to_be_bytes()))
}

/// A codec's name for people.
pub(in crate::remux) fn name(code: FourCc) -> String {
    match &code {
        b"av01" => "av1".into(),
        b"vp08" => "vp8".into(),
        b"vp09" => "vp9".into(),
        b"vvc1" | b"vvi1" => "vvc".into(),
        b"fLaC" => "flac".into(),
        b"mjpa" | b"mjpb" | b"jpeg" | b"mjpg" => "mjpeg".into(),
        b"sowt" | b"twos" | b"lpcm" | b"ipcm" | b"fpcm" | b"in24" | b"raw " => "pcm".into(),
        b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" | b"dtsx" => "dts".into(),
        code => (code.iter())
            .map(|&byte| match byte {
                b'!'..=b'~' => char::from(byte),
                _ => '_',
            })
            .collect(),
    }
}
