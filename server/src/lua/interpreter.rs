//! One Lua interpreter with its engine: calling a function in it on behalf of a command.
#![allow(unsafe_code)]

use crate::exec::handler::Ctx;
use crate::lua::chunk;
use crate::lua::convert::{error_facts, push_bytes, string_at, write_error, write_value};
use crate::lua::loading::Loading;
use crate::lua::run::{AGAIN, Running};
use crate::lua::sandbox;
use crate::lua::sandbox::Sandbox;
use crate::lua::state::{ENGINE_KEY, Engine, EngineKind, hook};
use crate::script::code::Code;
use crate::session::Session;
use crate::thread;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Args, Error, Reply, number};
use curfew_shard::Unit;
use curfew_shard::event::trigger::{Fired, Whole};
use curfew_shard::value::kind::Type;
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_int};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Instructions between two looks at the time.
const HOOK_INSTRUCTIONS: c_int = 10_000;

/// An interpreter tells the memory that it uses when it has changed by so many bytes.
const TELL_BYTES: usize = 16 << 10;

/// Bytes that all interpreters of a kind use.
static USED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Bytes that all interpreters of this kind use: INFO's `used_memory_vm_eval` and `used_memory_vm_functions`.
pub fn used(kind: EngineKind) -> usize {
    USED[kind as usize].load(Relaxed)
}

/// What is said where Lua has raised for want of memory.
const OUT_OF_MEMORY: &[u8] = b"not enough memory: script-memory-limit is reached";

/// What Lua says, with the reason where memory has ended.
fn explained(text: &[u8]) -> &[u8] {
    if text == b"not enough memory" { OUT_OF_MEMORY } else { text }
}

/// Bytes that an interpreter may use; 0 for no limit.
fn memory_limit(thread: &thread::Thread) -> usize {
    usize::try_from(thread.config().script_memory_limit).unwrap_or(usize::MAX)
}

/// What the code that is called gets to work with.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Of the command's arguments, so many are keys. Scripts find them in globals, functions are called with them.
    Keys(usize),
    /// The event that fired a trigger.
    Event(&'a Fired),
}

/// The engine, where Lua's functions find it: an allocation of its own, reached through the pointer alone.
struct EngineBox(*mut Engine);

impl Drop for EngineBox {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `Interpreter::new`; the interpreter, which has the pointer too, is gone (order
        // of the fields of `Interpreter`).
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// An interpreter.
pub struct Interpreter {
    sandbox: Sandbox,
    engine: EngineBox,
    kind: EngineKind,
    /// Its share of [`USED`].
    told: usize,
    /// What was in use after the last full collection.
    settled: usize,
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        USED[self.kind as usize].fetch_sub(self.told, Relaxed);
    }
}

impl Interpreter {
    /// A new interpreter.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new(kind: EngineKind) -> Result<Interpreter, Error> {
        let engine = Engine {
            args: OwnedArgs::default(),
            reply: Reply::default(),
            scratch: Vec::new(),
            session: None,
            run: None,
            loading: None,
            random: sandbox::RANDOM_START,
        };
        let engine = EngineBox(Box::into_raw(Box::new(engine)));
        // SAFETY: the sandbox is dropped before the engine, here (order of making) as in `Interpreter` (order of the fields).
        // The methods have no reference to the engine while Lua code runs.
        let sandbox = unsafe { sandbox::create(engine.0, kind) };
        let sandbox = sandbox.map_err(|error| Error::made(format!("ERR {error}")))?;
        // SAFETY: the state is live and at its base, where LUA_MINSTACK slots are free, of which two are used.
        unsafe {
            ffi::lua_pushlightuserdata(sandbox.state, (&raw const ENGINE_KEY).cast_mut().cast());
            ffi::lua_pushlightuserdata(sandbox.state, engine.0.cast());
            ffi::lua_rawset(sandbox.state, ffi::LUA_REGISTRYINDEX);
        }
        let mut made = Interpreter { sandbox, engine, kind, told: 0, settled: 0 };
        made.reset_hook();
        made.tell();
        Ok(made)
    }

