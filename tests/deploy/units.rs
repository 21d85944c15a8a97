//! The systemd units, as systemd sees them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::run;
use crate::{TOOL_LIMIT, repository, text};

/// The settings of a unit's `[Service]` section; what is given several times is joined by a blank, as systemd does.
pub(crate) fn service_settings(unit: &str) -> BTreeMap<String, String> {
    let section = unit.split("[Service]\n").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for line in section.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let all = settings.entry(name.to_owned()).or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(value);
    }
    settings
}

/// The unit with a program that is there.
pub(crate) fn with_program(unit: &str, program: &Path) -> String {
    let lines = unit.lines().map(|line| match line.split_once('=') {
        Some((name @ ("ExecStart" | "ExecReload"), _)) => {
            format!("{name}={}\n", program.display())
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Lets systemd look for mistakes in the units of a folder.
///
/// # Panics
/// When it finds any: an unknown setting, a wrong value, a unit that is not there.
pub(crate) async fn verify(folder: &Path) {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]);
    for unit in ["sightglass.service", "sightglass.socket"] {
        command.arg(folder.join(unit));
    }
    let done = run(command, TOOL_LIMIT).await;
    let complaints: Vec<_> = done
        .stderr
        .lines()
        .filter(|line| line.contains("sightglass"))
        .collect();
    assert!(done.success(), "{}", done.stderr);
    assert_eq!(complaints, [""; 0]);
}

/// How exposed the service is as systemd reckons: 0 is best, 10 worst.
pub(crate) async fn exposure(unit: &Path) -> f64 {
    let mut command = Command::new("systemd-analyze");
    command
        .args(["security", "--offline=true", "--no-pager"])
        .arg(unit);
    let done = run(command, TOOL_LIMIT).await;
    let text = done.text();
    let line = text.lines().find(|line| line.contains("Overall exposure"));
    let line = line.unwrap_or_else(|| panic!("{text}{}", done.stderr));
    let figure = line.rsplit_once("service: ").unwrap().1;
    figure.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn systemd_takes_our_units_and_finds_them_tight() {
    let folder = tempfile::tempdir().unwrap();
    for unit in ["sightglass.service", "sightglass.socket"] {
        let unit_text = text(&format!("deploy/systemd/{unit}"));
        let unit_text = with_program(&unit_text, Path::new("/bin/true"));
        std::fs::write(folder.path().join(unit), unit_text).unwrap();
    }
    verify(folder.path()).await;
    let exposure = exposure(&folder.path().join("sightglass.service")).await;
    assert!(exposure <= 2.0, "{exposure}");
}

#[tokio::test]
async fn what_is_installed_fits_together_and_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    // In place of a release build.
    std::fs::create_dir_all(at("target/release")).unwrap();
    std::fs::copy("/bin/true", at("target/release/sightglass")).unwrap();
    let script = async |what: &str| {
        let mut command = Command::new(repository("scripts/install.sh"));
        command
            .arg(what)
            .env("CARGO_TARGET_DIR", at("target"))
            .env("PREFIX", at("usr"))
            .env("SYSCONFDIR", at("etc"))
            .env("UNITDIR", at("units"))
            .env_remove("DESTDIR");
        let done = run(command, TOOL_LIMIT).await;
        assert!(done.success(), "{}{}", done.text(), done.stderr);
    };
    script("install").await;
    // The unit names a program that is there, and a configuration that is good.
    verify(&at("units")).await;
    let unit = std::fs::read_to_string(at("units/sightglass.service")).unwrap();
    let config = at("etc/sightglass/sightglass.toml");
    assert!(
        unit.contains(&format!("--config {}\n", config.display())),
        "{unit}"
    );
    let mut check = Command::new(env!("CARGO_BIN_EXE_sightglass"));
    check.args(["check-config", "--config"]).arg(&config);
    let done = run(check, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);

    // What the operator wrote stays, whatever comes and goes around it.
    std::fs::write(&config, "environment = \"mine\"\n").unwrap();
    script("install").await;
    script("uninstall").await;
    assert_eq!(
        std::fs::read_to_string(&config).unwrap(),
        "environment = \"mine\"\n"
    );
    assert!(!at("usr/bin/sightglass").exists() && !at("units/sightglass.service").exists());
}
