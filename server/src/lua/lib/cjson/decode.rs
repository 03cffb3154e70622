//! The decoder.
//!
//! What is being filled stands on Lua's stack: of an array its table; of an object its table and the key that waits for
//! its value. [`Level`] has the rest of it.
#![allow(unsafe_code)]

use super::super::call::{Fail, Level, Scratch, check_string, push};
use super::settings::Settings;
use super::token::{Parser, Token};
use mlua::{ffi, lua_State};
use std::ffi::c_int;
use std::ptr;

/// So many levels fit into the slots that a C function has: the argument, two for each, and three for the next.
const LEVELS_FREE: usize = 8;

/// `cjson.decode(text)`.
///
/// # Safety
/// As for [`Body`](super::super::call::Body).
pub unsafe fn decode(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; the text stays on the stack. Slots are made room for in `start`.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            return Err(scratch.argument(1, format_args!("expected 1 argument")));
        }
        let settings = Settings::of(state);
        let text = check_string(state, 1);
        if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
            return Err(scratch.here(format_args!("JSON parser does not support UTF-16 or UTF-32")));
        }
        let mut parser = Parser::new(text, settings.decode_invalid == 1);
        scratch.levels.clear();
        read(state, &mut parser, scratch, settings.decode_max_depth as usize)?;
        scratch.tidy();
        Ok(1)
    }
}

/// Pushes the value of the whole text.
///
/// # Safety
/// A C function runs, with at most one argument.
unsafe fn read(
    state: *mut lua_State,
    parser: &mut Parser<'_>,
    scratch: &mut Scratch,
    depth_max: usize,
) -> Result<(), Fail> {
    // SAFETY: every container has made room for its key and a value; what is taken by the `raw` functions is on top:
    // value, then key if its container is an object, then the container.
    unsafe {
        loop {
            match parser.token(&mut scratch.out) {
                Token::Plain(text) => push(state, text),
                Token::Built => push(state, &scratch.out),
                Token::Number(n) => ffi::lua_pushnumber(state, n),
                Token::Boolean(yes) => ffi::lua_pushboolean(state, c_int::from(yes)),
                Token::Null => ffi::lua_pushlightuserdata(state, ptr::null_mut()),
                Token::ObjectBegin => {
                    start(state, parser, scratch, depth_max, 3)?;
                    if parser.peek() != b'}' {
                        key(state, parser, scratch)?;
                        scratch.levels.push(Level { is_map: true, is_sized: false, index: 0, left: 0 });
                        continue;
                    }
                    parser.at += 1;
                }
                Token::ArrayBegin => {
                    start(state, parser, scratch, depth_max, 2)?;
                    if parser.peek() != b']' {
                        scratch.levels.push(Level { is_map: false, is_sized: false, index: 0, left: 0 });
                        continue;
                    }
                    parser.at += 1;
                }
                other => return Err(parser.expected("value", other, scratch)),
            }
            // Give the value to its container, and that one, if it ends here, to its own.
            loop {
                let Some(level) = scratch.levels.last_mut() else {
                    return match parser.token(&mut scratch.out) {
                        Token::End => Ok(()),
                        other => Err(parser.expected("the end", other, scratch)),
                    };
                };
                let is_map = level.is_map;
                if is_map {
                    ffi::lua_rawset(state, -3);
                } else {
                    level.index += 1;
                    ffi::lua_rawseti_(state, -2, level.index);
                }
                match parser.peek() {
                    b',' => {
                        parser.at += 1;
                        if is_map {
                            key(state, parser, scratch)?;
                        }
                        break;
                    }
                    b'}' if is_map => parser.at += 1,
                    b']' if !is_map => parser.at += 1,
                    _ => {
                        let what = if is_map { "comma or object end" } else { "comma or array end" };
                        return Err(unexpected(what, parser, scratch));
                    }
                }
                scratch.levels.pop();
            }
        }
    }
}

/// The error of the next token.
#[cold]
fn unexpected(what: &str, parser: &mut Parser<'_>, scratch: &mut Scratch) -> Fail {
    let token = parser.token(&mut scratch.out);
    parser.expected(what, token, scratch)
}

/// Pushes the table of a container whose bracket was just read, with room for `slots` values, itself included.
///
/// # Safety
/// As for [`read`].
#[inline]
unsafe fn start(
    state: *mut lua_State,
    parser: &Parser<'_>,
    scratch: &mut Scratch,
    depth_max: usize,
    slots: c_int,
) -> Result<(), Fail> {
    let depth = scratch.levels.len() + 1;
    // SAFETY: a live state; there is room for the table when it is pushed.
    unsafe {
        if depth > depth_max || depth > LEVELS_FREE && ffi::lua_checkstack(state, slots) == 0 {
            let text = format_args!("Found too many nested data structures ({depth}) at character {}", parser.at);
            return Err(scratch.here(text));
        }
        ffi::lua_createtable(state, 0, 0);
    }
    Ok(())
}

/// Reads a key and its colon, and pushes it.
///
/// # Safety
/// As for [`read`]: the table of an object is on top.
#[inline]
unsafe fn key(state: *mut lua_State, parser: &mut Parser<'_>, scratch: &mut Scratch) -> Result<(), Fail> {
    if parser.peek() != b'"' {
        return Err(unexpected("object key string", parser, scratch));
    }
    // SAFETY: `start` has made room.
    unsafe {
        match parser.string(&mut scratch.out) {
            Token::Plain(text) => push(state, text),
            Token::Built => push(state, &scratch.out),
            other => return Err(parser.expected("object key string", other, scratch)),
        }
    }
    if parser.peek() != b':' {
        return Err(unexpected("colon", parser, scratch));
    }
    parser.at += 1;
    Ok(())
}
