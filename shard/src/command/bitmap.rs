//! Bitmaps: strings whose bits are looked at one by one, and integers of any width in them.

use crate::command::row::Row;
use crate::event::class;
use crate::keyspace::{Deadline, EntryMut, NewValue, Str, Value, as_str};
use crate::unit::Unit;
use crate::value::bits::{self, Combine, Overflow, Width};
use crate::value::object::Object;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Cursor, Error, Reply, args, number};
use std::ops::Range;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("bitcount", -2, Group::Bitmap, "2.6.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = bytes looked at", "Counts the bits that are 1, in a whole string or a part of it.", "key [range(start:int end:int [unit<BYTE|BIT>^7.0.0])]")
            .history(&[("7.0.0", "`BIT`: the part is given in bits instead of bytes.")]),
        bitcount,
    ),
    Row::new(
        Spec::new("bitfield", -2, Group::Bitmap, "3.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE | VARIABLE_FLAGS).notes("Which operations it is given decides between reading and writing.")])
            .finder(Finder::Bitfield)
            .doc("O(n), n = operations", "Reads, writes and adds to integers of any width, anywhere in a string.", "key [operation<GET get-block(encoding offset)|write([OVERFLOW overflow-block<WRAP|SAT|FAIL>] write-operation<SET set-block(encoding offset value:int)|INCRBY incrby-block(encoding offset increment:int)>)>...]"),
        bitfield,
    ),
    Row::new(
        Spec::new("bitfield_ro", -2, Group::Bitmap, "6.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = operations", "Reads integers of any width, anywhere in a string.", "key [GET get-block(encoding offset)+...]"),
        bitfield_ro,
    ),
    Row::new(
        Spec::new("bitop", -4, Group::Bitmap, "2.6.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::at(2, OW | UPDATE), KeySpec::range(3, -1, 1, RO | ACCESS)])
            .doc("O(n), n = bytes of all the strings", "Combines strings bit by bit into a new one: and, or, exclusive or, not.", "operation<AND|OR|XOR|NOT> destkey:key key@1..."),
        bitop,
    ),
    Row::new(
        Spec::new("bitpos", -3, Group::Bitmap, "2.8.7")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = bytes looked at", "Looks for the first 1, or the first 0, among the bits of a whole string or a part of it.", "key bit:int [range(start:int [end-unit-block(end:int [unit<BYTE|BIT>^7.0.0])])]")
            .history(&[("7.0.0", "`BIT`: the part is given in bits instead of bytes.")]),
        bitpos,
    ),
    Row::new(
        Spec::new("getbit", 3, Group::Bitmap, "2.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Reads one bit of a string.", "key offset"),
        getbit,
    ),
    Row::new(
        Spec::new("setbit", 4, Group::Bitmap, "2.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1), O(n) where the string grows, n = new bytes", "Writes one bit of a string and answers what it was; the string grows as far as needed.", "key offset value:int"),
        setbit,
    ),
];

/// New bitmaps up to this size are made inside their entries, longer ones outside.
const INLINE_BYTES_MAX: usize = 1024;
static ZEROS: [u8; INLINE_BYTES_MAX] = [0; INLINE_BYTES_MAX];

fn setbit(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let offset = bit_offset(args.at(2), unit.settings.bulk_max)?;
    let on = match number::parse_i64(args.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Error::BIT_VALUE),
    };
    let (was, grew) = change(unit, key, offset, |bytes| bits::set(bytes, offset, on))?;
    if grew || was != on {
        unit.changed(key, class::STRING, "setbit");
        unit.effect(key, args.iter());
    }
    out.flag(was);
    Ok(())
}

fn getbit(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let offset = bit_offset(args.at(2), unit.settings.bulk_max)?;
    let mut digits = itoa::Buffer::new();
    let value = unit.read_str(args.at(1))?;
    out.flag(bits::get(value.map_or(&[], |value| bytes_of(value, &mut digits)), offset));
    Ok(())
}

