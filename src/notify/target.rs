//! Where a receiver is.

use std::fmt;

use url::Url;

use crate::alerts::{MailAddress, ReceiverId};
use crate::stream::Secret;

/// How a receiver is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// By mail.
    Email {
        /// To whom.
        to: Vec<MailAddress>,
    },
    /// By a request of our own form.
    Webhook {
        /// Where to.
        url: Url,
        /// What requests are signed with.
        secret: Option<Secret>,
    },
    /// By the API of Prometheus Alertmanager.
    Alertmanager {
        /// Where its API is: `http://alertmanager:9093`, with a path if it has a prefix.
        url: Url,
    },
}

/// What became of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Target(Target),
    /// It is turned off.
    Off,
    /// There is none of this id (any more).
    Gone,
}

/// The receivers as they are now.
pub trait Receivers: Send + Sync + fmt::Debug {
    /// One of them.
    fn find(&self, id: &ReceiverId) -> Found;

    /// Those that are turned on.
    fn list(&self) -> Vec<ReceiverId>;
}

impl Target {
    /// Its name in metrics and in the API.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Webhook { .. } => "webhook",
            Self::Alertmanager { .. } => "alertmanager",
        }
    }
}

/// URLs of webhooks are often secrets as a whole.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
