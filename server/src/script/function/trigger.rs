//! Functions that are called when keys change: `redis.register_trigger`. See `docs/triggers.md`; `crate::trigger` calls them.

use super::{FunctionRef, Snapshot};
use curfew_shard::event::trigger::{self, TriggerId, Triggers};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The shortest time between two lines of the log about failures of one trigger, in milliseconds.
const LOG_EVERY_MS: i64 = 1_000;

/// For what a function is called, and how it went.
#[derive(Default, Debug)]
pub struct Trigger {
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

impl Trigger {
    /// For these events and keys.
    pub fn new(events: Option<Arc<[&'static str]>>, pattern: &[u8]) -> Trigger {
        Trigger { events, pattern: pattern.into(), ..Trigger::default() }
    }

    /// Whether a failure at this time is to be logged.
    pub fn may_log(&self, now_ms: i64) -> bool {
        let last = self.logged_ms.load(Relaxed);
        let due = !(0..LOG_EVERY_MS).contains(&(now_ms - last));
        due && self.logged_ms.compare_exchange(last, now_ms, Relaxed, Relaxed).is_ok()
    }

    pub(super) fn bytes(&self) -> usize {
        self.pattern.len() + self.events.as_ref().map_or(0, |names| size_of_val(&**names))
    }
}

impl FunctionRef {
    fn trigger_id(&self) -> TriggerId {
        (self.library.id, self.index as u32)
    }

    /// As units know it; None if it is no trigger.
    fn as_trigger(&self) -> Option<trigger::Trigger> {
        let Trigger { events, pattern, .. } = self.trigger.as_ref()?;
        Some(trigger::Trigger { id: self.trigger_id(), events: events.clone(), pattern: pattern.clone() })
    }
}

impl Snapshot {
    /// The triggers as units know them.
    pub fn triggers(&self) -> Triggers {
        Triggers::new(self.triggers.iter().filter_map(FunctionRef::as_trigger).collect())
    }

    /// The trigger that units know by this id, if it is still there.
    pub fn trigger(&self, id: TriggerId) -> Option<&FunctionRef> {
        self.triggers.iter().find(|function| function.trigger_id() == id)
    }

    /// The classes of events with a trigger of which it is not known that it keeps to the shard of the event's key.
    pub fn wide_trigger_classes(&self) -> u32 {
        let wide = self.triggers.iter().filter(|function| !function.learned.is_narrow());
        wide.filter_map(FunctionRef::as_trigger).fold(0, |all, trigger| all | trigger.classes())
    }
}
