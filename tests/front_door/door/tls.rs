//! TLS of the server itself, and another certificate while it runs.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::SOON;
use crate::support::*;

/// Makes a certificate by this name: its PEM.
async fn certificate(folder: &Path, name: &str) -> String {
    let (certificate, _) = self_signed(folder, name).await;
    std::fs::read_to_string(certificate).expect("a certificate")
}

/// A client that trusts this certificate alone.
fn client(
    pem: &str,
    more: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    let trusted = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let builder = http_client().no_proxy().tls_certs_only([trusted]);
    more(builder).build().expect("a client")
}

/// Puts the certificate and key of this name where the server reads them.
fn install(folder: &Path, certificate: &str, key: &str) {
    for (from, to) in [
        (format!("{certificate}.pem"), "tls.pem"),
        (format!("{key}.key"), "tls.key"),
    ] {
        let new = folder.join("new");
        std::fs::copy(folder.join(from), &new).expect("a copy");
        std::fs::rename(new, folder.join(to)).expect("a replacement");
    }
}

/// Who asks for a server's health on the same machine asks by TLS, whatever the certificate says.
async fn asks_for_health(address: &str, folder: &Path) {
    let mut health = clean_command(env!("CARGO_BIN_EXE_sightglass"));
    health
        .args(["health", "--listen", address])
        .env("TLS_CERTIFICATE", folder.join("tls.pem"))
        .env("TLS_KEY", folder.join("tls.key"));
    let health = run(health, SOON).await;
    assert!(health.success(), "{}", health.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_while_a_preview_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (
        certificate(folder.path(), "first").await,
        certificate(folder.path(), "second").await,
    );
    install(folder.path(), "first", "first");
    let server = Server::start(
        Options::new()
            .env("DEMO", "true")
            .env("TLS_CERTIFICATE", &folder.path().join("tls.pem").display())
            .env("TLS_KEY", &folder.path().join("tls.key").display()),
    )
    .await;
    let url = |path: &str| server.url(path).replace("http://", "https://");
    let shows = async |pem: &str| {
        let asked = client(pem, |it| it).get(url("/livez")).send().await;
        asked.is_ok_and(|answer| answer.status() == 200)
    };
    let preview = client(&first, reqwest::ClientBuilder::http1_only);
    let preview = preview
        .get(url("/streams/preview/test-ball"))
        .send()
        .await
        .expect("a preview");
    assert_eq!(
        preview.headers()["strict-transport-security"],
        "max-age=15552000"
    );
    let mut preview = preview.bytes_stream();
    preview.next().await.expect("media").expect("media");
    // Both versions of HTTP, by ALPN.
    let two = client(&first, |it| it)
        .get(url("/playlist.m3u"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(two.version(), reqwest::Version::HTTP_2);
    assert!(
        two.text()
            .await
            .expect("text")
            .contains(&url("/streams/preview/test-ball"))
    );

    // Plain HTTP, and one that says nothing, get nowhere.
    let address = server.base().trim_start_matches("http://");
    let mut silent = TcpStream::connect(address).await.expect("a connection");
    silent
        .write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    assert!(
        server
            .http()
            .get(server.url("/livez"))
            .send()
            .await
            .is_err()
    );

    asks_for_health(address, folder.path()).await;

    // A key of another certificate is refused, and the old pair goes on.
    install(folder.path(), "second", "first");
    let pid = server.pid().to_string();
    let hang_up = async || {
        let mut command = clean_command("kill");
        command.args(["-HUP", &pid]);
        assert!(run(command, SOON).await.success());
    };
    hang_up().await;
    eventually(SOON, "the refusal", async || {
        server
            .logs()
            .contain("the certificate is not replaced")
            .then_some(())
    })
    .await;
    assert!(shows(&first).await && !shows(&second).await);
    install(folder.path(), "second", "second");
    hang_up().await;
    eventually(SOON, "the second certificate", async || {
        shows(&second).await.then_some(())
    })
    .await;
    assert!(!shows(&first).await);
    // By itself, too: nobody asks.
    install(folder.path(), "first", "first");
    eventually(SOON, "the first certificate", async || {
        shows(&first).await.then_some(())
    })
    .await;
    // The preview that was there before has noticed nothing.
    let mut bytes = 0;
    while bytes < 300_000 {
        let next = tokio::time::timeout(patience(Duration::from_secs(5)), preview.next());
        bytes += next
            .await
            .expect("in time")
            .expect("more")
            .expect("media")
            .len();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path(), "one").await;
    certificate(folder.path(), "two").await;
    for (certificate, key, told) in [
        ("one.pem", "two.key", "cannot be used"),
        ("none.pem", "one.key", "none.pem"),
        ("one.key", "one.key", "no certificate"),
    ] {
        let options = Options::new()
            .env(
                "TLS_CERTIFICATE",
                &folder.path().join(certificate).display(),
            )
            .env("TLS_KEY", &folder.path().join(key).display());
        let Err(failure) = Server::try_start(options).await else {
            panic!("started with {certificate} and {key}");
        };
        assert!(failure.output.contains(told), "{}", failure.output);
        assert!(!failure.output.contains("BEGIN"), "{}", failure.output);
    }
}
