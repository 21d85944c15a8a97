//! What the service manager is told.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The longest status that is told, bytes.
const STATUS_MAX: usize = 200;

/// A way to the service manager; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

/// A reload is under way; it has ended when this is dropped.
#[derive(Debug)]
#[must_use = "the reload ends when this is dropped"]
pub struct Reloading(Supervisor);

impl Supervisor {
    /// The manager that this process's environment names; one that tells nothing if there is none.
    ///
    /// # Errors
    /// When there is one that cannot be reached.
    pub fn from_environment() -> std::io::Result<Self> {
        Self::new(&|name| std::env::var_os(name), std::process::id())
    }

    /// As [`Self::from_environment`], with the outside handed in.
    fn new(environment: &dyn Fn(&str) -> Option<OsString>, own_pid: u32) -> std::io::Result<Self> {
        let Some(name) = environment("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(&name)?,
            // A machine's manager may be told by vsock; ours never is.
            _ => return Err(std::io::ErrorKind::Unsupported.into()),
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A manager that does not read must not hold us up.
        socket.set_nonblocking(true)?;
        let number = |name| environment(name)?.to_str()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(own_pid));
        let watchdog = number("WATCHDOG_USEC").filter(|&usec| for_us && usec > 0);
        Ok(Self {
            socket: Some(Arc::new(socket)),
            watchdog: watchdog.map(Duration::from_micros),
        })
    }

    /// Whether anybody listens.
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// Requests are taken from now on.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\n{}", status_line(status)));
    }

    /// A reload begins.
    pub fn reloading(&self) -> Reloading {
        self.tell("RELOADING=1");
        Reloading(self.clone())
    }

    /// What goes on, for people: one line.
    pub fn status(&self, status: &str) {
        self.tell(&status_line(status));
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    /// Without a sign of life for so long the manager ends the process.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    #[cfg(test)]
    pub(super) fn for_tests(socket: &str, watchdog: Duration) -> Self {
        let usec = watchdog.as_micros().to_string();
        let find = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(socket.into()),
            "WATCHDOG_USEC" => Some(usec.clone().into()),
            _ => None,
        };
        Self::new(&find, 42).unwrap()
    }

    fn tell(&self, message: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.tell("READY=1");
    }
}

/// A line break would begin a message of its own.
fn status_line(status: &str) -> String {
    let mut line = format!("STATUS={}", status.replace(['\n', '\r'], " "));
    line.truncate(line.floor_char_boundary(STATUS_MAX));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manager at an abstract name or a path.
    fn manager(name: &str) -> UnixDatagram {
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
            None => SocketAddr::from_pathname(name).unwrap(),
        };
        UnixDatagram::bind_addr(&address).unwrap()
    }

    fn told(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 1_024];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn supervisor(variables: &[(&str, &str)]) -> std::io::Result<Supervisor> {
        let find = |name: &str| {
            let mut variables = variables.iter();
            variables.find(|(n, _)| *n == name).map(|(_, v)| v.into())
        };
        Supervisor::new(&find, 42)
    }

    #[test]
    fn a_manager_is_told_at_either_sort_of_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let unique = format!("@sightglass-{}", std::process::id());
        for name in [path.to_str().unwrap(), &unique] {
            let manager = manager(name);
            let us = supervisor(&[("NOTIFY_SOCKET", name)]).unwrap();
            us.ready("all well\nSTOPPING=1");
            assert_eq!(told(&manager), "READY=1\nSTATUS=all well STOPPING=1");
            let reloading = us.reloading();
            assert_eq!(told(&manager), "RELOADING=1");
            drop(reloading);
            assert_eq!(told(&manager), "READY=1");
            us.status(&"ü".repeat(500));
            assert!(told(&manager).len() <= STATUS_MAX);
            us.stopping();
            assert!(told(&manager).starts_with("STOPPING=1\n"));
        }
    }

    #[test]
    fn the_watchdog_is_for_whom_it_names() {
        let name = format!("@sightglass-watchdog-{}", std::process::id());
        let _manager = manager(&name);
        let with = |more: &[(&str, &str)]| {
            let variables = [&[("NOTIFY_SOCKET", &*name)], more].concat();
            supervisor(&variables).unwrap().watchdog()
        };
        assert_eq!(with(&[]), None);
        assert_eq!(
            with(&[("WATCHDOG_USEC", "30000000")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(with(&[("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "7")]), None);
        assert!(with(&[("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "42")]).is_some());
        assert_eq!(with(&[("WATCHDOG_USEC", "soon")]), None);
    }

    #[test]
    fn a_manager_that_cannot_be_told_is_an_error_and_none_is_none() {
        assert!(!supervisor(&[]).unwrap().is_there());
        assert!(!supervisor(&[("NOTIFY_SOCKET", "")]).unwrap().is_there());
        for name in ["/nowhere/at/all", "vsock:2:1234", "relative"] {
            assert!(supervisor(&[("NOTIFY_SOCKET", name)]).is_err(), "{name}");
        }
    }
}
