//! Hashes. This file has the rows and the commands that read; those that write are next to it, by what they do.

mod counter;
mod deadline;
mod effect;
mod fields;
mod random;
mod write;

use crate::command::row::Row;
use crate::unit::Unit;
use crate::value::hash::{Hash, HashRef};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("hdel", -3, Group::Hash, "2.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(n), n = fields given", "Takes fields out of a hash and tells how many of them it had.", "key field...")
            .history(&[("2.4.0", "Several fields at once.")]),
        write::hdel,
    ),
    Row::new(
        Spec::new("hexists", 3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells if a hash has a field.", "key field"),
        hexists,
    ),
    Row::new(
        Spec::new("hexpire", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Makes fields of a hash expire after so many seconds.", "key seconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hexpire,
    ),
    Row::new(
        Spec::new("hexpireat", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Makes fields of a hash expire at a point in time, in Unix seconds.", "key unix-time-seconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hexpireat,
    ),
    Row::new(
        Spec::new("hexpiretime", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields given", "Tells when fields of a hash expire, in Unix seconds; -1 without a deadline, -2 without the field.", "key FIELDS fields(numfields field...)"),
        deadline::hexpiretime,
    ),
    Row::new(
        Spec::new("hget", 3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Reads a field of a hash.", "key field"),
        hget,
    ),
    Row::new(
        Spec::new("hgetall", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields", "Reads a whole hash: each field, then its value.", "key")
            .tips(&["nondeterministic_output_order"]),
        hgetall,
    ),
    Row::new(
        Spec::new("hgetdel", -5, Group::Hash, "8.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(n), n = fields given", "Reads fields of a hash and takes them out of it.", "key FIELDS fields(numfields field...)"),
        fields::hgetdel,
    ),
    Row::new(
        Spec::new("hgetex", -5, Group::Hash, "8.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE).notes("UPDATE: deadlines of fields may change")])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Reads fields of a hash and gives them another deadline, or takes theirs away.", "key [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST>] FIELDS fields(numfields field...)"),
        fields::hgetex,
    ),
    Row::new(
        Spec::new("hincrby", 4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Raises the integer in a field by the given amount; a missing field counts as 0.", "key field increment:int"),
        counter::hincrby,
    ),
    Row::new(
        Spec::new("hincrbyfloat", 4, Group::Hash, "2.6.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Raises the number in a field by the given amount, fractions allowed; a missing field counts as 0.", "key field increment:double"),
        counter::hincrbyfloat,
    ),
    Row::new(
        Spec::new("hkeys", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields", "Lists the fields in a hash, without what is in them.", "key")
            .tips(&["nondeterministic_output_order"]),
        hkeys,
    ),
    Row::new(
        Spec::new("hlen", 2, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells how many fields a hash has.", "key"),
        hlen,
    ),
    Row::new(
        Spec::new("hmget", -3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields given", "Reads several fields of a hash; null for each that it does not have.", "key field..."),
        hmget,
    ),
    Row::new(
        Spec::new("hmset", -4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n), n = fields given", "Writes fields of a hash, and answers OK instead of a count.", "key data(field value)...")
            .deprecated("4.0.0", "`HSET`"),
        write::hmset,
    ),
    Row::new(
        Spec::new("hpersist", -5, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Takes the deadlines of fields away, so that they stay.", "key FIELDS fields(numfields field...)"),
        deadline::hpersist,
    ),
    Row::new(
        Spec::new("hpexpire", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Makes fields of a hash expire after so many milliseconds.", "key milliseconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hpexpire,
    ),
    Row::new(
        Spec::new("hpexpireat", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Makes fields of a hash expire at a point in time, in Unix milliseconds.", "key unix-time-milliseconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hpexpireat,
    ),
    Row::new(
        Spec::new("hpexpiretime", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields given", "Tells when fields of a hash expire, in Unix milliseconds; -1 without a deadline, -2 without the field.", "key FIELDS fields(numfields field...)"),
        deadline::hpexpiretime,
    ),
    Row::new(
        Spec::new("hpttl", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields given", "Tells how many milliseconds fields of a hash have left; -1 without a deadline, -2 without the field.", "key FIELDS fields(numfields field...)")
            .tips(&["nondeterministic_output"]),
        deadline::hpttl,
    ),
    Row::new(
        Spec::new("hrandfield", -2, Group::Hash, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields returned", "Draws fields of a hash at random, with their values if wanted; a negative count may draw one twice.", "key [options(count [WITHVALUES])]")
            .tips(&["nondeterministic_output"]),
        random::hrandfield,
    ),
    Row::new(
        Spec::new("hscan", -3, Group::Hash, "2.8.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = COUNT, or fields of the hash for a whole scan", "Walks over a hash step by step, with values or without; a cursor tells where to go on.", "key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
            .tips(&["nondeterministic_output"]),
        random::hscan,
    ),
    Row::new(
        Spec::new("hset", -4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n), n = fields given", "Writes fields of a hash and tells how many of them are new.", "key data(field value)...")
            .history(&[("4.0.0", "Several fields at once.")]),
        write::hset,
    ),
    Row::new(
        Spec::new("hsetex", -6, Group::Hash, "8.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(m)), n = fields given, m = fields with deadlines", "Writes fields of a hash with one deadline for all, if wanted only where it has none of them, or all.", "key [condition<FNX|FXX>] [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL>] FIELDS fields(numfields data(field value)...)"),
        fields::hsetex,
    ),
    Row::new(
        Spec::new("hsetnx", 4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1)", "Writes a field unless the hash has it already.", "key field value"),
        write::hsetnx,
    ),
    Row::new(
        Spec::new("hstrlen", 3, Group::Hash, "3.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells how many bytes are in a field.", "key field"),
        hstrlen,
    ),
    Row::new(
        Spec::new("httl", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields given", "Tells how many seconds fields of a hash have left; -1 without a deadline, -2 without the field.", "key FIELDS fields(numfields field...)")
            .tips(&["nondeterministic_output"]),
        deadline::httl,
    ),
    Row::new(
        Spec::new("hvals", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = fields", "Lists what is in the fields of a hash, without their names.", "key")
            .tips(&["nondeterministic_output_order"]),
        hvals,
    ),
];

fn hget(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    match unit.view::<Hash>(args.at(1))?.and_then(|hash| hash.get(args.at(2))) {
        None => out.null(),
        Some(value) => value.reply(out),
    }
    Ok(())
}

fn hmget(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut finder = unit.view::<Hash>(args.at(1))?.map(HashRef::finder);
    out.array(args.len() - 2);
    for field in args.iter().skip(2) {
        match finder.as_mut().and_then(|finder| finder.get(field)) {
            None => out.null(),
            Some(value) => value.reply(out),
        }
    }
    Ok(())
}

fn hgetall(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let hash = unit.view::<Hash>(args.at(1))?;
    out.map(hash.map_or(0, HashRef::len));
    for (field, value) in hash.into_iter().flat_map(HashRef::iter) {
        field.reply(out);
        value.reply(out);
    }
    Ok(())
}

fn hkeys(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let hash = unit.view::<Hash>(args.at(1))?;
    out.array(hash.map_or(0, HashRef::len));
    hash.into_iter().flat_map(HashRef::iter).for_each(|(field, _)| field.reply(out));
    Ok(())
}

fn hvals(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let hash = unit.view::<Hash>(args.at(1))?;
    out.array(hash.map_or(0, HashRef::len));
    hash.into_iter().flat_map(HashRef::iter).for_each(|(_, value)| value.reply(out));
    Ok(())
}

fn hlen(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(unit.view::<Hash>(args.at(1))?.map_or(0, HashRef::len));
    Ok(())
}

fn hstrlen(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let value = unit.view::<Hash>(args.at(1))?.and_then(|hash| hash.get(args.at(2)));
    out.count(value.map_or(0, |value| value.len()));
    Ok(())
}

fn hexists(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.flag(unit.view::<Hash>(args.at(1))?.is_some_and(|hash| hash.contains(args.at(2))));
    Ok(())
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
mod tests;
