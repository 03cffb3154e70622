//! `struct`: packs and unpacks C structures (struct 0.2).
//!
//! A format is read up to its first NUL. Letters: `<` `>` `!n` set byte order and alignment; `x` pads; `b` `h` `l` `i`n
//! are signed and `B` `H` `L` `I`n `T` unsigned integers; `f` `d` floats; `c`n and `s` strings.
#![allow(unsafe_code)]

use super::call::{Fail, Functions, OUTPUT_BYTES_MAX, Scratch, check_string, function, pop, push};
use super::number;
use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// The widest integer, in bytes.
const INTEGER_BYTES_MAX: usize = 32;

/// So many results, the position and a conversion fit into the slots that a C function has.
const RESULTS_FREE: c_int = ffi::LUA_MINSTACK - 4;

/// The library's functions.
pub const FUNCTIONS: Functions =
    &[(c"pack", function!(pack)), (c"unpack", function!(unpack)), (c"size", function!(size))];

/// # Safety
/// As for [`Body`](super::call::Body).
unsafe fn pack(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function. Strings are used while they are on the stack; a conversion of an argument takes no slot.
    unsafe {
        let mut format = Format::new(check_string(state, 1));
        // Behind the last argument the original has a nil of its own, of which its errors speak.
        ffi::lua_pushnil(state);
        scratch.out.clear();
        let mut index = 2;
        while let Some((letter, size)) = format.next(scratch)? {
            let padding = format.padding(scratch.out.len(), letter, size);
            if padding > 0 {
                scratch.out.resize(scratch.out.len() + padding, 0);
            }
            match letter {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    let n = number_at(state, index, scratch);
                    put_integer(&mut scratch.out, n, size, format.big);
                    index += 1;
                }
                b'x' => scratch.out.push(0),
                b'f' => {
                    let f = number_at(state, index, scratch) as f32;
                    scratch.out.extend_from_slice(&if format.big { f.to_be_bytes() } else { f.to_le_bytes() });
                    index += 1;
                }
                b'd' => {
                    let d = number_at(state, index, scratch);
                    scratch.out.extend_from_slice(&if format.big { d.to_be_bytes() } else { d.to_le_bytes() });
                    index += 1;
                }
                b'c' | b's' => {
                    if ffi::lua_isstring(state, index) == 0 {
                        scratch.tidy();
                    }
                    let text = check_string(state, index);
                    index += 1;
                    let size = if size == 0 { text.len() } else { size };
                    let Some(part) = text.get(..size) else {
                        // The argument named is the one after the string: the original's slip, which clients see.
                        return Err(scratch.argument(index, format_args!("string too short")));
                    };
                    scratch.out.extend_from_slice(part);
                    if letter == b's' {
                        scratch.out.push(0);
                    }
                }
                _ => format.control(letter, scratch)?,
            }
            if scratch.out.len() > OUTPUT_BYTES_MAX {
                return Err(scratch.too_large());
            }
        }
        push(state, &scratch.out);
        scratch.tidy();
        Ok(1)
    }
}

/// A number among the arguments. Raises if it is none, and then does not keep what was packed so far.
///
/// # Safety
/// As for [`Body`](super::call::Body).
#[inline]
unsafe fn number_at(state: *mut lua_State, index: c_int, scratch: &mut Scratch) -> f64 {
    // SAFETY: as asked of the caller. Lua answers 0 for what is no number.
    unsafe {
        let n = ffi::lua_tonumber(state, index);
        if n == 0.0 && ffi::lua_isnumber(state, index) == 0 {
            scratch.tidy();
            ffi::luaL_typerror(state, index, c"number".as_ptr());
        }
        n
    }
}

