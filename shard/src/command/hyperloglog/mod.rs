//! Counting different elements approximately: PFADD, PFCOUNT, PFMERGE.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
