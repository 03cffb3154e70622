//! What the server counts about itself: one set of counters for each thread, and the use of memory.

pub mod memory;
pub mod stats;
