//! Commands that no other server has: groups that expire as one, what expires next, waiting for a key to exist, and where
//! durable events are.

use super::expiry::{Condition, deadline_of, give_deadline};
use crate::command::row::{Reach, Row};
use crate::keyspace::Upcoming;
use crate::shard::wait::{self, Null, Wait};
use crate::unit::Unit;
use curfew_protocol::args::{OwnedArgs, integer, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, Resp, glob, help};
use std::collections::BinaryHeap;

/// Keys that CURFEW.EXPIRING answers unless told otherwise.
const COUNT: usize = 10;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("curfew.expire", -3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::unknown(RW | UPDATE)])
            .finder(Finder::AfterTime)
            .doc(
                "O(n), n = keys",
                "Gives several keys one deadline, so many seconds from now, if it suits all of them.",
                "[condition<NX|XX|GT|LT>...] seconds key...",
            ),
        expire,
    ),
    Row::new(
        Spec::new("curfew.expireat", -3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::unknown(RW | UPDATE)])
            .finder(Finder::AfterTime)
            .doc(
                "O(n), n = keys",
                "Gives several keys one deadline, in Unix seconds, if it suits all of them: they expire as one.",
                "[condition<NX|XX|GT|LT>...] unix-time-seconds key...",
            ),
        expireat,
    ),
    Row::new(
        Spec::new("curfew.pexpire", -3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::unknown(RW | UPDATE)])
            .finder(Finder::AfterTime)
            .doc(
                "O(n), n = keys",
                "Gives several keys one deadline, so many milliseconds from now, if it suits all of them.",
                "[condition<NX|XX|GT|LT>...] milliseconds key...",
            ),
        pexpire,
    ),
    Row::new(
        Spec::new("curfew.pexpireat", -3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::unknown(RW | UPDATE)])
            .finder(Finder::AfterTime)
            .doc(
                "O(n), n = keys",
                "Gives several keys one deadline, in Unix milliseconds, if it suits all of them.",
                "[condition<NX|XX|GT|LT>...] unix-time-milliseconds key...",
            ),
        pexpireat,
    ),
    Row {
        spec: Spec::new("curfew.expiring", -1, Group::Generic, "1.0.0").flags(READONLY).doc(
            "O(m*log(n)), n = keys returned, m = keys due with them or soon after",
            "Returns the keys of the database that expire next, in the order of their deadlines.",
            "[MATCH pattern] [WITHIN milliseconds] [COUNT count] [WITHDEADLINES]",
        ),
        reach: Reach::All,
        run: expiring,
        serve: None,
    },
    Row::waiting(
        Spec::new("curfew.waitkey", -3, Group::Generic, "1.0.0")
            .flags(READONLY | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RO)])
            .doc(
                "O(n), n = keys",
                "Names the first of the keys that exists, and waits for one to be made if none does.",
                "key... timeout",
            ),
        waitkey,
        serve_key,
    ),
    Row::waiting(
        Spec::new("curfew.waitgone", -3, Group::Generic, "1.0.0")
            .flags(READONLY | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RO)])
            .doc(
                "O(n), n = keys",
                "Names the first of the keys that does not exist, and waits for one to go if all do.",
                "key... timeout",
            ),
        waitgone,
        serve_gone,
    ),
    Row {
        spec: Spec::new("curfew.events", -2, Group::Generic, "1.0.0").container().doc(
            "That of the subcommand",
            "Tells where durable events are.",
            "",
        ),
        reach: Reach::None,
        run: events,
        serve: None,
    },
    Row {
        spec: Spec::new("curfew.events|streams", 2, Group::Generic, "1.0.0").flags(LOADING | STALE | FAST).doc(
            "O(n), n = shards",
            "Returns the keys of the streams that events are appended to, in the order of the shards.",
            "",
        ),
        reach: Reach::None,
        run: events_streams,
        serve: None,
    },
    Row {
        spec: Spec::new("curfew.events|lists", 2, Group::Generic, "1.0.0").flags(LOADING | STALE | FAST).doc(
            "O(n), n = shards",
            "Returns the keys of the lists that events are appended to, in the order of the shards.",
            "",
        ),
        reach: Reach::None,
        run: events_lists,
        serve: None,
    },
    Row {
        spec: Spec::new("curfew.events|help", 2, Group::Generic, "1.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        reach: Reach::None,
        run: events_help,
        serve: None,
    },
];

fn expire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_group(unit, args, out, "curfew.expire", unit.now.ms, 1000)
}

fn expireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_group(unit, args, out, "curfew.expireat", 0, 1000)
}

fn pexpire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_group(unit, args, out, "curfew.pexpire", unit.now.ms, 1)
}

fn pexpireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_group(unit, args, out, "curfew.pexpireat", 0, 1)
}

