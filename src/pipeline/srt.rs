//! TS by SRT: the payload as it comes.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use super::assemble::{self, Assembled};
use super::error::PipelineError;
use super::library::Library;
use super::set::set;
use super::topology::{Topology, names};
use crate::memory::Account;

/// How a stream is pulled by SRT.
#[derive(Clone, PartialEq, Eq)]
pub struct SrtSpec {
    /// The peer's address or, for a listener, the own; already checked.
    pub address: SocketAddr,
    /// Whether the peer connects to this server.
    pub listen: bool,
    /// What the content is encrypted with; 10 to 79 characters.
    pub passphrase: Option<String>,
    /// Length of the key in bytes: 16, 24 or 32; `None` leaves it to the sender.
    pub key_length: Option<u8>,
    /// What is asked for.
    pub stream_id: Option<String>,
    /// How long lost packets are waited for; `None` for SRT's own default.
    pub latency: Option<Duration>,
}

impl fmt::Debug for SrtSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The stream id often is a secret as well.
        f.debug_struct("SrtSpec")
            .field("address", &self.address)
            .field("listen", &self.listen)
            .field("latency", &self.latency)
            .finish_non_exhaustive()
    }
}

pub(super) fn srt(
    library: &Library,
    spec: &SrtSpec,
    account: &Account,
) -> Result<Assembled, PipelineError> {
    let topology = Topology::Srt;
    let (assembled, _events) = assemble::bridged(library, topology, account)?;
    let source = assemble::named(&assembled.pipeline, topology, names::SOURCE)?;
    // The only way to tell it the peer's address. It puts all other properties back, so it is first.
    set(&source, "uri", &format!("srt://{}", spec.address))?;
    if spec.listen {
        set(&source, "mode", "listener")?;
        set(&source, "localaddress", &spec.address.ip().to_string())?;
        set(&source, "localport", &spec.address.port().to_string())?;
    }
    if let Some(latency) = spec.latency {
        set(&source, "latency", &latency.as_millis().to_string())?;
    }
    if let Some(length) = spec.key_length {
        set(&source, "pbkeylen", &length.to_string())?;
    }
    // Not by `set`, whose errors name the value.
    for (property, value) in [
        ("passphrase", &spec.passphrase),
        ("streamid", &spec.stream_id),
    ] {
        if let Some(value) = value
            && source.find_property(property).is_some()
        {
            source.set_property(property, value.as_str());
        }
    }
    Ok(assembled)
}
