//! Entering a shard: one lock and one inbox per shard, and no thread that ever blocks on either.
//!
//! ```text
//!   thread A: try_enter ── got it ──> runs its commands ──> release: drains the inbox ──> unlocks
//!   thread B: try_enter ── busy ────> leaves a Job in the inbox ──────┘ (A runs it, B's task is woken with the result)
//!   thread C: acquire   ── busy ────> leaves a Grant in the inbox ────> the lock is handed over, C's task is woken
//! ```
//!
//! * A **job** is work for one shard that any thread can do: it owns all it needs. Whoever releases the shard does it on
//!   the spot, so the shard does not idle while a wake-up is on its way.
//! * A **grant** is for units that must run where they are (scripts, units over several shards): the lock changes hands
//!   without ever being free.
//!
//! Entries are served in the order of their arrival. Ground rules of the lock word and the inbox:
//!
//! 1. Whoever has set `locked` from false to true, or was granted, owns the shard, alone.
//! 2. A pusher pushes first and tries the lock after; a releaser unlocks first and looks at the inbox after. All four are
//!    sequentially consistent (a failed try, too), so one of the two sees the other, and no entry is left behind.
//! 3. A releaser that has done [`DRAIN_MAX`] jobs lets the shard's own thread go on, so that no connection pays for all.
//!
//! The rules are checked by `tests/loom_cell.rs`, which compiles this file with loom's locks and atomics for
//! [`crate::system::sync`].
//!
//! Rejected: a parking_lot mutex around the shard (its fairness parks threads, and a guard cannot be handed to another
//! task), and message passing to the owning thread (measured in the design: 10 times slower for one pipelined client).

#![allow(unsafe_code)]

use crate::system::sync::{Arc, AtomicBool, AtomicI64, AtomicU8, AtomicUsize, Mutex, Ordering};
use curfew_shard::Shard;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Jobs that a releaser does for others before it passes the rest to the shard's own thread.
const DRAIN_MAX: usize = 64;

/// What a job finds when its turn comes.
pub enum Turn<'a> {
    /// The shard is yours.
    Shard(&'a mut Shard),
    /// A script has kept the shard past `busy-reply-threshold`: answer -BUSY.
    Busy,
}

/// Work for one shard, done by whichever thread lets go of it.
pub type Job = Box<dyn FnOnce(Turn<'_>) + Send>;

enum Waiting {
    Job(Job),
    Grant(Arc<Grant>),
}

/// One shard with its lock and its inbox.
pub struct ShardCell {
    locked: AtomicBool,
    inbox: Mutex<VecDeque<Waiting>>,
    /// Entries in the inbox, readable without its lock.
    waiting: AtomicUsize,
    /// A script is past the threshold: newcomers are told -BUSY and do not wait.
    busy: AtomicBool,
    /// The time (Unix milliseconds) for which the shard's keeper means to wake, because there is something to do then: an
    /// earlier deadline rings the bell, and whoever has the shard past it does what is due ([`ShardCell::is_due`]).
    planned: AtomicI64,
    /// How many units that cannot wait in the inbox want the shard: see [`ShardCell::want`].
    wanted: AtomicUsize,
    /// Wakes the shard's own thread: it enters, drains, and looks at the wheel.
    bell: Box<dyn Fn() + Send + Sync>,
    shard: UnsafeCell<Shard>,
}

// SAFETY: `shard` is reached only through a `Guard`, of which there is one at a time (ground rule 1); everything else is
// Sync by itself. Shard is Send, so it may be used from whichever thread holds the guard.
unsafe impl Sync for ShardCell {}

/// Ownership of a shard. Dropping it serves the inbox and unlocks.
pub struct Guard<'a> {
    cell: &'a ShardCell,
}

impl ShardCell {
    /// A free shard. `bell` must wake the shard's own thread from any thread, cheaply when it is awake.
    pub fn new(shard: Shard, bell: Box<dyn Fn() + Send + Sync>) -> ShardCell {
        ShardCell {
            locked: AtomicBool::new(false),
            inbox: Mutex::new(VecDeque::new()),
            waiting: AtomicUsize::new(0),
            busy: AtomicBool::new(false),
            planned: AtomicI64::new(i64::MAX),
            wanted: AtomicUsize::new(0),
            bell,
            shard: UnsafeCell::new(shard),
        }
    }

