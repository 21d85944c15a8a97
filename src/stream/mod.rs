//! What an operator defines: a stream, its sources and options. Pure.
//!
//! A body from outside is read as a [`Draft`], which tells all its mistakes at once as [`Invalid`]s; what passes is a
//! [`Definition`], which holds every promise that its types make and can be trusted downstream. A [`Record`] is a
//! definition as it is stored, with its revision.

mod account;
mod account_draft;
mod definition;
mod draft;
mod filter;
mod id;
mod invalid;
pub mod limits;
mod monitoring;
mod options;
mod patch;
mod secrets;
mod shape;
mod source;
mod source_check;
mod source_url;

pub use account::{Account, AccountCredentials, AccountId, AccountRecord, Secret};
pub use account_draft::AccountDraft;
pub(crate) use account_draft::optional_secret;
pub use definition::{Definition, Record, is_reserved_attribute};
pub use draft::{Draft, DraftSource};
pub use filter::{Filter, Matcher, Page, State};
pub use id::{IdError, StreamId};
pub use invalid::Invalid;
pub use monitoring::{ConditionOptions, MonitorMode, Monitoring};
pub use options::Options;
pub use patch::merge_patch;
pub use secrets::{Shown, is_secret_header, restore};
pub use source::{Credentials, Source};
pub use source_check::{Header, check_header};
pub use source_url::{SourceKind, SourceUrl, UrlError};

pub(crate) use definition::etag;
pub(crate) use draft::{is_attribute_name, is_web_url};
pub(crate) use id::slug;
pub(crate) use invalid::{Mistakes, join};
pub(crate) use patch::apply_to;
pub(crate) use shape::{Members, string};
