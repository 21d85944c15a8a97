//! Mistakes in a body, all of them, each with the place and what is allowed there.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::limits;

/// One mistake. Never quotes the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invalid {
    /// The place, as a JSON pointer (RFC 6901); empty for the whole body.
    #[schema(example = "/sources/0/url")]
    pub pointer: String,
    /// What is wrong there.
    #[schema(example = "has a scheme that sources cannot use")]
    pub problem: String,
    /// What would be right.
    #[schema(example = "an absolute URL with the scheme http or https")]
    pub allowed: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.pointer.is_empty() {
            "the body"
        } else {
            &self.pointer
        };
        write!(f, "{at}: {}; allowed: {}", self.problem, self.allowed)
    }
}

/// Collects mistakes, at most [`limits::MISTAKES`].
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<Invalid>);

impl Mistakes {
    pub(crate) fn add(
        &mut self,
        pointer: impl Into<String>,
        problem: impl fmt::Display,
        allowed: impl Into<String>,
    ) {
        if self.0.len() < limits::MISTAKES {
            let (pointer, problem, allowed) = (pointer.into(), problem.to_string(), allowed.into());
            self.0.push(Invalid {
                pointer,
                problem,
                allowed,
            });
        }
    }

    /// Adds `later` mistakes, except where an earlier one at the same place or around it already says why.
    pub(crate) fn merge(mut self, later: Vec<Invalid>) -> Vec<Invalid> {
        let earlier = self.0.len();
        for invalid in later {
            if self.0.len() < limits::MISTAKES
                && !self.0[..earlier]
                    .iter()
                    .any(|e| covers(&e.pointer, &invalid.pointer))
            {
                self.0.push(invalid);
            }
        }
        self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_vec(self) -> Vec<Invalid> {
        self.0
    }

    /// `value` trimmed, if it has 1 to `most` characters and no control character.
    pub(crate) fn text(&mut self, pointer: &str, value: &str, most: usize) -> Option<String> {
        let text = value.trim();
        let problem = if text.is_empty() {
            "is empty"
        } else if longer_than(text, most) {
            "is too long"
        } else if text.chars().any(char::is_control) {
            "holds a control character"
        } else {
            return Some(text.to_owned());
        };
        self.add(
            pointer,
            problem,
            format!("1 to {most} characters, no control characters"),
        );
        None
    }

    /// As [`Self::text`]; nothing, and no mistake, for blank text.
    pub(crate) fn optional_text(
        &mut self,
        pointer: &str,
        value: Option<&str>,
        most: usize,
    ) -> Option<String> {
        value
            .filter(|text| !text.trim().is_empty())
            .and_then(|text| self.text(pointer, text, most))
    }
}

/// Whether `text` has more than `most` characters, without counting all of a huge one.
pub(crate) fn longer_than(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().nth(most).is_some()
}

fn covers(outer: &str, inner: &str) -> bool {
    !outer.is_empty()
        && inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The pointer of a member: RFC 6901, 3.
pub(crate) fn join(pointer: &str, member: impl fmt::Display) -> String {
    let member = member.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{member}")
}
