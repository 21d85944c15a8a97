//! What the process gives up before it touches a stranger's byte.
//!
//! A decoder is a hundred thousand lines of C that read what a stranger wrote. Should one be taken over, it finds itself in
//! a process that holds no capabilities and can gain none, starts no program, loads nothing into the kernel and sees
//! none of the file system but what the server needs ([`Plan`]). Threads that decode are confined once more
//! ([`decoder_thread`]): they open no connections, and of files they only read libraries.
//!
//! ```text
//! main ─► apply(plan): no_new_privs ─► capabilities ─► Landlock ─► seccomp      inherited by every thread from here on
//!           └─► streaming thread of a pipeline ─► decoder_thread(): Landlock and seccomp again, and by the threads it starts
//! ```
//!
//! | file | what |
//! |---|---|
//! | `plan` | which folders, which port |
//! | `capabilities`, `landlock`, `seccomp` | the three means |
//! | `thread` | what decoders lose beyond that |
//!
//! Threads share their memory: whoever runs code in one can bend another. What counts in the end is the confinement of the
//! process; that of the threads makes the way longer, and stops mistakes of libraries altogether.

mod capabilities;
mod landlock;
mod plan;
mod seccomp;
#[cfg(test)]
pub(crate) mod tests;
mod thread;

use std::sync::OnceLock;

use serde::Serialize;

pub use plan::Plan;
pub use thread::decoder_thread;

/// Whether the process confines itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With all that the system has.
    On,
    /// Not at all.
    Off,
    /// With everything, or it does not start.
    Required,
}

/// How it stands with one of the means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConfinementState)]
pub enum State {
    /// It is in force, in all threads.
    On,
    /// It is not: turned off, or the system refused.
    Off,
    /// The kernel has no such thing.
    NotSupported,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Confinement)]
pub struct Report {
    /// No program that this process might start could have more rights than it has (`no_new_privs`).
    pub no_new_privileges: State,
    /// Capabilities are dropped.
    pub capabilities: State,
    /// Those that are kept nevertheless, to listen on a port below 1024.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities_kept: Vec<&'static str>,
    /// Files out of reach, but for those that the server needs (Landlock).
    pub landlock: State,
    /// The version of Landlock that is used: from 4 on it keeps the process from listening on another TCP port, from 6 on
    /// from signalling others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landlock_abi: Option<u8>,
    /// System calls that no part of the server needs are refused: starting programs, tracing, mounting and the like.
    pub seccomp: State,
    /// Threads that decode open no connections and no files but libraries.
    pub decoder_threads: State,
    /// What did not come about though it should have; a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// The process does not start because it would not be confined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("confinement is required and not complete: {0}")]
pub struct NotConfined(String);

impl Report {
    const NONE: Self = Self {
        no_new_privileges: State::Off,
        capabilities: State::Off,
        capabilities_kept: Vec::new(),
        landlock: State::Off,
        landlock_abi: None,
        seccomp: State::Off,
        decoder_threads: State::Off,
        failures: Vec::new(),
    };

    /// Each of the means by its name.
    pub fn states(&self) -> [(&'static str, State); 5] {
        [
            ("no_new_privileges", self.no_new_privileges),
            ("capabilities", self.capabilities),
            ("landlock", self.landlock),
            ("seccomp", self.seccomp),
            ("decoder_threads", self.decoder_threads),
        ]
    }

    /// Why it is not all in force; `None` when it is.
    fn lacks(&self) -> Option<String> {
        let open = |state| match state {
            State::On => None,
            State::Off => Some("is off"),
            State::NotSupported => Some("is not supported by the kernel"),
        };
        let states = self.states().into_iter();
        let mut lacks: Vec<String> = states
            .filter_map(|(name, state)| Some(format!("{name} {}", open(state)?)))
            .collect();
        lacks.extend(self.failures.iter().cloned());
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }
}

impl State {
    /// As it is told in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::NotSupported => "not_supported",
        }
    }
}

static REPORT: OnceLock<Report> = OnceLock::new();

/// What [`apply`] has done; all of it off before.
pub fn report() -> &'static Report {
    static NONE: Report = Report::NONE;
    REPORT.get().unwrap_or(&NONE)
}

/// Confines the process for good. To be called in `main` once the configuration is known and plugins are loaded, and before any thread is
/// started: Landlock and capabilities are a thread's own, and inherited by those that it starts.
///
/// # Errors
/// When it is [required](Mode::Required) and anything is missing.
pub fn apply(mode: Mode, plan: &Plan) -> Result<(), NotConfined> {
    let report = REPORT.get_or_init(|| match mode {
        Mode::Off => Report::NONE,
        Mode::On | Mode::Required => confine(plan),
    });
    match report.lacks() {
        Some(lacks) if mode == Mode::Required => Err(NotConfined(lacks)),
        _ => Ok(()),
    }
}

fn confine(plan: &Plan) -> Report {
    let mut report = Report::NONE;
    let mut failures = Vec::new();
    let mut told = |what: &str, outcome: Result<State, String>| {
        outcome.unwrap_or_else(|error| {
            failures.push(format!("{what}: {error}"));
            State::Off
        })
    };
    // Capabilities first: the filter of system calls would not let them be dropped.
    let dropped = capabilities::drop_all(plan.low_port());
    report.capabilities = told(
        "capabilities",
        dropped.map(|kept| {
            report.capabilities_kept = kept;
            State::On
        }),
    );
    report.no_new_privileges = told("no_new_privs", capabilities::no_new_privileges());
    let restricted = landlock::restrict_process(plan);
    report.landlock = told(
        "landlock",
        restricted.map(|(state, abi)| {
            report.landlock_abi = abi;
            state
        }),
    );
    report.decoder_threads = told("decoder threads", thread::prepare(plan));
    report.seccomp = told("seccomp", seccomp::filter_process());
    if report.seccomp != State::On {
        report.decoder_threads = report.seccomp;
    }
    report.failures = failures;
    report
}
