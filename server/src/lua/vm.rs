//! What a thread has compiled: scripts, and the libraries of functions, each in an interpreter of its own.

use crate::exec::handler::Ctx;
use crate::lua::call::Callbacks;
use crate::lua::interpreter::{Input, Interpreter};
use crate::lua::state::EngineKind;
use crate::script::code::Code;
use crate::script::functions::FunctionRef;
use crate::script::learned::flag;
use crate::script::source;
use crate::script::source::{Script, Sha};
use crate::shared::Shared;
use crate::thread::Thread;
use curfew_protocol::spec::{BY_SHA, READONLY};
use curfew_protocol::{Args, Error};
use curfew_shard::Unit;
use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_int;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

thread_local! {
    /// The thread's interpreters, made at its first script. Taken out while a script runs: should that be suspended, and another
    /// script come, it gets interpreters of its own.
    static SLOT: RefCell<Option<Box<Vm>>> = const { RefCell::new(None) };
}

/// Runs `f` with the thread's interpreters, which are out of their slot meanwhile.
pub fn with_vm<'c, T>(
    ctx: &mut Ctx<'c>,
    f: impl FnOnce(&mut Vm, &mut Ctx<'c>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut vm = match SLOT.take() {
        Some(vm) => vm,
        None => Vm::new()?,
    };
    let result = f(&mut vm, ctx);
    // Another script may have run on this thread while this one was suspended: one interpreter is enough.
    SLOT.set(Some(vm));
    result
}

/// Whether what was learned of a script, by this thread or by others, says that it keeps to the shards of its declared keys.
/// `by_sha`: it is given by its name, not by its text.
pub fn is_narrow(shared: &Shared, text: &[u8], by_sha: bool) -> bool {
    let known = SLOT.with_borrow(|vm| Some(vm.as_ref()?.known(text, by_sha)?.learned.is_narrow()));
    known.unwrap_or_else(|| {
        // Not seen by this thread, or its interpreter is in use: others may know the script.
        let sha = if by_sha { source::parse_sha(text) } else { Some(source::sha1_hex(text)) };
        sha.and_then(|sha| shared.scripts.get(&sha)).is_some_and(|script| script.learned.is_narrow())
    })
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
    scripts: Interpreter,
    /// The functions that were called here; None before the first.
    functions: Option<Callbacks>,
}

