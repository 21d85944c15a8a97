//! Encode profiles: three built in, changed and added to by `[profiles.NAME]` in the file.

use super::file::{Entry, FileValue};
use super::hint::nearest;
use super::mistake::{Mistake, Origin};
use super::parser::{OneOf, Parser, quoted, whole};
use super::reader::Reader;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The reserved name that stands for the untouched stream.
pub const SOURCE_PROFILE: &str = "source";

/// The most profiles.
const PROFILES_MAX: usize = 32;

/// How something is encoded. Sizes are upper bounds: the aspect ratio is kept and nothing is scaled up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name in requests: lowercase letters, digits, `-` and `_`.
    pub name: String,
    /// Largest picture width in pixels, even.
    pub width: u32,
    /// Largest picture height in pixels, even.
    pub height: u32,
    /// Video bitrate in kbit/s.
    pub video_bitrate_kbps: u32,
    /// How much work the encoder puts into a bit.
    pub speed_preset: SpeedPreset,
    /// Audio bitrate in kbit/s.
    pub audio_bitrate_kbps: u32,
    /// Most frames in a second; faster video is thinned out.
    pub max_frame_rate: u32,
}

/// The speed presets of x264, by their names there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // x264's own words
pub enum SpeedPreset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
    Veryslow,
}

impl SpeedPreset {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("ultrafast", Self::Ultrafast),
        ("superfast", Self::Superfast),
        ("veryfast", Self::Veryfast),
        ("faster", Self::Faster),
        ("fast", Self::Fast),
        ("medium", Self::Medium),
        ("slow", Self::Slow),
        ("slower", Self::Slower),
        ("veryslow", Self::Veryslow),
    ];

    /// The preset's name as x264 and its `GStreamer` element spell it.
    pub fn as_str(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, preset)| *preset == self);
        found.map_or("", |(word, _)| word)
    }
}

/// The profiles that are there without a file.
fn built_in() -> BTreeMap<String, Profile> {
    let profile = |name: &str, (width, height), video, speed_preset, audio, rate| Profile {
        name: name.to_owned(),
        width,
        height,
        video_bitrate_kbps: video,
        speed_preset,
        audio_bitrate_kbps: audio,
        max_frame_rate: rate,
    };
    [
        profile("low", (720, 480), 1_000, SpeedPreset::Ultrafast, 96, 30),
        profile("medium", (1280, 720), 2_500, SpeedPreset::Veryfast, 128, 60),
        profile("high", (1920, 1080), 5_000, SpeedPreset::Fast, 160, 60),
    ]
    .map(|profile| (profile.name.clone(), profile))
    .into()
}

/// The keys of a profile, each with what reads it and what writes it.
struct Key {
    name: &'static str,
    /// Whether a new profile must have it.
    required: bool,
    allowed: fn() -> String,
    set: fn(&mut Profile, &str) -> Option<()>,
    show: fn(&Profile) -> String,
}

macro_rules! key {
    ($field:ident, $required:literal, $parser:expr) => {
        Key {
            name: stringify!($field),
            required: $required,
            allowed: || $parser.allowed(),
            set: |profile, text| $parser.parse(text).map(|value| profile.$field = value),
            show: |profile| $parser.show(&profile.$field),
        }
    };
}

/// Pictures are even in both directions: 4:2:0 video has one colour sample for two by two pixels.
struct Even(u64, u64);

impl Parser for Even {
    type Value = u32;

    fn parse(&self, text: &str) -> Option<u32> {
        whole::<u32>(self.0, self.1)
            .parse(text)
            .filter(|number| number.is_multiple_of(2))
    }

    fn allowed(&self) -> String {
        format!("an even number from {} to {}", self.0, self.1)
    }

    fn show(&self, value: &u32) -> String {
        value.to_string()
    }
}

const KEYS: &[Key] = &[
    key!(width, true, Even(64, 4096)),
    key!(height, true, Even(64, 4096)),
    key!(video_bitrate_kbps, true, whole::<u32>(50, 100_000)),
    key!(speed_preset, false, OneOf(SpeedPreset::WORDS)),
    key!(audio_bitrate_kbps, false, whole::<u32>(16, 512)),
    key!(max_frame_rate, false, whole::<u32>(1, 120)),
];

