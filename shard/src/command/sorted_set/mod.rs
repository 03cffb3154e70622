//! Sorted sets: ZADD, ZRANGE, ZUNION and the like.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
