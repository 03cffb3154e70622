//! The atomics of [`crate::shard::wait`]. `server/tests/loom_wait.rs` puts loom's in their place.

pub use std::sync::atomic::{AtomicU8, Ordering};
