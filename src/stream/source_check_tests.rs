use super::*;

fn draft(url: &str) -> DraftSource {
    DraftSource {
        url: url.to_owned(),
        ..DraftSource::default()
    }
}

fn checked(draft: DraftSource) -> Result<Source, Vec<String>> {
    let mut mistakes = Mistakes::default();
    let source = check("/s", draft, &mut mistakes);
    source.ok_or_else(|| {
        mistakes
            .into_vec()
            .into_iter()
            .map(|i| format!("{} {}", i.pointer, i.problem))
            .collect()
    })
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn headers_find_their_place() {
    let source = checked(DraftSource {
        headers: headers(&[
            ("referer", " http://a/ "),
            ("user-AGENT", "VLC"),
            ("x-tOKEN", "1"),
            ("authorization", "bearer abc="),
        ]),
        ..draft("http://h/x")
    })
    .unwrap();
    assert_eq!(
        source.headers,
        headers(&[("Referer", "http://a/"), ("X-Token", "1")])
    );
    assert_eq!(source.user_agent.as_deref(), Some("VLC"));
    assert_eq!(
        source.credentials,
        Some(Credentials::Bearer {
            token: "abc=".to_owned()
        })
    );
    let shown = format!("{source:?}");
    assert!(
        !shown.contains("abc") && !shown.contains("http://a"),
        "{shown}"
    );
}

#[test]
fn user_info_becomes_credentials() {
    let source = checked(draft("http://bob:p%40w@h/x")).unwrap();
    assert_eq!(source.url.as_str(), "http://h/x");
    let basic = Credentials::Basic {
        username: "bob".to_owned(),
        password: "p@w".to_owned(),
    };
    assert_eq!(source.credentials, Some(basic));
}

#[test]
fn every_mistake_is_told() {
    let bad = DraftSource {
        headers: headers(&[
            ("Host", "x"),
            ("TE", "x"),
            ("a b", "x"),
            ("x/y", "\r\nEvil: 1"),
            ("A", "é"),
            ("a", "1"),
        ]),
        user_agent: Some("a\nb".to_owned()),
        credentials: Some(Credentials::Basic {
            username: "a:b".to_owned(),
            password: "\0".to_owned(),
        }),
        timeout_ms: Some(99),
        ..draft("ftp://h/x")
    };
    let told = checked(bad).unwrap_err();
    for place in [
        "/s/url has a scheme",
        "/s/headers/Host is a header that belongs",
        "/s/headers/TE is a header that belongs",
        "/s/headers/a b is no header name",
        "/s/headers/x~1y is no header name",
        "/s/headers/A has a value",
        "/s/user_agent has a value",
        "/s/credentials/username is no user name",
        "/s/credentials/password is no password",
        "/s/timeout_ms is out of range",
    ] {
        assert!(
            told.iter().any(|t| t.starts_with(place)),
            "{place} in {told:#?}"
        );
    }
    assert_eq!(told.len(), 10);
}

#[test]
fn one_login_only() {
    let basic = || {
        Some(Credentials::Basic {
            username: "a".to_owned(),
            password: String::new(),
        })
    };
    for bad in [
        DraftSource {
            credentials: basic(),
            ..draft("http://u:p@h/")
        },
        DraftSource {
            credentials: basic(),
            headers: headers(&[("Authorization", "Basic eDp5")]),
            ..draft("http://h/")
        },
        DraftSource {
            credentials: basic(),
            headers: headers(&[("Authorization", "Bearer x")]),
            ..draft("http://h/")
        },
        DraftSource {
            credentials: basic(),
            ..draft("udp://239.0.0.1:1")
        },
        DraftSource {
            headers: headers(&[("X-A", "1"), ("x-a", "1")]),
            ..draft("http://h/")
        },
        DraftSource {
            headers: headers(&[("User-Agent", "1")]),
            user_agent: Some("2".to_owned()),
            ..draft("http://h/")
        },
    ] {
        assert_eq!(checked(bad).unwrap_err().len(), 1);
    }
    assert!(
        checked(DraftSource {
            credentials: basic(),
            ..draft("http://h/")
        })
        .is_ok()
    );
}
