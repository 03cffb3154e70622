//! What an interpreter has beside its Lua state, and the hook that looks at the time.
#![allow(unsafe_code)]

use crate::lua::convert::push_bytes;
use crate::lua::loading::Loading;
use crate::lua::run::Running;
use crate::session::Session;
use curfew_protocol::Reply;
use curfew_protocol::args::OwnedArgs;
use mlua::{ffi, lua_State};

/// What an interpreter is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// EVAL and its kin.
    Scripts,
    /// Libraries of functions.
    Functions,
}

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
    /// The library being loaded.
    pub loading: Option<Loading>,
    /// The state of `math.random`.
    pub random: u64,
}

/// The registry key under which the hook finds the engine.
pub static ENGINE_KEY: u8 = 0;

/// Makes the hook fire at each line, so that a script cannot catch the error that ends it and go on.
///
/// # Safety
/// `state` is a live state, and the registry has its engine under [`ENGINE_KEY`], or nothing.
pub unsafe fn stop_at_each_line(state: *mut lua_State) {
    // SAFETY: as asked of the caller: `hook` looks for the engine.
    unsafe {
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT, 1);
    }
}

/// Every so many instructions.
///
/// # Safety
/// Lua alone calls it, between two instructions of Lua code, with LUA_MINSTACK (20) free slots. The registry has the engine of
/// this interpreter under [`ENGINE_KEY`], or nothing.
pub unsafe extern "C-unwind" fn hook(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: as asked of the caller. Nothing here needs dropping: the text is static.
    unsafe {
        if let Some(text) = look(state) {
            stop(state, text);
        }
    }
}

/// Looks at the time, and lets others have their turn if need be; answers what is to be raised if the script has to end.
///
/// # Safety
/// A live state in which code runs, with two free slots. The registry has the engine of this interpreter under
/// [`ENGINE_KEY`], or nothing; nobody has a reference to it.
pub unsafe fn look(state: *mut lua_State) -> Option<&'static str> {
    // SAFETY: the engine outlives the state. Nobody else has a reference to it: a script is running, and no function that
    // calls Lua code or this keeps one. What is done while `tick` waits is not done with this interpreter, which is out of
    // its slot (`Vm`). What allocates is in the `tick`s, which have returned.
    unsafe {
        ffi::lua_pushlightuserdata(state, (&raw const ENGINE_KEY).cast_mut().cast());
        ffi::lua_rawget_(state, ffi::LUA_REGISTRYINDEX);
        let engine = ffi::lua_touserdata(state, -1).cast::<Engine>();
        ffi::lua_settop(state, -2);
        if engine.is_null() {
            return None;
        }
        match (&mut (*engine).run, &mut (*engine).loading) {
            (Some(run), _) => run.tick().then(|| run.killed_text()),
            (None, Some(loading)) => loading.tick(),
            (None, None) => None,
        }
    }
}

/// Raises what ends the script, which cannot catch it and go on.
///
/// # Safety
/// As for [`look`]; nothing that needs dropping is alive in the callers.
pub unsafe fn stop(state: *mut lua_State, text: &str) {
    // SAFETY: as asked of the caller; the slots are for the table and the text.
    unsafe {
        stop_at_each_line(state);
        ffi::lua_createtable(state, 0, 1);
        push_bytes(state, text.as_bytes());
        ffi::lua_setfield(state, -2, c"err".as_ptr());
        ffi::lua_error(state);
    }
}
