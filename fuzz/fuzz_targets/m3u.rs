//! Channel lists: what is read can be imported, and what was imported can be written as a backup and
//! read again without a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::m3u::{self, Limits, Target};
use sightglass::stream::Definition;

fuzz_target!(|data: &[u8]| {
    let plan = m3u::plan(m3u::parse(data, &Limits::default()), []);
    let rows = plan.rows.into_iter();
    let definitions: Vec<Definition> = rows.filter_map(|row| row.definition).collect();
    let backup = m3u::write(&definitions, Target::Sources { secrets: true });
    let again = m3u::plan(
        m3u::parse(backup.as_bytes(), &Limits::default()),
        &definitions,
    );
    assert_eq!(again.counts.added, 0, "{backup}");
    assert_eq!(again.counts.changed, 0, "{backup}");
});
