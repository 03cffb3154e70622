//! `struct`: packs and unpacks C structures (struct 0.2).
//!
//! A format is read up to its first NUL. Letters: `<` `>` `!n` set byte order and alignment; `x` pads; `b` `h` `l` `i`n
//! are signed and `B` `H` `L` `I`n `T` unsigned integers; `f` `d` floats; `c`n and `s` strings.

use mlua::{Lua, MultiValue, Table, Value};

use crate::lua::lib::{Args, C_STACK_SLOTS, Fail, RESULTS_MAX, Reply, add, number, one, to_number, until_nul};

/// The widest integer, in bytes.
const INTEGER_BYTES_MAX: usize = 32;

/// The library's table.
pub fn create(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    add(lua, &table, "pack", pack)?;
    add(lua, &table, "unpack", unpack)?;
    add(lua, &table, "size", size)?;
    Ok(table)
}

fn pack(lua: &Lua, args: &Args<'_>) -> Reply {
    let format = args.string(1)?;
    let format = format.as_bytes();
    let mut format = Format::new(&format);
    let mut out = Vec::new();
    let mut arg = 2;
    while let Some((letter, size)) = format.next()? {
        out.resize(out.len() + format.padding(out.len(), letter, size), 0);
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                put_integer(&mut out, number_at(args, arg)?, size, format.big);
                arg += 1;
            }
            b'x' => out.push(0),
            b'f' => {
                let f = number_at(args, arg)? as f32;
                out.extend_from_slice(&if format.big { f.to_be_bytes() } else { f.to_le_bytes() });
                arg += 1;
            }
            b'd' => {
                let d = number_at(args, arg)?;
                out.extend_from_slice(&if format.big { d.to_be_bytes() } else { d.to_le_bytes() });
                arg += 1;
            }
            b'c' | b's' => {
                let text = given(args, arg, "string").and_then(|()| args.string(arg))?;
                let text = text.as_bytes();
                arg += 1;
                let size = if size == 0 { text.len() } else { size };
                // The argument named is the one after the string: the original's slip, which clients see.
                let part = text.get(..size).ok_or_else(|| Fail::argument(arg, "string too short"))?;
                out.extend_from_slice(part);
                if letter == b's' {
                    out.push(0);
                }
            }
            _ => format.control(letter)?,
        }
        if out.len() > super::OUTPUT_BYTES_MAX {
            return Err(Fail::Bare(b"not enough memory".to_vec()));
        }
    }
    Ok(one(Value::String(lua.create_string(out)?)))
}

fn number_at(args: &Args<'_>, index: usize) -> Result<f64, Fail> {
    given(args, index, "number")?;
    args.number(index)
}

/// That there is such an argument. The original finds a nil of its own behind the last.
fn given(args: &Args<'_>, index: usize, expected: &str) -> Result<(), Fail> {
    match args.get(index) {
        None => Err(Fail::argument(index, format!("{expected} expected, got nil"))),
        Some(_) => Ok(()),
    }
}

fn unpack(lua: &Lua, args: &Args<'_>) -> Reply {
    let format = args.string(1)?;
    let format = format.as_bytes();
    let mut format = Format::new(&format);
    let data = args.string(2)?;
    let data = &*data.as_bytes();
    // Unsigned as in the original: a negative offset is a very large one.
    let mut pos = args.integer_or(3, 1)? as usize;
    if pos == 0 {
        return Err(Fail::argument(3, "offset must be 1 or greater"));
    }
    pos -= 1;
    let mut results = MultiValue::new();
    let short = || Fail::argument(2, "data string too short");
    while let Some((letter, mut size)) = format.next()? {
        pos = pos.wrapping_add(format.padding(pos, letter, size));
        let mut field = part(data, pos, size).ok_or_else(short)?;
        if args.len() + results.len() + 2 > C_STACK_SLOTS || results.len() >= RESULTS_MAX {
            return Err(Fail::here("stack overflow (too many results)"));
        }
        match letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let n = get_integer(field, format.big, letter.is_ascii_lowercase());
                results.push_back(Value::Number(n));
            }
            b'f' => {
                let bits = u32::from_le_bytes(field.try_into().unwrap_or_default());
                let f = f32::from_bits(if format.big { bits.swap_bytes() } else { bits });
                results.push_back(Value::Number(f64::from(f)));
            }
            b'd' => {
                let bits = u64::from_le_bytes(field.try_into().unwrap_or_default());
                let d = f64::from_bits(if format.big { bits.swap_bytes() } else { bits });
                results.push_back(Value::Number(d));
            }
            b'c' => {
                if size == 0 {
                    let n = results.back().and_then(to_number);
                    let n = n.ok_or_else(|| Fail::here("format 'c0' needs a previous size"))?;
                    results.pop_back();
                    size = number::to_u64(n) as usize;
                    field = part(data, pos, size).ok_or_else(short)?;
                }
                results.push_back(Value::String(lua.create_string(field)?));
            }
            b's' => {
                let rest = data.get(pos..).unwrap_or_default();
                let end = rest.iter().position(|&b| b == 0);
                let end = end.ok_or_else(|| Fail::here("unfinished string in data"))?;
                size = end + 1;
                results.push_back(Value::String(lua.create_string(&rest[..end])?));
            }
            b'x' => {}
            _ => format.control(letter)?,
        }
        pos += size;
    }
    results.push_back(Value::Integer(pos as i64 + 1));
    Ok(results)
}

