//! The variants beside the one that is pulled: now and then one of their playlists is loaded, so that it is known
//! whether they stay together. One request at a time, between those of the pull itself: a provider may count them.

use std::time::{Duration, Instant};

use super::Context;
use super::track::Address;
use crate::hls::{MediaPlaylist, Multivariant, Playlist, Variant, VariantWatch};
use crate::ingest::observer::Observer;

/// A playlist of another variant is loaded each so many target durations: the pull's own is about five times as often.
const EVERY: u32 = 5;
/// Less time than this before the pull itself has to go on is too little.
const LEAST: Duration = Duration::from_millis(300);
/// A playlist that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(3);
/// Variants that are looked at.
const MOST: usize = 8;

/// The variants of `all` that are not the `chosen` one, where each has a playlist of its own.
pub(super) fn of(all: &Multivariant, chosen: &Variant) -> Vec<Address> {
    let mut others: Vec<Address> = Vec::new();
    for variant in &all.variants {
        let known = others.iter().any(|other| other.url == variant.uri);
        if variant.uri != chosen.uri && !known && others.len() < MOST {
            others.push(Address {
                url: variant.uri.clone(),
                variables: all.variables.clone(),
            });
        }
    }
    others
}

/// The variants beside the one that is pulled.
#[derive(Default)]
pub(super) struct Beside {
    others: Vec<Address>,
    watch: VariantWatch,
    target: Duration,
    due: Option<Instant>,
}

impl Beside {
    pub(super) fn new(others: Vec<Address>) -> Self {
        Self {
            watch: VariantWatch::new(others.len()),
            others,
            target: Duration::ZERO,
            due: None,
        }
    }

    /// The playlist of the one that is pulled.
    pub(super) fn on_own(&mut self, playlist: &MediaPlaylist) {
        self.target = playlist.target_duration;
        self.watch.on_own(playlist);
    }

    /// Loads the playlist that is due, if one is, somebody watches, and there is time `until` something else is to
    /// be done.
    pub(super) async fn look(&mut self, context: &Context<'_>, now: Instant, until: Instant) {
        let watched = context.sink.observer().is_some_and(Observer::is_enabled);
        let Some(which) = self.watch.next().filter(|_| watched) else {
            return;
        };
        let pause = self.target * EVERY;
        let due = *self.due.get_or_insert(now + pause);
        if now < due || until < now + LEAST {
            return;
        }
        self.due = Some(now + pause);
        let loading = Box::pin(context.load(&mut self.others[which]));
        match tokio::time::timeout_at(until.into(), loading).await {
            Ok(Ok(Playlist::Media(playlist))) => self.watch.on_playlist(&playlist),
            Ok(Ok(Playlist::Multivariant(_)) | Err(_)) => self.watch.on_failure(),
            Err(_) if until >= now + PATIENCE => self.watch.on_failure(),
            // It might have come: that proves nothing.
            Err(_) => self.watch.pass(),
        }
        let report = self.watch.report();
        context.sink.observe(|observer| observer.variants(report));
    }
}
