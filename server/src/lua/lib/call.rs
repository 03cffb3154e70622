//! How the libraries' functions are called, and how they fail.
//!
//! Ground rule: Lua leaves a C function that raises by longjmp, and nearly every function of its interface may raise
//! when memory ends. So no function of the libraries owns memory: what they need beyond Lua's stack is in the
//! [`Scratch`] of their interpreter, which is used again by the next call, whatever became of the last. With that rule
//! a raise skips nothing that needs dropping, wherever it happens.
//!
//! Errors are strings, as those of the C libraries, since scripts match them (`err:match(...)`, `.. err`): a function
//! leaves the text in the scratch space and returns a [`Fail`], and [`function!`] raises it at the very end.
#![allow(unsafe_code)]

use super::pattern::Matcher;
use mlua::{ffi, lua_State};
use std::ffi::{CStr, c_int};
use std::fmt;
use std::io::Write as _;
use std::ptr;

/// The longest string that an encoder makes, in bytes: the longest value that Redis stores. The C libraries have no
/// such limit and end the process instead when a table that contains itself many times is encoded.
pub const OUTPUT_BYTES_MAX: usize = 512 << 20;

/// Buffers are kept between calls up to this capacity.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Open containers are kept room for up to so many.
const KEPT_LEVELS_MAX: usize = 1024;

/// What the functions of one interpreter work with.
#[derive(Default)]
pub struct Scratch {
    /// What an encoder has written, or the string that a decoder has put together.
    pub out: Vec<u8>,
    /// The containers that are open, the innermost last.
    pub levels: Vec<Level>,
    /// What searches for patterns.
    pub matcher: Matcher,
    /// The text of an error.
    text: Vec<u8>,
}

/// A container that is being read or written.
#[derive(Clone, Copy)]
pub struct Level {
    /// Whether it has keys: else it is an array.
    pub is_map: bool,
    /// Whether its array was made as large as it will be.
    pub is_sized: bool,
    /// The array element at which it is.
    pub index: c_int,
    /// Elements or pairs that are to come, where that is known.
    pub left: usize,
}

/// Why a function failed; the text is in the scratch space.
#[derive(Clone, Copy)]
pub enum Fail {
    /// Raised as `file:line: text` of the caller (`luaL_error`).
    Here,
    /// Raised as `bad argument #index to 'function' (text)` (`luaL_argerror`).
    Argument(c_int),
    /// Raised without a position.
    Bare,
}

impl Scratch {
    /// Gives back what a large call has needed.
    #[inline]
    pub fn tidy(&mut self) {
        if self.out.capacity() > KEPT_BYTES_MAX || self.levels.capacity() > KEPT_LEVELS_MAX {
            self.shrink();
        }
    }

    /// Gives back the buffers.
    #[cold]
    pub fn shrink(&mut self) {
        self.out = Vec::new();
        self.levels = Vec::new();
    }

    /// An error with this text.
    #[cold]
    fn fail(&mut self, fail: Fail, text: fmt::Arguments<'_>) -> Fail {
        self.text.clear();
        // Writing to memory never fails.
        let _ = self.text.write_fmt(text);
        fail
    }

    /// See [`Fail::Here`].
    #[cold]
    pub fn here(&mut self, text: fmt::Arguments<'_>) -> Fail {
        self.fail(Fail::Here, text)
    }

    /// See [`Fail::Argument`].
    #[cold]
    pub fn argument(&mut self, index: c_int, text: fmt::Arguments<'_>) -> Fail {
        self.fail(Fail::Argument(index), text)
    }

    /// As [`Scratch::argument`], of an argument that has an option that is none, which need not be UTF-8.
    #[cold]
    pub fn option(&mut self, index: c_int, what: &str, option: &[u8]) -> Fail {
        self.text.clear();
        for part in [what.as_bytes(), b" '", option, b"'"] {
            self.text.extend_from_slice(part);
        }
        Fail::Argument(index)
    }

    /// Something became too large.
    #[cold]
    pub fn too_large(&mut self) -> Fail {
        self.fail(Fail::Bare, format_args!("not enough memory"))
    }
}

/// A C function around a body, which raises what the body returns as an error.
macro_rules! function {
    ($body:expr) => {{
        /// # Safety
        /// As for `CFunction`, with the scratch space as upvalue 1.
        unsafe extern "C-unwind" fn enter(state: *mut mlua::lua_State) -> std::ffi::c_int {
            // SAFETY:
            // - Lua calls this with its arguments and 20 free slots. Upvalue 1 is the scratch space of this state (see
            //   `add`), which lives as long as the function does.
            // - There is no other reference to it: no function made so calls back into Lua code, so one ends
            //   before the next begins. One that has raised does not come back.
            unsafe {
                let upvalue = mlua::ffi::lua_upvalueindex(1);
                let scratch = mlua::ffi::lua_touserdata(state, upvalue).cast::<$crate::lua::lib::call::Scratch>();
                let body: $crate::lua::lib::call::Body = $body;
                match body(state, &mut *scratch) {
                    Ok(results) => results,
                    Err(fail) => $crate::lua::lib::call::raise(state, &mut *scratch, fail),
                }
            }
        }
        enter as mlua::ffi::lua_CFunction
    }};
}
pub(super) use function;

