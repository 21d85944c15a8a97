//! One attempt to deliver one notification.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use url::Url;

use super::super::accounts::read_secret;
use super::{Delivery, lock};
use crate::alerts::{ItemKind, MailAddress, Notification};
use crate::base::clock;
use crate::notify::alertmanager::{self, Alert, MOST_AT_ONCE};
use crate::notify::{Failure, Found, Stage, Target, Verdict, webhook};
use crate::store::outbox::Row;
use crate::stream::Secret;

/// How it went.
pub(super) enum Attempt {
    /// The receiver has it.
    Accepted {
        /// What is repeated to it from now on, and what no longer.
        repeat: Vec<(String, Option<Alert>)>,
    },
    /// It does not, or not each of its recipients.
    Failed {
        failure: Failure,
        /// Recipients that have it.
        accepted: Vec<MailAddress>,
    },
}

/// For metrics, where there is no receiver (any more).
const NO_KIND: &str = "none";

impl Delivery {
    /// Tries to deliver, and tells the kind of receiver.
    pub(super) async fn attempt(
        &self,
        row: &Row,
        notification: &Notification,
    ) -> (&'static str, Attempt) {
        let target = match self.inner.receivers.find(&row.receiver) {
            Found::Target(target) => target,
            Found::Off => return (NO_KIND, never("the receiver is turned off")),
            Found::Gone => return (NO_KIND, never("there is no such receiver any more")),
        };
        let kind = target.kind();
        let attempt = match target {
            Target::Email { to } => self.mail(row, notification, &to).await,
            Target::Webhook { url, secret } => {
                let posted = self.webhook(notification, &url, secret).await;
                posted.map_or_else(failed, |()| Attempt::Accepted { repeat: Vec::new() })
            }
            Target::Alertmanager { url } => self.alertmanager(row, notification, &url).await,
        };
        (kind, attempt)
    }

    async fn mail(&self, row: &Row, notification: &Notification, to: &[MailAddress]) -> Attempt {
        let Some(mailer) = &self.inner.mailer else {
            let text = "there is no mail server: the operator has to set SMTP_HOST";
            return failed(Failure::new(Stage::Receiver, Verdict::Unreachable, text));
        };
        self.turn().await;
        let delivered = mailer.send(notification, to, &row.accepted).await;
        let mut accepted = row.accepted.clone();
        accepted.extend(delivered.accepted);
        match delivered.failure {
            Some(failure) => Attempt::Failed { failure, accepted },
            None => Attempt::Accepted { repeat: Vec::new() },
        }
    }

    async fn webhook(
        &self,
        notification: &Notification,
        url: &Url,
        secret: Option<Secret>,
    ) -> Result<(), Failure> {
        let secret = match secret {
            Some(secret) => Some(self.secret(secret).await?),
            None => None,
        };
        let body = webhook::body(notification);
        let headers = webhook::headers(notification.id, clock::wall(), secret.as_deref(), &body);
        self.inner.poster.post(url, headers, body).await
    }

    /// A secret, read from its file where it is in one.
    async fn secret(&self, secret: Secret) -> Result<String, Failure> {
        let name = match secret {
            Secret::Text(text) => return Ok(text),
            Secret::File(name) => name,
        };
        let folder = self.inner.secrets_dir.clone();
        let read = tokio::task::spawn_blocking(move || read_secret(folder, &name)).await;
        read.map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| {
                tracing::error!(%error, "the secret of a webhook cannot be read");
                let text = "the file with the secret of the receiver cannot be read";
                Failure::new(Stage::Receiver, Verdict::Unreachable, text)
            })
    }

    /// Waits until the next mail may leave.
    async fn turn(&self) {
        loop {
            let taken = lock(&self.inner.pace).take(clock::now());
            match taken {
                Ok(()) => return,
                Err(until) => tokio::time::sleep_until(until.into()).await,
            }
        }
    }

    async fn alertmanager(&self, row: &Row, notification: &Notification, url: &Url) -> Attempt {
        let known = self
            .inner
            .store
            .outbox()
            .repeated(row.receiver.clone())
            .await;
        let known: BTreeMap<_, _> = known.unwrap_or_default().into_iter().collect();
        let mut alerts = alertmanager::alerts(notification);
        for (key, alert) in &mut alerts {
            // Labels say which alert it is; a group or a severity may be another now.
            if let Some(known) = known.get(key) {
                alert.labels.clone_from(&known.labels);
            }
        }
        let sent = self
            .post_alerts(url, alerts.iter().map(|(_, alert)| alert))
            .await;
        if let Err(failure) = sent {
            return failed(failure);
        }
        let items = notification.items.iter();
        let repeat = items
            .zip(alerts)
            .filter_map(|(item, (key, alert))| match item.kind {
                ItemKind::Raised | ItemKind::StillRaised | ItemKind::Escalated => {
                    Some((key, Some(alert)))
                }
                ItemKind::Cleared => Some((key, None)),
                ItemKind::Test => None,
            });
        Attempt::Accepted {
            repeat: repeat.collect(),
        }
    }

    /// Posts alerts, so many at a time.
    pub(super) async fn post_alerts(
        &self,
        url: &Url,
        alerts: impl Iterator<Item = &Alert>,
    ) -> Result<(), Failure> {
        let alerts: Vec<_> = alerts.collect();
        let endpoint = alertmanager::endpoint(url);
        for alerts in alerts.chunks(MOST_AT_ONCE) {
            let body = alertmanager::body(alerts.iter().copied(), clock::wall());
            self.inner
                .poster
                .post(&endpoint, HeaderMap::new(), body)
                .await?;
        }
        Ok(())
    }
}

fn never(text: &str) -> Attempt {
    failed(Failure::new(Stage::Receiver, Verdict::Never, text))
}

fn failed(failure: Failure) -> Attempt {
    Attempt::Failed {
        failure,
        accepted: Vec::new(),
    }
}
