//! Each test confines a process of its own: it is for good.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use socket2::{Domain, Socket, Type};

use super::*;

/// Runs an ignored test alone in a process of its own.
pub(crate) fn alone(name: &str) {
    let program = std::env::current_exe().unwrap();
    // What it makes there it cannot remove any more.
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(program)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}\n{errors}");
    assert!(told.contains("1 passed"), "{told}");
}

/// A folder to write, one to read, one that is nobody's business; a plan that says so.
pub(crate) fn place() -> (tempfile::TempDir, Plan) {
    let place = tempfile::tempdir().unwrap();
    for folder in ["data", "media", "outside"] {
        fs::create_dir(place.path().join(folder)).unwrap();
        fs::write(place.path().join(folder).join("file"), "text").unwrap();
    }
    let plan = Plan {
        write: vec![place.path().join("data")],
        read: vec![place.path().join("media")],
        ..Plan::default()
    };
    (place, plan)
}

pub(crate) fn refused<T>(outcome: io::Result<T>) -> bool {
    outcome.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[test]
fn a_process_confines_itself() {
    alone("confine::tests::confined_process");
}

#[test]
fn each_word_has_its_meaning() {
    alone("confine::tests::modes");
}

#[test]
#[ignore = "confines the process"]
fn confined_process() {
    let (place, plan) = place();
    let path = |name: &str| place.path().join(name);
    apply(Mode::Required, &plan).unwrap();
    // Rules for TCP came with the fourth.
    assert!(report().landlock_abi >= Some(4));
    files(&path);
    // Threads inherit it.
    std::thread::scope(|scope| {
        scope.spawn(|| files(&path)).join().unwrap();
    });
    for program in ["/bin/true", "/usr/bin/gst-inspect-1.0"] {
        assert!(refused(Command::new(program).status()), "{program}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    assert!(refused(TcpListener::bind(port.unwrap())));
    let family = Socket::new(Domain::from(libc::AF_ALG), Type::STREAM, None);
    assert!(refused(family));
    assert!(refused(std::os::unix::fs::chroot("/")));
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    for line in [
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line}\n{status}");
    }
}

fn files(path: &dyn Fn(&str) -> std::path::PathBuf) {
    fs::write(path("data/new"), "more").unwrap();
    fs::rename(path("data/new"), path("data/newer")).unwrap();
    fs::remove_file(path("data/newer")).unwrap();
    assert_eq!(fs::read_to_string(path("media/file")).unwrap(), "text");
    assert!(refused(fs::write(path("media/file"), "other")));
    assert!(refused(fs::remove_file(path("media/file"))));
    assert!(refused(fs::read(path("outside/file"))));
    assert!(refused(fs::write(path("outside/new"), "")));
    assert!(refused(fs::read_dir("/")));
    assert!(refused(fs::write("/proc/self/comm", "other")));
    if rustix::process::geteuid().is_root() {
        assert!(refused(fs::read("/etc/shadow")));
    }
    for readable in ["/etc/nsswitch.conf", "/proc/self/stat", "/dev/urandom"] {
        fs::File::open(readable).unwrap();
    }
    fs::write("/dev/null", "nothing").unwrap();
    assert!(Path::new("/usr/lib").read_dir().is_ok());
}

#[test]
#[ignore = "confines the process"]
fn modes() {
    let (place, plan) = place();
    apply(Mode::Off, &plan).unwrap();
    assert_eq!(report(), &Report::NONE);
    fs::read(place.path().join("outside/file")).unwrap();
    // It was decided: what is required later is not there.
    let lacks = apply(Mode::Required, &plan).unwrap_err().to_string();
    assert!(lacks.contains("seccomp is off"), "{lacks}");
    decoder_thread();
    fs::read(place.path().join("outside/file")).unwrap();
}
