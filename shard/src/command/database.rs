//! Whole databases, and the few data commands without keys: DBSIZE, RANDOMKEY, FLUSHALL, SWAPDB, TIME, LOLWUT.
//!
//! The first of them hold all shards, so that they see one point in time and nobody sees half of what they do.
//!
//! FLUSHDB, FLUSHALL and SWAPDB leave their effect on **every** shard, as each has a journal of its own. Whoever replays
//! journals on another number of shards merges them and takes such an effect from the first shard alone: to swap twice
//! is not to swap once.

use crate::command::row::{Reach, Row};
use crate::keyspace::Keyspace;
use crate::shard::Shard;
use crate::unit::Unit;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, number};

/// How many looks at the wheel of each database DBSIZE takes before it counts.
const DBSIZE_STEPS: u32 = 1_000;

/// How many keys RANDOMKEY draws before it looks for a live one in order.
const DRAWS: usize = 100;

const ART: &str = concat!(
    "             . - 12 - .\n",
    "         11       |       1\n",
    "      10          |          2\n",
    "                  |\n",
    "     9            o            3\n",
    "                   \\\n",
    "       8            \\        4\n",
    "          7                5\n",
    "              ' - 6 - '\n",
    "\n",
    "The bell rings, and every key is home.\n",
    "\n",
    "Curfew ver. ",
    env!("CARGO_PKG_VERSION"),
    "\n",
);

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row {
        spec: Spec::new("dbsize", 1, Group::Server, "1.0.0")
            .flags(READONLY | FAST)
            .acl(acl::KEYSPACE)
            .doc("O(1)", "Tells how many keys the database has.", "")
            .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
        reach: Reach::All,
        run: dbsize,
        serve: None,
    },
    Row {
        spec: Spec::new("randomkey", 1, Group::Generic, "1.0.0")
            .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
            .doc("O(1)", "Draws a key of the database and names it.", "")
            .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
        reach: Reach::All,
        run: randomkey,
        serve: None,
    },
    Row {
        spec: Spec::new("flushdb", -1, Group::Server, "1.0.0")
            .flags(WRITE)
            .acl(acl::KEYSPACE | acl::DANGEROUS)
            .doc(
                "O(1), with SYNC O(n), n = keys of the database",
                "Empties the database in use.",
                "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]",
            )
            .history(&[
                ("4.0.0", "`ASYNC`: memory is freed in the background."),
                ("6.2.0", "`SYNC`: memory is freed before the reply."),
            ])
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        reach: Reach::All,
        run: flushdb,
        serve: None,
    },
    Row {
        spec: Spec::new("flushall", -1, Group::Server, "1.0.0")
            .flags(WRITE)
            .acl(acl::KEYSPACE | acl::DANGEROUS)
            .doc(
                "O(1), with SYNC O(n), n = keys of all databases",
                "Empties every database.",
                "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]",
            )
            .history(&[
                ("4.0.0", "`ASYNC`: memory is freed in the background."),
                ("6.2.0", "`SYNC`: memory is freed before the reply."),
            ])
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        reach: Reach::All,
        run: flushall,
        serve: None,
    },
    Row {
        spec: Spec::new("swapdb", 3, Group::Server, "4.0.0")
            .flags(WRITE | FAST)
            .acl(acl::KEYSPACE | acl::DANGEROUS)
            .doc(
                "O(n), n = keys that clients watch or wait for in the two",
                "Exchanges two databases: whoever uses the one sees the keys of the other.",
                "index1:int index2:int",
            ),
        reach: Reach::All,
        run: swapdb,
        serve: None,
    },
    Row {
        spec: Spec::new("time", 1, Group::Server, "2.6.0")
            .flags(LOADING | STALE | FAST)
            .doc("O(1)", "Tells the time by the clock of the server: Unix seconds, then microseconds.", "")
            .tips(&["nondeterministic_output"]),
        reach: Reach::None,
        run: time,
        serve: None,
    },
    Row {
        spec: Spec::new("lolwut", -1, Group::Server, "5.0.0").flags(READONLY | FAST).doc(
            "",
            "Draws a clock and tells the version of Curfew.",
            "[VERSION version:int]",
        ),
        reach: Reach::None,
        run: lolwut,
        serve: None,
    },
];

