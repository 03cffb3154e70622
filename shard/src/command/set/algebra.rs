//! Several sets at once: SINTER, SUNION, SDIFF, their forms that store, and SINTERCARD.

use crate::event::class;
use crate::keyspace::Deadline;
use crate::shard::Shard;
use crate::slots::shard_of;
use crate::unit::Unit;
use crate::value::set::{self, Set, SetRef};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply, number};

/// `SINTER key [key ...]`.
pub(super) fn sinter(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let Some(mut sets) = all(views(unit, args.tail(1))?) else {
        out.set(0);
        return Ok(());
    };
    let (mark, mut found) = (out.mark(), 0);
    set::intersection(&mut sets, |member| {
        member.reply(out);
        found += 1;
        true
    });
    out.set_at(mark, found);
    Ok(())
}

/// `SINTERCARD numkeys key [key ...] [LIMIT limit]`.
pub(super) fn sintercard(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let keys = number::parse_i64(args.at(1)).filter(|keys| *keys > 0).ok_or(Error::KEYS_NOT_POSITIVE)?;
    let keys = usize::try_from(keys).ok().filter(|keys| *keys <= args.len() - 2).ok_or(Error::TOO_MANY_KEYS)?;
    let mut limit = 0;
    let mut options = args.cursor(2 + keys);
    while let Some(option) = options.next() {
        match options.next() {
            Some(value) if is(option, "LIMIT") => {
                let value = number::parse_i64(value).and_then(|value| usize::try_from(value).ok());
                limit = value.ok_or(Error::LIMIT_NEGATIVE)?;
            }
            _ => return Err(Error::SYNTAX),
        }
    }
    let mut found = 0;
    if let Some(mut sets) = all(views(unit, args.part(2, keys))?) {
        set::intersection(&mut sets, |_| {
            found += 1;
            found != limit
        });
    }
    out.count(found);
    Ok(())
}

/// `SUNION key [key ...]`.
pub(super) fn sunion(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let sets: Vec<SetRef<'_>> = views(unit, args.tail(1))?.into_iter().flatten().collect();
    let (mark, mut found) = (out.mark(), 0);
    set::union(&sets, |member| {
        member.reply(out);
        found += 1;
    });
    out.set_at(mark, found);
    Ok(())
}

/// `SDIFF key [key ...]`: the first without the others.
pub(super) fn sdiff(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (mark, mut found) = (out.mark(), 0);
    if let Some((first, mut others)) = first_and_others(views(unit, args.tail(1))?) {
        set::difference(first, &mut others, |member| {
            member.reply(out);
            found += 1;
        });
    }
    out.set_at(mark, found);
    Ok(())
}

/// `SINTERSTORE destination key [key ...]`.
pub(super) fn sinterstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let limits = unit.settings.limits;
    let sets = all(views(unit, args.tail(2))?);
    let result = sets.map(|mut sets| set::intersection_of(&mut sets, &limits));
    store(unit, args.at(1), result, "sinterstore", out);
    Ok(())
}

/// `SUNIONSTORE destination key [key ...]`.
pub(super) fn sunionstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let limits = unit.settings.limits;
    let sets: Vec<SetRef<'_>> = views(unit, args.tail(2))?.into_iter().flatten().collect();
    let result = set::union_of(&sets, &limits);
    store(unit, args.at(1), Some(result), "sunionstore", out);
    Ok(())
}

/// `SDIFFSTORE destination key [key ...]`.
pub(super) fn sdiffstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let limits = unit.settings.limits;
    let sets = first_and_others(views(unit, args.tail(2))?);
    let result = sets.map(|(first, mut others)| set::difference_of(first, &mut others, &limits));
    store(unit, args.at(1), result, "sdiffstore", out);
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// Makes `key` the result, or removes it if there is none, and replies with the number of members.
fn store(unit: &mut Unit<'_>, key: &[u8], result: Option<Set>, event: &'static str, out: &mut Reply) {
    // One whose time has come goes first, so that its effect stands before that of the new value.
    let existed = unit.exists(key);
    let result = result.filter(|result| !result.view().is_empty());
    out.count(result.as_ref().map_or(0, |result| result.view().len()));
    if let Some(result) = result {
        unit.put_value(key, result, Deadline::Clear);
        super::super::describe::leave(unit, unit.db, key);
        unit.changed(key, class::SET, event);
    } else if existed {
        unit.remove(key);
        unit.effect(key, [b"DEL", key]);
        unit.changed(key, class::GENERIC, "del");
    }
}

/// The sets at `keys`, all at once; None for a key that is not there.
fn views<'u>(unit: &'u mut Unit<'_>, keys: Args<'_>) -> Result<Vec<Option<SetRef<'u>>>, Error> {
    let mut there = Vec::with_capacity(keys.len());
    for key in keys.iter() {
        // Removes what is due, counts hits and misses, and finds what is no set.
        there.push(unit.view::<Set>(key)?.is_some());
    }
    let (db, count) = (unit.db, unit.shard_count());
    let shards: Vec<&'u Shard> = unit.shards().into_iter().map(|shard| &*shard).collect();
    let look = |(key, there): (&[u8], bool)| {
        let index = shard_of(key, count);
        let shard = shards.iter().find(|shard| there && usize::from(shard.index()) == index)?;
        let space = shard.db(db);
        space.get(space.hasher().hash(key), key)?.view::<Set>()
    };
    Ok(keys.iter().zip(there).map(look).collect())
}

