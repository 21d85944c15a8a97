//! What a decoder can still do when it is taken over: tried from its own thread, in the midst of a transcode.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use super::tests::{clip, library, spec};
use super::{Audio, Video, assemble};
use crate::confine::tests::{alone, place, refused};
use crate::confine::{self, Mode};
use crate::memory::Account;

/// What is tried, and whether it was refused.
type Attempts = Vec<(&'static str, bool)>;

fn attempts(place: &Path, listening: std::net::SocketAddr) -> Attempts {
    fn none<T>(outcome: io::Result<T>) -> bool {
        refused(outcome)
    }
    vec![
        ("read outside", none(fs::read(place.join("outside/file")))),
        (
            "write outside",
            none(fs::write(place.join("outside/new"), "")),
        ),
        ("list the root", none(fs::read_dir("/"))),
        ("exec", none(Command::new("/bin/true").status())),
        ("read media", none(fs::read(place.join("media/file")))),
        ("read the store", none(fs::read(place.join("data/file")))),
        (
            "write the store",
            none(fs::write(place.join("data/new"), "")),
        ),
        ("resolver", none(fs::read("/etc/resolv.conf"))),
        ("environment", none(fs::read("/proc/self/environ"))),
        ("connect", none(TcpStream::connect(listening))),
        ("connect to nobody", none(TcpStream::connect("127.0.0.1:9"))),
        ("listen", none(TcpListener::bind("127.0.0.1:0"))),
        ("datagrams", none(UdpSocket::bind("127.0.0.1:0"))),
        ("local socket", none(UnixDatagram::unbound())),
        ("library", none(fs::read_dir("/usr/lib"))),
    ]
}

#[test]
fn a_decoder_can_do_nothing_but_decode() {
    alone("pipeline::confined::taken_over");
}

#[test]
#[ignore = "confines the process"]
fn taken_over() {
    let library = library();
    let (folder, plan) = place();
    let place = folder.path().to_owned();
    confine::apply(Mode::Required, &plan).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = listener.local_addr().unwrap();
    let both = spec(Video::Encode, Audio::Encode);
    let assembled = assemble::transcode(&library, &both, &Account::nobody()).unwrap();
    let (tell, told) = mpsc::sync_channel(64);
    let there = place.clone();
    assembled
        .pipeline
        .connect_deep_element_added(move |_, _, element| {
            let name = element.factory().map(|factory| factory.name().to_string());
            let Some(name) = name.filter(|name| name.starts_with("avdec_")) else {
                return;
            };
            let (tell, there) = (tell.clone(), there.clone());
            let pad = element.static_pad("src").unwrap();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                let _ = tell.try_send((name.clone(), attempts(&there, listening)));
                gst::PadProbeReturn::Remove
            });
        });
    let ts = clip();
    let input = assembled.input.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assembled.pipeline.set_state(gst::State::Playing).unwrap();
    let (mut input, mut output) = (input, assembled.output);
    let came = runtime.block_on(async {
        let feed = async {
            for at in (0..ts.len()).step_by(9_400) {
                input
                    .push(ts.slice(at..ts.len().min(at + 9_400)))
                    .await
                    .unwrap();
            }
            input.end_of_stream();
        };
        let read = async {
            let mut came = 0;
            while let Some(chunk) = output.next().await {
                came += chunk.len();
            }
            came
        };
        let both = async { tokio::join!(feed, read).1 };
        tokio::time::timeout(Duration::from_mins(1), both)
            .await
            .unwrap()
    });
    assembled.pipeline.set_state(gst::State::Null).unwrap();
    // It works on, and it was refused everything but what libraries are.
    assert!(came > 50_000, "{came}");
    for _ in 0..2 {
        let (name, attempts) = told.recv_timeout(Duration::from_secs(1)).unwrap();
        for (what, refused) in attempts {
            assert_eq!(refused, what != "library", "{name}: {what}");
        }
    }
    // The rest of the process is refused less: the store and the network are its work.
    let allowed: Vec<_> = attempts(&place, listening)
        .into_iter()
        .filter(|(_, refused)| !refused)
        .map(|(what, _)| what)
        .collect();
    let expected = [
        "read media",
        "read the store",
        "write the store",
        "resolver",
        "environment",
        "connect",
        "connect to nobody",
        "listen",
        "datagrams",
        "local socket",
        "library",
    ];
    assert_eq!(allowed, expected);
}
