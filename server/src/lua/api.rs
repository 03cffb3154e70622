//! The table `redis`, as C functions.
//!
//! Ground rule: Lua leaves a C function that raises by longjmp, so nothing that needs dropping is alive where Lua may
//! raise. That is not only [`entry!`], whose bodies have returned, but wherever Lua allocates, if memory were limited.
//! (It is not: when it ends, the interpreters' allocator ends the process. Nothing here counts on that.) So what a
//! function needs beyond Lua's stack is the engine's, or has been dropped before.
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

/// The inside of a C function: answers how many results are on top of the stack, or [`RAISE`].
///
/// # Safety
/// Only [`entry!`] calls it, which provides that
/// - the state runs a C function: its arguments are all that is on the stack, with LUA_MINSTACK (20) free slots above;
/// - the engine is that of the interpreter, and there is no other reference to it: a body calls no Lua code, and what it
///   does while it waits is not done with this interpreter, which is out of its slot (`Vm`);
/// - nothing that needs dropping is alive in the callers. The body keeps to that too where Lua may raise.
pub type Body = unsafe fn(*mut lua_State, &mut Engine) -> c_int;

/// A C function around a body: raises what the body leaves on the stack.
macro_rules! entry {
    ($body:ident) => {{
        /// # Safety
        /// Lua alone calls it, with the engine as upvalue 1.
        unsafe extern "C-unwind" fn enter(state: *mut mlua::lua_State) -> std::ffi::c_int {
            // SAFETY:
            // - Lua calls this, as the body wants it. `lua_error` takes the value that the body has left on top.
            // - Upvalue 1 is the engine (`add_functions`), which outlives the state. No reference to it is in use while
            //   Lua code runs, neither here nor in `Interpreter`.
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
/// - A table is on top, without a metatable, and three slots are free.
/// - `engine` is that of this interpreter, and outlives it.
/// - Nothing that needs dropping is alive in the callers.
pub unsafe fn fill(state: *mut lua_State, engine: *mut Engine, kind: EngineKind) {
    // SAFETY: as asked of the caller; each call leaves the table on top.
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
    // SAFETY: as asked of the caller; each call leaves the table on top, and the string is taken by `lua_setfield`.
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
    // SAFETY: one slot is used, and the table on top again after each function. Only `entry!` makes such functions, and
    // they want the engine as their first upvalue.
    unsafe {
        for (name, function) in functions {
            ffi::lua_pushlightuserdata(state, engine.cast());
            ffi::lua_pushcclosure(state, *function, 1);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
    }
}

/// Adds numbers to the table on top of the stack.
///
/// # Safety
/// As for [`fill`].
unsafe fn add_numbers(state: *mut lua_State, numbers: Numbers) {
    // SAFETY: one slot is used, and the table on top again after each number.
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
/// Three slots are free, and nothing that needs dropping is alive in the callers.
pub unsafe fn fail(state: *mut lua_State, text: &str) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { push_joined(state, b"ERR ", text.as_bytes()) };
    RAISE
}

/// Pushes the table of an error whose text is in two parts. Lua puts them together, since a buffer of ours would be lost if
/// it raised.
///
/// # Safety
/// As for [`fail`].
unsafe fn push_joined(state: *mut lua_State, code: &[u8], text: &[u8]) {
    // SAFETY: three slots are used, and nothing here needs dropping; the table has no metatable.
    unsafe {
        ffi::lua_createtable(state, 0, 2);
        push_bytes(state, code);
        push_bytes(state, text);
        ffi::lua_concat(state, 2);
        ffi::lua_setfield(state, -2, c"err".as_ptr());
    }
}

/// Collects the arguments of a call. False: an error is on the stack.
///
/// # Safety
/// As for [`Body`].
unsafe fn collect(state: *mut lua_State, engine: &mut Engine) -> bool {
    // SAFETY: indices from 1 to the top exist. Strings are copied, and not converted, while they are on the stack; what is
    // allocated is the engine's.
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

/// # Safety
/// As for [`Body`].
unsafe fn call(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { generic(state, engine, RAISE) }
}

/// # Safety
/// As for [`Body`].
unsafe fn pcall(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { generic(state, engine, 1) }
}

/// `on_error`: what to return with an error on the stack.
///
/// # Safety
/// As for [`Body`].
unsafe fn generic(state: *mut lua_State, engine: &mut Engine, on_error: c_int) -> c_int {
    // SAFETY:
    // - `collect` leaves the stack alone or pushes one error; the other ways push one value, each at most once. Four slots
    //   are used, and `push_reply` makes its own room.
    // - What is pushed is the engine's or static. The error of a call, which may own its text, is dropped before.
    unsafe {
        if !collect(state, engine) {
            return on_error;
        }
        let Engine { run, args, reply, session, scratch, .. } = engine;
        let (Some(run), Some(session)) = (run, session) else {
            return fail(state, "redis.call/pcall can only be called inside a script invocation");
        };
        reply.clear();
        reply.resp = run.resp;
        match run.call(args.view(), reply, session) {
            Ok(()) => {}
            Err(Failure::Error(error)) => {
                run.ctx().thread.stats.error(&error);
                scratch.clear();
                scratch.extend_from_slice(error.as_bytes());
                drop(error);
                push_error(state, scratch, true);
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

/// The text of an error as `redis.error_reply` takes it, in two parts: a first word is the code, or it gets one.
fn error_text(text: &[u8]) -> (&'static [u8], &[u8]) {
    let text = text.trim_ascii_end();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    (if text.contains(&b' ') { b"" } else { b"ERR " }, text)
}

/// The argument, if it is the only one and a string.
///
/// # Safety
/// As for [`Body`], and the argument stays in its slot while the slice is used.
unsafe fn one_string<'a>(state: *mut lua_State) -> Option<&'a [u8]> {
    // SAFETY: as asked of the caller.
    unsafe {
        let is_one = ffi::lua_gettop(state) == 1 && ffi::lua_type(state, 1) == ffi::LUA_TSTRING;
        is_one.then(|| string_at(state, 1)).flatten()
    }
}

/// # Safety
/// As for [`Body`].
unsafe fn error_reply(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: at most three slots are used. The argument stays in its slot, and its text is not copied but by Lua.
    unsafe {
        match one_string(state) {
            Some(text) => {
                let (code, text) = error_text(text);
                push_joined(state, code, text);
            }
            None => push_error(state, b"ERR wrong number or type of arguments", false),
        }
        1
    }
}

/// # Safety
/// As for [`Body`].
unsafe fn status_reply(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: there is an argument where it is pushed again. At most three slots are used; the table has no metatable.
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

/// # Safety
/// As for [`Body`].
unsafe fn sha1hex(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: the argument stays in its slot, and the digest is an array.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return fail(state, "wrong number of arguments");
        }
        push_bytes(state, &source::sha1_hex(string_at(state, 1).unwrap_or_default()));
        1
    }
}

/// # Safety
/// As for [`Body`].
unsafe fn log(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: indices from 1 to the top exist, and the words stay in their slots. While they are held in a vector, nothing
    // raises: numbers have been converted before.
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
        for index in 2..=count {
            string_at(state, index);
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

/// # Safety
/// As for [`Body`].
unsafe fn setresp(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: there is an argument where it is read; `fail` has its slots.
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
///
/// # Safety
/// As for [`Body`].
unsafe fn set_repl(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: there is an argument where it is read; `fail` has its slots.
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

/// # Safety
/// As for [`Body`].
unsafe fn replicate_commands(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: a body has a free slot.
    unsafe { ffi::lua_pushboolean(state, 1) };
    1
}

/// There is no debugger: as in Redis outside of a debugging session.
///
/// # Safety
/// As for [`Body`].
unsafe fn breakpoint(state: *mut lua_State, _: &mut Engine) -> c_int {
    // SAFETY: a body has a free slot.
    unsafe { ffi::lua_pushboolean(state, 0) };
    1
}

/// Takes anything, and does nothing without a debugger.
fn debug(_: *mut lua_State, _: &mut Engine) -> c_int {
    0
}

/// # Safety
/// As for [`Body`].
unsafe fn acl_check_cmd(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: `collect` leaves the stack alone or pushes one error, and then one value is pushed. The error of `resolve` is
    // gone by then.
    unsafe {
        if !collect(state, engine) {
            return RAISE;
        }
        // There are no users with fewer rights yet: what exists is allowed.
        let is_known = match table().resolve(engine.args.view()) {
            Ok(_) => true,
            Err(unresolved) => unresolved.command.is_some(),
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
        let text = |text: &str| {
            let (code, text) = error_text(text.as_bytes());
            String::from_utf8_lossy(&[code, text].concat()).into_owned()
        };
        assert_eq!(text("x"), "ERR x");
        assert_eq!(text("-X y"), "X y");
        assert_eq!(text("a b\r\n"), "a b");
        assert_eq!(text(""), "ERR ");
    }
}
