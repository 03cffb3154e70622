//! Sets: SADD, SINTER, SSCAN and the like.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
