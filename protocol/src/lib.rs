//! The Redis protocol.

pub mod glob;
pub mod long_double;
pub mod number;
pub mod slot;
