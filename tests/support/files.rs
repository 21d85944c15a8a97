//! One file over HTTP, from a server with bad manners.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a [`FileServer`] behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// Answers every request with the whole file.
    pub ignores_ranges: bool,
    /// Closes after so many bytes of a body, whatever length it has announced.
    pub breaks_after: Option<u64>,
}

/// Serves one file; ends on drop.
pub struct FileServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl FileServer {
    /// Serves this file at every path.
    pub async fn start(path: &Path, manners: Manners) -> Self {
        let file = Arc::new(File::open(path).expect("the file can be read"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                // Whether the client stays to the end is its affair.
                let serving = serve(stream, Arc::clone(&file), manners);
                tokio::spawn(async { drop(serving.await) });
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// Where it is.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, one answer.
async fn serve(mut stream: TcpStream, file: Arc<File>, manners: Manners) -> std::io::Result<()> {
    let mut first = 0;
    let mut lines = BufReader::new(&mut stream).lines();
    let mut ranged = false;
    while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        let range = line
            .strip_prefix("range: bytes=")
            .and_then(|r| r.split('-').next()?.parse().ok());
        if let Some(from) = range.filter(|_| !manners.ignores_ranges) {
            (first, ranged) = (from, true);
        }
    }
    let size = file.metadata()?.len();
    let status = if ranged {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let range = format!("Content-Range: bytes {first}-{}/{size}\r\n", size - 1);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: video/mp4\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
        size - first,
        if ranged { &range } else { "" },
    );
    stream.write_all(head.as_bytes()).await?;
    let end = manners
        .breaks_after
        .map_or(size, |most| size.min(first + most));
    let mut buffer = vec![0; 64 << 10];
    while first < end {
        let wanted = buffer.len().min((end - first) as usize);
        let read = file.read_at(&mut buffer[..wanted], first)?;
        stream.write_all(&buffer[..read]).await?;
        first += read as u64;
    }
    stream.shutdown().await
}
