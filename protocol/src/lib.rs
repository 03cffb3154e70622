//! The Redis protocol.

pub mod spec;
