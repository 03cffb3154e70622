//! Loading a library: its top level runs once and registers what the library has (`register.rs`).

use crate::lua::interpreter::Interpreter;
use crate::lua::loading::{LoadLimit, Loading};
use crate::script::functions::Function;
use crate::script::metadata::Metadata;
use curfew_protocol::Error;
use std::ffi::c_int;

/// What a library has registered, with the references of the callbacks in the same order.
pub struct Loaded {
    /// At least one.
    pub functions: Vec<Function>,
    /// Registry references in the interpreter that has loaded it.
    pub callbacks: Vec<c_int>,
}

/// Runs the top level of a library in `interpreter`.
///
/// # Errors
/// It does not compile, it raises, it takes too long, or it registers nothing. Nothing of it is left behind then.
pub fn run(interpreter: &mut Interpreter, metadata: &Metadata<'_>, limit: LoadLimit) -> Result<Loaded, Error> {
    let failed = |what: &str, text: &[u8]| Error::made([b"ERR Error ", what.as_bytes(), b": ", text].concat());
    let top =
        interpreter.compile(metadata.body, c"@user_function").map_err(|text| failed("compiling function", &text))?;
    let (result, loading) = interpreter.load(top, Loading::new(limit));
    interpreter.forget(top);
    let result = match result {
        Ok(()) if loading.is_empty() => Err(Error::NO_FUNCTIONS),
        Ok(()) => Ok(()),
        Err(text) => Err(failed("registering functions", &text)),
    };
    if let Err(error) = result {
        loading.functions.iter().for_each(|draft| interpreter.forget(draft.callback));
        return Err(error);
    }
    let (functions, callbacks) = loading.functions.into_iter().map(|draft| (draft.function, draft.callback)).unzip();
    Ok(Loaded { functions, callbacks })
}