/// Whether a script may run by the calling command.
fn check(ctx: &Ctx<'_>, script: &Code) -> Result<(), Error> {
    if script.is(flag::COMPAT) {
        return Ok(());
    }
    if script.flags() & (flag::ALLOW_OOM | flag::NO_WRITES) == 0 && ctx.thread.shared.memory.is_over() {
        return Err(Error::OUT_OF_MEMORY);
    }
    if !script.is(flag::NO_WRITES) && ctx.command.is(READONLY) {
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
        Ok(Box::new(Vm {
            by_source: Map::default(),
            by_sha: Map::default(),
            flushes: 0,
            purge_at: 1024,
            scripts: Interpreter::new(EngineKind::Scripts)?,
            functions: None,
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
    pub fn load(&mut self, shared: &Shared, text: &[u8], now_us: i64) -> Result<Sha, Error> {
        self.refresh(shared);
        let sha = source::sha1_hex(text);
        match shared.scripts.get(&sha).filter(|_| self.by_sha.contains_key(&sha)) {
            Some(known) => drop(shared.scripts.add(Script::parse(&known.source, sha)?, true, now_us)),
            None => drop(self.compile(shared, Script::parse(text, sha)?, true, now_us)?),
        }
        Ok(sha)
    }

    /// EVAL and its kin: `args` are those of the whole command, of which `keys` are keys.
    ///
    /// # Errors
    /// No such script, a script that does not compile or may not run, or [`AGAIN`](super::run::AGAIN).
    pub fn eval(&mut self, ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>, keys: usize) -> Result<(), Error> {
        let (shared, now_us) = (ctx.thread.shared, ctx.now.micros());
        self.refresh(shared);
        let compiled = match ctx.command.is(BY_SHA) {
            true => self.by_name(shared, args.at(1), now_us)?,
            false => self.by_text(shared, args.at(1), now_us)?,
        };
        let code = Code::Script(compiled.script);
        check(ctx, &code)?;
        self.scripts.run(ctx, unit, args, Input::Keys(keys), &code, compiled.function)
    }

    /// FCALL and FCALL_RO of `function`, and triggers: `args` are those of the whole command.
    ///
    /// # Errors
    /// It may not run, its library cannot be loaded here, or [`AGAIN`](super::run::AGAIN).
    pub fn call(
        &mut self,
        ctx: &mut Ctx<'_>,
        unit: &mut Unit<'_>,
        args: Args<'_>,
        input: Input<'_>,
        function: FunctionRef,
    ) -> Result<(), Error> {
        let code = Code::Function(function.clone());
        check(ctx, &code)?;
        self.functions(ctx.thread)?.call(ctx, unit, args, input, &function, &code)
    }

    /// The functions of this thread, without those that have gone.
    ///
    /// # Errors
    /// Out of memory.
    pub fn functions(&mut self, thread: &Thread) -> Result<&mut Callbacks, Error> {
        let snapshot = thread.functions();
        if !self.functions.as_mut().is_some_and(|callbacks| callbacks.refresh(&snapshot)) {
            // The old interpreter goes before the new one comes.
            self.functions = None;
        }
        match &mut self.functions {
            Some(callbacks) => Ok(callbacks),
            none => Ok(none.insert(Callbacks::new()?)),
        }
    }

    fn by_name(&mut self, shared: &Shared, name: &[u8], now_us: i64) -> Result<Compiled, Error> {
        let sha = source::parse_sha(name).ok_or(Error::NO_SCRIPT)?;
        if let Some(compiled) = self.by_sha.get(&sha).filter(|compiled| compiled.script.is_alive()) {
            compiled.script.touch(now_us);
            return Ok(compiled.clone());
        }
        let script = shared.scripts.get(&sha).ok_or(Error::NO_SCRIPT)?;
        self.adopt(script)
    }

    fn by_text(&mut self, shared: &Shared, text: &[u8], now_us: i64) -> Result<Compiled, Error> {
        if let Some((BySource(script), &function)) = self.by_source.get_key_value(text)
            && script.is_alive()
        {
            script.touch(now_us);
            return Ok(Compiled { script: script.clone(), function });
        }
        let sha = source::sha1_hex(text);
        match shared.scripts.get(&sha) {
            Some(script) => {
                script.touch(now_us);
                self.adopt(script)
            }
            None => self.compile(shared, Script::parse(text, sha)?, false, now_us),
        }
    }

    /// Compiles a new script, and adds it to the cache of all threads if that went well.
    fn compile(&mut self, shared: &Shared, script: Script, load: bool, now_us: i64) -> Result<Compiled, Error> {
        let function = self.function(&script)?;
        let script = shared.scripts.add(script, load, now_us);
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
            self.scripts.forget(old.function);
        }
        self.by_source.insert(BySource(script), function);
        compiled
    }

    /// Forgets everything after SCRIPT FLUSH.
    fn refresh(&mut self, shared: &Shared) {
        let flushes = shared.scripts.flushes();
        if self.flushes != flushes {
            self.flushes = flushes;
            self.forget(|script| !script.is_alive());
        }
    }

    fn forget(&mut self, is_gone: impl Fn(&Script) -> bool) {
        self.by_source.retain(|BySource(script), _| !is_gone(script));
        let interpreter = &mut self.scripts;
        self.by_sha.retain(|_, compiled| {
            let gone = is_gone(&compiled.script);
            if gone {
                interpreter.forget(compiled.function);
            }
            !gone
        });
    }

    /// Compiles a script and answers the registry reference of its function.
    fn function(&mut self, script: &Script) -> Result<c_int, Error> {
        self.scripts
            .compile(&script.source[script.shebang..], c"@user_script")
            .map_err(|text| Error::made([b"ERR Error compiling script (new function): ", text.as_slice()].concat()))
    }
}
