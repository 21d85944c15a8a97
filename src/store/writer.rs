//! The thread that owns the database.

use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTableMetadata};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::schema::{ACCOUNTS, COSTS, STREAMS, boxed};
use crate::admission::costs::Learned;
use crate::stream::{AccountId, AccountRecord, Record, StreamId};

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// Commands answered with one commit.
const BATCH: usize = 64;

#[derive(Debug)]
pub(super) enum Command {
    Put {
        records: Vec<Arc<Record>>,
        reply: Reply,
    },
    Delete {
        ids: Vec<StreamId>,
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
    Check {
        reply: Reply,
    },
    /// Nobody waits for it.
    Learn(Learned),
}

/// Serves commands until all handles are gone.
pub(super) fn run(database: &Database, mut commands: mpsc::Receiver<Command>) {
    let mut batch = Vec::with_capacity(BATCH);
    while commands.blocking_recv_many(&mut batch, BATCH) > 0 {
        // One commit for all that queued up. If it fails each is tried alone, so that nobody
        // is told of a failure that another's write caused.
        let replies: Vec<&Command> = batch.iter().collect();
        let result = apply(database, &replies);
        if result.is_ok() || batch.len() == 1 {
            let mut result = Some(result);
            for command in batch.drain(..) {
                answer(command, result.take().unwrap_or(Ok(())));
            }
        } else {
            for command in batch.drain(..) {
                let alone = apply(database, &[&command]);
                answer(command, alone);
            }
        }
    }
}

fn answer(command: Command, result: Result<(), StoreError>) {
    match command {
        Command::Put { reply, .. }
        | Command::Delete { reply, .. }
        | Command::PutAccount { reply, .. }
        | Command::DeleteAccount { reply, .. }
        | Command::Check { reply } => {
            // Who asked may have gone away; the write stands all the same.
            let _ = reply.send(result);
        }
        Command::Learn(_) => {
            if let Err(error) = result {
                tracing::warn!(%error, "what a pipeline has cost could not be stored");
            }
        }
    }
}

fn apply(database: &Database, commands: &[&Command]) -> Result<(), StoreError> {
    if commands.iter().all(|c| matches!(c, Command::Check { .. })) {
        let read = database.begin_read().map_err(boxed)?;
        read.open_table(STREAMS)
            .map_err(boxed)?
            .len()
            .map_err(boxed)?;
        return Ok(());
    }
    let transaction = database.begin_write().map_err(boxed)?;
    {
        let mut streams = transaction.open_table(STREAMS).map_err(boxed)?;
        let mut accounts = transaction.open_table(ACCOUNTS).map_err(boxed)?;
        let mut costs = transaction.open_table(COSTS).map_err(boxed)?;
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
                Command::Delete { ids, .. } => {
                    for id in ids {
                        streams.remove(id.to_string().as_str()).map_err(boxed)?;
                    }
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
                Command::Check { .. } => {}
            }
        }
    }
    transaction.commit().map_err(boxed)?;
    Ok(())
}

fn json(key: &str, value: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|source| StoreError::Damaged {
        key: key.to_owned(),
        source,
    })
}
