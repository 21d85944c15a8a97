//! What this program is, and what it found installed.

use crate::pipeline;

/// Of which commit it was built; `None` where that was not known.
pub fn commit() -> Option<&'static str> {
    option_env!("SIGHTGLASS_COMMIT").filter(|commit| !commit.is_empty())
}

/// Version, commit, and the versions and licences of `GStreamer` and its plugins, one a line.
///
/// Looks through the plugins, which may take seconds at the first time.
pub fn long() -> String {
    let mut lines = vec![
        env!("CARGO_PKG_VERSION").to_owned(),
        format!("commit {}", commit().unwrap_or("unknown")),
        pipeline::version(),
    ];
    match pipeline::plugins() {
        Ok(plugins) => lines.extend(plugins.iter().map(|plugin| format!("  {plugin}"))),
        Err(error) => lines.push(format!("  no plugins: {error}")),
    }
    lines.join("\n")
}
