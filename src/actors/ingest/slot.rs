//! A pull under a slot of its source's account.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Phase;
use super::task::Task;
use crate::accounts::Reason;
use crate::actors::accounts::{NoPlace, Slot, Who, describe};
use crate::actors::pull;
use crate::ingest::sink::Sink;
use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::{AccountId, Source};

/// A stream that can be pulled elsewhere does not wait longer for a slot.
const PATIENCE: Duration = Duration::from_secs(3);
/// Waiting is told this often to who watches over the first byte.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Pulls `source`, which counts among the connections of its account until it has really ended.
pub(super) async fn pull(
    task: &Task,
    source: &Source,
    sink: &Sink,
    trial: Arc<AtomicBool>,
) -> Result<(), IngestError> {
    let who = (&task.definition.id, task.definition.name.as_str());
    let Some(account) = &source.account else {
        return pull::pull(&task.deps, source, who, sink).await;
    };
    let slot = Arc::new(task.slot(account, sink, trial).await?);
    let source = dressed(source, &slot).await?;
    let sink = sink.lent(slot.clone());
    // The pull and with it the connection end before the slot is given back; what must be torn down
    // later holds it so long.
    tokio::select! {
        biased;
        reason = slot.recalled() => {
            task.ended().await;
            Err(recalled(reason))
        }
        pulled = pull::pull(&task.deps, &source, who, &sink) => pulled,
    }
}

impl Task {
    async fn slot(
        &self,
        account: &AccountId,
        sink: &Sink,
        trial: Arc<AtomicBool>,
    ) -> Result<Slot, IngestError> {
        let shown = !trial.load(std::sync::atomic::Ordering::Relaxed);
        let asked = self.deps.accounts.ask(
            account,
            Who::Pull {
                stream: self.definition.id.clone(),
                trial,
                end: self.end.clone(),
            },
        );
        let slot = asked.map_err(refused)?;
        if slot.is_granted() {
            return Ok(slot);
        }
        let note = |phase, waits| {
            if shown {
                self.status.send_modify(|s| {
                    s.phase = phase;
                    s.waits = waits;
                });
            }
        };
        note(Phase::Waiting, Some(slot.place()));
        let elsewhere = self.definition.sources.iter();
        let elsewhere = elsewhere.filter(|s| s.account.as_ref() != Some(account));
        let waits = tokio::time::timeout(
            if elsewhere.count() > 0 {
                PATIENCE
            } else {
                Duration::MAX
            },
            self.turn(&slot, sink),
        );
        let turn = waits.await;
        note(Phase::Connecting, None);
        match turn {
            Ok(true) => Ok(slot),
            Ok(false) => {
                self.ended().await;
                let text = "nobody waits for the connection any more";
                Err(IngestError::new(Stage::Account, Cause::Ended, text))
            }
            Err(_) => {
                let text = describe(&slot.figures());
                Err(IngestError::new(Stage::Account, Cause::ProviderLimit, text))
            }
        }
    }

    /// Never ends when the whole pull is to end: then there is no next attempt, and this is no failure.
    async fn ended(&self) {
        if self.end.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    async fn turn(&self, slot: &Slot, sink: &Sink) -> bool {
        loop {
            let granted = tokio::time::timeout(SIGN_OF_LIFE, slot.granted()).await;
            sink.begin();
            if let Ok(granted) = granted {
                return granted;
            }
        }
    }
}

pub(in crate::actors) fn refused(error: NoPlace) -> IngestError {
    let cause = match error {
        NoPlace::Unknown => Cause::Internal,
        NoPlace::Full(_) => Cause::ProviderLimit,
    };
    IngestError::new(Stage::Account, cause, error.to_string())
}

/// The source with its account's credentials, unless it has its own or cannot have any.
pub(in crate::actors) async fn dressed<'s>(
    source: &'s Source,
    slot: &Slot,
) -> Result<Cow<'s, Source>, IngestError> {
    let own = source.credentials.is_some() || source.headers.contains_key("Authorization");
    if own || !source.url.takes_credentials() {
        return Ok(Cow::Borrowed(source));
    }
    let credentials = slot.credentials().await?;
    Ok(match credentials {
        None => Cow::Borrowed(source),
        credentials => Cow::Owned(Source {
            credentials,
            ..source.clone()
        }),
    })
}

pub(in crate::actors) fn recalled(reason: Reason) -> IngestError {
    let text = match reason {
        Reason::Idle => "nobody watched, and the provider's connection was needed",
        Reason::Outranked => "the provider's connection was needed for something more important",
        Reason::ChangedChannel => "the only client that watched has changed the channel",
        Reason::LimitLowered => "the account now allows fewer connections",
    };
    IngestError::new(Stage::Account, Cause::ProviderLimit, text)
}
