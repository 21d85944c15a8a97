use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ingest::policy::Policy;
use crate::ingest::sink;

/// A server that answers each request with what follows `?`, and counts its connections.
struct Counting {
    url: Url,
    open: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

async fn serve() -> Counting {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let [open, peak, accepted] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
    let counting = Counting {
        url: format!("http://{address}/").parse().expect("a URL"),
        open: Arc::clone(&open),
        peak: Arc::clone(&peak),
        accepted: Arc::clone(&accepted),
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.fetch_add(1, Ordering::SeqCst);
            peak.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let open = Arc::clone(&open);
            tokio::spawn(async move {
                answer(stream).await;
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    counting
}

async fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(n @ 1..) => head.extend_from_slice(&buffer[..n]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let asked = text.split(' ').nth(1).unwrap_or_default();
        let reply = match asked {
            "/short" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            "/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/closes" => {
                let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            "/zipped" => {
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx".to_owned()
            }
            "/cut" => {
                let text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            _ => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(b"4\r\ntest\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                return;
            }
        };
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn single() -> Single {
    let policy = Policy::new(vec!["127.0.0.0/8".parse().expect("CIDR")]);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dialer = Dialer::new(Arc::new(policy)).expect("TLS");
    Single::new(&dialer, &sink::channel().0)
}

async fn get(single: &Single, server: &Counting, path: &str) -> Result<Reply, IngestError> {
    let url = server.url.join(path).expect("a URL");
    single.get(&url, HeaderMap::new()).await
}

async fn whole(reply: Result<Reply, IngestError>) -> Result<Vec<u8>, IngestError> {
    let mut reply = reply?;
    let mut body = Vec::new();
    while let Some(bytes) = reply.chunk().await? {
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

#[tokio::test]
async fn a_connection_is_used_again_and_never_is_there_a_second() {
    let (single, server) = (single(), serve().await);
    for _ in 0..3 {
        assert_eq!(
            whole(get(&single, &server, "short").await)
                .await
                .expect("a body"),
            b"hello"
        );
    }
    assert!(
        whole(get(&single, &server, "empty").await)
            .await
            .expect("a body")
            .is_empty()
    );
    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
    // Who asks while an answer is read waits for its end.
    let mut endless = get(&single, &server, "endless").await.expect("an answer");
    assert_eq!(
        endless.chunk().await.expect("flows").as_deref(),
        Some(&b"test"[..])
    );
    let second = get(&single, &server, "short");
    let early = tokio::time::timeout(Duration::from_millis(100), second).await;
    assert!(early.is_err());
    drop(endless);
    for path in ["short", "closes", "closes", "short"] {
        assert_eq!(
            whole(get(&single, &server, path).await)
                .await
                .expect("a body"),
            b"hello"
        );
    }
    assert_eq!(server.peak.load(Ordering::SeqCst), 1);
    drop(single);
    tokio::time::timeout(Duration::from_secs(5), async {
        while server.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("closed with its client");
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_the_next_one_works() {
    let (single, server) = (single(), serve().await);
    let cut = whole(get(&single, &server, "cut").await)
        .await
        .expect_err("cut off");
    assert_eq!((cut.stage, cut.cause), (Stage::Flow, Cause::Unreachable));
    let zipped = get(&single, &server, "zipped")
        .await
        .expect_err("compressed");
    assert_eq!(zipped.cause, Cause::NotMedia);
    assert_eq!(
        whole(get(&single, &server, "short").await)
            .await
            .expect("a body"),
        b"hello"
    );
    let denied: Url = "http://169.254.169.254/".parse().expect("a URL");
    let denied = single
        .get(&denied, HeaderMap::new())
        .await
        .expect_err("denied");
    assert_eq!(denied.stage, Stage::Policy);
}
