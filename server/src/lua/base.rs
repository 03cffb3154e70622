//! Functions of Lua's base library that are our own: stock 5.1's could end the process, or change things for later scripts.
#![allow(unsafe_code)]

use crate::lua::state;
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_char, c_int};
use std::ptr;

/// What `collectgarbage` takes, in the order of Lua's errors.
const OPTIONS: [&CStr; 7] = [c"stop", c"restart", c"collect", c"count", c"step", c"setpause", c"setstepmul"];

/// Percent: Lua's pause and its pace as they are at first, and stay here.
const PACE: f64 = 200.0;

/// `unpack`: Lua's own counts the results in an `int`, which can overflow.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction).
pub unsafe extern "C-unwind" fn unpack(state: *mut lua_State) -> c_int {
    // SAFETY: room is made for all results, fewer than Lua's limit for a function, before the first is pushed.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let first = ffi::luaL_optinteger(state, 2, 1) as c_int;
        let last = match ffi::lua_type(state, 3) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => ffi::lua_objlen(state, 1) as c_int,
            _ => ffi::luaL_checkinteger(state, 3) as c_int,
        };
        let Some(count) = results(first, last).filter(|&count| ffi::lua_checkstack(state, count) != 0) else {
            return ffi::luaL_error(state, c"too many results to unpack".as_ptr());
        };
        for index in (first..=last).take(count as usize) {
            ffi::lua_rawgeti_(state, 1, index);
        }
        count
    }
}

/// How many elements a range has; None: more than can be told.
fn results(first: c_int, last: c_int) -> Option<c_int> {
    c_int::try_from((i64::from(last) - i64::from(first) + 1).max(0)).ok()
}

/// `table.insert`: Lua's own may move 2^31 elements that are not there, and cannot be stopped meanwhile.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction).
pub unsafe extern "C-unwind" fn insert(state: *mut lua_State) -> c_int {
    // SAFETY: argument 1 is a table, the value is on top and one element more at most. `look` finds no reference to the
    // engine here.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let end = i64::from(ffi::lua_objlen(state, 1) as c_int) + 1;
        let at = match ffi::lua_gettop(state) {
            2 => end,
            3 => i64::from(ffi::luaL_checkinteger(state, 2) as c_int),
            _ => return ffi::luaL_error(state, c"wrong number of arguments to 'insert'".as_ptr()),
        };
        for (moved, to) in (at + 1..=end).rev().enumerate() {
            ffi::lua_rawgeti_(state, 1, (to - 1) as c_int);
            ffi::lua_rawseti_(state, 1, to as c_int);
            if moved & 0xFFFF == 0xFFFF
                && let Some(text) = state::look(state)
            {
                state::stop(state, text);
            }
        }
        ffi::lua_rawseti_(state, 1, at as c_int);
        0
    }
}

/// `collectgarbage`: what would change the collector for later scripts answers as Lua does, and changes nothing.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction).
pub unsafe extern "C-unwind" fn collect_garbage(state: *mut lua_State) -> c_int {
    let mut names: [*const c_char; OPTIONS.len() + 1] = [ptr::null(); OPTIONS.len() + 1];
    for (name, option) in names.iter_mut().zip(OPTIONS) {
        *name = option.as_ptr();
    }
    // SAFETY: the names are strings with an end, and a null pointer is behind them. One value is pushed. The collector runs
    // no code of scripts: they cannot give anything a finalizer.
    unsafe {
        let option = ffi::luaL_checkoption(state, 1, c"collect".as_ptr(), names.as_ptr());
        let extra = ffi::luaL_optinteger(state, 2, 0) as c_int;
        match OPTIONS[option as usize].to_bytes() {
            b"collect" => ffi::lua_pushnumber(state, f64::from(ffi::lua_gc(state, ffi::LUA_GCCOLLECT, 0))),
            b"count" => {
                let kib = f64::from(ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0));
                let rest = f64::from(ffi::lua_gc(state, ffi::LUA_GCCOUNTB, 0));
                ffi::lua_pushnumber(state, kib + rest / 1024.0);
            }
            b"step" => ffi::lua_pushboolean(state, ffi::lua_gc(state, ffi::LUA_GCSTEP, extra)),
            b"stop" | b"restart" => ffi::lua_pushnumber(state, 0.0),
            _ => ffi::lua_pushnumber(state, PACE),
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::results;

    #[test]
    fn ranges_are_counted_without_overflow() {
        assert_eq!(results(1, 3), Some(3));
        assert_eq!(results(-1, 1), Some(3));
        assert_eq!(results(3, 2), Some(0));
        assert_eq!(results(i32::MAX, i32::MIN), Some(0));
        assert_eq!(results(i32::MAX, i32::MAX), Some(1));
        assert_eq!(results(1, i32::MAX), Some(i32::MAX));
        assert_eq!(results(0, i32::MAX), None);
        assert_eq!(results(i32::MIN, i32::MAX), None);
    }
}
