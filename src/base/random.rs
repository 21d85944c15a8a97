//! The one place that draws secrets. Pure code takes them as arguments.

use ring::rand::{SecureRandom, SystemRandom};

/// The system gives no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Bytes that nobody can guess.
///
/// # Errors
/// When the system has none to give; then nothing may be built on what would stand for them.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(ring::error::Unspecified) => Err(NoRandomness),
    }
}
