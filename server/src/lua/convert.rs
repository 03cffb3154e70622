//! Replies to Lua values, and Lua values to replies, as Redis converts them.
//!
//! Written with Lua's own interface: values stay on Lua's stack, so that a reply costs no allocation besides those of Lua.
//!
//! What pushes holds nothing that needs dropping, since Lua may raise where it allocates (see `api.rs`). What reads
//! ([`error_facts`], [`write_value`]) works outside of protected calls, when the code has ended: an error of Lua's would end
//! the process there.
#![allow(unsafe_code)]

use crate::thread::Thread;
use curfew_protocol::{Error, Reply, Resp, number};
use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// Pushes a string.
///
/// # Safety
/// A live state with a free slot; nothing that needs dropping is alive in the callers.
#[inline]
pub unsafe fn push_bytes(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: Lua copies the bytes; an empty slice has a dangling but non-null pointer, which is not read.
    unsafe { ffi::lua_pushlstring_(state, bytes.as_ptr().cast(), bytes.len()) };
}

/// The string (or the number as a string, in place) at `index`; None for other types.
///
/// # Safety
/// - A live state, and `index` is one of its arguments (there or not), or of a value.
/// - The value stays in its slot while the slice is used, and is no key that `lua_next` is to go on from if it is a number.
/// - For a number, nothing that needs dropping is alive in the callers: it becomes a string of Lua's.
#[inline]
pub unsafe fn string_at<'a>(state: *mut lua_State, index: c_int) -> Option<&'a [u8]> {
    let mut len = 0;
    // SAFETY: Lua answers null or a pointer to `len` bytes that live as long as the value.
    unsafe {
        let text = ffi::lua_tolstring(state, index, &raw mut len);
        (!text.is_null()).then(|| std::slice::from_raw_parts(text.cast::<u8>(), len))
    }
}

/// Sets `table[name]` to the value on top, which it takes; the table is below it.
///
/// # Safety
/// The stack is so, with a free slot; nothing that needs dropping is alive in the callers.
unsafe fn set(state: *mut lua_State, name: &[u8]) {
    // SAFETY: as asked of the caller. The slot is for the name, and both are taken.
    unsafe {
        push_bytes(state, name);
        ffi::lua_insert(state, -2);
        ffi::lua_rawset(state, -3);
    }
}

/// Pushes the table of an error: `text` has its code word in front.
///
/// # Safety
/// A live state with three free slots; nothing that needs dropping is alive in the callers.
pub unsafe fn push_error(state: *mut lua_State, text: &[u8], counted: bool) {
    // SAFETY: as asked of the caller; the slots are for the table, a value and its name.
    unsafe {
        ffi::lua_createtable(state, 0, 2);
        push_bytes(state, text);
        set(state, b"err");
        if counted {
            ffi::lua_pushboolean(state, 1);
            set(state, b"ignore_error_stats_update");
        }
    }
}

