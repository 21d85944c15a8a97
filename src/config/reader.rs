//! One setting at a time: which place speaks, what it says, and what is wrong with it.

use super::file::{Entry, FILE_MAX, File, FileValue, ProfileTable};
use super::hint::nearest;
use super::mistake::{ConfigErrors, Mistake, Origin};
use super::model::{self, Config, settings};
use super::parser::{Parser, Shape};
use super::profile;
use super::section::Setting;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::Path;

/// What the command line said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`.
    pub config: Option<String>,
    /// Every other setting's raw text, by the setting's flag.
    pub values: BTreeMap<&'static str, String>,
}

/// A good configuration and where each part of it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    effective: Vec<Effective>,
    profile_origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Reads the configuration: flags over environment over the file that `--config` or `CONFIG` names over defaults.
    ///
    /// An environment variable that is empty counts as not set. Errors tell every mistake there is.
    pub fn load(
        flags: &Flags,
        env: &dyn Fn(&str) -> Option<String>,
        read_file: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        Loaded::load(flags, env, read_file).map(|loaded| loaded.config)
    }
}

impl Loaded {
    /// As [`Config::load`], keeping where each value came from.
    pub fn load(
        flags: &Flags,
        env: &dyn Fn(&str) -> Option<String>,
        read_file: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        let mut reader = Reader {
            flags,
            env,
            file: File::default(),
            mistakes: Vec::new(),
            effective: Vec::new(),
            profile_origins: BTreeMap::new(),
        };
        reader.open_file(read_file);
        reader.refuse_unknown();
        let config = model::read(&mut reader);
        match config {
            Some(config) if reader.mistakes.is_empty() => Ok(Self {
                config,
                effective: reader.effective,
                profile_origins: reader.profile_origins,
            }),
            _ => Err(ConfigErrors(reader.mistakes)),
        }
    }

    /// The configuration in force as a TOML file that says the same, each setting with its meaning and origin.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for Effective {
            setting,
            toml,
            origin,
        } in &self.effective
        {
            if setting.section() != section {
                section = setting.section();
                let _ = write!(text, "\n[{section}]\n"); // writing to a String does not fail
            }
            let _ = writeln!(
                text,
                "# {} ({}, --{})\n{} = {toml} # {origin}",
                setting.doc(),
                setting.env.join(", "),
                setting.flag,
                setting.name(),
            );
        }
        text + &profile::to_toml(&self.config.transcode.profiles, &self.profile_origins)
    }
}

/// A setting's value in force.
#[derive(Debug, Clone)]
struct Effective {
    setting: &'static Setting,
    toml: String,
    origin: Origin,
}

/// Raw text and where it came from. `text` is an error where no text could be had.
struct Raw {
    text: Result<String, &'static str>,
    origin: Origin,
}

/// Reads settings and gathers mistakes.
pub(super) struct Reader<'a> {
    flags: &'a Flags,
    env: &'a dyn Fn(&str) -> Option<String>,
    file: File,
    mistakes: Vec<Mistake>,
    effective: Vec<Effective>,
    profile_origins: BTreeMap<String, Origin>,
}

