//! The topology texts: embedded, overridden by the operator's files, checked once at start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::error::{Mistake, PipelineError};
use super::packages::{DECODERS, package_of, packages_of};
use super::plugins;
use super::redact::redact;
use super::topology::{Topology, names};

/// Longest topology file, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;
const EXTENSION: &str = "launch";

/// The topologies, ready to start. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Library {
    entries: Arc<[Entry]>,
    warnings: Arc<[String]>,
}

#[derive(Debug)]
struct Entry {
    topology: Topology,
    text: String,
    overridden: bool,
    missing: Vec<String>,
}

/// Why a text is no pipeline.
#[derive(Debug)]
pub(super) enum ParseFailure {
    Missing(Vec<String>),
    Text(String),
}

/// Starts `GStreamer` with the plugins of the allowlist, loads the embedded topologies, puts the operator's files of the same name in their place, and
/// parses each once.
///
/// An element that an embedded topology lacks is a warning that names the Debian package, because the other topologies
/// still work; what is wrong with an operator's own file is an error. Reads files and plugins: call it before serving.
///
/// # Errors
/// [`PipelineError::Init`], or [`PipelineError::Library`] with every mistake in `pipelines_dir`.
pub fn init(pipelines_dir: Option<&Path>) -> Result<Library, PipelineError> {
    plugins::load(pipelines_dir)?;
    let mut mistakes = Vec::new();
    let overrides = pipelines_dir
        .map(|dir| read_overrides(dir, &mut mistakes))
        .unwrap_or_default();
    let mut warnings = Vec::new();
    let mut entries = Vec::with_capacity(Topology::ALL.len());
    for topology in Topology::ALL {
        let file = overrides.iter().find(|(of, ..)| *of == topology);
        let text = file.map_or_else(
            || strip_comments(topology.embedded()),
            |(_, _, text)| strip_comments(text),
        );
        let mut mistake = |what: String| {
            let file = file.map_or_else(
                || PathBuf::from(topology.name()).with_extension(EXTENSION),
                |(_, path, _)| path.clone(),
            );
            mistakes.push(Mistake { file, what });
        };
        let mut missing = Vec::new();
        match parse(&text) {
            Ok(pipeline) => breaches(topology, &pipeline).into_iter().for_each(mistake),
            Err(ParseFailure::Missing(elements)) => {
                let told = format!(
                    "{} not installed; install {}",
                    elements.join(", "),
                    packages_of(&elements).join(" ")
                );
                if file.is_some() {
                    mistake(told);
                } else {
                    warnings.push(format!("{topology} is not to be had: {told}"));
                }
                missing = elements;
            }
            Err(ParseFailure::Text(what)) => mistake(what),
        }
        entries.push(Entry {
            topology,
            text,
            overridden: file.is_some(),
            missing,
        });
    }
    if !mistakes.is_empty() {
        return Err(PipelineError::Library(mistakes));
    }
    for (codec, decoder) in DECODERS {
        if gst::ElementFactory::find(decoder).is_none() {
            warnings.push(format!(
                "{codec} may not be decodable: {decoder} not installed; install {}",
                package_of(decoder)
            ));
        }
    }
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    Ok(Library {
        entries: entries.into(),
        warnings: warnings.into(),
    })
}

impl Library {
    /// What an operator should install, a sentence each; also logged by [`init`].
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Topologies whose text came from the operator's folder.
    pub fn overridden(&self) -> impl Iterator<Item = Topology> {
        self.entries
            .iter()
            .filter(|entry| entry.overridden)
            .map(|entry| entry.topology)
    }

    /// Makes a fresh pipeline, not started, nothing set on it.
    pub(super) fn build(&self, topology: Topology) -> Result<gst::Pipeline, PipelineError> {
        self.parsed(topology, parse)
    }

    /// Makes a part that goes into a pipeline.
    pub(super) fn part(&self, topology: Topology) -> Result<gst::Bin, PipelineError> {
        self.parsed(topology, parse_part)
    }

    fn parsed<T>(
        &self,
        topology: Topology,
        parse: fn(&str) -> Result<T, ParseFailure>,
    ) -> Result<T, PipelineError> {
        let start = |reason: &str| PipelineError::Start {
            topology,
            reason: redact(reason),
        };
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.topology == topology)
            .ok_or_else(|| start("not in the library"))?;
        let unavailable = |elements: &[String]| PipelineError::Unavailable {
            topology,
            elements: elements.to_vec(),
            packages: packages_of(elements),
        };
        if !entry.missing.is_empty() {
            return Err(unavailable(&entry.missing));
        }
        parse(&entry.text).map_err(|failure| match failure {
            ParseFailure::Missing(elements) => unavailable(&elements),
            ParseFailure::Text(what) => start(&what),
        })
    }
}

/// Parses a text without comments.
pub(super) fn parse(text: &str) -> Result<gst::Pipeline, ParseFailure> {
    parse_into(text, gst::ParseFlags::FATAL_ERRORS)
}

/// Parses the text of a part of a pipeline.
fn parse_part(text: &str) -> Result<gst::Bin, ParseFailure> {
    let flags = gst::ParseFlags::FATAL_ERRORS | gst::ParseFlags::PLACE_IN_BIN;
    parse_into(text, flags)
}

