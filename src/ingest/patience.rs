//! How long a pull waits for its source.

use std::time::Duration;

/// How long a source may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To connect, to answer each request, and to send its first media: each.
    pub answer: Duration,
    /// Between any two of its bytes, once they flow.
    pub stall: Duration,
}