/// Pushes the value of the reply at the beginning of `bytes` and answers where the next one begins. None: no room on
/// Lua's stack (nothing is pushed then), or not a reply.
///
/// # Safety
/// A live state; nothing that needs dropping is alive in the callers.
pub unsafe fn push_reply(state: *mut lua_State, bytes: &[u8], resp: Resp) -> Option<usize> {
    // SAFETY:
    // - Room for eight values is made before anything is pushed. Of an arm, four are on the stack at most: two tables, and
    //   a value and its name, or a key and a value. Nested replies make room for themselves.
    // - A nested reply leaves one value, or nothing if it is refused; then what this one has pushed is popped.
    // - A key that is set is neither nil nor NaN: doubles are tables. Nothing here needs dropping.
    unsafe {
        if ffi::lua_checkstack(state, 8) == 0 {
            return None;
        }
        let end = bytes.iter().position(|&byte| byte == b'\r')?;
        let line = bytes.get(1..end)?;
        let mut next = end + 2;
        let count = || number::parse_i64(line);
        match bytes[0] {
            b'$' | b'=' => {
                let Ok(len) = usize::try_from(count()?) else {
                    ffi::lua_pushboolean(state, 0);
                    return Some(next);
                };
                let text = bytes.get(next..next + len)?;
                next += len + 2;
                if bytes[0] == b'$' {
                    push_bytes(state, text);
                } else {
                    let (format, text) = (text.get(..3)?, text.get(4..)?);
                    ffi::lua_createtable(state, 0, 1);
                    ffi::lua_createtable(state, 0, 2);
                    push_bytes(state, text);
                    set(state, b"string");
                    push_bytes(state, format);
                    set(state, b"format");
                    set(state, b"verbatim_string");
                }
            }
            b':' => ffi::lua_pushnumber(state, count()? as f64),
            b'+' => {
                ffi::lua_createtable(state, 0, 1);
                push_bytes(state, line);
                set(state, b"ok");
            }
            b'-' => push_error(state, line, true),
            b'_' => ffi::lua_pushnil(state),
            b'#' => ffi::lua_pushboolean(state, c_int::from(line == b"t")),
            b',' => {
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_pushnumber(state, number::parse_f64(line).unwrap_or(f64::NAN));
                set(state, b"double");
            }
            b'(' => {
                ffi::lua_createtable(state, 0, 1);
                push_bytes(state, line);
                set(state, b"big_number");
            }
            b'*' | b'>' => {
                let Ok(len) = i32::try_from(count()?) else { return None };
                if len < 0 {
                    ffi::lua_pushboolean(state, 0);
                    return Some(next);
                }
                // With nulls among the elements, `#` of a table that grew element by element is what Redis's scripts see.
                ffi::lua_createtable(state, if resp == Resp::Two { len } else { 0 }, 0);
                for index in 1..=len {
                    let Some(used) = push_reply(state, &bytes[next..], resp) else {
                        ffi::lua_settop(state, -2);
                        return None;
                    };
                    next += used;
                    ffi::lua_rawseti_(state, -2, index);
                }
            }
            kind @ (b'%' | b'~') => {
                let Ok(len) = i32::try_from(count()?) else { return None };
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_createtable(state, 0, len);
                for _ in 0..len {
                    for part in 0..2 {
                        if part == 1 && kind == b'~' {
                            ffi::lua_pushboolean(state, 1);
                            continue;
                        }
                        let Some(used) = push_reply(state, &bytes[next..], resp) else {
                            ffi::lua_settop(state, -3 - part);
                            return None;
                        };
                        next += used;
                    }
                    // A null cannot be a key in Lua.
                    if ffi::lua_type(state, -2) == ffi::LUA_TNIL {
                        ffi::lua_settop(state, -3);
                    } else {
                        ffi::lua_rawset(state, -3);
                    }
                }
                set(state, if kind == b'%' { b"map" } else { b"set" });
            }
            _ => return None,
        }
        Some(next)
    }
}

/// What is told of an error value.
pub struct ErrorFacts {
    /// With its code word.
    pub text: Vec<u8>,
    /// The chunk, if the error handler has seen it.
    pub source: Option<Vec<u8>>,
    /// The line, likewise.
    pub line: Option<Vec<u8>>,
    /// It was counted when the command failed.
    pub counted: bool,
}

