//! Loads the plugins of the list, and takes everything else out of the registry.
//!
//! Each plugin is loaded from its file, by name. So `GStreamer` neither looks through all plugins that are installed nor
//! starts its helper process for that, and needs no cache on disk. Where the files are not found it does all of this as
//! usual, and what is not on the list is removed afterwards. All plugins are loaded at once because a plugin that is loaded
//! later would register all its elements anew.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

use super::allowlist::{ELEMENTS, OPTIONAL, of_plugin};
use super::error::PipelineError;
use super::library;
use super::redact::redact;

/// `GStreamer` would run a helper process to look into each plugin that is installed.
const DISABLE: &str = "GST_REGISTRY_DISABLE";

/// What of `GStreamer` is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Plugins, built-in ones included.
    pub plugins: usize,
    /// Elements that can be made.
    pub elements: usize,
    /// Plugins whose file is there, but cannot be loaded.
    pub broken: Vec<String>,
}

/// What is allowed beside the list.
#[derive(Debug, Default)]
struct Extra {
    /// Plugins of which everything may be used: the operator's.
    plugins: BTreeSet<String>,
    /// Words of the operator's own topologies, the names of elements among them.
    words: BTreeSet<String>,
}

static EXTRA: Mutex<Extra> = Mutex::new(Extra {
    plugins: BTreeSet::new(),
    words: BTreeSet::new(),
});
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// Starts `GStreamer` with the plugins of the list, those that topologies in `pipelines_dir` need, and `plugins`. To be
/// called in `main`, before any thread is started and before the process is confined; what goes wrong is told by
/// [`init`](super::init), which comes later.
pub fn prepare(pipelines_dir: Option<&Path>, plugins: &[String]) {
    lock(&EXTRA).plugins.extend(plugins.iter().cloned());
    if file_of("coreelements").is_some() && env::var_os(DISABLE).is_none() {
        // SAFETY: nothing else runs that could read the environment.
        unsafe { env::set_var(DISABLE, "yes") };
    }
    if let Err(error) = load(pipelines_dir) {
        tracing::debug!(%error, "GStreamer is not ready");
    }
}

/// What [`prepare`] or [`init`](super::init) has loaded.
pub fn loaded() -> Loaded {
    lock(&LOADED).clone().unwrap_or_default()
}

