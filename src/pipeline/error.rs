//! What can go wrong at this room's door.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::topology::Topology;

/// Why a pipeline, or the library of topologies, is not to be had.
///
/// No variant carries a URL or a credential; messages that come from elements are redacted before they get here.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// `GStreamer` itself did not start. The installation is broken; nothing can be converted.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// Topology files that cannot be used, all of them at once. The operator has to correct them.
    #[error("{}", Listed(.0))]
    Library(Vec<Mistake>),
    /// Elements of an embedded topology are not installed. The operator has to install the packages named.
    #[error("{topology} needs {}, which {} not installed; install {}", elements.join(", "), if elements.len() == 1 { "is" } else { "are" }, packages.join(" "))]
    Unavailable {
        /// The topology asked for.
        topology: Topology,
        /// Element names that are missing.
        elements: Vec<String>,
        /// Debian packages that hold them.
        packages: Vec<String>,
    },
    /// Neither track is to be encoded, so there is no work for a pipeline: the caller should hand the feed through.
    #[error("nothing to encode")]
    NothingToEncode,
    /// A value that an element does not take, for instance a preset name that x264 does not know.
    #[error("{element}.{property} does not take {value:?}: {reason}")]
    Setting {
        /// Element name in the topology.
        element: String,
        /// Property of that element.
        property: String,
        /// The value refused.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text parsed at start but no longer does, or an element refused to start.
    #[error("{topology} does not start: {reason}")]
    Start {
        /// The topology asked for.
        topology: Topology,
        /// Redacted reason.
        reason: String,
    },
    /// Start did not end within its deadline. What it left behind is torn down when, if ever, it ends.
    #[error("the pipeline did not start within {0:?}")]
    StartDeadline(Duration),
    /// The system refuses another thread.
    #[error("no thread for the pipeline: {0}")]
    Thread(#[from] std::io::Error),
    /// The pipeline has ended or failed, so it takes no more input.
    #[error("the pipeline has ended")]
    Ended,
}

/// One mistake in one topology file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, or the folder, that has it.
    pub file: PathBuf,
    /// What is wrong and what is expected.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

struct Listed<'a>(&'a [Mistake]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mistakes in topology files", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_listed() {
        let mistake = |file: &str| Mistake {
            file: file.into(),
            what: "broken".into(),
        };
        let text =
            PipelineError::Library(vec![mistake("a.launch"), mistake("b.launch")]).to_string();
        assert!(
            text.contains("2 mistakes")
                && text.contains("a.launch: broken")
                && text.contains("b.launch: broken"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_element_names_its_package() {
        let error = PipelineError::Unavailable {
            topology: Topology::EncodeBoth,
            elements: vec!["x264enc".into()],
            packages: vec!["gstreamer1.0-plugins-ugly".into()],
        };
        assert_eq!(
            error.to_string(),
            "encode-both needs x264enc, which is not installed; install gstreamer1.0-plugins-ugly"
        );
    }
}
