//! Mail servers are used for several mails in a row: sessions are kept for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters, TlsParametersBuilder};

use super::compose::compose;
use super::session::{Outcome, Session};
use super::{Password, Security, Settings};
use crate::alerts::{MailAddress, Notification};
use crate::base::clock;
use crate::notify::{Failure, Stage, Verdict};

/// Sessions that are kept for the next mail.
const MOST_IDLE: usize = 2;
/// How long a session is kept. Servers end what is idle for five minutes (RFC 5321, 4.5.3.2.7).
const KEEP_IDLE: Duration = Duration::from_secs(30);
/// The largest password file, bytes.
const MOST_PASSWORD: u64 = 4_096;

/// Sends mail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    tls: Option<TlsParameters>,
    idle: Mutex<Vec<Session>>,
}

/// What became of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Recipients that the server has accepted it for, in this attempt.
    pub accepted: Vec<MailAddress>,
    /// Why not for the others.
    pub failure: Option<Failure>,
}

/// A step on the way of a mail, for who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something went well; with whom, or what the server said.
    Done(Stage, String),
    /// A recipient was refused, or the mail was.
    Failed(Failure),
}

impl Mailer {
    /// Sends by these settings. Blocks: reads certificates.
    ///
    /// # Errors
    /// When the certificates cannot be read or used, in words for the operator.
    pub fn new(settings: Settings) -> Result<Self, String> {
        // Refused only when the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = match settings.security {
            Security::Plain => None,
            Security::StartTls | Security::Tls => Some(tls(&settings)?),
        };
        let inner = Inner {
            settings,
            tls,
            idle: Mutex::new(Vec::new()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Sends a notification to those of `to` that do not have it yet. The mail names all of them.
    pub async fn send(
        &self,
        notification: &Notification,
        to: &[MailAddress],
        have_it: &[MailAddress],
    ) -> Delivered {
        let left: Vec<_> = to
            .iter()
            .filter(|it| !have_it.contains(it))
            .cloned()
            .collect();
        if left.is_empty() {
            return Delivered::default();
        }
        let sent = self.deliver(notification, to, &left, &mut |_| ()).await;
        sent.unwrap_or_else(|failure| Delivered {
            accepted: Vec::new(),
            failure: Some(failure),
        })
    }

    /// Sends a notification over a connection of its own, and tells each step.
    ///
    /// # Errors
    /// The step that failed and ended it; recipients that were refused are in the answer.
    pub async fn try_out(
        &self,
        notification: &Notification,
        to: &[MailAddress],
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Delivered, Failure> {
        self.deliver(notification, to, to, step).await
    }

    /// Ends sessions that nobody has used for a while.
    pub async fn close_idle(&self) {
        let now = clock::now();
        let old: Vec<_> = {
            let mut idle = self.idle();
            let all = std::mem::take(&mut *idle);
            let (kept, old) = all
                .into_iter()
                .partition(|it| now.saturating_duration_since(it.used) < KEEP_IDLE);
            *idle = kept;
            old
        };
        for session in old {
            session.close().await;
        }
    }

    async fn deliver(
        &self,
        notification: &Notification,
        to: &[MailAddress],
        left: &[MailAddress],
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Delivered, Failure> {
        let settings = &self.inner.settings;
        let mail = compose(notification, &settings.from, to, &settings.installation)?;
        let mut session = match self.kept().await {
            Some(session) => session,
            None => self.open(step).await?,
        };
        let Outcome { accepted, failure } = session
            .send(&settings.from.address, left, &mail, step)
            .await;
        self.keep(session).await;
        Ok(Delivered { accepted, failure })
    }

    async fn open(&self, step: &mut (dyn FnMut(Step) + Send)) -> Result<Session, Failure> {
        let settings = &self.inner.settings;
        let credentials = match &settings.login {
            Some(login) => {
                let password = password(&login.password).await?;
                Some(Credentials::new(login.username.clone(), password))
            }
            None => None,
        };
        Session::open(
            settings,
            self.inner.tls.as_ref(),
            credentials.as_ref(),
            step,
        )
        .await
    }

    async fn kept(&self) -> Option<Session> {
        loop {
            let mut session = self.idle().pop()?;
            let age = clock::now().saturating_duration_since(session.used);
            if age < KEEP_IDLE && session.is_alive().await {
                return Some(session);
            }
        }
    }

    async fn keep(&self, session: Session) {
        let surplus = if session.usable {
            let mut idle = self.idle();
            if idle.len() < MOST_IDLE {
                idle.push(session);
                None
            } else {
                Some(session)
            }
        } else {
            None
        };
        if let Some(session) = surplus {
            session.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn tls(settings: &Settings) -> Result<TlsParameters, String> {
    let mut builder = TlsParametersBuilder::new(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let pem =
            std::fs::read(path).map_err(|error| format!("SMTP_CA_FILE cannot be read: {error}"))?;
        let certificate = Certificate::from_pem(&pem);
        let certificate =
            certificate.map_err(|_| "SMTP_CA_FILE holds no PEM certificates".to_owned())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build()
        .map_err(|error| format!("TLS to the mail server cannot be set up: {error}"))
}

async fn password(password: &Password) -> Result<String, Failure> {
    let path = match password {
        Password::Text(text) => return Ok(text.clone()),
        Password::File(path) => path.clone(),
    };
    let read = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut text = String::new();
        std::fs::File::open(path)?
            .take(MOST_PASSWORD)
            .read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    let failed = |error: &dyn std::fmt::Display| {
        let text = format!("the password file of the mail server cannot be read: {error}");
        Failure::new(Stage::Auth, Verdict::Unreachable, text)
    };
    match read.await {
        Ok(Ok(text)) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}
