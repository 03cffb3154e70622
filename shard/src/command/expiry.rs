//! Deadlines: EXPIRE and its kin, TTL and its kin, PERSIST.
//!
//! A deadline at or before the moment of the unit deletes at once, as in Redis 8: the event is `del`, the effect DEL. Any
//! other leaves PEXPIREAT, which is absolute.

use super::generic::look;
use crate::command::row::Row;
use crate::event::class;
use crate::unit::Unit;
use curfew_protocol::args::{integer, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};

/// The latest deadline there is. One later, `i64::MAX`, stands for "none" in the keyspace; Redis would keep it.
pub(super) const LATEST_MS: i64 = i64::MAX - 1;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("expire", -3, Group::Generic, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(1)", "Makes a key expire after so many seconds.", "key seconds [condition<NX|XX|GT|LT>^7.0.0]")
            .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT` look at the old deadline first.")]),
        expire,
    ),
    Row::new(
        Spec::new("pexpire", -3, Group::Generic, "2.6.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc(
                "O(1)",
                "Makes a key expire after so many milliseconds.",
                "key milliseconds [condition<NX|XX|GT|LT>^7.0.0]",
            )
            .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT` look at the old deadline first.")]),
        pexpire,
    ),
    Row::new(
        Spec::new("expireat", -3, Group::Generic, "1.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc(
                "O(1)",
                "Makes a key expire at a point in time, in Unix seconds.",
                "key unix-time-seconds [condition<NX|XX|GT|LT>^7.0.0]",
            )
            .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT` look at the old deadline first.")]),
        expireat,
    ),
    Row::new(
        Spec::new("pexpireat", -3, Group::Generic, "2.6.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc(
                "O(1)",
                "Makes a key expire at a point in time, in Unix milliseconds.",
                "key unix-time-milliseconds [condition<NX|XX|GT|LT>^7.0.0]",
            )
            .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT` look at the old deadline first.")]),
        pexpireat,
    ),
    Row::new(
        Spec::new("ttl", 2, Group::Generic, "1.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Tells how many seconds a key has left; -1 without a deadline, -2 without the key.", "key")
            .history(&[("2.8.0", "-2 stands for a missing key, which answered -1 before.")])
            .tips(&["nondeterministic_output"]),
        ttl,
    ),
    Row::new(
        Spec::new("pttl", 2, Group::Generic, "2.6.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc(
                "O(1)",
                "Tells how many milliseconds a key has left; -1 without a deadline, -2 without the key.",
                "key",
            )
            .history(&[("2.8.0", "-2 stands for a missing key, which answered -1 before.")])
            .tips(&["nondeterministic_output"]),
        pttl,
    ),
    Row::new(
        Spec::new("expiretime", 2, Group::Generic, "7.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc(
                "O(1)",
                "Tells when a key expires, in Unix seconds; -1 without a deadline, -2 without the key.",
                "key",
            ),
        expiretime,
    ),
    Row::new(
        Spec::new("pexpiretime", 2, Group::Generic, "7.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc(
                "O(1)",
                "Tells when a key expires, in Unix milliseconds; -1 without a deadline, -2 without the key.",
                "key",
            ),
        pexpiretime,
    ),
    Row::new(
        Spec::new("persist", 2, Group::Generic, "2.2.0").flags(WRITE | FAST).keys(&[KeySpec::first(RW | UPDATE)]).doc(
            "O(1)",
            "Takes the deadline of a key away, so that it stays.",
            "key",
        ),
        persist,
    ),
];

fn expire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_at(unit, args, out, "expire", unit.now.ms, 1000)
}

fn pexpire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_at(unit, args, out, "pexpire", unit.now.ms, 1)
}

fn expireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_at(unit, args, out, "expireat", 0, 1000)
}

fn pexpireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire_at(unit, args, out, "pexpireat", 0, 1)
}

fn ttl(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let now = unit.now.ms;
    reply_deadline(unit, args, out, |at| seconds(at - now))
}

fn pttl(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let now = unit.now.ms;
    reply_deadline(unit, args, out, |at| at - now)
}

fn expiretime(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply_deadline(unit, args, out, seconds)
}

fn pexpiretime(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply_deadline(unit, args, out, |at| at)
}

