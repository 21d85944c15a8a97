use super::*;
use crate::m3u::{Limits, parse};
use crate::stream::Draft;
use serde_json::{Value, json};

fn stream(body: Value) -> Definition {
    Draft::define(body, None, |_| false).unwrap()
}

fn import(text: &str, existing: &[Definition]) -> Plan {
    plan(parse(text.as_bytes(), &Limits::default()), existing)
}

type Told<'a> = (usize, &'a str, Action, &'a str);

fn told(plan: &Plan) -> Vec<Told<'_>> {
    fn row(row: &Row) -> Told<'_> {
        let id = row.id.as_ref().map_or("", StreamId::as_str);
        (
            row.line,
            id,
            row.action,
            row.reason.as_deref().unwrap_or_default(),
        )
    }
    plan.rows.iter().map(row).collect()
}

fn applied(plan: &Plan, existing: &[Definition]) -> Vec<Definition> {
    let mut all: std::collections::BTreeMap<_, _> =
        existing.iter().map(|d| (d.id.clone(), d.clone())).collect();
    all.extend(
        plan.rows
            .iter()
            .filter_map(|r| r.definition.clone())
            .map(|d| (d.id.clone(), d)),
    );
    all.into_values().collect()
}

const LIST: &str = "#EXTM3U
#EXTINF:-1 tvg-id=\"cnn.us\" group-title=\"News\" tvg-chno=\"1\",CNN
http://h/1
#EXTINF:-1,News
http://h/2
#EXTINF:-1,News
http://h/3
#EXTINF:-1,CNN again
http://h/1
#EXTINF:-1,Bad scheme
plugin://x/y
#EXTINF:-1 tvg-logo=\"logo.png\" a$b=\"1\",Télé
http://u:p@h/4|Host=x&X-A=1
#EXTINF:-1,No URL
";

#[test]
fn a_first_import() {
    let plan = import(LIST, &[]);
    let expected = [
        (2, "cnn", Action::Added, ""),
        (4, "news", Action::Added, ""),
        (6, "news-2", Action::Added, ""),
        (
            8,
            "",
            Action::Skipped,
            "the same URL as the entry on line 2",
        ),
        (10, "", Action::Skipped, told(&plan)[4].3),
        (
            12,
            "tele",
            Action::Added,
            "a header that cannot be sent was left out; a logo that is no http or https URL was left out",
        ),
        (14, "", Action::Skipped, "the entry has no URL"),
    ];
    assert_eq!(told(&plan), expected);
    assert!(
        told(&plan)[4]
            .3
            .starts_with("url: has a scheme that sources cannot use; allowed:")
    );
    assert_eq!(
        plan.counts,
        Counts {
            added: 4,
            changed: 0,
            unchanged: 0,
            skipped: 3
        }
    );
    let tele = plan.rows[5].definition.as_ref().unwrap();
    assert_eq!(tele.sources[0].url.as_str(), "http://h/4");
    assert!(tele.sources[0].credentials.is_some());
    let shown = serde_json::to_string(&plan).unwrap();
    assert!(
        !shown.contains("http://h") && shown.contains("\"action\":\"added\""),
        "{shown}"
    );
}

#[test]
fn the_same_again_changes_nothing() {
    let first = import(LIST, &[]);
    let streams = applied(&first, &[]);
    let again = import(LIST, &streams);
    assert_eq!(
        again.counts,
        Counts {
            added: 0,
            changed: 0,
            unchanged: 4,
            skipped: 3
        }
    );
    assert!(again.rows.iter().all(|r| r.definition.is_none()));
}

#[test]
fn the_operators_edits_survive() {
    let mut cnn = stream(
        json!({"id": "my-cnn", "name": "CNN", "tvg_id": "cnn.us", "enabled": false, "tags": ["x"],
        "logo": "http://l/", "attributes": {"note": "mine", "tvg-chno": "9"}, "options": {"quality": "low"},
        "sources": [{"url": "http://h/old", "timeout_ms": 500, "user_agent": "U", "credentials": {"type": "bearer", "token": "t"}},
            {"url": "http://backup/"}]}),
    );
    let plan = import(LIST, std::slice::from_ref(&cnn));
    assert_eq!(
        told(&plan)[0],
        (
            2,
            "my-cnn",
            Action::Changed,
            "changed: url, group, attributes"
        )
    );
    let changed = plan.rows[0].definition.clone().unwrap();
    cnn.sources[0].url = "http://h/1".to_owned().try_into().unwrap();
    cnn.group = Some("News".to_owned());
    cnn.attributes.insert("tvg-chno".to_owned(), "1".to_owned());
    assert_eq!(changed, cnn);

    // To another server go neither credentials nor headers.
    let moved = import(
        "#EXTINF:-1 tvg-id=cnn.us,CNN\nhttp://other/1",
        std::slice::from_ref(&cnn),
    );
    let moved = moved.rows[0].definition.as_ref().unwrap();
    assert_eq!(
        (&moved.sources[0].credentials, &moved.sources[0].user_agent),
        (&None, &None)
    );
    assert_eq!(
        (moved.sources[0].timeout_ms, moved.sources.len()),
        (Some(500), 2)
    );
}

#[test]
fn a_source_made_a_backup_stays_one() {
    let cnn = stream(
        json!({"name": "CNN", "tvg_id": "cnn.us", "sources": [{"url": "http://mine/"}, {"url": "http://h/1"}]}),
    );
    let plan = import("#EXTINF:-1 tvg-id=cnn.us,CNN\nhttp://h/1", &[cnn]);
    assert_eq!(told(&plan), [(1, "cnn", Action::Unchanged, "")]);
}

