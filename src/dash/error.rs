//! Why an MPD cannot be used.

/// Why an MPD cannot be used, and who has to do what. Holds no URL and no text of the MPD.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MpdError {
    /// Not well-formed XML, or cut off.
    #[error("the DASH manifest is not well-formed XML: the provider must correct it")]
    NotXml,
    /// XML, but no MPD.
    #[error("the source answered with XML that is no DASH manifest: correct the source's address")]
    NotMpd,
    /// A document type, with which XML can be made to blow up; no MPD has one.
    #[error("the DASH manifest has a document type, which is refused")]
    DocumentType,
    /// More bytes than [`Limits::bytes`](super::Limits::bytes).
    #[error("the DASH manifest is larger than {limit} bytes: the provider must send a shorter one")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More of something than its limit in [`Limits`](super::Limits).
    #[error("the DASH manifest lists more than {limit} {what}: the provider must send less")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A URL beyond [`Limits::uri_bytes`](super::Limits::uri_bytes), or all beyond
    /// [`Limits::uri_bytes_total`](super::Limits::uri_bytes_total).
    #[error(
        "an address in the DASH manifest is too long, or all together are: the provider must shorten them"
    )]
    UriTooLong,
    /// An address that cannot be resolved, or is neither http nor https.
    #[error(
        "the DASH manifest has an address that is not http or https: the provider must correct it"
    )]
    BadUri,
    /// An attribute without which nothing can be played cannot be read.
    #[error("the DASH manifest has an unusable {what}: the provider must correct it")]
    Bad {
        /// Which attribute or element.
        what: &'static str,
    },
    /// A part that has to be fetched from elsewhere.
    #[error(
        "parts of the DASH manifest lie elsewhere (xlink), which is not supported: ask the provider for a whole one"
    )]
    Xlink,
    /// No period, or none with picture or sound.
    #[error("the DASH manifest offers neither picture nor sound")]
    Empty,
    /// All is encrypted.
    #[error(
        "the stream is protected by DRM, which needs a licensed player: ask the provider for a clear one"
    )]
    Protected,
    /// The index of a file is damaged, or of a form that is not used.
    #[error("the index of the segments cannot be read")]
    BadIndex,
}
