//! Mail through the front door: test alerts, the outbox, and what survives a crash.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::*;
use crate::*;

const OUTBOX: &str = "/api/v1/alerts/outbox";
const TEST: &str = "/api/v1/alerts/test";

fn options(mail: &MailServer, to: &str) -> Options {
    Options::new()
        .env("SMTP_HOST", "127.0.0.1")
        .env("SMTP_PORT", &mail.port())
        .env("SMTP_SECURITY", "plain")
        .env("EMAIL_FROM", "Sightglass <alerts@example.org>")
        .env("EMAIL_TO", to)
        .env("EMAIL_BATCH_PAUSE", "200ms")
        .env("ALERT_RETRY_MIN", "100ms")
        .env("ALERT_RETRY_MAX", "500ms")
}

/// Over TLS and logged in, as most mail servers want it.
fn secure(mail: &MailServer, how: &str, password: &str) -> Options {
    options(mail, "noc@example.org")
        .env("SMTP_SECURITY", how)
        .env("SMTP_CA_FILE", &mail.ca().display())
        .env("SMTP_USERNAME", "alerts")
        .env("SMTP_PASSWORD", password)
}

async fn test_alert(server: &Server) -> Value {
    let (status, _, body) = server.post(TEST, &json!({})).await;
    assert_eq!(status, 200, "{body}");
    body["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_alert_arrives_over_starttls_and_over_tls() {
    for how in ["starttls", "tls"] {
        let mail = MailServer::secure(how, "alerts", "hunter2");
        let server = Server::start(secure(&mail, how, "hunter2")).await;
        let told = test_alert(&server).await;
        assert_eq!(told["outcome"], "sent", "{how}: {told}");
        let mails = mail.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].tls && mails[0].login, "{how}");
        let id = told["id"].as_str().unwrap();
        assert_eq!(mails[0].id(), format!("<{id}@example.org>"));
        let subject = mails[0].header("subject").unwrap();
        assert_eq!(subject, "[test] Alerts from Sightglass arrive");
        for part in ["text/plain", "text/html"] {
            assert!(mails[0].text.contains(part), "{part}");
        }
        let (_, _, sent) = server.get("/api/v1/alerts/sent").await;
        assert_eq!(sent["items"][0]["id"], told["id"]);
        let metrics = server.metrics().await;
        let of = [("kind", "email"), ("outcome", "sent")];
        assert_eq!(metrics.sum("sightglass_notifications_total", &of), 1.0);
        let pending = r#"sightglass_outbox_notifications{state="pending"}"#;
        assert_eq!(metrics.get(pending), Some(0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_tells_what_is_wrong_and_can_be_mended() {
    let mail = MailServer::secure("starttls", "alerts", "hunter2");
    let server = Server::start(secure(&mail, "starttls", "wrong")).await;
    let told = test_alert(&server).await;
    assert_eq!(
        (&told["outcome"], &told["error"]["stage"]),
        (&json!("failed"), &json!("auth"))
    );
    assert!(
        told["error"]["message"].as_str().unwrap().contains("535"),
        "{told}"
    );
    let (_, _, list) = server.get(OUTBOX).await;
    assert_eq!(
        (&list["total"], &list["items"][0]["state"]),
        (&json!(1), &json!("pending"))
    );
    assert!(!list.to_string().contains("wrong"), "{list}");

    let one = format!("{OUTBOX}/{}", told["id"].as_str().unwrap());
    let (status, _, details) = server.get(&one).await;
    assert_eq!((status, &details["told"][0]["kind"]), (200, &json!("test")));
    let (status, _, again) = server.post(&format!("{one}/retry"), &Value::Null).await;
    assert_eq!((status, &again["attempts"]), (202, &json!(0)));
    let (status, _, _) = server.delete(&one).await;
    assert_eq!(status, 204);
    assert_eq!(server.get(&one).await.0, 404);
    assert_eq!(
        server.post(&format!("{one}/retry"), &Value::Null).await.0,
        404
    );
    let (_, _, none) = server.get(&format!("{OUTBOX}?state=dead")).await;
    assert_eq!(none["total"], 0);

    // What is refused for good can be sent again, and is refused again.
    let mail = MailServer::plain();
    let server = Server::start(options(&mail, "reject@example.org")).await;
    assert_eq!(test_alert(&server).await["outcome"], "dead");
    let (status, _, again) = server.post(&format!("{OUTBOX}/retry"), &Value::Null).await;
    assert_eq!((status, &again["notifications"]), (202, &json!(1)));
    eventually(SOON, "the notification to be given up again", async || {
        let metrics = server.metrics().await;
        let of = [("kind", "email"), ("outcome", "dead")];
        (metrics.sum("sightglass_notifications_total", &of) == 2.0).then_some(())
    })
    .await;
    let (status, _, _) = server.post(TEST, &json!({ "receivers": ["nobody"] })).await;
    assert_eq!(status, 404);
}

/// The mail server is away, and the server is killed meanwhile, more than once. With
/// `DELIVERY_OUTAGE_SECONDS` it takes as long as that.
#[tokio::test(flavor = "multi_thread")]
async fn each_alert_arrives_once_though_both_servers_were_down() {
    const ALERTS: usize = 25;
    let outage = std::env::var("DELIVERY_OUTAGE_SECONDS").ok();
    let outage = outage.map_or(Duration::from_secs(1), |text| {
        Duration::from_secs(text.parse().expect("a number of seconds"))
    });
    let mut mail = MailServer::away();
    let mut server = Server::start(options(&mail, "noc@example.org")).await;
    let mut ids = Vec::new();
    for n in 0..ALERTS {
        let (status, _, told) = server.post(TEST, &json!({ "wait_ms": 0 })).await;
        assert_eq!(status, 200, "{told}");
        let id = told["items"][0]["id"].as_str().unwrap();
        ids.push(format!("<{id}@example.org>"));
        if n % 8 == 7 {
            tokio::time::sleep(outage / 4).await;
            server.kill9();
            server = server.restart().await;
        }
    }
    tokio::time::sleep(outage / 4).await;
    let oldest = "sightglass_outbox_oldest_seconds";
    let metrics = server.metrics().await;
    assert!(metrics.get(oldest).unwrap() >= outage.as_secs_f64() / 2.0);
    mail.start();
    eventually(SOON, "all mails", async || {
        (mail.mails().len() >= ALERTS).then_some(())
    })
    .await;
    eventually(SOON, "an empty outbox", async || {
        let (_, _, list) = server.get(OUTBOX).await;
        (list["total"] == 0).then_some(())
    })
    .await;
    let mut came = BTreeMap::new();
    for mail in mail.mails() {
        *came.entry(mail.id()).or_insert(0) += 1;
    }
    let once: BTreeMap<_, _> = ids.into_iter().map(|id| (id, 1)).collect();
    // In a long outage there is something more to tell: that notifications wait.
    let beside = came.extract_if(.., |id, _| !once.contains_key(id)).count();
    assert!(beside <= 2, "{beside} more");
    assert_eq!(came, once);
    server.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_each_step_of_a_trial_mail() {
    let trial = async |mail: &MailServer, to: &[&str], more: &[(&str, &str)]| {
        let mut command = clean_command(env!("CARGO_BIN_EXE_sightglass"));
        command
            .args([
                "test-alert",
                "--smtp-host",
                "127.0.0.1",
                "--smtp-security",
                "plain",
            ])
            .args(["--smtp-port", &mail.port().to_string()])
            .args(["--email-from", "alerts@example.org"])
            .envs(more.iter().copied());
        for to in to {
            command.args(["--to", to]);
        }
        run(command, SOON).await
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut mail = MailServer::plain();
    let good = trial(&mail, &["noc@example.org"], &[]).await;
    let said = text(&good.stdout);
    assert!(good.success(), "{said}{}", good.stderr);
    for step in [
        "connect",
        "sender",
        "recipient  noc@example.org",
        "data",
        "kept as 000",
    ] {
        assert!(said.contains(step), "{step}: {said}");
    }
    let half = trial(&mail, &["noc@example.org", "reject@example.org"], &[]).await;
    assert_eq!(half.status.unwrap().code(), Some(1));
    assert!(text(&half.stdout).contains("FAILED  recipient  reject@example.org"));
    assert!(half.stderr.contains("accepted for 1 of 2"));
    let tls = trial(
        &mail,
        &["noc@example.org"],
        &[("SMTP_SECURITY", "starttls")],
    )
    .await;
    assert!(tls.success(), "a flag is stronger than the environment");
    let login = [
        ("SMTP_USERNAME", "alerts"),
        ("SMTP_PASSWORD_FILE", "/nowhere"),
    ];
    let none = trial(&mail, &["noc@example.org"], &login).await;
    assert!(
        text(&none.stdout).contains("FAILED  auth"),
        "{}",
        text(&none.stdout)
    );
    let nobody = trial(&mail, &[], &[]).await;
    assert!(nobody.stderr.contains("EMAIL_TO"));
    mail.stop();
    let away = trial(&mail, &["noc@example.org"], &[]).await;
    assert_eq!(away.status.unwrap().code(), Some(1));
    assert!(
        text(&away.stdout).contains("FAILED  connect"),
        "{}",
        text(&away.stdout)
    );
    assert_eq!(mail.mails().len(), 3);
}

/// One mail for all that share something, one for what is left, and one more each for what came late.
const A_HANDFUL: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_streams_that_fail_at_once_are_a_handful_of_mails() {
    let mail = MailServer::plain();
    let options = options(&mail, "noc@example.org")
        .quick()
        .env("MONITOR_MODE", "sampled")
        .env("MONITOR_INTERVAL", "3s")
        .env("MONITOR_HOLD", "down=1s")
        .env("MONITOR_HOST_CONCURRENCY", "100")
        .env("MONITOR_START_RATE", "1000");
    let server = Server::start(options).await;
    // Nothing listens there.
    let port = free_tcp_port();
    let added = (0..200).map(|n| {
        let url = format!("http://127.0.0.1:{port}/{n}.ts");
        let stream = json!({ "id": format!("s{n}"), "name": format!("Channel {n}"), "sources": [{ "url": url }] });
        server.add(stream)
    });
    futures_util::future::join_all(added).await;
    let text = |mail: &Mail| mail.parts[1][2].as_str().unwrap_or_default().to_owned();
    let named = async || {
        let texts = mail.mails().iter().map(text).collect::<String>();
        (0..200)
            .all(|n| texts.contains(&format!("(s{n})")))
            .then_some(texts)
    };
    let texts = eventually(Duration::from_mins(1), "mails that name all 200", named).await;
    let mails = mail.mails();
    assert!(mails.len() <= A_HANDFUL, "{} mails", mails.len());
    for n in 0..200 {
        let times = texts.matches(&format!("(s{n})")).count();
        assert_eq!(times, 1, "s{n}");
    }
    let subjects: Vec<_> = mails
        .iter()
        .filter_map(|mail| mail.header("subject"))
        .collect();
    assert!(
        subjects.iter().any(|it| it.contains("host 127.0.0.1")),
        "{subjects:?}"
    );
}
