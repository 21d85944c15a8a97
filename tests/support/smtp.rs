//! A real mail server, and what people find in their mailboxes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use super::child::{Kid, clean_command};
use super::rtmp::certificates;

/// aiosmtpd on a loopback port; killed on drop. What it does with which recipient: see `smtp_server.py`.
pub struct MailServer {
    /// `None` while it is stopped.
    kid: Option<Kid>,
    port: u16,
    home: TempDir,
    arguments: Vec<String>,
}

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub struct Mail {
    /// As it came, with its headers.
    pub text: String,
    /// For whom it was accepted.
    pub to: Vec<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Whether its sender was logged in.
    pub login: bool,
    /// What Python's parser finds in it: first the subject and the defects, then type, content id, and text or size of
    /// each part.
    pub parts: Value,
}

impl MailServer {
    /// A server without TLS.
    pub fn plain() -> Self {
        Self::with(&[])
    }

    /// A server with TLS (`starttls` or `tls`) under a certificate of its own, for this user only.
    pub fn secure(how: &str, user: &str, password: &str) -> Self {
        Self::with(&[how, "auth", user, password])
    }

    /// A server that is not there yet, but has its port.
    pub fn away() -> Self {
        let mut server = Self::plain();
        server.stop();
        server
    }

    fn with(options: &[&str]) -> Self {
        let home = TempDir::with_prefix("sightglass-mail-").expect("a temporary folder");
        std::fs::create_dir(home.path().join("mails")).expect("a folder");
        let mut arguments = Vec::new();
        for option in options {
            arguments.push((*option).to_owned());
            if option.ends_with("tls") {
                certificates(home.path());
                arguments.extend(["cert.pem", "key.pem"].map(|name| {
                    let path = home.path().join(name);
                    path.to_string_lossy().into_owned()
                }));
            }
        }
        let mut server = Self {
            kid: None,
            port: 0,
            home,
            arguments,
        };
        server.start();
        server
    }

    /// Starts it, on the port that it had.
    pub fn start(&mut self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = clean_command("python3");
        command
            .arg(root.join("tests/support/smtp_server.py"))
            .arg(self.port.to_string())
            .arg(self.folder())
            .args(&self.arguments)
            .env("PYTHONPATH", super::media("python"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut kid = Kid::spawn(&mut command);
        let stdout = kid.child().stdout.take().expect("stdout is piped");
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let port = line
            .trim()
            .strip_prefix("port ")
            .and_then(|port| port.parse().ok());
        self.port = port.unwrap_or_else(|| panic!("no mail server: {line:?}: run make setup-test"));
        self.kid = Some(kid);
    }

    /// Stops it: its port refuses connections.
    pub fn stop(&mut self) {
        self.kid = None;
    }

    /// Lets those take mail who would later.
    pub fn up(&self) {
        std::fs::write(self.folder().join("up"), "").expect("a file");
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of who signed the server's.
    pub fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// What it has accepted, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let mails = (0..).map_while(|number| {
            let file = |ending| self.folder().join(format!("{number:03}.{ending}"));
            let text = std::fs::read_to_string(file("eml")).ok()?;
            let about = std::fs::read(file("json")).ok()?;
            let about: Value = serde_json::from_slice(&about).ok()?;
            let to = about["to"].as_array()?.iter();
            Some(Mail {
                text,
                to: to.filter_map(|it| Some(it.as_str()?.to_owned())).collect(),
                tls: about["tls"] == true,
                login: about["login"] == true,
                parts: about["parts"].clone(),
            })
        });
        mails.collect()
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("mails")
    }
}

impl Mail {
    /// The first header of this name, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    /// Its `Message-ID`.
    pub fn id(&self) -> String {
        self.header("message-id")
            .expect("each mail has a Message-ID")
    }
}
