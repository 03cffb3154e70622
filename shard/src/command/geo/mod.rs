//! Places on the globe, kept in sorted sets: GEOADD, GEOSEARCH and the like.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
