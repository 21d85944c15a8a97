//! Who asks.

use jiff::Timestamp;

use super::access::{Permission, Role, Scopes};
use super::keys::KeyId;
use super::name::{TokenId, UserName};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, where nobody is asked who they are.
    Anybody,
    /// Somebody who has not said it.
    Anonymous,
    /// A user.
    User {
        /// The name.
        name: UserName,
        /// What they are now.
        role: Role,
    },
    /// A program.
    Token {
        /// Its token.
        id: TokenId,
        /// What it is called.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// When it ends.
        expires_at: Option<Timestamp>,
    },
    /// The holder of a signed URL, which was checked against what is asked for.
    Signed {
        /// The key.
        kid: KeyId,
        /// When it ends, seconds since 1970.
        expires: i64,
        /// It is for this client only.
        bound: bool,
    },
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub who: Who,
}

impl Principal {
    /// This one.
    pub fn new(who: Who) -> Self {
        Self { who }
    }

    /// Whether they have a permission.
    pub fn may(&self, wanted: Permission) -> bool {
        match &self.who {
            Who::Anybody => true,
            Who::Anonymous => wanted == Permission::Public,
            Who::User { role, .. } => role.may(wanted),
            Who::Token { scopes, .. } => scopes.may(wanted),
            Who::Signed { .. } => matches!(wanted, Permission::Public | Permission::Play),
        }
    }

    /// Whether they have said who they are.
    pub fn is_known(&self) -> bool {
        self.who != Who::Anonymous
    }

    /// When what they have shown ends, seconds since 1970; `None` for never.
    pub fn until(&self) -> Option<i64> {
        match &self.who {
            Who::Token { expires_at, .. } => expires_at.map(Timestamp::as_second),
            Who::Signed { expires, .. } => Some(*expires),
            Who::Anybody | Who::Anonymous | Who::User { .. } => None,
        }
    }

    /// Their name in the audit log.
    pub fn name(&self) -> String {
        match &self.who {
            Who::Anybody => "anybody".to_owned(),
            Who::Anonymous => "anonymous".to_owned(),
            Who::User { name, .. } => format!("user:{name}"),
            Who::Token { id, name, .. } => format!("token:{id} ({name})"),
            Who::Signed { kid, .. } => format!("url:{kid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_said_who_may_do_nothing() {
        let anonymous = Principal::new(Who::Anonymous);
        let signed = Principal::new(Who::Signed {
            kid: KeyId::new([0; 4]),
            expires: 7,
            bound: false,
        });
        for wanted in Permission::ALL {
            assert_eq!(anonymous.may(wanted), wanted == Permission::Public);
            let media = matches!(wanted, Permission::Public | Permission::Play);
            assert_eq!(signed.may(wanted), media);
            assert!(Principal::new(Who::Anybody).may(wanted));
        }
        assert_eq!(signed.until(), Some(7));
    }
}
