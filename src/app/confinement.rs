//! Which folders and which port the confined process goes on to need, by the configuration.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::confine::{self, Mode, NotConfined, Plan, State};
use crate::memory;
use crate::pipeline;

/// Loads plugins, then confines the process. To be called in `main`, before any thread is started.
///
/// # Errors
/// When confinement is required and not complete.
pub fn confine(config: &Config) -> Result<(), NotConfined> {
    let transcode = &config.transcode;
    pipeline::prepare(
        transcode.pipelines_dir.as_deref(),
        &transcode.gstreamer_plugins,
    );
    if config.confinement != Mode::Off {
        make_folders(config);
    }
    let plan = plan(config);
    memory::without_threads(|| confine::apply(config.confinement, &plan))
}

/// What is not there cannot be allowed. Whoever needs it tells why it cannot be made.
fn make_folders(config: &Config) {
    if let Some(folder) = &config.log.dir {
        // As the log itself does it.
        let _ = DirBuilder::new().recursive(true).mode(0o750).create(folder);
    }
    if let Some(folder) = config.db_path.parent() {
        let _ = fs::create_dir_all(folder);
    }
}

/// Logs what is in force.
pub fn tell_confinement(config: &Config) {
    let report = confine::report();
    let state = |state: State| state.as_str();
    tracing::info!(
        no_new_privileges = state(report.no_new_privileges),
        capabilities = state(report.capabilities),
        landlock = state(report.landlock),
        landlock_abi = report.landlock_abi,
        seccomp = state(report.seccomp),
        decoder_threads = state(report.decoder_threads),
        "confinement"
    );
    for failure in &report.failures {
        tracing::warn!(failure, "confinement is not complete");
    }
    if report.landlock == State::On {
        let plan = plan(config);
        let missing = plan.read.iter().chain(&plan.devices);
        for path in missing.filter(|path| !path.exists()) {
            let path = path.display();
            tracing::warn!(%path, "not there, and out of reach until the next start");
        }
    }
    for plugin in pipeline::loaded().broken {
        tracing::warn!(plugin, "a GStreamer plugin cannot be loaded");
    }
}

fn plan(config: &Config) -> Plan {
    let folders = [
        &config.sources.media_dir,
        &config.sources.secrets_dir,
        &config.transcode.pipelines_dir,
    ];
    let files = [
        &config.email.password_file,
        &config.email.ca_file,
        &config.tls.certificate,
        &config.tls.key,
        &config.auth.admin_password_file,
    ];
    let mut read: Vec<PathBuf> = folders.into_iter().flatten().cloned().collect();
    read.extend(
        files
            .into_iter()
            .flatten()
            .flat_map(|file| folders_of(file)),
    );
    read.extend(config.confinement_read.iter().cloned());
    let mut write = folders_of(&config.db_path);
    write.extend(config.log.dir.clone());
    Plan {
        write,
        read,
        devices: config.confinement_devices.clone(),
        port: config.listen.port(),
    }
}

/// That of its name, and if that is a link the one where it leads.
fn folders_of(file: &Path) -> Vec<PathBuf> {
    let target = fs::canonicalize(file).ok();
    let target = target.map(|file| folder_of(&file));
    [folder_of(file)].into_iter().chain(target).collect()
}

/// A file that is replaced is another one, which only its folder gives access to. A file in the root is allowed alone.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder == Path::new("") => PathBuf::from("."),
        Some(folder) if folder.parent().is_some() => folder.to_owned(),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_reached_by_its_folder() {
        for (file, folder) in [
            ("sightglass.redb", "."),
            ("data/sightglass.redb", "data"),
            ("/var/lib/sightglass/streams.redb", "/var/lib/sightglass"),
            ("/streams.redb", "/streams.redb"),
        ] {
            assert_eq!(folder_of(Path::new(file)), Path::new(folder));
        }
    }
}
