//! The thread that writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use redb::ReadableTableMetadata;
use tokio::sync::{Notify, mpsc, oneshot};

use super::alerts::{Alerting, AlertsCommit};
use super::history::Writing;
use super::history::upkeep::{self, Again};
use super::schema::{ACCOUNTS, COSTS, STREAMS, boxed};
use super::slot::Slot;
use super::{StoreError, alerts, auth, outbox, removed};
use crate::admission::costs::Learned;
use crate::auth::{Entry, Row, TokenId};
use crate::base::clock;
use crate::history::{Bounds, Event, KeptState, Minute, MinuteAt, NewPicture};
use crate::stream::{AccountId, AccountRecord, Record, StreamId};

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// Commands answered with one commit.
const BATCH: usize = 64;
/// A step of the upkeep waits this long at most for a moment without commands.
const LATEST: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Command {
    Put {
        records: Vec<Arc<Record>>,
        reply: Reply,
    },
    Delete {
        ids: Vec<StreamId>,
        at: Timestamp,
        reply: Reply,
    },
    Restore {
        record: Arc<Record>,
        reply: Reply,
    },
    PutAccount {
        record: Arc<AccountRecord>,
        reply: Reply,
    },
    DeleteAccount {
        id: AccountId,
        reply: Reply,
    },
    Record {
        events: Vec<Event>,
        states: Vec<(StreamId, KeptState)>,
        reply: Reply,
    },
    PutMinutes {
        rows: Vec<(StreamId, MinuteAt, Minute)>,
        reply: Reply,
    },
    /// One row of what operators made of alerts; none removes it.
    PutAlerting {
        table: Alerting,
        key: String,
        json: Option<Vec<u8>>,
        reply: Reply,
    },
    CommitAlerts {
        commit: Box<AlertsCommit>,
        reply: Reply,
    },
    Outbox {
        change: outbox::Change,
        reply: Reply,
    },
    Check {
        reply: Reply,
    },
    /// Rows of users, tokens and keys, all or none.
    PutAuth {
        rows: Vec<Row>,
        reply: Reply,
    },
    /// Nobody waits for it.
    Pictures(Vec<NewPicture>),
    /// Nobody waits for it.
    Learn(Learned),
    /// Nobody waits for it.
    Audit(Vec<Entry>),
    /// A token, and when it was used, seconds since 1970. Nobody waits for it.
    TokenUsed(TokenId, i64),
}

impl Command {
    /// Whether there may be something new to deliver after it.
    fn changes_outbox(&self) -> bool {
        matches!(self, Self::Outbox { .. } | Self::CommitAlerts { .. })
    }
}

/// Serves commands until all handles are gone, and keeps the history within its bounds meanwhile. Who waits for
/// changes of the outbox is told of them.
pub(super) fn run(
    slot: &Slot,
    bounds: &Bounds,
    outbox_changed: &Notify,
    mut commands: mpsc::Receiver<Command>,
) {
    // For its timer: the thread waits for commands, but not longer than until the next step is due.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let Ok(runtime) = runtime.inspect_err(|error| tracing::error!(%error, "the store cannot run"))
    else {
        return;
    };
    let mut batch = Vec::with_capacity(BATCH);
    let mut failing = false;
    let mut next_step = clock::now();
    loop {
        let pause = next_step.saturating_duration_since(clock::now());
        let received = runtime.block_on(async {
            tokio::time::timeout(pause, commands.recv_many(&mut batch, BATCH)).await
        });
        match received {
            Ok(0) => return,
            Ok(_) => {
                let outbox = batch.iter().any(Command::changes_outbox);
                failing = report(failing, serve(slot, bounds, &mut batch));
                if outbox {
                    outbox_changed.notify_one();
                }
            }
            Err(_) => (next_step, failing) = keep_up(slot, bounds, failing),
        }
        // Also for a writer that never rests.
        if clock::now() >= next_step + LATEST {
            (next_step, failing) = keep_up(slot, bounds, failing);
        }
    }
}

/// One step of the upkeep; when the next is due, and whether the store fails.
fn keep_up(slot: &Slot, bounds: &Bounds, failing: bool) -> (Instant, bool) {
    let now = MinuteAt::of(clock::wall());
    let again = upkeep::step(slot, bounds, now);
    let pause = again.as_ref().map_or(Again::Idle, |again| *again).pause();
    let wrote = match again {
        Ok(Again::Idle) => None,
        Ok(_) => Some(Ok(())),
        Err(error) => Some(Err(error.to_string())),
    };
    (clock::now() + pause, report(failing, wrote))
}

/// Tells once that the store fails, and once that it works again; whether it fails. Nothing was
/// written if there is no result.
fn report(failing: bool, result: Option<Result<(), String>>) -> bool {
    match result {
        Some(Err(error)) if !failing => {
            tracing::error!(
                error,
                "the store cannot be written; it is tried again with each write"
            );
            true
        }
        Some(Ok(())) if failing => {
            tracing::info!("the store can be written again");
            false
        }
        _ => failing,
    }
}

