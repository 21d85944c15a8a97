//! The flake and the NixOS module, evaluated against a double of nixpkgs (`tests/nix`): without a network, and without a build.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, run};
use crate::{TOOL_LIMIT, repository, text};

/// What the flake reads of the repository.
const READ: [&str; 22] = [
    "flake.nix",
    "flake.lock",
    "Cargo.toml",
    "Cargo.lock",
    ".clippy.toml",
    "build.rs",
    "src",
    "pipelines",
    "proptest-regressions",
    "tests/nix",
    "benches/pure.rs",
    "deploy/nix",
    "deploy/grafana",
    "deploy/openh264",
    "docs/licences.md",
    "deploy/prometheus",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "web/package.json",
    "web/package-lock.json",
    "web/index.html",
    "web/src",
];

/// A Nix whose store is a folder of its own: needs no rights, and leaves nothing.
struct Nix {
    folder: TempDir,
}

impl Nix {
    fn new() -> Self {
        let folder = TempDir::with_prefix("sightglass-nix-").unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        std::fs::write(
            folder.path().join("etc/nix.conf"),
            "build-users-group =\nexperimental-features = nix-command flakes\n",
        )
        .unwrap();
        Self { folder }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, folder) in [
            ("NIX_STORE_DIR", "store"),
            ("NIX_STATE_DIR", "var"),
            ("NIX_LOCALSTATE_DIR", "var"),
            ("NIX_LOG_DIR", "log"),
            ("NIX_CONF_DIR", "etc"),
            ("XDG_CACHE_HOME", "cache"),
            ("HOME", "home"),
        ] {
            command.env(name, self.folder.path().join(folder));
        }
        command.env_remove("NIX_PATH");
        command
    }

    /// An attribute of `tests/nix/machine.nix`, as JSON.
    async fn machine(&self, attribute: &str) -> Finished {
        let mut command = self.command("nix-instantiate");
        command
            .args(["--eval", "--strict", "--json", "--read-write-mode", "-A"])
            .arg(attribute)
            .arg(repository("tests/nix/machine.nix"));
        run(command, TOOL_LIMIT).await
    }

    async fn machine_json(&self, attribute: &str) -> Value {
        let done = self.machine(attribute).await;
        assert!(done.success(), "{attribute}: {}", done.stderr);
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

#[tokio::test]
async fn all_outputs_of_the_flake_evaluate_for_both_systems() {
    let nix = Nix::new();
    // What the working tree holds besides (build output, clips) need not be copied into a store.
    let copy = nix.folder.path().join("flake");
    std::fs::create_dir(&copy).unwrap();
    let mut cp = Command::new("cp");
    cp.current_dir(repository(".")).args(["-r", "--parents"]);
    cp.args(READ).arg(&copy);
    let done = run(cp, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);

    let flake = format!("path:{}", copy.display());
    let with_stub = |command: &mut Command| {
        let stub = format!("path:{}", copy.join("tests/nix/stub").display());
        command
            .args(["--override-input", "nixpkgs", &stub])
            .arg("--no-write-lock-file");
    };
    let mut check = nix.command("nix");
    check.args(["flake", "check", "--no-build", &flake]);
    with_stub(&mut check);
    let done = run(check, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);

    let mut show = nix.command("nix");
    show.args(["flake", "show", "--json", &flake]);
    with_stub(&mut show);
    let done = run(show, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap();
    for system in ["x86_64-linux", "aarch64-linux"] {
        for output in [
            format!("/packages/{system}/default"),
            format!("/packages/{system}/sightglass-without-gpl"),
            format!("/apps/{system}/default"),
            format!("/devShells/{system}/default"),
            format!("/checks/{system}/fmt"),
            format!("/checks/{system}/clippy"),
            format!("/checks/{system}/sightglass"),
            format!("/checks/{system}/vm-test"),
        ] {
            assert!(shown.pointer(&output).is_some(), "{output}: {shown:#}");
        }
    }
    for output in ["/nixosModules/default", "/overlays/default"] {
        assert!(shown.pointer(output).is_some(), "{output}");
    }
}

#[tokio::test]
async fn the_module_writes_what_the_program_reads() {
    let nix = Nix::new();
    let full = nix.machine_json("full").await;
    let start = full["service"]["ExecStart"].as_str().unwrap();
    let (_, config) = start.split_once(" --config ").unwrap();
    // The double writes JSON where nixpkgs writes TOML; the values are what matters.
    let json = std::fs::read_to_string(config).unwrap();
    let value: toml::Value = serde_json::from_str(&json).unwrap();
    assert!(!json.contains("null"), "{json}");
    let toml = nix.folder.path().join("sightglass.toml");
    std::fs::write(&toml, toml::to_string(&value).unwrap()).unwrap();

    let mut check = Command::new(env!("CARGO_BIN_EXE_sightglass"));
    check
        .args(["check-config", "--print", "--config"])
        .arg(&toml);
    let done = run(check, TOOL_LIMIT).await;
    assert!(done.success(), "{}", done.stderr);
    let printed = done.text();
    for said in [
        "listen = \"127.0.0.1:9123\"",
        "mode = \"continuous\"",
        "max_concurrent = 6",
        "db_path = \"/var/lib/sightglass/sightglass.redb\"",
        "mode = \"required\"",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
}

#[tokio::test]
async fn the_module_sets_up_the_machine_around_the_service() {
    let nix = Nix::new();
    let full = nix.machine_json("full").await;
    assert_eq!(full["tcp"], serde_json::json!([9123]));
    assert_eq!(full["udp"], serde_json::json!([5000]));
    assert_eq!(
        full["sysctl"]["net.ipv4.igmp_max_memberships"]["content"],
        1024
    );
    let scrape = &full["prometheus"]["scrapeConfigs"][0];
    assert_eq!(scrape["job_name"], "sightglass");
    assert_eq!(scrape["static_configs"][0]["targets"][0], "127.0.0.1:9123");
    let rules = full["prometheus"]["ruleFiles"].as_array().unwrap();
    assert_eq!(rules.len(), 2, "{rules:?}");
    assert!(full["grafana"]["provision"]["dashboards"].is_object());
    let service = &full["service"];
    assert_eq!(
        service["LoadCredential"],
        serde_json::json!([
            "SMTP_PASSWORD:/run/keys/smtp",
            "provider:/run/keys/provider",
            "admin-password:/run/keys/admin"
        ])
    );
    let reload = service["ExecReload"].as_str().unwrap();
    assert!(reload.ends_with("/bin/kill -HUP $MAINPID"), "{reload}");
    let unit = full["units"]["sightglass.service"].as_str().unwrap();
    assert!(
        unit.contains("AUTH_ADMIN_PASSWORD_FILE=%d/admin-password"),
        "{unit}"
    );
    let socket = full["units"]["sightglass.socket"].as_str().unwrap();
    assert!(socket.contains("ListenStream=127.0.0.1:9123"), "{socket}");

    let plain = nix.machine_json("plain").await;
    assert_eq!(plain["tcp"], serde_json::json!([]));
    assert!(plain["units"].get("sightglass.socket").is_none());
}

#[tokio::test]
async fn the_module_refuses_what_is_wrong_or_would_leak() {
    let nix = Nix::new();
    for (machine, complaint) in [
        ("wrongType", "memory_warning"),
        ("wrongMode", "sometimes"),
        ("readableSecret", "readable by all"),
    ] {
        let done = nix.machine(machine).await;
        assert!(!done.success(), "{machine} was taken");
        assert!(
            done.stderr.contains(complaint),
            "{machine}: {}",
            done.stderr
        );
    }
}

#[tokio::test]
async fn the_modules_unit_is_the_one_of_the_repository() {
    let nix = Nix::new();
    let plain = nix.machine_json("plain").await;
    let ours = crate::units::service_settings(&text("deploy/systemd/sightglass.service"));
    let module =
        crate::units::service_settings(plain["units"]["sightglass.service"].as_str().unwrap());
    // Where files lie is what the two differ in.
    let differ = ["ExecStart", "ExecReload", "Environment", "EnvironmentFile"];
    for (name, value) in &ours {
        if !differ.contains(&name.as_str()) {
            assert_eq!(module.get(name), Some(value), "{name}");
        }
    }
    for name in module
        .keys()
        .filter(|name| !differ.contains(&name.as_str()))
    {
        assert!(ours.contains_key(name), "only in the module: {name}");
    }
}

#[tokio::test]
async fn systemd_takes_the_modules_units() {
    let nix = Nix::new();
    let full = nix.machine_json("full").await;
    let folder = nix.folder.path();
    for (name, unit) in full["units"].as_object().unwrap() {
        if name.starts_with("sightglass") {
            let unit = crate::units::with_program(unit.as_str().unwrap(), Path::new("/bin/true"));
            std::fs::write(folder.join(name), unit).unwrap();
        }
    }
    crate::units::verify(folder).await;
    let exposure = crate::units::exposure(&folder.join("sightglass.service")).await;
    assert!(exposure <= 2.0, "{exposure}");
}
