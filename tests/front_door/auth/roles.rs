//! Every route as everybody.

use super::*;

/// Who has a permission, said once more and independently of the product.
fn may(who: &str, permission: &str) -> bool {
    let may: &[&str] = match who {
        "anonymous" => &[],
        "viewer" => &["own", "metrics", "play", "read"],
        "operator" | "token operate" => &["own", "metrics", "play", "read", "operate"],
        "admin" | "token admin" => &["own", "metrics", "play", "read", "operate", "admin"],
        "token metrics" => &["own", "metrics"],
        "token play" => &["own", "play"],
        "token read" => &["own", "metrics", "read"],
        other => panic!("{other}"),
    };
    permission == "public" || may.contains(&permission)
}

/// With only the credentials of one role nothing outside of it answers anything but 401, 403 or 404; and what is in it
/// is not refused.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_leaves_their_role_on_any_route() {
    let server = guarded(Options::new().env("METRICS_ACCESS", "token")).await;
    let mut everybody = vec![("anonymous".to_owned(), None)];
    for role in ["viewer", "operator"] {
        add_user(&server, role, role).await;
        everybody.push((role.to_owned(), Some(basic(role, PASSWORD))));
    }
    everybody.push(("admin".to_owned(), Some(admin())));
    for scope in ["metrics", "play", "read", "operate", "admin"] {
        let token = token(&server, scope).await;
        everybody.push((format!("token {scope}"), Some(bearer(&token))));
    }
    add_stream(
        &server,
        "news",
        "http://provider.example/user/password/1.ts",
    )
    .await;
    let signed = json!({"client": "127.0.0.1"});
    let path = "/api/v1/streams/news/playback-url";
    let signed = asked(&server, Method::POST, path, Some(&signed)).await;
    let query = signed["path"]
        .as_str()
        .unwrap()
        .split_once('?')
        .unwrap()
        .1
        .to_owned();

    let description = asked(&server, Method::GET, "/api/openapi.json", None).await;
    let paths = description["paths"].as_object().unwrap();
    let (mut operations, mut refused) = (0, 0);
    for (template, methods) in paths {
        // Of things that are not there: what may be done does nothing.
        let path = template
            .replace("{stream}", "none")
            .replace("{condition}", "down")
            .replace("{rendition}", "source")
            .replace("{segment}", "1.ts");
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { "none" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for (method, operation) in methods.as_object().unwrap() {
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let what = format!("{method} {template}");
            operations += 1;
            let permission = operation["x-permission"].as_str();
            let permission = permission.unwrap_or_else(|| panic!("{what} is in no table"));
            let harmless = [
                "login",
                "logout",
                "bootstrap",
                "password",
                "playlist-url",
                "playback-url",
                // Viewers end their own.
                "{sessionId}",
            ];
            if !harmless.iter().any(|end| template.ends_with(end)) && method != Method::GET {
                assert!(
                    ["operate", "admin"].contains(&permission),
                    "{what}: {permission}"
                );
            }
            for (who, credentials) in &everybody {
                let status = knock(&server, &method, &path, credentials.as_deref(), "").await;
                let allowed = may(who, permission);
                match (who.as_str(), allowed, permission) {
                    (_, _, "public") => assert!(status < 500, "{what} as {who}: {status}"),
                    ("anonymous", ..) => assert_eq!(status, 401, "{what} as {who}"),
                    (_, false, _) => assert_eq!(status, 403, "{what} as {who}"),
                    (_, true, _) => {
                        assert!(![401, 403].contains(&status), "{what} as {who}: {status}");
                        assert!(status != 500, "{what} as {who}");
                    }
                }
                refused += usize::from(!allowed);
            }
            // A signed URL opens what it was signed for, which is none of these.
            if permission != "public" {
                let status = knock(&server, &method, &path, None, &query).await;
                assert!(
                    [401, 403].contains(&status),
                    "{what} with a signature: {status}"
                );
            }
        }
    }
    assert!(operations > 80 && refused > 300, "{operations}, {refused}");
    // The page and what is nowhere.
    assert_eq!(server.get("/").await.0, 200);
    assert_eq!(server.get("/api/openapi.json").await.0, 401);
    assert_eq!(server.get("/api/v1/none").await.0, 404);
}