    /// Compiles a text and answers the registry reference of its function, or what the compiler says. `name`: what its
    /// errors are to say, with an `@` in front.
    pub fn compile(&mut self, text: &[u8], name: &CStr) -> Result<c_int, Vec<u8>> {
        let state = self.sandbox.state;
        // SAFETY: no script runs in this interpreter, so the stack is at its base, and three slots are used. What says why it
        // failed is a string, and copied before it is popped.
        unsafe {
            let bytes = thread::with(memory_limit);
            let limit = |is_on| self.sandbox.limit(if is_on { bytes } else { 0 });
            if !chunk::compile_within(state, text, name.as_ptr(), limit) {
                let error = explained(string_at(state, -1).unwrap_or_default()).to_vec();
                ffi::lua_settop(state, -2);
                self.collect(bytes);
                return Err(error);
            }
            Ok(ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX))
        }
    }

    /// Forgets a function; `reference` is not used any more.
    pub fn forget(&mut self, reference: c_int) {
        // SAFETY: no script runs in this interpreter, so the stack is at its base, and two slots are used.
        unsafe { ffi::luaL_unref(self.sandbox.state, ffi::LUA_REGISTRYINDEX, reference) };
    }

    /// Runs the top level of a library, whose compiled text is `function`, with only what libraries may use while they are
    /// loaded. The error is what Lua has raised, with its code word; answers what was collected in any case.
    pub fn load(&mut self, function: c_int, loading: Loading) -> (Result<(), Vec<u8>>, Loading) {
        let Sandbox { state, globals, library_globals, .. } = self.sandbox;
        // SAFETY:
        // - Nothing runs in this interpreter, so the engine is touched by nobody else until `lua_pcall`, and after it.
        // - Libraries are loaded only by interpreters of functions, so the reference of their globals is one.
        // - The stack has LUA_MINSTACK free slots at its base, of which four are used. One value is on top if the code has
        //   raised.
        unsafe {
            (*self.engine.0).loading = Some(loading);
            let base = ffi::lua_gettop(state);
            sandbox::set_globals(state, library_globals);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
            let limit = thread::with(memory_limit);
            self.sandbox.limit(limit);
            let status = ffi::lua_pcall(state, 0, 0, 0);
            self.sandbox.limit(0);
            let result = match status {
                0 => Ok(()),
                ffi::LUA_ERRMEM => Err([b"ERR ", OUT_OF_MEMORY].concat()),
                _ => Err(error_facts(state).text),
            };
            sandbox::set_globals(state, globals);
            ffi::lua_settop(state, base);
            self.reset_hook();
            self.collect(limit);
            let loading = (*self.engine.0).loading.take().unwrap_or_default();
            (result, loading)
        }
    }

    /// Calls `function`, which is that of `code`, for the command with the arguments `args`.
    ///
    /// # Errors
    /// [`AGAIN`] alone: what the code raises is written as its reply.
    pub fn run(
        &mut self,
        ctx: &mut Ctx<'_>,
        unit: &mut Unit<'_>,
        args: Args<'_>,
        input: Input<'_>,
        code: &Code,
        function: c_int,
    ) -> Result<(), Error> {
        let Sandbox { state, handler, globals, .. } = self.sandbox;
        let (db, now_ms) = (unit.db, unit.now.ms);
        let limit = memory_limit(ctx.thread);
        let result;
        // SAFETY:
        // - No script runs in this interpreter: `Vm` is taken from its slot for the time of this call. So the engine is
        //   touched by nobody else until `lua_pcall`, and after it.
        // - `ctx` and `unit` are not used here between the making of `Running` and its end, but through it; `args` stay.
        // - The stack has LUA_MINSTACK free slots at its base, of which six are used. `lua_pcall` finds the function and what
        //   is passed to it above the handler, and leaves one value.
        // - Outside of `lua_pcall` nothing raises but for want of memory, which ends the process.
        unsafe {
            {
                let engine = &mut *self.engine.0;
                match &mut engine.session {
                    Some(session) => session.reuse_for_script(ctx.session),
                    None => engine.session = Some(Session::of_script(ctx.session)),
                }
                engine.run = Some(Running::new(ctx, unit, args, code.clone()));
            }
            let base = ffi::lua_gettop(state);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, handler);
            let passed = match (code, input) {
                (Code::Script(_), Input::Keys(keys)) => {
                    ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, globals);
                    push_list(state, args.part(3, keys));
                    ffi::lua_setfield(state, -2, c"KEYS".as_ptr());
                    push_list(state, args.tail(3 + keys));
                    ffi::lua_setfield(state, -2, c"ARGV".as_ptr());
                    ffi::lua_settop(state, -2);
                    ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
                    0
                }
                (Code::Function(_), Input::Keys(keys)) => {
                    ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
                    push_list(state, args.part(3, keys));
                    push_list(state, args.tail(3 + keys));
                    2
                }
                (_, Input::Event(fired)) => {
                    ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
                    push_event(state, fired, now_ms);
                    1
                }
            };
            self.sandbox.limit(limit);
            let status = ffi::lua_pcall(state, passed, 1, base + 1);
            self.sandbox.limit(0);
            let Some(mut run) = (*self.engine.0).run.take() else {
                return Err(AGAIN);
            };
            if run.must_stop() {
                self.reset_hook();
            }
            let resp = run.resp;
            let retry = run.is_retry();
            let thread = run.ctx().thread;
            let out = &mut *run.ctx().out;
            if retry {
                result = Err(AGAIN);
            } else if status == 0 {
                write_value(state, thread, out, resp);
                result = Ok(());
            } else {
                write_failure(state, thread, out, code);
                if !code.is_trigger() {
                    thread.stats.commands[run.ctx().command.id].failed.add(1);
                }
                result = Ok(());
            }
            drop(run);
            ffi::lua_settop(state, base);
        }
        unit.db = db;
        self.collect(limit);
        result
    }

    /// After something has run: tells the memory in use. If that is more than half of what may be used, what nobody refers to
    /// goes, so that the next one finds room; but not each time where it has to stay.
    fn collect(&mut self, limit: usize) {
        let used = self.tell();
        if limit > 0 && used > limit / 2 && used > self.settled.saturating_mul(2) {
            // SAFETY: the state is live, and nothing runs in it. No code of scripts runs: they cannot give anything a
            // finalizer. There is no limit outside of protected calls.
            unsafe { ffi::lua_gc(self.sandbox.state, ffi::LUA_GCCOLLECT, 0) };
            self.settled = self.tell();
        }
    }

    /// The hook fires every so many instructions again.
    fn reset_hook(&mut self) {
        // SAFETY: the state is live.
        unsafe { ffi::lua_sethook(self.sandbox.state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_INSTRUCTIONS) };
    }

    /// Tells the memory in use if it has changed much, and answers it.
    fn tell(&mut self) -> usize {
        // SAFETY: the state is live; asking changes nothing.
        let kib = unsafe { ffi::lua_gc(self.sandbox.state, ffi::LUA_GCCOUNT, 0) };
        let now = usize::try_from(kib).unwrap_or(0) << 10;
        if now.abs_diff(self.told) >= TELL_BYTES {
            USED[self.kind as usize].fetch_add(now.wrapping_sub(self.told), Relaxed);
            self.told = now;
        }
        now
    }
}

