use super::*;
use crate::auth::{Outcome, Scope, Scopes, Token};
use crate::base::clock;
use crate::store::{self, Opened};

const PASSWORD: &str = "correct horse battery";

async fn auth(folder: &tempfile::TempDir, closed: bool) -> Auth {
    let path = folder.path().join("s.redb");
    let Opened { store, auth, .. } =
        Store::open(&path, &store::Settings::default()).expect("opens");
    let settings = Settings {
        required: closed,
        insecure: false,
        metrics_public: Some(false),
        lifetimes: Lifetimes {
            idle: Duration::from_mins(1),
            age: Duration::from_mins(10),
        },
        playback_validity: Duration::from_mins(1),
        playlist_validity: Duration::from_mins(1),
    };
    let auth = Auth::open(store, auth, settings, clock::wall())
        .await
        .expect("opens");
    assert!(auth.is_on(), "until it is known where the server listens");
    auth.listens_locally();
    auth
}

fn name(text: &str) -> UserName {
    UserName::parse(text).expect("a name")
}

fn password(text: &str) -> Password {
    Password::new(text)
}

#[tokio::test]
async fn a_login_ends_with_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(&folder, false).await;
    assert!(!auth.is_on() && auth.nobody().may(Permission::Admin));
    let now = clock::now();
    let add = async |who, role| {
        auth.add_user(name(who), role, password(PASSWORD), clock::wall())
            .await
    };
    add("ada", Role::Admin).await.expect("added");
    add("eve", Role::Viewer).await.expect("added");
    assert!(auth.is_on() && !auth.nobody().may(Permission::Read));
    for (who, text) in [
        ("eve", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("e:ve", PASSWORD),
    ] {
        let refused = auth.log_in(who, password(text), now).await;
        assert!(matches!(refused, Err(AuthError::Wrong)), "{who} {text}");
    }
    let (key, eve) = auth
        .log_in(" Eve ", password(PASSWORD), now)
        .await
        .expect("let in");
    assert_eq!(eve.name(), "user:eve");
    assert_eq!(auth.by_session(&key.digest(), now), Some(eve.clone()));
    assert_eq!(auth.by_session(&Digest::of(b"x"), now), None);
    assert_eq!(auth.known("eve", &password(PASSWORD), now), None);
    auth.by_password("eve", password(PASSWORD), now)
        .await
        .expect("let in");
    assert_eq!(
        auth.known("eve", &password(PASSWORD), now),
        Some(eve.clone())
    );

    // What takes long is looked at again.
    let still = |wanted| {
        let session = Some(key.digest());
        auth.still(&eve, session.as_ref(), wanted, (now, clock::wall()))
    };
    assert!(still(Permission::Read) && !still(Permission::Operate));

    // Another role counts at once; another password ends what began with the old one.
    let wall = clock::wall();
    let role = auth.change_user(name("eve"), Some(Role::Operator), None, wall);
    role.await.expect("changed");
    let eve = auth.by_session(&key.digest(), now).expect("still in");
    assert!(eve.may(Permission::Operate));
    let other = password("another one of length");
    let changed = auth.change_user(name("eve"), None, Some(other), wall);
    changed.await.expect("changed");
    assert!(!still(Permission::Read));
    assert_eq!(auth.by_session(&key.digest(), now), None);
    assert_eq!(auth.known("eve", &password(PASSWORD), now), None);

    let (key, _) = auth
        .log_in("ada", password(PASSWORD), now)
        .await
        .expect("let in");
    assert!(auth.log_out(&key.digest()));
    assert_eq!(auth.by_session(&key.digest(), now), None);
    let short = auth.change_user(name("ada"), None, Some(password("short")), wall);
    assert!(matches!(short.await, Err(AuthError::Password(_))));
    let removed = auth.change(Change::RemoveUser(name("ada")));
    assert!(matches!(
        removed.await,
        Err(AuthError::Refused(Refused::LastAdmin))
    ));
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = auth(&folder, true).await;
    assert!(auth.is_on());
    let now = (clock::now(), clock::wall());
    let token = auth.begin_bootstrap(now.0).expect("a token");
    let make = async |token: &str, who| {
        let made = auth.bootstrap(token, name(who), password(PASSWORD), now);
        made.await
    };
    let wrong = TokenText::new([0; 32]);
    for bad in [wrong.as_str(), "", "sgt_"] {
        assert!(matches!(
            make(bad, "eve").await,
            Err(AuthError::NoBootstrap)
        ));
    }
    // It is no token for anything else.
    assert_eq!(auth.by_token(token.as_str(), now.1), None);
    let (one, two) = tokio::join!(make(token.as_str(), "ada"), make(token.as_str(), "eve"));
    assert_eq!(
        u8::from(one.is_ok()) + u8::from(two.is_ok()),
        1,
        "{one:?} {two:?}"
    );
    assert!(matches!(
        make(token.as_str(), "bob").await,
        Err(AuthError::NoBootstrap)
    ));
    assert_eq!(auth.book().users().count(), 1);
    // Nor when there is a user in another way.
    let again = auth.begin_bootstrap(now.0).expect("a token");
    assert!(matches!(
        make(again.as_str(), "bob").await,
        Err(AuthError::NoBootstrap)
    ));
}