fn persist(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let timed = unit.write(key).is_some_and(|entry| entry.deadline().is_some());
    if timed {
        unit.set_deadline(key, None);
        unit.effect(key, [b"PERSIST".as_slice(), key]);
        unit.changed(key, class::GENERIC, "persist");
    }
    out.flag(timed);
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// `name key time [NX | XX | GT | LT]` with the time in `unit_ms` milliseconds after `base_ms`.
fn expire_at(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    out: &mut Reply,
    name: &str,
    base_ms: i64,
    unit_ms: i64,
) -> Result<(), Error> {
    let condition = Condition::parse(args)?;
    let time = integer(args.at(2))?;
    let deadline = deadline_of(time, base_ms, unit_ms, name)?;
    let key = args.at(1);
    let allowed = unit.write(key).is_some_and(|entry| condition.allows(entry.deadline(), deadline));
    if allowed {
        give_deadline(unit, key, deadline);
    }
    out.flag(allowed);
    Ok(())
}

/// The deadline that is `time` times `unit_ms` milliseconds after `base_ms`; it may be in the past.
pub(super) fn deadline_of(time: i64, base_ms: i64, unit_ms: i64, name: &str) -> Result<i64, Error> {
    let deadline = time.checked_mul(unit_ms).and_then(|ms| ms.checked_add(base_ms));
    Ok(deadline.ok_or_else(|| Error::invalid_expire(name))?.min(LATEST_MS))
}

/// Gives a key that exists a deadline in Unix milliseconds; one that has passed deletes it.
pub(super) fn give_deadline(unit: &mut Unit<'_>, key: &[u8], deadline: i64) {
    if deadline <= unit.now.ms {
        unit.remove(key);
        unit.effect(key, [b"DEL".as_slice(), key]);
        unit.changed(key, class::GENERIC, "del");
    } else {
        unit.set_deadline(key, Some(deadline));
        let mut digits = itoa::Buffer::new();
        unit.effect(key, [b"PEXPIREAT".as_slice(), key, digits.format(deadline).as_bytes()]);
        unit.changed(key, class::GENERIC, "expire");
    }
}

/// When EXPIRE is to do something.
#[derive(Default)]
pub(super) struct Condition {
    /// Only without a deadline.
    nx: bool,
    /// Only with one.
    xx: bool,
    /// Only if later than the present one; none counts as infinitely late.
    gt: bool,
    /// Only if earlier.
    lt: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Condition, Error> {
        let mut condition = Condition::default();
        for option in args.cursor(3) {
            if !condition.take(option) {
                return Err(Error::unsupported_option(option));
            }
        }
        condition.check()?;
        Ok(condition)
    }

    /// Takes in an option; false if it is none.
    pub(super) fn take(&mut self, option: &[u8]) -> bool {
        let flag = match option {
            option if is(option, "NX") => &mut self.nx,
            option if is(option, "XX") => &mut self.xx,
            option if is(option, "GT") => &mut self.gt,
            option if is(option, "LT") => &mut self.lt,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// Whether the options agree with each other.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.nx && (self.xx || self.gt || self.lt) {
            return Err(Error::EXPIRE_NX_WITH_OTHERS);
        }
        if self.gt && self.lt {
            return Err(Error::EXPIRE_GT_AND_LT);
        }
        Ok(())
    }

    /// Whether a key with the deadline `before` may get `after`.
    pub(super) fn allows(&self, before: Option<i64>, after: i64) -> bool {
        let allowed = |asked: bool, holds: bool| !asked || holds;
        allowed(self.nx, before.is_none())
            && allowed(self.xx, before.is_some())
            && allowed(self.gt, before.is_some_and(|before| after > before))
            && allowed(self.lt, before.is_none_or(|before| after < before))
    }
}

/// -2 without the key, -1 without a deadline, and else what `show` makes of it.
fn reply_deadline(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    out: &mut Reply,
    show: impl FnOnce(i64) -> i64,
) -> Result<(), Error> {
    out.int(match look(unit, args.at(1), |entry| entry.deadline()) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => show(deadline),
    });
    Ok(())
}

/// Milliseconds (not negative) in seconds, rounded to the nearest, as Redis does.
fn seconds(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}

#[cfg(test)]
mod tests {
    use crate::command::generic::testing::*;
    use crate::shard::watch::Flag;
    use crate::slots::shard_of;

