//! What programs print that follow.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::super::child::{Kid, clean_command};
use super::super::wait::eventually;

/// Longest wait for the next line: more than a heartbeat.
const LIMIT: Duration = Duration::from_secs(20);

/// A program that follows, and the lines that it has printed.
pub struct Told {
    kid: Kid,
    lines: Arc<Mutex<VecDeque<String>>>,
}

/// curl follows server-sent events; `more` are further arguments.
pub fn curl_follows(url: &str, more: &[&str]) -> Told {
    let mut command = clean_command("curl");
    command.args(["--silent", "--show-error", "--no-buffer"]);
    Told::start(command.args(more).arg(url))
}

/// Python's `websockets` follows; see `client.py` for what may be said, and what is printed.
pub fn python_follows(url: &str, more: &[&str]) -> Told {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/live/client.py");
    let mut command = clean_command("/usr/bin/python3");
    Told::start(
        command
            .arg(script)
            .arg(url.replace("http:", "ws:"))
            .args(more),
    )
}

impl Told {
    fn start(command: &mut std::process::Command) -> Self {
        let mut kid = Kid::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let stdout = kid.child().stdout.take().expect("stdout is piped");
        let printed = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                printed.lock().expect("lines").push_back(line);
            }
        });
        Self { kid, lines }
    }

    /// The process.
    pub fn kid(&mut self) -> &mut Kid {
        &mut self.kid
    }

    /// The next line.
    pub async fn line(&self) -> String {
        let line = async || self.lines.lock().expect("lines").pop_front();
        eventually(LIMIT, "the next line", line).await
    }

    /// How many lines wait to be read.
    pub fn waiting(&self) -> usize {
        self.lines.lock().expect("lines").len()
    }

    /// The next line, which is JSON.
    pub async fn json(&self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next server-sent event that has data: its document, whose `id` is the event's.
    pub async fn event(&self) -> Value {
        let (mut id, mut data) = (String::new(), None);
        loop {
            let line = self.line().await;
            match line.split_once(':') {
                Some(("id", value)) => value.trim_start().clone_into(&mut id),
                Some(("data", value)) => data = Some(value.trim_start().to_owned()),
                Some(("" | "retry", _)) => {}
                None if line.is_empty() => {
                    if let Some(data) = data.take() {
                        let document: Value = serde_json::from_str(&data).expect("JSON");
                        assert_eq!(document["id"], id.as_str());
                        return document;
                    }
                }
                _ => panic!("no line of an event: {line}"),
            }
        }
    }
}
