//! The outbox and its deliverer with real receivers: a mail server, webhooks, Alertmanager.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod alertmanager;
mod mail;
mod rig;
mod webhooks;

use std::time::Duration;

/// Long enough for anything that should take a moment, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);