/// The inside of a function: answers how many results it has left on top of the stack.
///
/// # Safety
/// [`function!`] calls it: its arguments are all that is on the stack, there are 20 free slots, its upvalues are in place,
/// and nobody who calls has anything that needs dropping.
pub type Body = unsafe fn(*mut lua_State, &mut Scratch) -> Result<c_int, Fail>;

/// What Lua calls: a function made by [`function!`], or one that needs no scratch space.
///
/// # Safety
/// Lua alone calls it: its arguments are all that is on the stack, there are LUA_MINSTACK (20) free slots, and nobody who
/// calls has anything that needs dropping.
pub type CFunction = ffi::lua_CFunction;

/// Names of functions, and the functions.
pub type Functions = &'static [(&'static CStr, CFunction)];

/// Raises an error.
///
/// # Safety
/// A C function runs, whose arguments are not used any more; nothing that needs dropping is alive in the callers.
#[cold]
pub unsafe fn raise(state: *mut lua_State, scratch: &mut Scratch, fail: Fail) -> c_int {
    // SAFETY: as asked of the caller. The stack is emptied, so there is room. Lua copies the text, which is the scratch
    // space's, before it raises; as that of a bad argument it has an end.
    unsafe {
        ffi::lua_settop(state, 0);
        scratch.tidy();
        let text = &mut scratch.text;
        if let Fail::Argument(index) = fail {
            text.push(0);
            return ffi::luaL_argerror(state, index, text.as_ptr().cast());
        }
        if let Fail::Here = fail {
            ffi::luaL_where(state, 1);
        } else {
            push(state, b"");
        }
        push(state, text);
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}

/// Pushes the scratch space for the functions of an interpreter: a userdata that drops it when the state ends.
///
/// # Safety
/// A live state with three free slots; nothing that needs dropping is alive in the callers.
pub unsafe fn push_scratch(state: *mut lua_State) {
    /// # Safety
    /// Lua alone calls it, at the end of a userdata made below.
    unsafe extern "C-unwind" fn drop_scratch(state: *mut lua_State) -> c_int {
        // SAFETY: Lua calls this once, with the userdata as its argument, when nothing can use it any more: scripts cannot
        // reach it, nor its metatable.
        unsafe { ptr::drop_in_place(ffi::lua_touserdata(state, 1).cast::<Scratch>()) };
        0
    }
    // SAFETY: Lua's blocks are aligned for any C type. Until the metatable is there, an error of memory drops nothing,
    // and there is nothing to drop.
    unsafe {
        let scratch = ffi::lua_newuserdata(state, size_of::<Scratch>()).cast::<Scratch>();
        scratch.write(Scratch::default());
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_pushcclosure(state, drop_scratch, 0);
        ffi::lua_setfield(state, -2, c"__gc".as_ptr());
        ffi::lua_setmetatable(state, -2);
    }
}

/// Adds functions to the table on top of the stack, each with the `upvalues` values that lie right below it, of which
/// the first is the scratch space.
///
/// # Safety
/// - A live state with `upvalues` + 1 free slots; the table has no metatable, and the values lie below it.
/// - They are the upvalues that these functions want.
/// - Nothing that needs dropping is alive in the callers.
pub unsafe fn add(state: *mut lua_State, functions: Functions, upvalues: c_int) {
    // SAFETY: as asked of the caller. A function takes the copies of the values, and the table it, so that the table is on
    // top again.
    unsafe {
        for (name, function) in functions {
            for _ in 0..upvalues {
                ffi::lua_pushvalue(state, -1 - upvalues);
            }
            ffi::lua_pushcclosure(state, *function, upvalues);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
    }
}

/// Pushes a string.
///
/// # Safety
/// One free slot.
#[inline]
pub unsafe fn push(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: Lua copies the bytes; the pointer of an empty slice is not read.
    unsafe { ffi::lua_pushlstring_(state, bytes.as_ptr().cast(), bytes.len()) };
}

/// Takes the top `count` values.
///
/// # Safety
/// There are so many.
#[inline]
pub unsafe fn pop(state: *mut lua_State, count: c_int) {
    // SAFETY: as asked of the caller.
    unsafe { ffi::lua_settop(state, -1 - count) };
}

/// The string at `index`, of which the caller has made sure that it is one.
///
/// # Safety
/// There is a string, and it stays on the stack or in a table while the slice is used.
#[inline]
pub unsafe fn string_at<'a>(state: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: of a string, Lua answers a pointer to `len` bytes that live as long as it does.
    unsafe {
        let text = ffi::lua_tolstring(state, index, &raw mut len);
        std::slice::from_raw_parts(text.cast(), len)
    }
}

/// Argument `index` as a string: a number is written as one, in its place. Raises if it is neither.
///
/// # Safety
/// The argument stays where it is while the slice is used.
#[inline]
pub unsafe fn check_string<'a>(state: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: as in `string_at`.
    unsafe {
        let text = ffi::luaL_checklstring(state, index, &raw mut len);
        std::slice::from_raw_parts(text.cast(), len)
    }
}

/// What Lua calls the type of the value at `index`.
///
/// # Safety
/// There is a value.
pub unsafe fn type_name(state: *mut lua_State, index: c_int) -> &'static str {
    // SAFETY: names of types are strings in the program.
    let name = unsafe { CStr::from_ptr(ffi::lua_typename(state, ffi::lua_type(state, index))) };
    name.to_str().unwrap_or_default()
}
