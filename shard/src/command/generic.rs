//! Keys of any type: DEL, EXISTS, RENAME, COPY and the like.
//!
//! What arrives at a key by RENAME, COPY or MOVE leaves its description as the effect (see [`super::describe`]), what
//! leaves a key a DEL: so a journal replays on any number of shards.

use super::describe;
use crate::command::row::Row;
use crate::event::class;
use crate::keyspace::{EntryRef, Taken, TakenValue, Value};
use crate::unit::{Unit, access};
use crate::value::kind::Type;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, number};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("del", -2, Group::Generic, "1.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::range(1, -1, 1, RM | DELETE)])
            .doc(
                "O(n), n = keys; values beyond 64 KiB are freed by another thread",
                "Removes keys and tells how many of them were there.",
                "key...",
            )
            .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
        del,
    ),
    Row::new(
        Spec::new("unlink", -2, Group::Generic, "4.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::range(1, -1, 1, RM | DELETE)])
            .doc(
                "O(n), n = keys; values beyond 64 KiB are freed by another thread",
                "Removes keys just as DEL does, which never waits for large values to be freed either.",
                "key...",
            )
            .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
        del,
    ),
    Row::new(
        Spec::new("exists", -2, Group::Generic, "1.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::range(1, -1, 1, RO)])
            .doc(
                "O(n), n = keys",
                "Tells how many of the keys are there; one that is named twice counts twice.",
                "key...",
            )
            .history(&[("3.0.3", "Several keys at once.")])
            .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
        exists,
    ),
    Row::new(
        Spec::new("touch", -2, Group::Generic, "3.2.1")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::range(1, -1, 1, RO)])
            .doc(
                "O(n), n = keys",
                "Marks keys as just used, which LRU and LFU go by, and tells how many of them are there.",
                "key...",
            )
            .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
        touch,
    ),
    Row::new(
        Spec::new("type", 2, Group::Generic, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO)]).doc(
            "O(1)",
            "Names the kind of value at a key: string, list, set, zset, hash, stream, or none.",
            "key",
        ),
        type_,
    ),
    Row::new(
        Spec::new("rename", 3, Group::Generic, "1.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, OW | UPDATE)])
            .doc("O(1)", "Gives a key another name; what had that name before is gone.", "key newkey:key@1"),
        rename,
    ),
    Row::new(
        Spec::new("renamenx", 3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, OW | INSERT)])
            .doc("O(1)", "Gives a key another name, unless a key has that name already.", "key newkey:key@1")
            .history(&[("3.2.0", "A key may be given its own name: that answers 0 and is no error.")]),
        renamenx,
    ),
    Row::new(
        Spec::new("copy", -3, Group::Generic, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RO | ACCESS), KeySpec::at(2, OW | UPDATE)])
            .doc(
                "O(n), n = size of the value",
                "Copies a value with its deadline to another key, in another database too.",
                "source:key destination@1 [DB destination-db:int] [REPLACE]",
            ),
        copy,
    ),
    Row::new(
        Spec::new("move", 3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Puts a key into another database instead, unless that one has it already.", "key db:int"),
        move_,
    ),
];

/// DEL and UNLINK: large values are freed in the background by either.
fn del(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut removed = 0;
    for key in args.iter().skip(1) {
        if unit.remove(key) {
            removed += 1;
            unit.effect(key, [b"DEL".as_slice(), key]);
            unit.changed(key, class::GENERIC, "del");
        }
    }
    out.int(removed);
    Ok(())
}

fn exists(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(args.iter().skip(1).filter(|key| look(unit, key, |_| ()).is_some()).count());
    Ok(())
}

/// TOUCH marks the access also for a client that said CLIENT NO-TOUCH: that is what it is for.
fn touch(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let before = std::mem::replace(&mut unit.no_touch, false);
    out.count(args.iter().skip(1).filter(|key| unit.read(key).is_some()).count());
    unit.no_touch = before;
    Ok(())
}

fn type_(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.simple(look(unit, args.at(1), |entry| type_name(entry.kind())).unwrap_or("none"));
    Ok(())
}

