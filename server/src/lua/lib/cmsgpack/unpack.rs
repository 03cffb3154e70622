//! The decoder.
//!
//! What is being filled stands on Lua's stack: of an array its table; of a map its table and, once it is read, the key.
//! [`Level`] has the rest of it.
#![allow(unsafe_code)]

use super::super::call::{Fail, Level, Scratch, check_string, push};
use super::super::number;
use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// Stack slots that a C function may use in Lua 5.1 (`LUAI_MAXCSTACK`).
const C_STACK_SLOTS: c_int = 8000;

/// Free slots that are asked for at once.
const SLOTS_AT_ONCE: c_int = 16;

/// Arrays of up to so many elements are made as large as their head says; longer ones are to show their elements first, as a
/// head of three bytes could claim any memory, again and again.
const SIZED_MAX: usize = 16;

const TOO_MANY: &str = "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";

/// `unpack(text)`: all values.
///
/// # Safety
/// As for [`Body`](super::super::call::Body).
pub unsafe fn all(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function.
    unsafe { unpack(state, scratch, 0, 0) }
}

/// `unpack_one(text, offset)`.
///
/// # Safety
/// As for [`Body`](super::super::call::Body).
pub unsafe fn one(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; one argument stays.
    unsafe {
        let offset = integer(state, 2, Some(0));
        ffi::lua_settop(state, ffi::lua_gettop(state).min(1));
        unpack(state, scratch, 1, offset)
    }
}

/// `unpack_limit(text, limit, offset)`.
///
/// # Safety
/// As for [`Body`](super::super::call::Body).
pub unsafe fn limit(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; one argument stays.
    unsafe {
        let limit = integer(state, 2, None);
        let offset = integer(state, 3, Some(0));
        ffi::lua_settop(state, 1);
        unpack(state, scratch, limit, offset)
    }
}

/// An argument as an integer; the default, if there is one, if it is missing or nil. Else it raises.
///
/// # Safety
/// A library function runs.
unsafe fn integer(state: *mut lua_State, index: c_int, default: Option<i64>) -> i64 {
    // SAFETY: a C function without anything that needs dropping.
    unsafe {
        match default {
            Some(default) if ffi::lua_type(state, index) <= ffi::LUA_TNIL => default,
            _ => number::to_i64(ffi::luaL_checknumber(state, index)),
        }
    }
}

/// Reads values from `offset` on: all of them if limit and offset are 0; else up to `limit`, preceded by the offset of
/// the next or -1 at the end.
///
/// # Safety
/// As for [`Body`](super::super::call::Body); where results are to follow the text, it is the only argument.
unsafe fn unpack(state: *mut lua_State, scratch: &mut Scratch, limit: i64, offset: i64) -> Result<c_int, Fail> {
    // SAFETY: a C function. The data stay on the stack below the results; `Reader` makes room for each of them.
    unsafe {
        let data = check_string(state, 1);
        if limit < 0 || offset < 0 {
            // It says limit and gives the length.
            return Err(scratch.here(format_args!(
                "Invalid request to unpack with offset of {} and limit of {}.",
                offset as i32,
                data.len() as i32
            )));
        }
        let Some(left) = data.get(offset as usize..) else {
            return Err(scratch.here(format_args!(
                "Start offset {} greater than input length {}.",
                offset as i32,
                data.len() as i32
            )));
        };
        let all = limit == 0 && offset == 0;
        let limit = if all { i32::MAX as usize } else { limit as usize };
        let used = ffi::lua_gettop(state);
        scratch.levels.clear();
        let mut reader = Reader { state, left, scratch, used, ready: used, unused: 0 };
        let mut results = 0;
        while !reader.left.is_empty() && (results as usize) < limit {
            if let Err(bad) = reader.value() {
                return Err(match bad {
                    Bad::End => scratch.here(format_args!("Missing bytes in input.")),
                    Bad::Format => scratch.here(format_args!("Bad data format in input.")),
                    Bad::Fail(fail) => fail,
                });
            }
            results += 1;
        }
        let next = if reader.left.is_empty() { -1 } else { (data.len() - reader.left.len()) as i64 };
        if !all {
            if ffi::lua_checkstack(state, 1) == 0 {
                return Err(scratch.here(format_args!("{TOO_MANY}")));
            }
            ffi::lua_pushnumber(state, next as f64);
            ffi::lua_insert(state, used + 1);
            results += 1;
        }
        scratch.tidy();
        Ok(results)
    }
}

enum Bad {
    End,
    Format,
    Fail(Fail),
}

/// What was read and stands on the stack: a value, or a container that is to get so many elements or pairs.
enum Item {
    Value,
    Nil,
    Array(usize),
    Map(usize),
}

struct Reader<'a> {
    state: *mut lua_State,
    left: &'a [u8],
    scratch: &'a mut Scratch,
    /// Slots in use.
    used: c_int,
    /// Slots that there is room for.
    ready: c_int,
    /// Slots that the original would have in use besides: the index of each array.
    unused: c_int,
}

