//! Files and ports out of reach, by Landlock. Each right is asked for as far as the kernel knows it.

use std::env;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::State;
use super::plan::{Plan, SINKS, libraries};

/// The newest version that this was tried with. Later ones would deny what nobody has looked at.
const TRIED: ABI = ABI::V6;

fn read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

fn write() -> BitFlags<AccessFs> {
    read()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
}

/// Restricts the calling thread and all that it starts. Which version of Landlock is used, if it is there.
pub(super) fn restrict_process(plan: &Plan) -> Result<(State, Option<u8>), String> {
    let restrict = || {
        process_rules(plan)?
            .restrict_self()
            .map(|status| (state(&status), abi(&status)))
    };
    restrict().map_err(|error: RulesetError| error.to_string())
}

fn process_rules(plan: &Plan) -> Result<RulesetCreated, RulesetError> {
    let mut scope = BitFlags::from(Scope::Signal);
    // A service manager may be told through one that we are ready.
    let abstract_socket = |name: std::ffi::OsString| name.as_encoded_bytes().starts_with(b"@");
    if !env::var_os("NOTIFY_SOCKET").is_some_and(abstract_socket) {
        scope |= Scope::AbstractUnixSocket;
    }
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(TRIED))?
        .handle_access(AccessNet::BindTcp)?
        .scope(scope)?
        .create()?
        .add_rule(NetPort::new(plan.port, AccessNet::BindTcp))?;
    let rules = allow(rules, &plan.readable(), read())?;
    let rules = allow(rules, &plan.write, write())?;
    let rules = allow(rules, &plan.devices, write() | AccessFs::IoctlDev)?;
    allow(rules, SINKS, read() | AccessFs::WriteFile)
}

/// Rules for threads that decode: libraries are read, and that is all.
pub(super) fn decoder_rules(plan: &Plan) -> Result<RulesetCreated, String> {
    let make = || {
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(TRIED))?
            .handle_access(AccessNet::from_all(TRIED))?
            .create()?;
        let rules = allow(rules, &libraries(), read())?;
        allow(rules, &plan.devices, write() | AccessFs::IoctlDev)
    };
    make().map_err(|error: RulesetError| error.to_string())
}

/// What is not there is passed over.
fn allow(
    rules: RulesetCreated,
    paths: &[impl AsRef<Path>],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
    rules.add_rules(path_beneath_rules(paths, access))
}

pub(super) fn state(status: &RestrictionStatus) -> State {
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => State::On,
        RulesetStatus::NotEnforced => State::NotSupported,
    }
}

fn abi(status: &RestrictionStatus) -> Option<u8> {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Some(effective_abi.min(TRIED) as u8),
        _ => None,
    }
}
