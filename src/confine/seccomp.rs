//! System calls that the server has no use for are refused, with `EPERM`.
//!
//! A list of what is denied, not of what is allowed: the libraries that decode may call what they like to compute with, and a
//! call that is missing on a list of allowed ones would end a preview on somebody else's machine.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::State;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused whatever their arguments are.
#[rustfmt::skip]
const DENIED: &[i64] = &[
    // Other programs.
    libc::SYS_execve, libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_process_madvise,
    libc::SYS_kcmp, libc::SYS_pidfd_getfd,
    // File systems, namespaces, and files by other ways than their path.
    libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot, libc::SYS_fsopen, libc::SYS_fsmount,
    libc::SYS_fsconfig, libc::SYS_fspick, libc::SYS_move_mount, libc::SYS_open_tree, libc::SYS_mount_setattr,
    libc::SYS_unshare, libc::SYS_setns, libc::SYS_open_by_handle_at, libc::SYS_mknodat, libc::SYS_fanotify_init,
    libc::SYS_swapon, libc::SYS_swapoff, libc::SYS_quotactl, libc::SYS_quotactl_fd, libc::SYS_acct,
    // The kernel itself.
    libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_kexec_load,
    libc::SYS_kexec_file_load, libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_userfaultfd, libc::SYS_syslog,
    libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key, libc::SYS_personality,
    // Does what other calls do, past this filter.
    libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register,
    // The machine.
    libc::SYS_reboot, libc::SYS_sethostname, libc::SYS_setdomainname, libc::SYS_settimeofday, libc::SYS_clock_settime,
    libc::SYS_clock_adjtime, libc::SYS_adjtimex, libc::SYS_vhangup, libc::SYS_nfsservctl,
    // Becoming somebody else.
    libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid, libc::SYS_setregid, libc::SYS_setresuid,
    libc::SYS_setresgid, libc::SYS_setgroups, libc::SYS_setfsuid, libc::SYS_setfsgid, libc::SYS_capset,
];

/// What only the oldest machines have.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const DENIED_HERE: &[i64] = &[
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_mknod, libc::SYS_uselib, libc::SYS_iopl, libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS__sysctl, libc::SYS_lookup_dcookie, libc::SYS_ustat, libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// Refused to threads that decode: connections, and what Landlock does not see of files and other processes.
#[rustfmt::skip]
const DENIED_TO_DECODERS: &[i64] = &[
    libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4,
    libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_utimensat,
    libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
    libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr,
    libc::SYS_kill, libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal,
];
#[cfg(target_arch = "x86_64")]
const DENIED_TO_DECODERS_HERE: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_TO_DECODERS_HERE: &[i64] = &[];

/// Families of sockets that the server has.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Namespaces that a new process may be given.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Filters the system calls of all threads there are and will be.
pub(super) fn filter_process() -> Result<State, String> {
    let mut programs = vec![
        compile(process_rules()?, libc::EPERM)?,
        // Its arguments lie in memory, where no filter sees them. Who is told that there is no such call takes `clone`.
        compile(whole(&[libc::SYS_clone3]), libc::ENOSYS)?,
    ];
    programs.extend(other_numbering());
    for program in &programs {
        match seccompiler::apply_filter_all_threads(program) {
            Ok(()) => {}
            Err(seccompiler::Error::Seccomp(error)) if not_known(&error) => {
                return Ok(State::NotSupported);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(State::On)
}

/// What threads that decode are filtered with.
pub(super) fn decoder_filter() -> Result<BpfProgram, String> {
    let mut rules = whole(DENIED_TO_DECODERS);
    rules.extend(whole(DENIED_TO_DECODERS_HERE));
    // To somebody, by a socket of another thread.
    let addressed = condition(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_sendto, vec![rule(vec![addressed])?]);
    // Limits are read, not set.
    let set = condition(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![rule(vec![set])?]);
    compile(rules, libc::EPERM)
}

/// Filters the system calls of the calling thread.
pub(super) fn filter_thread(filter: &BpfProgram) -> Result<State, String> {
    match seccompiler::apply_filter(filter) {
        Ok(()) => Ok(State::On),
        Err(seccompiler::Error::Seccomp(error)) if not_known(&error) => Ok(State::NotSupported),
        Err(error) => Err(error.to_string()),
    }
}

/// The kernel was built without filters.
fn not_known(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

fn process_rules() -> Result<Rules, String> {
    let mut rules = whole(DENIED);
    rules.extend(whole(DENIED_HERE));
    // Threads are made, processes are not.
    let mut clone = vec![flags(0, libc::CLONE_THREAD, 0)?];
    for namespace in NAMESPACES {
        clone.push(flags(0, namespace, namespace)?);
    }
    rules.insert(libc::SYS_clone, clone);
    let none_of = |family: i32| {
        let family = u64::from(family.unsigned_abs());
        condition(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    let families = FAMILIES
        .into_iter()
        .map(none_of)
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, vec![rule(families)?]);
    // Typing into the terminal that it was started from.
    let requests = [libc::TIOCSTI, libc::TIOCLINUX];
    let typed = requests.into_iter().map(|request| {
        #[allow(
            clippy::useless_conversion,
            reason = "its type is not the same everywhere"
        )]
        let request = u64::try_from(request).map_err(|error| error.to_string())?;
        let equal = condition(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)?;
        rule(vec![equal])
    });
    rules.insert(libc::SYS_ioctl, typed.collect::<Result<_, _>>()?);
    Ok(rules)
}

fn whole(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// Applies when these bits of an argument have this value.
fn flags(argument: u8, mask: i32, value: i32) -> Result<SeccompRule, String> {
    let bits = |flags: i32| u64::from(flags.cast_unsigned());
    let operator = SeccompCmpOp::MaskedEq(bits(mask));
    rule(vec![condition(
        argument,
        SeccompCmpArgLen::Dword,
        operator,
        bits(value),
    )?])
}

fn condition(
    argument: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, length, operator, value).map_err(|error| error.to_string())
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}

/// A program that answers these with the error, and ends a process that calls by the numbers of another machine.
fn compile(rules: Rules, error: i32) -> Result<BpfProgram, String> {
    let arch = ARCH
        .try_into()
        .map_err(|_| format!("not known for {ARCH}"))?;
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch);
    filter
        .and_then(BpfProgram::try_from)
        .map_err(|error| error.to_string())
}

/// x86-64 has all calls a second time, for programs with short pointers (x32), under numbers that no rule above has.
#[cfg(target_arch = "x86_64")]
fn other_numbering() -> Vec<BpfProgram> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    let statement = |code, jt, k| seccompiler::sock_filter { code, jt, jf: 0, k };
    let refuse = u32::from(SeccompAction::Errno(libc::EPERM.unsigned_abs()));
    vec![vec![
        statement(LOAD_NUMBER, 0, 0),
        statement(JUMP_IF_AT_LEAST, 1, X32),
        statement(RETURN, 0, u32::from(SeccompAction::Allow)),
        statement(RETURN, 0, refuse),
    ]]
}

#[cfg(not(target_arch = "x86_64"))]
fn other_numbering() -> Vec<BpfProgram> {
    Vec::new()
}
