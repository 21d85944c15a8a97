//! Why a playlist cannot be used.

use std::fmt;

/// Why a playlist cannot be used, and who has to do what. Holds no URL and no text of the playlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// The body does not start with `#EXTM3U`.
    #[error("the source answered with {0}, not an HLS playlist: correct the source's address")]
    NotAPlaylist(Found),
    /// An `#EXTM3U` list of channels without any HLS tag.
    #[error(
        "this is a list of channels, not an HLS stream: import it as M3U and use one of its entries"
    )]
    ChannelList,
    /// More bytes than [`Limits::bytes`](super::Limits::bytes).
    #[error("the playlist is larger than {limit} bytes: the provider must send a shorter one")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More segments than [`Limits::segments`](super::Limits::segments).
    #[error(
        "the playlist lists more than {limit} segments: the provider must send a shorter window"
    )]
    TooManySegments {
        /// The limit.
        limit: usize,
    },
    /// More variants, or audio renditions, than [`Limits::variants`](super::Limits::variants).
    #[error(
        "the playlist lists more than {limit} variants: name one of its media playlists as the source"
    )]
    TooManyVariants {
        /// The limit.
        limit: usize,
    },
    /// A multivariant playlist without a variant that has a URI.
    #[error("the multivariant playlist names no variant: the provider must correct it")]
    NoVariants,
    /// A URI beyond [`Limits::uri_bytes`](super::Limits::uri_bytes), or all beyond [`Limits::uri_bytes_total`](super::Limits::uri_bytes_total).
    #[error("line {line}: a URI is too long, or all together are: the provider must shorten them")]
    UriTooLong {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// A URI that cannot be resolved, or is neither http nor https.
    #[error("line {line}: not an http or https address: the provider must correct it")]
    BadUri {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// DRM or an encryption method that only licensed players can undo.
    #[error(
        "segments are encrypted by {method}, which needs a licensed player: ask the provider for a clear or AES-128 stream"
    )]
    Encrypted {
        /// The method's name as the playlist gives it, letters, digits and `-` only, shortened.
        method: String,
    },
    /// AES-128 without a key address, or with an unreadable vector.
    #[error("line {line}: EXT-X-KEY lacks a usable URI or IV: the provider must correct it")]
    BadKey {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// A byte range that cannot be read, or continues nothing.
    #[error("line {line}: unusable EXT-X-BYTERANGE: the provider must correct it")]
    BadByteRange {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// An `EXT-X-MAP` without a usable URI or byte range.
    #[error("line {line}: EXT-X-MAP lacks a usable URI or BYTERANGE: the provider must correct it")]
    BadMap {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// A variable that nothing defines, or an `EXT-X-DEFINE` that defines nothing.
    #[error("line {line}: a variable is not defined: the provider must correct EXT-X-DEFINE")]
    Undefined {
        /// Line of the playlist, from 1.
        line: usize,
    },
    /// `EXT-X-I-FRAMES-ONLY`.
    #[error(
        "this playlist holds key frames for seeking only: use the media playlist it belongs to"
    )]
    IFramesOnly,
}

/// What a body that is no playlist looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or blanks only.
    Nothing,
    /// Sync bytes at the distance of a packet.
    MpegTs,
    /// Starts with an ISO base media box.
    Mp4,
    /// An MPD.
    Dash,
    /// A web page.
    WebPage,
    /// None of these.
    Other,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::MpegTs => "MPEG-TS",
            Self::Mp4 => "MP4",
            Self::Dash => "a DASH manifest",
            Self::WebPage => "a web page",
            Self::Other => "something else",
        })
    }
}
