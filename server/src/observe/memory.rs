//! `maxmemory`: how much memory is in use, and whether writes that need more are refused.
//!
//! In use is what the allocator has given out (`stats.allocated`) less what keyspaces hold in reserve: keys removed leave
//! room in the pages of their keyspace, which the next keys take. A look costs some microseconds, so it is never part of
//! a command: a command reads one flag. Under a limit, looks are a millisecond or [`SPENT_MAX`] bytes of requests apart
//! at most; that bounds by how much memory can be overshot between two of them. Without a limit, the keepers look ten
//! times a second, for INFO's sake.

use crate::observe::stats::Stats;
use crate::system::clock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Bytes of requests after which memory is looked at again, under a limit.
const SPENT_MAX: u64 = 256 * 1024;

/// The state of memory use.
#[derive(Default)]
pub struct Memory {
    /// `maxmemory`, 0 for none.
    limit: AtomicU64,
    /// Bytes in use at the last look.
    used: AtomicU64,
    /// Bytes in use at the first look.
    startup: AtomicU64,
    /// Most bytes in use at any look.
    peak: AtomicU64,
    over: AtomicBool,
    /// Nothing could be evicted at the last try.
    exhausted: AtomicBool,
    /// Bytes of requests since the last look.
    spent: AtomicU64,
    /// Unix milliseconds of the last look.
    looked_ms: AtomicI64,
}

impl Memory {
    /// Whether there is a limit.
    #[inline]
    pub fn is_limited(&self) -> bool {
        self.limit.load(Relaxed) > 0
    }

    /// Whether more memory is in use than `maxmemory` allows.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// Whether writes that need memory are refused: too much is in use, and nothing can be evicted.
    #[inline]
    pub fn refuses(&self) -> bool {
        self.is_over() && self.exhausted.load(Relaxed)
    }

    /// Whether there was nothing to evict.
    pub fn set_exhausted(&self, exhausted: bool) {
        self.exhausted.store(exhausted, Relaxed);
    }

    /// Bytes above the limit at the last look.
    pub fn excess(&self) -> u64 {
        match self.limit.load(Relaxed) {
            0 => 0,
            limit => self.used().saturating_sub(limit),
        }
    }

    /// Puts `maxmemory` into force and looks at once.
    pub fn set_limit(&self, limit: u64, stats: &Stats) {
        self.limit.store(limit, Relaxed);
        self.look(stats);
    }

    /// Looks at the allocator. Answers the bytes in use.
    pub fn look(&self, stats: &Stats) -> u64 {
        self.spent.store(0, Relaxed);
        self.looked_ms.store(clock::moment().ms, Relaxed);
        let used = allocated().saturating_sub(stats.reserve());
        let limit = self.limit.load(Relaxed);
        self.used.store(used, Relaxed);
        self.peak.fetch_max(used, Relaxed);
        let _ = self.startup.compare_exchange(0, used, Relaxed, Relaxed);
        self.over.store(limit > 0 && used > limit, Relaxed);
        used
    }

    /// Looks if the last look is too old.
    pub fn glance(&self, stats: &Stats, now_ms: i64) {
        let age = now_ms - self.looked_ms.load(Relaxed);
        if !(0..if self.is_limited() { 1 } else { 100 }).contains(&age) {
            self.look(stats);
        }
    }

    /// Under a limit: requests of so many bytes are about to be executed.
    pub fn spend(&self, stats: &Stats, bytes: usize, now_ms: i64) {
        if self.spent.fetch_add(bytes as u64, Relaxed) + bytes as u64 > SPENT_MAX {
            self.look(stats);
        } else {
            self.glance(stats, now_ms);
        }
    }

    /// Bytes in use at the last look.
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Most bytes in use at any look.
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// Bytes in use when the server started.
    pub fn startup(&self) -> u64 {
        self.startup.load(Relaxed)
    }
}

/// What the allocator tells about itself, in bytes.
#[derive(Copy, Clone, Debug, Default)]
pub struct AllocatorStats {
    /// Given out.
    pub allocated: u64,
    /// In pages with something given out.
    pub active: u64,
    /// Resident.
    pub resident: u64,
}

/// What the allocator tells. Errors would mean an allocator without statistics: zeros then.
pub fn allocator() -> AllocatorStats {
    use tikv_jemalloc_ctl::stats;
    AllocatorStats {
        allocated: allocated(),
        active: stats::active::read().unwrap_or(0) as u64,
        resident: stats::resident::read().unwrap_or(0) as u64,
    }
}

/// The allocator's report: MEMORY MALLOC-STATS.
pub fn report() -> String {
    use tikv_jemalloc_ctl::{background_thread, stats};
    let _ = tikv_jemalloc_ctl::epoch::advance();
    let mut text = String::from("___ Begin jemalloc statistics ___\n");
    let figures = [
        ("Allocated", stats::allocated::read()),
        ("active", stats::active::read()),
        ("metadata", stats::metadata::read()),
        ("resident", stats::resident::read()),
        ("mapped", stats::mapped::read()),
        ("retained", stats::retained::read()),
    ];
    let figures = figures.map(|(name, bytes)| format!("{name}: {}", bytes.unwrap_or(0)));
    text.push_str(&figures.join(", "));
    let threads = background_thread::read().unwrap_or(false);
    text.push_str(&format!("\nBackground threads: {threads}\n--- End jemalloc statistics ---\n"));
    text
}

/// Bytes that the allocator has given out.
fn allocated() -> u64 {
    // Statistics are cached until the epoch advances.
    let _ = tikv_jemalloc_ctl::epoch::advance();
    tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_noticed_at_once_and_after_enough_bytes() {
        let (memory, stats) = (Memory::default(), Stats::new(1, 0));
        assert!(!memory.is_over());
        memory.set_limit(1, &stats);
        assert!(memory.is_limited() && memory.is_over());
        assert_eq!(memory.excess(), memory.used() - 1);
        memory.set_limit(1 << 40, &stats);
        assert!(!memory.is_over());
        // What keyspaces hold in reserve does not count.
        memory.set_limit(0, &stats);
        stats.shards[0].reserve.store(u64::MAX / 2, Relaxed);
        assert_eq!(memory.look(&stats), 0);
        assert!(memory.peak() > 0);
        memory.spend(&stats, 1, clock::moment().ms);
        memory.spend(&stats, SPENT_MAX as usize, clock::moment().ms);
        assert_eq!(memory.spent.load(Relaxed), 0, "looked");
    }
}
