//! `cjson`: JSON (lua-cjson 2.1.0 as in Redis 8.0): the module, its settings and the encoder. The decoder is in
//! `decode.rs`.

mod decode;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Table, Value};

use crate::lua::lib::{
    Args, C_STACK_SLOTS, Fail, OUTPUT_BYTES_MAX, Reply, add, number, one, plain_number, type_name, until_nul,
};

/// Table entries that the encoder holds at once. Up to so many are fetched in one go, which is several times faster;
/// larger tables are walked entry by entry, as held values take slots of mlua's auxiliary stack.
const HELD_MAX: usize = 1024;

/// The encoder's buffer is kept between calls up to this capacity.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// A new module table with its own settings, as `cjson.new()` makes. `next` is Lua's function of that name.
pub fn create(lua: &Lua, next: &Function) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let settings = Rc::new(Settings::default());

    let with = |name: &str, body: fn(&Lua, &Args<'_>, &Settings) -> Reply| {
        let settings = Rc::clone(&settings);
        add(lua, &table, name, move |lua, args| body(lua, args, &settings))
    };
    with("decode", decode::decode)?;
    with("encode_sparse_array", |_, args, s| {
        at_most(args, 3)?;
        let convert = choice(args, &s.sparse_convert, &["off", "on"])?;
        let ratio = integer(args, 2, &s.sparse_ratio, 0, i32::MAX)?;
        let safe = integer(args, 3, &s.sparse_safe, 0, i32::MAX)?;
        Ok(MultiValue::from_vec(vec![setting(args, convert)?, ratio, safe]))
    })?;
    with("encode_max_depth", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(integer(args, 1, &s.encode_max_depth, 1, i32::MAX)?))
    })?;
    with("decode_max_depth", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(integer(args, 1, &s.decode_max_depth, 1, i32::MAX)?))
    })?;
    with("encode_number_precision", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(integer(args, 1, &s.precision, 1, 14)?))
    })?;
    with("encode_keep_buffer", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(setting(args, choice(args, &s.keep_buffer, &["off", "on"])?)?))
    })?;
    with("encode_invalid_numbers", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(setting(args, choice(args, &s.encode_invalid, &["off", "on", "null"])?)?))
    })?;
    with("decode_invalid_numbers", |_, args, s| {
        at_most(args, 1)?;
        Ok(one(setting(args, choice(args, &s.decode_invalid, &["off", "on"])?)?))
    })?;

    let walk = next.clone();
    add(lua, &table, "encode", move |lua, args| encode(lua, args, &settings, &walk))?;
    let walk = next.clone();
    add(lua, &table, "new", move |lua, _| Ok(one(Value::Table(create(lua, &walk)?))))?;

    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

/// What a module table's configuration functions set. Switches are 0 and 1.
struct Settings {
    sparse_convert: Cell<i32>,
    sparse_ratio: Cell<i32>,
    sparse_safe: Cell<i32>,
    encode_max_depth: Cell<i32>,
    decode_max_depth: Cell<i32>,
    /// 0: an error, 1: written as they are, 2: written as null.
    encode_invalid: Cell<i32>,
    decode_invalid: Cell<i32>,
    /// Significant digits, 1 to 14.
    precision: Cell<i32>,
    keep_buffer: Cell<i32>,
    buffer: RefCell<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: Cell::new(0),
            sparse_ratio: Cell::new(2),
            sparse_safe: Cell::new(10),
            encode_max_depth: Cell::new(1000),
            decode_max_depth: Cell::new(1000),
            encode_invalid: Cell::new(0),
            decode_invalid: Cell::new(1),
            precision: Cell::new(14),
            keep_buffer: Cell::new(1),
            buffer: RefCell::new(Vec::new()),
        }
    }
}

fn at_most(args: &Args<'_>, count: usize) -> Result<(), Fail> {
    if args.len() > count {
        return Err(Fail::argument(count + 1, "found too many arguments"));
    }
    Ok(())
}

/// Sets and returns an integer. One out of range is reported as argument 1, whichever it is.
fn integer(args: &Args<'_>, index: usize, cell: &Cell<i32>, min: i32, max: i32) -> Result<Value, Fail> {
    if !args.is_none_or_nil(index) {
        let value = args.integer(index)? as i32;
        if value < min || value > max {
            return Err(Fail::argument(1, format!("expected integer between {min} and {max}")));
        }
        cell.set(value);
    }
    Ok(Value::Integer(i64::from(cell.get())))
}

