//! One interpreter: the scripts that it has compiled, and running one of them.
#![allow(unsafe_code)]

use super::convert::{error_facts, push_bytes, write_error, write_value};
use super::run::{AGAIN, KILLED, Running};
use super::sandbox::{self, Sandbox};
use super::source::{self, Script, Sha, flag};
use crate::node::Node;
use crate::session::{Ctx, Session};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Args, Error, Reply};
use curfew_shard::Unit;
use mlua::{ffi, lua_State};
use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_int};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A thread's interpreter, made at its first script. Taken out while a script runs: should that be suspended, and another
/// script come, it gets an interpreter of its own.
pub type VmSlot = RefCell<Option<Box<Vm>>>;

/// Instructions between two looks at the time.
const HOOK_INSTRUCTIONS: c_int = 10_000;

/// What C functions called by a script work with.
pub struct Engine {
    /// The arguments of the call under way.
    pub args: OwnedArgs,
    /// Its reply.
    pub reply: Reply,
    /// A number as text.
    pub scratch: Vec<u8>,
    /// The session in which calls run.
    pub session: Option<Session>,
    /// The script under way.
    pub run: Option<Running>,
    /// The state of `math.random`.
    pub random: u64,
}

/// The engine, where Lua's functions find it: an allocation of its own, reached through the pointer alone.
struct EngineBox(*mut Engine);

impl Drop for EngineBox {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `Vm::new`; the interpreter, which has the pointer too, is gone (order of
        // the fields of `Vm`).
        drop(unsafe { Box::from_raw(self.0) });
    }
}

#[derive(Clone)]
struct Compiled {
    script: Arc<Script>,
    /// Registry reference.
    function: c_int,
}

/// A script that is found by its text.
struct BySource(Arc<Script>);

impl Borrow<[u8]> for BySource {
    fn borrow(&self) -> &[u8] {
        &self.0.source
    }
}

impl Hash for BySource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.source.hash(state);
    }
}

impl PartialEq for BySource {
    fn eq(&self, other: &BySource) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for BySource {}

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// An interpreter.
pub struct Vm {
    by_source: Map<BySource, c_int>,
    by_sha: Map<Sha, Compiled>,
    /// [`source::Scripts::flushes`] when the maps were last emptied.
    flushes: u64,
    /// Compiled scripts at which those that are no longer cached are forgotten.
    purge_at: usize,
    sandbox: Sandbox,
    engine: EngineBox,
}

/// The registry key under which the hook finds the engine.
static ENGINE_KEY: u8 = 0;

/// Whether a script may run by the calling command.
fn check(ctx: &Ctx<'_>, script: &Script) -> Result<(), Error> {
    if script.is(flag::COMPAT) {
        return Ok(());
    }
    if script.flags & (flag::ALLOW_OOM | flag::NO_WRITES) == 0 && ctx.thread.node.memory.is_over() {
        return Err(Error::OUT_OF_MEMORY);
    }
    if !script.is(flag::NO_WRITES) && ctx.command.spec.name.ends_with("_ro") {
        return Err(Error::fixed(&"ERR Can not execute a script with write flag using *_ro command."));
    }
    Ok(())
}

impl Vm {
    /// A new interpreter.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Box<Vm>, Error> {
        let engine = Engine {
            args: OwnedArgs::default(),
            reply: Reply::default(),
            scratch: Vec::new(),
            session: None,
            run: None,
            random: sandbox::RANDOM_START,
        };
        let engine = EngineBox(Box::into_raw(Box::new(engine)));
        let sandbox = sandbox::create(engine.0).map_err(|error| Error::made(format!("ERR {error}")))?;
        // SAFETY: the state is live, and has a few free slots.
        unsafe {
            ffi::lua_pushlightuserdata(sandbox.state, (&raw const ENGINE_KEY).cast_mut().cast());
            ffi::lua_pushlightuserdata(sandbox.state, engine.0.cast());
            ffi::lua_rawset(sandbox.state, ffi::LUA_REGISTRYINDEX);
            ffi::lua_sethook(sandbox.state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
        }
        Ok(Box::new(Vm {
            by_source: Map::default(),
            by_sha: Map::default(),
            flushes: 0,
            purge_at: 1024,
            sandbox,
            engine,
        }))
    }

    /// The script of this text (or of this name), if it has been compiled here and is still cached.
    pub fn known(&self, text: &[u8], is_sha: bool) -> Option<&Script> {
        let compiled = match is_sha {
            true => self.by_sha.get(&source::parse_sha(text)?)?,
            false => self.by_sha.get(&self.by_source.get_key_value(text)?.0.0.sha)?,
        };
        compiled.script.is_alive().then_some(&*compiled.script)
    }

    /// SCRIPT LOAD: compiles and keeps a script, and answers its name.
    ///
    /// # Errors
    /// It does not compile.
    pub fn load(&mut self, node: &Node, text: &[u8], now_us: i64) -> Result<Sha, Error> {
        self.refresh(node);
        let sha = source::sha1_hex(text);
        match node.scripts.get(&sha).filter(|_| self.by_sha.contains_key(&sha)) {
            Some(known) => drop(node.scripts.add(Script::parse(&known.source, sha)?, true, now_us)),
            None => drop(self.compile(node, Script::parse(text, sha)?, true, now_us)?),
        }
        Ok(sha)
    }

