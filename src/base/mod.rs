//! Ground floor: clock, ids and small bounded tools. Depends on nothing of ours.

pub mod breaker;
pub mod breakers;
pub mod clock;
pub mod ids;
pub mod random;
pub mod shared;