/// Sets a choice from argument 1, by name or as a boolean, and returns what is set: its number and the name if it is
/// neither of the two that are told as booleans.
fn choice(args: &Args<'_>, cell: &Cell<i32>, names: &[&'static str]) -> Result<(i32, &'static str), Fail> {
    match args.get(1) {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(yes)) => cell.set(i32::from(*yes)),
        Some(_) => {
            let given = args.string(1)?;
            let given = given.as_bytes();
            let given = until_nul(&given);
            match names.iter().position(|name| name.as_bytes() == given) {
                Some(at) => cell.set(at as i32),
                None => {
                    let text = [b"invalid option '", given, b"'"].concat();
                    return Err(Fail::argument(1, text));
                }
            }
        }
    }
    let value = cell.get();
    Ok((value, names.get(value as usize).copied().unwrap_or_default()))
}

fn setting(args: &Args<'_>, (value, name): (i32, &str)) -> Result<Value, Fail> {
    match value {
        0 | 1 => Ok(Value::Boolean(value == 1)),
        _ => Ok(Value::String(args.lua.create_string(name)?)),
    }
}

fn encode(lua: &Lua, args: &Args<'_>, settings: &Settings, next: &Function) -> Reply {
    let (1, Some(value)) = (args.len(), args.get(1)) else {
        return Err(Fail::argument(1, "expected 1 argument"));
    };
    let mut out = settings.buffer.take();
    out.clear();
    let mut encoder = Encoder { settings, next, out, frames: Vec::new(), held: 0, slots: 1 };
    let done = encoder.run(value.clone());
    let mut out = encoder.out;
    let result = done.and_then(|()| Ok(one(Value::String(lua.create_string(&out)?))));
    if settings.keep_buffer.get() == 1 && out.capacity() <= KEPT_BYTES_MAX {
        out.clear();
        settings.buffer.replace(out);
    }
    result
}

/// A table that is being written.
enum Frame {
    /// A small one: its entries, fetched beforehand, and how many they were.
    Held { entries: std::vec::IntoIter<(Value, Value)>, count: usize, object: bool },
    /// An array by index.
    Array { table: Table, index: i32, length: i32 },
    /// An object by `next`.
    Walk { table: Table, key: Value },
}

struct Encoder<'a> {
    settings: &'a Settings,
    next: &'a Function,
    out: Vec<u8>,
    frames: Vec<Frame>,
    /// Entries in `Frame::Held`s.
    held: usize,
    /// Stack slots that the original has in use here.
    slots: usize,
}

