//! Signs of life, given only while there is life: a process that merely exists is no use to anybody.
//!
//! Proof is that a task, a thread for blocking work and a small pipeline each do what they are asked to, in time. Where one
//! of them fails for as long as the manager's patience lasts, we are ended and started anew. A single pipeline that hangs is
//! no reason: it is given up, counted, and the others go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Supervisor;
use crate::pipeline::Pulse;

/// How often the status is told, at least.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Feeds the watchdog, if there is one, and tells what `status` says, until `stop`. Returns at once where there is no
    /// service manager.
    pub async fn run(self, status: impl Fn() -> String, stop: CancellationToken) {
        let pulse = Arc::new(Pulse::default());
        let prove = move |limit| proof(Arc::clone(&pulse), limit);
        if self.is_there() {
            stop.run_until_cancelled(self.tell_of_life(prove, status))
                .await;
        }
    }

    async fn tell_of_life<P: Future<Output = Result<(), &'static str>>>(
        &self,
        prove: impl Fn(Duration) -> P,
        status: impl Fn() -> String,
    ) {
        let interval = self.watchdog().map_or(STATUS_INTERVAL, |patience| {
            STATUS_INTERVAL.min(patience / 3)
        });
        let mut told = String::new();
        let mut stuck = None;
        loop {
            if let Some(patience) = self.watchdog() {
                // What is proven this late is still told in time.
                let proven = prove(patience / 2).await.err();
                match proven {
                    None => self.alive(),
                    Some(part) => tracing::error!(part, "no progress: the watchdog is not fed"),
                }
                if stuck.is_some() && proven.is_none() {
                    tracing::info!("there is progress again");
                }
                stuck = proven;
            }
            let now = stuck.map_or_else(&status, |part| format!("no progress: {part}"));
            if now != told {
                self.status(&now);
                told = now;
            }
            sleep(interval).await;
        }
    }
}

/// Whether all parts do what they are asked to within `limit`; else which one does not.
async fn proof(pulse: Arc<Pulse>, limit: Duration) -> Result<(), &'static str> {
    let part = limit / 4;
    let done = |ended: Result<Result<(), _>, _>| matches!(ended, Ok(Ok(())));
    if !done(timeout(part, tokio::spawn(async {})).await) {
        return Err("runtime");
    }
    if !done(timeout(part, tokio::task::spawn_blocking(|| ())).await) {
        return Err("blocking work");
    }
    pulse.beat(limit / 2).await.map_err(|error| {
        tracing::warn!(%error, "a trial pipeline failed");
        "pipelines"
    })
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn told(manager: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 1_024];
        let messages = std::iter::from_fn(|| {
            let length = manager.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        });
        messages.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_fed_while_there_is_progress_and_not_otherwise() {
        let name = format!("sightglass-life-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        manager.set_nonblocking(true).unwrap();
        let us = Supervisor::for_tests(&format!("@{name}"), PATIENCE);
        let stuck = &AtomicBool::new(false);
        let prove = |limit| async move {
            if stuck.load(Ordering::Relaxed) {
                sleep(limit).await;
                return Err("pipelines");
            }
            Ok(())
        };
        let look = async {
            sleep(Duration::from_secs(95)).await;
            let messages = told(&manager);
            let fed = messages.iter().filter(|it| *it == "WATCHDOG=1").count();
            assert_eq!(fed, 10, "{messages:?}");
            assert!(messages.contains(&"STATUS=well".to_owned()));

            stuck.store(true, Ordering::Relaxed);
            sleep(PATIENCE * 2).await;
            let messages = told(&manager);
            assert_eq!(messages, ["STATUS=no progress: pipelines"]);

            stuck.store(false, Ordering::Relaxed);
            sleep(PATIENCE).await;
            let messages = told(&manager);
            assert!(messages.contains(&"WATCHDOG=1".to_owned()), "{messages:?}");
            assert!(messages.contains(&"STATUS=well".to_owned()));
        };
        tokio::select! {
            () = us.tell_of_life(prove, || "well".to_owned()) => unreachable!("it goes on for ever"),
            () = look => {}
        }
    }

    #[tokio::test]
    async fn a_process_that_works_proves_it() {
        crate::pipeline::init(None).unwrap();
        let pulse = Arc::new(Pulse::default());
        assert_eq!(proof(pulse, Duration::from_secs(40)).await, Ok(()));
    }
}
