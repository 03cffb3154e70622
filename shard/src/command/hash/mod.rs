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
            .doc("O(N) where N is the number of fields to be removed.", "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.", "key field...")
            .history(&[("2.4.0", "Accepts multiple `field` arguments.")]),
        write::hdel,
    ),
    Row::new(
        Spec::new("hexists", 3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Determines whether a field exists in a hash.", "key field"),
        hexists,
    ),
    Row::new(
        Spec::new("hexpire", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of specified fields", "Set expiry for hash field using relative time to expire (seconds)", "key seconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hexpire,
    ),
    Row::new(
        Spec::new("hexpireat", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of specified fields", "Set expiry for hash field using an absolute Unix timestamp (seconds)", "key unix-time-seconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hexpireat,
    ),
    Row::new(
        Spec::new("hexpiretime", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of specified fields", "Returns the expiration time of a hash field as a Unix timestamp, in seconds.", "key FIELDS fields(numfields field...)"),
        deadline::hexpiretime,
    ),
    Row::new(
        Spec::new("hget", 3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Returns the value of a field in a hash.", "key field"),
        hget,
    ),
    Row::new(
        Spec::new("hgetall", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the size of the hash.", "Returns all fields and values in a hash.", "key")
            .tips(&["nondeterministic_output_order"]),
        hgetall,
    ),
    Row::new(
        Spec::new("hgetdel", -5, Group::Hash, "8.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(N) where N is the number of specified fields", "Returns the value of a field and deletes it from the hash.", "key FIELDS fields(numfields field...)"),
        fields::hgetdel,
    ),
    Row::new(
        Spec::new("hgetex", -5, Group::Hash, "8.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE).notes("RW and UPDATE because it changes the TTL")])
            .doc("O(N) where N is the number of specified fields", "Get the value of one or more fields of a given hash key, and optionally set their expiration.", "key [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST>] FIELDS fields(numfields field...)"),
        fields::hgetex,
    ),
    Row::new(
        Spec::new("hincrby", 4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.", "key field increment:int"),
        counter::hincrby,
    ),
    Row::new(
        Spec::new("hincrbyfloat", 4, Group::Hash, "2.6.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(1)", "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.", "key field increment:double"),
        counter::hincrbyfloat,
    ),
    Row::new(
        Spec::new("hkeys", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the size of the hash.", "Returns all fields in a hash.", "key")
            .tips(&["nondeterministic_output_order"]),
        hkeys,
    ),
    Row::new(
        Spec::new("hlen", 2, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Returns the number of fields in a hash.", "key"),
        hlen,
    ),
    Row::new(
        Spec::new("hmget", -3, Group::Hash, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of fields being requested.", "Returns the values of all fields in a hash.", "key field..."),
        hmget,
    ),
    Row::new(
        Spec::new("hmset", -4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of fields being set.", "Sets the values of multiple fields.", "key data(field value)...")
            .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
        write::hmset,
    ),
    Row::new(
        Spec::new("hpersist", -5, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of specified fields", "Removes the expiration time for each specified field", "key FIELDS fields(numfields field...)"),
        deadline::hpersist,
    ),
    Row::new(
        Spec::new("hpexpire", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of specified fields", "Set expiry for hash field using relative time to expire (milliseconds)", "key milliseconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hpexpire,
    ),
    Row::new(
        Spec::new("hpexpireat", -6, Group::Hash, "7.4.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of specified fields", "Set expiry for hash field using an absolute Unix timestamp (milliseconds)", "key unix-time-milliseconds [condition<NX|XX|GT|LT>] FIELDS fields(numfields field...)"),
        deadline::hpexpireat,
    ),
    Row::new(
        Spec::new("hpexpiretime", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of specified fields", "Returns the expiration time of a hash field as a Unix timestamp, in msec.", "key FIELDS fields(numfields field...)"),
        deadline::hpexpiretime,
    ),
    Row::new(
        Spec::new("hpttl", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of specified fields", "Returns the TTL in milliseconds of a hash field.", "key FIELDS fields(numfields field...)")
            .tips(&["nondeterministic_output"]),
        deadline::hpttl,
    ),
    Row::new(
        Spec::new("hrandfield", -2, Group::Hash, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of fields returned", "Returns one or more random fields from a hash.", "key [options(count [WITHVALUES])]")
            .tips(&["nondeterministic_output"]),
        random::hrandfield,
    ),
    Row::new(
        Spec::new("hscan", -3, Group::Hash, "2.8.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.", "Iterates over fields and values of a hash.", "key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
            .tips(&["nondeterministic_output"]),
        random::hscan,
    ),
    Row::new(
        Spec::new("hset", -4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.", "Creates or modifies the value of a field in a hash.", "key data(field value)...")
            .history(&[("4.0.0", "Accepts multiple `field` and `value` arguments.")]),
        write::hset,
    ),
    Row::new(
        Spec::new("hsetex", -6, Group::Hash, "8.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the number of fields being set.", "Set the value of one or more fields of a given hash key, and optionally set their expiration.", "key [condition<FNX|FXX>] [expiration<EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL>] FIELDS fields(numfields data(field value)...)"),
        fields::hsetex,
    ),
    Row::new(
        Spec::new("hsetnx", 4, Group::Hash, "2.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1)", "Sets the value of a field in a hash only when the field doesn't exist.", "key field value"),
        write::hsetnx,
    ),
    Row::new(
        Spec::new("hstrlen", 3, Group::Hash, "3.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Returns the length of the value of a field.", "key field"),
        hstrlen,
    ),
    Row::new(
        Spec::new("httl", -5, Group::Hash, "7.4.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of specified fields", "Returns the TTL in seconds of a hash field.", "key FIELDS fields(numfields field...)")
            .tips(&["nondeterministic_output"]),
        deadline::httl,
    ),
    Row::new(
        Spec::new("hvals", 2, Group::Hash, "2.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the size of the hash.", "Returns all values in a hash.", "key")
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
