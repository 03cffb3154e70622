//! The encoder.
//!
//! What is being written stands on Lua's stack: of an array its table; of an object its table and the key at which the
//! walk is. [`Level`] has the rest of it.
#![allow(unsafe_code)]

use super::super::call::{self, Fail, Level, OUTPUT_BYTES_MAX, Scratch, pop, string_at, type_name};
use super::super::number;
use super::settings::Settings;
use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// So many levels fit into the slots that a C function has: the argument, two for each, and three for the next.
const LEVELS_FREE: usize = 8;

/// `cjson.encode(value)`.
///
/// # Safety
/// As for [`Body`](super::super::call::Body).
pub unsafe fn encode(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function with one argument on top. Slots are made room for in `open`.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return Err(scratch.argument(1, format_args!("expected 1 argument")));
        }
        let settings = Settings::of(state);
        scratch.out.clear();
        scratch.levels.clear();
        write(state, scratch, settings)?;
        call::push(state, &scratch.out);
        match settings.keep_buffer {
            0 => scratch.shrink(),
            _ => scratch.tidy(),
        }
        Ok(1)
    }
}

/// Writes the value on top, and takes it.
///
/// # Safety
/// A C function runs, with at most one argument.
unsafe fn write(state: *mut lua_State, scratch: &mut Scratch, settings: &Settings) -> Result<(), Fail> {
    // SAFETY: each table has made room for a key and a value above it. Strings are used while they are on the stack, and
    // keys only as what they are, so that walking can go on from them.
    unsafe {
        loop {
            match ffi::lua_type(state, -1) {
                ffi::LUA_TSTRING => put_string(&mut scratch.out, string_at(state, -1)),
                ffi::LUA_TNUMBER => put_number(scratch, ffi::lua_tonumber(state, -1), settings)?,
                ffi::LUA_TBOOLEAN => {
                    let text: &[u8] = if ffi::lua_toboolean(state, -1) != 0 { b"true" } else { b"false" };
                    scratch.out.extend_from_slice(text);
                }
                ffi::LUA_TNIL => scratch.out.extend_from_slice(b"null"),
                ffi::LUA_TLIGHTUSERDATA if ffi::lua_touserdata(state, -1).is_null() => {
                    scratch.out.extend_from_slice(b"null");
                }
                ffi::LUA_TTABLE => open(state, scratch, settings)?,
                _ => return Err(refuse(state, -1, "type not supported", scratch)),
            }
            if scratch.out.len() > OUTPUT_BYTES_MAX {
                return Err(scratch.too_large());
            }
            if !advance(state, scratch, settings)? {
                return Ok(());
            }
        }
    }
}

/// Starts the table on top, and leaves its first key or nil above it, as if a value had been written.
///
/// # Safety
/// As for `write`; a table is on top.
unsafe fn open(state: *mut lua_State, scratch: &mut Scratch, settings: &Settings) -> Result<(), Fail> {
    let depth = scratch.levels.len() + 1;
    // SAFETY: `lua_checkstack` makes the room that `write` speaks of.
    unsafe {
        let is_deep = depth > settings.encode_max_depth as usize;
        if is_deep || depth > LEVELS_FREE && ffi::lua_checkstack(state, 3) == 0 {
            return Err(scratch.here(format_args!("Cannot serialise, excessive nesting ({depth})")));
        }
        let length = array_length(state, scratch, settings)?;
        let is_map = length.is_none();
        scratch.out.push(if is_map { b'{' } else { b'[' });
        scratch.levels.push(Level { is_map, is_sized: false, index: 0, left: length.unwrap_or_default() as usize });
        // The start of the walk, and the value that has been written, which is taken at once.
        if is_map {
            ffi::lua_pushnil(state);
        }
        ffi::lua_pushnil(state);
        Ok(())
    }
}

/// The greatest index of the table on top if it is an array that is not empty.
///
/// # Safety
/// As for [`open`], which has made room for a key and a value.
unsafe fn array_length(
    state: *mut lua_State,
    scratch: &mut Scratch,
    settings: &Settings,
) -> Result<Option<c_int>, Fail> {
    let mut max: c_int = 0;
    let mut items: c_int = 0;
    // SAFETY: there is room for a key and a value.
    unsafe {
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, -2) != 0 {
            let n = match ffi::lua_type(state, -2) {
                ffi::LUA_TNUMBER => ffi::lua_tonumber(state, -2),
                _ => 0.0,
            };
            if !(n >= 1.0 && (n as i64 as f64 == n || n >= 9_007_199_254_740_992.0)) {
                pop(state, 2);
                return Ok(None);
            }
            // A cast that wraps beyond 2^31, and a comparison before it: which of several such keys counts depends on
            // their order, as in the original.
            if n > f64::from(max) {
                max = number::to_i32(n);
            }
            items = items.wrapping_add(1);
            pop(state, 1);
        }
    }
    if max <= 0 {
        return Ok(None);
    }
    let ratio = settings.sparse_ratio;
    if ratio > 0 && max > items.wrapping_mul(ratio) && max > settings.sparse_safe {
        if settings.sparse_convert == 0 {
            return Err(scratch.here(format_args!("Cannot serialise table: excessively sparse array")));
        }
        return Ok(None);
    }
    Ok(Some(max))
}

