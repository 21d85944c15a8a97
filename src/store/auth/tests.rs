use jiff::Timestamp;

use super::*;
use crate::auth::{Book, Change, KeyId, Outcome, Scope, Scopes, TokenText};
use crate::store::{Opened, Settings};

fn open(path: &std::path::Path) -> Opened {
    Store::open(path, &Settings::default()).expect("opens")
}

fn token(n: u8) -> Token {
    Token {
        id: TokenId::new([n; 8]),
        name: format!("token {n}"),
        scopes: Scopes::new(vec![Scope::Play]).expect("one"),
        digest: TokenText::new([n; 32]).digest(),
        created_at: Timestamp::UNIX_EPOCH,
        created_by: "console".to_owned(),
        expires_at: None,
    }
}

fn entry(n: usize, sort: Audited) -> Entry {
    Entry {
        at: Timestamp::UNIX_EPOCH,
        sort,
        who: "user:ada".to_owned(),
        address: None,
        action: n.to_string(),
        subject: None,
        outcome: Outcome::Done,
        status: None,
    }
}

#[tokio::test]
async fn who_is_let_in_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let Opened { store, closing, .. } = open(&path);
    let mut book = Book::default();
    let key = |n: u8| Key::new(KeyId::new([n; 4]), [n; 32], Timestamp::UNIX_EPOCH);
    for change in [
        Change::AddToken(token(1)),
        Change::AddToken(token(2)),
        Change::Rotate {
            key: key(1),
            forget: false,
        },
        Change::Rotate {
            key: key(2),
            forget: true,
        },
    ] {
        let rows = book.apply(change).expect("may be");
        store.put_auth(rows).await.expect("written");
    }
    store.token_used(token(1).id, 7);
    store.token_used(token(2).id, 8);
    let gone = book.apply(Change::RemoveToken(token(2).id)).expect("there");
    store.put_auth(gone).await.expect("written");
    // Late: it does not come back.
    store.token_used(token(2).id, 9);
    drop(store);
    closing.wait();
    let mode = std::fs::metadata(&path).expect("there").permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    let Opened { auth, .. } = open(&path);
    assert_eq!(auth.tokens, [token(1)]);
    assert_eq!(auth.token_uses, [(token(1).id, 7)]);
    assert_eq!(auth.keys, [key(2)]);
    assert_eq!(auth.users, []);
}

/// However often somebody tries to log in, what was changed is not forgotten for it.
#[tokio::test]
async fn the_audit_log_is_bounded_by_sort() {
    let folder = tempfile::tempdir().expect("a folder");
    let Opened { store, .. } = open(&folder.path().join("s.redb"));
    assert!(store.audit(vec![entry(0, Audited::Change)]));
    let most = usize::try_from(MOST).expect("small");
    let logins = (1..=most + 10).map(|n| entry(n, Audited::Login));
    assert!(store.audit(logins.collect()));
    assert!(store.audit(vec![entry(1, Audited::Change)]));
    store.check().await.expect("all is written");
    let ask = async |query| store.audited(query).await.expect("read");
    let newest = ask(AuditQuery {
        limit: 2,
        ..AuditQuery::default()
    })
    .await;
    let numbers: Vec<_> = newest.iter().map(|one| one.number).collect();
    assert_eq!(newest[0].entry, entry(1, Audited::Change));
    assert_eq!(numbers, [MOST + 12, MOST + 11]);
    let logins = AuditQuery {
        sort: Some(Audited::Login),
        limit: usize::MAX,
        before: None,
    };
    assert_eq!(ask(logins).await.len(), most);
    let changes = AuditQuery {
        sort: Some(Audited::Change),
        before: Some(MOST + 12),
        limit: 10,
    };
    let first = ask(changes).await;
    assert_eq!(
        (first.len(), &first[0].entry),
        (1, &entry(0, Audited::Change))
    );
}
