//! The data engine of Curfew: keyspaces, value types, data commands, the timing wheel, effects and events.
//!
//! A plain single-threaded library, driven by calls. Architecture invariant: no sockets, no tokio, no threads and **no
//! clock**: the moment of a unit is an argument (rule 1 of the design), so that every behaviour in time is testable with a
//! made-up clock.
//!
//! The way in is [`Unit`]: a caller that has exclusive access to one or several [`Shard`]s makes one, and runs the
//! handlers of [`registry::rows`] on it.

pub mod command;
pub mod event;
pub mod keyspace;
pub mod moment;
mod prefetch;
pub mod random;
pub mod rdb;
pub mod settings;
pub mod shard;
pub mod slots;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod unit;
pub mod value;

// The way in for other crates; within this one a name is taken from where it stands (`shard/tests/layers.rs`).
pub use command::registry;
pub use command::row::{Handler, Reach, Row};
pub use event::{Event, class};
pub use moment::Moment;
pub use settings::Settings;
pub use shard::Shard;
pub use shard::wait::Wait;
pub use unit::sink::{Effect, Garbage, Message, Sink};
pub use unit::{Edited, Held, Unit};
