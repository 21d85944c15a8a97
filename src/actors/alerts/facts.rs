//! What alerts need to know of streams.

use crate::actors::catalog::Snapshot;
use crate::alerts::Facts;
use crate::conditions::Ending;
use crate::config;
use crate::stream::{Definition, MonitorMode, StreamId};

/// The name of the server itself, for people.
const SERVER: &str = "this server";

/// What is known of a stream, or why nothing more will be heard of it.
pub(super) fn facts(
    catalog: &Snapshot,
    terms: &config::Monitor,
    stream: &StreamId,
) -> Result<Facts, Ending> {
    if stream.is_server() {
        return Ok(Facts {
            name: SERVER.to_owned(),
            ..Facts::default()
        });
    }
    let record = catalog.get(stream).ok_or(Ending::Disabled)?;
    let definition = &record.definition;
    let mode = definition.options.monitor.mode.unwrap_or(terms.mode);
    if !definition.enabled || mode == MonitorMode::Off {
        return Err(Ending::Paused);
    }
    Ok(of(definition))
}

fn of(definition: &Definition) -> Facts {
    let mut accounts = Vec::new();
    for source in &definition.sources {
        if let Some(account) = &source.account
            && !accounts.contains(account)
        {
            accounts.push(account.clone());
        }
    }
    let first = definition.sources.first();
    let host = first.and_then(|source| source.url.host());
    Facts {
        name: definition.name.clone(),
        group: definition.group.clone(),
        tags: definition.tags.clone(),
        accounts,
        host: host.map(str::to_owned),
    }
}