/// # Safety
/// As for [`Body`](super::call::Body).
unsafe fn unpack(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function. Format and data stay on the stack below the results, for which room is made one by one.
    unsafe {
        let mut format = Format::new(check_string(state, 1));
        let data = check_string(state, 2);
        // Unsigned as in the original: a negative offset is a very large one.
        let mut pos = match ffi::lua_type(state, 3) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => 1,
            _ => number::to_i64(ffi::luaL_checknumber(state, 3)) as usize,
        };
        if pos == 0 {
            return Err(scratch.argument(3, format_args!("offset must be 1 or greater")));
        }
        pos -= 1;
        let mut results = 0;
        while let Some((letter, mut size)) = format.next(scratch)? {
            pos = pos.wrapping_add(format.padding(pos, letter, size));
            let Some(mut field) = part(data, pos, size) else {
                return Err(short(scratch));
            };
            if results >= RESULTS_FREE && ffi::lua_checkstack(state, 2) == 0 {
                return Err(scratch.here(format_args!("stack overflow (too many results)")));
            }
            match letter {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    ffi::lua_pushnumber(state, get_integer(field, format.big, letter.is_ascii_lowercase()));
                    results += 1;
                }
                b'f' => {
                    let bits = u32::from_le_bytes(field.try_into().unwrap_or_default());
                    let f = f32::from_bits(if format.big { bits.swap_bytes() } else { bits });
                    ffi::lua_pushnumber(state, f64::from(f));
                    results += 1;
                }
                b'd' => {
                    let bits = u64::from_le_bytes(field.try_into().unwrap_or_default());
                    ffi::lua_pushnumber(state, f64::from_bits(if format.big { bits.swap_bytes() } else { bits }));
                    results += 1;
                }
                b'c' => {
                    if size == 0 {
                        if results == 0 || ffi::lua_isnumber(state, -1) == 0 {
                            return Err(scratch.here(format_args!("format 'c0' needs a previous size")));
                        }
                        size = number::to_u64(ffi::lua_tonumber(state, -1)) as usize;
                        pop(state, 1);
                        results -= 1;
                        field = match part(data, pos, size) {
                            Some(field) => field,
                            None => return Err(short(scratch)),
                        };
                    }
                    push(state, field);
                    results += 1;
                }
                b's' => {
                    let rest = data.get(pos..).unwrap_or_default();
                    let Some(end) = rest.iter().position(|&b| b == 0) else {
                        return Err(scratch.here(format_args!("unfinished string in data")));
                    };
                    size = end + 1;
                    push(state, &rest[..end]);
                    results += 1;
                }
                b'x' => {}
                _ => format.control(letter, scratch)?,
            }
            pos += size;
        }
        // Signed: a negative offset comes out as one.
        ffi::lua_pushnumber(state, (pos as i64).wrapping_add(1) as f64);
        Ok(results + 1)
    }
}

#[cold]
fn short(scratch: &mut Scratch) -> Fail {
    scratch.argument(2, format_args!("data string too short"))
}

/// # Safety
/// As for [`Body`](super::call::Body).
unsafe fn size(state: *mut lua_State, scratch: &mut Scratch) -> Result<c_int, Fail> {
    // SAFETY: a C function; the format stays on the stack.
    unsafe {
        let mut format = Format::new(check_string(state, 1));
        let mut pos: usize = 0;
        while let Some((letter, size)) = format.next(scratch)? {
            pos = pos.wrapping_add(format.padding(pos, letter, size));
            if letter == b's' {
                return Err(scratch.argument(1, format_args!("option 's' has no fixed size")));
            }
            if letter == b'c' && size == 0 {
                return Err(scratch.argument(1, format_args!("option 'c0' has no fixed size")));
            }
            if !letter.is_ascii_alphanumeric() {
                format.control(letter, scratch)?;
            }
            pos = pos.wrapping_add(size);
        }
        ffi::lua_pushnumber(state, pos as i64 as f64);
        Ok(1)
    }
}

/// `size` bytes at `pos`, if there are so many.
fn part(data: &[u8], pos: usize, size: usize) -> Option<&[u8]> {
    data.get(pos..pos.checked_add(size)?)
}

