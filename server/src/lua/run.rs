//! A script under way: what its calls may do, the shards that it holds, and its time.
#![allow(unsafe_code)] // the context and the unit of the handler, reached from inside Lua

use crate::exec::call;
use crate::exec::handler::Ctx;
use crate::request::route;
use crate::request::table::table;
use crate::script::code::Code;
use crate::script::control::{Call, Control};
use crate::script::learned::flag;
use crate::session::Session;
use crate::shards::set::ShardSet;
use crate::system::coroutine;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::spec::{DENYOOM, MAY_REPLICATE, NOSCRIPT, READONLY, WRITE};
use curfew_protocol::{Args, Error, Reply, Resp};
use curfew_shard::{Shard, Unit};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A script that has run so long lets the other tasks of its thread have a turn.
const SLICE_NANOS: u64 = 1_000_000;

/// How long a unit waits for shards that its scripts and triggers had not declared, when it is too late to start over.
const WIDEN_NANOS: u64 = 1_000_000_000;

/// How long a trigger may run where its thread cannot do anything else meanwhile, and so nobody might be able to kill it.
const UNSUSPENDED_MS: u64 = 5_000;

/// What a handler answers for a script that has reached for a shard that it does not hold, before it wrote anything: the unit
/// starts over with every shard held. Never goes over the wire.
pub const AGAIN: Error = Error::fixed(&"RETRY");

/// Whether an execution is to start over.
pub fn is_again(error: &Error) -> bool {
    *error == AGAIN
}

/// Why a call of a script did not answer.
pub enum Failure {
    /// An error for the script.
    Error(Error),
    /// The script has to end: it was killed or starts over. It cannot catch this.
    Stop,
}

/// A script under way.
///
/// Invariant: `ctx`, `unit` and `args` are those of the handler that runs the script, which does not touch the first two
/// meanwhile; the value is dropped before the handler returns.
pub struct Running {
    ctx: *mut Ctx<'static>,
    unit: *mut Unit<'static>,
    args: Args<'static>,
    code: Code,
    /// The protocol of the replies to its calls: `redis.setresp`.
    pub resp: Resp,
    read_only: bool,
    allow_oom: bool,
    wrote: bool,
    /// It starts over with every shard held.
    retry: bool,
    killed: bool,
    shards: usize,
    /// The shards of its declared keys.
    declared: ShardSet,
    /// No call needs a look at the shards: all are held, and there is nothing to learn.
    free: bool,
    started: u64,
    slice: u64,
    control: Option<Arc<Control>>,
    /// The shards that were marked busy, as bits.
    busy: u64,
}

impl Running {
    /// A script that starts with the arguments `args` of the command in `ctx`.
    ///
    /// # Safety
    /// Until the value is dropped, `ctx` and `unit` are not used by the caller, and `args` stay where they are.
    pub unsafe fn new(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>, code: Code) -> Running {
        let shards = ctx.thread.shared.shards.len();
        let free = shards == 1;
        let declared = if free { ShardSet::all(1) } else { route::reach(ctx.command, args, shards) };
        let read_only = ctx.command.is(READONLY);
        let modern = !code.is(flag::COMPAT);
        let started = ctx.thread.ticks();
        Running {
            read_only: read_only || modern && code.is(flag::NO_WRITES),
            allow_oom: modern && code.flags() & (flag::ALLOW_OOM | flag::NO_WRITES) != 0,
            free: free || code.learned().is_wide() && unit.holds_all(shards),
            ctx: std::ptr::from_mut(ctx).cast(),
            unit: std::ptr::from_mut(unit).cast(),
            // SAFETY: the caller keeps the arguments until the value is dropped.
            args: unsafe { std::mem::transmute::<Args<'_>, Args<'static>>(args) },
            code,
            resp: Resp::Two,
            wrote: false,
            retry: false,
            killed: false,
            shards,
            declared,
            started,
            slice: started,
            control: None,
            busy: 0,
        }
    }

