//! Those who follow live updates: real clients (curl, Python's websockets), and one of our own of which there may be
//! hundreds, which counts bytes.

mod follower;
mod told;
mod view;
mod wire;

pub use follower::{Follower, Way};
pub use told::{Told, curl_follows, python_follows};
pub use view::{Rows, View};
