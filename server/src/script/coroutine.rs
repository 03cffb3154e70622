//! Runs a function on a stack of its own, so that it can be left in the middle and gone on with later.
//!
//! A script that takes long must let its thread's connections, timers and inbox have their turns, but Lua 5.1 cannot
//! yield out of a hook. So scripts run here: the hook calls [`suspend`], which goes back to the task that awaits [`run`],
//! which yields to the runtime and resumes later. A script that is over sooner costs two switches of some nanoseconds.
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
//! 3. Nothing unwinds through the first frame: it is `extern "C"`, so a panic there ends the process.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;

/// Bytes of address space for a stack, the guard page included. Only touched pages cost memory. Lua itself nests at most
/// 200 C calls; patterns and deep replies need the room.
const STACK_BYTES: usize = 8 << 20;

/// Bytes at the low end that may not be touched: an overflow is a fault, not a corruption.
const GUARD_BYTES: usize = 64 << 10;

thread_local! {
    /// The coroutine that runs on this thread at the moment.
    static CURRENT: Cell<*mut Context> = const { Cell::new(ptr::null_mut()) };
    /// A stack that is not in use.
    static SPARE: Cell<Option<Stack>> = const { Cell::new(None) };
}

/// Both sides of a switch.
struct Context {
    /// Where the coroutine stands while it does not run.
    inside: *mut u8,
    /// Where its resumer stands while it runs.
    outside: *mut u8,
    entry: unsafe fn(*mut ()),
    data: *mut (),
    done: bool,
}

struct Stack {
    base: *mut u8,
}