impl Reader<'_> {
    /// Makes sure of a slot for one value, and that the original would have it.
    ///
    /// # Safety
    /// A library function runs in `state`, with the slots in use that are counted.
    #[inline]
    unsafe fn room(&mut self) -> Result<(), Bad> {
        if self.used + self.unused + 1 > C_STACK_SLOTS {
            return Err(self.overflow(TOO_MANY));
        }
        if self.used == self.ready {
            let more = SLOTS_AT_ONCE.min(C_STACK_SLOTS - self.used);
            // SAFETY: a live state. Below the limit of slots only memory can be missing, and then this raises.
            if unsafe { ffi::lua_checkstack(self.state, more) } == 0 {
                return Err(self.overflow(TOO_MANY));
            }
            self.ready = self.used + more;
        }
        Ok(())
    }

    #[cold]
    fn overflow(&mut self, text: &str) -> Bad {
        Bad::Fail(self.scratch.here(format_args!("{text}")))
    }

    /// Pushes one value with all that it contains.
    ///
    /// # Safety
    /// As for `room`.
    unsafe fn value(&mut self) -> Result<(), Bad> {
        let state = self.state;
        // SAFETY: `room` is made for each value before it is pushed; tables and keys lie where the levels say.
        unsafe {
            loop {
                let mut is_nil = false;
                match self.item()? {
                    Item::Array(0) | Item::Map(0) | Item::Value => {}
                    Item::Nil => is_nil = true,
                    Item::Array(left) => {
                        self.unused += 1;
                        let is_sized = left <= SIZED_MAX;
                        self.scratch.levels.push(Level { is_map: false, is_sized, index: 0, left });
                        continue;
                    }
                    Item::Map(left) => {
                        self.scratch.levels.push(Level { is_map: true, is_sized: false, index: 0, left });
                        continue;
                    }
                }
                // Give the value to its container, and that one, if it is full now, to its own.
                loop {
                    let Some(level) = self.scratch.levels.last_mut() else {
                        return Ok(());
                    };
                    if level.is_map {
                        // Every other value is a key, which waits for its own.
                        level.index ^= 1;
                        if level.index == 1 {
                            break;
                        }
                        ffi::lua_rawset(state, -3);
                        self.used -= 2;
                    } else {
                        level.index += 1;
                        let index = level.index;
                        if is_nil && level.is_sized {
                            level.is_sized = false;
                            self.forget_size(index - 1)?;
                        }
                        ffi::lua_rawseti_(state, -2, index);
                        self.used -= 1;
                    }
                    let Some(level) = self.scratch.levels.last_mut() else {
                        return Ok(());
                    };
                    level.left -= 1;
                    if level.left > 0 {
                        break;
                    }
                    self.unused -= c_int::from(!level.is_map);
                    self.scratch.levels.pop();
                    is_nil = false;
                }
            }
        }
    }

    /// Reads one code with what belongs to it, and pushes the value, or the empty container.
    ///
    /// # Safety
    /// As for `room`.
    unsafe fn item(&mut self) -> Result<Item, Bad> {
        let &code = self.left.first().ok_or(Bad::End)?;
        // SAFETY: room for one value is made, and one is pushed.
        unsafe {
            self.room()?;
            match code {
                0x00..=0x7f => self.short(f64::from(code)),
                0xe0..=0xff => self.short(f64::from(code as i8)),
                0x80..=0x8f => {
                    self.left = &self.left[1..];
                    self.map(usize::from(code & 15))
                }
                0x90..=0x9f => {
                    self.left = &self.left[1..];
                    self.array(usize::from(code & 15))
                }
                0xa0..=0xbf => {
                    self.left = &self.left[1..];
                    self.string(usize::from(code & 31))
                }
                0xc0 => {
                    self.left = &self.left[1..];
                    ffi::lua_pushnil(self.state);
                    self.used += 1;
                    Ok(Item::Nil)
                }
                0xc2 | 0xc3 => {
                    self.left = &self.left[1..];
                    ffi::lua_pushboolean(self.state, c_int::from(code == 0xc3));
                    self.pushed()
                }
                0xca => {
                    let n = self.bytes()?;
                    self.number(f64::from(f32::from_be_bytes(n)))
                }
                0xcb => {
                    let n = self.bytes()?;
                    self.number(f64::from_be_bytes(n))
                }
                0xcc => {
                    let n = self.bytes()?;
                    self.number(f64::from(u8::from_be_bytes(n)))
                }
                0xcd => {
                    let n = self.bytes()?;
                    self.number(f64::from(u16::from_be_bytes(n)))
                }
                0xce => {
                    let n = self.bytes()?;
                    self.number(f64::from(u32::from_be_bytes(n)))
                }
                // Unsigned ones of 64 bits too: from 2^63 up they come out negative, as from the original.
                0xcf | 0xd3 => {
                    let n = self.bytes()?;
                    self.number(i64::from_be_bytes(n) as f64)
                }
                0xd0 => {
                    let n = self.bytes()?;
                    self.number(f64::from(i8::from_be_bytes(n)))
                }
                0xd1 => {
                    let n = self.bytes()?;
                    self.number(f64::from(i16::from_be_bytes(n)))
                }
                0xd2 => {
                    let n = self.bytes()?;
                    self.number(f64::from(i32::from_be_bytes(n)))
                }
                0xd9 => {
                    let len = u8::from_be_bytes(self.bytes()?);
                    self.string(usize::from(len))
                }
                0xda => {
                    let len = u16::from_be_bytes(self.bytes()?);
                    self.string(usize::from(len))
                }
                0xdb => {
                    let len = u32::from_be_bytes(self.bytes()?);
                    self.string(len as usize)
                }
                0xdc => {
                    let len = u16::from_be_bytes(self.bytes()?);
                    self.array(usize::from(len))
                }
                0xdd => {
                    let len = u32::from_be_bytes(self.bytes()?);
                    self.array(len as usize)
                }
                0xde => {
                    let len = u16::from_be_bytes(self.bytes()?);
                    self.map(usize::from(len))
                }
                0xdf => {
                    let len = u32::from_be_bytes(self.bytes()?);
                    self.map(len as usize)
                }
                0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => Err(Bad::Format),
            }
        }
    }

    /// The bytes after the code, which are taken with it.
    #[inline]
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let (bytes, left) = self.left[1..].split_first_chunk().ok_or(Bad::End)?;
        self.left = left;
        Ok(*bytes)
    }

    #[inline]
    fn pushed(&mut self) -> Result<Item, Bad> {
        self.used += 1;
        Ok(Item::Value)
    }

    /// # Safety
    /// There is room for a value.
    #[inline]
    unsafe fn number(&mut self, n: f64) -> Result<Item, Bad> {
        // SAFETY: `item` has made room.
        unsafe { ffi::lua_pushnumber(self.state, n) };
        self.pushed()
    }

    /// A number in its code.
    ///
    /// # Safety
    /// There is room for a value, and there is a code.
    #[inline]
    unsafe fn short(&mut self, n: f64) -> Result<Item, Bad> {
        self.left = &self.left[1..];
        // SAFETY: as in `number`.
        unsafe { self.number(n) }
    }

    /// # Safety
    /// There is room for a value.
    #[inline]
    unsafe fn string(&mut self, len: usize) -> Result<Item, Bad> {
        let (text, left) = self.left.split_at_checked(len).ok_or(Bad::End)?;
        self.left = left;
        // SAFETY: `item` has made room.
        unsafe { push(self.state, text) };
        self.pushed()
    }

    /// # Safety
    /// There is room for a value.
    #[inline]
    unsafe fn map(&mut self, len: usize) -> Result<Item, Bad> {
        // SAFETY: `item` has made room.
        unsafe { ffi::lua_createtable(self.state, 0, 0) };
        self.used += 1;
        Ok(Item::Map(len))
    }

    /// # Safety
    /// There is room for a value.
    #[inline]
    unsafe fn array(&mut self, len: usize) -> Result<Item, Bad> {
        // The original wants a slot for the index at once.
        if self.used + self.unused + 2 > C_STACK_SLOTS {
            return Err(self.overflow("stack overflow (in function mp_decode_to_lua_array)"));
        }
        // As large as it would have become, but at once: a power of two. Without a nil among the elements, no script can
        // tell the difference (see `forget_size`).
        let size = if len == 0 || len > SIZED_MAX { 0 } else { len.next_power_of_two() };
        // SAFETY: `item` has made room.
        unsafe { ffi::lua_createtable(self.state, size as c_int, 0) };
        self.used += 1;
        Ok(Item::Array(len))
    }

    /// Before a nil, which is on top, becomes an element of the array below it: puts in its place one that has grown
    /// element by element. In such a one, what comes behind the nil may lie in the hash part, and `#` answers accordingly.
    ///
    /// # Safety
    /// As said, and so many elements are in the array.
    #[cold]
    unsafe fn forget_size(&mut self, elements: c_int) -> Result<(), Bad> {
        // SAFETY: room is made; the array is at -2 under the nil, at -3 under the new one, which takes its place at last.
        unsafe {
            if ffi::lua_checkstack(self.state, 2) == 0 {
                return Err(self.overflow(TOO_MANY));
            }
            ffi::lua_createtable(self.state, 0, 0);
            for element in 1..=elements {
                ffi::lua_rawgeti_(self.state, -3, element);
                ffi::lua_rawseti_(self.state, -2, element);
            }
            ffi::lua_replace(self.state, -3);
        }
        Ok(())
    }
}
