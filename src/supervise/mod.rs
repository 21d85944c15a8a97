//! The service manager that started us, if any: systemd, or what speaks its protocols.
//!
//! - readiness, status, reloads and the end are told by datagrams (`sd_notify(3)`), [`Supervisor`];
//! - the watchdog is fed only while the runtime and `GStreamer` prove that they work, `watchdog`;
//! - a socket that it holds for us is taken over (`sd_listen_fds(3)`), [`passed_listener`].
//!
//! The socket of the manager is connected when the [`Supervisor`] is made: what the process may no longer open later does
//! not matter then. Without a manager all of it does nothing.

mod activation;
mod notify;
mod watchdog;

pub use activation::{PassedError, passed_listener};
pub use notify::{Reloading, Supervisor};
