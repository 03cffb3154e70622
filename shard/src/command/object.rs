//! OBJECT and MEMORY USAGE: how a key is kept.

use crate::command::row::{Reach, Row};
use crate::keyspace::{EntryRef, Str, Value, as_str};
use crate::unit::{Unit, access};
use crate::value::hash::Hash;
use crate::value::kind::Type;
use crate::value::list::List;
use crate::value::object::Boxed;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, help};

/// The longest string that Redis keeps in one block with its header, and calls `embstr`. Bytes.
const EMBEDDED_MAX: usize = 44;

/// Redis shares the integers below this between keys, and gives them a reference count that says "for ever".
const SHARED_INTEGERS: i64 = 10_000;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row {
        spec: Spec::new("object", -2, Group::Generic, "2.2.3").container().doc(
            "That of the subcommand",
            "Shows how the value at a key is kept.",
            "",
        ),
        reach: Reach::None,
        run: container,
        serve: None,
    },
    Row::new(
        Spec::new("object|encoding", 3, Group::Generic, "2.2.3")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO)])
            .doc("O(1)", "Names the form in which a value is kept, such as listpack or hashtable.", "key")
            .tips(&["nondeterministic_output"]),
        encoding,
    ),
    Row::new(
        Spec::new("object|freq", 3, Group::Generic, "4.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO)])
            .doc("O(1)", "Tells how often a key is used, on the scale of LFU from 0 to 255.", "key")
            .tips(&["nondeterministic_output"]),
        freq,
    ),
    Row::new(
        Spec::new("object|idletime", 3, Group::Generic, "2.2.3")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO)])
            .doc("O(1)", "Tells how many seconds ago a key was last used.", "key")
            .tips(&["nondeterministic_output"]),
        idletime,
    ),
    Row::new(
        Spec::new("object|refcount", 3, Group::Generic, "2.2.3")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO)])
            .doc("O(1)", "Answers 1, or for an integer below 10,000 what Redis answers for one that keys share.", "key")
            .tips(&["nondeterministic_output"]),
        refcount,
    ),
    Row {
        spec: Spec::new("object|help", 2, Group::Generic, "6.2.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        reach: Reach::None,
        run: help,
        serve: None,
    },
    Row::new(
        Spec::new("memory|usage", -3, Group::Server, "4.0.0").flags(READONLY).keys(&[KeySpec::at(2, RO)]).doc(
            "O(1), of a stream O(n), n = consumer groups",
            "Tells how many bytes a key and its value take: all of them, so SAMPLES has no effect.",
            "key [SAMPLES count]",
        ),
        memory_usage,
    ),
];

/// OBJECT with a subcommand that has no row of its own.
fn container(_: &mut Unit<'_>, args: Args<'_>, _: &mut Reply) -> Result<(), Error> {
    Err(Error::unknown_subcommand("object", args.at(1)))
}

fn encoding(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    match unit.peek(args.at(2)) {
        None => out.null(),
        Some(entry) => out.bulk(encoding_name(entry)?.as_bytes()),
    }
    Ok(())
}

fn freq(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let Some(bits) = unit.peek(args.at(2)).map(|entry| entry.lru()) else {
        out.null();
        return Ok(());
    };
    if !unit.settings.lfu {
        return Err(Error::NO_FREQUENCY);
    }
    out.int(access::frequency(bits, unit.now, unit.settings).into());
    Ok(())
}

fn idletime(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let Some(bits) = unit.peek(args.at(2)).map(|entry| entry.lru()) else {
        out.null();
        return Ok(());
    };
    if unit.settings.lfu {
        return Err(Error::NO_IDLE_TIME);
    }
    out.int(access::idle_seconds(bits, unit.now));
    Ok(())
}

/// Nothing is shared here; the replies are those that Redis gives.
fn refcount(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    match unit.peek(args.at(2)).map(|entry| entry.value()) {
        None => out.null(),
        Some(Value::Int(0..SHARED_INTEGERS)) => out.int(i32::MAX.into()),
        Some(_) => out.int(1),
    }
    Ok(())
}

fn help(_: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    help::of_container(args.at(0), ROWS.iter().map(|row| &row.spec), out);
    Ok(())
}

