//! The receivers as delivery wants them.

use super::Alerts;
use crate::alerts::{self, ReceiverId};
use crate::notify::{Found, Receivers, Target};

impl Receivers for Alerts {
    fn find(&self, id: &ReceiverId) -> Found {
        let Some(receiver) = self.receiver(id) else {
            return Found::Gone;
        };
        if !receiver.item.enabled {
            return Found::Off;
        }
        Found::Target(match &receiver.item.target {
            alerts::Target::Email { to } => Target::Email { to: to.clone() },
            alerts::Target::Webhook { url, secret } => Target::Webhook {
                url: url.clone(),
                secret: secret.clone(),
            },
            alerts::Target::Alertmanager { url } => Target::Alertmanager { url: url.clone() },
        })
    }

    fn list(&self) -> Vec<ReceiverId> {
        let receivers = self.receivers();
        let on = receivers.values().filter(|receiver| receiver.item.enabled);
        on.map(|receiver| receiver.item.id.clone()).collect()
    }
}
