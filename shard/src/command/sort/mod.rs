//! SORT and SORT_RO.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
