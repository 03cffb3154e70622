//! The keyspace.

pub mod wheel;
