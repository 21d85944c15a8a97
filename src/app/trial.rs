//! `sightglass test-alert`: a trial mail by the mail server of the configuration, without the server.

use super::mail_settings;
use crate::actors::delivery::test_notification;
use crate::alerts::{MailAddress, ReceiverId};
use crate::base::clock;
use crate::config::Config;
use crate::mail::{Mailer, Step};
use crate::notify::Failure;

/// Sends a trial mail `to` these, or to those of the configuration, and says each step.
///
/// ```text
/// mail.example.org:587 (starttls), from Sightglass <alerts@example.org>
///   ok      connect    mail.example.org:587
///   ok      tls        starttls
///   ok      auth       logged in
///   ok      sender     alerts@example.org
///   ok      recipient  noc@example.org
///   FAILED  recipient  nobody@example.org: the mail server answered 550 5.1.1 User unknown
///   ok      data       2.0.0 Ok: queued as 4XyZ
/// ```
///
/// # Errors
/// What went wrong, for the operator; also where only some of the recipients were refused.
pub async fn run(
    config: &Config,
    to: &[MailAddress],
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), String> {
    let to = if to.is_empty() { &config.email.to } else { to };
    if to.is_empty() {
        return Err("there is nobody to send it to: set EMAIL_TO, or say --to ADDRESS".to_owned());
    }
    let settings = mail_settings(config)
        .ok_or("there is no mail server: set SMTP_HOST and EMAIL_FROM, or in the file [email] host and from")?;
    let (host, port) = (&settings.host, settings.port);
    let security = settings.security.as_str();
    say(&format!(
        "{host}:{port} ({security}), from {}\n",
        settings.from
    ));
    let mailer = Mailer::new(settings)?;
    let receiver = ReceiverId("email".to_owned());
    let test = test_notification(&receiver, clock::wall()).ok_or("there is no test alert")?;
    let mut step = |step: Step| match step {
        Step::Done(stage, words) => {
            say(&format!("  ok      {:<9}  {words}\n", stage.as_str()));
        }
        Step::Failed(failure) => say(&failed(&failure)),
    };
    let delivered = mailer
        .try_out(&test, to, &mut step)
        .await
        .map_err(|failure| {
            say(&failed(&failure));
            "the trial mail was not accepted".to_owned()
        })?;
    let accepted = delivered.accepted.len();
    match delivered.failure {
        None => {
            say("The mail server has accepted the trial mail. Look whether it arrives.\n");
            Ok(())
        }
        Some(_) if accepted == 0 => Err("the trial mail was not accepted".to_owned()),
        Some(_) => Err(format!(
            "the trial mail was accepted for {accepted} of {} recipients",
            to.len()
        )),
    }
}

fn failed(failure: &Failure) -> String {
    format!("  FAILED  {:<9}  {failure}\n", failure.stage.as_str())
}