/// The number of keys. Those that are past their deadlines do not count, and the wheel alone knows them; so it removes
/// what is due first, as it is about to do anyway. Bounded, because nothing may stall: with very many due at once, those
/// that it has not come to are counted, as in Redis.
fn dbsize(unit: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    unit.expire_due(DBSIZE_STEPS);
    let db = unit.db;
    out.count(unit.shards().iter().map(|shard| shard.db(db).len()).sum());
    Ok(())
}

/// A key of any shard, each shard with the weight of its size.
fn randomkey(unit: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (db, now) = (unit.db, unit.now.ms);
    for _ in 0..DRAWS {
        let (choice, random) = (unit.random(), unit.random());
        let shards = unit.shards();
        let Some(shard) = choose(&shards, db, choice) else { break };
        let Some(entry) = shard.db(db).random(random) else { break };
        if !entry.gone(now) {
            out.bulk(entry.key());
            return Ok(());
        }
        let key = entry.key().to_vec();
        // To look at an expired key is to remove it, so the next draw is from fewer.
        unit.exists(&key);
    }
    let shards = unit.shards();
    let mut entries = shards.iter().flat_map(|shard| shard.db(db).iter());
    match entries.find(|entry| !entry.gone(now)) {
        None => out.null(),
        Some(entry) => out.bulk(entry.key()),
    }
    Ok(())
}

/// `FLUSHDB [ASYNC | SYNC]`.
fn flushdb(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let at_once = frees_at_once(args)?;
    let db = unit.db;
    flush(unit, at_once, |shard| vec![shard.flush(db)]);
    unit.changed_all(db);
    everywhere(unit, &[b"FLUSHDB"]);
    out.ok();
    Ok(())
}

/// `FLUSHALL [ASYNC | SYNC]`.
fn flushall(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let at_once = frees_at_once(args)?;
    flush(unit, at_once, |shard| (0..shard.databases().len()).map(|db| shard.flush(db)).collect());
    (0..unit.settings.databases).for_each(|db| unit.changed_all(db));
    everywhere(unit, &[b"FLUSHALL"]);
    out.ok();
    Ok(())
}

fn swapdb(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let index = |arg| number::parse_i64(arg).and_then(|index| i32::try_from(index).ok());
    let a = index(args.at(1)).ok_or(Error::INVALID_FIRST_DB)?;
    let b = index(args.at(2)).ok_or(Error::INVALID_SECOND_DB)?;
    let database = |index: i32| usize::try_from(index).ok().filter(|index| *index < unit.settings.databases);
    let (a, b) = database(a).zip(database(b)).ok_or(Error::DB_OUT_OF_RANGE)?;
    if a != b {
        unit.shards().into_iter().for_each(|shard| shard.swap(a, b));
        [a, b].into_iter().for_each(|db| unit.changed_all(db));
        everywhere(unit, &[b"SWAPDB", args.at(1), args.at(2)]);
    }
    out.ok();
    Ok(())
}

fn time(unit: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.array(2);
    out.bulk_int(unit.now.seconds());
    out.bulk_int(unit.now.micros().rem_euclid(1_000_000));
    Ok(())
}

/// `LOLWUT [VERSION version] [...]`: there is one version, whatever is asked for.
fn lolwut(_: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut options = args.cursor(1);
    if options.keyword("VERSION") && options.left() > 0 {
        options.i64()?;
    }
    out.verbatim(b"txt", ART.as_bytes());
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// The shard of the `choice`-th key, modulo their number, of all shards in order; None without keys.
fn choose<'a>(shards: &'a [&mut Shard], db: usize, choice: u64) -> Option<&'a Shard> {
    let total: usize = shards.iter().map(|shard| shard.db(db).len()).sum();
    let mut index = (choice % (total as u64).max(1)) as usize;
    shards.iter().map(|shard| &**shard).find(|shard| {
        let len = shard.db(db).len();
        let found = index < len;
        index = index.saturating_sub(len);
        found
    })
}

/// Whether SYNC was said. Without a word databases are freed in the background, which nobody can tell but by the delay.
fn frees_at_once(args: Args<'_>) -> Result<bool, Error> {
    match args.get(1) {
        _ if args.len() > 2 => Err(Error::SYNTAX),
        None => Ok(false),
        Some(word) if is(word, "ASYNC") => Ok(false),
        Some(word) if is(word, "SYNC") => Ok(true),
        Some(_) => Err(Error::SYNTAX),
    }
}

