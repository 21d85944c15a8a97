//! Threads that decode what strangers sent lose what the rest of the process still has.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::sync::{Once, OnceLock};

use ::landlock::RulesetCreated;
use seccompiler::BpfProgram;

use super::plan::Plan;
use super::{State, landlock, seccomp};

/// Made once: a thread is confined by two system calls.
#[derive(Debug)]
struct Bonds {
    rules: RulesetCreated,
    filter: BpfProgram,
}

static BONDS: OnceLock<Bonds> = OnceLock::new();

/// Makes what threads are confined with, and tries it on one.
pub(super) fn prepare(plan: &Plan) -> Result<State, String> {
    let bonds = Bonds {
        rules: landlock::decoder_rules(plan)?,
        filter: seccomp::decoder_filter()?,
    };
    let tried = std::thread::scope(|scope| {
        let tried = scope.spawn(|| bonds.put_on());
        tried.join().map_err(|_| "the trial panicked".to_owned())
    })??;
    if tried == State::On {
        let _ = BONDS.set(bonds);
    }
    Ok(tried)
}

/// Confines the calling thread for the rest of its life: it opens no connections, and of files it only reads libraries. So do the
/// threads that it starts. Does nothing where the process is not confined, or a thread has it already. Some ten
/// microseconds.
pub fn decoder_thread() {
    let Some(bonds) = BONDS.get() else { return };
    if has_bonds() {
        return;
    }
    if let Err(error) = bonds.put_on() {
        static TOLD: Once = Once::new();
        TOLD.call_once(|| tracing::error!(error, "a thread that decodes is not confined further"));
    }
}

/// Threads inherit it, and pools reuse them: so it is asked for, not remembered. Each time it was put on again would cost a
/// layer, of which the kernel allows 16.
fn has_bonds() -> bool {
    UnixDatagram::unbound().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

impl Bonds {
    fn put_on(&self) -> Result<State, String> {
        let rules = self.rules.try_clone().map_err(|error| error.to_string())?;
        let status = rules.restrict_self().map_err(|error| error.to_string())?;
        let filtered = seccomp::filter_thread(&self.filter)?;
        Ok(match landlock::state(&status) {
            State::On => filtered,
            other => other,
        })
    }
}