/// One commit for all that queued up. If it fails each is tried alone, so that nobody is told of a
/// failure that another's write caused.
fn serve(slot: &Slot, bounds: &Bounds, batch: &mut Vec<Command>) -> Option<Result<(), String>> {
    let all: Vec<&Command> = batch.iter().collect();
    let written = !batch.iter().all(|c| matches!(c, Command::Check { .. }));
    let mut worst = Ok(());
    let mut note = |result: &Result<(), StoreError>| {
        if let Err(error) = result {
            worst = Err(error.to_string());
        }
    };
    let result = slot.watch(apply(slot, bounds, &all));
    if result.is_ok() || batch.len() == 1 {
        note(&result);
        let mut result = Some(result);
        for command in batch.drain(..) {
            answer(command, result.take().unwrap_or(Ok(())));
        }
    } else {
        for command in batch.drain(..) {
            let alone = slot.watch(apply(slot, bounds, &[&command]));
            note(&alone);
            answer(command, alone);
        }
    }
    (written || worst.is_err()).then_some(worst)
}

fn answer(command: Command, result: Result<(), StoreError>) {
    match command {
        Command::Put { reply, .. }
        | Command::Delete { reply, .. }
        | Command::Restore { reply, .. }
        | Command::PutAccount { reply, .. }
        | Command::DeleteAccount { reply, .. }
        | Command::Record { reply, .. }
        | Command::PutMinutes { reply, .. }
        | Command::PutAlerting { reply, .. }
        | Command::CommitAlerts { reply, .. }
        | Command::Outbox { reply, .. }
        | Command::PutAuth { reply, .. }
        | Command::Check { reply } => {
            // Who asked may have gone away; the write stands all the same.
            let _ = reply.send(result);
        }
        Command::Pictures(pictures) => {
            if let Err(error) = result {
                tracing::warn!(%error, pictures = pictures.len(), "pictures could not be stored");
            }
        }
        Command::Learn(_) => {
            if let Err(error) = result {
                tracing::warn!(%error, "what a pipeline has cost could not be stored");
            }
        }
        Command::Audit(entries) => {
            if let Err(error) = result {
                tracing::error!(%error, "the audit log could not be written");
                crate::metrics::audit_dropped(entries.len());
            }
        }
        Command::TokenUsed(..) => {}
    }
}

fn apply(slot: &Slot, bounds: &Bounds, commands: &[&Command]) -> Result<(), StoreError> {
    if commands.iter().all(|c| matches!(c, Command::Check { .. })) {
        slot.recover()?;
        let read = slot.read()?;
        read.open_table(STREAMS)
            .map_err(boxed)?
            .len()
            .map_err(boxed)?;
        return Ok(());
    }
    let transaction = slot.write()?;
    {
        let mut streams = transaction.open_table(STREAMS).map_err(boxed)?;
        let mut accounts = transaction.open_table(ACCOUNTS).map_err(boxed)?;
        let mut costs = transaction.open_table(COSTS).map_err(boxed)?;
        let mut history = Writing::open(&transaction)?;
        let mut outbox = outbox::Writing::open(&transaction)?;
        for command in commands {
            match command {
                Command::Put { records, .. } => {
                    for record in records {
                        let id = record.definition.id.to_string();
                        let json = json(&id, record.as_ref())?;
                        streams
                            .insert(id.as_str(), json.as_slice())
                            .map_err(boxed)?;
                    }
                }
                Command::Delete { ids, at, .. } => {
                    removed::remove(&transaction, &mut streams, &mut history, (ids, *at))?;
                }
                Command::Restore { record, .. } => {
                    removed::restore(&transaction, &mut streams, &mut history, record)?;
                }
                Command::PutAccount { record, .. } => {
                    let id = record.account.id.as_str();
                    let json = json(id, record.as_ref())?;
                    accounts.insert(id, json.as_slice()).map_err(boxed)?;
                }
                Command::DeleteAccount { id, .. } => {
                    accounts.remove(id.as_str()).map_err(boxed)?;
                }
                Command::Learn(learned) => {
                    let key = learned.key.as_str();
                    let json = json(key, &learned.cost)?;
                    costs.insert(key, json.as_slice()).map_err(boxed)?;
                    if let Some(forgotten) = &learned.forgotten {
                        costs.remove(forgotten.as_str()).map_err(boxed)?;
                    }
                }
                Command::Record { events, states, .. } => {
                    history.append(events, &streams)?;
                    history.put_states(states, &streams)?;
                }
                Command::Pictures(pictures) => {
                    history.put_pictures(pictures, bounds.picture_bytes, &streams)?;
                }
                Command::PutMinutes { rows, .. } => history.put_minutes(rows, &streams)?,
                Command::PutAlerting {
                    table, key, json, ..
                } => alerts::put(&transaction, *table, key, json.as_deref())?,
                Command::CommitAlerts { commit, .. } => {
                    alerts::commit(&transaction, commit)?;
                    history.forget_journal(commit.read)?;
                    for notification in &commit.notifications {
                        outbox.insert(notification)?;
                    }
                }
                Command::Outbox { change, .. } => outbox.apply(change)?,
                Command::PutAuth { rows, .. } => auth::put(&transaction, rows)?,
                Command::Audit(entries) => auth::append(&transaction, entries)?,
                Command::TokenUsed(id, at) => auth::used(&transaction, id, *at)?,
                Command::Check { .. } => {}
            }
        }
        history.finish()?;
        if outbox.dropped() > 0 {
            let notifications = outbox.dropped();
            tracing::error!(notifications, "the outbox is full: the oldest were removed");
            crate::metrics::outbox_dropped(notifications);
        }
    }
    transaction.commit().map_err(boxed)?;
    Ok(())
}

pub(super) fn json(key: &str, value: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|source| StoreError::Damaged {
        key: key.to_owned(),
        source,
    })
}