fn size(_: &Lua, args: &Args<'_>) -> Reply {
    let format = args.string(1)?;
    let format = format.as_bytes();
    let mut format = Format::new(&format);
    let mut pos: usize = 0;
    while let Some((letter, size)) = format.next()? {
        pos = pos.wrapping_add(format.padding(pos, letter, size));
        if letter == b's' {
            return Err(Fail::argument(1, "option 's' has no fixed size"));
        }
        if letter == b'c' && size == 0 {
            return Err(Fail::argument(1, "option 'c0' has no fixed size"));
        }
        if !letter.is_ascii_alphanumeric() {
            format.control(letter)?;
        }
        pos = pos.wrapping_add(size);
    }
    Ok(one(Value::Integer(pos as i64)))
}

/// `size` bytes at `pos`, if there are so many.
fn part(data: &[u8], pos: usize, size: usize) -> Option<&[u8]> {
    data.get(pos..pos.checked_add(size)?)
}

/// Writes the low bytes of the integer; what is wider than 64 bits is filled with zeros, for negative numbers too.
fn put_integer(out: &mut Vec<u8>, n: f64, size: usize, big: bool) {
    let value = if n < 0.0 { number::to_i64(n) as u64 } else { number::to_u64(n) };
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
    let mut value: u64 = 0;
    for i in 0..field.len() {
        let byte = if big { field[i] } else { field[field.len() - 1 - i] };
        value = value << 8 | u64::from(byte);
    }
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
        Format { left: until_nul(text), big: false, align: 1 }
    }

    /// The next letter and the size of its field in bytes; 0 where it has none.
    fn next(&mut self) -> Result<Option<(u8, usize)>, Fail> {
        let Some((&letter, left)) = self.left.split_first() else {
            return Ok(None);
        };
        self.left = left;
        let size = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1)?,
            b'i' | b'I' => {
                let size = self.count(4)?;
                if size > INTEGER_BYTES_MAX {
                    let text = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(Fail::here(text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((letter, size)))
    }

    /// A number in the format, below 2^31.
    fn count(&mut self, default: usize) -> Result<usize, Fail> {
        let digits = self.left.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let mut n = 0;
        for &digit in &self.left[..digits] {
            n = n * 10 + usize::from(digit - b'0');
            if n > i32::MAX as usize {
                return Err(Fail::here("integral size overflow"));
            }
        }
        self.left = &self.left[digits..];
        Ok(n)
    }

    /// Zero bytes to put before a field of this size at `pos`. Sizes need not be powers of two; the arithmetic is that
    /// of the original then.
    fn padding(&self, pos: usize, letter: u8, size: usize) -> usize {
        if size == 0 || letter == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(pos & (size - 1)) & (size - 1)
    }

    fn control(&mut self, letter: u8) -> Result<(), Fail> {
        match letter {
            b' ' => {}
            b'>' => self.big = true,
            b'<' => self.big = false,
            b'!' => {
                let align = self.count(8)?;
                if !align.is_power_of_two() {
                    return Err(Fail::here(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let mut text = b"invalid format option '".to_vec();
                text.extend_from_slice(&[letter, b'\'']);
                return Err(Fail::argument(1, text));
            }
        }
        Ok(())
    }
}