fn rename(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (from, to) = (args.at(1), args.at(2));
    unit.write(from).ok_or(Error::NO_SUCH_KEY)?;
    if from != to {
        carry(unit, from, unit.db, to, ["rename_from", "rename_to"]);
    }
    out.ok();
    Ok(())
}

fn renamenx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (from, to) = (args.at(1), args.at(2));
    unit.write(from).ok_or(Error::NO_SUCH_KEY)?;
    let free = from != to && !unit.exists(to);
    if free {
        carry(unit, from, unit.db, to, ["rename_from", "rename_to"]);
    }
    out.flag(free);
    Ok(())
}

fn move_(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, db) = (args.at(1), database(unit, args.at(2))?);
    if db == unit.db {
        return Err(Error::SAME_OBJECT);
    }
    let free = unit.write(key).is_some() && unit.peek_in(db, key).is_none();
    if free {
        carry(unit, key, db, key, ["move_from", "move_to"]);
    }
    out.flag(free);
    Ok(())
}

fn copy(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (from, to) = (args.at(1), args.at(2));
    let (mut db, mut replace) = (unit.db, false);
    let mut options = args.cursor(3);
    while let Some(option) = options.next() {
        if is(option, "REPLACE") {
            replace = true;
        } else if is(option, "DB") {
            db = database(unit, options.next().ok_or(Error::SYNTAX)?)?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if db == unit.db && from == to {
        return Err(Error::SAME_OBJECT);
    }
    if unit.read(from).is_none() || unit.peek_in(db, to).is_some() && !replace {
        out.int(0);
        return Ok(());
    }
    let lru = access::fresh(unit.now, unit.settings);
    let copied = unit.peek(from).map(|entry| duplicate(entry, lru));
    if let Some(copied) = copied {
        put_over(unit, db, to, copied);
        describe::leave(unit, db, to);
        unit.changed_in(db, to, class::GENERIC, "copy_to");
    }
    out.int(1);
    Ok(())
}

// ---- for other families -----------------------------------------------------------------------------------------------

/// What `f` says of the entry of `key`, for commands that look at a key without using its value (EXISTS, TTL): a hit or a
/// miss as any read, but no access.
pub(super) fn look<T>(unit: &mut Unit<'_>, key: &[u8], f: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
    let before = std::mem::replace(&mut unit.no_touch, true);
    let found = unit.read(key).map(f);
    unit.no_touch = before;
    found
}

/// The name of a type, as TYPE says it and SCAN takes it.
pub(super) const fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::String => "string",
        Type::List => "list",
        Type::Set => "set",
        Type::ZSet => "zset",
        Type::Hash => "hash",
        Type::Stream => "stream",
    }
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// Carries the key `from` of the client's database to `to` of `db`, with its deadline and its access bits.
fn carry(unit: &mut Unit<'_>, from: &[u8], db: usize, to: &[u8], [left, came]: [&'static str; 2]) {
    let Some(taken) = unit.take(from) else { return };
    put_over(unit, db, to, taken);
    unit.effect(from, [b"DEL".as_slice(), from]);
    describe::leave(unit, db, to);
    unit.changed(from, class::GENERIC, left);
    unit.changed_in(db, to, class::GENERIC, came);
}

/// Puts a value at `key` of `db`. One that is there is removed first, so that the key counts as new (class `n`) as in Redis.
fn put_over(unit: &mut Unit<'_>, db: usize, key: &[u8], value: Taken) {
    let before = std::mem::replace(&mut unit.db, db);
    unit.remove(key);
    unit.db = before;
    unit.put_back(db, key, value);
}

/// A copy of a value with its deadline and its encoding. O(length).
fn duplicate(entry: EntryRef<'_>, lru: u32) -> Taken {
    let value = match entry.value() {
        Value::Int(number) => TakenValue::Int(number),
        Value::Bytes(bytes) => TakenValue::Bytes(bytes.to_vec()),
        Value::Object(object) => TakenValue::Object(Box::new(object.clone())),
    };
    Taken { kind: entry.kind(), value, raw: entry.raw(), deadline: entry.deadline(), lru }
}

