//! `maxmemory`: how much memory is in use, and whether writes that need more are refused.
//!
//! Memory is what the allocator has given out (`stats.allocated`), looked at by the keepers ten times a second and after
//! each eviction, never on the path of a command: a command reads one flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The state of memory use.
#[derive(Default)]
pub struct Memory {
    /// Bytes in use at the last look.
    used: AtomicU64,
    /// Most bytes in use at any look.
    peak: AtomicU64,
    over: AtomicBool,
}

impl Memory {
    /// Whether more memory is in use than `maxmemory` allows.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// Looks at the allocator; `limit` is `maxmemory`, 0 for none. Answers the bytes in use.
    pub fn look(&self, limit: u64) -> u64 {
        let used = allocated();
        self.used.store(used, Relaxed);
        self.peak.fetch_max(used, Relaxed);
        self.over.store(limit > 0 && used > limit, Relaxed);
        used
    }

    /// Most bytes in use at any look.
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }
}

/// Bytes that the allocator has given out.
pub fn allocated() -> u64 {
    // Statistics are cached until the epoch advances. Errors would mean an allocator without statistics: report nothing.
    let _ = tikv_jemalloc_ctl::epoch::advance();
    tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0) as u64
}

/// Bytes that are resident for the allocator's sake.
pub fn resident() -> u64 {
    tikv_jemalloc_ctl::stats::resident::read().unwrap_or(0) as u64
}
