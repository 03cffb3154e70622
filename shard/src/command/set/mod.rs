//! Sets. This file has the rows and the commands for members by name; those over several sets, those that choose at random,
//! and SSCAN are next to it.

mod algebra;
mod random;
mod scan;

use crate::command::row::Row;
use crate::event::class;
use crate::unit::Unit;
use crate::value::packed::Element;
use crate::value::set::Set;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("sadd", -3, Group::Set, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = members given",
                "Puts members into a set and tells how many of them are new.",
                "key member...",
            )
            .history(&[("2.4.0", "Several members at once.")]),
        sadd,
    ),
    Row::new(
        Spec::new("scard", 2, Group::Set, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO)]).doc(
            "O(1)",
            "Tells how many members a set has.",
            "key",
        ),
        scard,
    ),
    Row::new(
        Spec::new("sdiff", -2, Group::Set, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
            .doc(
                "O(n), n = members of all the sets",
                "Returns what the first set has and none of the others.",
                "key...",
            )
            .tips(&["nondeterministic_output_order"]),
        algebra::sdiff,
    ),
    Row::new(
        Spec::new("sdiffstore", -3, Group::Set, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
            .doc(
                "O(n), n = members of all the sets",
                "Keeps at a key what the first set has and none of the others.",
                "destination key@1...",
            ),
        algebra::sdiffstore,
    ),
    Row::new(
        Spec::new("sinter", -2, Group::Set, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
            .doc(
                "O(n*k), n = members of the smallest set, k = sets",
                "Returns the members that all the sets have.",
                "key...",
            )
            .tips(&["nondeterministic_output_order"]),
        algebra::sinter,
    ),
    Row::new(
        Spec::new("sintercard", -3, Group::Set, "7.0.0").flags(READONLY).keys(&[KeySpec::numkeys(1, RO | ACCESS)]).doc(
            "O(n*k), n = members of the smallest set, k = sets",
            "Counts the members that all the sets have, up to a limit if one is given.",
            "numkeys key... [LIMIT limit:int]",
        ),
        algebra::sintercard,
    ),
    Row::new(
        Spec::new("sinterstore", -3, Group::Set, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
            .doc(
                "O(n*k), n = members of the smallest set, k = sets",
                "Keeps at a key the members that all the sets have.",
                "destination key@1...",
            ),
        algebra::sinterstore,
    ),
    Row::new(
        Spec::new("sismember", 3, Group::Set, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO)]).doc(
            "O(1)",
            "Tells if a set has a member.",
            "key member",
        ),
        sismember,
    ),
    Row::new(
        Spec::new("smembers", 2, Group::Set, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = members", "Reads a whole set.", "key")
            .tips(&["nondeterministic_output_order"]),
        smembers,
    ),
    Row::new(
        Spec::new("smismember", -3, Group::Set, "6.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = members given", "Tells of each of several members if a set has it.", "key member..."),
        smismember,
    ),
    Row::new(
        Spec::new("smove", 4, Group::Set, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Takes a member out of one set and puts it into another.", "source:key destination@1 member"),
        smove,
    ),
    Row::new(
        Spec::new("spop", -2, Group::Set, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(n), n = members returned", "Takes members drawn at random out of a set.", "key [count^3.2.0]")
            .history(&[("3.2.0", "`count`: several at once.")])
            .tips(&["nondeterministic_output"]),
        random::spop,
    ),
    Row::new(
        Spec::new("srandmember", -2, Group::Set, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc(
                "O(n), n = members returned",
                "Draws members of a set at random and leaves them there; a negative count may draw one twice.",
                "key [count^2.6.0]",
            )
            .history(&[("2.6.0", "`count`: several at once.")])
            .tips(&["nondeterministic_output"]),
        random::srandmember,
    ),
    Row::new(
        Spec::new("srem", -3, Group::Set, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc(
                "O(n), n = members given",
                "Takes members out of a set and tells how many of them it had.",
                "key member...",
            )
            .history(&[("2.4.0", "Several members at once.")]),
        srem,
    ),
    Row::new(
        Spec::new("sscan", -3, Group::Set, "2.8.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc(
                "O(n), n = COUNT, or members of the set for a whole scan",
                "Walks over the members of a set step by step; a cursor tells where to go on.",
                "key cursor [MATCH pattern] [COUNT count]",
            )
            .tips(&["nondeterministic_output"]),
        scan::sscan,
    ),
    Row::new(
        Spec::new("sunion", -2, Group::Set, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
            .doc("O(n), n = members of all the sets", "Returns the members that any of the sets has.", "key...")
            .tips(&["nondeterministic_output_order"]),
        algebra::sunion,
    ),
    Row::new(
        Spec::new("sunionstore", -3, Group::Set, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
            .doc(
                "O(n), n = members of all the sets",
                "Keeps at a key the members that any of the sets has.",
                "destination key@1...",
            ),
        algebra::sunionstore,
    ),
];

/// `SADD key member [member ...]`: how many were new.
fn sadd(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, members, limits) = (args.at(1), args.tail(2), unit.settings.limits);
    let edited = unit.edit_or_new(key, |set: &mut Set| {
        if set.view().is_empty() {
            *set = Set::create(members.at(0), members.len(), &limits);
        } else {
            set.expect(members.len(), &limits);
        }
        members.iter().filter(|member| set.add(Element::Bytes(member), &limits)).count()
    })?;
    if edited.value > 0 {
        unit.effect(key, args.iter());
        unit.changed(key, class::SET, "sadd");
    }
    out.count(edited.value);
    Ok(())
}

/// `SREM key member [member ...]`: how many there were.
fn srem(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, members) = (args.at(1), args.tail(2));
    let edited =
        unit.edit(key, |set: &mut Set| members.iter().filter(|member| set.remove(Element::Bytes(member))).count())?;
    let Some(edited) = edited.filter(|edited| edited.value > 0) else {
        out.count(0);
        return Ok(());
    };
    unit.effect(key, args.iter());
    unit.changed(key, class::SET, "srem");
    if edited.emptied {
        unit.event(class::GENERIC, "del", key);
    }
    out.count(edited.value);
    Ok(())
}

/// `SISMEMBER key member`.
fn sismember(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let set = unit.view::<Set>(args.at(1))?;
    out.flag(set.is_some_and(|set| set.contains(Element::Bytes(args.at(2)))));
    Ok(())
}

/// `SMISMEMBER key member [member ...]`: a flag for each.
fn smismember(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (set, members) = (unit.view::<Set>(args.at(1))?, args.tail(2));
    out.array(members.len());
    members.iter().for_each(|member| out.flag(set.is_some_and(|set| set.contains(Element::Bytes(member)))));
    Ok(())
}

/// `SCARD key`.
fn scard(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(unit.view::<Set>(args.at(1))?.map_or(0, |set| set.len()));
    Ok(())
}

/// `SMEMBERS key`.
fn smembers(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let Some(set) = unit.view::<Set>(args.at(1))? else {
        out.set(0);
        return Ok(());
    };
    out.set(set.len());
    set.iter().for_each(|member| member.reply(out));
    Ok(())
}

/// `SMOVE source destination member`: whether it was in the source.
fn smove(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (source, destination, member) = (args.at(1), args.at(2), Element::Bytes(args.at(3)));
    let Some(set) = unit.peek_view::<Set>(source)? else {
        out.flag(false);
        return Ok(());
    };
    let is_there = set.contains(member);
    unit.peek_view::<Set>(destination)?;
    if !is_there || source == destination {
        out.flag(is_there);
        return Ok(());
    }
    let edited = unit.edit(source, |set: &mut Set| set.remove(member))?;
    unit.effect(source, [b"SREM", source, args.at(3)]);
    unit.changed(source, class::SET, "srem");
    if edited.is_some_and(|edited| edited.emptied) {
        unit.event(class::GENERIC, "del", source);
    }
    let limits = unit.settings.limits;
    let added = unit.edit_or_new(destination, |set: &mut Set| {
        if set.view().is_empty() {
            *set = Set::create(args.at(3), 1, &limits);
        }
        set.add(member, &limits)
    })?;
    if added.value {
        unit.effect(destination, [b"SADD", destination, args.at(3)]);
        unit.changed(destination, class::SET, "sadd");
    }
    out.flag(true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    /// Runs lines, and compares replies, events and effects, these joined by ` / `.
    pub(super) fn check(world: &mut World, cases: &[(&str, &str, &str, &str)]) {
        for (line, reply, events, effects) in cases {
            assert_eq!(world.run(line), *reply, "{line}");
            assert_eq!(world.events().join(" / "), *events, "{line}");
            assert_eq!(world.effect_lines().join(" / "), *effects, "{line}");
        }
    }

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn adding_and_removing() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            check(
                &mut world,
                &[
                    ("set str v", "+OK", "set str", "SET str v"),
                    ("sadd s 3 1 2 1", ":3", "sadd s", "sadd s 3 1 2 1"),
                    ("sadd s 1 2", ":0", "", ""),
                    ("smembers s", "*3 $1 1 $1 2 $1 3", "", ""),
                    ("object encoding s", "$6 intset", "", ""),
                    ("sadd s b a 1", ":2", "sadd s", "sadd s b a 1"),
                    ("object encoding s", "$8 listpack", "", ""),
                    ("smembers s", "*5 $1 1 $1 2 $1 3 $1 b $1 a", "", ""),
                    ("scard s", ":5", "", ""),
                    ("scard none", ":0", "", ""),
                    ("sismember s b", ":1", "", ""),
                    ("sismember s 4", ":0", "", ""),
                    ("sismember none 4", ":0", "", ""),
                    ("smismember s 1 x a 01", "*4 :1 :0 :1 :0", "", ""),
                    ("smismember none 1 x", "*2 :0 :0", "", ""),
                    ("smembers none", "*0", "", ""),
                    ("srem s x 1 1 b", ":2", "srem s", "srem s x 1 1 b"),
                    ("srem s x", ":0", "", ""),
                    ("srem none x", ":0", "", ""),
                    ("smembers s", "*3 $1 2 $1 3 $1 a", "", ""),
                    ("srem s a 2 3 4", ":3", "srem s / del s", "srem s a 2 3 4"),
                    ("exists s", ":0", "", ""),
                    ("sadd str x", WRONG_TYPE, "", ""),
                    ("srem str x", WRONG_TYPE, "", ""),
                    ("scard str", WRONG_TYPE, "", ""),
                    ("smembers str", WRONG_TYPE, "", ""),
                    ("sismember str x", WRONG_TYPE, "", ""),
                    ("smismember str x", WRONG_TYPE, "", ""),
                    ("sadd s", "-ERR wrong number of arguments for 'sadd' command", "", ""),
                ],
            );
        }
    }

    #[test]
    fn moving() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            check(
                &mut world,
                &[
                    ("set str v", "+OK", "set str", "SET str v"),
                    ("sadd a 1 x", ":2", "sadd a", "sadd a 1 x"),
                    ("smove none str x", ":0", "", ""),
                    ("smove a str x", WRONG_TYPE, "", ""),
                    ("smove str a x", WRONG_TYPE, "", ""),
                    ("smove a b y", ":0", "", ""),
                    ("smove a a x", ":1", "", ""),
                    ("smove a a y", ":0", "", ""),
                    ("smove a b 1", ":1", "srem a / sadd b", "SREM a 1 / SADD b 1"),
                    ("object encoding b", "$6 intset", "", ""),
                    ("sadd b x", ":1", "sadd b", "sadd b x"),
                    ("smove a b x", ":1", "srem a / del a", "SREM a x"),
                    ("smembers b", "*2 $1 1 $1 x", "", ""),
                ],
            );
        }
    }

    #[test]
    fn a_set_of_many_members_keeps_its_deadline() {
        let mut world = World::new(2);
        world.run("sadd s 0");
        world.run("expire s 100");
        for i in 0..1000 {
            world.run(&format!("sadd s {i} w{i}"));
        }
        assert_eq!(world.run("scard s"), ":2000");
        assert_eq!(world.run("object encoding s"), "$9 hashtable");
        assert_eq!(world.run("ttl s"), ":100");
        world.resp = curfew_protocol::Resp::Three;
        assert!(world.run("smembers s").starts_with("~2000 "));
        for i in 0..1000 {
            world.run(&format!("srem s {i} w{i}"));
        }
        assert_eq!(world.run("exists s"), ":0");
    }
}
