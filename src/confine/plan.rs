//! What the process goes on to need of the file system and the network.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where shared libraries, and what they read, are. Nothing in them can be changed.
const LIBRARIES: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    // Threads and vector units of the processor.
    "/sys/devices/system",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
];

/// What the server reads beyond that: figures of the machine, names and addresses, certificates, time zones.
const SYSTEM: &[&str] = &[
    "/proc",
    "/sys/fs/cgroup",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/run/NetworkManager",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gnutls",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/var/lib/ca-certificates",
    "/etc/localtime",
    "/etc/timezone",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];

/// Written to without any effect.
pub(super) const SINKS: &[&str] = &["/dev/full", "/dev/null"];

/// What the server needs. Whatever is not there when the process is confined stays out of reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Folders whose files are read, written, made and removed: the store's, that of logs.
    pub write: Vec<PathBuf>,
    /// Files and folders that are read.
    pub read: Vec<PathBuf>,
    /// Devices and folders of the operator, for decoders too: read, written, and controlled.
    pub devices: Vec<PathBuf>,
    /// TCP port that is listened on; 0 takes a free one.
    pub port: u16,
}

impl Plan {
    /// Whether the port is one that only privileged processes may listen on.
    pub(super) fn low_port(&self) -> bool {
        (1..1024).contains(&self.port)
    }

    /// All that is read in the whole process.
    pub(super) fn readable(&self) -> Vec<PathBuf> {
        let mut all = libraries();
        all.extend(SYSTEM.iter().map(PathBuf::from));
        let named = ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"];
        let named = named.into_iter().filter_map(env::var_os);
        all.extend(named.flat_map(|value| env::split_paths(&value).collect::<Vec<_>>()));
        all.extend(env::current_exe().ok());
        if replaces_resolver_file() {
            all.push("/etc".into());
        }
        all.extend(self.read.iter().cloned());
        all
    }
}

/// Shared libraries and what they read.
pub(super) fn libraries() -> Vec<PathBuf> {
    let mut all: Vec<_> = LIBRARIES.iter().map(PathBuf::from).collect();
    // Where the loader looks first, in an environment made by hand.
    let named = [
        "LD_LIBRARY_PATH",
        "GST_PLUGIN_SYSTEM_PATH_1_0",
        "GST_PLUGIN_PATH_1_0",
    ];
    let named = named.into_iter().filter_map(env::var_os);
    all.extend(named.flat_map(|value| env::split_paths(&value).collect::<Vec<_>>()));
    all.retain(|path| path.is_absolute());
    all
}

/// Whether `/etc/resolv.conf` may become another file while we run, as DHCP clients do it: access goes with the file, not with its
/// name, and names would not be found any more. Then all of `/etc` is readable, as it is for every user; for root, from whom
/// nothing there is hidden, it never is. In containers it is a mount and stays, elsewhere often a link to a folder of its own.
fn replaces_resolver_file() -> bool {
    let file = Path::new("/etc/resolv.conf");
    let device =
        |found: std::io::Result<fs::Metadata>| found.map(|it| (it.dev(), it.is_file())).ok();
    let in_etc = device(fs::symlink_metadata(file)).is_some_and(|(file, is_file)| {
        is_file && device(fs::metadata("/etc")).is_some_and(|(folder, _)| folder == file)
    });
    in_etc && !rustix::process::geteuid().is_root()
}
