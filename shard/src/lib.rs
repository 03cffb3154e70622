//! The data engine.

mod keyspace;
