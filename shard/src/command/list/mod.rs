//! Lists: LPUSH, RPOP, LRANGE and the like.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