impl Encoder<'_> {
    fn run(&mut self, mut value: Value) -> Result<(), Fail> {
        loop {
            match &value {
                Value::String(text) => put_string(&mut self.out, &text.as_bytes()),
                Value::Integer(n) => self.number(*n as f64)?,
                Value::Number(n) => self.number(*n)?,
                Value::Boolean(true) => self.out.extend_from_slice(b"true"),
                Value::Boolean(false) => self.out.extend_from_slice(b"false"),
                Value::Nil => self.out.extend_from_slice(b"null"),
                Value::LightUserData(pointer) if pointer.0.is_null() => self.out.extend_from_slice(b"null"),
                Value::Table(table) => self.open(table)?,
                other => return Err(refuse(other, "type not supported")),
            }
            if self.out.len() > OUTPUT_BYTES_MAX {
                return Err(Fail::Bare(b"not enough memory".to_vec()));
            }
            match self.advance()? {
                Some(next) => value = next,
                None => return Ok(()),
            }
        }
    }

    /// Starts a table.
    fn open(&mut self, table: &Table) -> Result<(), Fail> {
        let depth = self.frames.len() + 1;
        if depth > self.settings.encode_max_depth.get() as usize || self.slots + 3 > C_STACK_SLOTS {
            return Err(Fail::here(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        let shape = self.look(table)?;
        let frame = match shape {
            Shape { length: Some(length), held: Some(entries), .. } if in_order(&entries, length) => {
                Frame::Held { count: entries.len(), entries: entries.into_iter(), object: false }
            }
            Shape { length: Some(length), .. } => Frame::Array { table: table.clone(), index: 0, length },
            Shape { held: Some(entries), .. } => {
                Frame::Held { count: entries.len(), entries: entries.into_iter(), object: true }
            }
            Shape { .. } => Frame::Walk { table: table.clone(), key: Value::Nil },
        };
        let object = frame.is_object();
        self.out.push(if object { b'{' } else { b'[' });
        self.slots += if object { 2 } else { 1 };
        if let Frame::Held { count, .. } = frame {
            self.held += count;
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Whether the table is an array, and its entries if they are few.
    fn look(&self, table: &Table) -> Result<Shape, Fail> {
        let mut held = Some(Vec::new());
        let room = HELD_MAX.saturating_sub(self.held);
        let mut array = true;
        let mut max: i32 = 0;
        let mut items: i32 = 0;
        let looked = table.for_each(|key: Value, value: Value| {
            if array {
                match plain_number(&key) {
                    Some(n) if n >= 1.0 && n.floor() == n => {
                        // A cast that wraps beyond 2^31, and a comparison before it: which of several such keys
                        // counts depends on their order, as in the original.
                        if n > f64::from(max) {
                            max = number::to_i32(n);
                        }
                        items = items.wrapping_add(1);
                    }
                    _ => array = false,
                }
            }
            match &mut held {
                Some(entries) if entries.len() < room => entries.push((key, value)),
                Some(_) => held = None,
                None => {}
            }
            if !array && held.is_none() {
                // Nothing more to learn.
                return Err(mlua::Error::StackError);
            }
            Ok(())
        });
        if array || held.is_some() {
            looked?;
        }
        if !array || max <= 0 {
            return Ok(Shape { length: None, held });
        }
        let s = self.settings;
        let ratio = s.sparse_ratio.get();
        if ratio > 0 && max > items.wrapping_mul(ratio) && max > s.sparse_safe.get() {
            if s.sparse_convert.get() == 0 {
                return Err(Fail::here("Cannot serialise table: excessively sparse array"));
            }
            return Ok(Shape { length: None, held });
        }
        Ok(Shape { length: Some(max), held })
    }

    /// Closes what is finished; writes the comma and key before the next value and returns that.
    fn advance(&mut self) -> Result<Option<Value>, Fail> {
        loop {
            let Some(frame) = self.frames.last_mut() else {
                return Ok(None);
            };
            let object = frame.is_object();
            let entry = match frame {
                Frame::Held { entries, .. } => entries.next(),
                Frame::Array { index, length, .. } if index == length => None,
                Frame::Array { table, index, .. } => {
                    *index += 1;
                    Some((Value::Nil, table.raw_get(*index)?))
                }
                Frame::Walk { table, key } => {
                    let (at, value): (Value, Value) = self.next.call((&*table, &*key))?;
                    *key = at.clone();
                    if at.is_nil() { None } else { Some((at, value)) }
                }
            };
            let Some((key, value)) = entry else {
                self.out.push(if object { b'}' } else { b']' });
                self.slots -= if object { 2 } else { 1 };
                if let Some(Frame::Held { count, .. }) = self.frames.pop() {
                    self.held -= count;
                }
                continue;
            };
            // Only just after its bracket has a table no element: the brackets of inner ones are closed by now.
            if !matches!(self.out.last(), Some(b'[' | b'{')) {
                self.out.push(b',');
            }
            if object {
                self.key(&key)?;
            }
            return Ok(Some(value));
        }
    }

    fn key(&mut self, key: &Value) -> Result<(), Fail> {
        if let Value::String(text) = key {
            put_string(&mut self.out, &text.as_bytes());
        } else if let Some(n) = plain_number(key) {
            self.out.push(b'"');
            self.number(n)?;
            self.out.push(b'"');
        } else {
            return Err(refuse(key, "table key must be a number or string"));
        }
        self.out.push(b':');
        Ok(())
    }

    fn number(&mut self, n: f64) -> Result<(), Fail> {
        if !n.is_finite() {
            match self.settings.encode_invalid.get() {
                0 => {
                    return Err(Fail::here("Cannot serialise number: must not be NaN or Inf"));
                }
                1 if n.is_nan() => self.out.extend_from_slice(b"nan"),
                1 => number::write(&mut self.out, n, 14),
                _ => self.out.extend_from_slice(b"null"),
            }
        } else {
            number::write(&mut self.out, n, self.settings.precision.get() as usize);
        }
        Ok(())
    }
}

struct Shape {
    /// Of an array that is not empty.
    length: Option<i32>,
    held: Option<Vec<(Value, Value)>>,
}

impl Frame {
    fn is_object(&self) -> bool {
        match self {
            Frame::Held { object, .. } => *object,
            Frame::Array { .. } => false,
            Frame::Walk { .. } => true,
        }
    }
}

/// Whether the keys are 1 to `length`, one after the other.
fn in_order(entries: &[(Value, Value)], length: i32) -> bool {
    entries.len() == length as usize
        && entries.iter().zip(1i64..).all(|((key, _), at)| plain_number(key) == Some(at as f64))
}

fn refuse(value: &Value, reason: &str) -> Fail {
    Fail::here(format!("Cannot serialise {}: {reason}", type_name(value)))
}

/// Appends a JSON string. Bytes from 0x80 up pass as they are, whether they are UTF-8 or not.
fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    const PLAIN: [bool; 256] = {
        let mut plain = [true; 256];
        let mut b = 0;
        while b < 32 {
            plain[b] = false;
            b += 1;
        }
        plain[b'"' as usize] = false;
        plain[b'\\' as usize] = false;
        plain[b'/' as usize] = false;
        plain[0x7f] = false;
        plain
    };
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut left = text;
    loop {
        let run = left.iter().position(|&b| !PLAIN[usize::from(b)]).unwrap_or(left.len());
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
