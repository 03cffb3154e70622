//! The functions of `string` that are our own: those that work with patterns (`pattern.rs`), and `rep`.
//!
//! Lua's can overflow the C stack, run for ever where nobody can stop them, or build what no memory holds.
#![allow(unsafe_code)]

use super::call::{self, Fail, Functions, OUTPUT_BYTES_MAX, Scratch, check_string, function, push, string_at};
use super::pattern::{Capture, Failure, Matcher};
use crate::lua::state;
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

/// What is said of a string that became longer than Redis stores.
const TOO_LARGE: &CStr = c"resulting string too large";

/// The functions. `gfind` is an old name of `gmatch`.
const FUNCTIONS: Functions =
    &[(c"find", find), (c"match", match_), (c"gmatch", gmatch), (c"gsub", gsub), (c"rep", function!(rep))];

/// Puts the functions into the library `string`, which is there.
///
/// # Safety
/// A live state, in a protected call, with four free slots and the scratch space on top.
pub unsafe fn replace(state: *mut lua_State) {
    // SAFETY: as asked of the caller; the library's table has no metatable, and is on top of the scratch space.
    unsafe {
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"string".as_ptr());
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            call::add(state, FUNCTIONS, 1);
            ffi::lua_getfield_(state, -1, c"gmatch".as_ptr());
            ffi::lua_setfield(state, -2, c"gfind".as_ptr());
        }
        call::pop(state, 1);
    }
}

/// Searches with the interpreter's matcher, and raises what goes wrong.
///
/// # Safety
/// A C function runs that has the scratch space as upvalue 1, with four free slots; nothing that needs dropping is alive in
/// the callers.
unsafe fn search(
    state: *mut lua_State,
    subject: &[u8],
    pattern: &[u8],
    from: usize,
    anchored: bool,
) -> Option<(usize, usize)> {
    // SAFETY: nobody else uses the matcher: no Lua code runs meanwhile in this interpreter, not even while `look` waits. It
    // is in the scratch space, so that a raise skips nothing.
    unsafe {
        let mut text = None;
        let mut pause = || {
            text = state::look(state);
            text.is_some()
        };
        match (*matcher(state)).search(subject, pattern, from, anchored, &mut pause) {
            Ok(found) => found,
            Err(Failure::Malformed(text)) => {
                (*matcher(state)).tidy();
                ffi::luaL_error(state, c"%s".as_ptr(), text.as_ptr());
                None
            }
            Err(Failure::Stopped) => {
                state::stop(state, text.unwrap_or_default());
                None
            }
        }
    }
}

/// The matcher in the scratch space.
///
/// # Safety
/// A C function runs that has the scratch space as upvalue 1.
unsafe fn matcher(state: *mut lua_State) -> *mut Matcher {
    // SAFETY: as asked of the caller.
    unsafe { &raw mut (*ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Scratch>()).matcher }
}

/// A pattern up to its first NUL.
fn cut(pattern: &[u8]) -> &[u8] {
    &pattern[..memchr::memchr(0, pattern).unwrap_or(pattern.len())]
}

/// Pushes capture `index` of the last search, or for the first, if there is none, the whole match.
///
/// # Safety
/// As for [`search`], with a free slot; the match is one of the last search.
unsafe fn push_capture(state: *mut lua_State, index: usize, subject: &[u8], (start, end): (usize, usize)) {
    // SAFETY: as asked of the caller. The capture is copied before anything can raise.
    unsafe {
        match (*matcher(state)).captures().get(index).copied() {
            None if index == 0 => push(state, &subject[start..end]),
            None => drop(ffi::luaL_error(state, c"invalid capture index".as_ptr())),
            Some(Capture::Open(_)) => drop(ffi::luaL_error(state, c"unfinished capture".as_ptr())),
            Some(Capture::At(at)) => ffi::lua_pushnumber(state, (at + 1) as f64),
            Some(Capture::Part(start, len)) => push(state, &subject[start..start + len]),
        }
    }
}

/// Pushes all captures; `whole`: the whole match if there is none. Answers how many.
///
/// # Safety
/// As for [`push_capture`]; room is made here.
unsafe fn push_captures(state: *mut lua_State, subject: &[u8], found: (usize, usize), whole: bool) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe {
        let count = (*matcher(state)).captures().len().max(usize::from(whole));
        ffi::luaL_checkstack_(state, count as c_int, c"too many captures".as_ptr());
        for index in 0..count {
            push_capture(state, index, subject, found);
        }
        count as c_int
    }
}

/// # Safety
/// As for [`CFunction`](call::CFunction), with the scratch space as upvalue 1.
unsafe extern "C-unwind" fn find(state: *mut lua_State) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { find_or_match(state, true) }
}

/// # Safety
/// As for [`find`].
unsafe extern "C-unwind" fn match_(state: *mut lua_State) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { find_or_match(state, false) }
}

