//! The Redis protocol.

pub mod glob;
pub mod number;
pub mod slot;
