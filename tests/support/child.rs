//! Child processes that cannot outlive or outwait a test.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::figures::Figures;
use super::wait::patience;

/// Most of a child's standard output that is kept; the rest is read and dropped.
const STDOUT_KEPT: usize = 64 << 20;
/// Most of a child's standard error that is kept.
const STDERR_KEPT: usize = 4 << 20;

/// A child process that dies with its owner.
pub struct Kid(Child);

impl Kid {
    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("cannot start {command:?}: {error}"),
        }
    }

    /// The child itself, to take its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// What `/proc` says of the process; `None` once it has ended.
    pub fn figures(&self) -> Option<Figures> {
        Figures::of(self.pid())
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0
            .try_wait()
            .expect("a child can be asked for its status")
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name (`TERM`, `INT`, `STOP`, ...).
    pub fn signal(&self, name: &str) {
        // The shell's own `kill` is everywhere, and the tests need no crate for one system call.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -{name} failed"
        );
    }

    /// Sends SIGKILL and reaps the process.
    pub fn kill(&mut self) -> ExitStatus {
        let _ = self.0.kill();
        self.0.wait().expect("a killed child can be reaped")
    }
}

impl Drop for Kid {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// A child process that has come to its end.
#[derive(Debug)]
pub struct Finished {
    /// How it ended; `None` when it was killed at the limit.
    pub status: Option<ExitStatus>,
    /// Its standard output, up to 64 MiB.
    pub stdout: Vec<u8>,
    /// Its standard error, up to 4 MiB.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Finished {
    /// Whether it ended by itself, with success.
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A command whose HTTP traffic goes straight to its target, whatever proxy the environment names.
pub fn clean_command(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    // The server is to abort at a critical of its own; what players do is their affair.
    command.env_remove("G_DEBUG");
    command
}

/// Runs `command` to its end, for at most `limit`; then it is killed.
pub async fn run(command: Command, limit: Duration) -> Finished {
    run_with_input(command, Bytes::new(), limit).await
}

/// As [`run`], with `input` on its standard input.
pub async fn run_with_input(command: Command, input: Bytes, limit: Duration) -> Finished {
    let limit = patience(limit);
    tokio::task::spawn_blocking(move || run_blocking(command, input, limit))
        .await
        .expect("running a child does not panic")
}

fn run_blocking(mut command: Command, input: Bytes, limit: Duration) -> Finished {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let mut kid = Kid::spawn(&mut command);
    let stdout = keep(kid.child().stdout.take(), STDOUT_KEPT);
    let stderr = keep(kid.child().stderr.take(), STDERR_KEPT);
    let feeder = kid.child().stdin.take().map(|mut stdin| {
        // A child that ends early breaks the pipe; that is its right.
        std::thread::spawn(move || drop(stdin.write_all(&input)))
    });
    let status = loop {
        if let Some(status) = kid.ended() {
            break Some(status);
        }
        if began.elapsed() > limit {
            kid.kill();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let took = began.elapsed();
    let join = |thread: JoinHandle<Vec<u8>>| thread.join().expect("a pipe reader does not panic");
    let finished = Finished {
        status,
        stdout: join(stdout),
        stderr: String::from_utf8_lossy(&join(stderr)).into_owned(),
        took,
    };
    if let Some(feeder) = feeder {
        let _ = feeder.join();
    }
    finished
}

/// Reads a pipe to its end on a thread, keeping the first `most` bytes.
fn keep(pipe: Option<impl Read + Send + 'static>, most: usize) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the pipe was asked for");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            let room = most.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..length.min(room)]);
        }
        kept
    })
}
