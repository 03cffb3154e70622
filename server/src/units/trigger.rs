//! Runs triggers: functions of libraries that are called when keys change, within the unit that changed them.
//!
//! [`run`] is the first thing that the end of a unit does (`settle.rs`), so whoever makes units of any kind has their triggers
//! run, before anybody is told of anything. What is left for those who make units is where that happens:
//!
//! - **On a stack that can be left** ([`apart`]), since a trigger may take as long as a function: runs, the keeper and
//!   the evictors go there while there are triggers, with a sink of their own (`stay.rs`).
//! - **With all the shards that may be needed.** A trigger that has reached beyond the shard of its key, or is not known well yet, is
//!   *wide*. Commands and slices of expiry that may fire one hold every shard from the start ([`needs_all`]), as for scripts: two
//!   shards whose triggers write to each other's keys would otherwise wait for one another. Where that cannot be known before (a
//!   key that is found expired between two slices), the missing shard is taken as for a script that has written.

use crate::clients::client::{Client, Peer};
use crate::exec::handler::Ctx;
use crate::lua::interpreter::Input;
use crate::lua::vm::with_vm;
use crate::request::table::{Command, table};
use crate::script::functions::FunctionRef;
use crate::session::Session;
use crate::shared::Shared;
use crate::system::coroutine;
use crate::thread;
use crate::thread::Thread;
use curfew_protocol::Reply;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::spec::{EXEC, SCRIPT, WRITE};
use curfew_shard::event::trigger::Fired;
use curfew_shard::{Unit, class};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The session in which the thread's triggers run, while none does.
    static SESSION: Cell<Option<Box<Session>>> = const { Cell::new(None) };
}

/// The classes of events that no command makes by itself.
const BY_ITSELF: u32 = class::EXPIRED | class::EVICTED;

/// Whether there are triggers at all. One relaxed load.
#[inline]
pub fn exist(shared: &Shared) -> bool {
    shared.functions.trigger_classes() != 0
}

/// Whether whoever may make events of these classes has to hold every shard, because there is a wide trigger for them.
#[inline]
pub fn are_wide(shared: &Shared, classes: u32) -> bool {
    shared.functions.trigger_classes() & classes != 0
        && shared.shards.len() > 1
        && thread::with(|thread| thread.functions().wide_trigger_classes() & classes != 0)
}

/// Whether a command may fire a wide trigger by what it does.
#[inline]
pub fn needs_all(shared: &Shared, command: &Command) -> bool {
    if !exist(shared) {
        return false;
    }
    let writes = command.is(WRITE) || command.is(EXEC) || command.is(SCRIPT);
    let classes = if writes { !BY_ITSELF } else { class::KEY_MISS };
    are_wide(shared, classes)
}

/// Runs `f` where triggers may take their time: on a stack of its own if there are any.
pub async fn apart<T: Send>(shared: &Shared, f: impl FnOnce() -> T + Send) -> T {
    if exist(shared) { coroutine::run(f).await } else { f() }
}

/// Runs the triggers that the unit has fired, and those that these fire, in order.
#[inline]
pub fn run(unit: &mut Unit<'_>) {
    if !unit.sink().fired.is_empty() {
        run_all(unit);
    }
}

#[cold]
fn run_all(unit: &mut Unit<'_>) {
    thread::with(|thread| {
        let own = (unit.db, unit.no_touch, unit.may_wait, unit.depth);
        unit.may_wait = false;
        while let Some(fired) = unit.sink().fired.pop_front() {
            let functions = thread.functions();
            for trigger in fired.triggers.iter().filter_map(|id| functions.trigger(*id)) {
                unit.depth = fired.depth;
                let start = thread.ticks();
                let failure = call(thread, unit, &fired, trigger);
                account(thread, trigger, thread.nanos(start, thread.ticks()), failure, unit.now.ms);
            }
        }
        (unit.db, unit.no_touch, unit.may_wait, unit.depth) = own;
    });
}

/// Calls one trigger. Some: why it failed.
fn call(thread: &Thread, unit: &mut Unit<'_>, fired: &Fired, trigger: &FunctionRef) -> Option<Box<[u8]>> {
    // What FUNCTION STATS shows of it while it runs; and its key says which shard is its own.
    let args = OwnedArgs::from_slices(&[b"FCALL", &trigger.name, b"1", &fired.key]);
    let mut out = Reply::default();
    let result = table().resolve(args.view()).and_then(|command| {
        let mut session = SESSION.take().unwrap_or_else(new_session);
        session.db = fired.db;
        let mut ctx = Ctx { thread, session: &mut session, out: &mut out, now: unit.now, command };
        let result = with_vm(&mut ctx, |vm, ctx| vm.call(ctx, unit, args.view(), Input::Event(fired), trigger.clone()));
        SESSION.set(Some(session));
        result
    });
    // Its commands' durable events were appended one by one; its effects are those of the unit.
    match (result, out.as_bytes().strip_prefix(b"-")) {
        (Err(error), _) => Some(error.as_bytes().into()),
        (Ok(()), Some(text)) => Some(text.trim_ascii_end().into()),
        (Ok(()), None) => None,
    }
}

/// The session in which a thread's triggers run: that of no client.
fn new_session() -> Box<Session> {
    Box::new(Session::new(Arc::new(Client::new(0, Peer::Unix(String::new()), -1, 0, 0)), true))
}

fn account(thread: &Thread, trigger: &FunctionRef, nanos: u64, failure: Option<Box<[u8]>>, now_ms: i64) {
    let Some(stats) = &trigger.trigger else { return };
    stats.runs.fetch_add(1, Relaxed);
    stats.nanos.fetch_add(nanos, Relaxed);
    thread.stats.triggers_run.add(1);
    let Some(text) = failure else { return };
    stats.failures.fetch_add(1, Relaxed);
    thread.stats.triggers_failed.add(1);
    if stats.may_log(now_ms) {
        tracing::warn!(
            trigger = %String::from_utf8_lossy(&trigger.name),
            failures = stats.failures.load(Relaxed),
            "a trigger failed; the change that fired it stands: {}",
            String::from_utf8_lossy(&text)
        );
    }
    *stats.last_error.lock() = Some(text);
}