/// A name that a request may ask for: `[a-z0-9][a-z0-9_-]{0,31}`, but not `source`.
pub(super) struct ProfileName;

impl Parser for ProfileName {
    type Value = String;

    fn parse(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let good = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
            && text != SOURCE_PROFILE;
        good.then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "the name of a profile, 1 to 32 of a-z, 0-9, - and _, and not \"source\", which stands for the untouched stream".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }
}

/// Reads the profiles; `None` when any is wrong.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<BTreeMap<String, Profile>> {
    let mut profiles = built_in();
    let tables = reader.take_profiles();
    let before = reader.mistakes();
    for (name, table) in tables {
        let key = format!("profiles.{name}");
        if ProfileName.parse(&name).as_deref() != Some(name.as_str()) {
            let problem = format!("must be {}", ProfileName.allowed());
            refuse(reader, &key, None, table.line, problem);
            continue;
        }
        let Some(entries) = table.entries else {
            let problem = "must be a table of settings".to_owned();
            refuse(reader, &key, None, table.line, problem);
            continue;
        };
        reader.note_profile(&name, table.line);
        let known = profiles.remove(&name);
        let profile = read_one(reader, &name, known, &entries, table.line);
        profiles.insert(name, profile);
        if profiles.len() > PROFILES_MAX {
            let problem = format!("there may be no more than {PROFILES_MAX} profiles");
            refuse(reader, &key, None, table.line, problem);
            break;
        }
    }
    (reader.mistakes() == before).then_some(profiles)
}

/// One table over the profile it changes, or over the defaults of a new one.
fn read_one(
    reader: &mut Reader<'_>,
    name: &str,
    known: Option<Profile>,
    entries: &BTreeMap<String, Entry>,
    table_line: usize,
) -> Profile {
    let is_new = known.is_none();
    let mut profile = known.unwrap_or_else(|| Profile {
        name: name.to_owned(),
        width: 0,
        height: 0,
        video_bitrate_kbps: 0,
        speed_preset: SpeedPreset::Veryfast,
        audio_bitrate_kbps: 128,
        max_frame_rate: 60,
    });
    for (field, Entry { value, line }) in entries {
        let full = format!("profiles.{name}.{field}");
        let Some(key) = KEYS.iter().find(|key| key.name == field) else {
            let near = nearest(field, KEYS.iter().map(|key| (key.name, key.name)));
            let all: Vec<_> = KEYS.iter().map(|key| key.name).collect();
            let hint = near.map_or_else(
                || format!("a profile has {}", all.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            refuse(
                reader,
                &full,
                Some(value),
                *line,
                format!("unknown key; {hint}"),
            );
            continue;
        };
        let set = match value {
            FileValue::One(text) => (key.set)(&mut profile, text),
            FileValue::List(_) | FileValue::Other(_) => None,
        };
        if set.is_none() {
            let problem = format!("must be {}", (key.allowed)());
            refuse(reader, &full, Some(value), *line, problem);
        }
    }
    for key in KEYS.iter().filter(|key| is_new && key.required) {
        if !entries.contains_key(key.name) {
            let full = format!("profiles.{name}.{}", key.name);
            let problem = format!("is missing; a new profile needs {}", (key.allowed)());
            refuse(reader, &full, None, table_line, problem);
        }
    }
    profile
}

fn refuse(
    reader: &mut Reader<'_>,
    key: &str,
    value: Option<&FileValue>,
    line: usize,
    problem: String,
) {
    let value = value.map(|value| match value {
        FileValue::One(text) => text.clone(),
        FileValue::List(items) => items.join(","),
        FileValue::Other(kind) => (*kind).to_owned(),
    });
    let origin = reader.file_origin(line);
    reader.push(Mistake {
        key: key.to_owned(),
        value,
        origin,
        problem,
    });
}

/// The profiles as TOML tables, each with where it is changed or added.
pub(super) fn to_toml(
    profiles: &BTreeMap<String, Profile>,
    origins: &BTreeMap<String, Origin>,
) -> String {
    let mut text = String::new();
    for (name, profile) in profiles {
        let origin = origins.get(name).unwrap_or(&Origin::Default);
        let _ = write!(text, "\n[profiles.{name}] # {origin}\n"); // writing to a String does not fail
        for key in KEYS {
            let _ = writeln!(text, "{} = {}", key.name, (key.show)(profile));
        }
    }
    text
}
