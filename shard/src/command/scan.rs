//! SCAN and KEYS.
//!
//! A scan goes from shard to shard (see [`crate::unit::walk`]), so what is there from its start to its end is returned at least once.
//! With 64 shards every cursor is below 2^46.

use super::generic::type_name;
use crate::command::row::{Reach, Row};
use crate::keyspace::EntryRef;
use crate::moment::Moment;
use crate::unit::Unit;
use crate::unit::walk::{Place, STEP, Walk};
use crate::value::kind::Type;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, glob, number};

/// How many keys a SCAN looks at unless told otherwise.
const COUNT: usize = 10;

const TYPES: [Type; 6] = [Type::String, Type::List, Type::Set, Type::ZSet, Type::Hash, Type::Stream];

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row {
        spec: Spec::new("scan", -2, Group::Generic, "2.8.0")
            .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
            .doc(
                "O(n), n = COUNT, or keys of the database for a whole scan",
                "Walks over the keys of the database step by step; a cursor tells where to go on.",
                "cursor [MATCH pattern] [COUNT count] [TYPE type^6.0.0]",
            )
            .history(&[("6.0.0", "`TYPE`: keys of one type only.")])
            .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"]),
        reach: Reach::Cursor,
        run: scan,
        serve: None,
    },
    Row {
        spec: Spec::new("keys", 2, Group::Generic, "1.0.0")
            .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
            .acl(acl::DANGEROUS)
            .doc("O(n), n = keys of the database", "Lists every key of the database that a pattern matches.", "pattern")
            .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
        reach: Reach::All,
        run: keys,
        serve: None,
    },
];

