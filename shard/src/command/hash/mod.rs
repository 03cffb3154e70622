//! Hashes: HSET, HGETALL, HEXPIRE and the like.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
