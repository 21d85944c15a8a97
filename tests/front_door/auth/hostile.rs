//! Who is not invited.

use super::*;

async fn code(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let (status, _, body) = server.request(Method::GET, path, headers, None).await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_urls_are_neither_changed_nor_carried_elsewhere() {
    let server = guarded(Options::new()).await;
    for id in ["news", "sport"] {
        add_stream(&server, id, "http://127.0.0.1:9/x.ts").await;
    }
    let sign = async |wish: Value| {
        let path = "/api/v1/streams/news/playback-url";
        let signed = asked(&server, Method::POST, path, Some(&wish)).await;
        signed["path"].as_str().unwrap().to_owned()
    };
    let head = async |path: &str| {
        // HEAD starts no pull, and is let in just as GET is.
        let url = server.url(path);
        server
            .http()
            .head(url)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let good = sign(json!({"quality": "low"})).await;
    assert_eq!(head(&good).await, 200);
    let (path, query) = good.split_once('?').unwrap();
    let field = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).unwrap().1.to_owned()
    };
    let (expires, kid, sig) = (field("expires"), field("kid"), field("sig"));
    let later = (expires.parse::<i64>().unwrap() + 1).to_string();
    let flipped = if sig.starts_with('A') { "B" } else { "A" };
    for bad in [
        good.replace("/news", "/sport"),
        good.replace("quality=low", "quality=high"),
        good.replace("quality=low&", ""),
        format!("{good}&format=hls"),
        format!("{good}&quality=low"),
        good.replace(&expires, &later),
        good.replace(&kid, "00000000"),
        good.replace(&sig, &format!("{flipped}{}", &sig[1..])),
        good.replace(&sig, ""),
        format!("{good}&sig={sig}"),
        good.replace('?', "/index.m3u8?"),
        good.replace('?', "/source/index.m3u8?"),
        good.replace('?', "/source/1.ts?"),
        format!("/playlist.m3u?{query}"),
        format!(
            "{path}?expires=99999999999&kid={kid}&sig={}",
            "A".repeat(43)
        ),
    ] {
        let status = head(&bad).await;
        assert_eq!(status, 403, "{bad}");
    }
    // Media alone: to all the rest it is as if it were not there.
    for path in [
        "/api/v1/streams",
        "/api/v1/streams/news",
        "/metrics",
        "/api/v1/users",
    ] {
        let status = head(&format!("{path}?{query}")).await;
        assert_eq!(status, if path == "/metrics" { 200 } else { 401 }, "{path}");
    }
    let own = sign(json!({"client": "127.0.0.1"})).await;
    let other = sign(json!({"client": "192.0.2.1"})).await;
    assert_eq!((head(&own).await, head(&other).await), (200, 403));
    // With new keys URLs stay good; without the old keys they do not.
    let rotate = async |forget: bool| {
        let how = json!({"forget": forget});
        asked(&server, Method::POST, "/api/v1/keys/rotate", Some(&how)).await
    };
    assert_eq!(rotate(false).await["items"].as_array().unwrap().len(), 2);
    assert_eq!(head(&good).await, 200);
    assert_eq!(rotate(true).await["items"].as_array().unwrap().len(), 1);
    assert_eq!(head(&good).await, 403);
    assert_eq!(head(&sign(json!({})).await).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_pages_of_this_server_alone() {
    let server = guarded(Options::new()).await;
    let (cookie, set) = log_in(&server, "admin", PASSWORD).await;
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(set.contains(word), "{set}");
    }
    let cookie = ("cookie", cookie.as_str());
    let (status, _, me) = server
        .request(Method::GET, "/api/v1/me", &[cookie], None)
        .await;
    assert_eq!((status, &me["role"]), (200, &json!("admin")), "{me}");
    let own = ("origin", server.base());
    for foreign in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let body = json!({"name": "eve", "role": "admin", "password": PASSWORD});
        let headers = [cookie, foreign];
        let reply = server
            .request(Method::POST, "/api/v1/users", &headers, Some(&body))
            .await;
        assert_eq!((reply.0, &reply.2["code"]), (403, &json!("foreign_origin")));
        // Nor may it follow what happens here.
        let upgrade = [
            cookie,
            foreign,
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(code(&server, "/api/v1/ws", &upgrade).await.0, 403);
        assert_eq!(
            code(&server, "/api/v1/events/stream", &[cookie, foreign])
                .await
                .0,
            403
        );
    }
    let login = json!({"name": "admin", "password": PASSWORD});
    let foreign = [("origin", "https://evil.example")];
    let reply = server
        .request(Method::POST, "/api/v1/login", &foreign, Some(&login))
        .await;
    assert_eq!(reply.0, 403, "nobody is logged in by another site");
    let reply = server
        .request(Method::POST, "/api/v1/logout", &[cookie, own], None)
        .await;
    assert_eq!(reply.0, 204);
    assert!(
        reply.1["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(code(&server, "/api/v1/me", &[cookie]).await.0, 401);
    // Another password ends what was begun with the old one.
    let (old, _) = log_in(&server, "admin", PASSWORD).await;
    let old = ("cookie", old.as_str());
    let change = json!({"old": PASSWORD, "password": "another one of length"});
    let reply = server
        .request(Method::POST, "/api/v1/me/password", &[old], Some(&change))
        .await;
    assert_eq!(reply.0, 200, "{}", reply.2);
    assert_eq!(code(&server, "/api/v1/me", &[old]).await.0, 401);
    let basic = admin();
    assert_eq!(
        code(&server, "/api/v1/me", &[("authorization", &basic)])
            .await
            .0,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_gains_nothing() {
    let server = guarded(Options::new()).await;
    let good = token(&server, "read").await;
    let show = async |value: &str| {
        let (status, headers, body) = server
            .request(
                Method::GET,
                "/api/v1/streams",
                &[("authorization", value)],
                None,
            )
            .await;
        (status, headers, body)
    };
    assert_eq!(show(&bearer(&good)).await.0, 200);
    let mut near = good.clone();
    let last = near.pop().unwrap();
    near.push(if last == 'A' { 'E' } else { 'A' });
    for bad in [
        bearer(&near),
        bearer(&good[..20]),
        bearer(""),
        bearer(&good.to_uppercase()),
        bearer("sgt_"),
        basic("any", &near),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
        "Digest username=admin".to_owned(),
        format!("Bearer {good} {good}"),
    ] {
        let (status, headers, body) = show(&bad).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("unauthenticated")),
            "{bad}"
        );
        assert_eq!(headers["www-authenticate"], "Bearer realm=\"Sightglass\"");
    }
    // A token that was taken back is good no more, at once.
    let list = asked(&server, Method::GET, "/api/v1/tokens", None).await;
    assert!(!list.to_string().contains(&good), "{list}");
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
    let path = format!(
        "/api/v1/tokens/{}",
        list["items"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        as_(&server, &admin(), Method::DELETE, &path, None).await.0,
        204
    );
    assert_eq!(show(&bearer(&good)).await.0, 401);

    // Passwords: a few tries, and then one waits; whether there is such a user is not told.
    for name in ["admin", "nobody"] {
        let mut answers = Vec::new();
        while answers.last() != Some(&429) && answers.len() < 30 {
            let guess = json!({"name": name, "password": format!("guess {}", answers.len())});
            let (status, headers, body) = server.post("/api/v1/login", &guess).await;
            assert_eq!(status == 429, headers.contains_key("retry-after"), "{body}");
            answers.push(status);
        }
        assert!(answers.starts_with(&[401; 5]), "{name}: {answers:?}");
        assert_eq!(answers.last(), Some(&429), "{name}: {answers:?}");
        // Not even with the right one.
        let right = json!({"name": name, "password": PASSWORD});
        assert_eq!(server.post("/api/v1/login", &right).await.0, 429, "{name}");
    }
    // Who is in stays in, and a preview is nobody's login.
    asked(&server, Method::GET, "/api/v1/me", None).await;
}

/// What was begun ends with the right to it: nobody looks on for ever with a token that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_does_not_look_on() {
    let server = guarded(Options::new()).await;
    add_stream(&server, "test", "test://ball?width=160&height=90").await;
    let token = token(&server, "operate").await;
    let open = async |path: &str| {
        let request = server.http().get(server.url(path));
        let request = request.header("authorization", bearer(&token));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer
    };
    let (events, media) = tokio::join!(
        open("/api/v1/events/stream"),
        open("/streams/preview/test?quality=low"),
    );
    let list = asked(&server, Method::GET, "/api/v1/tokens", None).await;
    let path = format!(
        "/api/v1/tokens/{}",
        list["items"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        as_(&server, &admin(), Method::DELETE, &path, None).await.0,
        204
    );
    let end = async |mut body: reqwest::Response| while let Ok(Some(_)) = body.chunk().await {};
    let ends = async { tokio::join!(end(events), end(media)) };
    let limit = patience(Duration::from_secs(40));
    tokio::time::timeout(limit, ends).await.expect("both end");
}
