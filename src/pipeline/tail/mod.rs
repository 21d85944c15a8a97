//! The end that all ingests have in common: tracks, as they are found, go to `mux`, and TS comes out of `tap`.
//!
//! What TS can carry is not touched; the rest is decoded and encoded. [`Gate`] holds the tracks back until the muxer can
//! be given all of them.

mod branch;
mod codec;
mod gate;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gstreamer as gst;

use super::assemble::{keep_decoders_lean, named};
use super::error::PipelineError;
use super::event::{Event, EventSender, Fault, Link};
use super::library::Library;
use super::packages::packages_of;
use super::sizing;
use super::spec::Profile;
use super::timeline;
use super::topology::{Topology, names};
use branch::Branch;
use codec::{Fate, Kind};
use gate::{Gate, Verdict};

/// How a tail is to work.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// How a picture is encoded that TS cannot carry.
    pub(super) profile: Profile,
    /// Of how many elements the tracks come: each is to tell [`Tail::complete`] once.
    pub(super) sources: usize,
    /// How much of the other tracks comes before one that has brought nothing is left behind.
    pub(super) patience: gst::ClockTime,
}

/// Links tracks to the muxer. Cheap to clone; may be used from any thread.
#[derive(Clone)]
pub(super) struct Tail(Arc<Inner>);

struct Inner {
    pipeline: glib::WeakRef<gst::Pipeline>,
    mux: glib::WeakRef<gst::Element>,
    library: Library,
    settings: Settings,
    events: EventSender,
    link: Arc<Link>,
    state: Mutex<State>,
}

struct State {
    gate: Gate,
    /// What is held, by the number that the gate gave it.
    exits: Vec<Exit>,
    /// Codecs that nobody could name an element for.
    unknown: Vec<String>,
}

struct Exit {
    pad: glib::WeakRef<gst::Pad>,
    hold: Option<gst::PadProbeId>,
}

impl Tail {
    /// A tail for a pipeline that has a `mux`; limits decoders that come into the pipeline, too.
    ///
    /// # Errors
    /// When there is no `mux`.
    pub(super) fn new(
        pipeline: &gst::Pipeline,
        topology: Topology,
        library: &Library,
        settings: Settings,
        events: &EventSender,
        link: &Arc<Link>,
    ) -> Result<Self, PipelineError> {
        let mux = named(pipeline, topology, names::MUX)?;
        sizing::refuse_absurd(pipeline, events, link);
        keep_decoders_lean(pipeline);
        Ok(Self(Arc::new(Inner {
            pipeline: pipeline.downgrade(),
            mux: mux.downgrade(),
            library: library.clone(),
            state: Mutex::new(State {
                gate: Gate::new(settings.sources),
                exits: Vec::new(),
                unknown: Vec::new(),
            }),
            settings,
            events: events.clone(),
            link: Arc::clone(link),
        })))
    }

    /// Takes all tracks that a `parsebin` or an element like it brings.
    pub(super) fn follow(&self, element: &gst::Element) {
        let told = Arc::new(AtomicBool::new(false));
        let tail = self.clone();
        let complete = Arc::new(move || {
            if !told.swap(true, Ordering::Relaxed) {
                tail.complete();
            }
        });
        let tell = Arc::clone(&complete);
        element.connect_no_more_pads(move |_| tell());
        // `parsebin` does not tell it, but shows all its pads before it lets anything through them.
        if element
            .factory()
            .is_some_and(|factory| factory.name() == "parsebin")
        {
            element.connect_pad_added(move |_, pad| {
                let tell = Arc::clone(&complete);
                let flow = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
                pad.add_probe(flow, move |_, info| {
                    let end = |event: &gst::Event| event.type_() == gst::EventType::Eos;
                    if !info.event().is_none_or(end) {
                        return gst::PadProbeReturn::Ok;
                    }
                    tell();
                    gst::PadProbeReturn::Remove
                });
            });
        }
        self.follow_pads(element, None);
    }

