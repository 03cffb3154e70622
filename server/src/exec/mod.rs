//! Executing one command within a unit that somebody else has begun.

pub mod call;
pub mod handler;
pub mod prefetch;
pub mod stopwatch;