/// Reads the error value on top, a table or a string, and leaves it there.
///
/// # Safety
/// A live state outside of a protected call, with a value on top and a free slot.
pub unsafe fn error_facts(state: *mut lua_State) -> ErrorFacts {
    // SAFETY: each field takes the slot of its name, is copied while it is there, and then popped; so the table is on top
    // whenever one is read. Nothing is raised: see the module.
    unsafe {
        if ffi::lua_type(state, -1) != ffi::LUA_TTABLE {
            let text = string_at(state, -1).map_or(&b""[..], until_nul);
            return ErrorFacts { text: [b"ERR ", text].concat(), source: None, line: None, counted: false };
        }
        let field = |name: &[u8]| {
            push_bytes(state, name);
            ffi::lua_rawget_(state, -2);
            let text = string_at(state, -1).map(|text| until_nul(text).to_vec());
            ffi::lua_settop(state, -2);
            text
        };
        let text = field(b"err").unwrap_or_else(|| b"ERR unknown error".to_vec());
        let (source, line) = (field(b"source"), field(b"line"));
        push_bytes(state, b"ignore_error_stats_update");
        ffi::lua_rawget_(state, -2);
        let counted = ffi::lua_type(state, -1) == ffi::LUA_TBOOLEAN && ffi::lua_toboolean(state, -1) != 0;
        ffi::lua_settop(state, -2);
        ErrorFacts { text, source, line, counted }
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

/// Writes an error reply with a text that a script has made: line breaks at its end go, others become spaces.
pub fn write_error(thread: &Thread, out: &mut Reply, text: &[u8], counted: bool) {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    let error = Error::made(&text[..end]);
    if !counted {
        thread.stats.error(&error);
    }
    out.error(&error);
}

/// Writes the value on top as a reply, and takes it. `resp`: what the script has set, which decides about booleans.
///
/// # Safety
/// A live state outside of a protected call, with a value on top.
pub unsafe fn write_value(state: *mut lua_State, thread: &Thread, out: &mut Reply, resp: Resp) {
    // SAFETY: the value is on top in each arm, with the eight free slots that `write_table` asks for, which leaves the
    // stack as it was. A string is copied while it is there.
    unsafe {
        if ffi::lua_checkstack(state, 8) == 0 {
            let error = Error::fixed(&"ERR reached lua stack limit");
            thread.stats.error(&error);
            out.error(&error);
            return ffi::lua_settop(state, -2);
        }
        match ffi::lua_type(state, -1) {
            ffi::LUA_TSTRING => out.bulk(string_at(state, -1).unwrap_or_default()),
            ffi::LUA_TBOOLEAN => match (ffi::lua_toboolean(state, -1) != 0, resp) {
                (value, Resp::Three) => out.boolean(value),
                (true, Resp::Two) => out.int(1),
                (false, Resp::Two) => out.null(),
            },
            ffi::LUA_TNUMBER => out.int(to_integer(ffi::lua_tonumber(state, -1))),
            ffi::LUA_TTABLE => write_table(state, thread, out, resp),
            _ => out.null(),
        }
        ffi::lua_settop(state, -2);
    }
}

/// The C cast: what does not fit is the smallest integer, as on x86.
pub fn to_integer(number: f64) -> i64 {
    match (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        true => number as i64,
        false => i64::MIN,
    }
}

/// Pushes `table[name]` of the table on top; true if it is of type `kind`, else nothing is left on the stack.
///
/// # Safety
/// A live state outside of a protected call, with a table on top and a free slot.
unsafe fn has(state: *mut lua_State, name: &[u8], kind: c_int) -> bool {
    // SAFETY: the slot is that of the name, and then of the field.
    unsafe {
        push_bytes(state, name);
        ffi::lua_rawget_(state, -2);
        let found = ffi::lua_type(state, -1) == kind;
        if !found {
            ffi::lua_settop(state, -2);
        }
        found
    }
}

/// The table on top, which stays there.
///
/// # Safety
/// A live state outside of a protected call, with a table on top and eight free slots.
unsafe fn write_table(state: *mut lua_State, thread: &Thread, out: &mut Reply, resp: Resp) {
    // SAFETY:
    // - Four slots are used at most: a field that is a table, a key, its value and the key again; or the four named below.
    //   What is nested makes room for itself.
    // - A table is on top for each `has`: this one, after one that has found nothing; the one found; or the one pushed.
    // - What is read as a string is one, and copied while it is there.
    // - `lua_next` finds the key that it has given: `write_value` takes copies, and nothing changes the table meanwhile.
    unsafe {
        let top = ffi::lua_gettop(state);
        let text = |index| until_nul(string_at(state, index).unwrap_or_default()).to_vec();
        let one_line = |index| {
            let mut text = text(index);
            text.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
            text
        };
        if has(state, b"err", ffi::LUA_TSTRING) {
            ffi::lua_settop(state, top);
            let facts = error_facts(state);
            write_error(thread, out, &facts.text, facts.counted);
        } else if has(state, b"ok", ffi::LUA_TSTRING) {
            out.raw(b"+");
            out.raw(&one_line(-1));
            out.raw(b"\r\n");
        } else if has(state, b"double", ffi::LUA_TNUMBER) {
            out.double(ffi::lua_tonumber(state, -1));
        } else if has(state, b"map", ffi::LUA_TTABLE) {
            let (mark, mut pairs) = (out.mark(), 0);
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, -2) != 0 {
                ffi::lua_pushvalue(state, -2);
                write_value(state, thread, out, resp);
                write_value(state, thread, out, resp);
                pairs += 1;
            }
            out.map_at(mark, pairs);
        } else if has(state, b"set", ffi::LUA_TTABLE) {
            let (mark, mut members) = (out.mark(), 0);
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, -2) != 0 {
                ffi::lua_settop(state, -2);
                ffi::lua_pushvalue(state, -1);
                write_value(state, thread, out, resp);
                members += 1;
            }
            out.set_at(mark, members);
        } else if has(state, b"big_number", ffi::LUA_TSTRING) {
            out.big_number(&one_line(-1));
        } else if has(state, b"verbatim_string", ffi::LUA_TTABLE) && has(state, b"string", ffi::LUA_TSTRING) && {
            ffi::lua_pushvalue(state, -2);
            has(state, b"format", ffi::LUA_TSTRING)
        } {
            let mut format = *b"   ";
            format.iter_mut().zip(text(-1)).for_each(|(to, byte)| *to = byte);
            // table, verbatim_string, its string, verbatim_string again, its format
            out.verbatim(&format, string_at(state, -3).unwrap_or_default());
        } else {
            ffi::lua_settop(state, top);
            let mark = out.mark();
            let mut len = 0;
            loop {
                ffi::lua_rawgeti_(state, -1, len + 1);
                if ffi::lua_type(state, -1) == ffi::LUA_TNIL {
                    break;
                }
                write_value(state, thread, out, resp);
                len += 1;
            }
            out.array_at(mark, len as usize);
        }
        ffi::lua_settop(state, top);
    }
}
