//! `cjson`: JSON (lua-cjson 2.1.0 as in Redis 8.0): the module and its settings. The encoder is in `encode.rs`, the
//! decoder in `decode.rs`, and its tokens in `token.rs`.
#![allow(unsafe_code)]

mod decode;
mod encode;
mod settings;
mod token;

use super::call::{self, Fail, Functions, Scratch, check_string, function};
use super::number;
use mlua::{ffi, lua_State};
use settings::{DEFAULTS, Settings};
use std::ffi::c_int;
use std::ptr;

const FUNCTIONS: Functions = &[
    (c"encode", function!(encode::encode)),
    (c"decode", function!(decode::decode)),
    (c"encode_sparse_array", function!(encode_sparse_array)),
    (c"encode_max_depth", function!(encode_max_depth)),
    (c"decode_max_depth", function!(decode_max_depth)),
    (c"encode_number_precision", function!(encode_number_precision)),
    (c"encode_keep_buffer", function!(encode_keep_buffer)),
    (c"encode_invalid_numbers", function!(encode_invalid_numbers)),
    (c"decode_invalid_numbers", function!(decode_invalid_numbers)),
    (c"new", function!(new)),
];

/// Pushes a new module table with its own settings.
///
/// # Safety
/// The scratch space is on top of the stack, and there are six free slots.
pub unsafe fn push(state: *mut lua_State) {
    // SAFETY: as asked of the caller. What is left above the scratch space is the table alone.
    unsafe {
        ffi::lua_pushvalue(state, -1);
        ffi::lua_newuserdata(state, size_of::<Settings>()).cast::<Settings>().write(DEFAULTS);
        ffi::lua_createtable(state, 0, 13);
        call::add(state, FUNCTIONS, 2);
        ffi::lua_pushlightuserdata(state, ptr::null_mut());
        ffi::lua_setfield(state, -2, c"null".as_ptr());
        for (name, text) in [(c"_NAME", b"cjson"), (c"_VERSION", b"2.1.0")] {
            call::push(state, text);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
        ffi::lua_replace(state, -3);
        call::pop(state, 1);
    }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn new(state: *mut lua_State, _: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        push(state);
    }
    Ok(1)
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn encode_sparse_array(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        let settings = Settings::of(state);
        at_most(state, scratch, 3)?;
        // Missing ones are nil; so what is pushed from here on is no argument.
        ffi::lua_settop(state, 3);
        choice(state, scratch, &mut settings.sparse_convert, &["off", "on"])?;
        integer(state, scratch, 2, &mut settings.sparse_ratio, 0, c_int::MAX)?;
        integer(state, scratch, 3, &mut settings.sparse_safe, 0, c_int::MAX)?;
    }
    Ok(3)
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn encode_max_depth(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_integer(state, scratch, &mut Settings::of(state).encode_max_depth, c_int::MAX) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn decode_max_depth(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_integer(state, scratch, &mut Settings::of(state).decode_max_depth, c_int::MAX) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn encode_number_precision(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_integer(state, scratch, &mut Settings::of(state).precision, 14) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn encode_keep_buffer(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_choice(state, scratch, &mut Settings::of(state).keep_buffer, &["off", "on"]) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn encode_invalid_numbers(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_choice(state, scratch, &mut Settings::of(state).encode_invalid, &["off", "on", "null"]) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn decode_invalid_numbers(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller; there is no other reference to the settings.
    unsafe { only_choice(state, scratch, &mut Settings::of(state).decode_invalid, &["off", "on"]) }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn only_integer(
    state: *mut lua_State,
    scratch: &mut Scratch,
    value: &mut c_int,
    max: c_int,
) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        at_most(state, scratch, 1)?;
        integer(state, scratch, 1, value, 1, max)?;
    }
    Ok(1)
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn only_choice(
    state: *mut lua_State,
    scratch: &mut Scratch,
    value: &mut c_int,
    names: &[&str],
) -> Result<c_int, Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        at_most(state, scratch, 1)?;
        choice(state, scratch, value, names)?;
    }
    Ok(1)
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn at_most(state: *mut lua_State, scratch: &mut Scratch, count: c_int) -> Result<(), Fail> {
    // SAFETY: as asked of the caller.
    match unsafe { ffi::lua_gettop(state) } > count {
        true => Err(scratch.argument(count + 1, format_args!("found too many arguments"))),
        false => Ok(()),
    }
}

/// Sets an integer, and pushes what is set. One out of range is reported as argument 1, whichever it is.
///
/// # Safety
/// As for [`Body`](call::Body).
unsafe fn integer(
    state: *mut lua_State,
    scratch: &mut Scratch,
    index: c_int,
    setting: &mut c_int,
    min: c_int,
    max: c_int,
) -> Result<(), Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        if ffi::lua_type(state, index) > ffi::LUA_TNIL {
            let value = number::to_i64(ffi::luaL_checknumber(state, index)) as c_int;
            if value < min || value > max {
                return Err(scratch.argument(1, format_args!("expected integer between {min} and {max}")));
            }
            *setting = value;
        }
        ffi::lua_pushnumber(state, f64::from(*setting));
    }
    Ok(())
}

/// Sets a choice from argument 1, by name or as a boolean, and pushes what is set: a boolean, or the name if it is
/// neither of the two that are told as booleans.
///
/// # Safety
/// As for [`Body`](call::Body).
unsafe fn choice(
    state: *mut lua_State,
    scratch: &mut Scratch,
    setting: &mut c_int,
    names: &[&str],
) -> Result<(), Fail> {
    // SAFETY: as asked of the caller.
    unsafe {
        match ffi::lua_type(state, 1) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => {}
            ffi::LUA_TBOOLEAN => *setting = ffi::lua_toboolean(state, 1),
            _ => {
                let given = number::until_nul(check_string(state, 1));
                match names.iter().position(|name| name.as_bytes() == given) {
                    Some(at) => *setting = at as c_int,
                    None => return Err(scratch.option(1, "invalid option", given)),
                }
            }
        }
        match *setting {
            0 | 1 => ffi::lua_pushboolean(state, *setting),
            other => call::push(state, names.get(other as usize).copied().unwrap_or_default().as_bytes()),
        }
    }
    Ok(())
}