    #[test]
    fn replies_are_those_of_redis() {
        let lines: &[(&str, &str)] = &[
            ("expire a", "-ERR wrong number of arguments for 'expire' command"),
            ("expire a x", "-ERR value is not an integer or out of range"),
            ("expire a 10 foo", "-ERR Unsupported option foo"),
            ("expire q x foo", "-ERR Unsupported option foo"),
            ("expire a 10 nx xx", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
            ("expire a 10 NX GT LT", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
            ("expire a 10 gt lt", "-ERR GT and LT options at the same time are not compatible"),
            ("expire q 10 gt lt", "-ERR GT and LT options at the same time are not compatible"),
            ("expire a 10 xx gt", ":0"),
            ("expire q 10", ":0"),
            ("expire q 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
            ("expire a 9223372036854774", "-ERR invalid expire time in 'expire' command"),
            ("expire a -9223372036854775808", "-ERR invalid expire time in 'expire' command"),
            ("pexpire a 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
            ("expireat a 9223372036854775807", "-ERR invalid expire time in 'expireat' command"),
            ("ttl a", ":-1"),
            ("pttl q", ":-2"),
            ("expiretime a", ":-1"),
            ("pexpiretime q", ":-2"),
            ("persist a", ":0"),
            ("persist q", ":0"),
            ("expire a 10", ":1"),
            ("ttl a", ":10"),
            ("pttl a", ":10000"),
            ("expiretime a", ":1735689610"),
            ("pexpiretime a", ":1735689610000"),
            ("pexpire a 1499", ":1"),
            ("ttl a", ":1"),
            ("pexpire a 1500", ":1"),
            ("ttl a", ":2"),
            ("pexpireat a 1735689600499", ":1"),
            ("ttl a", ":0"),
            ("expiretime a", ":1735689600"),
            ("persist a", ":1"),
            ("persist a", ":0"),
            ("pexpireat a 9223372036854775807", ":1"),
            ("expiretime a", ":9223372036854776"),
            ("pexpireat a 9223372036854775806", ":1"),
            ("pttl a", ":9223370301165175806"),
            ("expireat a 1735689600 gt", ":0"),
            ("expireat a 1735689600", ":1"),
            ("exists a", ":0"),
            ("pexpireat a 1", ":0"),
        ];
        over_shards(|world| {
            put(world, "a", b"1", None);
            for (line, reply) in lines {
                assert_eq!(world.run(line), *reply, "{line}");
            }
        });
    }

    #[test]
    fn conditions_compare_with_the_present_deadline() {
        // Present deadline in ms from now, if any; new one; option; whether it applies.
        let cases = [
            (None, 10, "nx", true),
            (Some(20), 10, "nx", false),
            (None, 10, "xx", false),
            (Some(20), 10, "xx", true),
            (None, 10, "gt", false),
            (Some(20), 20, "gt", false),
            (Some(20), 21, "gt", true),
            (None, 10, "lt", true),
            (Some(20), 20, "lt", false),
            (Some(20), 19, "lt", true),
            (Some(20), 19, "xx lt", true),
            (None, 19, "xx lt", false),
            (Some(20), 0, "gt", false),
            (Some(20), 0, "lt", true),
            (None, -5, "nx", true),
        ];
        for (before, after, option, applies) in cases {
            over_shards(|world| {
                let at = before.map(|ms| world.now.ms + ms);
                put(world, "k", b"v", at);
                let line = format!("pexpire k {after} {option}");
                assert_eq!(world.run(&line), format!(":{}", i32::from(applies)), "{line} at {before:?}");
                let left = if !applies {
                    before.unwrap_or(-1)
                } else if after <= 0 {
                    -2
                } else {
                    after
                };
                assert_eq!(world.run("pttl k"), format!(":{left}"), "{line} at {before:?}");
            });
        }
    }

    #[test]
    fn effects_are_absolute_and_events_are_those_of_redis() {
        over_shards(|world| {
            let now = world.now.ms;
            put(world, "k", b"v", None);
            let flag = Flag::default();
            let shard = shard_of(b"k", world.shards.len());
            world.shards[shard].watchers.add(0, b"k", &flag);
            let steps: &[(&str, Vec<String>, &[&str])] = &[
                ("expire k 10 xx", vec![], &[]),
                ("expire k 10", vec![format!("PEXPIREAT k {}", now + 10_000)], &["expire k"]),
                ("pexpire k 7", vec![format!("PEXPIREAT k {}", now + 7)], &["expire k"]),
                ("expireat k 1800000000", vec!["PEXPIREAT k 1800000000000".into()], &["expire k"]),
                ("persist k", vec!["PERSIST k".into()], &["persist k"]),
                ("persist k", vec![], &[]),
                ("ttl k", vec![], &[]),
                ("pexpire k 0", vec!["DEL k".into()], &["del k"]),
                ("pexpire k 0", vec![], &[]),
            ];
            for (line, effects, events) in steps {
                assert_eq!(flag.is_raised(), *line != steps[0].0 && *line != steps[1].0);
                world.run(line);
                assert_eq!(world.effect_lines(), *effects, "{line}");
                assert_eq!(world.events(), *events, "{line}");
            }
        });
    }

    #[test]
    fn a_key_is_there_at_its_deadline_and_gone_after() {
        for line in ["ttl k", "pttl k", "expiretime k", "pexpire k 100", "persist k"] {
            over_shards(|world| {
                put(world, "k", b"v", None);
                world.run("pexpire k 10");
                world.events();
                world.pass(10);
                assert_eq!(world.run("pttl k"), ":0");
                assert_eq!(world.events(), Vec::<String>::new());
                world.pass(1);
                let gone = if line.contains("persist") || line.contains("pexpire ") { ":0" } else { ":-2" };
                assert_eq!(world.run(line), gone, "{line}");
                world.expire();
                assert_eq!(world.events(), ["expired k"], "{line}");
            });
        }
    }

    #[test]
    fn a_deadline_moved_fires_once_at_its_last_place() {
        for (moves, fires_at) in [([50, 100, 70], 70), ([100, 50, 200], 200), ([10, 20, 5], 5)] {
            over_shards(|world| {
                put(world, "k", b"v", None);
                moves.iter().for_each(|ms| assert_eq!(world.run(&format!("pexpire k {ms}")), ":1"));
                world.events();
                for ms in 1..=300 {
                    world.pass(1);
                    world.expire();
                    let expected: &[&str] = if ms == fires_at + 1 { &["expired k"] } else { &[] };
                    assert_eq!(world.events(), expected, "after {ms} ms of {moves:?}");
                }
            });
        }
    }
}
