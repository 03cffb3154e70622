//! The table `redis`, as C functions.
//!
//! Ground rule: Lua leaves a C function that raises by longjmp, so a function that raises holds nothing that needs
//! dropping. Each entry point is a thin `extern "C-unwind"` function; what allocates is in inner functions that return
//! before anything is raised.
#![allow(unsafe_code)]

use crate::lua::convert::{push_bytes, push_error, push_reply, string_at};
use crate::lua::run::Failure;
use crate::lua::state::{self, Engine, EngineKind};
use crate::request::table::table;
use crate::script::source;
use curfew_protocol::{Resp, number};
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_int};

/// What a function of the table does with an error on top of the stack.
pub const RAISE: c_int = -1;

/// The inside of a C function.
pub type Body = unsafe fn(*mut lua_State, &mut Engine) -> c_int;

/// A C function around a body: raises what the body leaves on the stack.
macro_rules! entry {
    ($body:ident) => {{
        unsafe extern "C-unwind" fn enter(state: *mut mlua::lua_State) -> std::ffi::c_int {
            // SAFETY: Lua calls this with its arguments and 20 free slots; upvalue 1 is the engine of this state, which
            // outlives it, and no other reference to it is in use while Lua runs.
            unsafe {
                let upvalue = mlua::ffi::lua_upvalueindex(1);
                let engine = mlua::ffi::lua_touserdata(state, upvalue).cast::<$crate::lua::state::Engine>();
                let results = ($body as $crate::lua::api::Body)(state, &mut *engine);
                if results == $crate::lua::api::RAISE { mlua::ffi::lua_error(state) } else { results }
            }
        }
        enter as mlua::ffi::lua_CFunction
    }};
}
pub(in crate::lua) use entry;

/// Names of C functions in the table.
pub type Entries = &'static [(&'static CStr, ffi::lua_CFunction)];
type Numbers = &'static [(&'static CStr, i32)];

const FUNCTIONS: Entries = &[
    (c"call", entry!(call)),
    (c"pcall", entry!(pcall)),
    (c"error_reply", entry!(error_reply)),
    (c"status_reply", entry!(status_reply)),
    (c"sha1hex", entry!(sha1hex)),
    (c"setresp", entry!(setresp)),
    (c"set_repl", entry!(set_repl)),
    (c"acl_check_cmd", entry!(acl_check_cmd)),
];
/// What only scripts have.
const OF_SCRIPTS: Entries = &[
    (c"replicate_commands", entry!(replicate_commands)),
    (c"breakpoint", entry!(breakpoint)),
    (c"debug", entry!(debug)),
];
const REPLICATION: Numbers =
    &[(c"REPL_NONE", 0), (c"REPL_AOF", 1), (c"REPL_SLAVE", 2), (c"REPL_REPLICA", 2), (c"REPL_ALL", 3)];
const ALWAYS: Entries = &[(c"log", entry!(log))];
const NUMBERS: Numbers = &[
    (c"LOG_DEBUG", 0),
    (c"LOG_VERBOSE", 1),
    (c"LOG_NOTICE", 2),
    (c"LOG_WARNING", 3),
    (c"REDIS_VERSION_NUM", 0x0008_0006),
];

/// Fills the table on top of the stack with all that code of `kind` may use while it runs.
///
/// # Safety
/// `engine` outlives the Lua state; there are three free slots.
pub unsafe fn fill(state: *mut lua_State, engine: *mut Engine, kind: EngineKind) {
    // SAFETY: as asked of the caller.
    unsafe {
        add_functions(state, engine, FUNCTIONS);
        if kind == EngineKind::Scripts {
            add_functions(state, engine, OF_SCRIPTS);
        }
        add_numbers(state, REPLICATION);
        fill_always(state, engine);
    }
}

/// Adds to the table on top of the stack what is there while a library is loaded too: the log and the version.
///
/// # Safety
/// As for [`fill`].
pub unsafe fn fill_always(state: *mut lua_State, engine: *mut Engine) {
    // SAFETY: as asked of the caller.
    unsafe {
        add_functions(state, engine, ALWAYS);
        add_numbers(state, NUMBERS);
        push_bytes(state, b"8.0.6");
        ffi::lua_setfield(state, -2, c"REDIS_VERSION".as_ptr());
    }
}

