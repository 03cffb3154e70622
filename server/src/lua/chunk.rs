//! Compiling chunks of Lua, so that nothing that the parser works with goes meanwhile, and no counter of it overflows.
//!
//! Lua 5.1's parser keeps the name of the chunk only by its address at first, and a collection may take it. So the name is
//! on the stack until the parser has ended: Lua keeps one copy of equal strings, all of them, and so the parser's name is
//! the one on the stack. The collector stops for that time, too: what else the parser holds cannot go either. And chunks
//! have a greatest length, with which the parser's counters, which are C's `int`s, do not overflow.
#![allow(unsafe_code)]

use mlua::{ffi, lua_State};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

/// The longest chunk, in bytes: the longest string that Redis stores.
pub const CHUNK_BYTES_MAX: usize = 512 << 20;

/// What is said of a longer one.
const TOO_LONG: &[u8] = b"chunk is too long: more than 536870912 bytes";

/// Compiles a text, and pushes the function or what the compiler says; true for the function. A binary chunk can crash
/// the interpreter: it is read as text, and so refused.
///
/// # Safety
/// - A live state with three free slots.
/// - `name` is a string with an end, there until this has returned, as is the text.
/// - In a protected call, nothing that needs dropping is alive in the callers.
pub unsafe fn compile(state: *mut lua_State, text: &[u8], name: *const c_char) -> bool {
    // SAFETY: as asked of the caller.
    unsafe { compile_within(state, text, name, |_| ()) }
}

/// The same; `limit` is called with true before the parser runs, and with false when it has ended. Memory may have a limit
/// between the two: what the parser raises is caught.
///
/// # Safety
/// As for [`compile`]; `limit` does not raise.
pub unsafe fn compile_within(state: *mut lua_State, text: &[u8], name: *const c_char, limit: impl Fn(bool)) -> bool {
    // SAFETY: the slots are for the name, and for the function or what went wrong, which takes its place. The collector
    // goes on again whatever happens in between: `luaL_loadbuffer` catches what the parser raises.
    unsafe {
        if text.len() > CHUNK_BYTES_MAX {
            ffi::lua_pushlstring_(state, TOO_LONG.as_ptr().cast(), TOO_LONG.len());
            return false;
        }
        let text = if text.first() == Some(&0x1b) { b" \x1b" } else { text };
        ffi::lua_pushstring_(state, name);
        ffi::lua_gc(state, ffi::LUA_GCSTOP, 0);
        limit(true);
        let status = ffi::luaL_loadbuffer(state, text.as_ptr().cast(), text.len(), name);
        limit(false);
        ffi::lua_gc(state, ffi::LUA_GCRESTART, 0);
        ffi::lua_remove(state, -2);
        status == 0
    }
}

/// `loadstring`.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction).
pub unsafe extern "C-unwind" fn load_string(state: *mut lua_State) -> c_int {
    // SAFETY: argument 1 is a string after the check, which converts numbers in place; it and the name stay in their slots.
    unsafe {
        let mut len = 0;
        let text = ffi::luaL_checklstring(state, 1, &raw mut len);
        let name = ffi::luaL_optlstring(state, 2, text, ptr::null_mut());
        let text = std::slice::from_raw_parts(text.cast::<u8>(), len);
        match compile(state, text, name) {
            true => 1,
            false => refuse(state),
        }
    }
}

/// `load`.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction).
pub unsafe extern "C-unwind" fn load(state: *mut lua_State) -> c_int {
    // SAFETY: slots 1 and 3 are as `read` wants them, and the name stays in slot 2, and once more in slot 4 as the parser
    // knows it (a name has an end, a string may go on). `is_read` is used by nobody after `lua_load`. One value is on top
    // then, whatever it answers.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TFUNCTION);
        let name = ffi::luaL_optlstring(state, 2, c"=(load)".as_ptr(), ptr::null_mut());
        ffi::lua_settop(state, 3);
        ffi::lua_pushstring_(state, name);
        let mut is_read = false;
        let status = ffi::lua_load(state, read, (&raw mut is_read).cast(), name);
        ffi::lua_gc(state, ffi::LUA_GCRESTART, 0);
        if status == 0 { 1 } else { refuse(state) }
    }
}

/// Answers what went wrong, which is on top, as Lua does: after nil.
///
/// # Safety
/// As for [`CFunction`](super::sandbox::CFunction), with a free slot.
unsafe fn refuse(state: *mut lua_State) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe {
        ffi::lua_pushnil(state);
        ffi::lua_insert(state, -2);
    }
    2
}

/// Asks the function at index 1 for all pieces and answers them as one text, which is kept at index 3. So no script runs
/// while anything is parsed: the parser asks for the first piece before it makes anything, and gets them all.
///
/// # Safety
/// Only [`load`] gives it to `lua_load`, with a pointer to a bool of its own: so a function is at index 1, and index 3 is
/// there for use. Nothing that needs dropping is alive in the callers, nor here: the function may raise.
unsafe extern "C-unwind" fn read(state: *mut lua_State, is_read: *mut c_void, size: *mut usize) -> *const c_char {
    // SAFETY: room is made for what a buffer has on the stack (LUA_MINSTACK / 2 values), and for two more values. Each
    // piece is on top when the buffer takes it, and the whole when it goes to slot 3. Nothing is on the parser's stack yet.
    unsafe {
        *size = 0;
        if ptr::replace(is_read.cast::<bool>(), true) {
            return ptr::null();
        }
        ffi::luaL_checkstack_(state, ffi::LUA_MINSTACK, c"too many nested functions".as_ptr());
        let mut buffer = std::mem::MaybeUninit::<ffi::luaL_Buffer>::uninit();
        let buffer = buffer.as_mut_ptr();
        ffi::luaL_buffinit(state, buffer);
        let mut total = 0;
        loop {
            ffi::lua_pushvalue(state, 1);
            ffi::lua_call(state, 0, 1);
            let mut len = 0;
            if ffi::lua_type(state, -1) != ffi::LUA_TNIL {
                if ffi::lua_isstring(state, -1) == 0 {
                    ffi::luaL_error(state, c"reader function must return a string".as_ptr());
                }
                let piece = ffi::lua_tolstring(state, -1, &raw mut len);
                if total == 0 && len > 0 && *piece == 0x1b {
                    ffi::lua_gc(state, ffi::LUA_GCSTOP, 0);
                    *size = 2;
                    return c" \x1b".as_ptr();
                }
            }
            if len == 0 {
                ffi::lua_settop(state, -2);
                break;
            }
            total += len;
            if total > CHUNK_BYTES_MAX {
                ffi::luaL_error(state, c"%s".as_ptr(), c"chunk is too long: more than 536870912 bytes".as_ptr());
            }
            ffi::luaL_addvalue(buffer);
        }
        ffi::luaL_pushresult(buffer);
        ffi::lua_replace(state, 3);
        ffi::lua_gc(state, ffi::LUA_GCSTOP, 0);
        ffi::lua_tolstring(state, 3, size)
    }
}
