//! The real Alertmanager.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use sightglass::notify::Target;
use tempfile::TempDir;
use url::Url;

use crate::SOON;
use crate::rig::{Rig, down, over};
use crate::support::{Kid, clean_command, eventually, free_tcp_port, http_client};

struct Alertmanager {
    kid: Kid,
    port: u16,
    home: TempDir,
}

impl Alertmanager {
    async fn start() -> Self {
        let home = TempDir::with_prefix("sightglass-am-").unwrap();
        let configuration = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
        std::fs::write(home.path().join("am.yml"), configuration).unwrap();
        let port = free_tcp_port();
        let kid = launch(home.path(), port);
        let manager = Self { kid, port, home };
        manager.ready().await;
        manager
    }

    /// It ends, and begins without memory of what was active.
    async fn restart(&mut self) {
        self.kid.kill();
        self.kid = launch(self.home.path(), self.port);
        self.ready().await;
    }

    fn url(&self) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}", self.port)).unwrap()
    }

    async fn ready(&self) {
        eventually(SOON, "Alertmanager", async || self.get("/-/ready").await).await;
    }

    /// The active alerts, by stream.
    async fn active(&self) -> Vec<Value> {
        let path = "/api/v2/alerts?active=true";
        let text = self.get(path).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn until_active(&self, streams: &[&str]) -> Vec<Value> {
        let what = format!("Alertmanager to tell of {streams:?}");
        eventually(SOON, &what, async || {
            let active = self.active().await;
            let named = active
                .iter()
                .map(|alert| alert["labels"]["stream"].as_str().unwrap());
            let mut named: Vec<_> = named.collect();
            named.sort_unstable();
            (named == streams).then(|| active.clone())
        })
        .await
    }

    async fn get(&self, path: &str) -> Option<String> {
        let client = http_client().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = client.get(url).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }
}

fn launch(home: &Path, port: u16) -> Kid {
    let mut command = clean_command("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}/am.yml", home.display()))
        .arg(format!("--storage.path={}", home.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Kid::spawn(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_is_told_what_is_active_until_it_is_over() {
    let mut manager = Alertmanager::start().await;
    let rig = Rig::new(None);
    rig.receiver("am", Target::Alertmanager { url: manager.url() });
    let (mut one, two) = (down("one"), down("two"));
    one.group = Some("UK".to_owned());
    let told = rig.tell("am", vec![one.clone(), two.clone()]).await;
    rig.sent(told).await;
    let active = manager.until_active(&["one", "two"]).await;
    let alert = active
        .iter()
        .find(|it| it["labels"]["stream"] == "one")
        .unwrap();
    assert_eq!(alert["labels"]["alertname"], "StreamDown");
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["labels"]["group"], "UK");
    assert_eq!(alert["annotations"]["summary"], "Channel one: down");

    // It has forgotten them, and is told again.
    manager.restart().await;
    manager.until_active(&["one", "two"]).await;

    // Though the stream is in another group by now, it is the same alert that is over.
    one.group = None;
    let told = rig.tell("am", vec![over(one)]).await;
    rig.sent(told).await;
    manager.until_active(&["two"]).await;
    let told = rig.tell("am", vec![over(two)]).await;
    rig.sent(told).await;
    manager.until_active(&[]).await;
    assert!(rig.store.outbox().repeated_to().await.unwrap().is_empty());
}
