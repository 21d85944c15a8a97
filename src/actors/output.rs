//! One output of one stream: its name, and the leases that keep it running.

use std::sync::Arc;

use super::ingest::Ingest;
use super::picked::{Pick, Picked};
use super::plan::RenditionKey;
use super::rendition::Rendition;
use crate::base::shared::Lease;
use crate::feed::{Feed, Join};
use crate::stream::StreamId;

/// One output of one stream.
pub type OutputKey = (StreamId, RenditionKey);

/// Leases on all that one output needs; the output runs while this is held.
#[derive(Debug)]
pub struct Media {
    /// The pull.
    pub ingest: Lease<StreamId, Ingest>,
    /// The conversion, if any.
    pub rendition: Option<Lease<OutputKey, Rendition>>,
    /// Which output this is.
    pub key: RenditionKey,
}

impl Media {
    /// The feed that viewers subscribe to.
    pub fn feed(&self) -> &Arc<Feed> {
        match &self.rendition {
            Some(rendition) => &rendition.feed,
            None => &self.ingest.feed,
        }
    }

    /// Subscribes a viewer to what this output shows of the feed.
    pub fn subscribe(&self, join: Join) -> Picked {
        let pick = match &self.key {
            RenditionKey::Picked { audio } => Pick::One(Some(audio.clone())),
            // A pipeline was given no more than what is wanted.
            RenditionKey::Source | RenditionKey::Encoded { .. } => Pick::All,
        };
        Picked::subscribe(self.feed(), join, pick)
    }
}
