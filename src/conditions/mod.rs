//! What is the matter with a stream: from what is seen now and then to conditions that are raised and cleared. Pure.

mod condition;
mod guard;
mod kind;
mod machine;
mod terms;

pub use condition::{
    Change, Condition, Ending, Evidence, NUMBERS_MAX, Now, Observation, Proof, TEXT_MAX,
};
pub use guard::{Guard, Network};
pub use kind::{Health, Kind, Severity};
pub use machine::Machine;
pub use terms::{CLEAR_MAX, FLAP_MEMORY, MERGE, Rule, Terms};
