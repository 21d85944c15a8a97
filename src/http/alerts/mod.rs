//! `/api/v1/alerts`: who is told what.

pub(super) mod outbox;
