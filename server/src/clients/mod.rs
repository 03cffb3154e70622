//! Those who are connected: clients and their outboxes, channels, CLIENT PAUSE. Nothing here knows of commands or of shards.

pub mod client;
pub mod pause;
pub mod pubsub;