/// Empties databases of every shard; what was in them is freed at once or in the background.
fn flush(unit: &mut Unit<'_>, at_once: bool, empty: impl Fn(&mut Shard) -> Vec<Keyspace>) {
    let old: Vec<Keyspace> = unit.shards().into_iter().flat_map(empty).collect();
    if !at_once {
        old.into_iter().for_each(|keyspace| unit.discard_keyspace(keyspace));
    }
}

/// An effect on each shard.
fn everywhere(unit: &mut Unit<'_>, command: &[&[u8]]) {
    let shards: Vec<u16> = unit.shards().iter().map(|shard| shard.index()).collect();
    shards.into_iter().for_each(|shard| unit.effect_on_shard(shard, command));
}

#[cfg(test)]
mod tests {
    use crate::command::generic::testing::*;
    use crate::shard::watch::Flag;
    use crate::slots::shard_of;
    use curfew_protocol::Resp;
    use std::collections::HashMap;

    #[test]
    fn replies_are_those_of_redis() {
        let lines: &[(&str, &str)] = &[
            ("flushdb foo", "-ERR syntax error"),
            ("flushdb async sync", "-ERR syntax error"),
            ("flushall foo", "-ERR syntax error"),
            ("dbsize", ":1"),
            ("flushdb async", "+OK"),
            ("flushall sync", "+OK"),
            ("flushall", "+OK"),
            ("dbsize", ":0"),
            ("randomkey", "$-1"),
            ("swapdb x 0", "-ERR invalid first DB index"),
            ("swapdb 99999999999 0", "-ERR invalid first DB index"),
            ("swapdb 0 x", "-ERR invalid second DB index"),
            ("swapdb 0 99", "-ERR DB index is out of range"),
            ("swapdb 99 0", "-ERR DB index is out of range"),
            ("swapdb -1 0", "-ERR DB index is out of range"),
            ("swapdb 0 0", "+OK"),
            ("swapdb 0 1", "+OK"),
            ("lolwut version x", "-ERR value is not an integer or out of range"),
            ("randomkey a", "-ERR wrong number of arguments for 'randomkey' command"),
        ];
        over_shards(|world| {
            put(world, "k", b"v", None);
            for (line, reply) in lines {
                assert_eq!(world.run(line), *reply, "{line}");
            }
        });
    }

    #[test]
    fn flushing_leaves_effects_everywhere_no_events_and_an_empty_wheel() {
        for (line, left) in
            [("flushdb", ["FLUSHDB", ":10"]), ("flushall", ["FLUSHALL", ":0"]), ("flushdb sync", ["FLUSHDB", ":10"])]
        {
            over_shards(|world| {
                let at = world.now.ms + 10;
                for db in [0, 1] {
                    world.db = db;
                    (0..10).for_each(|i| put(world, &format!("k{i}"), b"v", Some(at)));
                }
                world.db = 0;
                let (there, absent) = (Flag::default(), Flag::default());
                for (key, flag) in [("k1", &there), ("other", &absent)] {
                    let shard = shard_of(key.as_bytes(), world.shards.len());
                    world.shards[shard].watchers.add(0, key.as_bytes(), flag);
                }
                assert_eq!(world.run(line), "+OK");
                assert!(there.is_raised() && !absent.is_raised());
                let shards: Vec<u16> = world.sink.effects.iter().map(|effect| effect.shard).collect();
                assert_eq!(shards, (0..world.shards.len() as u16).collect::<Vec<_>>());
                assert!(world.effect_lines().iter().all(|effect| effect == left[0]));
                assert_eq!(world.run("dbsize"), ":0");
                world.db = 1;
                assert_eq!(world.run("dbsize"), left[1]);
                world.db = 0;
                assert_eq!(world.events(), Vec::<String>::new());
                world.pass(11);
                world.expire();
                assert_eq!(world.events().len(), if line == "flushall" { 0 } else { 10 });
            });
        }
    }

