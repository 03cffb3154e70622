//! The versions that the server tells its clients.

/// The version of Redis that Curfew presents itself as: INFO's `redis_version` and HELLO's `version`. Clients choose
/// commands by it, so it stays below 8.0 until every command of 8.0 is there. Digits and dots only.
pub const REDIS: &str = "7.4.0";

/// Curfew's own version.
pub const CURFEW: &str = env!("CARGO_PKG_VERSION");
