//! `cmsgpack`: MessagePack (lua-cmsgpack 0.4.0).

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use crate::lua::lib::{
    Args, C_STACK_SLOTS, Fail, OUTPUT_BYTES_MAX, RESULTS_MAX, Reply, add, number, one, plain_number,
};

/// Tables nested deeper than this are packed as nil, which also ends tables that contain themselves.
const NESTING_MAX: usize = 16;

const TOO_MANY: &str = "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";

/// The library's table.
pub fn create(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    add(lua, &table, "pack", pack)?;
    add(lua, &table, "unpack", |lua, args| unpack(lua, args, 0, 0, args.len()))?;
    add(lua, &table, "unpack_one", |lua, args| {
        let offset = args.integer_or(2, 0)?;
        unpack(lua, args, 1, offset, 1)
    })?;
    add(lua, &table, "unpack_limit", |lua, args| {
        let limit = args.integer(2)?;
        let offset = args.integer_or(3, 0)?;
        unpack(lua, args, limit, offset, 1)
    })?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

fn pack(lua: &Lua, args: &Args<'_>) -> Reply {
    if args.len() == 0 {
        return Err(Fail::argument(0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for value in &args.values {
        put(&mut out, value, 0)?;
    }
    Ok(one(Value::String(lua.create_string(out)?)))
}

fn put(out: &mut Vec<u8>, value: &Value, level: usize) -> Result<(), Fail> {
    if out.len() > OUTPUT_BYTES_MAX {
        return Err(Fail::Bare(b"not enough memory".to_vec()));
    }
    match value {
        Value::String(text) => put_string(out, &text.as_bytes()),
        Value::Boolean(yes) => out.push(if *yes { 0xc3 } else { 0xc2 }),
        Value::Integer(n) => put_integer(out, *n),
        Value::Number(n) => put_number(out, *n),
        Value::Table(table) if level < NESTING_MAX => put_table(out, table, level)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

fn put_table(out: &mut Vec<u8>, table: &Table, level: usize) -> Result<(), Fail> {
    let mut count: usize = 0;
    let mut max = 0.0;
    let mut array = true;
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        count += 1;
        match plain_number(&key) {
            Some(n) if n > 0.0 && f64::from(number::to_i32(n)) == n => max = n.max(max),
            _ => array = false,
        }
    }
    // Keys do not repeat, so a greatest one equal to their number leaves no gap.
    if array && max == count as f64 {
        put_head(out, count, [0x90, 0xdc, 0xdd]);
        for index in 1..=count {
            put(out, &table.raw_get(index)?, level + 1)?;
        }
    } else {
        put_head(out, count, [0x80, 0xde, 0xdf]);
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            put(out, &key, level + 1)?;
            put(out, &value, level + 1)?;
        }
    }
    Ok(())
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

/// Reads values from `offset` on: all of them if limit and offset are 0; else up to `limit`, preceded by the offset of
/// the next or -1 at the end. `slots` is what the call had on its stack in the original.
fn unpack(lua: &Lua, args: &Args<'_>, limit: i64, offset: i64, slots: usize) -> Reply {
    let data = args.string(1)?;
    let data = &*data.as_bytes();
    if limit < 0 || offset < 0 {
        // It says limit and gives the length.
        let text =
            format!("Invalid request to unpack with offset of {} and limit of {}.", offset as i32, data.len() as i32);
        return Err(Fail::here(text));
    }
    let Some(left) = data.get(offset as usize..) else {
        let text = format!("Start offset {} greater than input length {}.", offset as i32, data.len() as i32);
        return Err(Fail::here(text));
    };
    let all = limit == 0 && offset == 0;
    let limit = if all { i32::MAX as usize } else { limit as usize };
    let mut reader = Reader { lua, left, frames: Vec::new() };
    let mut results = MultiValue::new();
    while !reader.left.is_empty() && results.len() < limit {
        if results.len() >= RESULTS_MAX {
            return Err(Fail::here(TOO_MANY));
        }
        let value = match reader.value(slots + results.len()) {
            Ok(value) => value,
            Err(Bad::End) => return Err(Fail::here("Missing bytes in input.")),
            Err(Bad::Format) => return Err(Fail::here("Bad data format in input.")),
            Err(Bad::Fail(fail)) => return Err(fail),
        };
        results.push_back(value);
    }
    if !all {
        let next = if reader.left.is_empty() { -1 } else { (data.len() - reader.left.len()) as i64 };
        results.push_front(Value::Integer(next));
    }
    Ok(results)
}

enum Bad {
    End,
    Format,
    Fail(Fail),
}

impl From<mlua::Error> for Bad {
    fn from(error: mlua::Error) -> Bad {
        Bad::Fail(error.into())
    }
}

/// What was read: a value, or the head of a container with so many elements or pairs.
enum Item {
    Value(Value),
    Array(usize),
    Map(usize),
}

/// A container that is being filled. The elements left, and for a map the key that waits for its value.
enum Frame {
    Array { table: Table, index: i64, left: usize },
    Map { table: Table, key: Option<Value>, left: usize },
}

struct Reader<'a> {
    lua: &'a Lua,
    left: &'a [u8],
    frames: Vec<Frame>,
}

impl Reader<'_> {
    /// One value with all that it contains. `slots`: stack slots that the original has in use here; it stops at
    /// [`C_STACK_SLOTS`].
    fn value(&mut self, mut slots: usize) -> Result<Value, Bad> {
        loop {
            let mut value = match self.item(slots)? {
                Item::Value(value) => value,
                Item::Array(left) => {
                    let table = self.lua.create_table()?;
                    if slots + 2 > C_STACK_SLOTS {
                        let text = "stack overflow (in function mp_decode_to_lua_array)";
                        return Err(Bad::Fail(Fail::here(text)));
                    }
                    if left == 0 {
                        Value::Table(table)
                    } else {
                        slots += 2;
                        self.frames.push(Frame::Array { table, index: 1, left });
                        continue;
                    }
                }
                Item::Map(left) => {
                    let table = self.lua.create_table()?;
                    if left == 0 {
                        Value::Table(table)
                    } else {
                        slots += 1;
                        self.frames.push(Frame::Map { table, key: None, left });
                        continue;
                    }
                }
            };
            // Give the value to its container, and that one, if it is full now, to its own.
            loop {
                let (table, left) = match self.frames.last_mut() {
                    None => return Ok(value),
                    Some(Frame::Array { table, index, left }) => {
                        table.raw_set(*index, value)?;
                        *index += 1;
                        (table, left)
                    }
                    Some(Frame::Map { table, key, left }) => match key.take() {
                        None => {
                            *key = Some(value);
                            slots += 1;
                            break;
                        }
                        Some(key) => {
                            check_key(&key)?;
                            table.raw_set(key, value)?;
                            slots -= 1;
                            (table, left)
                        }
                    },
                };
                *left -= 1;
                if *left > 0 {
                    break;
                }
                value = Value::Table(table.clone());
                slots -= if matches!(self.frames.pop(), Some(Frame::Array { .. })) { 2 } else { 1 };
            }
        }
    }

    fn item(&mut self, slots: usize) -> Result<Item, Bad> {
        let &code = self.left.first().ok_or(Bad::End)?;
        if slots + 1 > C_STACK_SLOTS {
            return Err(Bad::Fail(Fail::here(TOO_MANY)));
        }
        let integer = |n: i64| Ok(Item::Value(Value::Integer(n)));
        let float = |n: f64| Ok(Item::Value(Value::Number(n)));
        match code {
            0x00..=0x7f => {
                self.take(1)?;
                integer(i64::from(code))
            }
            0xe0..=0xff => {
                self.take(1)?;
                integer(i64::from(code as i8))
            }
            0x80..=0x8f => {
                self.take(1)?;
                Ok(Item::Map(usize::from(code & 15)))
            }
            0x90..=0x9f => {
                self.take(1)?;
                Ok(Item::Array(usize::from(code & 15)))
            }
            0xa0..=0xbf => {
                self.take(1)?;
                self.string(usize::from(code & 31))
            }
            0xc0 => {
                self.take(1)?;
                Ok(Item::Value(Value::Nil))
            }
            0xc2 | 0xc3 => {
                self.take(1)?;
                Ok(Item::Value(Value::Boolean(code == 0xc3)))
            }
            0xca => float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => float(f64::from_bits(self.number(8)?)),
            0xcc => integer(self.number(1)? as i64),
            0xcd => integer(self.number(2)? as i64),
            0xce => integer(self.number(4)? as i64),
            // Unsigned ones of 64 bits too: from 2^63 up they come out negative, as from the original.
            0xcf | 0xd3 => float(self.number(8)? as i64 as f64),
            0xd0 => integer(i64::from(self.number(1)? as i8)),
            0xd1 => integer(i64::from(self.number(2)? as i16)),
            0xd2 => integer(i64::from(self.number(4)? as i32)),
            0xd9 => {
                let len = self.number(1)?;
                self.string(len as usize)
            }
            0xda => {
                let len = self.number(2)?;
                self.string(len as usize)
            }
            0xdb => {
                let len = self.number(4)?;
                self.string(len as usize)
            }
            0xdc => Ok(Item::Array(self.number(2)? as usize)),
            0xdd => Ok(Item::Array(self.number(4)? as usize)),
            0xde => Ok(Item::Map(self.number(2)? as usize)),
            0xdf => Ok(Item::Map(self.number(4)? as usize)),
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => Err(Bad::Format),
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Bad> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(Bad::End)?;
        self.left = left;
        Ok(taken)
    }

    /// The `bytes` after the code as an unsigned number.
    fn number(&mut self, bytes: usize) -> Result<u64, Bad> {
        let taken = self.take(1 + bytes)?;
        Ok(taken[1..].iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn string(&mut self, len: usize) -> Result<Item, Bad> {
        let lua = self.lua;
        let text: LuaString = lua.create_string(self.take(len)?)?;
        Ok(Item::Value(Value::String(text)))
    }
}

/// Lua's own error for keys that no table can have.
fn check_key(key: &Value) -> Result<(), Bad> {
    let text = match key {
        Value::Nil => "table index is nil",
        Value::Number(n) if n.is_nan() => "table index is NaN",
        _ => return Ok(()),
    };
    Err(Bad::Fail(Fail::Bare(text.into())))
}
