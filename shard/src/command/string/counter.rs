//! Strings that are numbers.

use super::text::text;
use crate::event::class;
use crate::keyspace::{Deadline, NewValue, Str, as_str};
use crate::unit::Unit;
use curfew_protocol::args::integer;
use curfew_protocol::long_double::LongDouble;
use curfew_protocol::{Args, Error, Reply};

pub(super) fn incr(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    add(unit, args, out, 1)
}

pub(super) fn decr(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    add(unit, args, out, -1)
}

pub(super) fn incrby(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    add(unit, args, out, integer(args.at(2))?)
}

pub(super) fn decrby(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let decrement = integer(args.at(2))?.checked_neg().ok_or(Error::DECREMENT_OVERFLOW)?;
    add(unit, args, out, decrement)
}

fn add(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, increment: i64) -> Result<(), Error> {
    let key = args.at(1);
    let (sum, is_stored) = match unit.write(key) {
        None => (increment, false),
        Some(mut entry) => {
            let present = match as_str(entry.as_ref())? {
                Str::Int(number) => number,
                Str::Bytes(bytes) => integer(bytes)?,
            };
            let sum = present.checked_add(increment).ok_or(Error::OVERFLOW)?;
            (sum, entry.set_int(sum))
        }
    };
    if !is_stored {
        unit.put_str(key, NewValue::Int(sum), Deadline::Keep);
    }
    unit.effect(key, args.iter());
    unit.changed(key, class::STRING, "incrby");
    out.int(sum);
    Ok(())
}

pub(super) fn incrbyfloat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let mut digits = itoa::Buffer::new();
    let present = unit.peek_str(key)?.map_or(b"0".as_slice(), |value| text(value, &mut digits));
    let sum = number(present)?.add(number(args.at(2))?);
    if !sum.is_finite() {
        return Err(Error::NAN_OR_INFINITY);
    }
    let mut text = Vec::with_capacity(32);
    sum.format(&mut text);
    // Bytes even where it is a whole number: OBJECT ENCODING never says `int` after INCRBYFLOAT.
    unit.put_str(key, NewValue::Bytes(&text), Deadline::Keep);
    // The sum, since replicas and logs must not depend on how numbers are rounded.
    unit.effect(key, [b"SET".as_slice(), key, &text, b"KEEPTTL"]);
    unit.changed(key, class::STRING, "incrbyfloat");
    out.bulk(&text);
    Ok(())
}

fn number(text: &[u8]) -> Result<LongDouble, Error> {
    LongDouble::parse(text).ok_or(Error::NOT_A_FLOAT)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::tests::{form, put_a_list};
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
    const OVERFLOW: &str = "-ERR increment or decrement would overflow";

    fn world(lines: &[&str]) -> World {
        let mut world = World::new(2);
        put_a_list(&mut world, b"l");
        lines.iter().for_each(|line| assert!(!world.run(line).starts_with('-')));
        world.events();
        world.effects();
        world
    }

    #[test]
    fn whole_numbers() {
        let mut world = world(&["set k 10 ex 100", "set s abc", "set z 011", "set max 9223372036854775807"]);
        check(
            &mut world,
            &[
                ("incr k", ":11", "incrby k", "incr k"),
                ("INCRBY k 5", ":16", "incrby k", "INCRBY k 5"),
                ("decr k", ":15", "incrby k", "decr k"),
                ("decrby k -5", ":20", "incrby k", "decrby k -5"),
                ("incrby k 9223372036854775797", OVERFLOW, "", ""),
                ("incr max", OVERFLOW, "", ""),
                ("decr max", ":9223372036854775806", "incrby max", "decr max"),
                ("decrby k -9223372036854775808", "-ERR decrement would overflow", "", ""),
                ("incrby k abc", NOT_AN_INTEGER, "", ""),
                ("incr s", NOT_AN_INTEGER, "", ""),
                ("incr z", NOT_AN_INTEGER, "", ""),
                ("incr l", WRONG_TYPE, "", ""),
                ("incrby l abc", NOT_AN_INTEGER, "", ""),
                ("decr new", ":-1", "incrby new", "decr new"),
            ],
        );
        assert_eq!(form(&world, b"k"), ("int", Some(world.now.ms + 100_000)));
        assert_eq!(form(&world, b"new"), ("int", None));
    }

    #[test]
    fn bytes_that_are_a_number_become_one() {
        let mut world = world(&["append k 12", "append k 3"]);
        assert_eq!(form(&world, b"k"), ("raw", None));
        world.run("getex k px 50");
        assert_eq!(world.run("incr k"), ":124");
        assert_eq!(form(&world, b"k"), ("int", Some(world.now.ms + 50)));
        world.pass(51);
        assert_eq!(world.run("incr k"), ":1");
        assert_eq!(form(&world, b"k"), ("int", None));
    }

    #[test]
    fn floats() {
        let float = "-ERR value is not a valid float";
        let infinite = "-ERR increment would produce NaN or Infinity";
        let mut world = world(&["set k 10 ex 100", "set s abc"]);
        check(
            &mut world,
            &[
                ("incrbyfloat k 1", "$2 11", "incrbyfloat k", "SET k 11 KEEPTTL"),
                ("incrbyfloat k -1e-3", "$6 10.999", "incrbyfloat k", "SET k 10.999 KEEPTTL"),
                ("incrbyfloat k 1e17", "$18 100000000000000011", "incrbyfloat k", "SET k 100000000000000011 KEEPTTL"),
                ("incrbyfloat k abc", float, "", ""),
                ("incrbyfloat k nan", float, "", ""),
                ("incrbyfloat k inf", infinite, "", ""),
                ("incrbyfloat s 1", float, "", ""),
                ("incrbyfloat l abc", WRONG_TYPE, "", ""),
                ("incrbyfloat new 0.1", "$3 0.1", "incrbyfloat new", "SET new 0.1 KEEPTTL"),
                ("incrbyfloat new 0.2", "$3 0.3", "incrbyfloat new", "SET new 0.3 KEEPTTL"),
            ],
        );
        assert_eq!(form(&world, b"k"), ("embstr", Some(world.now.ms + 100_000)));
        world.run("set i 1");
        world.run("incrbyfloat i 1");
        assert_eq!(form(&world, b"i"), ("embstr", None));
    }
}