fn bitcount(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let range = match args.len() {
        2 => None,
        4 | 5 => {
            let (start, end) = (args::integer(args.at(2))?, args::integer(args.at(3))?);
            Some((start, end, in_bits(args.get(4))?))
        }
        _ => return Err(Error::SYNTAX),
    };
    let mut digits = itoa::Buffer::new();
    let value = unit.read_str(args.at(1))?;
    let bytes = value.map_or(&[][..], |value| bytes_of(value, &mut digits));
    out.int(match range {
        None => bits::count(bytes) as i64,
        Some((start, end, _)) if start < 0 && end < 0 && start > end => 0,
        Some((start, end, in_bits)) => bits::count_in(bytes, clamp(bytes.len(), start, end, in_bits)) as i64,
    });
    Ok(())
}

fn bitpos(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let on = match args::integer(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(Error::BITPOS_BIT),
    };
    if args.len() > 6 {
        return Err(Error::SYNTAX);
    }
    let start = args.get(3).map_or(Ok(0), args::integer)?;
    let in_bits = in_bits(args.get(5))?;
    let end = args.get(4).map(args::integer).transpose()?;
    let mut digits = itoa::Buffer::new();
    let Some(value) = unit.read_str(args.at(1))? else {
        // A missing string is zeros without end, whatever the range.
        out.int(if on { -1 } else { 0 });
        return Ok(());
    };
    let bytes = bytes_of(value, &mut digits);
    let range = clamp(bytes.len(), start, end.unwrap_or(i64::MAX), in_bits);
    let position = match bits::find(bytes, on, range.clone()) {
        Some(position) => position as i64,
        // Without an end the string is thought to go on with zeros.
        None if !on && end.is_none() && !range.is_empty() => range.end as i64,
        None => -1,
    };
    out.int(position);
    Ok(())
}

fn bitop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let operation = args.at(1);
    let how = if args::is(operation, "and") {
        Some(Combine::And)
    } else if args::is(operation, "or") {
        Some(Combine::Or)
    } else if args::is(operation, "xor") {
        Some(Combine::Xor)
    } else if args::is(operation, "not") {
        None
    } else {
        return Err(Error::SYNTAX);
    };
    if how.is_none() && args.len() != 4 {
        return Err(Error::BITOP_NOT);
    }

    let mut result = Vec::new();
    for (index, source) in args.tail(3).iter().enumerate() {
        let mut digits = itoa::Buffer::new();
        let value = unit.read_str(source)?;
        let bytes = value.map_or(&[][..], |value| bytes_of(value, &mut digits));
        match how {
            Some(how) if index > 0 => bits::combine(&mut result, bytes, how),
            _ => result.extend_from_slice(bytes),
        }
    }
    if how.is_none() {
        bits::invert(&mut result);
    }

    let (destination, len) = (args.at(2), result.len());
    // A destination whose time has come goes first, so that its effect stands before that of the new value.
    let existed = unit.exists(destination);
    if len > 0 {
        unit.effect(destination, [b"SET", destination, &result]);
        if len <= INLINE_BYTES_MAX {
            unit.put_str(destination, NewValue::Bytes(&result), Deadline::Clear);
        } else {
            unit.put_str(destination, NewValue::Object(Box::new(Object::Str(result))), Deadline::Clear);
        }
        if let Some(mut entry) = unit.write(destination) {
            entry.set_raw(true);
        }
        unit.changed(destination, class::STRING, "set");
    } else if existed {
        unit.remove(destination);
        unit.changed(destination, class::GENERIC, "del");
        unit.effect(destination, [b"DEL", destination]);
    }
    out.count(len);
    Ok(())
}

fn bitfield(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let steps = Steps::of(args, unit.settings.bulk_max);
    let plan = Plan::of(steps.clone())?;
    let Some(last_bit) = plan.last_bit_written else { return read_fields(unit, args.at(1), steps, plan, out) };
    let key = args.at(1);
    let ((wrote, differs), grew) = change(unit, key, last_bit, |bytes| {
        out.array(plan.replies);
        let (mut wrote, mut differs) = (false, false);
        for step in steps.flatten() {
            let before = step.width.read(bytes, step.offset);
            let (after, shown) = match step.action {
                Action::Get => {
                    out.int(before);
                    continue;
                }
                Action::Set(value) => (step.width.add(value, 0, step.overflow), Some(before)),
                Action::Add(increment) => (step.width.add(before, increment, step.overflow), None),
            };
            let Some(after) = after else {
                out.null();
                continue;
            };
            step.width.write(bytes, step.offset, after);
            wrote = true;
            differs |= before != after;
            out.int(shown.unwrap_or(after));
        }
        (wrote, differs)
    })?;
    if differs || grew && wrote {
        unit.changed(key, class::STRING, "setbit");
    }
    // A string that grew for a number that then did not fit is no event in Redis. But it has grown, so it has an effect.
    if differs || grew {
        unit.effect(key, args.iter());
    }
    Ok(())
}