/// Adds C functions made by [`entry!`] to the table on top of the stack.
///
/// # Safety
/// As for [`fill`].
pub unsafe fn add_functions(state: *mut lua_State, engine: *mut Engine, functions: Entries) {
    // SAFETY: as asked of the caller; the table stays on top.
    unsafe {
        for (name, function) in functions {
            ffi::lua_pushlightuserdata(state, engine.cast());
            ffi::lua_pushcclosure(state, *function, 1);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
    }
}

unsafe fn add_numbers(state: *mut lua_State, numbers: Numbers) {
    // SAFETY: as in `fill`; the table stays on top.
    unsafe {
        for (name, value) in numbers {
            ffi::lua_pushnumber(state, f64::from(*value));
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
    }
}

/// `text` as an error on the stack.
///
/// # Safety
/// Four free slots on the stack.
pub unsafe fn fail(state: *mut lua_State, text: &str) -> c_int {
    // SAFETY: a C function has free slots.
    unsafe { push_error(state, [b"ERR ", text.as_bytes()].concat().as_slice(), false) };
    RAISE
}

/// Collects the arguments of a call. False: an error is on the stack.
unsafe fn collect(state: *mut lua_State, engine: &mut Engine) -> bool {
    // SAFETY: indices from 1 to the top exist; strings are copied while they are on the stack.
    unsafe {
        let count = ffi::lua_gettop(state);
        engine.args.clear();
        if count == 0 {
            fail(state, "Please specify at least one argument for this redis lib call");
            return false;
        }
        for index in 1..=count {
            match ffi::lua_type(state, index) {
                ffi::LUA_TSTRING => engine.args.push(string_at(state, index).unwrap_or_default()),
                // Lua's own conversion would lose digits.
                ffi::LUA_TNUMBER => {
                    engine.scratch.clear();
                    let value = ffi::lua_tonumber(state, index);
                    let integer = value as i64;
                    match integer as f64 == value && value.abs() < 4_611_686_018_427_387_904.0 {
                        true => number::write_i64(&mut engine.scratch, integer),
                        // As printf writes 0/0.
                        false if value.is_nan() && value.is_sign_negative() => {
                            engine.scratch.extend_from_slice(b"-nan")
                        }
                        false => number::write_f64(&mut engine.scratch, value),
                    }
                    engine.args.push(&engine.scratch);
                }
                _ => {
                    fail(state, "Lua redis lib command arguments must be strings or integers");
                    return false;
                }
            }
        }
        true
    }
}

unsafe fn call(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe { generic(state, engine, RAISE) }
}

unsafe fn pcall(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe { generic(state, engine, 1) }
}

/// `on_error`: what to return with an error on the stack.
unsafe fn generic(state: *mut lua_State, engine: &mut Engine, on_error: c_int) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if !collect(state, engine) {
            return on_error;
        }
        let Engine { run, args, reply, session, .. } = engine;
        let (Some(run), Some(session)) = (run, session) else {
            return fail(state, "redis.call/pcall can only be called inside a script invocation");
        };
        reply.clear();
        reply.resp = run.resp;
        match run.call(args.view(), reply, session) {
            Ok(()) => {}
            Err(Failure::Error(error)) => {
                run.ctx().thread.stats.error(&error);
                push_error(state, error.as_bytes(), true);
                return on_error;
            }
            Err(Failure::Stop) => {
                let text = run.killed_text();
                state::stop_at_each_line(state);
                push_error(state, text.as_bytes(), false);
                return RAISE;
            }
        }
        let is_error = reply.as_bytes().first() == Some(&b'-');
        if push_reply(state, reply.as_bytes(), reply.resp).is_none() {
            return fail(state, "reached lua stack limit");
        }
        if is_error { on_error } else { 1 }
    }
}