/// # Safety
/// As for [`find`].
unsafe fn find_or_match(state: *mut lua_State, is_find: bool) -> c_int {
    // SAFETY: the strings stay in their slots. Two values are pushed, and the captures, for which room is made.
    unsafe {
        let subject = check_string(state, 1);
        let pattern = check_string(state, 2);
        let init = match ffi::luaL_optinteger(state, 3, 1) {
            init @ ..=-1 => (init + subject.len() as ffi::lua_Integer).max(0) as usize,
            init => (init.max(1) as usize - 1).min(subject.len()),
        };
        let text = cut(pattern);
        let is_plain =
            |&byte: &u8| !matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-');
        if is_find && (ffi::lua_toboolean(state, 4) != 0 || text.iter().all(is_plain)) {
            if let Some(at) = find_plain(&subject[init..], pattern) {
                ffi::lua_pushnumber(state, (init + at + 1) as f64);
                ffi::lua_pushnumber(state, (init + at + pattern.len()) as f64);
                return 2;
            }
        } else {
            let anchored = text.first() == Some(&b'^');
            let text = &text[usize::from(anchored)..];
            if let Some(found) = search(state, subject, text, init, anchored) {
                if !is_find {
                    return push_captures(state, subject, found, true);
                }
                ffi::lua_pushnumber(state, (found.0 + 1) as f64);
                ffi::lua_pushnumber(state, found.1 as f64);
                return 2 + push_captures(state, subject, found, false);
            }
        }
        ffi::lua_pushnil(state);
        1
    }
}

/// Where `part` is, in a time that grows no faster than the length.
fn find_plain(text: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [] => Some(0),
        [byte] => memchr::memchr(*byte, text),
        part => memchr::memmem::find(text, part),
    }
}

/// # Safety
/// As for [`find`].
unsafe extern "C-unwind" fn gmatch(state: *mut lua_State) -> c_int {
    // SAFETY: both are strings after the checks; they and the two values become the upvalues that `next_match` wants.
    unsafe {
        check_string(state, 1);
        check_string(state, 2);
        ffi::lua_settop(state, 2);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_pushnumber(state, 0.0);
        ffi::lua_pushcclosure(state, next_match, 4);
        1
    }
}

/// # Safety
/// As for [`find`], with a subject, a pattern and a position as upvalues 2 to 4.
unsafe extern "C-unwind" fn next_match(state: *mut lua_State) -> c_int {
    // SAFETY: the upvalues are those that `gmatch` has given, and the strings stay there. One value is pushed, and the
    // captures, for which room is made.
    unsafe {
        let subject = string_at(state, ffi::lua_upvalueindex(2));
        let pattern = cut(string_at(state, ffi::lua_upvalueindex(3)));
        let from = ffi::lua_tonumber(state, ffi::lua_upvalueindex(4)) as usize;
        let Some(found) = search(state, subject, pattern, from, false) else {
            return 0;
        };
        let next = if found.1 == found.0 { found.1 + 1 } else { found.1 };
        ffi::lua_pushnumber(state, next as f64);
        ffi::lua_replace(state, ffi::lua_upvalueindex(4));
        push_captures(state, subject, found, true)
    }
}

/// What `gsub` has built: Lua's own buffer, as a replacement may run Lua code.
struct Built {
    buffer: MaybeUninit<ffi::luaL_Buffer>,
    bytes: usize,
}

impl Built {
    /// Raises if so many bytes more are too many.
    ///
    /// # Safety
    /// As for [`search`].
    unsafe fn count(&mut self, state: *mut lua_State, bytes: usize) {
        self.bytes += bytes;
        if self.bytes > OUTPUT_BYTES_MAX {
            // SAFETY: as asked of the caller.
            unsafe { ffi::luaL_error(state, c"%s".as_ptr(), TOO_LARGE.as_ptr()) };
        }
    }

    /// # Safety
    /// As for [`search`]; the buffer was begun, and nothing was left above it on the stack.
    unsafe fn add(&mut self, state: *mut lua_State, bytes: &[u8]) {
        // SAFETY: as asked of the caller.
        unsafe {
            self.count(state, bytes.len());
            ffi::luaL_addlstring(self.buffer.as_mut_ptr(), bytes.as_ptr().cast::<c_char>(), bytes.len());
        }
    }

    /// Takes the string or number on top.
    ///
    /// # Safety
    /// As for [`Built::add`], but for that value.
    unsafe fn add_value(&mut self, state: *mut lua_State) {
        // SAFETY: as asked of the caller. A number becomes a string in its place.
        unsafe {
            self.count(state, ffi::lua_objlen(state, -1));
            ffi::luaL_addvalue(self.buffer.as_mut_ptr());
        }
    }
}

