use super::*;
use serde_json::json;

fn define(body: Value, old: Option<&Account>) -> Result<Account, Vec<Invalid>> {
    Account::define(body, old, |id| id.as_str() == "taken")
}

fn pointers(told: Result<Account, Vec<Invalid>>) -> Vec<String> {
    let told = told.expect_err("mistakes");
    told.into_iter().map(|invalid| invalid.pointer).collect()
}

fn basic() -> Account {
    let body = json!({"id": "a", "max_connections": 2, "revision": 7, "connections": {},
        "credentials": {"type": "basic", "username": "bob", "password": "s3cret"}});
    define(body, None).expect("valid")
}

#[test]
fn an_account_is_read_and_stored_and_never_shown() {
    let account = basic();
    assert_eq!((account.name.as_str(), account.max_connections), ("a", 2));
    assert_eq!(account.release(), Duration::from_millis(100));
    let stored = serde_json::to_string(&account).expect("serialises");
    assert!(stored.contains("s3cret"));
    let read: Account = serde_json::from_str(&stored).expect("reads");
    assert_eq!(read, account);
    assert!(!format!("{account:?}").contains("s3cret"));
    let named = define(json!({"name": "Taken", "max_connections": 1}), None).expect("valid");
    assert_eq!(named.id.as_str(), "taken-2");
}

#[test]
fn all_mistakes_are_told_where_they_are() {
    for (body, at) in [
        (json!([]), vec![""]),
        (json!({}), vec!["/max_connections"]),
        (json!({"max_connections": 1}), vec!["/name"]),
        (
            json!({"id": "A", "max_connections": 0, "release_ms": 60_001, "x": 1}),
            vec!["/id", "/max_connections", "/release_ms", "/x"],
        ),
        (
            json!({"id": "a", "max_connections": 1001}),
            vec!["/max_connections"],
        ),
        (
            json!({"id": "a", "max_connections": "2"}),
            vec!["/max_connections"],
        ),
    ] {
        let mut told = pointers(define(body.clone(), None));
        told.sort();
        assert_eq!(told, at, "{body}");
    }
    for (credentials, at) in [
        (json!(1), "/credentials"),
        (json!({}), "/credentials/type"),
        (json!({"type": "digest"}), "/credentials/type"),
        (
            json!({"type": "basic", "username": "b"}),
            "/credentials/password",
        ),
        (
            json!({"type": "basic", "password": "b"}),
            "/credentials/username",
        ),
        (
            json!({"type": "basic", "username": "b:c", "password": "b"}),
            "/credentials/username",
        ),
        (
            json!({"type": "basic", "username": "b", "password": {"set": true}}),
            "/credentials/password",
        ),
        (
            json!({"type": "basic", "username": "b", "password": {"a": 1}}),
            "/credentials/password",
        ),
        (
            json!({"type": "basic", "username": "b", "password": 5}),
            "/credentials/password",
        ),
        (
            json!({"type": "basic", "username": "b", "password": "x", "password_file": "f"}),
            "/credentials/password_file",
        ),
        (
            json!({"type": "bearer", "token": "a b"}),
            "/credentials/token",
        ),
        (
            json!({"type": "bearer", "token_file": "../../etc/passwd"}),
            "/credentials/token_file",
        ),
        (
            json!({"type": "bearer", "token_file": ".."}),
            "/credentials/token_file",
        ),
        (
            json!({"type": "bearer", "token_file": ""}),
            "/credentials/token_file",
        ),
        (
            json!({"type": "bearer", "token": "t", "username": "x"}),
            "/credentials/username",
        ),
    ] {
        let body = json!({"id": "a", "max_connections": 1, "credentials": credentials});
        assert_eq!(pointers(define(body.clone(), None)), [at], "{body}");
    }
}

#[test]
fn a_write_need_not_repeat_a_secret_and_can_take_it_away() {
    let old = basic();
    let write = |credentials: Value| {
        let body = json!({"id": "a", "max_connections": 2, "credentials": credentials});
        define(body, Some(&old))
    };
    for kept in [
        json!({"type": "basic", "username": "bob"}),
        json!({"type": "basic", "username": "bob", "password": {"set": true}}),
    ] {
        assert_eq!(write(kept).expect("valid"), old);
    }
    let other = write(json!({"type": "basic", "username": "eve"})).expect("valid");
    assert_ne!(other, old);
    // Another kind of credential needs a secret of its own.
    assert_eq!(
        pointers(write(json!({"type": "bearer"}))),
        ["/credentials/token"]
    );
    let gone = define(json!({"max_connections": 2}), Some(&old)).expect("valid");
    assert_eq!(gone.credentials, None);
    let filed = write(json!({"type": "basic", "username": "b", "password_file": "p"}));
    let filed = filed.expect("valid").credentials.expect("credentials");
    let read = filed.resolve(|name| Ok::<_, ()>(format!("in {name}")));
    let (username, password) = ("b".to_owned(), "in p".to_owned());
    assert_eq!(read, Ok(Credentials::Basic { username, password }));
}

#[test]
fn a_patch_changes_what_it_names() {
    let old = basic();
    assert_eq!(old.patched(&json!({})).expect("valid"), old);
    let patched = old
        .patched(&json!({"max_connections": 5, "release_ms": 9}))
        .expect("valid");
    assert_eq!((patched.max_connections, patched.release_ms), (5, Some(9)));
    assert_eq!(patched.credentials, old.credentials);
    let patched = patched
        .patched(&json!({"release_ms": null}))
        .expect("valid");
    assert_eq!(patched.release_ms, None);
    let patched = old
        .patched(&json!({"credentials": {"password": "new"}}))
        .expect("valid");
    assert_ne!(patched.credentials, old.credentials);
    assert_eq!(
        patched.patched(&json!({"credentials": {"password": {"set": true}}})),
        Ok(patched.clone())
    );
    let to_file = json!({"credentials": {"password_file": "p"}});
    let filed = old.patched(&to_file).expect("valid");
    assert!(matches!(
        &filed.credentials,
        Some(AccountCredentials::Basic { password: Secret::File(name), .. }) if name == "p"
    ));
    let back = json!({"credentials": {"password": "x", "password_file": null}});
    assert!(filed.patched(&back).is_ok());
    assert_eq!(
        old.patched(&json!({"credentials": null}))
            .expect("valid")
            .credentials,
        None
    );
    assert_eq!(pointers(old.patched(&json!({"id": "b"}))), ["/id"]);
    assert_eq!(pointers(old.patched(&json!([]))), [""]);
}
