//! A thread's callbacks: the libraries that it has loaded so far.

use crate::exec::handler::Ctx;
use crate::lua::interpreter::{Input, Interpreter};
use crate::lua::load;
use crate::lua::load::Loaded;
use crate::lua::loading::LoadLimit;
use crate::lua::state::EngineKind;
use crate::script::code::Code;
use crate::script::functions::{FunctionRef, Library, Snapshot};
use crate::script::metadata::Metadata;
use curfew_protocol::{Args, Error};
use curfew_shard::Unit;
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;

/// The functions that one thread can call at once.
pub struct Callbacks {
    interpreter: Interpreter,
    loaded: HashMap<u64, Here>,
    /// What was looked at last.
    seen: Arc<Snapshot>,
}

/// A library that is loaded here.
struct Here {
    library: Arc<Library>,
    /// The registry references of its functions, in their order. None for a function that the top level has registered
    /// elsewhere but not here.
    callbacks: Vec<Option<c_int>>,
}

impl Callbacks {
    /// None so far, in a new interpreter.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Callbacks, Error> {
        Ok(Callbacks {
            interpreter: Interpreter::new(EngineKind::Functions)?,
            loaded: HashMap::new(),
            seen: Arc::default(),
        })
    }

    /// Forgets libraries that have gone. False: everything has, and a new interpreter is better than this one.
    pub fn refresh(&mut self, snapshot: &Arc<Snapshot>) -> bool {
        if Arc::ptr_eq(&self.seen, snapshot) {
            return true;
        }
        self.seen = snapshot.clone();
        if snapshot.libraries().len() == 0 && !self.loaded.is_empty() {
            return false;
        }
        let interpreter = &mut self.interpreter;
        self.loaded.retain(|id, here| {
            let stays = snapshot.has(*id, &here.library.name);
            if !stays {
                here.callbacks.iter().flatten().for_each(|callback| interpreter.forget(*callback));
            }
            stays
        });
        true
    }

    /// Runs the top level of a library that is not in the registry yet.
    ///
    /// # Errors
    /// See [`load::run`].
    pub fn try_out(&mut self, code: &[u8], limit: LoadLimit) -> Result<(Arc<Library>, Vec<c_int>), Error> {
        let metadata = Metadata::parse(code)?;
        let Loaded { functions, callbacks } = load::run(&mut self.interpreter, &metadata, limit)?;
        Ok((Arc::new(Library::new(&metadata, code, functions)), callbacks))
    }

    /// Keeps the callbacks of libraries that were tried out and are in the registry now, or forgets them if they are not.
    pub fn settle(&mut self, tried: Vec<(Arc<Library>, Vec<c_int>)>, kept: bool) {
        for (library, callbacks) in tried {
            if kept {
                let callbacks = callbacks.into_iter().map(Some).collect();
                self.loaded.insert(library.id, Here { library, callbacks });
            } else {
                callbacks.into_iter().for_each(|callback| self.interpreter.forget(callback));
            }
        }
    }

    /// Calls a function for the command with the arguments `args`. `code` is the function too.
    ///
    /// # Errors
    /// Its library cannot be loaded here, or what [`Interpreter::run`] answers.
    pub fn call(
        &mut self,
        ctx: &mut Ctx<'_>,
        unit: &mut Unit<'_>,
        args: Args<'_>,
        input: Input<'_>,
        function: &FunctionRef,
        code: &Code,
    ) -> Result<(), Error> {
        if !self.loaded.contains_key(&function.library.id) {
            self.load(&function.library)?;
        }
        let here = self.loaded.get(&function.library.id);
        let callback = here.and_then(|here| here.callbacks.get(function.index).copied()?).ok_or(Error::NO_FUNCTION)?;
        self.interpreter.run(ctx, unit, args, input, code, callback)
    }

    /// Loads a library that another thread has brought.
    fn load(&mut self, library: &Arc<Library>) -> Result<(), Error> {
        let metadata = Metadata::parse(&library.code)?;
        let loaded = load::run(&mut self.interpreter, &metadata, LoadLimit::Known)?;
        let mut callbacks = vec![None; library.functions.len()];
        for (function, callback) in loaded.functions.iter().zip(loaded.callbacks) {
            match library.functions.iter().position(|known| known.name == function.name) {
                Some(index) => callbacks[index] = Some(callback),
                None => self.interpreter.forget(callback),
            }
        }
        self.loaded.insert(library.id, Here { library: library.clone(), callbacks });
        Ok(())
    }
}