    /// The shard, if nobody has it.
    #[inline]
    pub fn try_enter(&self) -> Option<Guard<'_>> {
        self.locked
            .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
            .then(|| Guard { cell: self })
    }

    /// Leaves a job for whoever has the shard; does it at once if the shard has become free.
    pub fn leave(&self, job: Job) {
        if self.busy.load(Ordering::SeqCst) {
            return job(Turn::Busy);
        }
        self.push(Waiting::Job(job));
    }

    /// The shard, when it is this caller's turn; None if a busy script has it.
    pub fn acquire(&self) -> Acquire<'_> {
        Acquire { cell: self, grant: None }
    }

    /// Wakes the shard's own thread.
    pub fn ring(&self) {
        (self.bell)();
    }

    /// The first time at which there is something to do again: `i64::MAX` for never, `i64::MIN` if nobody is to be told of
    /// deadlines. The caller holds the shard.
    pub fn plan(&self, at_ms: i64) {
        self.planned.store(at_ms, Ordering::SeqCst);
    }

    /// Whether the shard has something to do at this time. One relaxed load: it may be said a moment too late or too often, and
    /// who acts on it holds the shard and looks again.
    #[inline]
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.planned.load(Ordering::Relaxed) <= now_ms
    }

    /// Somebody who is in the middle of a unit, and so keeps the shards that it has, begins (true) or ceases to try to get this
    /// one. Whoever has it and has not begun, because it waits for others, is to let go of it.
    pub fn want(&self, begins: bool) {
        match begins {
            true => self.wanted.fetch_add(1, Ordering::SeqCst),
            false => self.wanted.fetch_sub(1, Ordering::SeqCst),
        };
    }

    /// Whether a script has kept the shard past the threshold.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// The holder's script is past the threshold (true) or over (false). On true, everybody who waits is told -BUSY; call
    /// it again from time to time, for those who came in between.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
        while busy && let Some(waiting) = self.pop() {
            match waiting {
                Waiting::Job(job) => job(Turn::Busy),
                Waiting::Grant(grant) => drop(grant.settle(Grant::BUSY)),
            }
        }
    }

    fn push(&self, waiting: Waiting) {
        let mut inbox = self.inbox.lock();
        inbox.push_back(waiting);
        self.waiting.store(inbox.len(), Ordering::SeqCst);
        drop(inbox);
        if let Some(guard) = self.try_enter() {
            drop(guard); // dropping serves the inbox
        }
    }

    fn pop(&self) -> Option<Waiting> {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut inbox = self.inbox.lock();
        let waiting = inbox.pop_front();
        self.waiting.store(inbox.len(), Ordering::SeqCst);
        waiting
    }

    /// Tells the keeper of a deadline that comes before the one it waits for.
    fn announce(&self, shard: &mut Shard) {
        if shard.soonest < i64::MAX {
            // Due once now > deadline.
            let soonest = std::mem::replace(&mut shard.soonest, i64::MAX).saturating_add(1);
            if soonest < self.planned.load(Ordering::SeqCst) {
                self.planned.store(soonest, Ordering::SeqCst);
                self.ring();
            }
        }
    }

    /// Lets go of the shard: serves those who wait, hands the lock to the first that needs it where it is, or frees it.
    /// The caller owns the shard, and does not afterwards.
    fn release(&self) {
        let mut served = 0;
        loop {
            while served < DRAIN_MAX
                && let Some(waiting) = self.pop()
            {
                match waiting {
                    Waiting::Job(job) => {
                        // SAFETY: the caller owns the shard (ground rule 1), and gave up its own reference.
                        job(Turn::Shard(unsafe { &mut *self.shard.get() }));
                        served += 1;
                    }
                    Waiting::Grant(grant) => {
                        if grant.settle(Grant::GRANTED) {
                            return; // the lock stays set: it is the grantee's now
                        }
                    }
                }
            }
            // SAFETY: the caller owns the shard (ground rule 1).
            self.announce(unsafe { &mut *self.shard.get() });
            self.locked.store(false, Ordering::SeqCst);
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            if served >= DRAIN_MAX {
                return self.ring();
            }
            // Somebody came between the last look and the unlocking. If another has the shard by now, it will see them.
            if self.locked.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                return;
            }
        }
    }
}

impl Guard<'_> {
    /// Whether somebody wants the shard who cannot wait for it in line.
    pub fn is_wanted(&self) -> bool {
        self.cell.wanted.load(Ordering::SeqCst) > 0
    }
}

impl Deref for Guard<'_> {
    type Target = Shard;
    fn deref(&self) -> &Shard {
        // SAFETY: a guard owns the shard (ground rule 1).
        unsafe { &*self.cell.shard.get() }
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        // SAFETY: a guard owns the shard (ground rule 1), and is borrowed mutably here.
        unsafe { &mut *self.cell.shard.get() }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.cell.release();
    }
}

/// A place in the queue for the lock itself.
struct Grant {
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Grant {
    const WAITING: u8 = 0;
    const GRANTED: u8 = 1;
    const BUSY: u8 = 2;
    const CANCELLED: u8 = 3;

    /// Moves from waiting to `state`; false if the waiter has gone.
    fn settle(&self, state: u8) -> bool {
        let settled = self.state.compare_exchange(Self::WAITING, state, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if settled && let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
        settled
    }
}

/// Waits for a shard. Dropped while it waits, it leaves the queue; dropped after the lock was handed to it, it lets go.
pub struct Acquire<'a> {
    cell: &'a ShardCell,
    grant: Option<Arc<Grant>>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Option<Guard<'a>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Guard<'a>>> {
        let cell = self.cell;
        let grant = match &self.grant {
            None => {
                // Those who wait already come first, unless nobody does.
                if cell.waiting.load(Ordering::SeqCst) == 0
                    && let Some(guard) = cell.try_enter()
                {
                    return Poll::Ready(Some(guard));
                }
                if cell.is_busy() {
                    return Poll::Ready(None);
                }
                let grant = Arc::new(Grant {
                    state: AtomicU8::new(Grant::WAITING),
                    waker: Mutex::new(Some(context.waker().clone())),
                });
                self.grant = Some(grant.clone());
                cell.push(Waiting::Grant(grant.clone()));
                grant
            }
            Some(grant) => {
                *grant.waker.lock() = Some(context.waker().clone());
                grant.clone()
            }
        };
        // The waker is in place, so a change after this look wakes us.
        match grant.state.load(Ordering::SeqCst) {
            Grant::GRANTED => {
                self.grant = None;
                Poll::Ready(Some(Guard { cell }))
            }
            Grant::BUSY => {
                self.grant = None;
                Poll::Ready(None)
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take()
            && !grant.settle(Grant::CANCELLED)
            && grant.state.load(Ordering::SeqCst) == Grant::GRANTED
        {
            drop(Guard { cell: self.cell });
        }
    }
}
