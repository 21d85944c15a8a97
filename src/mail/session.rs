//! A conversation with a mail server (RFC 5321), with a bound for each wait.

use std::time::{Duration, Instant};

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;

use super::mailer::Step;
use super::{Security, Settings};
use crate::alerts::MailAddress;
use crate::base::clock;
use crate::notify::{Failure, Stage, Verdict};

/// The wait for the word that a mail is accepted (RFC 5321, 4.5.3.2.6): who gives up earlier sends again what the
/// server was about to accept.
const ACCEPTANCE: Duration = Duration::from_mins(10);
/// The longest farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection to the mail server, logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    timeout: Duration,
    /// When it was last used.
    pub(super) used: Instant,
    /// Whether another mail can follow.
    pub(super) usable: bool,
}

/// What became of a mail.
pub(super) struct Outcome {
    /// Recipients that have it now.
    pub(super) accepted: Vec<MailAddress>,
    /// Why others do not.
    pub(super) failure: Option<Failure>,
}

impl Session {
    /// Connects, secures the connection and logs in.
    pub(super) async fn open(
        settings: &Settings,
        tls: Option<&TlsParameters>,
        credentials: Option<&Credentials>,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Self, Failure> {
        let (host, timeout) = (settings.host.as_str(), settings.timeout);
        let hello = ClientId::Domain(hello(settings));
        let wrapper = tls.filter(|_| settings.security == Security::Tls).cloned();
        let connect = AsyncSmtpConnection::connect_tokio1(
            (host, settings.port),
            Some(timeout),
            &hello,
            wrapper,
            None,
        );
        // The time is for the connection; the greeting has as much again.
        let connected = tokio::time::timeout(timeout * 2, connect).await;
        let greeting = |_| late(Stage::Greeting, Verdict::Unreachable, timeout);
        let mut connection = connected
            .map_err(greeting)?
            .map_err(|error| unreachable(Stage::Connect, &error))?;
        step(Step::Done(
            Stage::Connect,
            format!("{host}:{}", settings.port),
        ));
        if settings.security == Security::StartTls {
            let Some(tls) = tls.filter(|_| connection.can_starttls()) else {
                let text = "the mail server does not offer STARTTLS";
                return Err(Failure::new(Stage::Tls, Verdict::Unreachable, text));
            };
            let secured = connection.starttls(tls.clone(), &hello);
            within(timeout, Stage::Tls, secured).await?;
        }
        if settings.security != Security::Plain {
            step(Step::Done(
                Stage::Tls,
                settings.security.as_str().to_owned(),
            ));
        }
        if let Some(credentials) = credentials {
            let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            within(timeout, Stage::Auth, login).await?;
            step(Step::Done(Stage::Auth, "logged in".to_owned()));
        }
        Ok(Self {
            connection,
            timeout,
            used: clock::now(),
            usable: true,
        })
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        let alive = tokio::time::timeout(self.timeout, self.connection.test_connected());
        alive.await.unwrap_or(false)
    }

    /// Hands over a mail. Recipients that are refused do not keep it from the others.
    pub(super) async fn send(
        &mut self,
        from: &MailAddress,
        to: &[MailAddress],
        mail: &[u8],
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Outcome {
        // Whoever stops waiting leaves it in the middle of something.
        self.usable = false;
        let mut failure = None;
        let accepted = match self.recipients(from, to, &mut failure, step).await {
            Ok(taken) if taken.is_empty() => Ok(Vec::new()),
            Ok(taken) => self.data(mail, step).await.map(|()| taken),
            Err(error) => Err(error),
        };
        self.used = clock::now();
        match accepted {
            Ok(accepted) => Outcome { accepted, failure },
            Err(error) => {
                step(Step::Failed(error.clone()));
                Outcome {
                    accepted: Vec::new(),
                    failure: Some(error),
                }
            }
        }
    }

    /// Says farewell, if there is time.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(FAREWELL, self.connection.quit()).await;
    }

    /// The envelope: those who take the mail. The gravest refusal is kept: one that may be over later before one that
    /// is for good.
    async fn recipients(
        &mut self,
        from: &MailAddress,
        to: &[MailAddress],
        failure: &mut Option<Failure>,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Vec<MailAddress>, Failure> {
        let mail = Mail::new(Some(address(from)?), Vec::new());
        let answer = tokio::time::timeout(self.timeout, self.connection.command(mail)).await;
        if let Err(refusal) = self.heard(Stage::Sender, answer)? {
            self.reset().await;
            return Err(refusal);
        }
        step(Step::Done(Stage::Sender, from.to_string()));
        let mut taken = Vec::new();
        for recipient in to {
            let rcpt = Rcpt::new(address(recipient)?, Vec::new());
            let answer = tokio::time::timeout(self.timeout, self.connection.command(rcpt)).await;
            match self.heard(Stage::Recipient, answer)? {
                Ok(()) => {
                    step(Step::Done(Stage::Recipient, recipient.to_string()));
                    taken.push(recipient.clone());
                }
                Err(refusal) => {
                    let refusal = Failure {
                        message: format!("{recipient}: {}", refusal.message),
                        ..refusal
                    };
                    step(Step::Failed(refusal.clone()));
                    let graver = failure
                        .as_ref()
                        .is_none_or(|it| it.verdict == Verdict::Never);
                    if graver {
                        *failure = Some(refusal);
                    }
                }
            }
        }
        if taken.is_empty() {
            self.reset().await;
        }
        Ok(taken)
    }

    async fn data(
        &mut self,
        mail: &[u8],
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), Failure> {
        let answer = tokio::time::timeout(self.timeout, self.connection.command(Data)).await;
        if let Err(refusal) = self.heard(Stage::Data, answer)? {
            self.reset().await;
            return Err(refusal);
        }
        let answer = tokio::time::timeout(ACCEPTANCE, self.connection.message(mail)).await;
        let words = match &answer {
            Ok(Ok(response)) => response.message().collect::<Vec<_>>().join(" "),
            _ => String::new(),
        };
        self.heard(Stage::Data, answer)??;
        self.usable = true;
        step(Step::Done(Stage::Data, words));
        Ok(())
    }

    /// Makes the session ready for another mail.
    async fn reset(&mut self) {
        let answer = tokio::time::timeout(self.timeout, self.connection.command(Rset)).await;
        self.usable = matches!(answer, Ok(Ok(_)));
    }

    /// What the server says: the outer error is the end of the conversation.
    fn heard<T>(
        &self,
        stage: Stage,
        answer: Result<Result<T, Error>, tokio::time::error::Elapsed>,
    ) -> Result<Result<(), Failure>, Failure> {
        match answer {
            Ok(Ok(_)) => Ok(Ok(())),
            Ok(Err(error)) => {
                let failure = of_answer(stage, &error);
                // 421: the server closes the connection.
                let goes_on = error.status().is_some_and(|code| u16::from(code) != 421);
                if goes_on {
                    Ok(Err(failure))
                } else {
                    Err(failure)
                }
            }
            Err(_) => Err(late(stage, verdict(stage, false), self.timeout)),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}

async fn within<T>(
    timeout: Duration,
    stage: Stage,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result.map_err(|error| unreachable(stage, &error)),
        Err(_) => Err(late(stage, Verdict::Unreachable, timeout)),
    }
}

/// Before the envelope: whatever it is, it is the same for every mail.
fn unreachable(stage: Stage, error: &Error) -> Failure {
    let stage = match stage {
        Stage::Connect if of_tls(error) => Stage::Tls,
        Stage::Connect if error.status().is_some() || error.is_response() => Stage::Greeting,
        stage => stage,
    };
    Failure::new(stage, Verdict::Unreachable, words(stage, error))
}

/// In the envelope and behind it.
fn of_answer(stage: Stage, error: &Error) -> Failure {
    Failure::new(
        stage,
        verdict(stage, error.is_permanent()),
        words(stage, error),
    )
}

/// A sender that is refused is a matter of settings, the same for every mail: it waits until they are mended.
fn verdict(stage: Stage, permanent: bool) -> Verdict {
    match stage {
        Stage::Recipient | Stage::Data if permanent => Verdict::Never,
        Stage::Recipient | Stage::Data => Verdict::NotNow,
        _ => Verdict::Unreachable,
    }
}

fn words(stage: Stage, error: &Error) -> String {
    if let Some(code) = error.status() {
        // lettre keeps what the server says beside the code in the source.
        let said = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        return format!("the mail server answered {code} {said}");
    }
    if error.is_timeout() {
        return "the mail server cannot be reached in time".to_owned();
    }
    if stage == Stage::Tls {
        let cause = tls_cause(error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        return format!("the TLS handshake with the mail server failed{cause}");
    }
    if error.is_client() {
        return format!("the mail server cannot be used: {error}");
    }
    match (stage, io_cause(error)) {
        (Stage::Connect, Some(cause)) => format!("the mail server cannot be reached: {cause}"),
        (Stage::Connect, None) => "the mail server cannot be reached".to_owned(),
        (_, Some(cause)) => format!("the connection to the mail server broke: {cause}"),
        (_, None) => "the connection to the mail server broke".to_owned(),
    }
}

fn late(stage: Stage, verdict: Verdict, timeout: Duration) -> Failure {
    let text = format!(
        "the mail server did not answer within {} s",
        timeout.as_secs()
    );
    Failure::new(stage, verdict, text)
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |it| it.source())
}

fn of_tls(error: &Error) -> bool {
    error.is_tls() || tls_cause(error).is_some()
}

fn tls_cause(error: &Error) -> Option<String> {
    causes(error).find_map(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        let inner = io.and_then(std::io::Error::get_ref);
        let found = inner.and_then(|it| it.downcast_ref::<rustls::Error>());
        found
            .or_else(|| cause.downcast_ref())
            .map(rustls::Error::to_string)
    })
}

fn io_cause(error: &Error) -> Option<String> {
    let io = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.map(ToString::to_string)
}

fn address(address: &MailAddress) -> Result<Address, Failure> {
    address.as_str().parse().map_err(|_| {
        Failure::new(
            Stage::Recipient,
            Verdict::Never,
            "the address cannot be used",
        )
    })
}

/// How this machine calls itself: its own name, where that can be one (RFC 5321, 4.1.1.1).
fn hello(settings: &Settings) -> String {
    let own = || {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        let name = name.trim();
        let good = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        good.then(|| name.to_owned())
    };
    settings
        .hello
        .clone()
        .or_else(own)
        .unwrap_or_else(|| "localhost".to_owned())
}
