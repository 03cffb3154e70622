//! The locks and atomics of [`crate::shards::cell`]. `tests/loom_cell.rs` puts loom's in their place.

pub use parking_lot::Mutex;
pub use std::sync::Arc;
pub use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Ordering};
