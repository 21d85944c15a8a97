//! Accounting with real pipelines. A process of its own, because it looks at all of it.
#![cfg(feature = "accounting")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use sightglass::memory::{self, Account, Accounting, Parts};

/// Each test looks at the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn arenas_are_used_again() {
    let _alone = alone();
    assert_eq!(memory::init(), Accounting::On);
    let arenas = |parts: Parts| parts.open_accounts + parts.spare_arenas;
    let one = || {
        let account = Account::open();
        let _entered = account.enter();
        std::hint::black_box(vec![1_u8; 20_000]);
    };
    one();
    let before = memory::process();
    for _ in 0..10_000 {
        one();
    }
    let after = memory::process();
    assert_eq!(arenas(after.parts.unwrap()), arenas(before.parts.unwrap()));
    assert!(after.anonymous < before.anonymous + (1 << 20), "{after:?}");
}

#[test]
fn the_accounts_of_pipelines_are_what_the_process_grows_by() {
    const PIPELINES: usize = 2;
    let _alone = alone();
    assert_eq!(memory::init(), Accounting::On);
    gst::init().unwrap();
    // What libraries set up once is nobody's.
    for _ in 0..2 {
        Encode::start(&Account::open(), 20).stop();
    }
    // Accounts that a thread still keeps open for a moment are charged with what they hold, like all others.
    let charged = |parts: Parts| parts.pipelines + parts.spare;
    let before = memory::process();
    let accounts: Vec<_> = (0..PIPELINES).map(|_| Account::open()).collect();
    let running: Vec<_> = accounts
        .iter()
        .map(|account| Encode::start(account, 60))
        .collect();
    let after = memory::process();
    let usages: Vec<_> = accounts.iter().filter_map(Account::usage).collect();
    let sum: u64 = usages.iter().map(memory::Usage::total_bytes).sum();
    assert!(sum > 20 << 20, "{usages:?}");
    assert!(after.parts.unwrap().pipelines >= sum - (1 << 20));
    let grown = after.anonymous - before.anonymous;
    let more = charged(after.parts.unwrap()) - charged(before.parts.unwrap());
    assert!(
        more.abs_diff(grown) < grown / 20,
        "charged {more}, grown {grown}: {usages:?}"
    );
    for usage in &usages {
        assert!(usage.threads >= 3, "{usage:?}"); // a source, an encoder's two
        assert!(usage.cpu > Duration::ZERO);
    }
    running.into_iter().for_each(Encode::stop);
    for account in &accounts {
        assert!(account.usage().unwrap().heap_bytes < 6 << 20);
    }
}

/// A pipeline that has encoded some frames and stands still, so that all figures are of the same moment.
struct Encode {
    pipeline: gst::Pipeline,
    account: Account,
}

impl Encode {
    fn start(account: &Account, frames: u32) -> Self {
        let entered = account.enter();
        let text = format!(
            "videotestsrc num-buffers={frames} ! video/x-raw,width=640,height=360 \
             ! x264enc threads=2 speed-preset=ultrafast rc-lookahead=10 ! fakesink sync=false"
        );
        let pipeline = gst::parse::launch(&text)
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        let (ended, end) = std::sync::mpsc::sync_channel(1);
        let source = pipeline.iterate_sources().next().unwrap().unwrap();
        // Held before the end is sent on: the encoder would empty itself.
        source.static_pad("src").unwrap().add_probe(
            gst::PadProbeType::EVENT_DOWNSTREAM,
            move |_, info| {
                if info
                    .event()
                    .is_some_and(|e| e.type_() == gst::EventType::Eos)
                {
                    let _ = ended.try_send(());
                    return gst::PadProbeReturn::Handled;
                }
                gst::PadProbeReturn::Ok
            },
        );
        let bus = gst::glib::Object::builder::<gst::Bus>()
            .property("enable-async", false)
            .build();
        let charged = account.clone();
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::StreamStatus(status) = message.view() {
                match status.get().0 {
                    gst::StreamStatusType::Enter => charged.attach(),
                    gst::StreamStatusType::Leave => Account::detach(),
                    _ => {}
                }
            }
            gst::BusSyncReply::Drop
        });
        pipeline.set_bus(Some(&bus));
        pipeline.set_state(gst::State::Playing).unwrap();
        drop(entered);
        end.recv().unwrap();
        Self {
            pipeline,
            account: account.clone(),
        }
    }

    fn stop(self) {
        let _entered = self.account.enter();
        self.pipeline.set_state(gst::State::Null).unwrap();
        drop(self.pipeline);
        self.account.trim();
    }
}