    /// Takes a source pad of encoded media, parsed or not, or of RTP packets. One that is not wanted stays unlinked.
    /// What goes wrong ends the pipeline with an [`Event::Error`].
    #[allow(dead_code, reason = "for sources whose pads are not a parser's")]
    pub(super) fn take(&self, pad: &gst::Pad) {
        self.take_claimed(pad, None);
    }

    /// Tells that one of the sources brings no more tracks.
    pub(super) fn complete(&self) {
        let verdict = self.state().gate.complete();
        self.act(verdict, None);
    }

    fn take_claimed(&self, pad: &gst::Pad, claimed: Option<Kind>) {
        let stream = || pad.stream().and_then(|stream| stream.caps());
        let caps = pad.current_caps().or_else(stream);
        let caps = caps.unwrap_or_else(|| pad.query_caps(None));
        let fate = self.possible(pad, codec::fate(&caps));
        tracing::debug!(codec = codec::name(&caps), ?fate, "track");
        let (Fate::Carry(kind, _) | Fate::Convert(kind) | Fate::Unpack(kind)) = fate else {
            if fate == Fate::Protected {
                self.fail(
                    Fault::Protected,
                    "a track is encrypted (DRM)".to_owned(),
                    None,
                );
            } else {
                self.not_wanted(claimed);
            }
            return;
        };
        if claimed.is_none() && !self.state().gate.claim(kind) {
            return;
        }
        if codec::is_raw(&caps) {
            timeline::show_when_decoded(pad);
        }
        let linked = match fate {
            Fate::Unpack(_) => self.unpack(pad, kind),
            Fate::Carry(_, carry) => {
                branch::carrying(kind, carry).and_then(|branch| self.attach(pad, kind, &branch))
            }
            _ => {
                let Settings { profile, .. } = &self.0.settings;
                branch::converting(kind, &self.0.library, profile, &self.0.events)
                    .and_then(|branch| self.attach(pad, kind, &branch))
            }
        };
        if let Err(error) = linked {
            self.fail(Fault::Codec, error.to_string(), Some(codec::name(&caps)));
        } else if claimed.is_some() {
            let verdict = self.state().gate.unpacked();
            self.act(verdict, None);
        }
    }

    /// A track that turned out to be of no use after it was claimed.
    fn not_wanted(&self, claimed: Option<Kind>) {
        if claimed.is_some() {
            let verdict = self.state().gate.unpacked();
            self.act(verdict, None);
        }
    }

    /// Converts what the installed muxer does not take, and pictures out of order that nobody says when to show.
    fn possible(&self, pad: &gst::Pad, fate: Fate) -> Fate {
        let Fate::Carry(kind, carry) = fate else {
            return fate;
        };
        if carry.timestamper.is_some() && is_of_avi(pad) {
            return Fate::Convert(kind);
        }
        let taken = self
            .0
            .mux
            .upgrade()
            .zip(carry.caps.parse::<gst::Caps>().ok());
        let takes = taken.is_some_and(|(mux, caps)| {
            let mut pads = mux.pad_template_list().into_iter();
            pads.any(|pad| {
                pad.direction() == gst::PadDirection::Sink && pad.caps().can_intersect(&caps)
            })
        });
        if takes { fate } else { Fate::Convert(kind) }
    }