/// Writes the error on top of the stack as Redis words it: with the script's name and the line.
///
/// # Safety
/// A live state outside of a protected call. The top is what the error handler has left; there is a free slot.
unsafe fn write_failure(state: *mut lua_State, thread: &thread::Thread, out: &mut Reply, code: &Code) {
    // SAFETY: as asked of the caller.
    let kind = unsafe { ffi::lua_type(state, -1) };
    if !matches!(kind, ffi::LUA_TTABLE) {
        // The error handler itself has failed (out of memory, or errors in errors).
        // SAFETY: the value stays on the stack, and is copied from there.
        let text = explained(unsafe { string_at(state, -1) }.unwrap_or(b"execution failure"));
        let prefix = if code.is_function() { "" } else { "f_" };
        let text = [b"ERR Error running script ", prefix.as_bytes(), code.name(), b", ", &text[..text.len().min(100)]]
            .concat();
        return write_error(thread, out, &text, false);
    }
    // SAFETY: as asked of the caller.
    let facts = unsafe { error_facts(state) };
    let mut text = facts.text;
    if let (Some(source), Some(line)) = (facts.source, facts.line) {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(code.name());
        text.extend_from_slice(b", on ");
        text.extend_from_slice(&source);
        text.push(b':');
        text.extend_from_slice(&line);
        text.push(b'.');
    }
    write_error(thread, out, &text, facts.counted);
}