    /// The context of the handler.
    pub fn ctx(&mut self) -> &mut Ctx<'static> {
        // SAFETY: the type's invariant.
        unsafe { &mut *self.ctx }
    }

    /// Whether the script has to start over.
    pub fn is_retry(&self) -> bool {
        self.retry
    }

    /// Whether the script must end at once.
    pub fn must_stop(&self) -> bool {
        self.retry || self.killed
    }

    /// What it is told that is killed.
    pub fn killed_text(&self) -> &'static str {
        match self.code.is_function() {
            true => "ERR Script killed by user with FUNCTION KILL.",
            false => "ERR Script killed by user with SCRIPT KILL.",
        }
    }

    /// Runs a command for the script, and writes its reply.
    pub fn call(&mut self, args: Args<'_>, reply: &mut Reply, session: &mut Session) -> Result<(), Failure> {
        if self.must_stop() {
            return Err(Failure::Stop);
        }
        let refused = |text: &'static &'static str| Failure::Error(Error::fixed(text));
        let command = table().resolve(args).map_err(|error| {
            match error.as_bytes().starts_with(b"ERR wrong number of arguments") {
                true => refused(&"ERR Wrong number of args calling Redis command from script"),
                false => refused(&"ERR Unknown Redis command called from script"),
            }
        })?;
        if command.is(NOSCRIPT) {
            return Err(refused(&"ERR This Redis command is not allowed from script"));
        }
        if self.read_only && command.flags & (WRITE | MAY_REPLICATE) != 0 {
            return Err(refused(&"ERR Write commands are not allowed from read-only scripts."));
        }
        let shared = self.ctx().thread.shared;
        // Once it has written, it cannot be stopped in the middle.
        if command.is(DENYOOM) && !self.allow_oom && !self.wrote && shared.memory.is_over() {
            return Err(Failure::Error(Error::OUT_OF_MEMORY));
        }
        if !self.free {
            self.reach(route::reach(command, args, self.shards))?;
        }
        if command.is(WRITE) && !self.wrote {
            self.wrote = true;
            if let Some(control) = &self.control {
                if control.is_refused_to_write() {
                    self.killed = true;
                    return Err(Failure::Stop);
                }
            }
        }
        // SAFETY: the type's invariant.
        let (outer, unit) = unsafe { (&mut *self.ctx, &mut *self.unit) };
        let mut ctx = Ctx { thread: outer.thread, session, out: reply, now: outer.now, command };
        call::try_within(&mut ctx, unit, args).map_err(Failure::Error)
    }

    /// A call needs these shards.
    fn reach(&mut self, needed: ShardSet) -> Result<(), Failure> {
        if !needed.iter().all(|shard| self.declared.contains(shard)) {
            self.code.learned().set_wide();
        }
        // SAFETY: the type's invariant.
        let unit = unsafe { &mut *self.unit };
        let held = unit.held_indices().fold(ShardSet::default(), |mut set, shard| {
            set.add(shard);
            set
        });
        for shard in needed.iter().filter(|shard| !held.contains(*shard)) {
            // What fired a trigger has been done already.
            if !self.wrote && !self.code.is_trigger() {
                self.retry = true;
                return Err(Failure::Stop);
            }
            self.widen(shard)?;
        }
        Ok(())
    }

    /// Takes one more shard. What was written cannot be taken back, so the script must go on; but those who hold the shard
    /// may wait for one of ours. So this waits without a place in the queue, and not for ever.
    fn widen(&mut self, shard: usize) -> Result<(), Failure> {
        // SAFETY: the type's invariant.
        let (ctx, unit) = unsafe { (&mut *self.ctx, &mut *self.unit) };
        let cell = &ctx.thread.shared.shards[shard];
        let start = ctx.thread.ticks();
        let budget = WIDEN_NANOS.saturating_sub(unit.waited_nanos);
        let mut guard = cell.try_enter();
        if guard.is_none() {
            cell.want(true);
            while guard.is_none() && !cell.is_busy() && ctx.thread.nanos(start, ctx.thread.ticks()) < budget {
                if !coroutine::suspend() {
                    std::thread::yield_now();
                }
                guard = cell.try_enter();
            }
            cell.want(false);
            unit.waited_nanos += ctx.thread.nanos(start, ctx.thread.ticks());
        }
        let Some(mut guard) = guard else {
            return Err(Failure::Error(Error::fixed(
                &"ERR Script tried accessing undeclared key after a write, while its shard was taken. Try again",
            )));
        };
        let inside: *mut Shard = &raw mut *guard;
        // SAFETY: the guard goes to the unit's sink, whose owner keeps it until the unit is over.
        unit.widen(unsafe { &mut *inside }, self.shards);
        unit.sink().widened.push(Box::new(guard));
        Ok(())
    }

    /// From the instruction hook, every so many instructions: looks at the time. True: the script has to end now.
    pub fn tick(&mut self) -> bool {
        if self.must_stop() || coroutine::is_abandoned() {
            return true;
        }
        let thread = self.ctx().thread;
        let now = thread.ticks();
        if thread.nanos(self.slice, now) < SLICE_NANOS {
            return false;
        }
        let wrote = self.wrote;
        let run_nanos = thread.nanos(self.started, now);
        let control = self.control.get_or_insert_with(|| {
            let call = self.code.is_function().then(|| Call {
                name: self.code.name().into(),
                command: OwnedArgs::from_view(self.args),
                started: Instant::now().checked_sub(Duration::from_nanos(run_nanos)).unwrap_or_else(Instant::now),
            });
            let control = Arc::new(Control::new(wrote, call));
            thread.shared.scripts.enter(control.clone());
            control
        });
        let control = control.clone();
        let run_ms = run_nanos / 1_000_000;
        if run_ms >= thread.config().busy_reply_threshold_ms {
            self.mark_busy(run_ms);
        }
        let was_suspended = coroutine::suspend();
        self.slice = thread.ticks();
        if !was_suspended && self.code.is_trigger() && run_ms >= UNSUSPENDED_MS {
            tracing::warn!(trigger = %String::from_utf8_lossy(self.code.name()), "a trigger was ended: it blocked its thread");
            self.killed = true;
        }
        if control.is_killed() {
            tracing::info!("a script was ended: a client asked for it");
            self.killed = true;
        }
        self.killed
    }

    /// Tells all who wait for the shards, and those who come, that they are busy.
    fn mark_busy(&mut self, run_ms: u64) {
        if self.busy == 0 {
            tracing::warn!(
                "a script has been running for {run_ms} ms, and {} would end it: {}",
                if self.code.is_function() { "FUNCTION KILL" } else { "SCRIPT KILL" },
                String::from_utf8_lossy(self.code.name())
            );
        }
        // SAFETY: the type's invariant.
        let (shared, unit) = unsafe { ((*self.ctx).thread.shared, &*self.unit) };
        self.busy = unit.held_indices().fold(0, |bits, shard| bits | 1 << shard);
        shared.scripts.set_busy(self.busy, self.code.is_function(), true);
        unit.held_indices().for_each(|shard| shared.shards[shard].set_busy(true));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let shared = self.ctx().thread.shared;
        if self.busy != 0 {
            shared.scripts.set_busy(self.busy, self.code.is_function(), false);
            (0..self.shards)
                .filter(|shard| self.busy >> shard & 1 == 1)
                .for_each(|shard| shared.shards[shard].set_busy(false));
        }
        if let Some(control) = self.control.take() {
            shared.scripts.leave(&control);
        }
        if !self.retry && self.shards > 1 {
            self.code.learned().count_run();
        }
    }
}
