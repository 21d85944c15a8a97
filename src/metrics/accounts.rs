//! The connections of accounts.

use super::exposition::{Exposition, Type};
use super::names;
use crate::accounts::Reason;
use crate::actors::accounts::AccountFigures;

/// The text for one scrape. Labels are the account's id, which an operator made, and a closed set of
/// reasons.
pub fn text(accounts: &[AccountFigures]) -> String {
    let mut out = Exposition::default();
    let each = |value: fn(&AccountFigures) -> usize| {
        let series = accounts.iter();
        series.map(move |one| ([one.id.as_str()], value(one) as f64))
    };
    let about = (
        names::ACCOUNT_CONNECTIONS,
        Type::Gauge,
        "Connections of the account: open ones, and those that the provider may still count.",
    );
    out.family(about, ["account"], each(|one| one.figures.in_use));
    let about = (
        names::ACCOUNT_LIMIT,
        Type::Gauge,
        "Connections that the provider allows.",
    );
    out.family(about, ["account"], each(|one| one.figures.limit));
    let about = (
        names::ACCOUNT_WAITING,
        Type::Gauge,
        "Pulls that wait for a connection of the account.",
    );
    out.family(about, ["account"], each(|one| one.figures.waiting));
    let about = (
        names::ACCOUNT_TAKEOVERS,
        Type::Counter,
        "Connections that were ended for somebody with a better right to them, by reason.",
    );
    let takeovers = accounts.iter().flat_map(|one| {
        let counted = Reason::ALL.into_iter().zip(one.takeovers);
        counted.map(|(reason, count)| ([one.id.as_str(), reason.as_str()], count as f64))
    });
    out.family(about, ["account", "reason"], takeovers);
    out.into_text()
}