/// Pushes what a trigger is told, as one table.
///
/// # Safety
/// A live state with four free slots.
unsafe fn push_event(state: *mut lua_State, fired: &Fired, now_ms: i64) {
    // SAFETY: the slots are for the table, and for a field or what `push_items` asks for. The table is on top again after
    // each field, and has no metatable.
    unsafe {
        let number = |name: &CStr, value: f64| {
            ffi::lua_pushnumber(state, value);
            ffi::lua_setfield(state, -2, name.as_ptr());
        };
        ffi::lua_createtable(state, 0, 7);
        push_bytes(state, fired.name.as_bytes());
        ffi::lua_setfield(state, -2, c"event".as_ptr());
        push_bytes(state, &fired.key);
        ffi::lua_setfield(state, -2, c"key".as_ptr());
        number(c"db", fired.db as f64);
        if let Some(deadline) = fired.deadline {
            number(c"deadline", deadline as f64);
            number(c"lag", now_ms.saturating_sub(deadline) as f64);
        }
        match &fired.value {
            None => return,
            Some(Whole::Str(bytes)) => push_bytes(state, bytes),
            Some(Whole::Items(kind, commands)) => push_items(state, *kind, commands),
            Some(Whole::TooLarge) => {
                ffi::lua_pushboolean(state, 1);
                ffi::lua_setfield(state, -2, c"value_too_large".as_ptr());
                return;
            }
        }
        ffi::lua_setfield(state, -2, c"value".as_ptr());
    }
}

/// Pushes a value other than a string, told by the commands that would make it: lists and sets as lists, hashes as tables of
/// fields, sorted sets as tables of scores by member, streams as nil.
///
/// # Safety
/// A live state with three free slots.
unsafe fn push_items(state: *mut lua_State, kind: Type, commands: &[OwnedArgs]) {
    let of = |name: &'static [u8]| {
        commands.iter().map(OwnedArgs::view).filter(move |args| args.at(0) == name).map(|args| args.tail(2))
    };
    // SAFETY: the slots are for the table, a key and a value. The table is on top again after each pair.
    unsafe {
        ffi::lua_createtable(state, 0, 0);
        match kind {
            Type::List | Type::Set => {
                let items = of(if kind == Type::List { b"RPUSH" } else { b"SADD" });
                for (index, item) in items.flat_map(Args::iter).enumerate() {
                    push_bytes(state, item);
                    ffi::lua_rawseti_(state, -2, index as c_int + 1);
                }
            }
            Type::Hash | Type::ZSet => {
                let all = of(if kind == Type::Hash { b"HSET" } else { b"ZADD" });
                for pairs in all {
                    for at in (0..pairs.len().saturating_sub(1)).step_by(2) {
                        let (first, second) = (pairs.at(at), pairs.at(at + 1));
                        if kind == Type::Hash {
                            push_bytes(state, first);
                            push_bytes(state, second);
                        } else {
                            push_bytes(state, second);
                            ffi::lua_pushnumber(state, number::parse_f64(first).unwrap_or(f64::NAN));
                        }
                        ffi::lua_rawset(state, -3);
                    }
                }
            }
            Type::String | Type::Stream => {
                ffi::lua_settop(state, -2);
                ffi::lua_pushnil(state);
            }
        }
    }
}

/// Pushes a list of arguments.
///
/// # Safety
/// A live state with two free slots.
unsafe fn push_list(state: *mut lua_State, args: Args<'_>) {
    // SAFETY: the slots are for the list and an argument, and the list is on top again after each.
    unsafe {
        ffi::lua_createtable(state, args.len() as c_int, 0);
        for (index, arg) in args.iter().enumerate() {
            push_bytes(state, arg);
            ffi::lua_rawseti_(state, -2, index as c_int + 1);
        }
    }
}
