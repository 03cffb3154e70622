//! What every thread reads at every command and hardly anybody changes: the configuration, the libraries of functions. Read
//! without a lock, replaced as a whole.
//!
//! The cell holds one pointer to an `Arc<T>`. A reader pins the epoch and follows the pointer; a writer swaps in a
//! new one and leaves the old one to the epoch, which frees it when no reader that could have seen it is pinned.
//!
//! Invariants on which the `unsafe` blocks rely:
//! - `current` is never null: it is set in `new` and only ever swapped for another live allocation.
//! - An allocation taken out of `current` is unreachable for readers that pin later, and is given to `defer_destroy`
//!   exactly once, by the one thread that swapped it out.
//! - `Drop` has the cell to itself (`&mut self`), so nobody can be looking at the last allocation.
#![allow(unsafe_code)]

use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned};
use parking_lot::Mutex;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value in force, shared by all threads, with a version that grows with each change.
#[derive(Debug)]
pub struct Versioned<T> {
    current: Atomic<Arc<T>>,
    /// Grows by one with each change, after the pointer was swapped.
    version: AtomicU64,
    /// Writers queue here, so that of two changes computed from the current value none is lost.
    writer: Mutex<()>,
}

/// A borrowed look at the value in force. Keeps its thread's epoch pinned: take it, read, let it go. It is not
/// `Send`, so it cannot be held over an await of a task that may move.
pub struct Look<'a, T> {
    value: *const Arc<T>,
    _guard: Guard,
    _cell: PhantomData<&'a Versioned<T>>,
}

/// A thread's own handle on the value, for the request path: one atomic load as long as nothing changed.
#[derive(Debug)]
pub struct Cached<T> {
    version: u64,
    value: Arc<T>,
}

impl<T: Send + Sync + 'static> Versioned<T> {
    /// A cell with its first value.
    pub fn new(value: T) -> Versioned<T> {
        Versioned { current: Atomic::new(Arc::new(value)), version: AtomicU64::new(1), writer: Mutex::new(()) }
    }

    /// The value in force. Lock-free; costs pinning the epoch.
    pub fn load(&self) -> Look<'_, T> {
        let guard = epoch::pin();
        let value = self.current.load(Ordering::Acquire, &guard).as_raw();
        Look { value, _guard: guard, _cell: PhantomData }
    }

    /// Puts `value` into force. For a change computed from the current value use [`Versioned::modify`].
    #[cfg(test)]
    pub fn update(&self, value: T) {
        let _writer = self.writer.lock();
        self.replace(value);
    }

    /// Computes a new value from the current one and puts it into force; an error leaves everything as it is.
    /// One writer at a time, so `change` may take its time but must not touch this cell again.
    pub fn modify<R, E>(&self, change: impl FnOnce(&T) -> Result<(T, R), E>) -> Result<R, E> {
        let _writer = self.writer.lock();
        let (value, outcome) = change(&self.load())?;
        self.replace(value);
        Ok(outcome)
    }

    /// Grows with each change. Who sees a version sees at least the value that belongs to it.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whoever keeps something that was made from the value and from more is to make it again: the version grows, the
    /// value stays.
    pub fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn replace(&self, value: T) {
        let guard = epoch::pin();
        let old = self.current.swap(Owned::new(Arc::new(value)), Ordering::AcqRel, &guard);
        self.version.fetch_add(1, Ordering::Release);
        // SAFETY: `old` was just taken out by this thread's swap, so it is destroyed once, and only after every reader
        // pinned before the swap has let go.
        unsafe { guard.defer_destroy(old) };
    }
}

impl<T> Drop for Versioned<T> {
    fn drop(&mut self) {
        let last = std::mem::replace(&mut self.current, Atomic::null());
        // SAFETY: the pointer is never null before this, and `&mut self` says that no `Look` borrows the cell.
        drop(unsafe { last.into_owned() });
    }
}

impl<T> Look<'_, T> {
    /// The value, to be kept for longer than the look.
    pub fn share(&self) -> Arc<T> {
        // SAFETY: as in `deref`.
        Arc::clone(unsafe { &*self.value })
    }
}

impl<T> Deref for Look<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the pointer was in force when this thread pinned the epoch, and the guard keeps it pinned: what the pointer
        // leads to is freed only after that.
        unsafe { &*self.value }
    }
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// A handle on the value in force now.
    pub fn new(cell: &Versioned<T>) -> Cached<T> {
        let (version, value) = snapshot(cell);
        Cached { version, value }
    }

    /// The value in force. One atomic load unless it changed since the last call.
    #[inline]
    pub fn get(&mut self, cell: &Versioned<T>) -> &Arc<T> {
        if cell.version() != self.version {
            (self.version, self.value) = snapshot(cell);
        }
        &self.value
    }

    /// The value seen by the last `get`, to be kept for longer than a borrow.
    pub fn share(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }
}

/// The version is read first: the value read after it is that version's or a later one, never an older one, so
/// the worst that a race can do is one needless refresh.
fn snapshot<T: Send + Sync + 'static>(cell: &Versioned<T>) -> (u64, Arc<T>) {
    (cell.version(), cell.load().share())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// Two numbers that always agree, so that a torn or freed value shows.
    fn paired(n: u64) -> (u64, Box<u64>) {
        (n, Box::new(n))
    }

    #[test]
    fn readers_see_whole_values_that_only_move_forward() {
        const UPDATES: u64 = 2_000;
        let cell = Versioned::new(paired(0));
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
                            let value = own.get(cell);
                            (value.0, *value.1)
                        } else {
                            let value = cell.load();
                            (value.0, *value.1)
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
        let cell = Versioned::new(paired(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let result: Result<(), ()> = cell.modify(|value| Ok((paired(value.0 + 1), ())));
                        assert_eq!(result, Ok(()));
                    }
                });
            }
        });
        assert_eq!(cell.load().0, 2_000);
    }

    #[test]
    fn a_refused_modification_changes_nothing() {
        let cell = Versioned::new(paired(7));
        assert_eq!(cell.modify::<(), _>(|_| Err("no")), Err("no"));
        assert_eq!((cell.version(), cell.load().0), (1, 7));
    }

    #[test]
    fn a_reference_outlives_the_update_that_replaced_it() {
        let cell = Versioned::new(paired(1));
        let mut cached = Cached::new(&cell);
        let before = cell.load();
        cell.update(paired(2));
        assert_eq!(before.0, 1);
        assert_eq!(cached.share().0, 1);
        assert_eq!(cached.get(&cell).0, 2);
        assert_eq!(cached.share().0, 2);
    }

    #[test]
    fn the_cell_frees_what_it_holds() {
        let cell = Versioned::new(paired(1));
        let kept = Cached::new(&cell).share();
        assert_eq!(Arc::strong_count(&kept), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
