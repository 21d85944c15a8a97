//! ffmpeg and VLC, sending a clip over and over in real time.

use std::ffi::OsStr;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

use super::child::{Kid, clean_command};

/// A UDP port that is free now.
pub fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
    socket.local_addr().expect("a bound address").port()
}

/// A TCP port of loopback that is free now.
pub fn free_tcp_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// ffmpeg sending all tracks of `clip`, copied, in this format to this URL. `options` stand before the URL.
pub fn ffmpeg_sends(clip: &Path, format: &str, options: &[&str], url: &str) -> Kid {
    let mut command = clean_command("ffmpeg");
    command
        .args(["-nostdin", "-v", "quiet", "-re", "-stream_loop", "-1", "-i"])
        .arg(clip)
        .args(["-map", "0", "-c", "copy", "-f", format])
        .args(options)
        .arg(url);
    quietly(command)
}

/// VLC with these arguments, in the background.
pub fn vlc(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Kid {
    let mut command = clean_command("cvlc");
    if is_root() {
        // It refuses to run as root.
        command = clean_command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
    }
    command.args(arguments).env("HOME", std::env::temp_dir());
    quietly(command)
}

/// VLC serving a clip by MMS over HTTP, at `/tv`.
pub fn vlc_serves_mms(clip: &Path, port: u16) -> Kid {
    let output = format!("#std{{access=mmsh,mux=asfh,dst=127.0.0.1:{port}/tv}}");
    vlc([
        "--loop".as_ref(),
        clip.as_os_str(),
        "--sout".as_ref(),
        output.as_ref(),
    ])
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn quietly(mut command: Command) -> Kid {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
}
