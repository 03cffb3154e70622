//! Who may serve or end a waiter, which can stand in the queues of several shards at once.
//!
//! ```text
//!                 claim              finish
//!     WAITING ───────────> CLAIMED ──────────> OVER
//!        ^  <──────────────  │ │ another comes: refused, and noted
//!        │     put_back      │ v
//!        │               CONTENDED ──────────> OVER
//!        │ resume            │ put_back
//!        └───── CALLED <─────┘ <── call
//! ```
//!
//! Whoever changes a key that is waited for, whoever ends the waiting (a timeout, CLIENT UNBLOCK, a closed connection): each
//! claims first, and only one can. Rules:
//!
//! 1. A claim is short: it lasts as long as the command takes, and whoever has it holds the shards that the command needs.
//! 2. One who serves and finds the waiter claimed leaves the key to the waiter: nobody behind it is served before. The note
//!    (CONTENDED) or the state CALLED makes sure that the waiter's connection comes and looks at all its keys, with all their
//!    shards held: either because it is over (it leaves its queues then), or because it was called.
//! 3. CALLED becomes something else by whoever holds all its shards, and by those who end the waiting.
//!
//! `server/tests/loom_wait.rs` checks that no key is forgotten, in all interleavings.

use crate::sync::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const CLAIMED: u8 = 1;
const CONTENDED: u8 = 2;
const CALLED: u8 = 3;
const OVER: u8 = 4;

/// What came of a claim.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The caller has it, and says soon what becomes of it.
    Mine,
    /// Another has it, or its connection was called: it will look at all its keys by itself.
    Elsewhere,
    /// It waits no more.
    Over,
}

/// What the waiter's own connection sees.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// Nothing to do.
    Waiting,
    /// It is to try again with all its shards held.
    Called,
    /// There is an outcome.
    Over,
}

/// See the module's documentation.
pub struct State(AtomicU8);

impl State {
    /// One that waits.
    #[allow(clippy::new_without_default)] // loom's atomics have no default
    pub fn new() -> State {
        State(AtomicU8::new(WAITING))
    }

    /// Claims it to serve it.
    pub fn claim(&self) -> Claim {
        self.claim_from(|state| state == WAITING)
    }

    /// Claims it to end it, even where it was called.
    pub fn claim_to_end(&self) -> Claim {
        self.claim_from(|state| state == WAITING || state == CALLED)
    }

    /// Gives the claim back: it goes on waiting. False: somebody has come meanwhile, so it is called instead, and the caller
    /// has to wake its connection.
    #[must_use]
    pub fn put_back(&self) -> bool {
        self.change(|state| if state == CONTENDED { CALLED } else { WAITING }) != CONTENDED
    }

    /// Gives the claim to whoever takes hold of all its shards first.
    pub fn call(&self) {
        self.change(|_| CALLED);
    }

    /// Ends it. The caller has the claim, and has said what came of it.
    pub fn finish(&self) {
        self.change(|_| OVER);
    }

    /// The caller holds all its shards and goes through its keys next: it waits again. False if it is not called any more.
    pub fn resume(&self) -> bool {
        self.0.compare_exchange(CALLED, WAITING, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// For its connection.
    pub fn look(&self) -> Look {
        match self.0.load(Ordering::SeqCst) {
            OVER => Look::Over,
            CALLED => Look::Called,
            _ => Look::Waiting,
        }
    }

    fn claim_from(&self, is_free: impl Fn(u8) -> bool) -> Claim {
        let before = self.change(|state| match state {
            free if is_free(free) => CLAIMED,
            CLAIMED => CONTENDED,
            other => other,
        });
        match before {
            free if is_free(free) => Claim::Mine,
            OVER => Claim::Over,
            _ => Claim::Elsewhere,
        }
    }

    /// Changes the state in one step, and answers what it was.
    fn change(&self, next: impl Fn(u8) -> u8) -> u8 {
        let mut state = self.0.load(Ordering::SeqCst);
        loop {
            match self.0.compare_exchange(state, next(state), Ordering::SeqCst, Ordering::SeqCst) {
                Ok(before) => return before,
                Err(found) => state = found,
            }
        }
    }
}
