//! Pops that wait: BLPOP, BRPOP, BLMPOP.

use super::ends::{Many, take};
use crate::shard::wait::{self, Null, Wait};
use crate::unit::Unit;
use crate::value::list::{List, Side};
use curfew_protocol::args::{OwnedArgs, is};
use curfew_protocol::{Args, Error, Reply};

pub(super) fn blpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop(unit, args, out, Side::Front)
}

pub(super) fn brpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop(unit, args, out, Side::Back)
}

pub(super) fn blmpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let many = Many::parse(args, 2)?;
    let until = wait::until_seconds(args.at(1), unit.now)?;
    for key in many.keys.iter() {
        if many.pop(unit, key, out)? {
            return Ok(());
        }
    }
    wait(unit, args, many.keys, until, out);
    Ok(())
}

fn pop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, side: Side) -> Result<(), Error> {
    let last = args.len() - 1;
    let until = wait::until_seconds(args.at(last), unit.now)?;
    let keys = args.part(1, last - 1);
    for key in keys.iter() {
        if pop_pair(unit, key, side, out)? {
            return Ok(());
        }
    }
    wait(unit, args, keys, until, out);
    Ok(())
}

fn wait(unit: &mut Unit<'_>, args: Args<'_>, names: Args<'_>, until: Option<i64>, out: &mut Reply) {
    let mut keys: Vec<Box<[u8]>> = Vec::with_capacity(names.len());
    for key in names.iter() {
        if !keys.iter().any(|other| **other == *key) {
            keys.push(key.into());
        }
    }
    unit.wait(out, Wait { args: OwnedArgs::from_view(args), keys, until, null: Null::Array });
}

/// Pops one element and replies with the key and the element. False if there is none.
fn pop_pair(unit: &mut Unit<'_>, key: &[u8], side: Side, out: &mut Reply) -> Result<bool, Error> {
    take(unit, key, side, 1, false, out, |_, out| {
        out.array(2);
        out.bulk(key);
    })
}

pub(super) fn serve(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let side = if is(args.at(0), "BLPOP") { Side::Front } else { Side::Back };
    Ok(is_list(unit, key) && pop_pair(unit, key, side, out)?)
}

pub(super) fn serve_many(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let many = Many::parse(args, 2)?;
    Ok(is_list(unit, key) && many.pop(unit, key, out)?)
}

/// Another type may have taken the place of the list: who waits for a list waits on.
fn is_list(unit: &mut Unit<'_>, key: &[u8]) -> bool {
    matches!(unit.peek_view::<List>(key), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::testing::World;
    use crate::unit::Held;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn with_something_there_they_do_not_wait() {
        let mut world = World::new(3);
        world.run("rpush b 1 2 3 4 5");
        world.run("set s v");
        world.events();
        world.effects();
        check(
            &mut world,
            &[
                ("blpop b x", "-ERR timeout is not a float or out of range", "", ""),
                ("blpop b -1", "-ERR timeout is negative", "", ""),
                ("blpop a s b 0", WRONG_TYPE, "", ""),
                ("blpop a b s 0", "*2 $1 b $1 1", "lpop b", "LPOP b"),
                ("brpop b 0.1", "*2 $1 b $1 5", "rpop b", "RPOP b"),
                ("blmpop x 1 b left", "-ERR timeout is not a float or out of range", "", ""),
                ("blmpop x 0 b left", "-ERR numkeys should be greater than 0", "", ""),
                ("blmpop 0 2 a b left", "*2 $1 b *1 $1 2", "lpop b", "LPOP b 1"),
                ("blmpop 0 1 b right count 5", "*2 $1 b *2 $1 4 $1 3", "rpop b, del b", "RPOP b 2"),
                // Where nobody may wait.
                ("blpop a b 0", "*-1", "", ""),
                ("blmpop 0 1 b left", "*-1", "", ""),
            ],
        );
    }

    #[test]
    fn one_who_waits_is_served_on_the_key_that_changed() {
        let cases: &[(&[&[u8]], &str)] = &[
            (&[b"BlPop", b"a", b"b", b"a", b"0"], "*2 $1 b $1 1"),
            (&[b"BRPOP", b"a", b"b", b"0"], "*2 $1 b $1 2"),
            (&[b"BLMPOP", b"0", b"2", b"a", b"b", b"right", b"count", b"9"], "*2 $1 b *2 $1 2 $1 1"),
        ];
        for (words, reply) in cases {
            let mut world = World::new(1);
            let args = OwnedArgs::from_slices(words);
            let name = String::from_utf8_lossy(words[0]).to_lowercase();
            let row = super::super::ROWS.iter().find(|row| row.spec.name == name).expect("a command");
            let mut out = Reply::new(world.resp);
            {
                let held = Held::One(&mut world.shards[0]);
                let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
                unit.may_wait = true;
                assert_eq!((row.run)(&mut unit, args.view(), &mut out), Ok(()));
            }
            assert!(out.is_empty(), "{name}");
            let wait = world.sink.wait.take().expect("it waits");
            let keys: [Box<[u8]>; 2] = [b"a".as_slice().into(), b"b".as_slice().into()];
            assert_eq!((wait.keys.as_slice(), wait.until, wait.null), (keys.as_slice(), None, Null::Array));
            let mut serve = |world: &mut World| {
                let held = Held::One(&mut world.shards[0]);
                let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
                (row.serve.expect("it waits"))(&mut unit, wait.args.view(), b"b", &mut out)
            };
            assert_eq!(serve(&mut world), Ok(false), "{name}");
            world.run("set b v");
            assert_eq!(serve(&mut world), Ok(false), "{name}");
            world.run("del b");
            world.run("rpush b 1 2");
            assert_eq!(serve(&mut world), Ok(true), "{name}");
            assert_eq!(String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " ").trim_end(), *reply);
        }
    }
}
