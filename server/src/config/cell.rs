//! Where the configuration in force lives: read by every command on every thread without a lock, replaced rarely.
//!
//! The cell holds one pointer to an `Arc<Config>`. A reader pins the epoch and follows the pointer; a writer swaps in a
//! new one and leaves the old one to the epoch, which frees it when no reader that could have seen it is pinned.
//!
//! Invariants on which the `unsafe` blocks rely:
//! - `current` is never null: it is set in `new` and only ever swapped for another live allocation.
//! - An allocation taken out of `current` is unreachable for readers that pin later, and is given to `defer_destroy`
//!   exactly once, by the one thread that swapped it out.
//! - `Drop` has the cell to itself (`&mut self`), so nobody can be looking at the last allocation.
#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned};
use parking_lot::Mutex;

use crate::config::Config;

/// The configuration in force, shared by all threads.
#[derive(Debug)]
pub struct ConfigCell {
    current: Atomic<Arc<Config>>,
    /// Grows by one with each update, after the pointer was swapped.
    version: AtomicU64,
    /// Writers queue here, so that of two changes computed from the current configuration none is lost.
    writer: Mutex<()>,
}

/// A borrowed look at the configuration in force. Keeps its thread's epoch pinned: take it, read, let it go. It is not
/// `Send`, so it cannot be held over an await of a task that may move.
pub struct ConfigRef<'a> {
    config: *const Arc<Config>,
    _guard: Guard,
    _cell: std::marker::PhantomData<&'a ConfigCell>,
}

/// A thread's own handle on the configuration, for the request path: one atomic load as long as nothing changed.
#[derive(Debug)]
pub struct Cached {
    version: u64,
    config: Arc<Config>,
}

impl ConfigCell {
    /// A cell with the configuration that the server starts with.
    pub fn new(config: Config) -> ConfigCell {
        ConfigCell { current: Atomic::new(Arc::new(config)), version: AtomicU64::new(1), writer: Mutex::new(()) }
    }

    /// The configuration in force. Lock-free; costs pinning the epoch.
    pub fn load(&self) -> ConfigRef<'_> {
        let guard = epoch::pin();
        let config = self.current.load(Ordering::Acquire, &guard).as_raw();
        ConfigRef { config, _guard: guard, _cell: std::marker::PhantomData }
    }

    /// Puts `config` into force. For a change computed from the current configuration use [`ConfigCell::modify`].
    #[cfg(test)]
    pub fn update(&self, config: Config) {
        let _writer = self.writer.lock();
        self.replace(config);
    }

    /// Computes a new configuration from the current one and puts it into force; an error leaves everything as it is.
    /// One writer at a time, so `change` may take its time but must not touch this cell again.
    pub fn modify<T, E>(&self, change: impl FnOnce(&Config) -> Result<(Config, T), E>) -> Result<T, E> {
        let _writer = self.writer.lock();
        let (config, outcome) = change(&self.load())?;
        self.replace(config);
        Ok(outcome)
    }

    /// Grows with each update. Who sees a version sees at least the configuration that belongs to it.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whoever keeps something that was made from the configuration and from more is to make it again: the version grows, the
    /// configuration stays.
    pub fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn replace(&self, config: Config) {
        let guard = epoch::pin();
        let old = self.current.swap(Owned::new(Arc::new(config)), Ordering::AcqRel, &guard);
        self.version.fetch_add(1, Ordering::Release);
        // SAFETY: `old` was just taken out by this thread's swap, so it is destroyed once, and only after every reader
        // pinned before the swap has let go.
        unsafe { guard.defer_destroy(old) };
    }
}

impl Drop for ConfigCell {
    fn drop(&mut self) {
        let last = std::mem::replace(&mut self.current, Atomic::null());
        // SAFETY: the pointer is never null before this, and `&mut self` says that no `ConfigRef` borrows the cell.
        drop(unsafe { last.into_owned() });
    }
}

