use std::time::Duration;

use super::slot::read_secret;
use super::*;
use crate::actors::sessions::{Format, SessionGuard, SessionLimits, Viewer};
use crate::stream::{Account, AccountRecord};

const SOON: Duration = Duration::from_secs(5);

struct Scene {
    accounts: Accounts,
    sessions: Sessions,
    account: AccountId,
}

fn stream(id: &str) -> StreamId {
    StreamId::parse(id).expect("valid")
}

impl Scene {
    /// An account of so many connections, and the driver.
    fn new(limit: usize) -> Self {
        let sessions = Sessions::new(SessionLimits {
            per_client: 100,
            total: 100,
        });
        let accounts = Accounts::new(sessions.clone(), None);
        tokio::spawn(accounts.clone().run(CancellationToken::new()));
        let scene = Self {
            accounts,
            sessions,
            account: AccountId::parse("a").expect("valid"),
        };
        scene.limit(limit);
        scene
    }

    fn limit(&self, limit: usize) {
        let body = serde_json::json!({"id": "a", "max_connections": limit, "release_ms": 20});
        let record = AccountRecord {
            account: Account::define(body, None, |_| false).expect("valid"),
            revision: 1,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let known = [(self.account.clone(), Arc::new(record))]
            .into_iter()
            .collect();
        self.accounts.know(Arc::new(known));
    }

    fn session(&self, id: &str, client: u8) -> SessionGuard {
        let viewer = Viewer::anybody([192, 0, 2, client].into());
        let begun = self.sessions.begin(stream(id), viewer, Format::Ts, None);
        begun.expect("room")
    }

    fn ask(&self, id: &str) -> (Slot, CancellationToken) {
        let end = CancellationToken::new();
        let who = Who::Pull {
            stream: stream(id),
            trial: Arc::default(),
            end: end.clone(),
        };
        let slot = self.accounts.ask(&self.account, who);
        (slot.expect("a place"), end)
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("in time")
}

#[tokio::test(start_paused = true)]
async fn a_monitor_yields_to_a_viewer_who_gets_the_slot_when_it_is_back() {
    let scene = Scene::new(1);
    let monitoring = scene.accounts.monitoring(stream("m"));
    let (monitor, monitor_end) = scene.ask("m");
    assert!(monitor.is_granted());
    let _session = scene.session("v", 1);
    let (viewer, _) = scene.ask("v");
    assert_eq!(soon(monitor.recalled()).await, Reason::Outranked);
    assert!(
        !monitor_end.is_cancelled(),
        "its connection ends, its pull goes on"
    );
    assert!(!viewer.is_granted(), "not before it is back");
    assert_eq!(scene.accounts.figures(&scene.account).in_use, 1);
    drop(monitor);
    assert!(soon(viewer.granted()).await);
    // The monitor waits for its turn, and goes when nobody monitors any more.
    let (monitor, monitor_end) = scene.ask("m");
    assert_eq!(scene.accounts.figures(&scene.account).waiting, 1);
    drop(monitoring);
    assert!(!soon(monitor.granted()).await);
    assert!(monitor_end.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_makes_room_at_once() {
    let scene = Scene::new(1);
    let old = scene.session("a", 1);
    let (lingers, end) = scene.ask("a");
    let _new = scene.session("b", 2);
    let (waits, _) = scene.ask("b");
    assert!(!end.is_cancelled());
    drop(old);
    assert_eq!(soon(lingers.recalled()).await, Reason::Idle);
    assert!(end.is_cancelled(), "nobody watches: the whole pull ends");
    drop(lingers);
    assert!(soon(waits.granted()).await);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_channel_ends_the_old_session_and_a_trial_is_the_first_to_go() {
    let scene = Scene::new(2);
    let old = scene.session("a", 1);
    let (first, end) = scene.ask("a");
    let trial = Arc::new(AtomicBool::new(true));
    let who = Who::Pull {
        stream: stream("a"),
        trial: Arc::clone(&trial),
        end: CancellationToken::new(),
    };
    let trial = scene.accounts.ask(&scene.account, who).expect("a place");
    assert!(trial.is_granted());
    let _new = scene.session("b", 1);
    let (second, _) = scene.ask("b");
    assert_eq!(soon(trial.recalled()).await, Reason::Outranked);
    drop(trial);
    assert!(soon(second.granted()).await);
    assert!(!old.ended().is_cancelled());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let _newest = scene.session("c", 1);
    let (third, _) = scene.ask("c");
    // The newest before it: that is the one it came from.
    assert_eq!(soon(second.recalled()).await, Reason::ChangedChannel);
    assert!(!end.is_cancelled() && !old.ended().is_cancelled());
    drop((first, second));
    assert!(soon(third.granted()).await);
    let takeovers = &scene.accounts.all_figures()[0].takeovers;
    assert_eq!(*takeovers, [0, 1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_lowered_ends_connections_and_an_account_that_goes_takes_none() {
    let scene = Scene::new(2);
    let sessions = [scene.session("a", 1), scene.session("b", 2)];
    let (first, _) = scene.ask("a");
    let (second, _) = scene.ask("b");
    scene.limit(1);
    assert_eq!(soon(second.recalled()).await, Reason::LimitLowered);
    drop(second);
    let (again, _) = scene.ask("b");
    assert_eq!(scene.accounts.figures(&scene.account).waiting, 1);
    scene.limit(2);
    assert!(soon(again.granted()).await);
    scene.accounts.know(Known::default());
    let gone = scene.accounts.ask(&scene.account, Who::Validation);
    assert_eq!(gone.err(), Some(NoPlace::Unknown));
    drop((first, again, sessions));
    soon(async {
        while !scene.accounts.state().ledgers.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_at_each_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |name: &str| read_secret(Some(folder.path().to_owned()), name);
    assert!(read("none").is_err());
    assert!(read_secret(None, "none").is_err());
    std::fs::write(folder.path().join("one"), "p w\r\n\n").expect("written");
    assert_eq!(read("one").expect("read"), "p w");
    std::fs::write(folder.path().join("large"), "x".repeat(4097)).expect("written");
    assert!(read("large").is_err());
    std::fs::write(folder.path().join("bytes"), [0xff, 0xfe]).expect("written");
    assert!(read("bytes").is_err());
}