    fn follow_pads(&self, element: &gst::Element, claimed: Option<Kind>) {
        let tail = self.clone();
        element.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Src {
                tail.take_claimed(pad, claimed);
            }
        });
        let tail = self.clone();
        // Only elements that plug by themselves tell it.
        if glib::subclass::signal::SignalId::lookup("unknown-type", element.type_()).is_some() {
            element.connect("unknown-type", false, move |values| {
                if let Some(caps) = values.get(2).and_then(|v| v.get::<gst::Caps>().ok()) {
                    tail.note_unknown(&caps, claimed);
                }
                None
            });
        }
    }

    fn note_unknown(&self, caps: &gst::Caps, claimed: Option<Kind>) {
        if codec::fate(caps) == Fate::Protected {
            self.fail(
                Fault::Protected,
                "a track is encrypted (DRM)".to_owned(),
                None,
            );
            return;
        }
        let mut state = self.state();
        if state.unknown.len() < 8 {
            state.unknown.push(codec::name(caps));
        }
        drop(state);
        self.not_wanted(claimed);
    }

    /// Finds out what is in the packets.
    fn unpack(&self, pad: &gst::Pad, kind: Kind) -> Result<(), PipelineError> {
        let failed = |reason: &str| PipelineError::Start {
            topology: Topology::Convert,
            reason: format!("packets cannot be unpacked: {reason}"),
        };
        let pipeline = self.0.pipeline.upgrade().ok_or(PipelineError::Ended)?;
        let parse = gst::ElementFactory::make("parsebin")
            .property("async-handling", true)
            .build()
            .map_err(|_| PipelineError::Unavailable {
                topology: Topology::Convert,
                elements: vec!["parsebin".to_owned()],
                packages: packages_of(&["parsebin"]),
            })?;
        self.state().gate.unpacks();
        self.follow_pads(&parse, Some(kind));
        pipeline
            .add(&parse)
            .map_err(|error| failed(&error.message))?;
        parse
            .sync_state_with_parent()
            .map_err(|error| failed(&error.message))?;
        let sink = parse.static_pad("sink").ok_or_else(|| failed("no pad"))?;
        pad.link(&sink).map_err(|_| failed("they do not link"))?;
        Ok(())
    }

    /// Puts a branch behind a pad; its end is held until the gate opens.
    fn attach(&self, pad: &gst::Pad, kind: Kind, branch: &Branch) -> Result<(), PipelineError> {
        let failed = |reason: &str| PipelineError::Start {
            topology: Topology::Convert,
            reason: format!("a track does not link: {reason}"),
        };
        let pipeline = self.0.pipeline.upgrade().ok_or(PipelineError::Ended)?;
        let track = {
            let mut state = self.state();
            state.exits.push(Exit {
                pad: branch.exit.downgrade(),
                hold: None,
            });
            state.gate.add(kind)
        };
        // Nothing flows before the branch is linked, so the probe cannot be asked before its id is noted.
        let hold = self.hold(&branch.exit, track);
        if let Some(exit) = self.state().exits.get_mut(track) {
            exit.hold = hold;
        }
        self.watch(branch, track);
        pipeline
            .add(&branch.bin)
            .map_err(|error| failed(&error.message))?;
        branch
            .bin
            .sync_state_with_parent()
            .map_err(|error| failed(&error.message))?;
        pad.link(&branch.entry).map_err(|_| failed("refused"))?;
        Ok(())
    }

    /// Holds the first buffer at the end of a branch, and looks out for an end before it.
    fn hold(&self, exit: &gst::Pad, track: usize) -> Option<gst::PadProbeId> {
        let tail = self.clone();
        exit.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info
                .event()
                .is_some_and(|event| event.type_() == gst::EventType::Eos)
            {
                let verdict = tail.state().gate.ended(track);
                tail.act(verdict, None);
            }
            gst::PadProbeReturn::Ok
        });
        exit.add_probe(gst::PadProbeType::BUFFER, |_, info| {
            let timed = |buffer: &gst::Buffer| buffer.dts_or_pts().is_some();
            if info.buffer().is_none_or(timed) {
                gst::PadProbeReturn::Ok
            } else {
                // The muxer would wait for ever for its turn. (`Drop` of the binding would free what is freed already.)
                gst::PadProbeReturn::Handled
            }
        });
        let tail = self.clone();
        let media = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        exit.add_probe(gst::PadProbeType::BLOCK | media, move |_, _| {
            let verdict = {
                let mut state = tail.state();
                if state.gate.is_open() {
                    // Too late: the tables are written.
                    return gst::PadProbeReturn::Handled;
                }
                state.gate.ready(track)
            };
            if tail.act(verdict, Some(track)) {
                gst::PadProbeReturn::Remove
            } else {
                gst::PadProbeReturn::Ok
            }
        })
    }

    /// Tells the gate what goes into a branch, until it is open.
    fn watch(&self, branch: &Branch, track: usize) {
        let tail = self.clone();
        branch.queue.connect("overrun", false, move |_| {
            tail.press();
            None
        });
        let tail = self.clone();
        let first = std::sync::OnceLock::new();
        branch
            .entry
            .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                {
                    let mut state = tail.state();
                    if state.gate.is_open() {
                        return gst::PadProbeReturn::Remove;
                    }
                    state.gate.fed(track);
                }
                if let Some(at) = info.buffer().and_then(|buffer| buffer.dts_or_pts()) {
                    let began = *first.get_or_init(|| at);
                    if at.saturating_sub(began) > tail.0.settings.patience {
                        tail.press();
                    }
                }
                gst::PadProbeReturn::Ok
            });
    }

    fn press(&self) {
        let verdict = self.state().gate.press();
        self.act(verdict, None);
    }

    /// Does what the gate says; true if that lets `own` go on.
    fn act(&self, verdict: Verdict, own: Option<usize>) -> bool {
        match verdict {
            Verdict::Wait => false,
            Verdict::Nothing => {
                let unknown = self.state().unknown.join(", ");
                let (fault, message) = if unknown.is_empty() {
                    let text = "there is neither picture nor sound in what the source sends";
                    (Fault::NotMedia, text.to_owned())
                } else {
                    let text = format!("the source has no track of a known codec: {unknown}");
                    (Fault::Codec, text)
                };
                self.fail(fault, message, None);
                false
            }
            Verdict::Open(tracks) => self.open(&tracks, own),
        }
    }

    fn open(&self, tracks: &[usize], own: Option<usize>) -> bool {
        let held: Vec<_> = {
            let mut state = self.state();
            let take = |track: &usize| {
                let exit = state.exits.get_mut(*track)?;
                Some((*track, exit.pad.upgrade()?, exit.hold.take()))
            };
            tracks.iter().filter_map(take).collect()
        };
        for (_, pad, _) in &held {
            let linked = self
                .0
                .mux
                .upgrade()
                .and_then(|mux| mux.request_pad_simple("sink_%d"))
                .is_some_and(|sink| pad.link(&sink).is_ok());
            if !linked {
                let codec = pad.current_caps().map(|caps| codec::name(&caps));
                self.fail(
                    Fault::Codec,
                    "the muxer does not take a track".to_owned(),
                    codec,
                );
                return false;
            }
        }
        let mut passes = false;
        for (track, pad, hold) in held {
            if own == Some(track) {
                passes = true;
            } else if let Some(hold) = hold {
                pad.remove_probe(hold);
            }
        }
        passes
    }

    fn fail(&self, fault: Fault, message: String, missing: Option<String>) {
        if !self.0.link.ended() {
            self.0.events.send(Event::Error {
                element: names::MUX.to_owned(),
                message,
                missing,
                fault,
            });
            self.0.link.end();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// AVI has no time of presentation.
fn is_of_avi(pad: &gst::Pad) -> bool {
    let bin = pad
        .parent_element()
        .and_then(|element| element.downcast::<gst::Bin>().ok());
    let is_avi = |element: &gst::Element| {
        element
            .factory()
            .is_some_and(|factory| factory.name() == "avidemux")
    };
    bin.is_some_and(|bin| {
        bin.iterate_recurse()
            .into_iter()
            .flatten()
            .any(|element| is_avi(&element))
    })
}