#[test]
fn identity() {
    let one = |id: &str, name: &str, url: &str, tvg: Option<&str>| {
        stream(json!({"id": id, "name": name, "sources": [{"url": url}], "tvg_id": tvg}))
    };
    // Each existing stream, then an entry, then whose it is.
    for (existing, entry, id) in [
        (
            one("a", "CNN", "http://h/1", Some("cnn")),
            "tvg-id=cnn,CNN\nhttp://h/9",
            "a",
        ),
        (
            one("a", "CNN", "http://h/1", Some("cnn")),
            "tvg-id=other,Other\nhttp://h/1",
            "a",
        ),
        (
            one("a", "CNN HD", "http://h/1", None),
            ",cnn-hd\nhttp://h/9",
            "a",
        ),
        (
            one("cnn-hd", "Renamed", "http://h/1", None),
            ",CNN HD\nhttp://h/9",
            "cnn-hd",
        ),
        (
            one("a", "CNN", "http://h/1", Some("cnn")),
            ",CNN\nhttp://h/9",
            "a",
        ),
        (
            one("a", "CNN", "http://h/1", None),
            "tvg-id=cnn,CNN\nhttp://h/9",
            "a",
        ),
        // Two guide ids that differ, and a slug that lost letters, are no likeness.
        (
            one("cnn", "CNN", "http://h/1", Some("cnn.us")),
            "tvg-id=cnn.uk,CNN\nhttp://h/9",
            "cnn-2",
        ),
        (
            one("1", "Первый 1", "http://h/1", None),
            ",Россия 1\nhttp://h/9",
            "1-2",
        ),
        (
            one("canal", "Canal", "http://h/1", None),
            ",Canal+\nhttp://h/9",
            "canal-plus",
        ),
        (
            one("a", "A", "http://h/1", None),
            "sightglass-id=a,B\nhttp://h/9",
            "a",
        ),
        (
            one("a", "A", "http://h/1", None),
            "sightglass-id=c,B\nhttp://h/9",
            "c",
        ),
    ] {
        let plan = import(&format!("#EXTINF:-1 {entry}"), &[existing]);
        assert_eq!(told(&plan)[0].1, id, "{entry}");
    }
}

#[test]
fn a_loose_likeness_takes_nothing_from_a_strict_one() {
    let existing = [
        stream(json!({"id": "news", "name": "News", "sources": [{"url": "http://h/2"}]})),
        stream(json!({"id": "news-2", "name": "News", "sources": [{"url": "http://h/3"}]})),
        stream(json!({"id": "news-10", "name": "News", "sources": [{"url": "http://h/4"}]})),
    ];
    let plan = import(
        "#EXTINF:-1,News\nhttp://h/9\n#EXTINF:-1,News\nhttp://h/2\n#EXTINF:-1,News\nhttp://h/8\n",
        &existing,
    );
    let ids: Vec<_> = told(&plan).iter().map(|row| (row.1, row.2)).collect();
    assert_eq!(
        ids,
        [
            ("news-2", Action::Changed),
            ("news", Action::Unchanged),
            ("news-10", Action::Changed)
        ]
    );
}

#[test]
fn wanted_ids_go_before_made_ones() {
    let plan = import(
        "#EXTINF:-1,CNN\nhttp://h/1\n#EXTINF:-1 sightglass-id=cnn,X\nhttp://h/2\n#EXTINF:-1 sightglass-id=cnn,Y\nhttp://h/3",
        &[],
    );
    let ids: Vec<_> = told(&plan).iter().map(|row| row.1).collect();
    assert_eq!(ids, ["cnn-2", "cnn", "y"]);
}

#[test]
fn odd_entries_are_mended_and_told() {
    let name = "n".repeat(300);
    let text = format!(
        "#EXTINF:-1 tvg-name=\"B\" big=\"{}\" x\u{1}y=1,{name}\nhttp://h/1\nhttp://bare.example/2",
        "v".repeat(3000)
    );
    let plan = import(&text, &[]);
    let first = plan.rows[0].definition.as_ref().unwrap();
    assert_eq!(
        (
            first.name.len(),
            first.id.as_str().len(),
            first.attributes.len()
        ),
        (256, 64, 1)
    );
    assert_eq!(
        told(&plan)[0].3,
        "a text that is too long was cut; an attribute that cannot be kept was left out"
    );
    assert_eq!(
        (told(&plan)[1].1, plan.rows[1].name.as_str()),
        ("bare-example", "bare.example")
    );
    assert!(told(&plan)[1].3.contains("no #EXTINF"));
}

#[test]
fn twenty_thousand_equal_names_are_not_quadratic() {
    let pieces: Vec<_> = (0..20_000)
        .map(|i| {
            format!(
                "#EXTINF:-1,News
http://h/{i}
"
            )
        })
        .collect();
    let text = pieces.concat();
    let first = import(&text, &[]);
    assert_eq!(
        first.rows[19_999].id.as_ref().map(StreamId::as_str),
        Some("news-20000")
    );
    let streams = applied(&first, &[]);
    let rotated = import(&text.replace("http://h/", "http://g/"), &streams);
    assert_eq!(rotated.counts.changed, 20_000);
    assert_eq!(
        rotated.rows[19_999].id.as_ref().map(StreamId::as_str),
        Some("news-20000")
    );
}

#[test]
fn a_playlist_names_no_file_of_this_machine() {
    for url in [
        "file:///etc/passwd",
        "FILE:///srv/media/a.ts",
        "file:/srv/a.ts",
        "file://localhost/srv/a.ts",
        "file:srv/a.ts",
    ] {
        let plan = import(&format!("#EXTM3U\n#EXTINF:-1,A\n{url}\n"), &[]);
        assert_eq!((plan.counts.added, plan.counts.skipped), (0, 1), "{url}");
    }
}
