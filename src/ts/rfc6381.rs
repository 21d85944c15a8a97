//! Codecs as manifests name them (RFC 6381), and whether a feed can carry them.

use super::codec::Kind;

/// One entry of a `codecs` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is for.
    pub kind: Kind,
    /// Whether MPEG-TS carries it in a way that players know.
    pub carried: bool,
}

/// The entries of a `codecs` attribute that are known, with their names.
pub fn named(codecs: &str) -> impl Iterator<Item = (&str, Named)> {
    codecs
        .split(',')
        .filter_map(|entry| Some((entry.trim(), read(entry.trim())?)))
}

/// What one entry stands for; `None` if it is not known.
fn read(entry: &str) -> Option<Named> {
    let mut parts = entry.split('.').map(str::to_ascii_lowercase);
    let name = parts.next()?;
    let (kind, carried) = match name.as_str() {
        "avc1" | "avc2" | "avc3" | "avc4" | "hvc1" | "hev1" | "mp2v" | "mp4v" => {
            (Kind::Video, true)
        }
        // Of Dolby Vision (dv..), only some profiles show a right picture to players without it.
        "dvh1" | "dvhe" | "dvav" | "dva1" | "dav1" | "vp8" | "vp9" | "vp08" | "vp09" | "av01"
        | "vvc1" | "vvi1" | "evc1" => (Kind::Video, false),
        "mp4a" => {
            let object = parts.next().unwrap_or_default();
            let profile = parts.next().unwrap_or_default();
            // USAC (xHE-AAC) has no ADTS form; DTS is not what television players know.
            let usac = object == "40" && profile == "42";
            (
                Kind::Audio,
                !usac && !matches!(object.as_str(), "a9" | "aa" | "ab" | "ac" | "ad"),
            )
        }
        "ac-3" | "ec-3" | "mp3" => (Kind::Audio, true),
        "opus" | "vorbis" | "flac" | "alac" | "ac-4" | "dtsc" | "dtse" | "dtsh" | "dtsl"
        | "dtsx" | "mha1" | "mhm1" => (Kind::Audio, false),
        "stpp" | "wvtt" | "tx3g" => (Kind::Subtitle, false),
        _ => return None,
    };
    Some(Named { kind, carried })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let read = |codecs| {
            let all = named(codecs).map(|(name, is)| (name, is.kind, is.carried));
            all.collect::<Vec<_>>()
        };
        assert_eq!(
            read("avc1.640028, mp4a.40.2,unknown.1"),
            [
                ("avc1.640028", Kind::Video, true),
                ("mp4a.40.2", Kind::Audio, true)
            ]
        );
        assert_eq!(
            read("av01.0.12M.10,mp4a.40.42,Opus,stpp.ttml.im1t"),
            [
                ("av01.0.12M.10", Kind::Video, false),
                ("mp4a.40.42", Kind::Audio, false),
                ("Opus", Kind::Audio, false),
                ("stpp.ttml.im1t", Kind::Subtitle, false)
            ]
        );
        assert_eq!(read(",,"), []);
    }
}
