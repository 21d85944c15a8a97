//! MPEG-TS in datagrams, plain and in RTP, from senders that know nothing of us.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use crate::SOON;
use crate::support::*;

/// ffmpeg with a clip.
fn ffmpeg(file: &str, format: &str, url: &str) -> Kid {
    ffmpeg_sends(&media(file), format, &[], url)
}

/// VLC with a clip.
fn vlc_sends(file: &str, output: &str) -> Kid {
    let file = media(file).canonicalize().unwrap();
    let all = ["--no-sout-all", "--sout-keep", "--loop"].map(AsRef::as_ref);
    vlc([
        &all[..],
        &[file.as_os_str(), "--sout".as_ref(), output.as_ref()],
    ]
    .concat())
}

/// tsplay of tstools, byte by byte what the file holds.
fn tsplay(file: &str, port: u16) -> Kid {
    let mut command = clean_command("tsplay");
    command
        .args(["-quiet", "-loop"])
        .arg(media(file))
        .arg(format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
}

/// Watches the untouched source for some seconds: picture and sound, without damage.
async fn watch(server: &Server, id: &str, width: u32) {
    let seen = ffprobe_packets(&server.preview(id, "quality=source"), 3).await;
    assert_eq!(seen.stream("video")["width"], width, "{id}");
    assert!(seen.span("video") > 2.5, "{id}: {} s", seen.span("video"));
    assert!(seen.span("audio") > 1.5, "{id}: {} s", seen.span("audio"));
    seen.assert_monotone_dts();
    seen.assert_no_gap("video", 0.5);
    seen.assert_clean(&[]);
}

async fn refused(server: &Server, id: &str, url: &str) -> (String, String, String) {
    server.add_stream(id, url).await;
    let (_, _, body) = server
        .get(&format!("/streams/preview/{id}?timeout=2500"))
        .await;
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (text("stage"), text("cause"), body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_of_four_independent_senders() {
    let server = Server::start(Options::new().env("SOURCE_ALLOW_LISTEN", "true")).await;
    let ports: Vec<u16> = (0..5).map(|_| free_udp_port()).collect();
    let url = |at: usize, scheme: &str| format!("{scheme}://127.0.0.1:{}", ports[at]);
    let _senders = [
        ffmpeg(
            "bbb.ts",
            "mpegts",
            &format!("{}?pkt_size=1316", url(0, "udp")),
        ),
        ffmpeg("bbb.ts", "rtp_mpegts", &url(1, "rtp")),
        vlc_sends(
            "bbb.ts",
            &format!("#std{{access=udp,mux=ts,dst=127.0.0.1:{}}}", ports[2]),
        ),
        vlc_sends(
            "bbb.ts",
            &format!("#rtp{{mux=ts,dst=127.0.0.1,port={}}}", ports[3]),
        ),
        tsplay("mpeg2i.ts", ports[4]),
    ];
    server
        .add_stream("ffmpeg", &format!("udp://@:{}", ports[0]))
        .await;
    server.add_stream("ffmpeg-rtp", &url(1, "rtp")).await;
    server.add_stream("vlc", &url(2, "udp")).await;
    // What is in RTP under a URL that does not say so.
    server.add_stream("vlc-rtp", &url(3, "udp")).await;
    server
        .add_stream("tsplay", &format!("udp://127.0.0.1@127.0.0.1:{}", ports[4]))
        .await;
    tokio::join!(
        watch(&server, "ffmpeg", 1280),
        watch(&server, "ffmpeg-rtp", 1280),
        watch(&server, "vlc", 1280),
        watch(&server, "vlc-rtp", 1280),
        watch(&server, "tsplay", 720),
    );
    let metrics = server.metrics().await;
    let lost = metrics.sum(
        "sightglass_ingest_datagrams_dropped_total",
        &[("reason", "receive_buffer")],
    );
    assert_eq!(lost, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_is_told_with_the_setting_that_would_help() {
    let strict = Server::start(Options::new()).await;
    let port = free_udp_port();
    for (id, url, setting) in [
        ("any", format!("udp://@:{port}"), "SOURCE_ALLOW_LISTEN"),
        (
            "own",
            format!("rtp://127.0.0.1:{port}"),
            "SOURCE_ALLOW_LISTEN",
        ),
        (
            "group",
            format!("udp://@239.1.2.3:{port}"),
            "SOURCE_ALLOW_MULTICAST",
        ),
        (
            "group6",
            format!("rtp://@[ff15::1]:{port}"),
            "SOURCE_ALLOW_MULTICAST",
        ),
        (
            "hex",
            format!("udp://0xef010203:{port}"),
            "SOURCE_ALLOW_MULTICAST",
        ),
        ("dns", "udp://@239.1.2.3:53".to_owned(), "SOURCE_DENY_PORTS"),
    ] {
        let (stage, cause, text) = refused(&strict, id, &url).await;
        assert_eq!((&*stage, &*cause), ("policy", "policy"), "{id}: {text}");
        assert!(text.contains(setting), "{id}: {text}");
    }

    let server = Server::start(
        Options::new()
            .env("SOURCE_ALLOW_LISTEN", "true")
            .env("SOURCE_TIMEOUT", "800ms"),
    )
    .await;
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let in_use = taken.local_addr().unwrap();
    // RTP is expected, and what comes is none.
    let junk = free_udp_port();
    tokio::spawn(async move {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        loop {
            let _ = socket.send_to(b"hello", ("127.0.0.1", junk)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    for (id, url, stage, cause) in [
        (
            "nothing",
            format!("udp://127.0.0.1:{port}"),
            "first_byte",
            "timeout",
        ),
        ("in-use", format!("udp://{in_use}"), "connect", "refused"),
        (
            "junk",
            format!("rtp://127.0.0.1:{junk}"),
            "first_byte",
            "not_media",
        ),
        (
            "foreign",
            format!("udp://192.0.2.9:{port}"),
            "connect",
            "unreachable",
        ),
    ] {
        let (at, why, text) = refused(&server, id, &url).await;
        assert_eq!((&*at, &*why), (stage, cause), "{id}: {text}");
    }
}

/// Multicast needs a network of its own: nothing is sent on the networks of this machine.
#[tokio::test]
async fn multicast_in_a_network_of_its_own() {
    let mut command = clean_command("unshare");
    let net = if is_root() { "-n" } else { "-rn" };
    command.args([net, "sh", "-c"]);
    // Loopback carries no IPv6 multicast; one end of a pair does, and gets back what it sends.
    let up = "set -e; ip link set lo up; ip link add v0 type veth peer name v1; \
        echo 1 >/proc/sys/net/ipv6/conf/v1/disable_ipv6; ip addr add 10.99.0.1/24 dev v0; \
        ip addr add fd99::1/64 dev v0 nodad; ip link set v1 up; ip link set v0 up; ip route add 224.0.0.0/4 dev v0";
    let mut probe = clean_command("unshare");
    probe.args([net, "sh", "-c", up]);
    if !run(probe, Duration::from_secs(5)).await.success() {
        eprintln!(
            "NOT TESTED: multicast. This machine lets no test have a network of its own (unshare {net})."
        );
        return;
    }
    let me = std::env::current_exe().unwrap();
    command.arg(format!(
        "{up} && exec \"$0\" --exact udp::groups --ignored --nocapture"
    ));
    command.arg(me);
    let finished = run(command, Duration::from_secs(100)).await;
    let told = finished.text();
    assert!(finished.success(), "{told}\n{}", finished.stderr);
    assert!(told.contains("1 passed"), "{told}");
}

/// How many memberships of a group this network has.
fn members(group: [u8; 4]) -> u32 {
    let wanted = format!("{:08X}", u32::from_le_bytes(group));
    let table = std::fs::read_to_string("/proc/self/net/igmp").unwrap();
    let users = table.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        (fields.next()? == wanted).then(|| fields.next()?.parse().ok())?
    });
    users.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside multicast_in_a_network_of_its_own"]
async fn groups() {
    let server = Server::start(
        Options::new()
            .env("SOURCE_ALLOW_MULTICAST", "true")
            .env("STREAM_LINGER", "300ms")
            .env("SOURCE_TIMEOUT", "20s")
            .env("MAX_SESSIONS_PER_CLIENT", "50"),
    )
    .await;
    let port = free_udp_port();
    let to = |group: &str| format!("udp://{group}:{port}?pkt_size=1316");
    let _senders = [
        ffmpeg("bbb.ts", "mpegts", &to("239.1.1.1")),
        ffmpeg("mpeg2i.ts", "mpegts", &to("239.1.1.2")),
        ffmpeg("bbb.ts", "rtp_mpegts", &format!("rtp://239.1.1.3:{port}")),
        ffmpeg("bbb.ts", "mpegts", &to("232.1.1.1")),
        ffmpeg("bbb.ts", "mpegts", &to("[ff15::1]")),
        ffmpeg("mpeg2i.ts", "mpegts", &to("[ff35::8000:1]")),
    ];
    for (id, url) in [
        ("vlc", format!("udp://@239.1.1.1:{port}")),
        (
            "again",
            format!("udp://239.1.1.1:{port}?localaddr=10.99.0.1&ttl=1"),
        ),
        ("same-port", format!("udp://@239.1.1.2:{port}?iface=v0")),
        ("rtp", format!("rtp://@239.1.1.3:{port}")),
        ("ssm", format!("udp://10.99.0.1@232.1.1.1:{port}")),
        (
            "ssm-iface",
            format!("udp://10.99.0.1@232.1.1.1:{port}?iface=v0"),
        ),
        (
            "ssm-local",
            format!("udp://10.99.0.1@232.1.1.1:{port}?localaddr=10.99.0.1"),
        ),
        ("six", format!("udp://@[ff15::1]:{port}")),
        (
            "six-local",
            format!("udp://@[ff15::1]:{port}?localaddr=fd99::1"),
        ),
        (
            "six-ssm",
            format!("udp://[fd99::1]@[ff35::8000:1]:{port}?iface=v0"),
        ),
    ] {
        server.add_stream(id, &url).await;
    }
    tokio::join!(
        watch(&server, "vlc", 1280),
        watch(&server, "again", 1280),
        watch(&server, "same-port", 720),
        watch(&server, "rtp", 1280),
        watch(&server, "ssm", 1280),
        watch(&server, "ssm-iface", 1280),
        watch(&server, "ssm-local", 1280),
        watch(&server, "six", 1280),
        watch(&server, "six-local", 1280),
        watch(&server, "six-ssm", 720),
    );
    // Sent by somebody else than the one who is listened to.
    let wrong = format!("udp://10.99.0.9@232.1.1.1:{port}");
    let (stage, cause, text) = refused(&server, "wrong", &wrong).await;
    assert_eq!((&*stage, &*cause), ("first_byte", "timeout"), "{text}");
    eventually(SOON, "the groups to be left", async || {
        let all = [[239, 1, 1, 1], [239, 1, 1, 2], [232, 1, 1, 1]].map(members);
        (all == [0; 3]).then_some(())
    })
    .await;
    // More groups than net.ipv4.igmp_max_memberships allows to one socket.
    let viewers: Vec<_> = (0..40).collect();
    for at in &viewers {
        let group = format!("udp://@239.2.0.{at}:{port}");
        server.add_stream(&format!("many-{at}"), &group).await;
    }
    let _viewers: Vec<_> = viewers
        .iter()
        .map(|at| TsViewer::open(&server.preview(&format!("many-{at}"), "")))
        .collect();
    eventually(SOON, "40 groups", async || {
        let joined = (0..40).filter(|at| members([239, 2, 0, *at]) > 0);
        (joined.count() == 40).then_some(())
    })
    .await;
}
