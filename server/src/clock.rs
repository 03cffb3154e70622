//! The only place that reads the clock (rule 1 of the design: time is an input everywhere else).

use curfew_shard::Moment;
use std::time::{SystemTime, UNIX_EPOCH};

/// The moment of a unit that starts now. Wall clock; about 20 ns.
#[inline]
pub fn moment() -> Moment {
    // A clock before 1970 counts as 1970: nothing sensible can be done with it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_micros(since.as_micros() as i64)
}