fn parse_into<T: IsA<gst::Element>>(text: &str, flags: gst::ParseFlags) -> Result<T, ParseFailure> {
    let mut context = gst::ParseContext::new();
    match gst::parse::launch_full(text, Some(&mut context), flags) {
        Ok(element) => element
            .downcast::<T>()
            .map_err(|_| ParseFailure::Text("a single element is no topology".to_owned())),
        Err(error) => {
            let missing = context.missing_elements();
            Err(if missing.is_empty() {
                ParseFailure::Text(redact(&error.to_string()))
            } else {
                ParseFailure::Missing(missing)
            })
        }
    }
}

/// Takes away the lines whose first sign is `#`: the launch grammar knows no comments.
pub(super) fn strip_comments(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn read_overrides(
    dir: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(Topology, PathBuf, String)> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            mistakes.push(Mistake {
                file: dir.to_owned(),
                what: format!("cannot be read: {error}"),
            });
            return found;
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == EXTENSION))
        .collect();
    paths.sort();
    for path in paths {
        match read_override(&path) {
            Ok((topology, text)) => found.push((topology, path, text)),
            Err(what) => mistakes.push(Mistake { file: path, what }),
        }
    }
    found
}

fn read_override(path: &Path) -> Result<(Topology, String), String> {
    let stem = path.file_stem().unwrap_or_default();
    let Some(topology) = Topology::ALL
        .into_iter()
        .find(|topology| stem == topology.name())
    else {
        let known = Topology::ALL.map(Topology::name).join(", ");
        return Err(format!("no topology has this name; there are {known}"));
    };
    let size = fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > LONGEST_FILE {
        return Err(format!(
            "{size} bytes; a topology has at most {LONGEST_FILE}"
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    Ok((topology, text))
}

/// What of the contract a parsed text does not keep.
fn breaches(topology: Topology, pipeline: &gst::Pipeline) -> Vec<String> {
    let mut breaches: Vec<String> = topology
        .required()
        .iter()
        .filter(|name| pipeline.by_name(name).is_none())
        .map(|name| format!("no element is named {name:?}"))
        .collect();
    for name in [names::IN, names::SOUND_IN] {
        let Some(element) = pipeline.by_name(name) else {
            continue;
        };
        match element.downcast::<gst_app::AppSrc>() {
            Ok(src) if src.max_bytes() == 0 => {
                breaches.push(format!("{name:?} has no bound: set max-bytes"));
            }
            Ok(_) => {}
            Err(_) => breaches.push(format!("{name:?} is no appsrc")),
        }
    }
    if let Some(element) = pipeline.by_name(names::TAP) {
        match element.downcast::<gst_app::AppSink>() {
            Ok(sink) if sink.max_buffers() == 0 => {
                breaches.push("\"tap\" has no bound: set max-buffers".to_owned());
            }
            Ok(_) => {}
            Err(_) => breaches.push("\"tap\" is no appsink".to_owned()),
        }
    }
    if let Some(element) = pipeline.by_name(names::SIZE)
        && element.find_property("caps").is_none()
    {
        breaches.push("\"size\" is no capsfilter".to_owned());
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        match init(Some(dir.path())) {
            Ok(_) => Vec::new(),
            Err(PipelineError::Library(mistakes)) => {
                mistakes.iter().map(ToString::to_string).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_embedded_texts_keep_the_contract() {
        let library = init(None).unwrap();
        assert_eq!(library.warnings(), &[] as &[String]);
        for topology in Topology::ALL {
            library.build(topology).unwrap();
            library.part(topology).unwrap();
        }
    }

    #[test]
    fn all_mistakes_are_told_with_their_file() {
        let told = mistakes(&[
            ("encode_both.launch", "fakesrc ! fakesink"),
            ("encode-both.launch", "fakesrc ! ! fakesink"),
            (
                "encode-radio.launch",
                "# nothing\nfakesrc name=in ! fakesink name=tap",
            ),
            ("test.launch", "nosuchthing ! fakesink"),
            ("readme.txt", "not a topology, not looked at"),
        ]);
        let has = |file: &str, what: &str| {
            told.iter()
                .any(|line| line.contains(file) && line.contains(what))
        };
        assert!(has("encode_both.launch", "encode-video-only"), "{told:#?}");
        assert!(has("/encode-both.launch", "syntax"), "{told:#?}");
        assert!(
            has("encode-radio.launch", "\"in\" is no appsrc"),
            "{told:#?}"
        );
        assert!(
            has("encode-radio.launch", "named \"audio-encoder\""),
            "{told:#?}"
        );
        assert!(has("test.launch", "nosuchthing not installed"), "{told:#?}");
        assert!(
            !told.iter().any(|line| line.contains("readme")),
            "{told:#?}"
        );
    }

    #[test]
    fn a_missing_folder_is_told() {
        let Err(PipelineError::Library(mistakes)) = init(Some(Path::new("/nonexistent-folder")))
        else {
            panic!("accepted")
        };
        assert!(mistakes[0].what.contains("cannot be read"));
    }

    #[test]
    fn unbounded_bridges_are_refused() {
        let text = Topology::EncodeRadio
            .embedded()
            .replace("max-bytes=1500000", "max-bytes=0")
            .replace("max-buffers=64", "");
        let told = mistakes(&[("encode-radio.launch", &text)]);
        assert_eq!(told.len(), 2, "{told:#?}");
    }
}
