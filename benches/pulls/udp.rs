//! A clip over UDP to many ports at its own pace, over and over, without a seam: clocks and counters go
//! on where it begins again.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Retime, TsScan};

/// Bytes in a datagram: seven packets.
const DATAGRAM: usize = 7 * 188;
/// Between two turns of the sender.
const TURN: Duration = Duration::from_millis(5);

/// Sends until it is dropped.
pub(crate) struct Sender {
    ports: Vec<u16>,
    stop: Arc<AtomicBool>,
}

impl Sender {
    /// Sends the segments in this folder, one behind the other, to this many ports of the loopback
    /// interface.
    pub(crate) fn start(folder: &Path, many: usize) -> Self {
        let clip = joined(folder);
        let mut scan = TsScan::new();
        scan.push(&clip);
        let seconds = scan.video_seconds();
        let bytes_per_second = clip.len() as f64 / seconds;
        let retime = Retime::of([clip.as_slice()], seconds);
        let ports = free_ports(many);
        let stop = Arc::new(AtomicBool::new(false));
        let (targets, stopped) = (ports.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let began = Instant::now();
            let mut sent = 0.0;
            let rounds = (0..).flat_map(|round| clip.chunks(DATAGRAM).map(move |d| (round, d)));
            for (round, datagram) in rounds {
                while sent > began.elapsed().as_secs_f64() * bytes_per_second {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    std::thread::sleep(TURN);
                }
                let datagram = retime.after(round, datagram);
                for port in &targets {
                    // Refused while nobody listens there.
                    let _ = socket.send_to(&datagram, ("127.0.0.1", *port));
                }
                sent += datagram.len() as f64;
            }
        });
        Self { ports, stop }
    }

    /// Where to listen.
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |port| format!("udp://127.0.0.1:{port}");
        self.ports.iter().map(url).collect()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The segments in a folder, in their order.
fn joined(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("the clip");
    let paths = files.map(|file| file.expect("a file of the clip").path());
    let mut segments: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "ts"))
        .collect();
    segments.sort();
    let read = |path| std::fs::read(path).expect("a segment");
    segments.into_iter().flat_map(read).collect()
}

/// Ports that were free a moment ago.
fn free_ports(many: usize) -> Vec<u16> {
    let sockets: Vec<_> = (0..many)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    let port = |socket: &UdpSocket| socket.local_addr().expect("an address").port();
    sockets.iter().map(port).collect()
}