fn bitfield_ro(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let steps = Steps::of(args, unit.settings.bulk_max);
    let plan = Plan::of(steps.clone())?;
    if plan.last_bit_written.is_some() {
        return Err(Error::BITFIELD_READ_ONLY);
    }
    read_fields(unit, args.at(1), steps, plan, out)
}

/// BITFIELD with nothing but GETs.
fn read_fields(unit: &mut Unit<'_>, key: &[u8], steps: Steps<'_>, plan: Plan, out: &mut Reply) -> Result<(), Error> {
    let mut digits = itoa::Buffer::new();
    let bytes = unit.read_str(key)?.map_or(&[][..], |value| bytes_of(value, &mut digits));
    out.array(plan.replies);
    steps.flatten().for_each(|step| out.int(step.width.read(bytes, step.offset)));
    Ok(())
}

/// Calls `act` with the bytes of the string at `key`, made so long that `last_bit` lies inside, and gives its result and
/// whether the string is new or longer. Afterwards the string is raw; its deadline stays.
fn change<R>(
    unit: &mut Unit<'_>,
    key: &[u8],
    last_bit: u64,
    act: impl FnOnce(&mut [u8]) -> R,
) -> Result<(R, bool), Error> {
    let len = (last_bit >> 3) as usize + 1;
    let grew = match unit.write(key) {
        None => {
            let inline = ZEROS.get(..len).map(NewValue::Bytes);
            let zeros = inline.unwrap_or_else(|| NewValue::Object(Box::new(Object::Str(vec![0; len]))));
            unit.put_str(key, zeros, Deadline::Clear);
            if let Some(mut entry) = unit.write(key)
                && let Some(bytes) = in_place(&mut entry)
            {
                return Ok((act(bytes), true));
            }
            true
        }
        Some(mut entry) => {
            let have = match as_str(entry.as_ref())? {
                Str::Int(number) => number::decimal_len(number),
                Str::Bytes(bytes) => bytes.len(),
            };
            if have >= len
                && let Some(bytes) = in_place(&mut entry)
            {
                return Ok((act(bytes), false));
            }
            have < len
        }
    };
    // There is a string, as was seen above; this cannot fail.
    let bytes = unit.grow(key).ok_or(Error::WRONG_TYPE)?;
    bits::lengthen(bytes, len);
    Ok((act(bytes), grew))
}

/// The bytes of a string that is not stored as a number, which becomes raw.
fn in_place<'e>(entry: &'e mut EntryMut<'_>) -> Option<&'e mut [u8]> {
    if matches!(entry.value(), Value::Int(_)) {
        return None;
    }
    entry.set_raw(true);
    if matches!(entry.value(), Value::Bytes(_)) {
        return entry.bytes_mut();
    }
    match entry.object_mut() {
        Some(Object::Str(bytes)) => Some(bytes),
        _ => None,
    }
}

/// The bytes of a string, those of a number written to `digits`.
fn bytes_of<'a>(value: Str<'a>, digits: &'a mut itoa::Buffer) -> &'a [u8] {
    match value {
        Str::Int(number) => digits.format(number).as_bytes(),
        Str::Bytes(bytes) => bytes,
    }
}

/// An offset in bits that lies in a string of at most `bulk_max` bytes.
fn bit_offset(arg: &[u8], bulk_max: usize) -> Result<u64, Error> {
    let offset = number::parse_i64(arg).ok_or(Error::BIT_OFFSET)?;
    in_bounds(offset, bulk_max)
}