/// Writes the low bytes of the integer; what is wider than 64 bits is filled with zeros, for negative numbers too.
fn put_integer(out: &mut Vec<u8>, n: f64, size: usize, big: bool) {
    let value = if n < 0.0 { number::to_i64(n) as u64 } else { number::to_u64(n) };
    // The usual widths without loops.
    match (size, big) {
        (1, _) => return out.push(value as u8),
        (2, false) => return out.extend_from_slice(&(value as u16).to_le_bytes()),
        (2, true) => return out.extend_from_slice(&(value as u16).to_be_bytes()),
        (4, false) => return out.extend_from_slice(&(value as u32).to_le_bytes()),
        (4, true) => return out.extend_from_slice(&(value as u32).to_be_bytes()),
        (8, false) => return out.extend_from_slice(&value.to_le_bytes()),
        (8, true) => return out.extend_from_slice(&value.to_be_bytes()),
        _ => {}
    }
    let mut bytes = [0; INTEGER_BYTES_MAX];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    let bytes = &mut bytes[..size.min(INTEGER_BYTES_MAX)];
    if big {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

/// Reads an integer; of more than 64 bits the low 64 remain.
fn get_integer(field: &[u8], big: bool, signed: bool) -> f64 {
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let mut value = if big { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) };
    if !signed {
        return value as f64;
    }
    // The shift wraps at 64 bits, as the processor's does: integers wider than eight bytes take their sign from a bit
    // in the middle. Nonsense, but the reference's.
    let mask = u64::MAX.wrapping_shl((field.len() as u32).wrapping_mul(8).wrapping_sub(1));
    if value & mask != 0 {
        value |= mask;
    }
    value as i64 as f64
}

/// A format being read, with the options set so far.
struct Format<'a> {
    left: &'a [u8],
    big: bool,
    align: usize,
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8]) -> Format<'a> {
        Format { left: text, big: false, align: 1 }
    }

    /// The next letter and the size of its field in bytes; 0 where it has none.
    #[inline(always)] // as a call, it would return by way of memory, which costs a tenth of a short format
    fn next(&mut self, scratch: &mut Scratch) -> Result<Option<(u8, usize)>, Fail> {
        let Some((&letter @ 1.., left)) = self.left.split_first() else {
            return Ok(None);
        };
        self.left = left;
        let size = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1, scratch)?,
            b'i' | b'I' => {
                let size = self.count(4, scratch)?;
                if size > INTEGER_BYTES_MAX {
                    let text = format_args!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(scratch.here(text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((letter, size)))
    }

    /// A number in the format, below 2^31.
    #[inline]
    fn count(&mut self, default: usize, scratch: &mut Scratch) -> Result<usize, Fail> {
        let mut count = None;
        while let Some((digit @ b'0'..=b'9', left)) = self.left.split_first() {
            let n = count.unwrap_or(0) * 10 + usize::from(digit - b'0');
            if n > i32::MAX as usize {
                return Err(scratch.here(format_args!("integral size overflow")));
            }
            count = Some(n);
            self.left = left;
        }
        Ok(count.unwrap_or(default))
    }

    /// Zero bytes to put before a field of this size at `pos`. Sizes need not be powers of two; the arithmetic is that
    /// of the original then.
    #[inline]
    fn padding(&self, pos: usize, letter: u8, size: usize) -> usize {
        if size == 0 || letter == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(pos & (size - 1)) & (size - 1)
    }

    fn control(&mut self, letter: u8, scratch: &mut Scratch) -> Result<(), Fail> {
        match letter {
            b' ' => {}
            b'>' => self.big = true,
            b'<' => self.big = false,
            b'!' => {
                let align = self.count(8, scratch)?;
                if !align.is_power_of_two() {
                    return Err(scratch.here(format_args!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => return Err(scratch.option(1, "invalid format option", &[letter])),
        }
        Ok(())
    }
}
