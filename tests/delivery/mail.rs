//! Mail servers that refuse, postpone, break off and are slow.

use std::time::{Duration, Instant};

use sightglass::alerts::{Common, ItemKind, Picture};
use sightglass::conditions::{Kind, Severity};
use sightglass::notify::Stage;
use sightglass::store::outbox::State;

use crate::SOON;
use crate::rig::{Rig, down, over};
use crate::support::{MailServer, clean_command, media, run};

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_gets_it_once_whatever_becomes_of_the_others() {
    let server = MailServer::plain();
    let rig = Rig::new(Some(&server));
    let all = ["ok@example.org", "later@example.org", "reject@example.org"];
    rig.mailbox("noc", &all);
    let id = rig.tell("noc", vec![down("news")]).await;
    let row = rig.row(id, |row| row.attempts >= 3).await;
    let have_it: Vec<_> = row.accepted.iter().map(ToString::to_string).collect();
    assert_eq!(have_it, ["ok@example.org"]);
    let error = row.last_error.unwrap();
    assert_eq!((row.state, error.stage), (State::Pending, Stage::Recipient));
    assert!(
        error.message.contains("later@example.org") && error.message.contains("451"),
        "{error:?}"
    );

    server.up();
    let row = rig.row(id, |row| row.state == State::Dead).await;
    let error = row.last_error.unwrap();
    assert!(
        error.message.contains("reject@example.org") && error.message.contains("550"),
        "{error:?}"
    );
    let mails = server.mails();
    let to: Vec<_> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    assert_eq!(to, ["ok@example.org", "later@example.org"]);
    // All of them are named, and it is the same mail.
    assert_eq!(mails[0].header("to"), Some(all.join(", ")));
    assert_eq!(mails[0].id(), format!("<{id}@example.org>"));
    assert_eq!(mails[0].id(), mails[1].id());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_comes_again_and_what_is_not_wanted_does_not() {
    let server = MailServer::plain();
    let rig = Rig::new(Some(&server));
    rig.mailbox("drop", &["drop@example.org"]);
    rig.mailbox("refuse", &["refuse@example.org"]);
    rig.mailbox("nobody", &["reject@example.org"]);
    let dropped = rig.tell("drop", vec![down("a")]).await;
    let refused = rig.tell("refuse", vec![down("b")]).await;
    let nobody = rig.tell("nobody", vec![down("c")]).await;
    let gone = rig.tell("gone", vec![down("d")]).await;

    let row = rig.row(dropped, |row| row.attempts >= 2).await;
    assert_eq!(
        (row.state, row.last_error.unwrap().stage),
        (State::Pending, Stage::Data)
    );
    for (id, stage) in [
        (refused, Stage::Data),
        (nobody, Stage::Recipient),
        (gone, Stage::Receiver),
    ] {
        let row = rig.row(id, |row| row.state == State::Dead).await;
        assert_eq!((row.attempts, row.last_error.unwrap().stage), (1, stage));
    }
    server.up();
    rig.sent(dropped).await;
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mailbox_keeps_nobody_waiting_and_mails_leave_in_batches() {
    let server = MailServer::plain();
    let rig = Rig::new(Some(&server));
    rig.mailbox("slow", &["slow@example.org"]);
    let slow = rig.tell("slow", vec![down("news")]).await;
    let began = Instant::now();
    let mut quick = Vec::new();
    for n in 0..25 {
        let receiver = format!("quick-{n}");
        rig.mailbox(&receiver, &["quick@example.org"]);
        quick.push(rig.tell(&receiver, vec![down("news")]).await);
    }
    for id in quick {
        rig.sent(id).await;
    }
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(1),
        "two pauses of 0.5 s: {took:?}"
    );
    assert_eq!(
        server.mails().len(),
        25,
        "none of them waited for the slow one"
    );
    rig.sent(slow).await;
    assert_eq!(server.mails().len(), 26);
}

/// With `MAIL_KEEP` the mails are left in that folder, to be looked at.
#[tokio::test(flavor = "multi_thread")]
async fn mail_programs_find_the_text_the_page_and_the_pictures() {
    let server = MailServer::plain();
    let rig = Rig::new(Some(&server));
    rig.mailbox("noc", &["noc@example.org"]);
    let jpeg = thumbnail().await;
    let picture = |id: &str| {
        let item = down(id);
        Picture {
            stream: item.stream,
            at: item.at,
            jpeg: jpeg.clone(),
        }
    };
    let mut black = down("bbc-one");
    black.name = "BBC One \u{2013} Grüße <b>&amp;".to_owned();
    black.condition.kind = Kind::Black;
    black.condition.evidence.text = "the picture is black for 12 s".to_owned();
    let told = rig.with("noc", vec![black], |it| {
        it.pictures = vec![picture("bbc-one")];
    });
    rig.sent(told.await).await;

    let mut many: Vec<_> = (1..=200).map(|n| down(&format!("channel-{n}"))).collect();
    many[7].condition.severity = Severity::Warning;
    many[7].condition.kind = Kind::Continuity;
    many[8].kind = ItemKind::Escalated;
    many[9].held_back = 3;
    many.push(over(down("channel-201")));
    let told = rig.with("noc", many, |it| {
        it.common = Some(Common::Account("acme".to_owned()));
        it.held_back = 12;
        it.pictures = (1..=5).map(|n| picture(&format!("channel-{n}"))).collect();
    });
    rig.sent(told.await).await;

    let mails = server.mails();
    if let Some(folder) = std::env::var_os("MAIL_KEEP") {
        for (n, mail) in mails.iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("{n}.eml"));
            std::fs::write(path, &mail.text).unwrap();
        }
    }
    let of = |mail: usize, part: usize, what: usize| mails[mail].parts[part][what].clone();
    let text = |mail, part, what| of(mail, part, what).as_str().unwrap().to_owned();
    assert_eq!(
        text(0, 0, 0),
        "[critical] BBC One \u{2013} Grüße <b>&amp;: black picture"
    );
    for defects in of(0, 0, 1).as_array().unwrap() {
        assert_eq!(*defects, serde_json::json!([]));
    }
    assert_eq!(
        (text(0, 1, 0), text(0, 2, 0)),
        ("text/plain".into(), "text/html".into())
    );
    assert!(text(0, 1, 2).contains("the picture is black for 12 s"));
    let page = text(0, 2, 2);
    assert!(page.contains("BBC One \u{2013} Grüße &lt;b&gt;&amp;amp;"));
    assert_eq!(text(0, 3, 0), "image/jpeg");
    assert_eq!(of(0, 3, 2), jpeg.len());
    let id = text(0, 3, 1);
    assert!(page.contains(&format!("src=\"cid:{}\"", id.trim_matches(['<', '>']))));

    let subject =
        "[critical] 200 streams of account acme: 199 down, 1 continuity errors; 1 recovered";
    assert_eq!(text(1, 0, 0), subject);
    for part in [1, 2] {
        let text = text(1, part, 2);
        assert!((1..=201).all(|n| text.contains(&format!("Channel channel-{n}"))));
        assert!(text.contains("12 changes were held back"));
    }
    assert_eq!(mails[1].parts.as_array().unwrap().len(), 3 + 5);
}

/// A frame of real footage, as small as thumbnails are.
async fn thumbnail() -> Vec<u8> {
    let mut ffmpeg = clean_command("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-ss", "2", "-i"])
        .arg(media("bbb.ts"))
        .args(["-frames:v", "1", "-vf", "scale=480:-2", "-f", "mjpeg", "-"]);
    let frame = run(ffmpeg, SOON).await;
    assert!(
        frame.success() && !frame.stdout.is_empty(),
        "{}",
        frame.stderr
    );
    frame.stdout
}
