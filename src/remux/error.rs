//! Why an input can't be carried.

/// See [`Remux::push`](super::Remux::push). The text names no source and may be shown to clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemuxError {
    /// The samples are encrypted (ISO/IEC 23001-7).
    #[error("the media is encrypted ({})", .scheme.as_deref().unwrap_or("unknown scheme"))]
    Encrypted {
        /// The protection scheme, such as `cenc` or `cbcs`.
        scheme: Option<String>,
    },
    /// No input has anything that a transport stream carries.
    #[error("transport streams cannot carry {}", .codecs.join(", "))]
    Unsupported {
        /// Names of the codecs.
        codecs: Vec<String>,
    },
    /// A progressive MP4 file whose index comes after the media, which can't be read from start to end.
    #[error("the index of the MP4 file is at its end, and the source does not serve ranges")]
    IndexAtEnd,
    /// Damaged, or another container than expected.
    #[error("the media cannot be read: {0}")]
    NotMedia(&'static str),
    /// Larger than anything that is allowed.
    #[error("the media exceeds a limit: {0}")]
    Limit(&'static str),
}
