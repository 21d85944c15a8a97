use super::*;
use proptest::prelude::*;
use serde_json::json;

fn define(body: Value) -> Result<Definition, Vec<(String, String)>> {
    let told = Draft::define(body, None, |_| false);
    told.map_err(|all| all.into_iter().map(|i| (i.pointer, i.problem)).collect())
}

#[test]
fn the_least_body() {
    let made = define(json!({"sources": [{"url": "http://tv.example/x"}]})).unwrap();
    assert_eq!(
        (made.id.as_str(), made.name.as_str(), made.enabled),
        ("tv-example", "tv.example", true)
    );
    let made =
        define(json!({"id": "a", "sources": [{"url": "test://"}], "group": null, "logo": ""}))
            .unwrap();
    assert_eq!(
        (made.name.as_str(), made.group, made.logo),
        ("a", None, None)
    );
    let made = define(json!({"sources": [{"url": "test://"}]})).unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("test", "Test"));
    let made = Draft::define(
        json!({"name": "A", "sources": [{"url": "test://"}]}),
        None,
        |id| id.as_str() == "a",
    );
    assert_eq!(made.unwrap().id.as_str(), "a-2");
}

#[test]
fn what_an_answer_shows_can_be_sent_back() {
    let body = json!({"id": "a", "name": "A", "tags": ["y", "x", "y"], "enabled": false, "tvg_id": "a.tv",
        "sources": [{"url": "http://u:p@h/1"}, {"url": "http://h/2", "timeout_ms": 100}],
        "options": {"transcode": false, "quality": "low", "linger_ms": 0}, "attributes": {"TVG-Chno": "1", "tvg-name": "A"}});
    let made = define(body).unwrap();
    assert_eq!(made.tags, ["x", "y"]);
    assert_eq!(
        made.attributes,
        BTreeMap::from([("tvg-chno".to_owned(), "1".to_owned())])
    );
    let mut shown = serde_json::to_value(&made).unwrap();
    shown["revision"] = json!(7);
    shown["created_at"] = json!("2026-01-01T00:00:00Z");
    shown["state"] = json!("up");
    assert_eq!(define(shown.clone()).unwrap(), made);
    let other = StreamId::parse("b").unwrap();
    assert_eq!(
        Draft::define(shown, Some(other), |_| false).unwrap_err()[0].pointer,
        "/id"
    );
}

#[test]
fn all_mistakes_at_once() {
    let told = define(json!({
        "id": "A", "name": "x".repeat(257), "group": 7, "logo": "javascript:alert(1)", "tvgId": "x",
        "tags": ["", 3], "enabled": "yes", "attributes": {"group-title": "x", "a b": "x", "c": "x\ny"},
        "options": {"quality": "UHD!", "linger_ms": 3_600_001, "speed": 1},
        "sources": [{"url": "ftp://h/x", "port": 1}, {"headers": {"Host": "a", "X": 1}},
            {"url": 5, "credentials": {"type": "basic", "username": "u"}},
            {"url": "http://h/", "credentials": {"type": "digest"}}, {"url": "http://h/"}, 9],
    }))
    .unwrap_err();
    let places: BTreeSet<_> = told.iter().map(|(at, _)| at.as_str()).collect();
    let expected = BTreeSet::from([
        "/id",
        "/name",
        "/group",
        "/logo",
        "/tvgId",
        "/tags/0",
        "/tags/1",
        "/enabled",
        "/attributes/group-title",
        "/attributes/a b",
        "/attributes/c",
        "/options/quality",
        "/options/linger_ms",
        "/options/speed",
        "/sources/0/url",
        "/sources/0/port",
        "/sources/1/url",
        "/sources/1/headers/Host",
        "/sources/1/headers/X",
        "/sources/2/url",
        "/sources/2/credentials/password",
        "/sources/3/credentials/type",
        "/sources/4/url",
        "/sources/5",
    ]);
    assert_eq!(places, expected);
}

#[test]
fn counts_are_bounded() {
    let many = |n: usize| {
        (0..n)
            .map(|i| json!({"url": format!("http://h/{i}")}))
            .collect::<Vec<_>>()
    };
    assert!(define(json!({"sources": many(16)})).is_ok());
    for bad in [json!(many(17)), json!([]), Value::Null, json!({})] {
        let told = define(json!({"sources": bad})).unwrap_err();
        assert_eq!((told.len(), told[0].0.as_str()), (1, "/sources"));
    }
    let members: BTreeMap<_, _> = (0..500).map(|i| (format!("x{i}"), "é\nx")).collect();
    let told = define(json!({"sources": many(1), "attributes": members})).unwrap_err();
    assert_eq!(told.len(), 65);
    assert_eq!(
        define(json!([])).unwrap_err(),
        [(String::new(), "has the wrong type".to_owned())]
    );
    let told = define(
        json!({"sources": (0..300).map(|i| (format!("x{i}"), 1)).collect::<BTreeMap<_, _>>()}),
    );
    assert_eq!(told.unwrap_err().len(), 1);
}

#[test]
fn mistakes_quote_no_value() {
    let secret = "hunter2";
    let body = json!({"id": secret, "sources": [{"url": format!("ftp://u:{secret}@h/"), "timeout_ms": secret,
        "credentials": {"type": secret}, "headers": {"X": format!("{secret}\n")}}]});
    let told = format!(
        "{:?}",
        Draft::define(body.clone(), None, |_| false).unwrap_err()
    );
    assert!(!told.contains(secret), "{told}");
    assert!(
        !serde_json::from_value::<Draft>(body)
            .unwrap_err()
            .to_string()
            .contains(secret)
    );
}

proptest! {
    #[test]
    fn no_body_panics(text in "\\PC{0,20}", n in any::<i64>(), key in "[a-z_]{1,8}") {
        let values = [json!(text), json!(n), json!([text]), json!({ &key: &text }), Value::Null, json!([{ "url": text }])];
        for member in ["id", "name", "sources", "group", "logo", "tvg_id", "enabled", "tags", "options", "attributes"] {
            for value in &values {
                let _ = define(json!({ member: value, &key: n, "sources": [{"url": "http://h/"}] }));
                let _ = define(json!({ "sources": [{ "url": text, &key: value }] }));
                let _ = define(json!({ member: value }));
            }
        }
    }
}