/// Loads what is not loaded yet, and removes what is not allowed. Cheap when there is nothing to do.
pub(super) fn load(pipelines_dir: Option<&Path>) -> Result<(), PipelineError> {
    gst::init().map_err(|error| PipelineError::Init(redact(&error.to_string())))?;
    let mut extra = lock(&EXTRA);
    extra.words.extend(words(pipelines_dir));
    #[cfg(test)]
    tests::bring_along(&mut extra.words);
    let registry = gst::Registry::get();
    let optional = OPTIONAL
        .iter()
        .filter(|(_, elements)| elements.iter().any(|name| extra.words.contains(*name)))
        .map(|(plugin, _)| *plugin);
    let others = named_plugins(&registry, &extra.words);
    let wanted: BTreeSet<&str> = ELEMENTS
        .iter()
        .map(|(plugin, _)| *plugin)
        .chain(optional)
        .chain(extra.plugins.iter().map(String::as_str))
        .chain(others.iter().map(String::as_str))
        .collect();
    let broken: Vec<_> = wanted
        .iter()
        .filter(|plugin| !load_plugin(&registry, plugin))
        .map(|plugin| (*plugin).to_owned())
        .collect();
    let count = trim(&registry, &wanted, &extra);
    if gst::ElementFactory::find("queue").is_none() {
        let text = "its plugins are not found (GST_PLUGIN_SYSTEM_PATH_1_0)";
        return Err(PipelineError::Init(text.to_owned()));
    }
    *lock(&LOADED) = Some(Loaded { broken, ..count });
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything in the operator's topologies that might be the name of an element.
fn words(pipelines_dir: Option<&Path>) -> BTreeSet<String> {
    let texts = pipelines_dir.map(|dir| library::read_overrides(dir, &mut Vec::new()));
    texts
        .into_iter()
        .flatten()
        .flat_map(|(_, _, text)| {
            library::strip_comments(&text)
                .split(|sign: char| !sign.is_ascii_alphanumeric() && !"-_".contains(sign))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// Plugins that the registry knows to have one of these elements, where it was filled as usual.
fn named_plugins(registry: &gst::Registry, words: &BTreeSet<String>) -> Vec<String> {
    let known = |word: &String| {
        let factory = registry.find_feature(word, gst::ElementFactory::static_type())?;
        Some(factory.plugin_name()?.to_string())
    };
    words.iter().filter_map(known).collect()
}

/// Loads a plugin, from its file if the registry does not know it. False when it is broken; one that is not installed is
/// for the topologies to miss.
fn load_plugin(registry: &gst::Registry, name: &str) -> bool {
    if let Some(plugin) = registry.find_plugin(name) {
        return plugin.is_loaded() || gst::Plugin::load_by_name(name).is_ok();
    }
    file_of(name).is_none_or(|file| gst::Plugin::load_file(file).is_ok())
}

/// Takes out of the registry what is not allowed.
fn trim(registry: &gst::Registry, wanted: &BTreeSet<&str>, extra: &Extra) -> Loaded {
    let mut left = Loaded::default();
    for plugin in registry.plugins() {
        if wanted.contains(plugin.plugin_name().as_str()) {
            left.plugins += 1;
        } else {
            registry.remove_plugin(&plugin);
        }
    }
    for feature in registry.features(gst::ElementFactory::static_type()) {
        let (name, plugin) = (feature.name(), feature.plugin_name());
        let plugin = plugin.as_ref().map_or("", |name| name.as_str());
        let listed = of_plugin(plugin).is_some_and(|list| list.contains(&name.as_str()));
        if listed || extra.plugins.contains(plugin) || extra.words.contains(name.as_str()) {
            left.elements += 1;
        } else {
            registry.remove_feature(&feature);
        }
    }
    left
}

fn file_of(plugin: &str) -> Option<PathBuf> {
    let name = format!("libgst{plugin}.so");
    folders()
        .into_iter()
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

/// Where plugins are: what the environment says, else beside the library. Those in the home folder are not looked for.
fn folders() -> Vec<PathBuf> {
    let listed = |names: [&str; 2]| {
        let value = names.iter().find_map(env::var_os)?;
        Some(env::split_paths(&value).collect::<Vec<_>>())
    };
    let mut folders = listed(["GST_PLUGIN_PATH_1_0", "GST_PLUGIN_PATH"]).unwrap_or_default();
    let system = listed(["GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH"]);
    folders.extend(system.unwrap_or_else(|| beside_library().into_iter().collect()));
    folders.retain(|folder| folder.is_absolute());
    folders
}

/// The folder that belongs to the `GStreamer` library in use.
fn beside_library() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let library = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libgstreamer-1.0.so")
        })?;
    Some(library.parent()?.join("gstreamer-1.0"))
}

#[cfg(test)]
mod tests {
    use super::super::allowlist;
    use super::super::packages::DECODERS;
    use super::super::{Topology, decoder_of, init};
    use super::*;
    use crate::confine::tests::alone;
    use crate::ts::Codec;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn there(name: &str) -> bool {
        gst::ElementFactory::make(name).build().is_ok()
    }

    /// Whether this process is to have what the product has, and nothing else.
    static BARE: AtomicBool = AtomicBool::new(false);

    /// What tests make clips with, and encode with: what one of them removes no other in its process would find.
    pub(super) fn bring_along(words: &mut BTreeSet<String>) {
        if !BARE.load(Ordering::Relaxed) {
            words.extend(["avenc_mp2", "openh264enc"].map(str::to_owned));
        }
    }

    #[test]
    fn what_is_not_on_the_list_cannot_be_made() {
        alone("pipeline::plugins::tests::bare");
    }

    #[test]
    #[ignore = "wants a process of its own"]
    fn bare() {
        BARE.store(true, Ordering::Relaxed);
        gst::init().unwrap();
        let before = |name: &&str| gst::ElementFactory::find(name).is_some();
        let others = [
            "filesrc",
            "filesink",
            "fdsrc",
            "dataurisrc",
            "multifilesink",
            "splitmuxsink",
            "souphttpsrc",
            "curlhttpsrc",
            "giosrc",
            "udpsrc",
            "udpsink",
            "tcpclientsrc",
            "tcpserversrc",
            "rtspsrc",
            "rtmpsrc",
            "rtmp2src",
            "srtsink",
            "shmsrc",
            "playbin",
            "uridecodebin",
            "urisourcebin",
            "hlsdemux",
            "hlsdemux2",
            "dashdemux",
            "mssdemux",
            "sdpdemux",
            "vp8alphadecodebin",
            "webrtcbin",
            "avdec_smackvid",
            "avdec_exr",
            "avdemux_nuv",
            "a52dec",
            "subparse",
            "rtpulpfecdec",
        ];
        let known: Vec<_> = others.into_iter().filter(before).collect();
        assert!(
            known.len() > 20,
            "the machine has too little to try: {known:?}"
        );
        let library = init(None).unwrap();
        let made = || -> Vec<_> { known.iter().filter(|name| there(name)).collect() };
        assert_eq!(made(), Vec::<&&str>::new());
        assert!(gst::Plugin::load_by_name("soup").is_err());
        // Nor does it come back with what its plugin does for us, or with another start.
        for topology in Topology::ALL {
            library.build(topology).unwrap();
        }
        init(None).unwrap();
        assert_eq!(made(), Vec::<&&str>::new());
        let allowed = ELEMENTS.iter().flat_map(|(_, elements)| *elements);
        let allowed: BTreeSet<&str> = allowed.copied().collect();
        let registry = gst::Registry::get();
        for feature in registry.features(gst::ElementFactory::static_type()) {
            assert!(
                allowed.contains(feature.name().as_str()),
                "{}",
                feature.name()
            );
        }
        for plugin in registry.plugins() {
            let name = plugin.plugin_name();
            assert!(allowlist::of_plugin(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn all_that_the_program_names_is_on_the_list() {
        init(None).unwrap();
        let codecs = [
            Codec::H264,
            Codec::Hevc,
            Codec::Mpeg1Video,
            Codec::Mpeg2Video,
            Codec::Mpeg4Video,
            Codec::Aac,
            Codec::AacLatm,
            Codec::Ac3,
            Codec::Eac3,
            Codec::Mp2,
            Codec::Mp3,
            Codec::Opus,
        ];
        let decoders = DECODERS.iter().map(|(_, name)| *name);
        let looks = codecs.into_iter().filter_map(decoder_of);
        let others = [
            "aacparse",
            "ac3parse",
            "avidemux",
            "h264parse",
            "h264timestamper",
            "h265parse",
            "h265timestamper",
            "mpegaudioparse",
            "mpegvideoparse",
            "opusparse",
        ];
        for name in decoders.chain(looks).chain(others) {
            assert!(there(name), "{name}");
        }
        // And what bins make for themselves, of which no text tells.
        let rtp = gst::ElementFactory::make("rtpbin").build().unwrap();
        for pad in ["recv_rtp_sink_0", "recv_rtcp_sink_0", "send_rtcp_src_0"] {
            assert!(rtp.request_pad_simple(pad).is_some(), "{pad}");
        }
    }

    #[test]
    fn the_list_names_what_there_is() {
        init(None).unwrap();
        // Of other versions of GStreamer.
        let newer = ["dav1ddec", "rtpav1depay"];
        let missing: Vec<_> = ELEMENTS
            .iter()
            .flat_map(|(_, elements)| *elements)
            .filter(|name| !newer.contains(name) && gst::ElementFactory::find(name).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_operators_topology_brings_its_elements_along() {
        let folder = tempfile::tempdir().unwrap();
        let text = Topology::EncodeRadio.embedded();
        let text = text.replace("! audioconvert", "! volume volume=0.5 ! audioconvert");
        fs::write(folder.path().join("encode-radio.launch"), text).unwrap();
        init(Some(folder.path())).unwrap();
        assert!(there("volume") && !there("filesrc"));
        assert!(loaded().plugins > 30 && loaded().broken.is_empty());
    }

    #[test]
    fn plugins_are_found_beside_the_library() {
        gst::init().unwrap();
        let folder = beside_library().unwrap();
        assert!(folder.join("libgstcoreelements.so").is_file(), "{folder:?}");
    }
}