    /// EVAL and its kin: `args` are those of the whole command, of which `keys` are keys.
    ///
    /// # Errors
    /// No such script, a script that does not compile or may not run, or [`AGAIN`].
    pub fn eval(&mut self, ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>, keys: usize) -> Result<(), Error> {
        let (node, now_us) = (ctx.thread.node, ctx.now.micros());
        self.refresh(node);
        let compiled = match ctx.command.spec.name.starts_with("evalsha") {
            true => self.by_name(node, args.at(1), now_us)?,
            false => self.by_text(node, args.at(1), now_us)?,
        };
        check(ctx, &compiled.script)?;
        self.run(ctx, unit, args, keys, &compiled)
    }

    fn by_name(&mut self, node: &Node, name: &[u8], now_us: i64) -> Result<Compiled, Error> {
        let sha = source::parse_sha(name).ok_or(Error::NO_SCRIPT)?;
        if let Some(compiled) = self.by_sha.get(&sha).filter(|compiled| compiled.script.is_alive()) {
            compiled.script.touch(now_us);
            return Ok(compiled.clone());
        }
        let script = node.scripts.get(&sha).ok_or(Error::NO_SCRIPT)?;
        self.adopt(script)
    }

    fn by_text(&mut self, node: &Node, text: &[u8], now_us: i64) -> Result<Compiled, Error> {
        if let Some((BySource(script), &function)) = self.by_source.get_key_value(text)
            && script.is_alive()
        {
            script.touch(now_us);
            return Ok(Compiled { script: script.clone(), function });
        }
        let sha = source::sha1_hex(text);
        match node.scripts.get(&sha) {
            Some(script) => {
                script.touch(now_us);
                self.adopt(script)
            }
            None => self.compile(node, Script::parse(text, sha)?, false, now_us),
        }
    }

    /// Compiles a new script, and adds it to the cache of all threads if that went well.
    fn compile(&mut self, node: &Node, script: Script, load: bool, now_us: i64) -> Result<Compiled, Error> {
        let function = self.function(&script)?;
        let script = node.scripts.add(script, load, now_us);
        Ok(self.keep(script, function))
    }

    /// Compiles a script that another thread has brought.
    fn adopt(&mut self, script: Arc<Script>) -> Result<Compiled, Error> {
        let function = self.function(&script)?;
        Ok(self.keep(script, function))
    }

    fn keep(&mut self, script: Arc<Script>, function: c_int) -> Compiled {
        if self.by_sha.len() >= self.purge_at {
            self.forget(|script| !script.is_alive());
            self.purge_at = (self.by_sha.len() * 2).max(1024);
        }
        let compiled = Compiled { script: script.clone(), function };
        if let Some(old) = self.by_sha.insert(script.sha, compiled.clone()) {
            self.by_source.remove(&*old.script.source);
            // SAFETY: the reference was the map's, and is not used any more.
            unsafe { ffi::luaL_unref(self.sandbox.state, ffi::LUA_REGISTRYINDEX, old.function) };
        }
        self.by_source.insert(BySource(script), function);
        compiled
    }

    /// Forgets everything after SCRIPT FLUSH.
    fn refresh(&mut self, node: &Node) {
        let flushes = node.scripts.flushes();
        if self.flushes != flushes {
            self.flushes = flushes;
            self.forget(|script| !script.is_alive());
        }
    }

    fn forget(&mut self, is_gone: impl Fn(&Script) -> bool) {
        self.by_source.retain(|BySource(script), _| !is_gone(script));
        let state = self.sandbox.state;
        self.by_sha.retain(|_, compiled| {
            let gone = is_gone(&compiled.script);
            if gone {
                // SAFETY: the reference was the map's, and is not used any more.
                unsafe { ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, compiled.function) };
            }
            !gone
        });
    }