impl Deref for ConfigRef<'_> {
    type Target = Config;

    fn deref(&self) -> &Config {
        // SAFETY: the pointer was loaded under `_guard`, which is still pinned, so the allocation is not freed; it is
        // not null; and nothing writes to an allocation once it is in the cell.
        unsafe { &*self.config }
    }
}

impl Cached {
    /// A handle on the configuration in force now.
    pub fn new(cell: &ConfigCell) -> Cached {
        let (version, config) = snapshot(cell);
        Cached { version, config }
    }

    /// The configuration in force. One atomic load unless it changed since the last call.
    #[inline]
    pub fn get(&mut self, cell: &ConfigCell) -> &Config {
        if cell.version() != self.version {
            (self.version, self.config) = snapshot(cell);
        }
        &self.config
    }

    /// The configuration seen by the last `get`, to be kept for longer than a borrow.
    pub fn share(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }
}

/// The version is read first: the configuration read after it is that version's or a later one, never an older one, so
/// the worst that a race can do is one needless refresh.
fn snapshot(cell: &ConfigCell) -> (u64, Arc<Config>) {
    let version = cell.version();
    let look = cell.load();
    // SAFETY: as in `ConfigRef::deref`.
    let config = unsafe { Arc::clone(&*look.config) };
    (version, config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// A configuration whose two fields always agree, so that a torn or freed one shows.
    fn paired(n: u64) -> Config {
        Config { maxmemory: n, proto_max_bulk_len: n, ..Config::default() }
    }

    #[test]
    fn readers_see_whole_configurations_that_only_move_forward() {
        const UPDATES: u64 = 2_000;
        let cell = ConfigCell::new(paired(0));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for cached in [false, true, false, true] {
                let (cell, done) = (&cell, &done);
                scope.spawn(move || {
                    let mut own = Cached::new(cell);
                    let mut last = 0;
                    loop {
                        let finished = done.load(Ordering::Acquire);
                        let (a, b) = if cached {
                            let config = own.get(cell);
                            (config.maxmemory, config.proto_max_bulk_len)
                        } else {
                            let config = cell.load();
                            (config.maxmemory, config.proto_max_bulk_len)
                        };
                        assert_eq!(a, b);
                        assert!(a >= last, "went back from {last} to {a}");
                        last = a;
                        std::thread::yield_now(); // the writer must get its turn, also where threads run one at a time
                        if finished {
                            break;
                        }
                    }
                    assert_eq!(last, UPDATES);
                });
            }
            for n in 1..=UPDATES {
                cell.update(paired(n));
            }
            done.store(true, Ordering::Release);
        });
        assert_eq!(cell.version(), UPDATES + 1);
    }

    #[test]
    fn no_concurrent_modification_is_lost() {
        let cell = ConfigCell::new(paired(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let result: Result<(), ()> = cell.modify(|config| Ok((paired(config.maxmemory + 1), ())));
                        assert_eq!(result, Ok(()));
                    }
                });
            }
        });
        assert_eq!(cell.load().maxmemory, 2_000);
    }

    #[test]
    fn a_refused_modification_changes_nothing() {
        let cell = ConfigCell::new(paired(7));
        assert_eq!(cell.modify::<(), _>(|_| Err("no")), Err("no"));
        assert_eq!((cell.version(), cell.load().maxmemory), (1, 7));
    }

    #[test]
    fn a_reference_outlives_the_update_that_replaced_it() {
        let cell = ConfigCell::new(paired(1));
        let mut cached = Cached::new(&cell);
        let before = cell.load();
        cell.update(paired(2));
        assert_eq!(before.maxmemory, 1);
        assert_eq!(cached.share().maxmemory, 1);
        assert_eq!(cached.get(&cell).maxmemory, 2);
        assert_eq!(cached.share().maxmemory, 2);
    }

    #[test]
    fn the_cell_frees_what_it_holds() {
        let cell = ConfigCell::new(paired(1));
        let kept = Cached::new(&cell).share();
        assert_eq!(Arc::strong_count(&kept), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
