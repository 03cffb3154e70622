//! `cmsgpack`: MessagePack (lua-cmsgpack 0.4.0): the module and the encoder. The decoder is in `unpack.rs`.
#![allow(unsafe_code)]

mod unpack;

use super::call::{self, Fail, Functions, OUTPUT_BYTES_MAX, Scratch, function, pop, string_at};
use super::number;
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_int};

/// Tables nested deeper than this are packed as nil, which also ends tables that contain themselves.
const NESTING_MAX: usize = 16;

const FUNCTIONS: Functions = &[
    (c"pack", function!(pack)),
    (c"unpack", function!(unpack::all)),
    (c"unpack_one", function!(unpack::one)),
    (c"unpack_limit", function!(unpack::limit)),
];

const TEXTS: &[(&CStr, &CStr)] = &[
    (c"_NAME", c"cmsgpack"),
    (c"_VERSION", c"lua-cmsgpack 0.4.0"),
    (c"_COPYRIGHT", c"Copyright (C) 2012, Salvatore Sanfilippo"),
    (c"_DESCRIPTION", c"MessagePack C implementation for Lua"),
];

/// Pushes the library's table.
///
/// # Safety
/// The scratch space is on top of the stack, and there are four free slots.
pub unsafe fn push(state: *mut lua_State) {
    // SAFETY: as asked of the caller.
    unsafe {
        ffi::lua_createtable(state, 0, 8);
        call::add(state, FUNCTIONS, 1);
        for (name, text) in TEXTS {
            call::push(state, text.to_bytes());
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
    }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn pack(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; there is room for the keys and values of all nested tables before the first is read.
    unsafe {
        let count = ffi::lua_gettop(state);
        if count == 0 {
            return Err(scratch.argument(0, format_args!("MessagePack pack needs input.")));
        }
        if ffi::lua_checkstack(state, count.max(2 * NESTING_MAX as c_int + 1)) == 0 {
            return Err(scratch.argument(0, format_args!("Too many arguments for MessagePack pack.")));
        }
        scratch.out.clear();
        for index in 1..=count {
            if !put(state, index, &mut scratch.out, 0) {
                return Err(scratch.too_large());
            }
        }
        call::push(state, &scratch.out);
        scratch.tidy();
        Ok(1)
    }
}

/// Appends the value at `index`, at `level` of the nesting. False: the output is too long.
///
/// # Safety
/// Two free slots for this level and each below it.
unsafe fn put(state: *mut lua_State, index: c_int, out: &mut Vec<u8>, level: usize) -> bool {
    // SAFETY: strings are copied while they are on the stack; the rest as asked of the caller.
    unsafe {
        match ffi::lua_type(state, index) {
            ffi::LUA_TSTRING => put_string(out, string_at(state, index)),
            ffi::LUA_TNUMBER => put_number(out, ffi::lua_tonumber(state, index)),
            ffi::LUA_TBOOLEAN => out.push(0xc2 | u8::from(ffi::lua_toboolean(state, index) != 0)),
            ffi::LUA_TTABLE if level < NESTING_MAX => return put_table(state, index, out, level),
            _ => out.push(0xc0),
        }
        out.len() <= OUTPUT_BYTES_MAX
    }
}

/// # Safety
/// As for [`put`]; a table is at `index`.
unsafe fn put_table(state: *mut lua_State, index: c_int, out: &mut Vec<u8>, level: usize) -> bool {
    // SAFETY: a key and a value above the table, as `put` wants; the table stays where it is. Keys are read only as what
    // they are, so that walking can go on from them.
    unsafe {
        // Where the table is, seen from above one more value, and from above two.
        let below = |above: c_int| if index < 0 { index - above } else { index };
        let mut count: usize = 0;
        let mut max = 0.0;
        let mut array = true;
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, below(1)) != 0 {
            count += 1;
            if array {
                array = ffi::lua_type(state, -2) == ffi::LUA_TNUMBER && {
                    let n = ffi::lua_tonumber(state, -2);
                    max = n.max(max);
                    n > 0.0 && f64::from(number::to_i32(n)) == n
                };
            }
            pop(state, 1);
        }
        // Keys do not repeat, so a greatest one equal to their number leaves no gap.
        if array && max == count as f64 {
            put_head(out, count, [0x90, 0xdc, 0xdd]);
            for element in 1..=count as c_int {
                ffi::lua_rawgeti_(state, below(0), element);
                if !put(state, -1, out, level + 1) {
                    return false;
                }
                pop(state, 1);
            }
        } else {
            put_head(out, count, [0x80, 0xde, 0xdf]);
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, below(1)) != 0 {
                if !put(state, -2, out, level + 1) || !put(state, -1, out, level + 1) {
                    return false;
                }
                pop(state, 1);
            }
        }
        true
    }
}

/// The head of a container: in its first byte up to 15, else with 16 or 32 bits of length.
fn put_head(out: &mut Vec<u8>, count: usize, codes: [u8; 3]) {
    if count <= 15 {
        out.push(codes[0] | count as u8);
    } else if count <= 0xffff {
        out.push(codes[1]);
        out.extend_from_slice(&(count as u16).to_be_bytes());
    } else {
        out.push(codes[2]);
        out.extend_from_slice(&(count as u32).to_be_bytes());
    }
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len => put_head(out, len, [0, 0xda, 0xdb]),
    }
    out.extend_from_slice(text);
}

/// As an integer if it is one of 64 bits, else as the narrowest float that holds it.
fn put_number(out: &mut Vec<u8>, n: f64) {
    let whole = number::to_i64(n);
    if n.is_finite() && whole as f64 == n {
        put_integer(out, whole);
    } else if f64::from(n as f32) == n {
        out.push(0xca);
        out.extend_from_slice(&(n as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, n: i64) {
    // The code, and how many of the low bytes follow.
    let (code, bytes) = match n {
        -32..=127 => (n as u8, 0),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..=-33 => (0xd0, 1),
        -0x8000..=-0x81 => (0xd1, 2),
        -0x8000_0000..=-0x8001 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(code);
    out.extend_from_slice(&n.to_be_bytes()[8 - bytes..]);
}
