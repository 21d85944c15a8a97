//! Ids of what an operator makes here: each as a stream's id.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::stream::{IdError, StreamId};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
        pub struct $name(pub String);

        impl $name {
            /// Reads an id as it was given, by the rules of [`StreamId`].
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                StreamId::parse(text).map(|id| Self(id.to_string()))
            }

            /// Makes one from a name, as [`StreamId::from_name`].
            pub fn from_name(name: &str, taken: impl Fn(&Self) -> bool) -> Self {
                let id = StreamId::from_name(name, |id| taken(&Self(id.to_string())));
                Self(id.to_string())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of a rule.
    RuleId
}
id! {
    /// The id of a receiver.
    ReceiverId
}
id! {
    /// The id of a maintenance window.
    MaintenanceId
}
