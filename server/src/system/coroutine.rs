//! Runs a function on a stack of its own, so that it can be left in the middle and gone on with later.
//!
//! A script that takes long must let its thread's connections, timers and inbox have their turns, but Lua 5.1 cannot
//! yield out of a hook. So scripts run here: the hook calls [`suspend`], which goes back to the task that awaits [`run`],
//! which yields to the runtime and resumes later. A script that is over sooner costs two switches of some nanoseconds.
//! The switches and the stacks are those of the `corosensei` crate; here is what ties them to a runtime's tasks.
//!
//! ```text
//!   task's stack                         the script's stack (8 MiB reserved, touched as needed)
//!   run().await ── switch ─────────────> f() ... Lua ... hook ... suspend()
//!        <───────────────── switch ──────────────────────────────────┘
//!   yield to the runtime: others run
//!        ── switch ──────────────────────────────────────────────> (goes on) ... f returns
//!        <───────────────── switch ─────────────────────────────────────────────────┘
//! ```
//!
//! Rejected: serving the thread's sockets from inside the hook (a second, poorer copy of the connection code, and nothing
//! for tasks that wait for anything but bytes), and a thread for each script (two context switches per call).
//!
//! Invariants:
//! 1. A coroutine is resumed only on the thread that it started on: the runtime of a shard thread is a current-thread one,
//!    so its tasks never move. Hence what runs inside may use thread-locals as any code does.
//! 2. What runs inside keeps no borrow of a thread's `RefCell`s across [`suspend`], since other tasks run meanwhile.
//! 3. A coroutine that has started is brought to its end before it is dropped: the crate would unwind its stack instead,
//!    and Lua's frames there must not be unwound.
//! 4. The page below a stack may not be touched: an overflow is a fault, not a corruption. Rust touches each page of a
//!    large frame. Lua's C frames with a string buffer (8 KiB) could step over it, but nest at most 200 deep: 2 MiB.
#![allow(unsafe_code)]

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::ptr::NonNull;

/// Bytes of address space for a stack, without the guard page. Only touched pages cost memory. Lua itself nests at most
/// 200 C calls; deep replies need the room, too.
pub const STACK_BYTES: usize = 8 << 20;

thread_local! {
    /// The coroutine that runs on this thread at the moment.
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
    /// A stack that is not in use.
    static SPARE: Cell<Option<DefaultStack>> = const { Cell::new(None) };
}

/// What the inside of a coroutine knows of it while it runs.
#[derive(Clone, Copy)]
struct Current {
    yielder: NonNull<Yielder<bool, ()>>,
    abandoned: bool,
}

/// Runs `f` on a stack of its own; the future yields to the runtime whenever `f` calls [`suspend`]. Without memory for a
/// stack, `f` runs on the caller's, and cannot be suspended.
///
/// # Panics
/// If `f` does.
pub async fn run<T: Send, F: FnOnce() -> T + Send>(f: F) -> T {
    let Ok(stack) = SPARE.take().map_or_else(|| DefaultStack::new(STACK_BYTES), Ok) else {
        return f();
    };
    let mut running = Running::new(stack, f);
    loop {
        if let CoroutineResult::Return(value) = running.resume(false) {
            return value;
        }
        tokio::task::yield_now().await;
    }
}

/// Goes back to whoever awaits the coroutine, until it is resumed. False outside of any coroutine: nothing happened.
pub fn suspend() -> bool {
    let Some(Current { yielder, .. }) = CURRENT.take() else {
        return false;
    };
    // SAFETY: the current coroutine's yielder is at the base of the stack that this runs on.
    let abandoned = unsafe { yielder.as_ref() }.suspend(());
    CURRENT.set(Some(Current { yielder, abandoned }));
    true
}

/// Whether the running coroutine is to end at once: nobody awaits it any more.
pub fn is_abandoned() -> bool {
    CURRENT.get().is_some_and(|current| current.abandoned)
}

/// A function on its own stack, under way. It is resumed with whether it is abandoned.
struct Running<T> {
    /// There until the drop.
    coroutine: Option<Coroutine<bool, (), T, DefaultStack>>,
}

// SAFETY: what is on the stack is followed only by `resume`, on one and the same thread (invariant 1). The future that
// owns this is Send for the runtime's `spawn` alone.
unsafe impl<T: Send> Send for Running<T> {}