fn in_bounds(offset: i64, bulk_max: usize) -> Result<u64, Error> {
    let offset = u64::try_from(offset).map_err(|_| Error::BIT_OFFSET)?;
    if offset >> 3 >= bulk_max as u64 { Err(Error::BIT_OFFSET) } else { Ok(offset) }
}

/// Whether the unit of a range is bits; without a word it is bytes.
fn in_bits(word: Option<&[u8]>) -> Result<bool, Error> {
    match word {
        None => Ok(false),
        Some(word) if args::is(word, "byte") => Ok(false),
        Some(word) if args::is(word, "bit") => Ok(true),
        Some(_) => Err(Error::SYNTAX),
    }
}

/// The bits from `start` to `end`, both included and counted from the end if negative, that a string of `len` bytes has.
fn clamp(len: usize, start: i64, end: i64, in_bits: bool) -> Range<u64> {
    let (total, unit_bits) = if in_bits { (len as i64 * 8, 1) } else { (len as i64, 8) };
    let from_end = |index: i64| if index < 0 { (total + index).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end { 0..0 } else { start as u64 * unit_bits..(end as u64 + 1) * unit_bits }
}

/// One step of BITFIELD.
#[derive(Copy, Clone)]
struct Step {
    action: Action,
    width: Width,
    offset: u64,
    overflow: Overflow,
}

#[derive(Copy, Clone)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// Reads the steps of BITFIELD from its arguments. Walked twice, first to check them all and then to do them, so that they
/// need no memory.
#[derive(Clone)]
struct Steps<'a> {
    cursor: Cursor<'a>,
    overflow: Overflow,
    bulk_max: usize,
}

impl<'a> Steps<'a> {
    fn of(args: Args<'a>, bulk_max: usize) -> Steps<'a> {
        Steps { cursor: args.cursor(2), overflow: Overflow::Wrap, bulk_max }
    }

    fn step(&mut self, word: &[u8]) -> Result<Option<Step>, Error> {
        let left = self.cursor.left();
        if args::is(word, "overflow") && left >= 1 {
            let word = self.cursor.next().ok_or(Error::SYNTAX)?;
            self.overflow = if args::is(word, "wrap") {
                Overflow::Wrap
            } else if args::is(word, "sat") {
                Overflow::Saturate
            } else if args::is(word, "fail") {
                Overflow::Fail
            } else {
                return Err(Error::BITFIELD_OVERFLOW);
            };
            return Ok(None);
        }
        let action = if args::is(word, "get") && left >= 2 {
            Action::Get
        } else if args::is(word, "set") && left >= 3 {
            Action::Set(0)
        } else if args::is(word, "incrby") && left >= 3 {
            Action::Add(0)
        } else {
            return Err(Error::SYNTAX);
        };
        let width = width(self.cursor.next().ok_or(Error::SYNTAX)?).ok_or(Error::BITFIELD_TYPE)?;
        let offset = match self.cursor.next().ok_or(Error::SYNTAX)? {
            // `#3` is the fourth of fields side by side. Redis multiplies without a look at the range.
            [b'#', index @ ..] => {
                let index = number::parse_i64(index).ok_or(Error::BIT_OFFSET)?;
                in_bounds(index.wrapping_mul(i64::from(width.bits)), self.bulk_max)?
            }
            offset => bit_offset(offset, self.bulk_max)?,
        };
        let action = match action {
            Action::Get => Action::Get,
            Action::Set(_) => Action::Set(self.cursor.i64()?),
            Action::Add(_) => Action::Add(self.cursor.i64()?),
        };
        Ok(Some(Step { action, width, offset, overflow: self.overflow }))
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, Error>;
    fn next(&mut self) -> Option<Result<Step, Error>> {
        loop {
            let word = self.cursor.next()?;
            if let Some(step) = self.step(word).transpose() {
                return Some(step);
            }
        }
    }
}

/// What all steps of a BITFIELD come to.
#[derive(Copy, Clone, Default)]
struct Plan {
    replies: usize,
    /// None if all of them only read.
    last_bit_written: Option<u64>,
}

impl Plan {
    /// The first error among the steps, if there is one.
    fn of(steps: Steps<'_>) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for step in steps {
            let step = step?;
            plan.replies += 1;
            if !matches!(step.action, Action::Get) {
                plan.last_bit_written = plan.last_bit_written.max(Some(step.offset + u64::from(step.width.bits) - 1));
            }
        }
        Ok(plan)
    }
}

/// `i8`, `u63` and so on.
fn width(word: &[u8]) -> Option<Width> {
    let (kind, bits) = word.split_first()?;
    let signed = match kind {
        b'i' => true,
        b'u' => false,
        _ => return None,
    };
    let bits = u32::try_from(number::parse_i64(bits)?).ok()?;
    (1..=63 + u32::from(signed)).contains(&bits).then_some(Width { signed, bits })
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Deadline, NewValue, as_str};
    use crate::testing::World;
    use crate::unit::{Held, Unit};
    use crate::value::kind::Type;

