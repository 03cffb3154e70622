//! Commands that set whole values: SET and its kin, MSET and its kin.

use super::super::expire_options::{Expiry, Scale};
use super::text::{encode, equals, reply_str};
use crate::event::class;
use crate::keyspace::Deadline;
use crate::unit::Unit;
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply, number};

/// On what SET and MSETEX depend.
#[derive(Copy, Clone, Default, PartialEq, Eq)]
enum Condition<'a> {
    #[default]
    Always,
    /// `NX`: no such key.
    Absent,
    /// `XX`: the key is there.
    Present,
    /// `IFEQ`: the key holds this string (of Valkey 8.1 and Redis 8.4).
    Equal(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// If `option` is `NX` or `XX` and does not contradict what was given before, takes it.
    fn take_word(&mut self, option: &[u8]) -> bool {
        let condition = match option {
            _ if is(option, "NX") => Condition::Absent,
            _ if is(option, "XX") => Condition::Present,
            _ => return false,
        };
        let agrees = *self == Condition::Always || *self == condition;
        if agrees {
            *self = condition;
        }
        agrees
    }
}

/// The options of SET.
#[derive(Default)]
struct Options<'a> {
    condition: Condition<'a>,
    expiry: Expiry<'a>,
    get: bool,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>, Error> {
        let (mut options, mut cursor) = (Options::default(), args.cursor(3));
        while let Some(option) = cursor.next() {
            if is(option, "GET") {
                options.get = true;
            } else if is(option, "IFEQ") && options.condition == Condition::Always {
                options.condition = Condition::Equal(cursor.next().ok_or(Error::SYNTAX)?);
            } else if !options.condition.take_word(option)
                && !options.expiry.take_amount(option, &mut cursor)
                && !options.expiry.take_keep(option)
            {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

pub(super) fn set(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, value) = (args.at(1), args.at(2));
    if args.len() == 3 {
        store(unit, key, value, Deadline::Clear);
        out.ok();
        return Ok(());
    }
    // The form that sessions, locks and caches use all day, without a round through the options.
    if args.len() == 5
        && let Some(scale) = Scale::of(args.at(3))
    {
        let deadline = scale.deadline(args.at(4), unit.now, "set")?;
        store(unit, key, value, Deadline::At(deadline));
        out.ok();
        return Ok(());
    }
    let options = Options::parse(args)?;
    let deadline = deadline(&options.expiry, unit, "set")?;
    if options.get {
        reply_str(out, unit.read_str(key)?);
    }
    let is_met = match options.condition {
        Condition::Always => true,
        Condition::Absent => !unit.exists(key),
        Condition::Present => unit.exists(key),
        Condition::Equal(expected) => unit.peek_str(key)?.is_some_and(|held| equals(held, expected)),
    };
    if is_met {
        store(unit, key, value, deadline);
    }
    match (options.get, is_met) {
        (true, _) => {}
        (false, true) => out.ok(),
        (false, false) => out.null(),
    }
    Ok(())
}

pub(super) fn setnx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let is_absent = !unit.exists(args.at(1));
    if is_absent {
        store(unit, args.at(1), args.at(2), Deadline::Clear);
    }
    out.flag(is_absent);
    Ok(())
}

pub(super) fn setex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    set_for(unit, args, out, Scale::Seconds, "setex")
}

pub(super) fn psetex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    set_for(unit, args, out, Scale::Millis, "psetex")
}

fn set_for(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, scale: Scale, name: &str) -> Result<(), Error> {
    let deadline = scale.deadline(args.at(2), unit.now, name)?;
    store(unit, args.at(1), args.at(3), Deadline::At(deadline));
    out.ok();
    Ok(())
}

pub(super) fn getset(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply_str(out, unit.read_str(args.at(1))?);
    store(unit, args.at(1), args.at(2), Deadline::Clear);
    Ok(())
}

pub(super) fn mset(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    if args.len().is_multiple_of(2) {
        return Err(Error::wrong_arity("mset"));
    }
    for (key, value) in pairs(args.tail(1)) {
        store(unit, key, value, Deadline::Clear);
    }
    out.ok();
    Ok(())
}

pub(super) fn msetnx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    if args.len().is_multiple_of(2) {
        return Err(Error::wrong_arity("msetnx"));
    }
    out.flag(store_all(unit, pairs(args.tail(1)), Condition::Absent, Deadline::Clear));
    Ok(())
}