impl Stack {
    fn new() -> std::io::Result<Stack> {
        // SAFETY: a new anonymous mapping; nothing else is touched.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                STACK_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let stack = Stack { base: base.cast() };
        // SAFETY: the first bytes of the mapping just made.
        if unsafe { libc::mprotect(base, GUARD_BYTES, libc::PROT_NONE) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(stack)
    }

    fn top(&self) -> *mut u8 {
        // SAFETY: one past the end of the mapping. Mappings are page-aligned, so it is 16-aligned as the ABI asks.
        unsafe { self.base.add(STACK_BYTES) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this stack's own, and nothing runs on it any more (`Running` gives it back when done).
        unsafe { libc::munmap(self.base.cast(), STACK_BYTES) };
    }
}

/// A function on its own stack, under way.
struct Running {
    context: Box<Context>,
    stack: Option<Stack>,
}

// SAFETY: the pointers are into the stack and into the future that owns this, and are followed only by `resume`, on one
// and the same thread (invariant 1). The future is Send for the runtime's `spawn` alone.
unsafe impl Send for Running {}

/// Runs `f` on a stack of its own; the future yields to the runtime whenever `f` calls [`suspend`]. Without memory for a
/// stack, `f` runs on the caller's, and cannot be suspended.
pub async fn run<T: Send, F: FnOnce() -> T + Send>(f: F) -> T {
    let mut slot = Slot { f: Some(f), result: None };
    let Ok(stack) = SPARE.take().map_or_else(Stack::new, Ok) else {
        slot.call();
        return slot.take();
    };
    let mut running = {
        let data: *mut Slot<T, F> = &raw mut slot;
        // SAFETY: `slot` lives in this future, which is pinned, and outlives `running`, which is dropped first (declared
        // later) and is over before `slot` is read again.
        unsafe { Running::new(stack, Slot::<T, F>::enter, data.cast()) }
    };
    while !running.resume() {
        tokio::task::yield_now().await;
    }
    drop(running);
    slot.take()
}

/// Goes back to whoever awaits the coroutine, until it is resumed. False outside of any coroutine: nothing happened.
pub fn suspend() -> bool {
    let context = CURRENT.get();
    if context.is_null() {
        return false;
    }
    // SAFETY: the current context is alive while its coroutine runs, and `outside` was set by the switch into it.
    unsafe { switch(&raw mut (*context).inside, (*context).outside) };
    true
}

struct Slot<T, F> {
    f: Option<F>,
    result: Option<T>,
}

impl<T, F: FnOnce() -> T> Slot<T, F> {
    fn call(&mut self) {
        self.result = self.f.take().map(|f| f());
    }

    fn take(self) -> T {
        self.result.expect("the function has returned")
    }

    unsafe fn enter(data: *mut ()) {
        // SAFETY: `run` passes a pointer to its own slot, which nobody else touches while the coroutine runs.
        unsafe { (*data.cast::<Self>()).call() }
    }
}

impl Running {
    /// # Safety
    /// `data` is what `entry` takes, and stays in place until the coroutine is done.
    unsafe fn new(stack: Stack, entry: unsafe fn(*mut ()), data: *mut ()) -> Running {
        let inside = unsafe { prepare(stack.top()) };
        let context = Box::new(Context { inside, outside: ptr::null_mut(), entry, data, done: false });
        Running { context, stack: Some(stack) }
    }

    /// Goes on until the next suspension (false) or the end (true).
    fn resume(&mut self) -> bool {
        debug_assert!(CURRENT.get().is_null(), "a coroutine resumes no other");
        let context: *mut Context = &raw mut *self.context;
        CURRENT.set(context);
        // SAFETY: `inside` is where the coroutine stands: at its prepared start or in `suspend`. It is not done: `run`
        // stops then.
        unsafe { switch(&raw mut (*context).outside, (*context).inside) };
        CURRENT.set(ptr::null_mut());
        // SAFETY: as above; the coroutine does not run now.
        unsafe { (*context).done }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A task that is dropped in the middle (the runtime ends): what the coroutine borrows goes, so it has to end
        // first. The hook tells a script that is being dropped apart by `ABANDONED`.
        while !self.context.done {
            ABANDONED.set(true);
            self.resume();
            ABANDONED.set(false);
        }
        if let Some(stack) = self.stack.take() {
            SPARE.set(Some(stack));
        }
    }
}

thread_local! {
    static ABANDONED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the running coroutine is to end at once: nobody awaits it any more.
pub fn is_abandoned() -> bool {
    ABANDONED.get()
}

/// The first frame of every coroutine.
extern "C" fn first() -> ! {
    let context = CURRENT.get();
    // SAFETY: `resume` has set the context, which stays in its box until the coroutine is done; after the last switch
    // this stack is never entered again.
    unsafe {
        ((*context).entry)((*context).data);
        (*context).done = true;
        switch(&raw mut (*context).inside, (*context).outside);
    }
    std::process::abort()
}

/// Writes the frame from which [`switch`] starts [`first`].
///
/// # Safety
/// `top` is the 16-aligned end of a writable stack.
#[cfg(target_arch = "x86_64")]
unsafe fn prepare(top: *mut u8) -> *mut u8 {
    // Six registers, the address to return to, and a zero where `first` would find its caller: so that the stack pointer
    // is 8 modulo 16 at its entry, as after a call.
    unsafe {
        let frame = top.sub(8 * 8).cast::<usize>();
        (0..8).for_each(|word| frame.add(word).write(0));
        frame.add(6).write(first as *const () as usize);
        frame.cast()
    }
}

/// Saves where the caller stands in `*save` and goes on at `to`.
///
/// # Safety
/// `to` was written by `switch` or [`prepare`] and was not gone on with since.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn switch(save: *mut *mut u8, to: *mut u8) {
    // All registers that a call keeps by the System V ABI. The floating-point modes are the same everywhere.
    core::arch::naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Writes the frame from which [`switch`] starts [`first`].
///
/// # Safety
/// `top` is the 16-aligned end of a writable stack.
#[cfg(target_arch = "aarch64")]
unsafe fn prepare(top: *mut u8) -> *mut u8 {
    unsafe {
        let frame = top.sub(160).cast::<usize>();
        (0..20).for_each(|word| frame.add(word).write(0));
        frame.add(11).write(first as *const () as usize);
        frame.cast()
    }
}

/// Saves where the caller stands in `*save` and goes on at `to`.
///
/// # Safety
/// `to` was written by `switch` or [`prepare`] and was not gone on with since.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn switch(save: *mut *mut u8, to: *mut u8) {
    core::arch::naked_asm!(
        "sub sp, sp, #160",
        "stp x19, x20, [sp]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x9, sp",
        "str x9, [x0]",
        "mov sp, x1",
        "ldp x19, x20, [sp]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "add sp, sp, #160",
        "ret",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
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
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
