//! The one place where units begin and end.
//!
//! ```text
//!   stay.rs     what one caller does with shards that it has, unit after unit: begins each, and ends it
//!   settle.rs   the one end of every unit
//!   run.rs      consecutive data commands for one shard
//!   held.rs     commands that hold shards: over several of them, those that may wait, scripts, EXEC
//!   reach.rs    which shards those hold
//!   expire.rs   slices of expiry
//!   evict.rs    room under `maxmemory`
//!   blocked.rs  those who wait for keys
//!   watch.rs    the end of WATCHes, whatever has their shards
//!   trigger.rs  functions that are called when keys change, before the unit is over
//! ```

pub mod blocked;
pub mod evict;
pub mod expire;
pub mod held;
pub mod reach;
pub mod run;
pub mod settle;
pub mod stay;
pub mod trigger;
pub mod watch;
