//! The `section!` macro: a struct of settings and the table that reads it, written once.

use super::parser::About;

/// One setting: where it is read from and what is said about it.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file, with its section: `sources.stall_timeout`.
    pub key: &'static str,
    /// Environment variables, the strongest first.
    pub env: &'static [&'static str],
    /// The flag without its dashes.
    pub flag: &'static str,
    /// The text that stands for it when it is given nowhere.
    pub default: &'static str,
    pub(super) doc: &'static str,
    pub(super) about: fn() -> About,
}

impl Setting {
    /// The section in the file, empty for the top of the file.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// The key inside its section.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// What it does, in a sentence.
    pub fn doc(&self) -> &'static str {
        self.doc.trim()
    }

    /// What it may be, as the end of "must be ...".
    pub fn allowed(&self) -> String {
        (self.about)().allowed
    }
}

/// Declares a struct of settings, one a line: doc comment, `field: Type = default, [env], flag, parser;`.
///
/// The doc comment (one line) is the help text. Fields under `with` are read by the given function. `check` looks at
/// the finished struct for what no single setting can tell.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $prefix:literal {
            $( #[doc = $doc:literal] $field:ident: $type:ty = $default:expr, [$($env:literal),+], $flag:literal, $parser:expr; )*
        }
        $( with { $( #[doc = $extra_doc:literal] $extra:ident: $extra_type:ty = $read:path; )* } )?
        $( check $check:path; )?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::doc_markdown)] // the text is printed as help, where backticks would show
        pub struct $name {
            $( #[doc = $doc] pub $field: $type, )*
            $($( #[doc = $extra_doc] pub $extra: $extra_type, )*)?
        }

        impl $name {
            pub(super) const SETTINGS: &'static [Setting] = &[
                $( Setting {
                    key: concat!($prefix, stringify!($field)),
                    env: &[$($env),+],
                    flag: $flag,
                    default: $default,
                    doc: $doc,
                    about: || About::of::<$type, _>(&$parser),
                }, )*
            ];

            /// Reads every setting before giving up on any, so that all mistakes are found.
            pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let mut settings = Self::SETTINGS.iter();
                $( let $field = settings.next().and_then(|setting| reader.get(setting, &$parser)); )*
                $($( let $extra = $read(reader); )*)?
                let section = Self { $( $field: $field?, )* $($( $extra: $extra?, )*)? };
                $( $check(&section, reader); )?
                Some(section)
            }
        }
    };
}
pub(super) use section;
