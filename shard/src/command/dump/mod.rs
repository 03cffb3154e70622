//! DUMP and RESTORE.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
