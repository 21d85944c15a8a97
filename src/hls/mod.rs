//! HTTP Live Streaming (RFC 8216), both ways, as pure code: no sockets, no files, time is an argument.
//!
//! *Pulling a source*: [`playlist::parse`] reads a playlist, [`variants::choose`] picks a variant,
//! [`reload::Reloader`] says what to fetch next and when to reload, [`decrypt::Decryptor`] undoes AES-128.
//!
//! *Serving a feed*: [`window::Window`] cuts chunks into segments and lists them, [`write`](mod@write) puts
//! playlists into text.

mod align;
mod cut;
pub mod decrypt;
mod lines;
mod media;
pub mod playlist;
pub mod reload;
pub mod variants;
pub mod window;
pub mod write;