/// `MSETEX numkeys key value [key value ...] [NX|XX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`, of Redis 8.4.
pub(super) fn msetex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let count = number::parse_i64(args.at(1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(Error::MSETEX_KEYS)? as usize;
    if count > (args.len() - 2) / 2 {
        return Err(Error::MSETEX_PAIRS);
    }
    let (mut condition, mut expiry, mut cursor) = (Condition::Always, Expiry::Unsaid, args.cursor(2 + 2 * count));
    while let Some(option) = cursor.next() {
        if !condition.take_word(option) && !expiry.take_amount(option, &mut cursor) && !expiry.take_keep(option) {
            return Err(Error::SYNTAX);
        }
    }
    let deadline = deadline(&expiry, unit, "msetex")?;
    out.flag(store_all(unit, pairs(args.tail(2)).take(count), condition, deadline));
    Ok(())
}

/// Sets all pairs if the condition (not `Equal`) holds for each key before; tells whether it did.
fn store_all<'a>(
    unit: &mut Unit<'_>,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    condition: Condition<'_>,
    deadline: Deadline,
) -> bool {
    for (key, _) in pairs.clone() {
        // Looked at in any case, so that a key that is due has gone before it is set.
        let exists = unit.exists(key);
        if exists && condition == Condition::Absent || !exists && condition == Condition::Present {
            return false;
        }
    }
    pairs.for_each(|(key, value)| store(unit, key, value, deadline));
    true
}

/// Keys and values in turn; the number of arguments is even.
fn pairs<'a>(args: Args<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
    (0..args.len() / 2).map(move |pair| (args.at(2 * pair), args.at(2 * pair + 1)))
}

fn deadline(expiry: &Expiry<'_>, unit: &Unit<'_>, command: &str) -> Result<Deadline, Error> {
    Ok(match expiry {
        Expiry::Keep => Deadline::Keep,
        _ => expiry.deadline(unit.now, command)?.map_or(Deadline::Clear, Deadline::At),
    })
}

/// Makes `key` hold the string `value`, with the effect and the events of SET.
fn store(unit: &mut Unit<'_>, key: &[u8], value: &[u8], deadline: Deadline) {
    let set: [&[u8]; 3] = [b"SET", key, value];
    match deadline {
        Deadline::At(at) if unit.now.ms > at => return store_overdue(unit, key, value, at),
        Deadline::At(at) => {
            unit.put_str(key, encode(value), deadline);
            if unit.keeps_effects() {
                let mut digits = itoa::Buffer::new();
                unit.effect(key, set.into_iter().chain([b"PXAT".as_slice(), digits.format(at).as_bytes()]));
            } else {
                unit.effect(key, []); // counted only
            }
        }
        Deadline::Keep => {
            unit.put_str(key, encode(value), deadline);
            unit.effect(key, set.into_iter().chain([b"KEEPTTL".as_slice()]));
        }
        Deadline::Clear => {
            unit.put_str(key, encode(value), deadline);
            unit.effect(key, set);
        }
    }
    unit.changed(key, class::STRING, "set");
    if matches!(deadline, Deadline::At(_)) {
        unit.event(class::GENERIC, "expire", key);
    }
}

