//! Streams: XADD, XREAD, consumer groups.

use crate::Row;

/// The rows of this family.
pub const ROWS: &[Row] = &[];