impl Reader<'_> {
    /// The value of a setting from the strongest place that gives one.
    ///
    /// What weaker places say is checked too: a mistake there would come out on the day the flag is dropped.
    pub(super) fn get<P: Parser>(
        &mut self,
        setting: &'static Setting,
        parser: &P,
    ) -> Option<P::Value> {
        let before = self.mistakes.len();
        let mut chosen = None;
        for Raw { text, origin } in self.raws(setting, P::SHAPE) {
            let value = match &text {
                // Real environments and arguments may hold bytes that are no text; they come as U+FFFD.
                Ok(text) if text.contains('\u{fffd}') => None,
                Ok(text) => parser.parse(text),
                Err(_) => None,
            };
            match value {
                Some(value) => {
                    chosen.get_or_insert((value, origin));
                }
                None => self.mistakes.push(Mistake {
                    key: setting.key.to_owned(),
                    value: Some(text.unwrap_or_else(str::to_owned)),
                    origin,
                    problem: format!("must be {}", parser.allowed()),
                }),
            }
        }
        let (value, origin) = chosen?;
        self.effective.push(Effective {
            setting,
            toml: parser.show(&value),
            origin,
        });
        (self.mistakes.len() == before).then_some(value)
    }

    /// Refuses the value of a setting that was good by itself.
    pub(super) fn refuse(&mut self, key: &str, problem: &str) {
        let found = self.effective.iter().find(|it| it.setting.key == key);
        let mistake = Mistake {
            key: key.to_owned(),
            value: found.map(|it| it.toml.trim_matches('"').to_owned()),
            origin: found.map_or(Origin::Default, |it| it.origin.clone()),
            problem: problem.to_owned(),
        };
        self.push(mistake);
    }

    /// Notes a mistake.
    pub(super) fn push(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// How many mistakes there are so far.
    pub(super) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// A line of the file.
    pub(super) fn file_origin(&self, line: usize) -> Origin {
        Origin::File {
            path: self.file.path.clone(),
            line,
        }
    }

    /// The `[profiles]` of the file.
    pub(super) fn take_profiles(&mut self) -> BTreeMap<String, ProfileTable> {
        std::mem::take(&mut self.file.profiles)
    }

    /// Notes that the file changes or adds a profile.
    pub(super) fn note_profile(&mut self, name: &str, line: usize) {
        let origin = self.file_origin(line);
        self.profile_origins.insert(name.to_owned(), origin);
    }

    /// Every place that gives the setting, the strongest first, and the default if there is none.
    fn raws(&self, setting: &'static Setting, shape: Shape) -> Vec<Raw> {
        let mut raws = Vec::new();
        if let Some(text) = self.flags.values.get(setting.flag) {
            raws.push(Raw {
                text: Ok(text.clone()),
                origin: Origin::Flag(format!("--{}", setting.flag)),
            });
        }
        for name in setting.env {
            if let Some(text) = (self.env)(name).filter(|text| !text.is_empty()) {
                raws.push(Raw {
                    text: Ok(text),
                    origin: Origin::Env((*name).to_owned()),
                });
            }
        }
        if let Some(Entry { value, line }) = self.file.entries.get(setting.key) {
            let text = match value {
                FileValue::One(text) => Ok(text.clone()),
                FileValue::List(items) if shape == Shape::List => Ok(items.join(",")),
                FileValue::List(_) => Err("an array"),
                FileValue::Other(kind) => Err(*kind),
            };
            raws.push(Raw {
                text,
                origin: self.file_origin(*line),
            });
        }
        if raws.is_empty() {
            raws.push(Raw {
                text: Ok(setting.default.to_owned()),
                origin: Origin::Default,
            });
        }
        raws
    }

    fn open_file(&mut self, read_file: &dyn Fn(&Path) -> io::Result<String>) {
        let flag = self.flags.config.clone();
        let (path, origin) = match (flag, (self.env)("CONFIG")) {
            (Some(path), _) => (path, Origin::Flag("--config".to_owned())),
            (None, Some(path)) if !path.is_empty() => (path, Origin::Env("CONFIG".to_owned())),
            _ => return,
        };
        let problem = match read_file(Path::new(&path)) {
            Ok(text) if text.len() <= FILE_MAX => {
                let sections: BTreeSet<_> = settings().map(Setting::section).collect();
                let sections: Vec<_> = sections.into_iter().collect();
                self.file = File::parse(path, &text, &sections, &mut self.mistakes);
                return;
            }
            Ok(_) => format!("must be a file of at most {FILE_MAX} bytes"),
            Err(error) => format!("must be a TOML file that can be read: {error}"),
        };
        self.push(Mistake {
            key: "config".to_owned(),
            value: Some(path),
            origin,
            problem,
        });
    }

    /// Refuses what the file says and no setting is called.
    fn refuse_unknown(&mut self) {
        let mut unknown = Vec::new();
        for (name, line) in &self.file.unknown_sections {
            let names = settings().map(|setting| (setting.section(), setting.section()));
            let near = nearest(name, names.chain([("profiles", "profiles")]));
            let hint = near.map(|near| format!("; did you mean [{near}]?"));
            let problem = format!("unknown section{}", hint.unwrap_or_default());
            unknown.push((name.clone(), None, *line, problem));
        }
        for (key, Entry { value, line }) in &self.file.entries {
            if settings().any(|setting| setting.key == key) {
                continue;
            }
            let hint = nearest_setting(key).map(|near| format!("; did you mean {near}?"));
            let problem = format!("unknown key{}", hint.unwrap_or_default());
            let value = match value {
                FileValue::One(text) => Some(text.clone()),
                FileValue::List(_) | FileValue::Other(_) => None,
            };
            unknown.push((key.clone(), value, *line, problem));
        }
        for (key, value, line, problem) in unknown {
            let origin = self.file_origin(line);
            self.push(Mistake {
                key,
                value,
                origin,
                problem,
            });
        }
    }
}

/// The setting that an unknown key was likely to be: by full name, by its name in another section, or by the name of
/// its variable or flag, for those who carry an environment file over.
fn nearest_setting(key: &str) -> Option<&'static str> {
    let leaf = key.rsplit('.').next().unwrap_or(key);
    let dashed = leaf.replace('_', "-");
    let full = nearest(key, settings().map(|setting| (setting.key, setting.key)));
    full.or_else(|| {
        nearest(
            leaf,
            settings().map(|setting| (setting.name(), setting.key)),
        )
    })
    .or_else(|| {
        let names =
            settings().flat_map(|setting| setting.env.iter().map(|env| (*env, setting.key)));
        nearest(leaf, names)
    })
    .or_else(|| {
        nearest(
            &dashed,
            settings().map(|setting| (setting.flag, setting.key)),
        )
    })
}
