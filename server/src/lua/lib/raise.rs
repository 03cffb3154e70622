//! Raises Lua errors as C libraries do: as strings, with the position and name of the caller.
//!
//! Why this needs raw Lua: an error returned from an mlua callback reaches the script as a userdata object, but scripts
//! use the message that `pcall` gives them as a string (`err:match(...)`, `.. err`). A wrapper written in Lua could
//! call `error`, but a tail call (`return cjson.decode(x)`, as scripts often end) would lose the caller's line, and the
//! wrapper would stand in the place of the script in what error handlers see of the stack.
//!
//! So each library function is a C closure around the mlua function. That one never fails: it returns `true` and its
//! results, or `false`, a kind and a message, and the closure raises the error.
#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::ffi;
use mlua::{Function, Lua, lua_State};

/// Kind: `message` with the caller's position before it.
pub const HERE: i64 = -1;
/// Kind: `message` alone. Kinds from 0 are the number of a bad argument.
pub const BARE: i64 = -2;

/// A function that calls `inner` and raises what it reports.
///
/// # Errors
/// Out of memory.
pub fn wrap(lua: &Lua, inner: Function) -> mlua::Result<Function> {
    // SAFETY: the closure runs in a protected call with `inner` as the one value on its stack; it replaces that with
    // one C closure, and holds nothing that a longjmp would skip.
    unsafe { lua.exec_raw(inner, |state| ffi::lua_pushcclosure(state, call, 1)) }
}

/// The closure: upvalue 1 is the mlua function.
///
/// Invariant: no value with a destructor lives in this function, since Lua leaves it by longjmp.
unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
    // SAFETY:
    // - Lua calls this with its arguments alone on the stack and at least LUA_MINSTACK (20) free slots; at most four
    //   are used here beyond arguments and results, for which lua_call makes room itself.
    // - Upvalue 1 is the function that `wrap` put there.
    // - The inner function returns at least one value, and after `false` a number and a string (see `super::add`), so
    //   indices 1 to 3 exist where they are read. The string is on the stack while its pointer is used.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        if ffi::lua_toboolean(state, 1) != 0 {
            return ffi::lua_gettop(state) - 1;
        }
        let kind = ffi::lua_tonumber(state, 2) as i64;
        if kind >= 0 {
            let message = ffi::lua_tolstring(state, 3, std::ptr::null_mut());
            return ffi::luaL_argerror(state, kind as c_int, message);
        }
        if kind == HERE {
            ffi::luaL_where(state, 1);
            ffi::lua_insert(state, 3);
            ffi::lua_concat(state, 2);
        }
        ffi::lua_error(state)
    }
}
