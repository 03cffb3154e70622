//! The versions that the server tells.

/// The version of Redis whose commands are complete here: HELLO's `version` and INFO's `redis_version`. Digits only;
/// clients compare it.
pub const REDIS: &str = "7.4.0";
