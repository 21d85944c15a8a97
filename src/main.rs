//! The `sightglass` program: arguments, runtime, signals, exit code.

use std::process::ExitCode;
use std::time::Duration;

use sightglass::alerts::MailAddress;
use sightglass::app;
use sightglass::app::{health, people, trial};
use sightglass::config::{self, Command, Config};
use sightglass::log::{self, Log};
use sightglass::memory::{self, Accounting};
use sightglass::supervise::Supervisor;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    // Before anything else is started: threads that run already belong to nobody.
    let accounting = memory::init();
    match config::cli(sightglass::version::long) {
        Ok(Command::Serve(config)) => serve(config, accounting),
        Ok(Command::Health(config)) => health(&config),
        Ok(Command::CheckConfig { print, .. }) => {
            say(&print.unwrap_or_else(|| "the configuration is good\n".to_owned()));
            ExitCode::SUCCESS
        }
        Ok(Command::TestAlert { config, to }) => test_alert(&config, &to),
        Ok(Command::User { config, command }) => people(people::users(&config, command)),
        Ok(Command::Token { config, command }) => people(people::tokens(&config, command)),
        Err(mistakes) => {
            complain(&mistakes.to_string());
            ExitCode::from(2)
        }
    }
}

fn serve(config: Config, accounting: Accounting) -> ExitCode {
    // While everything may still be opened.
    let supervisor = Supervisor::from_environment();
    // Before the first thread: each inherits it.
    if let Err(error) = app::confine(&config) {
        complain(&error.to_string());
        return ExitCode::FAILURE;
    }
    let log = match log::start(&config.log) {
        Ok(log) => log,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    app::tell_confinement(&config);
    let supervisor = supervisor.unwrap_or_else(|error| {
        tracing::warn!(%error, "the service manager cannot be reached");
        Supervisor::default()
    });
    if let Accounting::Off { reason } = accounting {
        tracing::warn!(reason, "memory is not measured by pipeline");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("async")
        // One that is started while its starter works for a pipeline is not that pipeline's.
        .on_thread_start(memory::Account::detach)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start the async runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(watch_signals(log.clone(), stop.clone()));
        app::run(config, supervisor, log.clone(), stop).await
    });
    // Blocking work that hangs (a wedged pipeline) must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    log.close();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Asks the server that runs here whether it is well.
fn health(config: &Config) -> ExitCode {
    finish(at_the_terminal(async {
        health::ask(config).await.map_err(|e| e.to_string())
    }))
}

/// Sends a trial mail and tells each step, for the person at the terminal.
fn test_alert(config: &Config, to: &[MailAddress]) -> ExitCode {
    finish(at_the_terminal(trial::run(config, to, &mut say)))
}

/// Changes or lists who is let in, and says what came of it.
fn people(work: impl Future<Output = Result<String, String>>) -> ExitCode {
    finish(at_the_terminal(work).map(|answer| say(&answer)))
}

/// Runs the work of a command that is no server.
fn at_the_terminal<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| format!("cannot start the async runtime: {e}"))?;
    runtime.block_on(work)
}

fn finish(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// The first SIGTERM or SIGINT begins the end; the second is the end.
async fn watch_signals(log: Log, stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("cannot watch for signals");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let name = next().await;
    tracing::info!(signal = name, "asked to stop");
    stop.cancel();
    let name = next().await;
    tracing::warn!(signal = name, "asked again: exiting at once");
    log.close();
    std::process::exit(1);
}

#[allow(clippy::print_stdout, reason = "the answer of a command")]
fn say(text: &str) {
    print!("{text}");
}

#[allow(clippy::print_stderr, reason = "the log may not be there yet")]
fn complain(text: &str) {
    eprintln!("sightglass: {text}");
}