/// # Safety
/// As for [`find`].
unsafe extern "C-unwind" fn gsub(state: *mut lua_State) -> c_int {
    // SAFETY: the strings stay in slots 1 to 3. The buffer has at most half of LUA_MINSTACK values above the arguments, and
    // finds them as it has left them.
    unsafe {
        let subject = check_string(state, 1);
        let pattern = cut(check_string(state, 2));
        let kind = ffi::lua_type(state, 3);
        let max = ffi::luaL_optinteger(state, 4, subject.len() as ffi::lua_Integer + 1) as c_int;
        let anchored = pattern.first() == Some(&b'^');
        let pattern = &pattern[usize::from(anchored)..];
        if !matches!(kind, ffi::LUA_TNUMBER | ffi::LUA_TSTRING | ffi::LUA_TFUNCTION | ffi::LUA_TTABLE) {
            return ffi::luaL_argerror(state, 3, c"string/function/table expected".as_ptr());
        }
        ffi::luaL_checkstack_(state, ffi::LUA_MINSTACK, c"too many captures".as_ptr());
        let mut built = Built { buffer: MaybeUninit::uninit(), bytes: 0 };
        ffi::luaL_buffinit(state, built.buffer.as_mut_ptr());
        let (mut at, mut count) = (0, 0);
        while count < max {
            let Some(found) = search(state, subject, pattern, at, anchored) else {
                break;
            };
            built.add(state, &subject[at..found.0]);
            count += 1;
            if matches!(kind, ffi::LUA_TFUNCTION | ffi::LUA_TTABLE) {
                add_result(state, &mut built, subject, found);
            } else {
                add_text(state, &mut built, subject, found);
            }
            at = found.1;
            if found.1 == found.0 {
                let Some(&byte) = subject.get(at) else {
                    break;
                };
                built.add(state, &[byte]);
                at += 1;
            }
            if anchored {
                break;
            }
        }
        built.add(state, &subject[at..]);
        ffi::luaL_pushresult(built.buffer.as_mut_ptr());
        ffi::lua_pushnumber(state, f64::from(count));
        2
    }
}

/// Adds the replacement in slot 3, a text with `%0` to `%9` in it.
///
/// # Safety
/// As for [`Built::add`], and slot 3 has a string or a number.
unsafe fn add_text(state: *mut lua_State, built: &mut Built, subject: &[u8], found: (usize, usize)) {
    // SAFETY: as asked of the caller. The text stays in its slot.
    unsafe {
        let mut rest = string_at(state, 3);
        while let Some(plain) = memchr::memchr(b'%', rest) {
            built.add(state, &rest[..plain]);
            // At the end of the text there is a NUL, in C.
            let escaped = rest.get(plain + 1).copied().unwrap_or(0);
            match escaped {
                b'0' => built.add(state, &subject[found.0..found.1]),
                b'1'..=b'9' => {
                    push_capture(state, usize::from(escaped - b'1'), subject, found);
                    built.add_value(state);
                }
                other => built.add(state, &[other]),
            }
            rest = rest.get(plain + 2..).unwrap_or_default();
        }
        built.add(state, rest);
    }
}

/// Adds what the function in slot 3 answers, or what the table there has.
///
/// # Safety
/// As for [`Built::add`], and slot 3 has a function or a table.
unsafe fn add_result(state: *mut lua_State, built: &mut Built, subject: &[u8], found: (usize, usize)) {
    // SAFETY: as asked of the caller. What is pushed becomes one value, and the buffer takes that. Lua code that runs here
    // may search with the same matcher: the captures are not used after that.
    unsafe {
        if ffi::lua_type(state, 3) == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, 3);
            let count = push_captures(state, subject, found, true);
            ffi::lua_call(state, count, 1);
        } else {
            push_capture(state, 0, subject, found);
            ffi::lua_gettable_(state, 3);
        }
        if ffi::lua_toboolean(state, -1) == 0 {
            call::pop(state, 1);
            push(state, &subject[found.0..found.1]);
        } else if ffi::lua_isstring(state, -1) == 0 {
            let name = ffi::lua_typename(state, ffi::lua_type(state, -1));
            ffi::luaL_error(state, c"invalid replacement value (a %s)".as_ptr(), name);
        }
        built.add_value(state);
    }
}

/// # Safety
/// As for [`Body`](call::Body).
unsafe fn rep(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; the string stays in its slot.
    unsafe {
        let text = check_string(state, 1);
        let count = usize::try_from(ffi::luaL_checkinteger(state, 2) as c_int).unwrap_or(0);
        let bytes = text.len().saturating_mul(count);
        if bytes > OUTPUT_BYTES_MAX {
            return Err(scratch.here(format_args!("resulting string too large")));
        }
        scratch.out.clear();
        if let [byte] = text {
            scratch.out.resize(bytes, *byte);
        } else if bytes > 0 {
            scratch.out.reserve(bytes);
            scratch.out.extend_from_slice(text);
            while scratch.out.len() < bytes {
                let more = scratch.out.len().min(bytes - scratch.out.len());
                scratch.out.extend_from_within(..more);
            }
        }
        push(state, &scratch.out);
        scratch.tidy();
        Ok(1)
    }
}
