//! The Redis protocol: requests in, replies out, the facts of commands, and the small languages around them (numbers,
//! globs, hash slots).
//!
//! Architecture invariant: no I/O, no clock, no state beyond what a caller passes in. Bytes come in as slices and go out
//! into buffers, so every case is testable without a socket.

pub mod args;
pub mod error;
pub mod glob;
pub mod help;
pub mod long_double;
pub mod number;
pub mod reply;
pub mod request;
pub mod slot;
pub mod spec;
pub mod syntax;

pub use args::{ArgRange, Args, Cursor};
pub use error::Error;
pub use reply::{Reply, Resp};
