//! Who may do what: roles, users, tokens, sessions, signed URLs. Pure: time and randomness are arguments.
//!
//! A request comes with credentials (a session's cookie, a token, a user and a password, or a signature in its URL),
//! which make it the request of a [`Principal`]. Each route wants one [`Permission`], and a principal has it or not.

mod access;
mod audit;
mod book;
mod bootstrap;
mod keys;
mod name;
mod password;
mod principal;
mod session;
mod sign;
mod token;
mod verified;

pub use access::{Permission, Role, Scope, Scopes};
pub use audit::{Audited, Entry, Outcome};
pub use book::{Book, Change, MOST_TOKENS, MOST_USERS, Refused, Row, Table, User};
pub use bootstrap::Bootstrap;
pub use keys::{Key, KeyId, KeyRing};
pub use name::{TokenId, UserName};
pub use password::{Hash, Password, PasswordError};
pub use principal::{Principal, Who};
pub use session::{Lifetimes, SessionKey, Sessions};
pub use sign::{Claim, Fault, Place, Ticket};
pub use token::{Digest, Token, TokenText};
pub use verified::Verified;
