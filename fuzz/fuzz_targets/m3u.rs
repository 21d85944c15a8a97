//! Channel lists: what is read can be imported, and what was imported can be written as a backup and
//! read again without a change, but for double quotes that have to become single ones. That is lost once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightglass::m3u::{self, Limits, Plan, Target};
use sightglass::stream::Definition;

fuzz_target!(|data: &[u8]| {
    let plan = m3u::plan(m3u::parse(data, &Limits::default()), []);
    let rows = plan.rows.into_iter();
    let mut definitions: Vec<Definition> = rows.filter_map(|row| row.definition).collect();
    let (backup, again) = round_trip(&definitions);
    assert_eq!(again.counts.added, 0, "{backup}");
    for changed in again.rows.into_iter().filter_map(|row| row.definition) {
        let old = definitions.iter_mut().find(|old| old.id == changed.id);
        let old = old.expect("what is changed was there");
        assert!(has_quotes(old), "{backup}");
        *old = changed;
    }
    let (backup, again) = round_trip(&definitions);
    assert_eq!(again.counts.added, 0, "{backup}");
    assert_eq!(again.counts.changed, 0, "{backup}");
});

fn round_trip(definitions: &[Definition]) -> (String, Plan) {
    let backup = m3u::write(definitions, Target::Sources { secrets: true });
    let parsed = m3u::parse(backup.as_bytes(), &Limits::default());
    (backup, m3u::plan(parsed, definitions))
}

fn has_quotes(stream: &Definition) -> bool {
    let fields = [&stream.group, &stream.logo, &stream.tvg_id];
    let fields = fields.into_iter().flatten();
    fields
        .chain(stream.attributes.values())
        .any(|text| text.contains('"'))
}
