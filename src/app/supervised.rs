//! What the service manager is told of the server.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actors::hub::Hub;
use crate::pipeline;
use crate::supervise::Supervisor;

/// Says that requests are taken; then that we are alive, until `stop`, and that we stop.
pub(super) fn begin(
    supervisor: Supervisor,
    hub: &Arc<Hub>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    supervisor.ready(&summary(hub));
    let hub = Arc::clone(hub);
    tasks.spawn(async move {
        let alive = supervisor.clone().run(move || summary(&hub), stop);
        alive.await;
        supervisor.stopping();
    });
}

/// What goes on, in a line.
fn summary(hub: &Hub) -> String {
    format!(
        "{} streams, {} viewers, {} pipelines",
        hub.catalog.snapshot().len(),
        hub.sessions.list().len(),
        pipeline::census().running
    )
}