/// Redis 8.0 sets a value whose deadline has passed like any other, and the next lookup or cycle expires it. Nobody can see
/// it in between, so here it is never stored; the events are those of Redis.
fn store_overdue(unit: &mut Unit<'_>, key: &[u8], value: &[u8], deadline: i64) {
    if unit.remove(key) {
        unit.effect(key, [b"DEL".as_slice(), key]);
    } else {
        unit.event(class::NEW, "new", key);
    }
    unit.changed(key, class::STRING, "set");
    unit.event(class::GENERIC, "expire", key);
    unit.event_expired(key, value, deadline);
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::tests::{form, put_a_list};
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
    const SYNTAX: &str = "-ERR syntax error";
    const INVALID: &str = "-ERR invalid expire time in 'set' command";

    fn world(shards: u16) -> World {
        let mut world = World::new(shards);
        put_a_list(&mut world, b"l");
        world
    }

    #[test]
    fn set_and_its_options() {
        let mut world = world(3);
        let now = world.now.ms;
        let in_100_s = format!("SET k v PXAT {}", now + 100_000);
        check(
            &mut world,
            &[
                ("set k v", "+OK", "set k", "SET k v"),
                ("set k v px 100000 get", "$1 v", "set k, expire k", &in_100_s),
                ("set k v ex 10 EX 100", "+OK", "set k, expire k", &in_100_s),
                ("set k w keepttl keepttl", "+OK", "set k", "SET k w KEEPTTL"),
                ("set k v nx nx", "$-1", "", ""),
                ("set k v nx get", "$1 w", "", ""),
                ("set n v xx", "$-1", "", ""),
                ("set n v xx get", "$-1", "", ""),
                ("set n v get nx", "$-1", "set n", "SET n v"),
                ("set k v xx get", "$1 w", "set k", "SET k v"),
                ("set k v nx xx", SYNTAX, "", ""),
                ("set k v keepttl ex 10", SYNTAX, "", ""),
                ("set k v px 1 ex 10", SYNTAX, "", ""),
                ("set k v persist", SYNTAX, "", ""),
                ("set k v ex", SYNTAX, "", ""),
                ("set k v ex abc foo", SYNTAX, "", ""),
                ("set k v ex abc", NOT_AN_INTEGER, "", ""),
                ("set k v ex 0 nx", INVALID, "", ""),
                ("set k v ex -1", INVALID, "", ""),
                ("set k v px 9223372036854775807", INVALID, "", ""),
                ("set k v exat 9223372036854776", INVALID, "", ""),
                ("set l v ex 0 get", INVALID, "", ""),
                ("set l v get", WRONG_TYPE, "", ""),
                ("set l v nx get", WRONG_TYPE, "", ""),
                ("set l v nx", "$-1", "", ""),
                ("set l v xx", "+OK", "set l", "SET l v"),
                ("get l", "$1 v", "", ""),
            ],
        );
    }

    #[test]
    fn set_if_equal() {
        let mut world = world(2);
        check(
            &mut world,
            &[
                ("set k v", "+OK", "set k", "SET k v"),
                ("set k w ifeq v", "+OK", "set k", "SET k w"),
                ("set k x ifeq nope", "$-1", "", ""),
                ("set no x ifeq a", "$-1", "", ""),
                ("set no x ifeq a get", "$-1", "", ""),
                ("set k x ifeq nope get", "$1 w", "", ""),
                ("set k 10 ifeq w get keepttl", "$1 w", "set k", "SET k 10 KEEPTTL"),
                ("set k 11 ifeq 010", "$-1", "", ""),
                ("set k 11 ifeq 10", "+OK", "set k", "SET k 11"),
                ("set l x ifeq a", WRONG_TYPE, "", ""),
                ("set l x ifeq a get", WRONG_TYPE, "", ""),
                ("set k x ifeq", SYNTAX, "", ""),
                ("set k x ifeq a nx", SYNTAX, "", ""),
                ("set k x xx ifeq a", SYNTAX, "", ""),
                ("set k x ifeq a ifeq z", SYNTAX, "", ""),
            ],
        );
    }

    #[test]
    fn a_value_that_is_overdue_is_gone_at_once() {
        let mut world = world(2);
        let now = world.now.ms;
        check(
            &mut world,
            &[
                ("set k v", "+OK", "set k", "SET k v"),
                ("set k w exat 1 get", "$1 v", "set k, expire k, expired k", "DEL k"),
                ("set k w pxat 1", "+OK", "set k, expire k, expired k", ""),
                ("get k", "$-1", "", ""),
                (&format!("set k w pxat {now}"), "+OK", "set k, expire k", &format!("SET k w PXAT {now}")),
                ("get k", "$1 w", "", ""),
            ],
        );
        world.pass(1);
        check(&mut world, &[("get k", "$-1", "expired k", "DEL k")]);
    }

    #[test]
    fn a_key_that_is_due_goes_before_it_is_set() {
        let lines = [
            ("set k w", "+OK", "SET k w"),
            ("set k w keepttl", "+OK", "SET k w KEEPTTL"),
            ("set k w nx", "+OK", "SET k w"),
            ("set k w get", "$-1", "SET k w"),
            ("setnx k w", ":1", "SET k w"),
            ("getset k w", "$-1", "SET k w"),
            ("mset k w", "+OK", "SET k w"),
            ("msetnx k w", ":1", "SET k w"),
            ("msetex 1 k w keepttl", ":1", "SET k w KEEPTTL"),
        ];
        for (line, reply, effect) in lines {
            let mut world = world(2);
            world.run("set k v px 10");
            world.events();
            world.effects();
            world.pass(11);
            check(&mut world, &[(line, reply, "expired k, set k", &format!("DEL k, {effect}"))]);
            assert_eq!(form(&world, b"k"), ("embstr", None), "{line}");
        }
    }

    #[test]
    fn the_kin_of_set() {
        let mut world = world(2);
        let now = world.now.ms;
        check(
            &mut world,
            &[
                ("setex k 10 v", "+OK", "set k, expire k", &format!("SET k v PXAT {}", now + 10_000)),
                ("setex k 0 v", "-ERR invalid expire time in 'setex' command", "", ""),
                ("setex k x v", NOT_AN_INTEGER, "", ""),
                ("psetex k 10 w", "+OK", "set k, expire k", &format!("SET k w PXAT {}", now + 10)),
                ("psetex k 9223372036854775807 v", "-ERR invalid expire time in 'psetex' command", "", ""),
                ("setnx k v", ":0", "", ""),
                ("setnx l v", ":0", "", ""),
                ("setnx n v", ":1", "set n", "SET n v"),
                ("getset k v", "$1 w", "set k", "SET k v"),
                ("getset l v", WRONG_TYPE, "", ""),
                ("getset m v", "$-1", "set m", "SET m v"),
            ],
        );
        assert_eq!(form(&world, b"k").1, None);
    }

    #[test]
    fn several_keys() {
        for shards in [1, 7] {
            let mut world = world(shards);
            let now = world.now.ms;
            let invalid = "-ERR invalid expire time in 'msetex' command";
            let in_100_s = format!("SET a v PXAT {0}, SET b w PXAT {0}", now + 100_000);
            check(
                &mut world,
                &[
                    ("mset a 1 b", "-ERR wrong number of arguments for 'mset' command", "", ""),
                    ("mset a 1 b 2 a 3", "+OK", "set a, set b, set a", "SET a 1, SET b 2, SET a 3"),
                    ("get a", "$1 3", "", ""),
                    ("msetnx a", "-ERR wrong number of arguments for 'msetnx' command", "", ""),
                    ("msetnx z 1 a 2", ":0", "", ""),
                    ("get z", "$-1", "", ""),
                    ("msetnx y 1 z 2 y 3", ":1", "set y, set z, set y", "SET y 1, SET z 2, SET y 3"),
                    ("get y", "$1 3", "", ""),
                    ("msetex 0 k v", "-ERR invalid numkeys value", "", ""),
                    ("msetex x k v", "-ERR invalid numkeys value", "", ""),
                    ("msetex 2147483648 k v", "-ERR invalid numkeys value", "", ""),
                    ("msetex 2147483647 k v", "-ERR wrong number of key-value pairs", "", ""),
                    ("msetex 2 k v z", "-ERR wrong number of key-value pairs", "", ""),
                    ("msetex 1 k v z", SYNTAX, "", ""),
                    ("msetex 2 a v b w xx nx", SYNTAX, "", ""),
                    ("msetex 2 a v b w ex 10 px 20", SYNTAX, "", ""),
                    ("msetex 2 a v b w get", SYNTAX, "", ""),
                    ("msetex 2 a v b w ex abc", NOT_AN_INTEGER, "", ""),
                    ("msetex 2 a v k w nx ex 0", invalid, "", ""),
                    ("msetex 2 a v k w nx", ":0", "", ""),
                    ("msetex 2 a v k w xx", ":0", "", ""),
                    ("msetex 2 a v b w xx ex 100", ":1", "set a, expire a, set b, expire b", &in_100_s),
                    ("msetex 2 a v b w keepttl", ":1", "set a, set b", "SET a v KEEPTTL, SET b w KEEPTTL"),
                    ("msetex 2 q 1 q 2 nx", ":1", "set q, set q", "SET q 1, SET q 2"),
                    ("msetex 1 l x", ":1", "set l", "SET l x"),
                    (
                        "msetex 2 a v k w pxat 1",
                        ":1",
                        "set a, expire a, expired a, set k, expire k, expired k",
                        "DEL a",
                    ),
                    ("mget a k b", "*3 $-1 $-1 $1 w", "", ""),
                ],
            );
        }
    }

    #[test]
    fn deadlines_and_encodings() {
        let mut world = world(2);
        let at = world.now.ms + 10_000;
        let long = "x".repeat(45);
        let cases = [
            ("set k v ex 10", ("embstr", Some(at))),
            ("set k 123 keepttl", ("int", Some(at))),
            ("set k 0123", ("embstr", None)),
            ("set k -9223372036854775808 px 10000", ("int", Some(at))),
            ("set k 9223372036854775808 xx get", ("embstr", None)),
            (&format!("set k {long}"), ("raw", None)),
            (&format!("set k {}", &long[1..]), ("embstr", None)),
            ("append k x", ("raw", None)),
            ("set k v", ("embstr", None)),
            ("set k v pxat 9223372036854775807", ("embstr", Some(i64::MAX - 1))),
            ("mset k 1", ("int", None)),
        ];
        for (line, expected) in cases {
            world.run(line);
            assert_eq!(form(&world, b"k"), expected, "{line}");
        }
    }
}