impl<T> Running<T> {
    fn new<F: FnOnce() -> T>(stack: DefaultStack, f: F) -> Running<T> {
        let body = |yielder: &Yielder<bool, ()>, abandoned| {
            CURRENT.set(Some(Current { yielder: NonNull::from(yielder), abandoned }));
            let _leave = Leave;
            f()
        };
        // SAFETY: `run`, the only caller, keeps this in a future whose type has `F` in it, so it does not outlive what
        // `f` borrows. The drop brings it to its end; should the future be leaked, nobody resumes it any more.
        let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, body) };
        Running { coroutine: Some(coroutine) }
    }

    /// Goes on until the next suspension or the end.
    fn resume(&mut self, abandoned: bool) -> CoroutineResult<(), T> {
        debug_assert!(CURRENT.get().is_none(), "a coroutine resumes no other");
        self.coroutine.as_mut().expect("there until the drop").resume(abandoned)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        // A task that is dropped in the middle (the runtime ends): what the coroutine borrows goes, so it has to end
        // first. The hook tells a script that is being dropped by `is_abandoned`.
        while self.coroutine.as_ref().is_some_and(|coroutine| !coroutine.done()) {
            self.resume(true);
        }
        SPARE.set(self.coroutine.take().map(Coroutine::into_stack));
    }
}

/// Marks the end of the running coroutine, be it by a return or by a panic.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corosensei::stack::Stack;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
    }

    #[test]
    fn others_run_while_a_coroutine_is_suspended() {
        let steps = Arc::new(AtomicU32::new(0));
        let seen = steps.clone();
        let (text, others) = runtime().block_on(async {
            let other = tokio::spawn(async move {
                while seen.load(SeqCst) < 5 {
                    tokio::task::yield_now().await;
                }
                seen.fetch_add(100, SeqCst);
            });
            let text = run(|| {
                let local = String::from("kept");
                while steps.load(SeqCst) < 100 {
                    steps.fetch_add(1, SeqCst);
                    assert!(suspend());
                }
                local
            })
            .await;
            (text, other.await)
        });
        assert_eq!(text, "kept");
        assert!(others.is_ok());
        assert!(!suspend(), "there is nothing to suspend outside");
    }

    #[test]
    fn two_at_once_have_stacks_of_their_own() {
        let sum = runtime().block_on(async {
            let one = |start: u64| {
                run(move || {
                    let mut numbers = [0u64; 512];
                    for round in 0..50 {
                        numbers.iter_mut().for_each(|number| *number += start + round);
                        suspend();
                    }
                    numbers.iter().sum::<u64>()
                })
            };
            let (a, b) = tokio::join!(one(1), one(1_000));
            a + b
        });
        assert_eq!(sum, 512 * (50 * 1_001 + 2 * (49 * 50 / 2)));
    }

    #[test]
    fn a_dropped_coroutine_is_brought_to_its_end() {
        let ended = Arc::new(AtomicU32::new(0));
        let seen = ended.clone();
        runtime().block_on(async {
            let mut future = Box::pin(run(move || {
                while !is_abandoned() {
                    suspend();
                }
                seen.store(1, SeqCst);
            }));
            assert!(futures_poll(future.as_mut()).is_pending());
        });
        assert_eq!(ended.load(SeqCst), 1);
        assert!(!is_abandoned());
    }

    #[test]
    fn the_stack_is_used_again() {
        let local = || {
            let byte = 0u8;
            (&raw const byte).addr()
        };
        let on_spare = |address: usize| {
            let spare = SPARE.take().expect("a spare stack");
            let is_on = (spare.limit().get()..spare.base().get()).contains(&address);
            SPARE.set(Some(spare));
            is_on
        };
        let first = runtime().block_on(run(local));
        assert!(on_spare(first));
        let second = runtime().block_on(run(local));
        assert!(on_spare(first) && on_spare(second));
        assert!(!on_spare(local()));
    }

    #[test]
    fn a_panic_inside_reaches_whoever_awaits() {
        let outcome = std::panic::catch_unwind(|| {
            runtime().block_on(run(|| {
                suspend();
                std::panic::resume_unwind(Box::new("inside"));
            }))
        });
        let payload = outcome.expect_err("a panic");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"inside"));
        assert!(!suspend() && !is_abandoned());
        assert!(SPARE.take().is_some(), "its stack can be used again");
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
