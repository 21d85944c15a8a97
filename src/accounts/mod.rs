//! Connection slots of provider accounts: who holds one, who waits, and who makes room for whom.
//! Pure: time is an argument.
//!
//! A provider counts connections by credential, whatever streams they carry. An account stands for
//! the credential; each connection to it is made under a slot of its [`Ledger`].

mod ledger;
mod turns;

pub use ledger::{Action, Claim, Class, Figures, Full, Ledger, PlaceId, Reason};

#[cfg(test)]
mod tests;
