//! Functions that are called when keys change: `redis.register_trigger`. See `docs/triggers.md`; `crate::units::trigger` calls
//! them.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The shortest time between two lines of the log about failures of one trigger, in milliseconds.
const LOG_EVERY_MS: i64 = 1_000;

/// For what a function is called, and how it went.
#[derive(Default, Debug)]
pub struct TriggerRecord {
    /// Names of events; None: those of all changes.
    pub events: Option<Arc<[&'static str]>>,
    /// A pattern for keys.
    pub pattern: Arc<[u8]>,
    /// How often it ran.
    pub runs: AtomicU64,
    /// How often it failed.
    pub failures: AtomicU64,
    /// Nanoseconds that it took in all.
    pub nanos: AtomicU64,
    /// What it said when it last failed.
    pub last_error: Mutex<Option<Box<[u8]>>>,
    /// When a failure was last logged, in Unix milliseconds.
    logged_ms: AtomicI64,
}

impl TriggerRecord {
    /// For these events and keys.
    pub fn new(events: Option<Arc<[&'static str]>>, pattern: &[u8]) -> TriggerRecord {
        TriggerRecord { events, pattern: pattern.into(), ..TriggerRecord::default() }
    }

    /// Whether a failure at this time is to be logged.
    pub fn may_log(&self, now_ms: i64) -> bool {
        let last = self.logged_ms.load(Relaxed);
        let due = !(0..LOG_EVERY_MS).contains(&(now_ms - last));
        due && self.logged_ms.compare_exchange(last, now_ms, Relaxed, Relaxed).is_ok()
    }

    /// Bytes beyond its own size.
    pub fn bytes(&self) -> usize {
        self.pattern.len() + self.events.as_ref().map_or(0, |names| size_of_val(&**names))
    }
}
