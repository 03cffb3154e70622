//! The flags of scripts and functions, and what was learned about their reach.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Runs during which all shards are held while the server learns whether the code keeps to its declared keys.
const LEARNING_RUNS: u32 = 8;

/// Flags of a shebang line or of `redis.register_function`, as bits.
pub mod flag {
    /// Only reads.
    pub const NO_WRITES: u32 = 1 << 0;
    /// May write while over `maxmemory`.
    pub const ALLOW_OOM: u32 = 1 << 1;
    /// May run on stale replicas.
    pub const ALLOW_STALE: u32 = 1 << 2;
    /// Not in cluster mode.
    pub const NO_CLUSTER: u32 = 1 << 3;
    /// Keys of any slots.
    pub const ALLOW_CROSS_SLOT_KEYS: u32 = 1 << 4;
    /// There is no shebang: the rules from before there were flags.
    pub const COMPAT: u32 = 1 << 5;

    /// The names of the flags that can be given, in the order in which FUNCTION LIST tells them.
    pub const NAMES: &[(&str, u32)] = &[
        ("no-writes", NO_WRITES),
        ("allow-oom", ALLOW_OOM),
        ("allow-stale", ALLOW_STALE),
        ("no-cluster", NO_CLUSTER),
        ("allow-cross-slot-keys", ALLOW_CROSS_SLOT_KEYS),
    ];
}

/// What was learned about the shards that some code reaches for: the first runs hold every shard, later ones those of the
/// declared keys, unless it has ever reached further.
#[derive(Default, Debug)]
pub struct Learned {
    /// Runs that were watched, up to [`LEARNING_RUNS`].
    runs: AtomicU32,
    /// Has reached for a shard beyond its declared keys: holds all shards for good.
    wide: AtomicBool,
}

impl Learned {
    /// Whether the code is known to keep to the shards of its declared keys.
    pub fn is_narrow(&self) -> bool {
        !self.wide.load(Relaxed) && self.runs.load(Relaxed) >= LEARNING_RUNS
    }

    /// Whether it has ever reached further than its declared keys.
    pub fn is_wide(&self) -> bool {
        self.wide.load(Relaxed)
    }

    /// It has reached further than its declared keys.
    pub fn set_wide(&self) {
        self.wide.store(true, Relaxed);
    }

    /// A run is over.
    pub fn count_run(&self) {
        if self.runs.load(Relaxed) < LEARNING_RUNS {
            self.runs.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_learned_after_some_runs_unless_it_strays() {
        let learned = Learned::default();
        (1..LEARNING_RUNS).for_each(|_| learned.count_run());
        assert!(!learned.is_narrow());
        learned.count_run();
        assert!(learned.is_narrow() && !learned.is_wide());
        learned.set_wide();
        assert!(!learned.is_narrow() && learned.is_wide());
    }
}