/// `MEMORY USAGE key [SAMPLES count]`: the bytes of the entry, its slot in the table, its place in the wheel, and its value.
/// The figure is exact, so there is nothing to sample.
fn memory_usage(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut options = args.cursor(3);
    while let Some(option) = options.next() {
        if !is(option, "SAMPLES") || options.i64()? < 0 {
            return Err(Error::SYNTAX);
        }
    }
    match unit.peek(args.at(2)) {
        None => out.null(),
        Some(entry) => out.count(entry.bytes()),
    }
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// The name that Redis has for the way in which such a value is kept.
pub fn encoding_name(entry: EntryRef<'_>) -> Result<&'static str, Error> {
    match entry.kind() {
        Type::String => Ok(match as_str(entry)? {
            Str::Int(_) => "int",
            Str::Bytes(bytes) if !entry.raw() && bytes.len() <= EMBEDDED_MAX => "embstr",
            Str::Bytes(_) => "raw",
        }),
        Type::List => of::<List>(entry),
        Type::Set => of::<Set>(entry),
        Type::ZSet => of::<SortedSet>(entry),
        Type::Hash => of::<Hash>(entry),
        Type::Stream => of::<Stream>(entry),
    }
}

fn of<T: Boxed>(entry: EntryRef<'_>) -> Result<&'static str, Error> {
    entry.view::<T>().map(T::encoding).ok_or(Error::WRONG_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::generic::testing::*;

    #[test]
    fn strings_are_called_as_in_redis() {
        let cases: &[(&str, &str, &str)] = &[
            ("12", "$3 int", ":2147483647"),
            ("9999", "$3 int", ":2147483647"),
            ("10000", "$3 int", ":1"),
            ("-1", "$3 int", ":1"),
            ("007", "$6 embstr", ":1"),
            ("", "$6 embstr", ":1"),
            ("12345678901234567890123456789012345678901234", "$6 embstr", ":1"),
            ("123456789012345678901234567890123456789012345", "$3 raw", ":1"),
        ];
        for (value, encoding, references) in cases {
            over_shards(|world| {
                put(world, "k", value.as_bytes(), None);
                assert_eq!(world.run("object encoding k"), *encoding, "{value}");
                assert_eq!(world.run("OBJECT REFCOUNT k"), *references, "{value}");
            });
        }
    }

    #[test]
    fn replies_are_those_of_redis() {
        let no_freq = "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
        let lines: &[(&str, &str)] = &[
            ("object encoding q", "$-1"),
            ("object freq q", "$-1"),
            ("object idletime q", "$-1"),
            ("object refcount q", "$-1"),
            ("object encoding", "-ERR wrong number of arguments for 'object|encoding' command"),
            ("object freq k", no_freq),
            ("object idletime k", ":0"),
            ("memory usage q", "$-1"),
            ("memory usage k samples", "-ERR syntax error"),
            ("memory usage k samples x", "-ERR value is not an integer or out of range"),
            ("memory usage k samples -1", "-ERR syntax error"),
            ("memory usage k foo", "-ERR syntax error"),
            ("memory usage k foo 1", "-ERR syntax error"),
            ("memory usage", "-ERR wrong number of arguments for 'memory|usage' command"),
        ];
        over_shards(|world| {
            put(world, "k", b"v", None);
            for (line, reply) in lines {
                assert_eq!(world.run(line), *reply, "{line}");
            }
            assert!(world.run("object help").contains(" +ENCODING key "));
            assert_eq!(world.run("memory usage k"), world.run("memory usage k samples 0 samples 5"));
        });
        let args = curfew_protocol::args::OwnedArgs::from_slices(&[b"object", b"foo"]);
        let mut world = crate::testing::World::new(1);
        let error = with_unit(&mut world, |unit| container(unit, args.view(), &mut Reply::default()));
        assert_eq!(error, Err(Error::made("ERR unknown subcommand 'foo'. Try OBJECT HELP.")));
    }

    #[test]
    fn looking_leaves_no_trace() {
        over_shards(|world| {
            put(world, "k", b"v", None);
            world.pass(7_000);
            ["object encoding k", "object refcount k", "memory usage k"].iter().for_each(|line| {
                world.run(line);
            });
            assert_eq!(world.run("object idletime k"), ":7");
            assert!(world.effects().is_empty() && world.events().is_empty());
        });
    }

    #[test]
    fn under_lfu_there_is_a_frequency_and_no_idle_time() {
        over_shards(|world| {
            world.settings.lfu = true;
            put(world, "k", b"v", None);
            assert_eq!(world.run("object freq k"), ":5");
            assert!(
                world.run("object idletime k").starts_with("-ERR An LFU maxmemory policy is selected, idle time not")
            );
        });
    }

    #[test]
    fn memory_is_counted_by_the_byte() {
        over_shards(|world| {
            let at = world.now.ms + 1;
            let mut usage = |value: &[u8], deadline| {
                put(world, "k", value, deadline);
                world.run("memory usage k")[1..].parse::<usize>().expect("a number")
            };
            let (int, short, long) = (usage(b"1", None), usage(&[b'x'; 32], None), usage(&[b'x'; 100_000], None));
            assert!(int >= 8 + 1 + 8 && int < short, "{int} {short}");
            assert!((100_000..104_096 + 4096).contains(&long), "{long}");
            assert!(usage(&[b'x'; 32], Some(at)) >= short + 20);
        });
    }
}