/// The database of COPY and MOVE.
fn database(unit: &Unit<'_>, arg: &[u8]) -> Result<usize, Error> {
    let index = number::parse_i64(arg).ok_or(Error::NOT_AN_INTEGER)?;
    let index = i32::try_from(index).map_err(|_| Error::NOT_A_32_BIT_INTEGER)?;
    usize::try_from(index).ok().filter(|index| *index < unit.settings.databases).ok_or(Error::DB_OUT_OF_RANGE)
}

/// What the tests of this and the neighbouring families share.
#[cfg(test)]
pub(super) mod testing {
    use crate::command::string::text::encode;
    use crate::keyspace::Deadline;
    use crate::testing::World;
    use crate::unit::{Held, Unit};

    /// A unit over all shards of a world.
    pub fn with_unit<T>(world: &mut World, f: impl FnOnce(&mut Unit<'_>) -> T) -> T {
        let held = Held::Many(world.shards.iter_mut().map(Some).collect());
        f(&mut Unit::new(held, &mut world.sink, world.now, world.db, &world.settings))
    }

    /// Makes a string key, without effect and event.
    pub fn put(world: &mut World, key: &str, value: &[u8], deadline: Option<i64>) {
        let deadline = deadline.map_or(Deadline::Clear, Deadline::At);
        with_unit(world, |unit| unit.put_str(key.as_bytes(), encode(value), deadline));
    }

    /// The string at a key of the world's database.
    pub fn value(world: &mut World, key: &str) -> Option<String> {
        use crate::keyspace::Str;
        with_unit(world, |unit| {
            unit.peek_str(key.as_bytes()).expect("a string").map(|value| match value {
                Str::Int(number) => number.to_string(),
                Str::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
            })
        })
    }

    /// Runs the same test over one shard and over three.
    pub fn over_shards(test: impl Fn(&mut World)) {
        for shards in [1, 3] {
            test(&mut World::new(shards));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use crate::event::class;
    use crate::shard::watch::Flag;
    use crate::slots::shard_of;
    use crate::testing::World;

    /// Runs lines with the replies that Redis 8.0.6 gives.
    fn check(world: &mut World, lines: &[(&str, &str)]) {
        for (line, reply) in lines {
            assert_eq!(world.run(line), *reply, "{line}, {} shards", world.shards.len());
        }
    }

    #[test]
    fn replies_are_those_of_redis() {
        over_shards(|world| {
            put(world, "k1", b"1", None);
            put(world, "k2", b"2", None);
            check(
                world,
                &[
                    ("rename nokey nokey", "-ERR no such key"),
                    ("rename nokey b", "-ERR no such key"),
                    ("renamenx nokey b", "-ERR no such key"),
                    ("exists k1 k1 nokey k2", ":3"),
                    ("touch k1 nokey k1", ":2"),
                    ("type k1", "+string"),
                    ("type nokey", "+none"),
                    ("rename k1 k1", "+OK"),
                    ("renamenx k1 k1", ":0"),
                    ("renamenx k1 k2", ":0"),
                    ("rename k1 k2", "+OK"),
                    ("get k1", "$-1"),
                    ("get k2", "$1 1"),
                    ("renamenx k2 k4", ":1"),
                    ("copy k4 k4", "-ERR source and destination objects are the same"),
                    ("copy nokey nokey", "-ERR source and destination objects are the same"),
                    ("copy k4 k5", ":1"),
                    ("copy k4 k5", ":0"),
                    ("copy k4 k5 REPLACE replace", ":1"),
                    ("copy k4 k5 db", "-ERR syntax error"),
                    ("copy k4 k5 foo", "-ERR syntax error"),
                    ("copy k4 k5 db x", "-ERR value is not an integer or out of range"),
                    ("copy k4 k5 db 99", "-ERR DB index is out of range"),
                    ("copy k4 k5 db -1", "-ERR DB index is out of range"),
                    (
                        "copy k4 k5 db 99999999999999",
                        "-ERR value is out of range, value must between -2147483648 and 2147483647",
                    ),
                    ("copy k4 k5 db 1 replace db 2", ":1"),
                    ("copy nokey k5 replace", ":0"),
                    ("copy k4 k4 db 3", ":1"),
                    ("move k4 0", "-ERR source and destination objects are the same"),
                    ("move nokey 0", "-ERR source and destination objects are the same"),
                    ("move k4 x", "-ERR value is not an integer or out of range"),
                    ("move k4 16", "-ERR DB index is out of range"),
                    ("move k4 -1", "-ERR DB index is out of range"),
                    (
                        "move k4 99999999999999",
                        "-ERR value is out of range, value must between -2147483648 and 2147483647",
                    ),
                    ("move k4 3", ":0"),
                    ("move k4 4", ":1"),
                    ("move k4 4", ":0"),
                    ("del k5 k5 nokey", ":1"),
                    ("unlink k5", ":0"),
                    ("rename a", "-ERR wrong number of arguments for 'rename' command"),
                ],
            );
            for (db, reply) in [(0, ":0"), (2, ":0"), (3, ":1"), (4, ":1")] {
                world.db = db;
                assert_eq!(world.run("exists k4"), reply);
            }
        });
    }

    #[test]
    fn changes_leave_effects_and_events_in_order() {
        over_shards(|world| {
            let at = world.now.ms + 5_000;
            put(world, "a", b"10", Some(at));
            put(world, "b", b"old", None);
            let steps: &[(&str, &[String], &[&str])] = &[
                ("rename a b", &["DEL a".into(), format!("SET b 10 PXAT {at}")], &["rename_from a", "rename_to b"]),
                ("copy b c", &[format!("SET c 10 PXAT {at}")], &["copy_to c"]),
                ("move c 1", &["DEL c".into(), format!("SET c 10 PXAT {at}")], &["move_from c", "move_to c"]),
                ("renamenx b a", &["DEL b".into(), format!("SET a 10 PXAT {at}")], &["rename_from b", "rename_to a"]),
                ("touch a", &[], &[]),
                ("rename a a", &[], &[]),
                ("del a nokey", &["DEL a".into()], &["del a"]),
                ("unlink a", &[], &[]),
            ];
            for (line, effects, events) in steps {
                world.run(line);
                assert_eq!(world.effect_lines(), *effects, "{line}");
                assert_eq!(world.events(), *events, "{line}");
            }
        });
    }

    #[test]
    fn each_effect_is_on_the_shard_of_its_key() {
        let mut world = World::new(3);
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "foo"), ("foo", "a")] {
            put(&mut world, from, b"v", None);
            world.run(&format!("rename {from} {to}"));
            let shards: Vec<usize> = world.effects().iter().map(|effect| effect.shard.into()).collect();
            assert_eq!(shards, [shard_of(from.as_bytes(), 3), shard_of(to.as_bytes(), 3)]);
        }
    }

    #[test]
    fn effects_of_another_database_say_so() {
        let mut world = World::new(3);
        put(&mut world, "a", b"v", None);
        world.run("copy a b db 5");
        world.run("move a 6");
        let dbs: Vec<u32> = world.effects().iter().map(|effect| effect.db).collect();
        assert_eq!(dbs, [5, 0, 6]);
    }

    #[test]
    fn without_a_journal_changes_are_counted_all_the_same() {
        let mut world = World::new(3);
        world.sink.journal = false;
        put(&mut world, "a", b"v", None);
        world.run("rename a b");
        world.run("copy b a");
        assert_eq!(world.sink.changes, 3);
        assert!(world.effects().is_empty());
    }

    #[test]
    fn keys_past_their_deadline_are_absent_and_announced_once() {
        let lines: &[(&str, &str)] = &[
            ("exists a", ":0"),
            ("type a", "+none"),
            ("touch a", ":0"),
            ("del a", ":0"),
            ("unlink a", ":0"),
            ("rename a b", "-ERR no such key"),
            ("renamenx a b", "-ERR no such key"),
            ("copy a b", ":0"),
            ("move a 1", ":0"),
        ];
        for (line, reply) in lines {
            over_shards(|world| {
                let at = world.now.ms;
                put(world, "a", b"v", Some(at));
                world.pass(1);
                assert_eq!(world.run(line), *reply, "{line}");
                world.run("exists a");
                world.expire();
                assert_eq!(world.effect_lines(), ["DEL a"], "{line}");
                assert_eq!(world.events(), ["expired a"], "{line}");
            });
        }
    }

    #[test]
    fn an_expired_destination_is_free() {
        for line in ["renamenx a b", "rename a b", "copy a b"] {
            over_shards(|world| {
                let at = world.now.ms;
                put(world, "a", b"new", None);
                put(world, "b", b"old", Some(at));
                world.pass(1);
                world.run(line);
                assert_eq!(value(world, "b").as_deref(), Some("new"), "{line}");
                assert_eq!(world.run("pttl b"), ":-1");
                assert_eq!(world.effect_lines()[0], "DEL b");
                assert_eq!(world.events()[0], "expired b");
            });
        }
    }

    #[test]
    fn deadlines_travel_and_fire_at_the_new_place() {
        over_shards(|world| {
            let at = world.now.ms + 100;
            put(world, "a", b"v", Some(at));
            world.run("rename a b");
            world.run("copy b c");
            world.run("move c 1");
            world.sink.events.clear();
            world.pass(100);
            world.expire();
            assert_eq!(world.events(), Vec::<String>::new());
            world.pass(1);
            world.expire();
            let mut gone = world.events();
            gone.sort();
            assert_eq!(gone, ["expired b", "expired c"]);
        });
    }

    #[test]
    fn watchers_of_both_keys_are_told() {
        for (line, told) in [
            ("rename a b", [true, true, false]),
            ("copy a b", [false, true, false]),
            ("move a 1", [true, false, true]),
            ("del a", [true, false, false]),
            ("touch a", [false, false, false]),
            ("rename a a", [false, false, false]),
        ] {
            over_shards(|world| {
                put(world, "a", b"v", None);
                let flags = [(0, "a"), (0, "b"), (1, "a")].map(|(db, key)| {
                    let flag = Flag::default();
                    let shard = shard_of(key.as_bytes(), world.shards.len());
                    world.shards[shard].watchers.add(db, key.as_bytes(), &flag);
                    flag
                });
                world.run(line);
                assert_eq!(flags.map(|flag| flag.is_raised()), told, "{line}");
            });
        }
    }

    #[test]
    fn encodings_are_kept() {
        let grown = |unit: &mut crate::unit::Unit<'_>| unit.grow(b"raw").expect("a string").push(b'!');
        over_shards(|world| {
            put(world, "raw", b"v", None);
            put(world, "int", b"12", None);
            with_unit(world, grown);
            for (key, encoding) in [("raw", "$3 raw"), ("int", "$3 int")] {
                world.run(&format!("copy {key} x"));
                assert_eq!(world.run("object encoding x"), encoding);
                world.run("rename x y");
                assert_eq!(world.run("object encoding y"), encoding);
            }
            assert_eq!(value(world, "raw").as_deref(), Some("v!"));
        });
    }

    #[test]
    fn looking_counts_a_hit_or_a_miss_but_is_no_access() {
        over_shards(|world| {
            world.settings.notify |= class::KEY_MISS;
            put(world, "a", b"v", None);
            world.pass(10_000);
            for line in ["exists a q", "ttl a", "ttl q", "type a", "type q"] {
                world.run(line);
            }
            assert_eq!(world.events(), ["keymiss q", "keymiss q", "keymiss q"]);
            let hits: u64 = world.shards.iter().map(|shard| shard.stats.hits).sum();
            let misses: u64 = world.shards.iter().map(|shard| shard.stats.misses).sum();
            assert_eq!((hits, misses), (3, 3));
            assert_eq!(world.run("object idletime a"), ":10");
            world.run("touch a");
            assert_eq!(world.run("object idletime a"), ":0");
        });
    }

    #[test]
    fn a_key_that_replaces_another_is_new() {
        over_shards(|world| {
            world.settings.notify |= class::NEW;
            put(world, "a", b"v", None);
            put(world, "b", b"v", None);
            world.events();
            world.run("copy a b replace");
            world.run("rename a b");
            assert_eq!(world.events(), ["new b", "copy_to b", "new b", "rename_from a", "rename_to b"]);
        });
    }
}
