//! RTSP 1.0 (RFC 2326): the signalling is ours, so that each connection goes to an address that the
//! source policy has allowed; what comes out are RTP packets.
//!
//! Requests always go over the one connection that was dialled, whatever host a control URL names; a
//! redirect is dialled anew, under the policy. Media comes interleaved in that connection, or in
//! datagrams from its peer's address and nowhere else.
//!
//! | file | idea |
//! |---|---|
//! | `message`, `sdp`, `transport`, `rtcp`, `address` | what is said, to the letter (pure) |
//! | `auth`, `dialogue` | what follows from what was said (pure) |
//! | `connection`, `datagrams`, `client` | the sockets and the clock |
//! | `choice`, `guard` | which of the media offered, and of their packets, are taken (pure) |

mod address;
mod auth;
mod choice;
mod client;
mod connection;
mod datagrams;
mod dialogue;
mod guard;
mod message;
mod rtcp;
mod sdp;
mod transport;

pub use choice::{Choice, TsPayload, choose};
pub use client::{Asking, Client, Packet};
pub use sdp::Media;