    /// Two shards; each word is `key=value`, stored as text; `key:=digits`, stored as a number; or `key@`, a list.
    fn world(strings: &str) -> World {
        let mut world = World::new(2);
        for word in strings.split_whitespace() {
            if let Some(key) = word.strip_suffix('@') {
                put(&mut world, key, Type::List, NewValue::Bytes(b"x"), Deadline::Clear);
            } else if let Some((key, digits)) = word.split_once(":=") {
                put(&mut world, key, Type::String, NewValue::Int(digits.parse().unwrap()), Deadline::Clear);
            } else if let Some((key, text)) = word.split_once('=') {
                put(&mut world, key, Type::String, NewValue::Bytes(text.as_bytes()), Deadline::Clear);
            }
        }
        world
    }

    fn with<R>(world: &mut World, act: impl FnOnce(&mut Unit<'_>) -> R) -> R {
        let held = Held::Many(world.shards.iter_mut().map(Some).collect());
        act(&mut Unit::new(held, &mut world.sink, world.now, world.db, &world.settings))
    }

    fn put(world: &mut World, key: &str, kind: Type, value: NewValue<'_>, deadline: Deadline) {
        with(world, |unit| unit.put(key.as_bytes(), kind, value, deadline));
    }

    /// The value of a string with its form: `text`, `int 12`, `raw \xff`, and its deadline.
    fn show(world: &mut World, key: &str) -> String {
        with(world, |unit| {
            let Some(entry) = unit.peek(key.as_bytes()) else { return "none".into() };
            let form = if entry.raw() { "raw " } else { "" };
            let value = match as_str(entry).unwrap() {
                crate::keyspace::Str::Int(number) => format!("int {number}"),
                crate::keyspace::Str::Bytes(bytes) => bytes.escape_ascii().to_string(),
            };
            let deadline = entry.deadline().map_or(String::new(), |at| format!(" until {at}"));
            format!("{form}{value}{deadline}")
        })
    }

    fn check(strings: &str, cases: &[(&str, &str)]) {
        for (line, expected) in cases {
            assert_eq!(&world(strings).run(line), expected, "{line}");
        }
    }

    const OFFSET: &str = "-ERR bit offset is not an integer or out of range";
    const INTEGER: &str = "-ERR value is not an integer or out of range";
    const SYNTAX: &str = "-ERR syntax error";
    const TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn setbit_and_getbit() {
        check(
            "n:=123 l@",
            &[
                ("setbit n 1 1", ":0"),
                ("setbit n 2 1", ":1"),
                ("setbit n 2 0", ":1"),
                ("setbit nope 4294967295 1", ":0"),
                ("setbit n 4294967296 1", OFFSET),
                ("setbit n -1 x", OFFSET),
                ("setbit n #1 1", OFFSET),
                ("setbit n 1 01", "-ERR bit is not an integer or out of range"),
                ("setbit n 1 -1", "-ERR bit is not an integer or out of range"),
                ("setbit l a 1", OFFSET),
                ("setbit l 1 2", "-ERR bit is not an integer or out of range"),
                ("setbit l 1 1", TYPE),
                ("getbit n 2", ":1"),
                ("getbit n 24", ":0"),
                ("getbit nope 4294967295", ":0"),
                ("getbit nope 4294967296", OFFSET),
                ("getbit l a", OFFSET),
                ("getbit l 1", TYPE),
            ],
        );
    }

    #[test]
    fn bitcount() {
        check(
            "s=foobar e= n:=123 l@",
            &[
                ("bitcount s", ":26"),
                ("bitcount nope", ":0"),
                ("bitcount n", ":10"),
                ("bitcount s 0 0", ":4"),
                ("bitcount s 1 1 byte", ":6"),
                ("bitcount s 5 30 BIT", ":17"),
                ("bitcount s -2 -1", ":7"),
                ("bitcount s -100 -100", ":4"),
                ("bitcount s -100 -101", ":0"),
                ("bitcount s 4 2", ":0"),
                ("bitcount s 0 9223372036854775807 bit", ":26"),
                ("bitcount s -9223372036854775808 -1", ":26"),
                ("bitcount e 0 -1 bit", ":0"),
                ("bitcount s 1", SYNTAX),
                ("bitcount s 1 2 foo", SYNTAX),
                ("bitcount s 1 2 bit x", SYNTAX),
                ("bitcount s a b foo", INTEGER),
                ("bitcount l a b", INTEGER),
                ("bitcount l 1 2 foo", SYNTAX),
                ("bitcount l 1 2", TYPE),
            ],
        );
    }

    #[test]
    fn bitpos() {
        check(
            "s=foobar e= n:=1 l@",
            &[
                ("bitpos s 1", ":1"),
                ("bitpos s 0", ":0"),
                ("bitpos s 1 2", ":17"),
                ("bitpos s 1 3 -1 bit", ":5"),
                ("bitpos s 1 -1", ":41"),
                ("bitpos n 1", ":2"),
                ("bitpos e 0", ":-1"),
                ("bitpos e 1", ":-1"),
                ("bitpos e 0 0", ":-1"),
                ("bitpos nope 0", ":0"),
                ("bitpos nope 1", ":-1"),
                ("bitpos nope 0 5 6", ":0"),
                ("bitpos s 1 9", ":-1"),
                ("bitpos s 2", "-ERR The bit argument must be 1 or 0."),
                ("bitpos s a", INTEGER),
                ("bitpos s 1 a 5 foo", INTEGER),
                ("bitpos s 1 1 b foo", SYNTAX),
                ("bitpos s 1 1 b bit", INTEGER),
                ("bitpos s 1 1 2 bit x", SYNTAX),
                ("bitpos l 2", "-ERR The bit argument must be 1 or 0."),
                ("bitpos l 1 a", INTEGER),
                ("bitpos l 1", TYPE),
            ],
        );
    }

    #[test]
    fn bitpos_in_ones_goes_on_only_without_an_end() {
        let mut world = World::new(1);
        put(&mut world, "k", Type::String, NewValue::Bytes(&[255; 2]), Deadline::Clear);
        let cases = [
            ("bitpos k 0", ":16"),
            ("bitpos k 0 1", ":16"),
            ("bitpos k 0 2", ":-1"),
            ("bitpos k 0 0 -1", ":-1"),
            ("bitpos k 0 0 100", ":-1"),
            ("bitpos k 0 3 9 bit", ":-1"),
        ];
        for (line, expected) in cases {
            assert_eq!(world.run(line), expected, "{line}");
        }
    }

    #[test]
    fn bitop_stores_results() {
        let cases = [
            ("bitop and d s t", ":3", "raw A`\\x00"),
            ("bitop OR d s t nope", ":3", "raw cbc"),
            ("bitop xor d s t", ":3", "raw \\\"\\x02c"),
            ("bitop not d s", ":3", "raw \\x9e\\x9d\\x9c"),
            ("bitop or d n nope", ":3", "raw 123"),
            ("bitop and d n nope", ":3", "raw \\x00\\x00\\x00"),
            ("bitop and d e nope", ":0", "none"),
            ("bitop diff d s t", SYNTAX, "old"),
            ("bitop one d s t", SYNTAX, "old"),
            ("bitop not d s l", "-ERR BITOP NOT must be called with a single source key.", "old"),
            ("bitop xx d l", SYNTAX, "old"),
            ("bitop or d l a", TYPE, "old"),
            ("bitop or d s l", TYPE, "old"),
        ];
        for (line, reply, expected) in cases {
            let mut world = world("s=abc t=C` e= n:=123 l@ d=old");
            assert_eq!(world.run(line), reply, "{line}");
            assert_eq!(show(&mut world, "d"), expected, "{line}");
        }
    }

    #[test]
    fn bitop_of_long_strings() {
        let mut world = World::new(2);
        put(&mut world, "a", Type::String, NewValue::Bytes(&[0x0F; 5000]), Deadline::Clear);
        put(&mut world, "b", Type::String, NewValue::Bytes(&[0x3C; 3001]), Deadline::Clear);
        assert_eq!(world.run("bitop xor d a b"), ":5000");
        assert_eq!(world.run("bitcount d"), ":20000");
        assert_eq!(world.run("bitpos d 1"), ":2");
        assert_eq!(world.run("bitpos d 1 3001"), ":24012");
        assert_eq!(world.run("bitop and d a b"), ":5000");
        assert_eq!(world.run("bitcount d"), ":6002");
        assert_eq!(world.run("bitpos d 1 3001"), ":-1");
    }

    #[test]
    fn bitfield() {
        let bad_type =
            "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
        let read_only = "-ERR BITFIELD_RO only supports the GET subcommand";
        check(
            "n:=123 l@",
            &[
                ("bitfield nope", "*0"),
                ("bitfield n get u8 0 get i4 #1 get u63 0", "*3 :49 :1 :1772475965893509120"),
                ("bitfield nope incrby i5 100 1 get u4 0", "*2 :1 :0"),
                ("bitfield nope set u8 0 255 get i8 0 set i8 #0 -1", "*3 :0 :-1 :-1"),
                ("bitfield nope set i8 0 -9223372036854775808 get i8 0", "*2 :0 :0"),
                ("bitfield nope overflow sat set i8 0 -9223372036854775808 get i8 0", "*2 :0 :127"),
                ("bitfield nope overflow sat set i8 0 -9223372036854775000 get i8 0", "*2 :0 :-128"),
                ("bitfield nope overflow sat incrby u2 0 10 incrby u2 0 -10", "*2 :3 :0"),
                ("bitfield nope overflow fail incrby u2 0 3 incrby u2 0 1 overflow wrap incrby u2 0 1", "*3 :3 $-1 :0"),
                ("bitfield nope set i64 0 9223372036854775807 incrby i64 0 1", "*2 :0 :-9223372036854775808"),
                ("bitfield n get u4 #4611686018427387905", "*1 :1"),
                ("bitfield n get u8 #9223372036854775807", OFFSET),
                ("bitfield n get u8 #", OFFSET),
                ("bitfield n get u8 #-1", OFFSET),
                ("bitfield n get u8 4294967295", "*1 :0"),
                ("bitfield n get u8 4294967296", OFFSET),
                ("bitfield n get u64 0", bad_type),
                ("bitfield n get I8 0", bad_type),
                ("bitfield n get i0 0", bad_type),
                ("bitfield n get i65 0", bad_type),
                ("bitfield n get u 0", bad_type),
                ("bitfield n overflow", SYNTAX),
                ("bitfield n overflow foo", "-ERR Invalid OVERFLOW type specified"),
                ("bitfield n get u8", SYNTAX),
                ("bitfield n set u8 0", SYNTAX),
                ("bitfield n set u8 0 x", INTEGER),
                ("bitfield l get u8 0 set", SYNTAX),
                ("bitfield l get u8 0", TYPE),
                ("bitfield l set u8 0 1", TYPE),
                ("bitfield_ro n get u8 0", "*1 :49"),
                ("bitfield_ro n overflow sat", "*0"),
                ("bitfield_ro l set u8 0 1", read_only),
                ("bitfield_ro n set u8 0 x", INTEGER),
                ("bitfield_ro n incrby u8 0 1", read_only),
            ],
        );
    }

    #[test]
    fn a_shorter_limit_holds_for_offsets() {
        let mut world = World::new(1);
        world.settings.bulk_max = 1 << 20;
        assert_eq!(world.run("setbit k 8388607 1"), ":0");
        assert_eq!(world.run("setbit k 8388608 1"), OFFSET);
        assert_eq!(world.run("bitfield k set i64 8388607 1"), "*1 :-9223372036854775808");
        assert_eq!(world.run("bitpos k 1 0 -1 bit"), ":8388670");
    }

    /// What a command leaves: the value, then effects and events.
    #[test]
    fn changes_leave_effects_and_events() {
        let cases: &[(&str, &str, &str, &str, &str)] = &[
            ("setbit k 7 1", "k", "raw \\x01", "setbit k 7 1", "setbit k"),
            ("setbit k 7 0", "k", "raw \\x00", "setbit k 7 0", "setbit k"),
            ("setbit s 15 0", "s", "raw ab", "", ""),
            ("setbit s 14 0", "s", "raw a`", "setbit s 14 0", "setbit s"),
            ("setbit s 31 1", "s", "raw ab\\x00\\x01", "setbit s 31 1", "setbit s"),
            ("setbit n 6 1", "n", "raw 323", "setbit n 6 1", "setbit n"),
            ("setbit n 0 0", "n", "raw 123", "", ""),
            ("getbit n 0", "n", "int 123", "", ""),
            ("bitfield n get u8 0", "n", "int 123", "", ""),
            ("bitfield n set u8 0 49", "n", "raw 123", "", ""),
            ("bitfield n set u8 0 50", "n", "raw 223", "bitfield n set u8 0 50", "setbit n"),
            ("BITFIELD k set u8 8 0", "k", "raw \\x00\\x00", "BITFIELD k set u8 8 0", "setbit k"),
            ("bitfield k overflow fail set u8 0 256", "k", "raw \\x00", "bitfield k overflow fail set u8 0 256", ""),
            ("bitfield s overflow fail set u8 0 256", "s", "raw ab", "", ""),
            ("bitop or d n s", "d", "raw qr3", "SET d qr3", "set d"),
            ("bitop or d nope", "d", "none", "DEL d", "del d"),
            ("bitop or nope nope", "nope", "none", "", ""),
            ("bitop not d l", "d", "old", "", ""),
            ("bitop and s s", "s", "raw ab", "SET s ab", "set s"),
        ];
        for (line, key, value, effects, events) in cases {
            let mut world = world("s=ab n:=123 l@ d=old");
            world.run(line);
            assert_eq!(&show(&mut world, key), value, "{line}");
            assert_eq!(&world.effect_lines().join(", "), effects, "{line}");
            assert_eq!(&world.events().join(", "), events, "{line}");
        }
    }

    #[test]
    fn deadlines_stay_but_for_the_destination_of_bitop() {
        let mut world = World::new(2);
        let at = world.now.ms + 1000;
        for key in ["a", "b", "d"] {
            put(&mut world, key, Type::String, NewValue::Int(1), Deadline::At(at));
        }
        world.run("setbit a 40 1");
        world.run("bitfield b set u8 40 1");
        world.run("bitop or d a");
        assert_eq!(show(&mut world, "a"), format!("raw 1\\x00\\x00\\x00\\x00\\x80 until {at}"));
        assert_eq!(show(&mut world, "b"), format!("raw 1\\x00\\x00\\x00\\x00\\x01 until {at}"));
        assert_eq!(show(&mut world, "d"), "raw 1\\x00\\x00\\x00\\x00\\x80");
    }

    #[test]
    fn what_is_past_its_deadline_is_absent() {
        let mut world = World::new(2);
        let at = world.now.ms + 10;
        for key in ["a", "b", "d"] {
            put(&mut world, key, Type::String, NewValue::Int(1), Deadline::At(at));
        }
        put(&mut world, "s", Type::String, NewValue::Bytes(b"x"), Deadline::Clear);
        world.pass(11);
        assert_eq!(world.run("setbit a 0 1"), ":0");
        assert_eq!(show(&mut world, "a"), "raw \\x80");
        assert_eq!(world.run("bitop or d s b"), ":1");
        assert_eq!(show(&mut world, "d"), "raw x");
        assert_eq!(world.effect_lines(), ["DEL a", "setbit a 0 1", "DEL b", "DEL d", "SET d x"]);
        assert_eq!(world.events(), ["expired a", "setbit a", "expired b", "expired d", "set d"]);
    }
}
