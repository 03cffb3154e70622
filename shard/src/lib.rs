//! The data engine.

pub mod keyspace;
