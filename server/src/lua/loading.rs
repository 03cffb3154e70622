//! A library while its top level runs: what it has registered so far, and its time.

use crate::script::functions::Function;
use crate::system::coroutine;
use crate::thread;
use std::ffi::c_int;
use std::sync::Arc;

/// Nanoseconds after which other tasks of the thread have their turns.
const SLICE_NANOS: u64 = 1_000_000;

/// How long a top level may run.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LoadLimit {
    /// A new library: 500 ms, as in Redis.
    New,
    /// One that has been loaded before, here or elsewhere: it has kept to the other limit once, so that only a machine out
    /// of breath gets here. (Redis has no limit for RESTORE, where the same code would stop the server for ever.)
    Known,
}

impl LoadLimit {
    fn nanos(self) -> u64 {
        match self {
            LoadLimit::New => 500_000_000,
            LoadLimit::Known => 10_000_000_000,
        }
    }
}

/// A function that was registered, and the registry reference of its callback.
pub struct Draft {
    /// The function.
    pub function: Function,
    /// The reference.
    pub callback: c_int,
}

/// The arguments of a registration, as far as they were read.
#[derive(Default)]
pub struct Given {
    /// The name.
    pub name: Option<Box<[u8]>>,
    /// The description.
    pub description: Option<Box<[u8]>>,
    /// The flags, as bits.
    pub flags: u32,
    /// Registry reference of the callback.
    pub callback: Option<c_int>,
    /// Of a trigger: names of events; None for all.
    pub events: Option<Option<Arc<[&'static str]>>>,
    /// Of a trigger.
    pub pattern: Option<Box<[u8]>>,
}

/// A library being loaded.
#[derive(Default)]
pub struct Loading {
    /// What it has registered so far.
    pub functions: Vec<Draft>,
    /// The registration under way. It is kept here since Lua may raise while it is read, which drops nothing.
    pub given: Given,
    /// Ticks at the start, and at the beginning of the slice.
    started: u64,
    slice: u64,
    limit_nanos: u64,
    /// Its time is over; it cannot catch this.
    late: bool,
}

impl Loading {
    /// A library whose top level begins now.
    pub fn new(limit: LoadLimit) -> Loading {
        let now = thread::with(|thread| thread.ticks());
        Loading { started: now, slice: now, limit_nanos: limit.nanos(), ..Loading::default() }
    }

    /// Whether the library has registered nothing.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// From the instruction hook: looks at the time. Some: what to raise.
    pub fn tick(&mut self) -> Option<&'static str> {
        const LATE: Option<&str> = Some("ERR FUNCTION LOAD timeout");
        if self.late || coroutine::is_abandoned() {
            return LATE;
        }
        let nanos_since = |from| thread::with(|thread| thread.nanos(from, thread.ticks()));
        if nanos_since(self.started) > self.limit_nanos {
            self.late = true;
            return LATE;
        }
        if nanos_since(self.slice) >= SLICE_NANOS {
            coroutine::suspend();
            self.slice = thread::with(|thread| thread.ticks());
        }
        None
    }
}