    #[test]
    fn large_databases_are_freed_in_the_background_unless_told_otherwise() {
        for (line, garbage) in [("flushall", 1), ("flushdb async", 1), ("flushdb sync", 0)] {
            let mut world = crate::testing::World::new(1);
            put(&mut world, "k", &[b'x'; 100_000], None);
            world.run(line);
            assert_eq!(world.sink.garbage.len(), garbage, "{line}");
        }
    }

    #[test]
    fn keys_past_their_deadlines_do_not_count() {
        over_shards(|world| {
            let at = world.now.ms;
            (0..20).for_each(|i| put(world, &format!("k{i}"), b"v", (i < 15).then_some(at)));
            assert_eq!(world.run("dbsize"), ":20");
            world.pass(1);
            assert_eq!(world.run("dbsize"), ":5");
            assert_eq!(world.events().len(), 15);
            assert_eq!(world.effects().len(), 15);
        });
    }

    #[test]
    fn swapped_databases_carry_deadlines_and_tell_watchers() {
        over_shards(|world| {
            let at = world.now.ms + 10;
            put(world, "a", b"v", Some(at));
            let flags = [(0, "a", true), (1, "a", true), (2, "a", false), (0, "b", false)].map(|(db, key, told)| {
                let flag = Flag::default();
                let shard = shard_of(key.as_bytes(), world.shards.len());
                world.shards[shard].watchers.add(db, key.as_bytes(), &flag);
                (flag, told)
            });
            assert_eq!(world.run("swapdb 0 1"), "+OK");
            assert!(flags.iter().all(|(flag, told)| flag.is_raised() == *told));
            assert!(world.effect_lines().iter().all(|effect| effect == "SWAPDB 0 1"));
            assert_eq!(world.run("exists a"), ":0");
            world.db = 1;
            assert_eq!(world.run("pttl a"), ":10");
            world.pass(11);
            world.expire();
            assert_eq!(world.sink.events[0].db, 1);
            assert_eq!(world.events(), ["expired a"]);
        });
    }

    #[test]
    fn every_key_is_drawn_about_as_often() {
        over_shards(|world| {
            (0..40).for_each(|i| put(world, &format!("k{i}"), b"v", None));
            let mut drawn: HashMap<String, u32> = HashMap::new();
            for _ in 0..40_000 {
                *drawn.entry(world.run("randomkey")).or_default() += 1;
            }
            assert_eq!(drawn.len(), 40);
            // A thousand each; segments may be unequally full (1.6 times), and 300 are nine standard deviations.
            assert!(drawn.values().all(|count| (350..2_500).contains(count)), "{drawn:?}");
        });
    }

    #[test]
    fn an_expired_key_is_never_drawn() {
        over_shards(|world| {
            let at = world.now.ms;
            (0..1_000).for_each(|i| put(world, &format!("k{i}"), b"v", Some(at)));
            put(world, "alive", b"v", None);
            world.pass(1);
            for _ in 0..50 {
                assert_eq!(world.run("randomkey"), "$5 alive");
            }
            world.run("del alive");
            while world.run("dbsize") != ":0" {}
            assert_eq!(world.run("randomkey"), "$-1");
            let mut events = world.events();
            events.retain(|event| event.starts_with("expired"));
            assert_eq!(events.len(), 1_000);
        });
    }

    #[test]
    fn with_nothing_but_expired_keys_there_is_none() {
        over_shards(|world| {
            let at = world.now.ms;
            (0..1_000).for_each(|i| put(world, &format!("k{i}"), b"v", Some(at)));
            world.pass(1);
            assert_eq!(world.run("randomkey"), "$-1");
        });
    }

    #[test]
    fn time_is_the_moment_of_the_unit() {
        over_shards(|world| {
            world.now = crate::moment::Moment::from_micros(1_735_689_600_012_345);
            assert_eq!(world.run("time"), "*2 $10 1735689600 $5 12345");
        });
    }

    #[test]
    fn the_art_ends_with_the_version() {
        over_shards(|world| {
            let version = format!("Curfew ver. {}\n", env!("CARGO_PKG_VERSION"));
            for line in ["lolwut", "lolwut version 5", "lolwut version", "LOLWUT VERSION 6 1 2", "lolwut 5 6 7"] {
                assert!(world.run(line).ends_with(&version), "{line}: {}", world.run(line));
            }
            world.resp = Resp::Three;
            assert!(world.run("lolwut").starts_with('='));
        });
    }
}
