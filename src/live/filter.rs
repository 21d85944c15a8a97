//! Which rows a client wants.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::stream::StreamId;

/// Which streams a client wants to hear of: those that are named, and those of the groups that are named; all, if
/// neither is. The pool and the server concern everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    streams: BTreeSet<StreamId>,
    groups: BTreeSet<String>,
}

/// Why there is no such filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Too many streams are named.
    #[error("names {0} streams, more than the {most} there may be", most = Filter::STREAMS_MAX)]
    Streams(usize),
    /// Too many groups are named.
    #[error("names {0} groups, more than the {most} there may be", most = Filter::GROUPS_MAX)]
    Groups(usize),
}

/// Whom a row concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    Everybody,
    /// Who wants to hear of a stream.
    Stream {
        /// The stream.
        id: StreamId,
        /// Its group.
        group: Option<Arc<str>>,
    },
}

impl Filter {
    /// Streams that may be named.
    pub const STREAMS_MAX: usize = 1_000;
    /// Groups that may be named.
    pub const GROUPS_MAX: usize = 100;

    /// A filter for these.
    ///
    /// # Errors
    /// When there are too many of either.
    pub fn new(streams: BTreeSet<StreamId>, groups: BTreeSet<String>) -> Result<Self, FilterError> {
        if streams.len() > Self::STREAMS_MAX {
            return Err(FilterError::Streams(streams.len()));
        }
        if groups.len() > Self::GROUPS_MAX {
            return Err(FilterError::Groups(groups.len()));
        }
        Ok(Self { streams, groups })
    }

    /// Whether it lets everything through.
    pub fn is_all(&self) -> bool {
        self.streams.is_empty() && self.groups.is_empty()
    }

    /// Whether a row of this scope is wanted.
    pub fn matches(&self, scope: &Scope) -> bool {
        let Scope::Stream { id, group } = scope else {
            return true;
        };
        self.is_all()
            || self.streams.contains(id)
            || group
                .as_deref()
                .is_some_and(|group| self.groups.contains(group))
    }

    /// A number that tells filters apart; 0 for one that lets everything through. Good for one run of the server.
    pub fn tag(&self) -> u32 {
        if self.is_all() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        (hasher.finish() as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(id: &str, group: Option<&str>) -> Scope {
        Scope::Stream {
            id: StreamId::parse(id).expect("an id"),
            group: group.map(Arc::from),
        }
    }

    fn filter(streams: &[&str], groups: &[&str]) -> Filter {
        let streams = streams.iter().map(|id| StreamId::parse(id).expect("an id"));
        let groups = groups.iter().map(|group| (*group).to_owned());
        Filter::new(streams.collect(), groups.collect()).expect("few")
    }

    #[test]
    fn streams_are_wanted_by_name_or_by_group() {
        let either = filter(&["a"], &["News"]);
        assert!(either.matches(&scope("a", None)));
        assert!(either.matches(&scope("b", Some("News"))));
        assert!(!either.matches(&scope("b", Some("Sport"))));
        assert!(!either.matches(&scope("b", None)));
        assert!(either.matches(&Scope::Everybody));
        assert!(Filter::default().matches(&scope("b", None)));
    }

    #[test]
    fn tags_tell_filters_apart() {
        let all = [filter(&[], &[]), filter(&["a"], &[]), filter(&[], &["a"])];
        let tags: BTreeSet<u32> = all.iter().map(Filter::tag).collect();
        assert_eq!(tags.len(), 3);
        assert_eq!(all[0].tag(), 0);
        assert_eq!(all[1].tag(), filter(&["a", "a"], &[]).tag());
    }

    #[test]
    fn too_many_are_refused() {
        let groups = (0..=Filter::GROUPS_MAX).map(|n| n.to_string()).collect();
        let refused = Filter::new(BTreeSet::new(), groups).expect_err("too many");
        assert_eq!(refused, FilterError::Groups(101));
    }
}