/// `CURFEW.EXPIRING [MATCH p] [WITHIN ms] [COUNT n] [WITHDEADLINES]`, from the wheels: nothing else is looked at.
fn expiring(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let options = Options::parse(args)?;
    let (now, db) = (unit.now.ms, unit.db);
    let last = options.within.map_or(i64::MAX, |within| now.saturating_add(within));
    let mut soonest = Soonest { most: options.count, keys: BinaryHeap::new(), seen: 0 };
    for shard in unit.shards() {
        shard.db(db).upcoming(&mut |step| match step {
            Upcoming::From(time) => time <= last && soonest.may_take(time),
            Upcoming::Item(entry) => {
                let deadline = entry.deadline().filter(|deadline| (now..=last).contains(deadline));
                let wanted = |key: &[u8]| options.pattern.is_none_or(|pattern| glob::matches(pattern, key, false));
                if let Some(deadline) = deadline
                    && soonest.may_take(deadline)
                    && wanted(entry.key())
                {
                    soonest.take(deadline, entry.key());
                }
                true
            }
        });
    }
    let keys = soonest.keys.into_sorted_vec();
    let pairs = options.with_deadlines && out.resp == Resp::Three;
    out.array(if options.with_deadlines && !pairs { keys.len() * 2 } else { keys.len() });
    for (deadline, _, key) in &keys {
        if pairs {
            out.array(2);
        }
        out.bulk(key);
        if options.with_deadlines {
            out.int(*deadline);
        }
    }
    Ok(())
}

/// `CURFEW.WAITKEY key [key ...] timeout`: the name of the first key that exists, at once or when one is created; null when
/// the time is over.
fn waitkey(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    wait_until(unit, args, out, true)
}

/// `CURFEW.WAITGONE key [key ...] timeout`: the name of the first key that does not exist, at once or when one goes; null when the
/// time is over.
fn waitgone(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    wait_until(unit, args, out, false)
}

/// CURFEW.EVENTS with a subcommand that has no row of its own.
fn events(_: &mut Unit<'_>, args: Args<'_>, _: &mut Reply) -> Result<(), Error> {
    Err(Error::unknown_subcommand("curfew.events", args.at(1)))
}

/// `CURFEW.EVENTS STREAMS`: empty while `notify-keyspace-stream` is. The keys are in database 0 and need not exist yet.
fn events_streams(unit: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    names(&unit.settings.recording.streams, out);
    Ok(())
}

/// `CURFEW.EVENTS LISTS`, likewise.
fn events_lists(unit: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    names(&unit.settings.recording.lists, out);
    Ok(())
}

