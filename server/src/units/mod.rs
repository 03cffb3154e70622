//! The one place where units begin and end: runs of commands on a shard, commands that hold several, expiry, eviction, those who
//! wait for keys, triggers.

pub mod blocked;
pub mod evict;
pub mod trigger;
