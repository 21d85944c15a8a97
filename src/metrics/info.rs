//! The server itself: its conditions, its disk, its log.

use super::exposition::{Exposition, Type};
use super::names;
use crate::conditions::{Condition, Kind};
use crate::info::Disk;
use crate::log;

/// The text for one scrape. The label is a closed set of conditions.
pub fn text(conditions: &[Condition], disk: Option<Disk>, log: &log::Figures) -> String {
    let mut out = Exposition::default();
    let about = (
        names::SERVER_CONDITION,
        Type::Gauge,
        "1 for each condition of this server itself that lasts, 0 for each other.",
    );
    let kinds = Kind::SERVER.map(|kind| {
        let lasts = conditions.iter().any(|condition| condition.kind == kind);
        ([kind.as_str()], f64::from(u8::from(lasts)))
    });
    out.family(about, ["condition"], kinds);
    let about = (
        names::DISK_FREE,
        Type::Gauge,
        "Bytes that may still be written where the store is.",
    );
    out.single(about, disk.map(|disk| disk.free_bytes as f64));
    let about = (names::STORE_FILE, Type::Gauge, "Size of the store's file.");
    out.single(about, disk.map(|disk| disk.file_bytes as f64));
    let about = (
        names::LOG_DROPPED,
        Type::Counter,
        "Lines of the log that were lost, on standard output or in files.",
    );
    out.single(about, log.dropped as f64);
    let about = (
        names::LOG_COLLAPSED,
        Type::Counter,
        "Lines of the log that were counted instead of written, because they said the same as one a moment before.",
    );
    out.single(about, log.collapsed as f64);
    out.into_text()
}
