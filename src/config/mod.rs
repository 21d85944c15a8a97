//! Configuration: flags, then environment, then a TOML file, then defaults, the strongest first.
//!
//! [`model`] is the one table of settings: a line there makes the field of [`Config`], its flag, its environment
//! variable, its TOML key, its help text and its line in `check-config --print`. Raw text from each place is parsed into
//! the types the program works with, by the same parser wherever it came from, and every mistake is told at once.
//! Nothing here touches the outside: arguments, environment and file reading are handed in ([`cli()`] hands in the real ones).

mod auth;
mod check;
mod cli;
mod confine;
mod door;
mod file;
mod hint;
mod judging;
mod mail;
mod mistake;
mod model;
mod net;
mod parser;
mod people;
mod profile;
mod reader;
mod section;
#[cfg(test)]
mod tests;
mod units;

pub use auth::{Auth, AuthMode, MetricsAccess};
pub use cli::{CliError, Command, cli, parse_command};
pub use door::{Door, MediaOrigins, ProxyHeaders, Tls};
pub use mail::Hidden;
pub use mistake::{ConfigErrors, Mistake, Origin};
pub use model::{
    Alerts, Config, Email, Feed, Hls, Http, Limits, Live, Log, LogFormat, Monitor, Sessions,
    Sources, Transcode, settings,
};
pub use parser::log_filter;
pub use people::{TokenCommand, UserCommand};
pub use profile::{Profile, SOURCE_PROFILE, SpeedPreset};
pub use reader::{Flags, Loaded};
pub use section::Setting;