/// The status alone: some answers never end.
async fn knock(
    server: &Server,
    method: &Method,
    path: &str,
    credentials: Option<&str>,
    query: &str,
) -> u16 {
    let mark = if query.is_empty() { "" } else { "?" };
    let url = server.url(&format!("{path}{mark}{query}"));
    let mut request = server.http().request(method.clone(), url);
    if let Some(credentials) = credentials {
        request = request.header("authorization", credentials);
    }
    if method != Method::GET {
        request = request
            .header("content-type", "application/json")
            .body("{}");
    }
    request.send().await.unwrap().status().as_u16()
}

/// Who may only look does not see where streams come from, which often is all that one needs to use an account.
#[tokio::test(flavor = "multi_thread")]
async fn viewers_do_not_see_where_streams_come_from() {
    let server = guarded(Options::new()).await;
    add_user(&server, "eve", "viewer").await;
    add_user(&server, "otto", "operator").await;
    add_stream(
        &server,
        "news",
        "http://provider.example/user/password/1.ts",
    )
    .await;
    let (eve, otto) = (basic("eve", PASSWORD), basic("otto", PASSWORD));
    for path in [
        "/api/v1/streams",
        "/api/v1/streams/news",
        "/api/v1/streams?since=0",
        "/playlist.m3u",
    ] {
        let (status, _, body) = as_(&server, &eve, Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(
            !body.to_string().contains("provider.example"),
            "{path}: {body}"
        );
    }
    let (_, _, body) = as_(&server, &otto, Method::GET, "/api/v1/streams/news", None).await;
    assert!(body.to_string().contains("provider.example"), "{body}");
    for (path, who, wanted) in [
        ("/playlist.m3u?sources=true", &eve, 403),
        ("/playlist.m3u?sources=true", &otto, 200),
        ("/playlist.m3u?sources=true&secrets=true", &otto, 403),
        ("/playlist.m3u?sources=true&secrets=true", &admin(), 200),
    ] {
        let (status, _, body) = as_(&server, who, Method::GET, path, None).await;
        assert_eq!(status, wanted, "{path}: {body}");
    }
}

/// What was done is written down: by whom, to what, and what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn changes_and_logins_are_written_down() {
    let server = guarded(Options::new()).await;
    add_user(&server, "eve", "viewer").await;
    add_stream(&server, "news", "http://provider.example/1.ts").await;
    let wrong = json!({"name": "Eve", "password": "wrong"});
    assert_eq!(server.post("/api/v1/login", &wrong).await.0, 401);
    log_in(&server, "eve", PASSWORD).await;
    let eve = basic("eve", PASSWORD);
    let path = "/api/v1/streams/news";
    assert_eq!(as_(&server, &eve, Method::DELETE, path, None).await.0, 403);
    assert_eq!(
        as_(&server, &admin(), Method::DELETE, path, None).await.0,
        204
    );
    assert_eq!(server.delete(path).await.0, 401);
    let told = eventually(Duration::from_secs(5), "the audit log", async || {
        let page = asked(&server, Method::GET, "/api/v1/audit?limit=6", None).await;
        let told = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            let words = ["sort", "who", "action", "subject", "outcome"].map(text);
            assert_eq!(entry["address"], "127.0.0.1", "{entry}");
            words.join(" ")
        };
        let told: Vec<_> = page["items"].as_array().unwrap().iter().map(told).collect();
        told[0]
            .contains("DELETE /api/v1/streams/{id} news done")
            .then_some(told)
    })
    .await;
    assert_eq!(
        told,
        [
            "change user:admin DELETE /api/v1/streams/{id} news done",
            "change user:eve DELETE /api/v1/streams/{id} news refused",
            "login user:eve login - done",
            "login anonymous login eve refused",
            "change user:admin POST /api/v1/streams news done",
            "change user:admin POST /api/v1/users eve done",
        ]
    );
    // It is no place for secrets.
    let all = asked(&server, Method::GET, "/api/v1/audit", None)
        .await
        .to_string();
    assert!(
        !all.contains(PASSWORD) && !all.contains("provider.example"),
        "{all}"
    );
    assert!(server.logs().contain("sightglass::audit"));
    assert!(!server.logs().contain(PASSWORD));
}
