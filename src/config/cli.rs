//! The command line.

use super::file::FILE_MAX;
use super::mistake::ConfigErrors;
use super::model::{Config, settings};
use super::parser::Shape;
use super::people::{self, TokenCommand, UserCommand};
use super::reader::{Flags, Loaded};
use super::section::Setting;
use crate::alerts::MailAddress;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What the operator wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Run the server.
    Serve(Config),
    /// Say that the configuration is good, and exit.
    CheckConfig {
        /// The configuration.
        config: Config,
        /// With `--print`: the settings in force as TOML with their origins.
        print: Option<String>,
    },
    /// Ask the server that runs with this configuration whether it is well.
    Health(Config),
    /// Send a trial mail, and tell each step.
    TestAlert {
        /// The configuration.
        config: Config,
        /// To whom, in place of those of the configuration.
        to: Vec<MailAddress>,
    },
    /// Something about users.
    User {
        /// The configuration.
        config: Config,
        /// What.
        command: UserCommand,
    },
    /// Something about tokens.
    Token {
        /// The configuration.
        config: Config,
        /// What.
        command: TokenCommand,
    },
}

/// Why there is no command.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Help or version was asked for, or the command line is wrong; prints itself and knows its exit code.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// Reads this process's arguments, environment and configuration file.
///
/// Prints and exits for `--help`, `--version` and a wrong command line (status 2). `long_version` makes what `--version` says
/// after the name. Errors are for the caller to print; nothing has been started by then.
///
/// A systemd credential that is called like a variable takes the place of one that is not set.
pub fn cli(long_version: impl FnOnce() -> String) -> Result<Command, ConfigErrors> {
    let env = |name: &str| match std::env::var_os(name) {
        Some(value) => Some(value.to_string_lossy().into_owned()),
        None => credential(std::env::var_os("CREDENTIALS_DIRECTORY")?.as_ref(), name),
    };
    match parse_command(std::env::args_os(), &env, &read_bounded, String::new()) {
        Ok(command) => Ok(command),
        Err(CliError::Usage(usage)) if usage.kind() == ErrorKind::DisplayVersion => {
            // Made only now: it takes a look at all plugins.
            grammar(long_version())
                .try_get_matches_from(["sightglass", "--version"])
                .map_or_else(|version| version.exit(), |_| usage.exit())
        }
        Err(CliError::Usage(usage)) => usage.exit(),
        Err(CliError::Config(errors)) => Err(errors),
    }
}

/// As [`cli`], with the outside handed in. `args` starts with the program's name.
pub fn parse_command(
    args: impl IntoIterator<Item = OsString>,
    env: &dyn Fn(&str) -> Option<String>,
    read_file: &dyn Fn(&Path) -> io::Result<String>,
    long_version: String,
) -> Result<Command, CliError> {
    // Arguments that are no text are refused by value, as those of the environment are.
    let args = args
        .into_iter()
        .map(|arg| arg.to_string_lossy().into_owned());
    let matches = grammar(long_version).try_get_matches_from(args)?;
    let (name, matches) = matches.subcommand().unwrap_or(("serve", &matches));
    // Settings may be said behind the innermost word, too.
    let innermost = matches.subcommand().map_or(matches, |(_, inner)| inner);
    let loaded = Loaded::load(&flags(innermost), env, read_file)?;
    let config = loaded.config.clone();
    Ok(match name {
        "user" => Command::User {
            command: people::user(matches)?,
            config,
        },
        "token" => Command::Token {
            command: people::token(matches)?,
            config,
        },
        "check-config" => Command::CheckConfig {
            print: matches.get_flag("print").then(|| loaded.to_toml()),
            config: loaded.config,
        },
        "health" => Command::Health(loaded.config),
        "test-alert" => Command::TestAlert {
            to: matches
                .get_many("to")
                .map(|to| to.cloned().collect())
                .unwrap_or_default(),
            config: loaded.config,
        },
        _ => Command::Serve(loaded.config),
    })
}

/// The command line as clap knows it, made from the settings table.
fn grammar(long_version: String) -> clap::Command {
    // clap keeps versions for the life of the process; this is made once.
    let long_version: &'static str = long_version.leak();
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("TOML file with any of these settings [env: CONFIG]");
    let print = Arg::new("print")
        .long("print")
        .action(ArgAction::SetTrue)
        .help("Print the settings in force as TOML, each with its meaning and origin");
    let to = Arg::new("to")
        .long("to")
        .value_name("ADDRESS")
        .action(ArgAction::Append)
        .value_parser(|text: &str| MailAddress::parse(text))
        .help("Send it there instead of to EMAIL_TO; may be given several times");
    clap::Command::new("sightglass")
        .about("Stream preview and monitoring server")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(long_version)
        .after_help(
            "A flag is stronger than an environment variable, and that is stronger than the file. \
             Durations are whole milliseconds or 500ms, 30s, 2m; sizes are bytes or 512kB, 16MiB. \
             In the file, a setting stands in the section that its help names, and [profiles.NAME] \
             changes or adds an encode profile (width, height, video_bitrate_kbps, speed_preset, \
             audio_bitrate_kbps, max_frame_rate).",
        )
        .subcommand(clap::Command::new("serve").about("Run the server (also without a subcommand)"))
        .subcommand(
            clap::Command::new("check-config")
                .about("Tell every mistake in the configuration, and exit")
                .arg(print),
        )
        .subcommand(clap::Command::new("health").about(
            "Ask the server that runs with this configuration whether it takes requests; status 0 if so, else 1",
        ))
        .subcommand(
            clap::Command::new("test-alert")
                .about(
                    "Send a trial mail by the mail server of the configuration, and tell each step",
                )
                .arg(to),
        )
        .subcommand(people::user_grammar())
        .subcommand(people::token_grammar())
        .arg(config)
        .args(settings().map(arg))
}

/// A setting's flag.
fn arg(setting: &'static Setting) -> Arg {
    let about = (setting.about)();
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let env = setting.env.join(", ");
    let help = format!(
        "{} [env: {env}] [file: {}]{default}",
        setting.doc(),
        setting.key
    );
    let heading = match setting.section() {
        "" => "settings",
        section => section,
    };
    let arg = Arg::new(setting.key)
        .long(setting.flag)
        .global(true)
        .help_heading(heading)
        .value_name("VALUE")
        .long_help(format!("{help}\n\nMust be {}", about.allowed))
        .help(help)
        .allow_hyphen_values(true);
    match about.shape {
        Shape::One => arg,
        Shape::List => arg.action(ArgAction::Append),
        // `--demo`, or `--demo=false` against a variable.
        Shape::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL"),
    }
}

/// The raw text of each flag that was given.
fn flags(matches: &ArgMatches) -> Flags {
    let values = settings().filter_map(|setting| {
        let given: Vec<&str> = matches
            .get_many::<String>(setting.key)?
            .map(String::as_str)
            .collect();
        Some((setting.flag, given.join(",")))
    });
    Flags {
        config: matches.get_one("config").cloned(),
        values: values.collect(),
    }
}

/// The secret that is kept in a file of this name, without the line break at its end.
fn credential(folder: &Path, name: &str) -> Option<String> {
    let text = read_bounded(&folder.join(name)).ok()?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Reads a file, but no more of it than shows that it is too large.
fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let limit = FILE_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}