fn events_help(_: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    help::of_container(args.at(0), ROWS.iter().map(|row| &row.spec), out);
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// `name [NX | XX | GT | LT ...] time key [key ...]` with the time in `unit_ms` milliseconds after `base_ms`: the number of keys,
/// 0 if one of them does not exist or the conditions keep it as it is; then nothing is done. A deadline that has passed deletes the
/// keys, as with EXPIRE.
fn expire_group(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    out: &mut Reply,
    name: &str,
    base_ms: i64,
    unit_ms: i64,
) -> Result<(), Error> {
    let (mut condition, mut at) = (Condition::default(), 1);
    while args.get(at).is_some_and(|option| condition.take(option)) {
        at += 1;
    }
    condition.check()?;
    if args.len() < at + 2 {
        return Err(Error::wrong_arity(name));
    }
    let deadline = deadline_of(integer(args.at(at))?, base_ms, unit_ms, name)?;
    let keys = args.tail(at + 1);
    let suits = |key| unit.write(key).is_some_and(|entry| condition.allows(entry.deadline(), deadline));
    if !keys.iter().all(suits) {
        out.int(0);
        return Ok(());
    }
    for key in keys.iter() {
        // A key named twice may be gone by now.
        if unit.exists(key) {
            give_deadline(unit, key, deadline);
        }
    }
    out.count(keys.len());
    Ok(())
}

fn names(keys: &[Box<[u8]>], out: &mut Reply) {
    out.array(keys.len());
    keys.iter().for_each(|key| out.bulk(key));
}

/// Waits until one of the keys exists, or does not.
fn wait_until(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, exists: bool) -> Result<(), Error> {
    let count = args.len() - 2;
    let until = wait::until_seconds(args.at(count + 1), unit.now)?;
    let keys = args.part(1, count);
    if let Some(first) = keys.iter().find(|key| unit.exists(key) == exists) {
        out.bulk(first);
        return Ok(());
    }
    let keys = keys.iter().map(Box::from).collect();
    unit.wait(out, Wait { args: OwnedArgs::from_view(args), keys, until, null: Null::Bulk });
    Ok(())
}

fn serve_key(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let exists = unit.exists(key);
    if exists {
        out.bulk(key);
    }
    Ok(exists)
}

fn serve_gone(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let gone = !unit.exists(key);
    if gone {
        out.bulk(key);
    }
    Ok(gone)
}

struct Options<'a> {
    /// None: all keys.
    pattern: Option<&'a [u8]>,
    /// Milliseconds from now on.
    within: Option<i64>,
    /// At least 1.
    count: usize,
    with_deadlines: bool,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options { pattern: None, within: None, count: COUNT, with_deadlines: false };
        let mut cursor = args.cursor(1);
        while let Some(option) = cursor.next() {
            if is(option, "MATCH") {
                options.pattern = Some(cursor.need()?);
            } else if is(option, "WITHIN") {
                options.within = Some(cursor.i64()?).filter(|within| *within >= 0);
                if options.within.is_none() {
                    return Err(Error::SYNTAX);
                }
            } else if is(option, "COUNT") {
                let count = cursor.i64()?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::SYNTAX)?;
            } else if is(option, "WITHDEADLINES") {
                options.with_deadlines = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// The keys with the earliest deadlines so far; of one deadline, those that were seen first.
struct Soonest {
    most: usize,
    keys: BinaryHeap<(i64, usize, Box<[u8]>)>,
    seen: usize,
}

impl Soonest {
    /// Whether a key of this deadline would be one of them.
    fn may_take(&self, deadline: i64) -> bool {
        self.keys.len() < self.most || self.keys.peek().is_some_and(|(latest, _, _)| deadline < *latest)
    }

    fn take(&mut self, deadline: i64, key: &[u8]) {
        self.seen += 1;
        self.keys.push((deadline, self.seen, key.into()));
        if self.keys.len() > self.most {
            self.keys.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::command::generic::testing::over_shards;
    use crate::event::durable::Recording;
    use crate::testing::World;

    #[test]
    fn a_group_gets_its_deadline_as_one_or_not_at_all() {
        over_shards(|world| {
            world.run("mset a 1 b 2 c 3");
            let at = world.now.ms + 50;
            assert_eq!(world.run(&format!("curfew.pexpireat {at} a b none c")), ":0");
            assert_eq!(world.run("pttl a"), ":-1");
            world.events();
            world.effects();
            assert_eq!(world.run(&format!("curfew.pexpireat {at} a b c a")), ":4");
            assert_eq!(world.events(), ["expire a", "expire b", "expire c", "expire a"]);
            assert_eq!(world.effect_lines()[1], format!("PEXPIREAT b {at}"));
            world.pass(50);
            assert_eq!(world.run("exists a b c"), ":3");
            world.pass(1);
            assert_eq!(world.run("exists a b c"), ":0");
        });
    }

    #[test]
    fn errors_and_deadlines_that_have_passed() {
        let mut world = World::new(3);
        world.run("mset a 1 b 2");
        assert_eq!(world.run("curfew.expireat x a"), "-ERR value is not an integer or out of range");
        assert_eq!(world.run("curfew.expireat nx 5"), "-ERR wrong number of arguments for 'curfew.expireat' command");
        let far = "-ERR invalid expire time in 'curfew.expire' command";
        assert_eq!(world.run("curfew.expire 9223372036854775807 a b"), far);
        assert_eq!(world.run("curfew.expireat 5"), "-ERR wrong number of arguments for 'curfew.expireat' command");
        world.events();
        assert_eq!(world.run("curfew.expireat 5 a b a"), ":3");
        assert_eq!(world.events(), ["del a", "del b"]);
        assert_eq!(world.run("dbsize"), ":0");
        for (line, reply) in [
            ("curfew.expiring count 0", "-ERR syntax error"),
            ("curfew.expiring within -1", "-ERR syntax error"),
            ("curfew.expiring match", "-ERR syntax error"),
            ("curfew.expiring nosuch", "-ERR syntax error"),
            ("curfew.expiring within x", "-ERR value is not an integer or out of range"),
            ("curfew.expiring", "*0"),
            ("curfew.waitkey a -1", "-ERR timeout is negative"),
            ("curfew.waitkey a x", "-ERR timeout is not a float or out of range"),
        ] {
            assert_eq!(world.run(line), reply, "{line}");
        }
    }

    #[test]
    fn what_expires_next_comes_in_order_of_deadlines() {
        over_shards(|world| {
            let start = world.now.ms;
            let mut expected: Vec<(i64, String)> =
                (0..300).map(|number: i64| (start + 1 + (number * 7_919 % 300) * 37, format!("k{number}"))).collect();
            for (deadline, key) in &expected {
                world.run(&format!("set {key} v pxat {deadline}"));
            }
            world.run("set stays v");
            expected.sort();
            let line = |keys: &[(i64, String)]| {
                let words: Vec<String> = keys.iter().map(|(_, key)| format!("${} {key}", key.len())).collect();
                format!("*{} {}", keys.len(), words.join(" "))
            };
            assert_eq!(world.run("curfew.expiring"), line(&expected[..10]));
            assert_eq!(world.run("curfew.expiring count 1000"), line(&expected));
            assert_eq!(world.run("curfew.expiring count 1000 within 370"), line(&expected[..10]));
            let with = world.run("curfew.expiring count 1 withdeadlines");
            assert_eq!(with, format!("*2 ${} {} :{}", expected[0].1.len(), expected[0].1, expected[0].0));
            let some: Vec<_> = expected.iter().filter(|(_, key)| key.ends_with('7')).take(3).cloned().collect();
            assert_eq!(world.run("curfew.expiring match *7 count 3"), line(&some));
            // A deadline moved later, or away, shows at once; what has expired does not.
            let first = &expected[0].1;
            world.run(&format!("persist {first}"));
            world.run(&format!("pexpireat {} {}", expected[1].1, start + 1_000_000));
            assert_eq!(world.run("curfew.expiring"), line(&expected[2..12]));
            world.pass(expected[5].0 - start + 1);
            assert_eq!(world.run("curfew.expiring count 4"), line(&expected[6..10]));
        });
    }

    #[test]
    fn the_streams_and_lists_of_events_are_told() {
        let mut world = World::new(2);
        assert_eq!(world.run("curfew.events streams"), "*0");
        world.settings.recording = Recording::new(b"ev", b"q", 0, false, 0, 2);
        assert_eq!(world.run("curfew.events streams"), "*2 $6 ev:{2} $6 ev:{0}");
        assert_eq!(world.run("CURFEW.EVENTS LISTS"), "*2 $5 q:{2} $5 q:{0}");
        assert!(world.run("curfew.events help").contains(" +STREAMS "));
    }

    #[test]
    fn a_group_has_one_moment_in_any_unit_of_time() {
        over_shards(|world| {
            let now = world.now.ms;
            for (line, at) in [
                ("curfew.expire 10".to_owned(), now + 10_000),
                ("curfew.pexpire 10".to_owned(), now + 10),
                (format!("curfew.expireat {}", now / 1000 + 5), (now / 1000 + 5) * 1000),
                (format!("curfew.pexpireat {}", now + 7), now + 7),
            ] {
                world.run("mset a 1 b 2 c 3");
                assert_eq!(world.run(&format!("{line} a b c")), ":3", "{line}");
                for key in ["a", "b", "c"] {
                    assert_eq!(world.run(&format!("pexpiretime {key}")), format!(":{at}"), "{line}");
                }
            }
            // Milliseconds where seconds are meant are far away, and delete nothing.
            assert_eq!(world.run(&format!("curfew.expireat {now} a b")), ":2");
            assert_eq!(world.run("exists a b"), ":2");
        });
    }

    #[test]
    fn conditions_hold_for_all_keys_or_nothing_is_done() {
        over_shards(|world| {
            world.run("mset a 1 b 2");
            world.run("pexpire a 100");
            for (line, reply) in [
                ("curfew.pexpire nx 200 a b", ":0"),
                ("curfew.pexpire xx 200 a b", ":0"),
                ("curfew.pexpire gt 200 a b", ":0"),
                ("pttl b", ":-1"),
                ("curfew.pexpire lt 200 b a", ":0"),
                ("pttl b", ":-1"),
                ("curfew.pexpire NX 50 b", ":1"),
                ("curfew.pexpire XX GT 200 a b", ":2"),
                ("curfew.pexpire LT 150 a b", ":2"),
                ("pttl a", ":150"),
                ("pttl b", ":150"),
                ("curfew.pexpire nx gt 1 a", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
                ("curfew.pexpire gt lt 1 a", "-ERR GT and LT options at the same time are not compatible"),
                ("set nx 1", "+OK"),
                ("curfew.pexpire 70 nx a", ":2"),
                ("pttl nx", ":70"),
            ] {
                assert_eq!(world.run(line), reply, "{line}");
            }
        });
    }

    #[test]
    fn a_key_that_is_not_there_is_not_waited_for() {
        let mut world = World::new(4);
        world.run("mset b 1 c 2");
        assert_eq!(world.run("curfew.waitgone b a d 0"), "$1 a");
        assert_eq!(world.run("curfew.waitgone b c 0"), "$-1", "where nobody may wait");
        assert_eq!(world.run("curfew.waitgone b -1"), "-ERR timeout is negative");
    }

    #[test]
    fn a_key_that_is_there_is_not_waited_for() {
        let mut world = World::new(4);
        world.run("mset b 1 c 2");
        assert_eq!(world.run("curfew.waitkey a b c 0"), "$1 b");
        assert_eq!(world.run("curfew.waitkey a d 0"), "$-1", "where nobody may wait");
    }
}