#[tokio::test]
async fn tokens_and_keys_outlive_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let wall = clock::wall();
    let text = TokenText::new([5; 32]);
    let claim = Claim::new(crate::auth::Place::Index, "news", "", "");
    let until = wall.as_second() + 60;
    let ticket = {
        let auth = auth(&folder, false).await;
        let token = Token {
            id: TokenId::new([5; 8]),
            name: "prometheus".to_owned(),
            scopes: Scopes::new(vec![Scope::Metrics]).expect("one"),
            digest: text.digest(),
            created_at: wall,
            created_by: "console".to_owned(),
            expires_at: None,
        };
        auth.change(Change::AddToken(token)).await.expect("added");
        assert!(auth.is_on(), "a token is a credential");
        let principal = auth.by_token(text.as_str(), wall).expect("known");
        assert_eq!(principal.name(), "token:0k2ga1850k2ga (prometheus)");
        assert!(
            auth.may(&principal, Permission::Metrics) && !auth.may(&principal, Permission::Read)
        );
        auth.audit(Entry {
            at: wall,
            sort: crate::auth::Audited::Change,
            who: principal.name(),
            address: None,
            action: "GET /metrics".to_owned(),
            subject: None,
            outcome: Outcome::Done,
            status: Some(200),
        });
        auth.store().check().await.expect("written");
        auth.sign(&claim, until).expect("signed")
    };
    // The file is closed a moment after its last handle is gone.
    let again = loop {
        let path = folder.path().join("s.redb");
        match Store::open(&path, &store::Settings::default()) {
            Ok(Opened {
                store, auth: kept, ..
            }) => {
                let settings = Settings {
                    required: false,
                    insecure: false,
                    metrics_public: Some(false),
                    lifetimes: Lifetimes {
                        idle: Duration::from_secs(1),
                        age: Duration::from_secs(1),
                    },
                    playback_validity: Duration::ZERO,
                    playlist_validity: Duration::ZERO,
                };
                break Auth::open(store, kept, settings, wall)
                    .await
                    .expect("opens");
            }
            Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(again.verify_url(&claim, &ticket, wall), Ok(()));
    let id = TokenId::new([5; 8]);
    assert_eq!(again.last_use(&id), Some(wall.as_second()));
    again.rotate(true, wall).await.expect("rotated");
    assert_eq!(
        again.verify_url(&claim, &ticket, wall),
        Err(Fault::UnknownKey)
    );
    again
        .change(Change::RemoveToken(id))
        .await
        .expect("removed");
    assert_eq!(again.by_token(text.as_str(), wall), None);
}
