//! Permissions, and who has which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a route wants of who asks. Each route has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing: probes, logging in.
    Public,
    /// To be somebody: about oneself.
    Own,
    /// Metrics and health.
    Metrics,
    /// Media and the playlists that lead to it.
    Play,
    /// To see how streams and the server are, without what leads to providers.
    Read,
    /// To change streams, accounts and alerts, and to see all of them.
    Operate,
    /// Users, tokens, keys, secrets in plain text, the audit log.
    Admin,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Public,
        Self::Own,
        Self::Metrics,
        Self::Play,
        Self::Read,
        Self::Operate,
        Self::Admin,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Own => "own",
            Self::Metrics => "metrics",
            Self::Play => "play",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// What a user is; each may do what those before it may.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Watches, and sees how streams are.
    Viewer,
    /// Changes streams, accounts and alerts.
    Operator,
    /// Lets others in.
    Admin,
}

impl Role {
    /// The words for them.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("viewer", Self::Viewer),
        ("operator", Self::Operator),
        ("admin", Self::Admin),
    ];

    /// Reads its name.
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, role)| *role)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether it has a permission.
    pub fn may(self, wanted: Permission) -> bool {
        self >= match wanted {
            Permission::Public
            | Permission::Own
            | Permission::Metrics
            | Permission::Play
            | Permission::Read => Self::Viewer,
            Permission::Operate => Self::Operator,
            Permission::Admin => Self::Admin,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token is for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Metrics and health, and nothing else: for a scraper.
    Metrics,
    /// Media and playlists, and nothing else: for a player.
    Play,
    /// What a viewer sees, without media: for a wall display.
    Read,
    /// What an operator may.
    Operate,
    /// Everything.
    Admin,
}

impl Scope {
    /// The words for them.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("metrics", Self::Metrics),
        ("play", Self::Play),
        ("read", Self::Read),
        ("operate", Self::Operate),
        ("admin", Self::Admin),
    ];

    /// Reads its name.
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, scope)| *scope)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Play => "play",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// Whether it has a permission.
    pub fn may(self, wanted: Permission) -> bool {
        match wanted {
            Permission::Public | Permission::Own => true,
            Permission::Metrics => self != Self::Play,
            Permission::Play => matches!(self, Self::Play | Self::Operate | Self::Admin),
            Permission::Read => matches!(self, Self::Read | Self::Operate | Self::Admin),
            Permission::Operate => matches!(self, Self::Operate | Self::Admin),
            Permission::Admin => self == Self::Admin,
        }
    }
}

/// What a token is for: one scope or more, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Vec<Scope>", into = "Vec<Scope>")]
#[schema(value_type = Vec<Scope>)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These; `None` when there are none.
    pub fn new(mut scopes: Vec<Scope>) -> Option<Self> {
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Whether one of them has a permission.
    pub fn may(&self, wanted: Permission) -> bool {
        self.iter().any(|scope| scope.may(wanted))
    }
}

impl TryFrom<Vec<Scope>> for Scopes {
    type Error = &'static str;

    fn try_from(scopes: Vec<Scope>) -> Result<Self, Self::Error> {
        Self::new(scopes).ok_or("there must be a scope")
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}", scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(may: impl Fn(Permission) -> bool) -> String {
        let all = Permission::ALL.into_iter().filter(|one| may(*one));
        all.map(Permission::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_role_and_scope_may_just_this() {
        let roles = Role::WORDS.map(|(word, role)| (word, of(|p| role.may(p))));
        let viewer = "public own metrics play read";
        assert_eq!(
            roles,
            [
                ("viewer", viewer.to_owned()),
                ("operator", format!("{viewer} operate")),
                ("admin", format!("{viewer} operate admin")),
            ]
        );
        let scopes = Scope::WORDS.map(|(word, scope)| (word, of(|p| scope.may(p))));
        assert_eq!(
            scopes,
            [
                ("metrics", "public own metrics".to_owned()),
                ("play", "public own play".to_owned()),
                ("read", "public own metrics read".to_owned()),
                ("operate", format!("{viewer} operate")),
                ("admin", format!("{viewer} operate admin")),
            ]
        );
        for (word, role) in Role::WORDS {
            assert_eq!((Role::parse(word), role.as_str()), (Some(role), word));
        }
        for (word, scope) in Scope::WORDS {
            assert_eq!((Scope::parse(word), scope.as_str()), (Some(scope), word));
        }
    }

    #[test]
    fn a_token_without_a_scope_is_none() {
        assert_eq!(Scopes::new(Vec::new()), None);
        assert!(serde_json::from_str::<Scopes>("[]").is_err());
        let scopes: Scopes = serde_json::from_str(r#"["play","metrics","play"]"#).expect("good");
        assert_eq!(scopes.to_string(), "metrics,play");
        assert!(scopes.may(Permission::Metrics) && !scopes.may(Permission::Read));
    }
}