    /// Compiles a script and answers the registry reference of its function.
    fn function(&mut self, script: &Script) -> Result<c_int, Error> {
        let state = self.sandbox.state;
        let body = &script.source[script.shebang..];
        // Binary chunks can crash the interpreter: one is read as text, and so refused.
        let body = if body.first() == Some(&0x1b) { b" \x1b" } else { body };
        // SAFETY: no script runs in this interpreter, and the stack has free slots. Loading is protected by itself.
        unsafe {
            let status = ffi::luaL_loadbuffer(state, body.as_ptr().cast(), body.len(), c"@user_script".as_ptr());
            if status != 0 {
                let mut text = b"ERR Error compiling script (new function): ".to_vec();
                text.extend_from_slice(super::convert::string_at(state, -1).unwrap_or_default());
                ffi::lua_settop(state, -2);
                return Err(Error::made(text));
            }
            Ok(ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX))
        }
    }

    fn run(
        &mut self,
        ctx: &mut Ctx<'_>,
        unit: &mut Unit<'_>,
        args: Args<'_>,
        keys: usize,
        compiled: &Compiled,
    ) -> Result<(), Error> {
        let Sandbox { state, handler, globals, .. } = self.sandbox;
        let db = unit.db;
        let result;
        // SAFETY:
        // - No script runs in this interpreter: `Vm` is taken from its slot for the time of this call. So the engine is
        //   touched by nobody else until `lua_pcall`, and after it.
        // - `ctx` and `unit` are not used here between the making of `Running` and its end, but through it.
        // - The stack has LUA_MINSTACK free slots at its base, of which six are used.
        unsafe {
            {
                let engine = &mut *self.engine.0;
                match &mut engine.session {
                    Some(session) => session.reuse_for_script(ctx.session),
                    None => engine.session = Some(Session::of_script(ctx.session)),
                }
                engine.run = Some(Running::new(ctx, unit, args, compiled.script.clone()));
            }
            let base = ffi::lua_gettop(state);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, handler);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, globals);
            push_list(state, args.tail(3), 0, keys);
            ffi::lua_setfield(state, -2, c"KEYS".as_ptr());
            push_list(state, args.tail(3), keys, args.len() - 3 - keys);
            ffi::lua_setfield(state, -2, c"ARGV".as_ptr());
            ffi::lua_settop(state, -2);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, compiled.function);
            let status = ffi::lua_pcall(state, 0, 1, base + 1);
            let Some(mut run) = (*self.engine.0).run.take() else {
                return Err(AGAIN);
            };
            if run.must_stop() {
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
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
                write_failure(state, thread, out, &compiled.script);
                thread.stats.commands[run.ctx().command.id].failed.add(1);
                result = Ok(());
            }
            drop(run);
            ffi::lua_settop(state, base);
        }
        unit.db = db;
        result
    }
}

/// Writes the error on top of the stack as Redis words it: with the script's name and the line.
///
/// # Safety
/// The top is what the error handler has left; there are four free slots.
unsafe fn write_failure(state: *mut lua_State, thread: &crate::thread::Thread, out: &mut Reply, script: &Script) {
    // SAFETY: as asked of the caller.
    let kind = unsafe { ffi::lua_type(state, -1) };
    if !matches!(kind, ffi::LUA_TTABLE) {
        // The error handler itself has failed (out of memory, or errors in errors).
        // SAFETY: the value stays on the stack.
        let text = unsafe { super::convert::string_at(state, -1) }.unwrap_or(b"execution failure");
        let text = [b"ERR Error running script f_", &script.sha[..], b", ", &text[..text.len().min(100)]].concat();
        return write_error(thread, out, &text, false);
    }
    // SAFETY: a table is on top.
    let facts = unsafe { error_facts(state) };
    let mut text = facts.text;
    if let (Some(source), Some(line)) = (facts.source, facts.line) {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(&script.sha);
        text.extend_from_slice(b", on ");
        text.extend_from_slice(&source);
        text.push(b':');
        text.extend_from_slice(&line);
        text.push(b'.');
    }
    write_error(thread, out, &text, facts.counted);
}

/// Pushes a list of `count` arguments from `first` on.
unsafe fn push_list(state: *mut lua_State, args: Args<'_>, first: usize, count: usize) {
    // SAFETY: two free slots, as the caller has.
    unsafe {
        ffi::lua_createtable(state, count as c_int, 0);
        for index in 0..count {
            push_bytes(state, args.at(first + index));
            ffi::lua_rawseti_(state, -2, index as c_int + 1);
        }
    }
}

/// Makes the hook fire at each line, so that a script cannot catch the error that ends it and go on.
///
/// # Safety
/// `state` is a live state.
pub unsafe fn stop_at_each_line(state: *mut lua_State) {
    // SAFETY: as asked of the caller.
    unsafe {
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT, 1);
    }
}

const KILLED_KEY: &CStr = c"err";

/// Every so many instructions.
///
/// Holds nothing that needs dropping when it raises: what allocates is in `Running::tick`, which has returned.
unsafe extern "C-unwind" fn hook(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: Lua calls hooks with 20 free slots. The registry has the engine, which outlives the state; no C function of
    // ours is under way while Lua code runs, so nobody else has a reference to it.
    unsafe {
        ffi::lua_pushlightuserdata(state, (&raw const ENGINE_KEY).cast_mut().cast());
        ffi::lua_rawget_(state, ffi::LUA_REGISTRYINDEX);
        let engine = ffi::lua_touserdata(state, -1).cast::<Engine>();
        ffi::lua_settop(state, -2);
        if engine.is_null() {
            return;
        }
        let stop = match &mut (*engine).run {
            Some(run) => run.tick(),
            None => false,
        };
        if stop {
            stop_at_each_line(state);
            ffi::lua_createtable(state, 0, 1);
            ffi::lua_pushfstring(state, c"ERR %s".as_ptr(), c"Script killed by user with SCRIPT KILL.".as_ptr());
            ffi::lua_setfield(state, -2, KILLED_KEY.as_ptr());
            debug_assert!(KILLED.ends_with("SCRIPT KILL."));
            ffi::lua_error(state);
        }
    }
}