/// The text of an error as `redis.error_reply` takes it: a first word is the code, or it gets one.
fn error_text(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii_end();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match text.contains(&b' ') {
        true => text.to_vec(),
        false => [b"ERR ", text].concat(),
    }
}

unsafe fn one_string<'a>(state: *mut lua_State) -> Option<&'a [u8]> {
    // SAFETY: the argument stays on the stack while the caller uses it.
    unsafe {
        let is_one = ffi::lua_gettop(state) == 1 && ffi::lua_type(state, 1) == ffi::LUA_TSTRING;
        is_one.then(|| string_at(state, 1)).flatten()
    }
}

unsafe fn error_reply(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        match one_string(state) {
            Some(text) => push_error(state, &error_text(text), false),
            None => push_error(state, b"ERR wrong number or type of arguments", false),
        }
        1
    }
}

unsafe fn status_reply(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if one_string(state).is_none() {
            push_error(state, b"ERR wrong number or type of arguments", false);
            return 1;
        }
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_pushvalue(state, 1);
        ffi::lua_setfield(state, -2, c"ok".as_ptr());
        1
    }
}

unsafe fn sha1hex(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return fail(state, "wrong number of arguments");
        }
        push_bytes(state, &source::sha1_hex(string_at(state, 1).unwrap_or_default()));
        1
    }
}

unsafe fn log(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        let count = ffi::lua_gettop(state);
        if count < 2 {
            return fail(state, "redis.log() requires two arguments or more.");
        }
        if ffi::lua_isnumber(state, 1) == 0 {
            return fail(state, "First argument must be a number (log level).");
        }
        let level = ffi::lua_tonumber(state, 1) as i64;
        if !(0..=3).contains(&level) {
            return fail(state, "Invalid log level.");
        }
        let words: Vec<&[u8]> = (2..=count).filter_map(|index| string_at(state, index)).collect();
        let text = words.join(&b' ');
        let text = String::from_utf8_lossy(&text);
        match level {
            0 => tracing::debug!("{text}"),
            3 => tracing::warn!("{text}"),
            _ => tracing::info!("{text}"),
        }
        0
    }
}

unsafe fn setresp(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return fail(state, "redis.setresp() requires one argument.");
        }
        let resp = match ffi::lua_tonumber(state, 1) as i64 {
            2 => Resp::Two,
            3 => Resp::Three,
            _ => return fail(state, "RESP version must be 2 or 3."),
        };
        if let Some(run) = &mut engine.run {
            run.resp = resp;
        }
        0
    }
}

/// Every change of a script has its effects here, whatever it asks for.
unsafe fn set_repl(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return fail(state, "redis.set_repl() requires one argument.");
        }
        if ffi::lua_tonumber(state, 1) as i64 & !3 != 0 {
            return fail(state, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
        }
        0
    }
}

unsafe fn replicate_commands(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe { ffi::lua_pushboolean(state, 1) };
    1
}

/// There is no debugger: as in Redis outside of a debugging session.
unsafe fn breakpoint(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe { ffi::lua_pushboolean(state, 0) };
    1
}

unsafe fn debug(_: *mut lua_State, _: &mut Engine) -> c_int {
    0
}

unsafe fn acl_check_cmd(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as in `entry`.
    unsafe {
        if !collect(state, engine) {
            return RAISE;
        }
        // There are no users with fewer rights yet: what exists is allowed.
        let is_known = match table().resolve(engine.args.view()) {
            Ok(_) => true,
            Err(error) => error.as_bytes().starts_with(b"ERR wrong number of arguments"),
        };
        if !is_known {
            return fail(state, "Invalid command passed to redis.acl_check_cmd()");
        }
        ffi::lua_pushboolean(state, 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_errors() {
        let text = |text: &str| String::from_utf8_lossy(&error_text(text.as_bytes())).into_owned();
        assert_eq!(text("x"), "ERR x");
        assert_eq!(text("-X y"), "X y");
        assert_eq!(text("a b\r\n"), "a b");
        assert_eq!(text(""), "ERR ");
    }
}
