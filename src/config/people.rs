//! `user` and `token` on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::parser::Parser;
use super::units::{DAY, MINUTE, Millis};
use crate::auth::{Role, Scope, Scopes, TokenId, UserName};

/// The longest life of a token.
const LIFE_MAX: u64 = 10 * 366 * DAY;

/// What is to be done with users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Add one.
    Add {
        /// The name.
        name: UserName,
        /// What they may do.
        role: Role,
        /// Where the password is, if not on standard input.
        password_file: Option<PathBuf>,
    },
    /// Give one another password.
    Password {
        /// The name.
        name: UserName,
        /// Where the password is, if not on standard input.
        password_file: Option<PathBuf>,
    },
    /// List all.
    List,
    /// Remove one.
    Remove {
        /// The name.
        name: UserName,
    },
}

/// What is to be done with tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenCommand {
    /// Make one.
    Create {
        /// What it is for.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// How long it is good for; for ever, when absent.
        expires_in: Option<Duration>,
    },
    /// List all.
    List,
    /// Take one back.
    Revoke {
        /// It.
        id: TokenId,
    },
}

fn name() -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .required(true)
        .value_parser(|text: &str| {
            UserName::parse(text).ok_or_else(|| format!("a name is {}", UserName::ALLOWED))
        })
        .help("Name of the user")
}

fn password_file() -> Arg {
    Arg::new("password-file")
        .long("password-file")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("File whose first line is the password; otherwise it is asked for, or the first line of standard input")
}

pub(super) fn user_grammar() -> Command {
    let roles = PossibleValuesParser::new(Role::WORDS.map(|(word, _)| word));
    let role = Arg::new("role")
        .long("role")
        .value_name("ROLE")
        .default_value("viewer")
        .value_parser(roles)
        .help("What the user may do; the first is an admin");
    Command::new("user")
        .about("Add, change, list or remove users while the server does not run")
        .subcommand_required(true)
        .subcommand(
            Command::new("add")
                .about("Add a user")
                .arg(name())
                .arg(role)
                .arg(password_file()),
        )
        .subcommand(
            Command::new("passwd")
                .about("Give a user another password")
                .arg(name())
                .arg(password_file()),
        )
        .subcommand(Command::new("list").about("List all users"))
        .subcommand(Command::new("remove").about("Remove a user").arg(name()))
}

pub(super) fn token_grammar() -> Command {
    let scopes = PossibleValuesParser::new(Scope::WORDS.map(|(word, _)| word));
    let scope = Arg::new("scope")
        .long("scope")
        .value_name("SCOPE")
        .required(true)
        .action(ArgAction::Append)
        .value_delimiter(',')
        .value_parser(scopes)
        .help("What the token may do; may be given several times");
    let life = Arg::new("expires-in")
        .long("expires-in")
        .value_name("DURATION")
        .value_parser(|text: &str| {
            let parser = Millis(MINUTE, LIFE_MAX);
            parser
                .parse(text)
                .ok_or_else(|| format!("it must be {}", parser.allowed()))
        })
        .help("How long the token is good for; for ever unless told");
    let name = Arg::new("name")
        .value_name("NAME")
        .required(true)
        .value_parser(|text: &str| {
            let good = (1..=64).contains(&text.trim().chars().count());
            let good = good && !text.contains(char::is_control);
            good.then(|| text.trim().to_owned())
                .ok_or("a name has 1 to 64 printable characters")
        })
        .help("What the token is for, such as prometheus");
    let id = Arg::new("id")
        .value_name("ID")
        .required(true)
        .value_parser(|text: &str| TokenId::parse(text).ok_or("that is no id of a token"))
        .help("Id of the token, as list shows it");
    Command::new("token")
        .about("Make, list or take back tokens while the server does not run")
        .subcommand_required(true)
        .subcommand(
            Command::new("create")
                .about("Make a token and print it, once")
                .arg(name)
                .arg(scope)
                .arg(life),
        )
        .subcommand(Command::new("list").about("List all tokens"))
        .subcommand(Command::new("revoke").about("Take a token back").arg(id))
}

pub(super) fn user(matches: &ArgMatches) -> Result<UserCommand, clap::Error> {
    let (what, matches) = matches.subcommand().ok_or_else(missing)?;
    if what == "list" {
        return Ok(UserCommand::List);
    }
    let name = matches.get_one("name").cloned().ok_or_else(missing)?;
    Ok(match what {
        "add" => UserCommand::Add {
            name,
            role: matches
                .get_one::<String>("role")
                .and_then(|role| Role::parse(role))
                .ok_or_else(missing)?,
            password_file: matches.get_one("password-file").cloned(),
        },
        "passwd" => UserCommand::Password {
            name,
            password_file: matches.get_one("password-file").cloned(),
        },
        _ => UserCommand::Remove { name },
    })
}

pub(super) fn token(matches: &ArgMatches) -> Result<TokenCommand, clap::Error> {
    let (what, matches) = matches.subcommand().ok_or_else(missing)?;
    Ok(match what {
        "list" => TokenCommand::List,
        "create" => {
            let scopes = matches.get_many::<String>("scope").into_iter().flatten();
            let scopes = scopes.filter_map(|scope| Scope::parse(scope)).collect();
            TokenCommand::Create {
                name: matches.get_one("name").cloned().ok_or_else(missing)?,
                scopes: Scopes::new(scopes).ok_or_else(missing)?,
                expires_in: matches.get_one("expires-in").copied(),
            }
        }
        _ => TokenCommand::Revoke {
            id: matches.get_one("id").cloned().ok_or_else(missing)?,
        },
    })
}

/// For what the grammar demands, and clap has told before.
fn missing() -> clap::Error {
    clap::Error::new(ErrorKind::MissingRequiredArgument)
}
