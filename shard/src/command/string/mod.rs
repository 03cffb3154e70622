//! Strings. This file has the rows and the commands that read; those that write are next to it, by what they do.

mod counter;
mod edit;
mod lcs;
mod set;
pub(in crate::command) mod text;

use super::expire_options::Expiry;
use crate::command::row::Row;
use crate::event::class;
use crate::keyspace::as_str;
use crate::unit::Unit;
use crate::value::kind::Type;
use curfew_protocol::args::integer;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use text::{equals, len, reply_str, slice, text};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("append", 3, Group::String, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(m) amortized, m = bytes appended", "Adds bytes to the end of a string, and makes the string if there is none.", "key value"),
        edit::append,
    ),
    Row::new(
        Spec::new("decr", 2, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Lowers the integer at a key by 1; a missing key counts as 0.", "key"),
        counter::decr,
    ),
    Row::new(
        Spec::new("decrby", 3, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Lowers the integer at a key by the given amount; a missing key counts as 0.", "key decrement:int"),
        counter::decrby,
    ),
    Row::new(
        Spec::new("get", 2, Group::String, "1.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Reads the string at a key.", "key"),
        get,
    ),
    Row::new(
        Spec::new("getdel", 2, Group::String, "6.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(1)", "Reads the string at a key and removes the key.", "key"),
        getdel,
    ),
    Row::new(
        Spec::new("getex", -2, Group::String, "6.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE).notes("UPDATE: the deadline may change")])
            .doc("O(1)", "Reads the string at a key and gives it another deadline, or takes its deadline away.", "key [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST>]"),
        getex,
    ),
    Row::new(
        Spec::new("getrange", 4, Group::String, "2.4.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(m), m = bytes returned", "Cuts out the bytes from one offset to another; negative offsets count from the end.", "key start:int end:int"),
        getrange,
    ),
    Row::new(
        Spec::new("getset", 3, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Writes a string and answers what was there before.", "key value")
            .deprecated("6.2.0", "`SET key value GET`"),
        set::getset,
    ),
    Row::new(
        Spec::new("incr", 2, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Raises the integer at a key by 1; a missing key counts as 0.", "key"),
        counter::incr,
    ),
    Row::new(
        Spec::new("incrby", 3, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Raises the integer at a key by the given amount; a missing key counts as 0.", "key increment:int"),
        counter::incrby,
    ),
    Row::new(
        Spec::new("incrbyfloat", 3, Group::String, "2.6.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Raises the number at a key by the given amount, fractions allowed; a missing key counts as 0.", "key increment:double"),
        counter::incrbyfloat,
    ),
    Row::new(
        Spec::new("lcs", -3, Group::String, "7.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::range(1, 1, 1, RO | ACCESS)])
            .doc("O(n*m), n and m = bytes of the two strings", "Finds the longest subsequence that two strings have in common: its text, its length, or where it matches.", "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:int] [WITHMATCHLEN]"),
        lcs::lcs,
    ),
    Row::new(
        Spec::new("mget", -2, Group::String, "1.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
            .doc("O(n), n = keys", "Reads several strings at one moment; null for a key that is missing or holds no string.", "key...")
            .tips(&["request_policy:multi_shard"]),
        mget,
    ),
    Row::new(
        Spec::new("mset", -3, Group::String, "1.0.1")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::range(1, -1, 2, OW | UPDATE)])
            .doc("O(n), n = keys", "Writes several strings as one change.", "data(key value)...")
            .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
        set::mset,
    ),
    Row::new(
        Spec::new("msetnx", -3, Group::String, "1.0.1")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::range(1, -1, 2, OW | INSERT)])
            .doc("O(n), n = keys", "Writes several strings as one change, or none of them if any of the keys is there already.", "data(key value)..."),
        set::msetnx,
    ),
    Row::new(
        Spec::new("psetex", 4, Group::String, "2.6.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE)])
            .doc("O(1)", "Writes a string that expires after so many milliseconds.", "key milliseconds value")
            .deprecated("2.6.12", "`SET key value PX milliseconds`"),
        set::psetex,
    ),
    Row::new(
        Spec::new("set", -3, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE | VARIABLE_FLAGS).notes("ACCESS: with GET the old string is returned")])
            .finder(Finder::Set)
            .doc("O(1)", "Writes a string, whatever the key held before; with a condition and a deadline, if wanted.", "key value [condition<NX|XX|IFEQ comparison-value^8.1.0{What the string must be for it to be written over.}>^2.6.12] [GET^6.2.0] [expiration<EX seconds^2.6.12|PX milliseconds^2.6.12|EXAT unix-time-seconds^6.2.0|PXAT unix-time-milliseconds^6.2.0|KEEPTTL^6.0.0>]")
            .history(&[("2.6.12", "`EX` and `PX` give it a deadline, `NX` and `XX` are conditions."), ("6.0.0", "`KEEPTTL`: the deadline stays as it is."), ("6.2.0", "`GET` answers the old string; `EXAT` and `PXAT` are points in time."), ("7.0.0", "`NX` and `GET` go together."), ("8.1.0", "`IFEQ`: only over a string that equals the given one.")]),
        set::set,
    ),
    Row::new(
        Spec::new("setex", 4, Group::String, "2.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE)])
            .doc("O(1)", "Writes a string that expires after so many seconds.", "key seconds value")
            .deprecated("2.6.12", "`SET key value EX seconds`"),
        set::setex,
    ),
    Row::new(
        Spec::new("setnx", 3, Group::String, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(OW | INSERT)])
            .doc("O(1)", "Writes a string unless the key is there already.", "key value")
            .deprecated("2.6.12", "`SET key value NX`"),
        set::setnx,
    ),
    Row::new(
        Spec::new("setrange", 4, Group::String, "2.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(m) amortized, m = bytes written, with those of a gap", "Overwrites a string from an offset on; a gap between its end and the offset is filled with zero bytes.", "key offset value"),
        edit::setrange,
    ),
    Row::new(
        Spec::new("strlen", 2, Group::String, "2.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells how many bytes a string has.", "key"),
        strlen,
    ),
    Row::new(
        Spec::new("substr", 4, Group::String, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(m), m = bytes returned", "Cuts out the bytes from one offset to another: the older name of GETRANGE.", "key start:int end:int")
            .deprecated("2.0.0", "`GETRANGE`"),
        getrange,
    ),
    Row::new(
        Spec::new("delifeq", 3, Group::String, "9.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RM | DELETE)])
            .doc("O(n), n = bytes compared", "Removes a key that holds exactly the given string.", "key value"),
        delifeq,
    ),
    Row::new(
        Spec::new("msetex", -4, Group::String, "8.4.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::numkeys_every(1, 2, OW | UPDATE)])
            .doc("O(n), n = keys", "Writes several strings with one deadline for all, if wanted only where none of the keys is there, or all are.", "numkeys data(key value)... [condition<NX|XX>] [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL>]")
            .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
        set::msetex,
    ),];

fn get(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply_str(out, unit.read_str(args.at(1))?);
    Ok(())
}

fn mget(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.array(args.len() - 1);
    for key in args.iter().skip(1) {
        // What is no string is shown as absent.
        let entry = unit.read(key).filter(|entry| entry.kind() == Type::String);
        reply_str(out, entry.map(as_str).transpose()?);
    }
    Ok(())
}

fn strlen(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(unit.read_str(args.at(1))?.map_or(0, len));
    Ok(())
}

/// GETRANGE and SUBSTR.
fn getrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    let mut digits = itoa::Buffer::new();
    let value = unit.read_str(args.at(1))?.map_or(b"".as_slice(), |value| text(value, &mut digits));
    out.bulk(slice(value, start, end));
    Ok(())
}

fn getdel(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let value = unit.read_str(key)?;
    reply_str(out, value);
    if value.is_some() {
        delete(unit, key);
    }
    Ok(())
}

fn delifeq(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let equal = unit.peek_str(key)?.is_some_and(|value| equals(value, args.at(2)));
    if equal {
        delete(unit, key);
    }
    out.flag(equal);
    Ok(())
}

fn getex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let (mut expiry, mut cursor) = (Expiry::default(), args.cursor(2));
    while let Some(option) = cursor.next() {
        if !expiry.take_amount(option, &mut cursor) && !expiry.take_persist(option) {
            return Err(Error::SYNTAX);
        }
    }
    let Some(entry) = unit.read(key) else {
        out.null();
        return Ok(());
    };
    let has_deadline = entry.deadline().is_some();
    reply_str(out, Some(as_str(entry)?));
    match expiry.deadline(unit.now, "getex")? {
        Some(deadline) if deadline <= unit.now.ms => delete(unit, key),
        Some(deadline) => {
            unit.set_deadline(key, Some(deadline));
            let mut digits = itoa::Buffer::new();
            unit.effect(key, [b"PEXPIREAT".as_slice(), key, digits.format(deadline).as_bytes()]);
            unit.changed(key, class::GENERIC, "expire");
        }
        None if expiry == Expiry::Persist && has_deadline => {
            unit.set_deadline(key, None);
            unit.effect(key, [b"PERSIST".as_slice(), key]);
            unit.changed(key, class::GENERIC, "persist");
        }
        None => {}
    }
    Ok(())
}

/// Removes a key that is there, with its effect and its event.
fn delete(unit: &mut Unit<'_>, key: &[u8]) {
    unit.remove(key);
    unit.effect(key, [b"DEL".as_slice(), key]);
    unit.changed(key, class::GENERIC, "del");
}

/// Runs lines of a test, each with the reply, the events and the effects that it leaves.
#[cfg(test)]
fn check(world: &mut crate::testing::World, cases: &[(&str, &str, &str, &str)]) {
    for (line, reply, events, effects) in cases {
        assert_eq!(world.run(line), *reply, "reply of {line}");
        assert_eq!(world.events().join(", "), *events, "events of {line}");
        assert_eq!(world.effect_lines().join(", "), *effects, "effects of {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{NewValue, Str};
    use crate::testing::World;

    /// A list, for commands that expect a string.
    pub(super) fn put_a_list(world: &mut World, key: &[u8]) {
        let shards = world.shards.len();
        let space = world.shards[crate::slots::shard_of(key, shards)].db_mut(0);
        let hash = space.hasher().hash(key);
        let value = NewValue::Bytes(b"packed");
        assert!(space.put(hash, key, Type::List, value, crate::keyspace::Deadline::Clear, 0).is_none());
    }

    /// What OBJECT ENCODING says, and the deadline.
    pub(super) fn form(world: &World, key: &[u8]) -> (&'static str, Option<i64>) {
        let space = world.shards[crate::slots::shard_of(key, world.shards.len())].db(0);
        let entry = space.get(space.hasher().hash(key), key).expect("the key is there");
        let encoding = match as_str(entry).expect("the key is a string") {
            Str::Int(_) => "int",
            Str::Bytes(bytes) if bytes.len() <= 44 && !entry.raw() => "embstr",
            Str::Bytes(_) => "raw",
        };
        (encoding, entry.deadline())
    }

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";

    #[test]
    fn reads() {
        for shards in [1, 5] {
            let mut world = World::new(shards);
            put_a_list(&mut world, b"l");
            world.run("mset k Hello n -15");
            world.events();
            world.effects();
            let cases = [
                ("get k", "$5 Hello"),
                ("get n", "$3 -15"),
                ("get nokey", "$-1"),
                ("get l", WRONG_TYPE),
                ("mget k nokey l n", "*4 $5 Hello $-1 $-1 $3 -15"),
                ("strlen k", ":5"),
                ("strlen n", ":3"),
                ("strlen nokey", ":0"),
                ("strlen l", WRONG_TYPE),
                ("getrange k 0 -100", "$1 H"),
                ("getrange k -100 -100", "$1 H"),
                ("getrange k -1 -2", "$0"),
                ("getrange k 3 2", "$0"),
                ("getrange k 1 2", "$2 el"),
                ("getrange k 0 100", "$5 Hello"),
                ("getrange k 5 6", "$0"),
                ("getrange k 9223372036854775807 9223372036854775807", "$0"),
                ("getrange k -9223372036854775808 9223372036854775807", "$5 Hello"),
                ("getrange k x 1", NOT_AN_INTEGER),
                ("getrange l x 1", NOT_AN_INTEGER),
                ("getrange l 0 1", WRONG_TYPE),
                ("getrange nokey 0 1", "$0"),
                ("getrange n 1 -1", "$2 15"),
                ("substr k 1 -1", "$4 ello"),
            ];
            for (line, reply) in cases {
                check(&mut world, &[(line, reply, "", "")]);
            }
        }
    }

    #[test]
    fn hits_and_misses() {
        let cases = [
            ("get k", 1, 0),
            ("get nokey", 0, 1),
            ("get l", 1, 0),
            ("mget k nokey l", 2, 1),
            ("strlen k", 1, 0),
            ("getrange nokey 0 1", 0, 1),
            ("getex nokey", 0, 1),
            ("getdel nokey", 0, 1),
            ("getset k w", 1, 0),
            ("set k w get", 1, 0),
            ("lcs k nokey", 1, 1),
            ("set k w", 0, 0),
            ("set nokey w xx", 0, 0),
            ("set k w ifeq v", 0, 0),
            ("msetnx k w", 0, 0),
            ("append k x", 0, 0),
            ("incr n", 0, 0),
            ("incrbyfloat n 1", 0, 0),
            ("delifeq k x", 0, 0),
        ];
        for (line, hits, misses) in cases {
            let mut world = World::new(1);
            put_a_list(&mut world, b"l");
            world.run("mset k v n 1");
            world.run(line);
            let stats = &world.shards[0].stats;
            assert_eq!((stats.hits, stats.misses), (hits, misses), "{line}");
        }
    }

    #[test]
    fn getdel_and_delifeq() {
        let mut world = World::new(3);
        put_a_list(&mut world, b"l");
        world.run("mset k v n 11");
        world.events();
        world.effects();
        check(
            &mut world,
            &[
                ("getdel nokey", "$-1", "", ""),
                ("getdel l", WRONG_TYPE, "", ""),
                ("getdel k", "$1 v", "del k", "DEL k"),
                ("getdel k", "$-1", "", ""),
                ("delifeq k v", ":0", "", ""),
                ("delifeq l v", WRONG_TYPE, "", ""),
                ("delifeq n 011", ":0", "", ""),
                ("delifeq n 11", ":1", "del n", "DEL n"),
                ("delifeq n 11", ":0", "", ""),
            ],
        );
    }

    #[test]
    fn getex_changes_the_deadline_only() {
        let mut world = World::new(2);
        put_a_list(&mut world, b"l");
        world.run("set k v");
        world.events();
        world.effects();
        let invalid = "-ERR invalid expire time in 'getex' command";
        let now = world.now.ms;
        check(
            &mut world,
            &[
                ("getex k", "$1 v", "", ""),
                ("getex k persist", "$1 v", "", ""),
                ("getex k ex 100", "$1 v", "expire k", &format!("PEXPIREAT k {}", now + 100_000)),
                ("getex k", "$1 v", "", ""),
                ("getex k px 7", "$1 v", "expire k", &format!("PEXPIREAT k {}", now + 7)),
                ("getex k persist", "$1 v", "persist k", "PERSIST k"),
                ("getex k persist ex 10", "-ERR syntax error", "", ""),
                ("getex k ex 10 persist", "-ERR syntax error", "", ""),
                ("getex k keepttl", "-ERR syntax error", "", ""),
                ("getex k nx", "-ERR syntax error", "", ""),
                ("getex k ex", "-ERR syntax error", "", ""),
                ("getex k ex 0", invalid, "", ""),
                ("getex k ex x", NOT_AN_INTEGER, "", ""),
                ("getex k px 9223372036854775807", invalid, "", ""),
                ("getex nokey ex 0", "$-1", "", ""),
                ("getex l ex 0", WRONG_TYPE, "", ""),
                (&format!("getex k pxat {}", now + 1), "$1 v", "expire k", &format!("PEXPIREAT k {}", now + 1)),
                (&format!("getex k pxat {now}"), "$1 v", "del k", "DEL k"),
                ("getex k exat 1", "$-1", "", ""),
            ],
        );
    }
}
