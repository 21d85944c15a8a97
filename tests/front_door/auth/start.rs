//! Starting: who may listen where, and how the first one gets in.

use super::*;

async fn program(folder: &tempfile::TempDir, args: &[&str], input: &str) -> Finished {
    let db = folder.path().join("s.redb");
    let mut command = clean_command(env!("CARGO_BIN_EXE_sightglass"));
    command.args(args).arg("--db").arg(db);
    let input = input.to_owned().into();
    run_with_input(command, input, Duration::from_secs(20)).await
}

/// Beyond this machine nothing is listened on before somebody can log in.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_loopback_is_bound_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--listen", "0.0.0.0:0"];
    let ended = program(&folder, &serve, "").await;
    assert!(!ended.success());
    for word in ["0.0.0.0:0", "user add", "--auth required", "--insecure"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
    // With a user it is, and then nobody is let in without.
    let add = ["user", "add", "ada", "--role", "admin"];
    let added = program(&folder, &add, "correct horse battery\n").await;
    assert!(added.success(), "{}", added.stderr);
    let options = Options::new().db(&folder.path().join("s.redb"));
    let server = Server::start(options).await;
    let (status, headers, _) = server.get("/api/v1/streams").await;
    assert_eq!(status, 401);
    assert_eq!(headers["www-authenticate"], "Bearer realm=\"Sightglass\"");
    let ada = basic("ada", PASSWORD);
    assert_eq!(
        as_(&server, &ada, Method::GET, "/api/v1/users", None)
            .await
            .0,
        200
    );
    // The command line says so while the server has the store.
    let list = program(&folder, &["user", "list"], "").await;
    assert!(
        !list.success() && list.stderr.contains("/api/v1/users"),
        "{}",
        list.stderr
    );
}

/// Users and tokens by the command line, without a server.
#[tokio::test(flavor = "multi_thread")]
async fn people_and_programs_are_added_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = async |args: &[&str], input: &str| {
        let ended = program(&folder, args, input).await;
        (ended.success(), ended.text(), ended.stderr)
    };
    let first = run(&["user", "add", "eve"], "correct horse battery\n").await;
    assert!(!first.0 && first.2.contains("administrator"), "{first:?}");
    let short = run(&["user", "add", "ada", "--role", "admin"], "short\n").await;
    assert!(!short.0 && short.2.contains("12 characters"), "{short:?}");
    assert!(
        run(
            &["user", "add", "ada", "--role", "admin"],
            "correct horse battery\n"
        )
        .await
        .0
    );
    assert!(
        run(&["user", "add", "eve"], "correct horse battery\n")
            .await
            .0
    );
    let (_, list, _) = run(&["user", "list"], "").await;
    assert!(list.contains("ada") && list.contains("viewer"), "{list}");
    assert!(
        !run(&["user", "remove", "ada"], "").await.0,
        "the last administrator"
    );
    assert!(
        run(&["user", "passwd", "eve"], "another one of length\n")
            .await
            .0
    );
    let create = [
        "token",
        "create",
        "prometheus",
        "--scope",
        "metrics",
        "--expires-in",
        "30d",
    ];
    let (ok, token, error) = run(&create, "").await;
    assert!(ok && token.starts_with("sgt_"), "{error}");
    let (_, tokens, _) = run(&["token", "list"], "").await;
    assert!(
        tokens.contains("prometheus") && !tokens.contains(token.trim()),
        "{tokens}"
    );

    let options = Options::new().env("METRICS_ACCESS", "token");
    let server = Server::start(options.db(&folder.path().join("s.redb"))).await;
    let token = bearer(token.trim());
    assert_eq!(
        as_(&server, &token, Method::GET, "/metrics", None).await.0,
        200
    );
    assert_eq!(
        as_(&server, &token, Method::GET, "/api/v1/streams", None)
            .await
            .0,
        403
    );
    for path in ["/metrics", "/health"] {
        assert_eq!(server.get(path).await.0, 401, "{path}");
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get(path).await.0, 200, "{path}");
    }
    assert_eq!(
        as_(
            &server,
            &basic("eve", PASSWORD),
            Method::GET,
            "/api/v1/me",
            None
        )
        .await
        .0,
        401
    );
    let eve = basic("eve", "another one of length");
    assert_eq!(
        as_(&server, &eve, Method::GET, "/api/v1/me", None).await.0,
        200
    );
}

/// A one-time token is told at the start, makes the first administrator, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_token_makes_the_first_administrator() {
    let server = Server::start(Options::new().env("AUTH", "required")).await;
    assert_eq!(server.get("/api/v1/streams").await.0, 401);
    let told = eventually(Duration::from_secs(5), "the token", async || {
        let lines = server.logs().lines();
        lines.iter().find_map(|line| {
            line.trim()
                .starts_with("sgt_")
                .then(|| line.trim().to_owned())
        })
    })
    .await;
    assert_eq!(
        as_(&server, &bearer(&told), Method::GET, "/api/v1/me", None)
            .await
            .0,
        401
    );
    let first =
        |token: &str, password: &str| json!({"token": token, "name": "ada", "password": password});
    let wrong = format!("sgt_{}", "A".repeat(43));
    let refused = server
        .post("/api/v1/bootstrap", &first(&wrong, PASSWORD))
        .await;
    assert_eq!(
        (refused.0, &refused.2["code"]),
        (403, &json!("no_bootstrap"))
    );
    assert_eq!(
        server
            .post("/api/v1/bootstrap", &first(&told, "short"))
            .await
            .0,
        422
    );
    let (status, headers, me) = server
        .post("/api/v1/bootstrap", &first(&told, PASSWORD))
        .await;
    assert_eq!((status, &me["role"]), (200, &json!("admin")), "{me}");
    assert!(headers.contains_key("set-cookie"));
    assert_eq!(
        server
            .post("/api/v1/bootstrap", &first(&told, PASSWORD))
            .await
            .0,
        403
    );
    // Where there is somebody it is not told again.
    let mut server = server;
    server.terminate().await;
    let server = server.restart().await;
    assert!(!server.logs().contain("sgt_"));
    let ada = basic("ada", PASSWORD);
    assert_eq!(
        as_(&server, &ada, Method::GET, "/api/v1/users", None)
            .await
            .0,
        200
    );
}

/// On this machine nobody is asked, until there is a user.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_user_closes_the_door() {
    let server = Server::start(Options::new()).await;
    let (status, _, me) = server.get("/api/v1/me").await;
    assert_eq!(
        (status, &me["authentication"]),
        (200, &json!(false)),
        "{me}"
    );
    let scope = json!({"name": "x", "scopes": ["play"]});
    let early = server.post("/api/v1/tokens", &scope).await;
    assert_eq!(early.0, 409, "it would shut out everybody: {}", early.2);
    let viewer = json!({"name": "eve", "role": "viewer", "password": PASSWORD});
    assert_eq!(server.post("/api/v1/users", &viewer).await.0, 409);
    let ada = json!({"name": "ada", "role": "admin", "password": PASSWORD});
    assert_eq!(server.post("/api/v1/users", &ada).await.0, 201);
    assert_eq!(server.get("/api/v1/streams").await.0, 401);
    let insecure = Server::start(Options::new().arg("--insecure")).await;
    assert_eq!(insecure.get("/api/v1/users").await.0, 200);
}
