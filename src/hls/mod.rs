//! HTTP Live Streaming (RFC 8216), both ways, as pure code: no sockets, no files, time is an argument.
//!
//! *Pulling a source*: [`parse`] reads a playlist, [`choose`] picks a variant
//! and [`Multivariant::audio_of`] the sound that goes with it,
//! [`Reloader`] says what to fetch next and when to reload, [`Decryptor`] undoes AES-128.
//!
//! *Watching a source*: [`Watch`] says how its playlists and segments come, [`VariantWatch`] whether its variants stay
//! together.
//!
//! *Serving a feed*: [`Window`] cuts chunks into segments and lists them, [`multivariant`] and [`Window::playlist`] put
//! playlists into text.

mod align;
mod cut;
mod decrypt;
mod lines;
mod media;
mod playlist;
mod reload;
mod variables;
mod variant_watch;
mod variants;
mod watch;
mod window;
mod write;

pub use decrypt::{DecryptError, Decryptor};
pub use playlist::{
    ByteRange, Found, Key, KeyMethod, Limits, Map, MediaPlaylist, Playlist, PlaylistError, Segment,
    parse, parse_child,
};
pub use reload::{Counters, Failed, ReloadOptions, Reloader, Step};
pub use variables::Variables;
pub use variant_watch::{VariantReport, VariantWatch};
pub use variants::{AudioRendition, Multivariant, Variant, Want, choose};
pub use watch::{PlaylistReport, SegmentSeen, Watch};
pub use window::{SegmentData, Window, WindowOptions};
pub use write::{VariantEntry, multivariant};
