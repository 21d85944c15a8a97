//! Tells Alertmanagers again and again what is not over: see [`alertmanager`](crate::notify::alertmanager).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Delivery, lock};
use crate::alerts::ReceiverId;
use crate::base::clock;
use crate::notify::{Found, Target};
use crate::store::StoreError;
use crate::store::outbox::Change;

/// Time between two looks at what is due. A lane that is busy is asked again at the next.
const LOOK: Duration = Duration::from_secs(1);

impl Delivery {
    pub(super) async fn repeat(self, stop: CancellationToken) {
        let mut due = BTreeMap::new();
        while stop
            .run_until_cancelled(tokio::time::sleep(LOOK))
            .await
            .is_some()
        {
            // Those that are asked one after the other are few, and each has its deadline.
            let round = stop.run_until_cancelled(self.repeat_due(&mut due)).await;
            if let Some(Err(error)) = round {
                tracing::warn!(%error, "what Alertmanagers are to be told again cannot be read");
            }
        }
    }

    async fn repeat_due(&self, due: &mut BTreeMap<ReceiverId, Instant>) -> Result<(), StoreError> {
        let receivers = self.inner.store.outbox().repeated_to().await?;
        due.retain(|receiver, _| receivers.contains(receiver));
        let mut asked = tokio::task::JoinSet::new();
        for receiver in receivers {
            let now = clock::now();
            if due.get(&receiver).is_some_and(|at| *at > now) {
                continue;
            }
            // While the lane is taken, nothing is told to be over that this would raise again.
            if !lock(&self.inner.lanes).take(&receiver) {
                continue;
            }
            due.insert(receiver.clone(), now + self.inner.repeat);
            asked.spawn(self.clone().repeat_to(receiver));
        }
        while asked.join_next().await.is_some() {}
        Ok(())
    }

    async fn repeat_to(self, receiver: ReceiverId) {
        let held = Held {
            delivery: &self,
            receiver: &receiver,
        };
        let outbox = self.inner.store.outbox();
        let result = match self.inner.receivers.find(&receiver) {
            Found::Target(Target::Alertmanager { url }) => {
                let Ok(alerts) = outbox.repeated(receiver.clone()).await else {
                    return;
                };
                self.post_alerts(&url, alerts.iter().map(|(_, alert)| alert))
                    .await
            }
            // It may be turned on again, but what was raised meanwhile was not told: it begins anew.
            Found::Target(_) | Found::Off | Found::Gone => {
                let receiver = receiver.clone();
                let forgotten = self.inner.store.change_outbox(Change::Forget { receiver });
                if let Err(error) = forgotten.await {
                    tracing::warn!(%error, "what is repeated to a receiver cannot be forgotten yet");
                }
                Ok(())
            }
        };
        if let Err(error) = result {
            let stage = error.stage.as_str();
            tracing::warn!(%receiver, stage, %error, "an Alertmanager could not be told what is active");
        }
        drop(held);
    }
}

/// A lane that was taken; given back whichever way it ends.
struct Held<'d> {
    delivery: &'d Delivery,
    receiver: &'d ReceiverId,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        lock(&self.delivery.inner.lanes).release(self.receiver);
    }
}
