//! The Redis protocol.

pub mod spec;
pub mod syntax;
