//! Capabilities, and that none can be gained.

use caps::{CapSet, Capability, CapsHashSet};

use super::State;

/// Drops all capabilities for good, also those that a program run as root or from a marked file would get back. With `low_port` the one is kept,
/// if it is there, that is needed to listen below port 1024. The names of those that are kept.
pub(super) fn drop_all(low_port: bool) -> Result<Vec<&'static str>, String> {
    let failed = |error: caps::errors::CapsError| error.to_string();
    let has = |capability| caps::has_cap(None, CapSet::Permitted, capability).unwrap_or(false);
    let keep = low_port && has(Capability::CAP_NET_BIND_SERVICE);
    let kept: CapsHashSet = keep
        .then_some(Capability::CAP_NET_BIND_SERVICE)
        .into_iter()
        .collect();
    // Without this capability the bounding set stays; with no_new_privs it means nothing then.
    if has(Capability::CAP_SETPCAP) {
        for capability in caps::runtime::thread_all_supported() {
            caps::drop(None, CapSet::Bounding, capability).map_err(failed)?;
        }
    }
    // Kernels before 4.3 have no ambient set.
    if caps::runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient).map_err(failed)?;
    }
    // Who has nothing to give up may not be allowed to ask: service managers filter this call.
    for set in [CapSet::Effective, CapSet::Permitted] {
        if caps::read(None, set).map_err(failed)? != kept {
            caps::set(None, set, &kept).map_err(failed)?;
        }
    }
    // It counts for programs that are started, and none will be.
    let _ = caps::clear(None, CapSet::Inheritable);
    Ok(keep.then_some("net_bind_service").into_iter().collect())
}

/// Neither a set-user-ID program nor one with capabilities of its own gives this process more than it has.
pub(super) fn no_new_privileges() -> Result<State, String> {
    rustix::thread::set_no_new_privs(true)
        .map(|()| State::On)
        .map_err(|error| error.to_string())
}
