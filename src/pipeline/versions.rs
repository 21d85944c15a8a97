//! What is installed.

use std::collections::BTreeMap;

use gst::prelude::*;
use gstreamer as gst;

use super::packages;

/// Version of the `GStreamer` library in use.
pub fn version() -> String {
    gst::version_string().to_string()
}

/// The plugins of all elements that pipelines may be made of, as far as they are installed: `name version licence`, one each.
///
/// Looks through the plugins, which may take seconds at the first time.
///
/// # Errors
/// When `GStreamer` does not start.
pub fn plugins() -> Result<Vec<String>, String> {
    gst::init().map_err(|e| e.to_string())?;
    let found = packages::elements().filter_map(|element| {
        let plugin = gst::ElementFactory::find(element)?.plugin()?;
        let told = format!("{} {}", plugin.version(), plugin.license());
        Some((plugin.plugin_name().to_string(), told))
    });
    let plugins: BTreeMap<_, _> = found.collect();
    let line = |(name, told)| format!("{name} {told}");
    Ok(plugins.into_iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_is_told_once_with_its_licence() {
        let plugins = plugins().unwrap();
        assert!(plugins.is_sorted(), "{plugins:?}");
        let app: Vec<_> = plugins.iter().filter(|p| p.starts_with("app ")).collect();
        assert_eq!(app.len(), 1, "{plugins:?}");
        assert!(app[0].ends_with(" LGPL"), "{app:?}");
    }
}