/// The shard that a walk with this cursor begins with, among `shards` of them. A cursor that is none, or that names no shard, needs
/// none in particular: the handler answers it without looking.
pub fn cursor_shard(cursor: &[u8], shards: usize) -> usize {
    let shard = Place::of(number::parse_u64_lenient(cursor).unwrap_or(0)).shard;
    if shard < shards { shard } else { 0 }
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`.
fn scan(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let cursor = number::parse_u64_lenient(args.at(1)).ok_or(Error::INVALID_CURSOR)?;
    let options = Options::parse(args)?;
    let (now, db, shards) = (unit.now, unit.db, unit.shard_count());
    let mut walk = unit.sink().walk.take().unwrap_or_else(|| Walk::new(cursor, shards, out.resp));
    let mut left = if unit.may_walk { STEP } else { usize::MAX };
    let mut expired: Vec<Vec<u8>> = Vec::new();
    while let Some(Place { shard, within }) = walk.place
        && walk.seen < options.count
        && left > 0
        && let Some(held) = unit.shard_mut(shard)
    {
        let (before, most) = (walk.seen, left.min(options.count - walk.seen));
        let next = held.db(db).scan(within, most, &mut |entry| {
            walk.seen += 1;
            if !options.matches(entry.key()) {
                return;
            }
            if is_expired(entry, now) {
                expired.push(entry.key().to_vec());
            } else if options.kind.is_none_or(|kind| kind == Some(entry.kind())) {
                walk.items.bulk(entry.key());
                walk.found += 1;
            }
        });
        walk.go_on(next, shards);
        // Empty stretches of a table cost something too.
        left = left.saturating_sub(if next == 0 { walk.seen - before + 1 } else { most });
    }
    for key in &expired {
        // To look at an expired key is to remove it.
        unit.exists(key);
    }
    if unit.may_walk && walk.place.is_some() && walk.seen < options.count {
        unit.sink().walk = Some(walk);
    } else {
        walk.reply(out);
    }
    Ok(())
}

/// `KEYS pattern`, over all shards at one point in time. Expired keys are passed over.
fn keys(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let pattern = pattern(args.at(1));
    let (now, db, mark) = (unit.now, unit.db, out.mark());
    let mut found = 0;
    for shard in unit.shards() {
        for entry in shard.db(db).iter() {
            if !is_expired(entry, now) && pattern.is_none_or(|pattern| glob::matches(pattern, entry.key(), false)) {
                out.bulk(entry.key());
                found += 1;
            }
        }
    }
    out.array_at(mark, found);
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

struct Options<'a> {
    /// None: all keys.
    pattern: Option<&'a [u8]>,
    /// At least 1.
    count: usize,
    /// None: all types. `Some(None)`: a type that no key has; Redis takes any name.
    kind: Option<Option<Type>>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options { pattern: None, count: COUNT, kind: None };
        let mut cursor = args.cursor(2);
        while let Some(option) = cursor.next() {
            if is(option, "COUNT") {
                let count = cursor.i64()?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::SYNTAX)?;
            } else if is(option, "MATCH") {
                options.pattern = pattern(cursor.next().ok_or(Error::SYNTAX)?);
            } else if is(option, "TYPE") {
                let name = cursor.next().ok_or(Error::SYNTAX)?;
                options.kind = Some(TYPES.into_iter().find(|kind| is(name, type_name(*kind))));
            } else if is(option, "NOVALUES") {
                return Err(Error::NOVALUES_ONLY_HSCAN);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    fn matches(&self, key: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, key, false))
    }
}

/// A pattern, None for `*`: which matches the empty key too, as the matcher itself would not.
fn pattern(arg: &[u8]) -> Option<&[u8]> {
    Some(arg).filter(|arg| *arg != b"*")
}

fn is_expired(entry: EntryRef<'_>, now: Moment) -> bool {
    entry.gone(now.ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::generic::testing::*;
    use crate::testing::World;
    use crate::unit::Held;
    use curfew_protocol::args::OwnedArgs;
    use std::collections::HashSet;

    /// The cursor and the keys of one SCAN.
    fn scan_once(world: &mut World, line: &str) -> (String, Vec<String>) {
        parse(&world.run(line))
    }

    /// Reads `*2 $n cursor *n $n key ...`: keys without spaces.
    fn parse(reply: &str) -> (String, Vec<String>) {
        let words: Vec<&str> = reply.split(' ').collect();
        assert_eq!(words[0], "*2", "{reply}");
        (words[2].into(), words[4..].iter().skip(1).step_by(2).map(|word| word.to_string()).collect())
    }

    /// A whole scan.
    fn scan_all(world: &mut World, options: &str) -> Vec<String> {
        let (mut cursor, mut all) = ("0".to_string(), Vec::new());
        for _ in 0..100_000 {
            let (next, keys) = scan_once(world, &format!("scan {cursor} {options}"));
            all.extend(keys);
            cursor = next;
            if cursor == "0" {
                return all;
            }
        }
        panic!("a scan without an end");
    }

    #[test]
    fn replies_are_those_of_redis() {
        let lines: &[(&str, &str)] = &[
            ("scan x", "-ERR invalid cursor"),
            ("scan -1", "-ERR invalid cursor"),
            ("scan 18446744073709551616", "-ERR invalid cursor"),
            ("scan 18446744073709551615", "*2 $1 0 *0"),
            ("scan 00", "*2 $1 0 *0"),
            ("scan 0 match", "-ERR syntax error"),
            ("scan 0 count", "-ERR syntax error"),
            ("scan 0 type", "-ERR syntax error"),
            ("scan 0 foo", "-ERR syntax error"),
            ("scan 0 count 0", "-ERR syntax error"),
            ("scan 0 count -1", "-ERR syntax error"),
            ("scan 0 count x", "-ERR value is not an integer or out of range"),
            ("scan 0 type foo", "*2 $1 0 *0"),
            ("scan 0 novalues", "-ERR NOVALUES option can only be used in HSCAN"),
            ("scan 0 COUNT 5 MATCH * TYPE string", "*2 $1 0 *0"),
            ("keys *", "*0"),
            ("keys", "-ERR wrong number of arguments for 'keys' command"),
        ];
        over_shards(|world| {
            for (line, reply) in lines {
                assert_eq!(world.run(line), *reply, "{line}");
            }
        });
    }

    #[test]
    fn filters_apply() {
        over_shards(|world| {
            for i in 0..300 {
                put(world, &format!("{}:{i}", ["a", "b", "c"][i % 3]), b"v", None);
            }
            assert_eq!(scan_all(world, "").len(), 300);
            assert_eq!(scan_all(world, "count 1").len(), 300);
            assert_eq!(scan_all(world, "count 1000000").len(), 300);
            assert_eq!(scan_all(world, "match a:* count 7").len(), 100);
            assert_eq!(scan_all(world, "type String").len(), 300);
            assert_eq!(scan_all(world, "type list").len(), 0);
            assert_eq!(scan_all(world, "type other").len(), 0);
            assert!(world.run("keys b:*").starts_with("*100 "));
            assert!(world.run("keys *").starts_with("*300 "));
            assert_eq!(world.run("keys b:1"), "*1 $3 b:1");
        });
    }

    #[test]
    fn a_star_alone_matches_the_empty_key_too() {
        over_shards(|world| {
            put(world, "", b"v", None);
            assert_eq!(world.run("keys *"), "*1 $0");
            assert_eq!(world.run("keys **"), "*0");
            assert_eq!(world.run("scan 0 match * count 100"), "*2 $1 0 *1 $0");
            assert_eq!(world.run("scan 0 match ** count 100"), "*2 $1 0 *0");
        });
    }

    #[test]
    fn expired_keys_are_not_returned_and_scan_removes_them() {
        over_shards(|world| {
            let at = world.now.ms + 10;
            for i in 0..100 {
                put(world, &format!("k{i}"), b"v", (i % 2 == 0).then_some(at));
            }
            world.pass(10);
            assert_eq!(scan_all(world, "").len(), 100);
            assert!(world.run("keys *").starts_with("*100 "));
            world.pass(1);
            assert!(world.run("keys *").starts_with("*50 "));
            assert_eq!(world.events(), Vec::<String>::new());
            assert_eq!(scan_all(world, "match k2*").len(), 5);
            assert_eq!(world.events().len(), 6);
            assert_eq!(scan_all(world, "").len(), 50);
            assert_eq!(world.events().len(), 44);
            assert_eq!(world.effects().len(), 50);
            world.expire();
            assert_eq!(world.events(), Vec::<String>::new());
        });
    }

    #[test]
    fn what_is_there_all_the_time_is_returned() {
        for shards in [1, 2, 3, 7, 64] {
            for seed in 0..10_u64 {
                let mut world = World::new(shards);
                (0..500).for_each(|i| put(&mut world, &format!("stay{i}"), b"v", None));
                (0..500).for_each(|i| put(&mut world, &format!("go{i}"), b"v", None));
                let (mut cursor, mut seen, mut step) = ("0".to_string(), HashSet::new(), 0);
                loop {
                    let (next, keys) = scan_once(&mut world, &format!("scan {cursor} count {}", 1 + seed * 7));
                    seen.extend(keys);
                    cursor = next;
                    assert!(cursor.parse::<u64>().is_ok_and(|cursor| cursor < 100_000_000_000_000));
                    if cursor == "0" {
                        break;
                    }
                    step += 1;
                    // The table grows and loses keys between the calls.
                    for i in 0..10 {
                        if step < 2_000 {
                            put(&mut world, &format!("new{}", step * 10 + i), b"v", None);
                        }
                        world.run(&format!("del go{}", (step * 10 + i + seed) % 500));
                    }
                }
                let missed: Vec<_> = (0..500).map(|i| format!("stay{i}")).filter(|key| !seen.contains(key)).collect();
                assert!(missed.is_empty(), "{shards} shards, seed {seed}: {missed:?}");
            }
        }
    }

    /// One SCAN, step by step on one shard at a time, as the server does it. Answers the shards visited as well.
    fn scan_in_steps(world: &mut World, cursor: &str, count: &str) -> (String, Vec<String>, Vec<usize>) {
        let shards = world.shards.len();
        let (mut walk, mut visited) = (None::<Walk>, Vec::new());
        let mut out = Reply::default();
        loop {
            let first = cursor_shard(cursor.as_bytes(), shards);
            let wanted = walk.as_ref().and_then(|walk| walk.place).map_or(first, |place| place.shard);
            visited.push(wanted);
            let seen = walk.as_ref().map_or(0, |walk| walk.seen);
            world.sink.walk = walk.take();
            let held = world.shards.iter_mut().enumerate().map(|(i, shard)| (i == wanted).then_some(shard)).collect();
            let mut unit = Unit::new(Held::Many(held), &mut world.sink, world.now, 0, &world.settings);
            unit.may_walk = true;
            let args = OwnedArgs::from_slices(&[b"scan", cursor.as_bytes(), b"count", count.as_bytes()]);
            scan(&mut unit, args.view(), &mut out).expect("a reply");
            walk = world.sink.walk.take();
            if walk.is_none() {
                let (next, keys) = parse(String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " ").trim_end());
                return (next, keys, visited);
            }
            assert!(walk.as_ref().is_some_and(|walk| walk.seen <= seen + STEP + 50), "a step is short");
        }
    }

    #[test]
    fn a_scan_goes_on_over_shards_until_it_has_enough() {
        for shards in [1, 2, 5, 64] {
            let mut world = World::new(shards);
            let all: Vec<usize> = (0..usize::from(shards)).collect();
            assert_eq!(scan_in_steps(&mut world, "0", "1"), ("0".into(), vec![], all.clone()), "empty");
            assert_eq!(world.run("scan 0 count 1"), "*2 $1 0 *0");
            (0..3).for_each(|i| put(&mut world, &format!("k{i}"), b"v", None));
            let (next, keys, _) = scan_in_steps(&mut world, "0", "10");
            assert_eq!((next.as_str(), keys.len()), ("0", 3));
            (0..5000).for_each(|i| put(&mut world, &format!("k{i}"), b"v", None));
            let (next, keys, mut visited) = scan_in_steps(&mut world, "0", "1000000");
            assert_eq!((next.as_str(), keys.len()), ("0", 5000));
            assert!(visited.is_sorted());
            visited.dedup();
            assert_eq!(visited, all);
            let (mut cursor, mut seen, mut calls) = ("0".to_string(), HashSet::new(), 0);
            loop {
                let (next, keys, _) = scan_in_steps(&mut world, &cursor, "50");
                assert!(next == "0" || keys.len() >= 50, "never less than asked for, but at the end");
                seen.extend(keys);
                calls += 1;
                cursor = next;
                if cursor == "0" {
                    break;
                }
                assert!(cursor.parse::<u64>().is_ok_and(|cursor| cursor < 100_000_000_000_000), "{cursor}");
            }
            assert_eq!(seen.len(), 5000);
            assert!(calls <= 101, "{calls} calls");
        }
    }

    #[test]
    fn cursors_name_their_shard() {
        let cases: &[(&[u8], usize)] = &[
            (b"0", 0),
            (b"1099511627775", 0),
            (b"1099511627776", 1),
            (b"3298534883328", 3),
            (b"4398046511104", 0),
            (b"18446744073709551615", 0),
            (b"x", 0),
            (b"-1", 0),
        ];
        for (cursor, shard) in cases {
            assert_eq!(cursor_shard(cursor, 4), *shard);
            assert_eq!(cursor_shard(cursor, 1), 0);
        }
    }
}
