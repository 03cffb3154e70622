//! The only place that reads the clock (rule 1 of the design: time is an input everywhere else).
//!
//! Builds with debug assertions, which the tests use, can be given another time than the system's: `DEBUG CLOCK-STEP` steps it
//! as an administrator or NTP would step the real one. Release builds have none of this.

use curfew_shard::Moment;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

static STEPPED_MS: AtomicI64 = AtomicI64::new(0);

/// How far the clock was stepped away from the system's, in milliseconds.
#[inline]
fn stepped_ms() -> i64 {
    if cfg!(debug_assertions) { STEPPED_MS.load(Relaxed) } else { 0 }
}

/// Steps the clock by so many milliseconds.
#[cfg(debug_assertions)]
pub fn step(ms: i64) {
    STEPPED_MS.fetch_add(ms, Relaxed);
}

/// The moment of a unit that starts now. Wall clock; about 20 ns.
#[inline]
pub fn moment() -> Moment {
    // A clock before 1970 counts as 1970: nothing sensible can be done with it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_micros(since.as_micros() as i64 + stepped_ms() * 1000)
}

/// What the system's clock says at a time of ours, in milliseconds: for the system's timers.
pub fn to_system_ms(at_ms: i64) -> i64 {
    at_ms - stepped_ms()
}