/// Takes the value that was written; closes what is finished; writes the comma and key before the next value and leaves
/// that on top. False: there is none.
///
/// # Safety
/// As for `write`: a value is on top, above what the levels say.
unsafe fn advance(state: *mut lua_State, scratch: &mut Scratch, settings: &Settings) -> Result<bool, Fail> {
    // SAFETY: as in `write`.
    unsafe {
        loop {
            pop(state, 1);
            let Some(level) = scratch.levels.last_mut() else {
                return Ok(false);
            };
            let is_first = level.index == 0;
            if level.is_map {
                if ffi::lua_next(state, -2) == 0 {
                    scratch.out.push(b'}');
                    scratch.levels.pop();
                    continue;
                }
                // No more than that it is not 0.
                level.index = 1;
                if !is_first {
                    scratch.out.push(b',');
                }
                put_key(state, scratch, settings)?;
                return Ok(true);
            }
            if level.left == 0 {
                scratch.out.push(b']');
                scratch.levels.pop();
                continue;
            }
            level.left -= 1;
            level.index += 1;
            ffi::lua_rawgeti_(state, -1, level.index);
            if !is_first {
                scratch.out.push(b',');
            }
            return Ok(true);
        }
    }
}

/// Writes the key that lies below its value.
///
/// # Safety
/// As for `write`: a key and a value are on top.
unsafe fn put_key(state: *mut lua_State, scratch: &mut Scratch, settings: &Settings) -> Result<(), Fail> {
    // SAFETY: as in `write`.
    unsafe {
        match ffi::lua_type(state, -2) {
            ffi::LUA_TSTRING => put_string(&mut scratch.out, string_at(state, -2)),
            ffi::LUA_TNUMBER => {
                scratch.out.push(b'"');
                put_number(scratch, ffi::lua_tonumber(state, -2), settings)?;
                scratch.out.push(b'"');
            }
            _ => return Err(refuse(state, -2, "table key must be a number or string", scratch)),
        }
    }
    scratch.out.push(b':');
    Ok(())
}

fn put_number(scratch: &mut Scratch, n: f64, settings: &Settings) -> Result<(), Fail> {
    let precision = if n.is_finite() { settings.precision as usize } else { 14 };
    match settings.encode_invalid {
        0 if !n.is_finite() => {
            return Err(scratch.here(format_args!("Cannot serialise number: must not be NaN or Inf")));
        }
        1 if n.is_nan() => scratch.out.extend_from_slice(b"nan"),
        2 if !n.is_finite() => scratch.out.extend_from_slice(b"null"),
        _ => number::write(&mut scratch.out, n, precision),
    }
    Ok(())
}

/// # Safety
/// There is a value at `index`.
#[cold]
unsafe fn refuse(state: *mut lua_State, index: c_int, reason: &str, scratch: &mut Scratch) -> Fail {
    // SAFETY: there is a value at the index.
    let name = unsafe { type_name(state, index) };
    scratch.here(format_args!("Cannot serialise {name}: {reason}"))
}

/// Appends a JSON string. Bytes from 0x80 up pass as they are, whether they are UTF-8 or not.
fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut left = text;
    loop {
        let run = plain_run(left);
        out.extend_from_slice(&left[..run]);
        let Some(&b) = left.get(run) else { break };
        left = &left[run + 1..];
        let letter = match b {
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            b'"' | b'\\' | b'/' => b,
            _ => {
                let hex = b"0123456789abcdef";
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex[usize::from(b >> 4)], hex[usize::from(b & 15)]]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    out.push(b'"');
}

/// How many bytes of `text` go by until one that is not written as it is.
#[inline]
fn plain_run(text: &[u8]) -> usize {
    let is_plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\' && b != b'/' && b != 0x7f;
    let mut at = 0;
    // Sixteen at a time without a branch, which the compiler turns into vector instructions.
    while let Some(chunk) = text[at..].first_chunk::<16>() {
        if !chunk.iter().fold(true, |all, &b| all & is_plain(b)) {
            break;
        }
        at += 16;
    }
    at + text[at..].iter().take_while(|&&b| is_plain(b)).count()
}
