//! Crashes and ends.

use super::*;

/// What was acknowledged for each id: its newest name, or none once it was removed.
type Acknowledged = Arc<Mutex<BTreeMap<String, Option<String>>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    const WRITERS: usize = 12;
    const ENOUGH: usize = 150;
    let mut server = Server::start(Options::new()).await;
    let acknowledged = Acknowledged::default();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (http, base) = (server.http().clone(), server.base().to_owned());
        let acknowledged = Arc::clone(&acknowledged);
        writers.push(tokio::spawn(async move {
            let keep = |id: &str, name: Option<&str>| {
                let mut all = acknowledged.lock().expect("no poison");
                all.insert(id.to_owned(), name.map(str::to_owned));
            };
            for n in 0.. {
                let id = format!("w{writer}-{n}");
                let url = format!("{base}{STREAMS}/{id}");
                let post = http
                    .post(format!("{base}{STREAMS}"))
                    .body(stream(&id).to_string());
                match post.send().await {
                    Ok(answer) if answer.status() == 201 => keep(&id, Some(&id)),
                    Ok(answer) => panic!("POST: {}", answer.status()),
                    Err(_) => return,
                }
                // A write that is cut off may or may not have happened: then the id counts for nothing.
                let (sent, name) = match n % 4 {
                    0 => (
                        http.patch(&url).body("{\"name\":\"new\"}").send(),
                        Some("new"),
                    ),
                    1 => (http.delete(&url).send(), None),
                    _ => continue,
                };
                match sent.await {
                    Ok(answer) if answer.status().is_success() => keep(&id, name),
                    Ok(answer) => panic!("{}", answer.status()),
                    Err(_) => {
                        acknowledged.lock().expect("no poison").remove(&id);
                        return;
                    }
                }
            }
        }));
    }
    eventually(Duration::from_secs(20), "some writes", async || {
        (acknowledged.lock().expect("no poison").len() > ENOUGH).then_some(())
    })
    .await;
    server.kill9();
    for writer in writers {
        writer.await.expect("a writer ends with the server");
    }
    let server = server.restart().await;
    let (_, _, list) = server.get(&format!("{STREAMS}?limit=1000")).await;
    let items = list["items"].as_array().expect("items");
    let found: BTreeMap<_, _> = items
        .iter()
        .map(|s| (s["id"].as_str(), s["name"].as_str()))
        .collect();
    let acknowledged = acknowledged.lock().expect("no poison");
    // Those cut off in the middle were taken out again: at most one for each writer.
    assert!(
        acknowledged.len() > ENOUGH - WRITERS,
        "{}",
        acknowledged.len()
    );
    assert!(
        acknowledged.values().any(Option::is_none),
        "some were removed"
    );
    for (id, name) in acknowledged.iter() {
        let there = found.get(&Some(id.as_str())).copied().flatten();
        assert_eq!(there, name.as_deref(), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_revisions() {
    let mut server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    let path = "/api/v1/streams/news";
    for name in ["A", "B"] {
        server.patch(path, &json!({ "name": name })).await;
    }
    let (_, headers, before) = server.get(path).await;
    assert_eq!(before["revision"], 3);
    let tag = etag(&headers);
    server.kill9();
    let mut server = server.restart().await;
    let (_, headers, after) = server.get(path).await;
    assert_eq!((&etag(&headers), &after), (&tag, &before));
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    let server = server.restart().await;
    let (status, _, changed) = server
        .request(
            Method::PATCH,
            path,
            &[("if-match", &tag)],
            Some(&json!({"name": "C"})),
        )
        .await;
    assert_eq!((status, &changed["revision"]), (200, &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_an_idle_server_at_once() {
    let mut server = Server::start(Options::new()).await;
    server.add(stream("news")).await;
    // A connection that is kept open, and one that never says anything.
    assert_eq!(server.get("/ready").await.0, 200);
    let address = server.base().trim_start_matches("http://").to_owned();
    let silent = tokio::net::TcpStream::connect(&address)
        .await
        .expect("a connection");
    let (status, took) = server.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took < patience(Duration::from_secs(5)), "{took:?}");
    assert!(
        tokio::net::TcpStream::connect(&address).await.is_err(),
        "the port is closed"
    );
    drop(silent);
}
