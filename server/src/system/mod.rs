//! The machine and its system: clocks, alarms, limits, stacks, the log. Nothing of it knows what the server does.

pub mod alarm;
pub mod clock;
pub mod coroutine;
pub mod limits;
pub mod log;
pub mod reclaim;
pub mod sync;
pub mod version;
pub mod versioned;
