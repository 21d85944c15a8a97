//! How this server itself is. Pure: figures in, warnings and conditions out.
//!
//! ```text
//! figures (actors::info, every 5 s) ─► Watch: thresholds, hysteresis ─► readings ─┬─► the API
//!                                                                                 └─► Server: conditions::Machine ─► events
//! ```
//!
//! | check             | is raised at                                                    | and ends at            | condition |
//! |-------------------|-----------------------------------------------------------------|------------------------|-----------|
//! | `low_descriptors` | 90 % of the descriptors in use                                  | 85 %                   | yes       |
//! | `low_disk`        | `LOW_DISK_THRESHOLD` (500 MB) free where the store is           | 1.25 times that        | yes       |
//! | `memory_warning`  | `MEMORY_WARNING_THRESHOLD` of anonymous memory                  | 90 % of that           | yes       |
//! | `monitor_behind`  | less than 90 % of the streams looked at within their intervals  | 95 %                   | yes       |
//! | `outbox_behind`   | a notification that has waited for 5 min, or was given up       | 1 min, and none        | yes       |
//! | `cpu`             | 90 % of the cores that the process may use, taken by it         | 80 %                   | no        |
//! | `store_slow`      | 1 s for the store to answer, or no answer                       | 0.5 s                  | no        |
//! | `log_dropped`     | lines of the log lost since the last look                       | none                   | no        |
//!
//! Conditions have hold and clear times beside that ([`crate::conditions`]).

mod figures;
mod server;
mod watch;

pub use figures::{Cpu, CpuTimes, Disk, Figures, OutboxFigures, Share};
pub use server::Server;
pub use watch::{Check, Reading, Unit, Watch};

use std::time::Duration;

/// Figures are taken this often.
pub const INTERVAL: Duration = Duration::from_secs(5);