/// All sets, None if one of them is not there.
fn all(sets: Vec<Option<SetRef<'_>>>) -> Option<Vec<SetRef<'_>>> {
    sets.into_iter().collect()
}

/// The first set and those of the others that are there; None if the first one is not.
fn first_and_others(sets: Vec<Option<SetRef<'_>>>) -> Option<(SetRef<'_>, Vec<SetRef<'_>>)> {
    let mut sets = sets.into_iter();
    let first = sets.next().flatten()?;
    Some((first, sets.flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    fn world(shards: u16) -> World {
        let mut world = World::new(shards);
        for line in ["set str v", "sadd i 1 2 3 4 5", "sadd j 2 4 9", "sadd w b 4 a 2", "set old v px 10"] {
            world.run(line);
        }
        world.events();
        world.effects();
        world
    }

    #[test]
    fn reading() {
        for shards in [1, 4] {
            check(
                &mut world(shards),
                &[
                    ("sinter i", "*5 $1 1 $1 2 $1 3 $1 4 $1 5", "", ""),
                    ("sinter i j", "*2 $1 2 $1 4", "", ""),
                    ("sinter i w j", "*2 $1 2 $1 4", "", ""),
                    ("sinter w i", "*2 $1 4 $1 2", "", ""),
                    ("sinter i none j", "*0", "", ""),
                    ("sinter i none str", WRONG_TYPE, "", ""),
                    ("sunion j i", "*6 $1 1 $1 2 $1 3 $1 4 $1 5 $1 9", "", ""),
                    ("sunion j none none", "*3 $1 2 $1 4 $1 9", "", ""),
                    ("sunion none", "*0", "", ""),
                    ("sunion none str", WRONG_TYPE, "", ""),
                    ("sdiff i j", "*3 $1 1 $1 3 $1 5", "", ""),
                    ("sdiff i none w", "*3 $1 1 $1 3 $1 5", "", ""),
                    ("sdiff i i", "*0", "", ""),
                    ("sdiff none i", "*0", "", ""),
                    ("sdiff none str", WRONG_TYPE, "", ""),
                    ("sdiff w", "*4 $1 b $1 4 $1 a $1 2", "", ""),
                    ("sintercard 2 i j", ":2", "", ""),
                    ("sintercard 2 i j limit 1", ":1", "", ""),
                    ("sintercard 2 i j LIMIT 0", ":2", "", ""),
                    ("sintercard 2 i j LIMIT 1 limit 9", ":2", "", ""),
                    ("sintercard 2 i none", ":0", "", ""),
                    ("sintercard 1 str", WRONG_TYPE, "", ""),
                    ("sintercard 0 i", "-ERR numkeys should be greater than 0", "", ""),
                    ("sintercard x i", "-ERR numkeys should be greater than 0", "", ""),
                    ("sintercard 3 i j", "-ERR Number of keys can't be greater than number of args", "", ""),
                    ("sintercard 1 i limit -1", "-ERR LIMIT can't be negative", "", ""),
                    ("sintercard 1 i limit x", "-ERR LIMIT can't be negative", "", ""),
                    ("sintercard 1 i limit", "-ERR syntax error", "", ""),
                    ("sintercard 1 i j limit 1", "-ERR syntax error", "", ""),
                ],
            );
            let mut world = world(shards);
            world.resp = curfew_protocol::Resp::Three;
            for (line, start) in [("sinter i j", "~2 "), ("sunion i w", "~7 "), ("sdiff i j", "~3 ")] {
                assert!(world.run(line).starts_with(start));
            }
            assert_eq!(world.run("sinter none"), "~0");
        }
    }

    #[test]
    fn storing() {
        for shards in [1, 4] {
            let mut world = world(shards);
            world.pass(11);
            let cases: &[(&str, &str, &str, &str)] = &[
                ("sinterstore old i w", ":2", "expired old / sinterstore old", "DEL old / DEL old / SADD old 2 4"),
                ("sunionstore i i j", ":6", "sunionstore i", "DEL i / SADD i 1 2 3 4 5 9"),
                ("sdiffstore j i j w", ":3", "sdiffstore j", "DEL j / SADD j 1 3 5"),
                ("sdiffstore none j i", ":0", "", ""),
                ("sdiffstore old j i", ":0", "del old", "DEL old"),
                ("sinterstore str none str", WRONG_TYPE, "", ""),
                ("sinterstore str none i", ":0", "del str", "DEL str"),
                ("sunionstore w none", ":0", "del w", "DEL w"),
                ("sinterstore j j none", ":0", "del j", "DEL j"),
            ];
            check(&mut world, cases);
            assert_eq!(world.run("object encoding i"), "$6 intset");
        }
    }

    #[test]
    fn a_stored_set_has_no_deadline() {
        let mut world = world(2);
        world.run("expire w 100");
        world.run("sunionstore w w i");
        assert_eq!(world.run("ttl w"), ":-1");
        assert_eq!(world.run("smembers w"), "*7 $1 b $1 4 $1 a $1 2 $1 1 $1 3 $1 5");
    }
}
