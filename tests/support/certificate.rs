//! Certificates of servers that the tests start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::{clean_command, run};

/// Makes a key, and a certificate for localhost and 127.0.0.1 that vouches for itself: `NAME.pem` and `NAME.key` in
/// `folder`, in this order.
pub async fn self_signed(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    let mut command = clean_command("openssl");
    command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key);
    let made = run(command, Duration::from_secs(20)).await;
    assert!(made.success(), "{}", made.text());
    (certificate, key)
}
