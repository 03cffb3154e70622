//! From one list to another: LMOVE, RPOPLPUSH, and BLMOVE, BRPOPLPUSH, which wait for the source.

use super::shared::{limit, removed};
use crate::event::class;
use crate::shard::wait::{self, Null, Wait};
use crate::unit::{Edited, Unit};
use crate::value::list::{List, Side};
use crate::value::packed::Element;
use curfew_protocol::args::{OwnedArgs, is};
use curfew_protocol::{Args, Error, Reply};

/// What is to be moved where.
#[derive(Clone, Copy)]
struct Shift<'a> {
    source: &'a [u8],
    destination: &'a [u8],
    from: Side,
    to: Side,
}

impl<'a> Shift<'a> {
    /// Of any of the four commands.
    fn parse(args: Args<'a>) -> Result<Shift<'a>, Error> {
        let name = args.at(0);
        let (from, to) = if is(name, "RPOPLPUSH") || is(name, "BRPOPLPUSH") {
            (Side::Back, Side::Front)
        } else {
            (Side::of(args.at(3))?, Side::of(args.at(4))?)
        };
        Ok(Shift { source: args.at(1), destination: args.at(2), from, to })
    }
}

pub(super) fn lmove(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    if !shift(unit, Shift::parse(args)?, out)? {
        out.null();
    }
    Ok(())
}

pub(super) fn rpoplpush(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    lmove(unit, args, out)
}

pub(super) fn blmove(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let plan = Shift::parse(args)?;
    let until = wait::until_seconds(args.at(args.len() - 1), unit.now)?;
    if shift(unit, plan, out)? {
        return Ok(());
    }
    // Redis answers this null at once where nobody may wait, and the array's when the time is over.
    let null = if unit.may_wait { Null::Array } else { Null::Bulk };
    let (args, keys) = (OwnedArgs::from_view(args), vec![plan.source.into()]);
    unit.wait(out, Wait { args, keys, until, null });
    Ok(())
}

pub(super) fn brpoplpush(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    blmove(unit, args, out)
}

pub(super) fn serve(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let plan = Shift::parse(args)?;
    // Without the destination's shard nothing is touched: it is tried again with both.
    if !unit.holds(plan.source) || !unit.holds(plan.destination) {
        return Ok(false);
    }
    // Another type may have taken the place of the list: who waits for a list waits on.
    match unit.peek_view::<List>(key) {
        Ok(Some(_)) => shift(unit, plan, out),
        _ => Ok(false),
    }
}

/// Moves an element and replies with it. False if there is none.
fn shift(unit: &mut Unit<'_>, plan: Shift<'_>, out: &mut Reply) -> Result<bool, Error> {
    let Shift { source, destination, from, to } = plan;
    let limit = limit(unit);
    if unit.peek_view::<List>(source)?.is_none() {
        return Ok(false);
    }
    unit.peek_view::<List>(destination)?;
    if source == destination {
        let edited = unit.edit(source, |list: &mut List| {
            let (item, counted) = pop(list, from);
            list.prepare(counted, 1, limit);
            list.push(to, Element::of(&item), limit);
            list.settle(limit);
            item
        })?;
        let Some(Edited { value: item, .. }) = edited else { return Ok(false) };
        // As one: taken apart it would lose the deadline of a list of one element.
        let side = |side| if side == Side::Front { b"LEFT".as_slice() } else { b"RIGHT" };
        unit.effect(source, [b"LMOVE", source, source, side(from), side(to)]);
        unit.changed(source, class::LIST, to.push().1);
        unit.changed(source, class::LIST, from.pop().1);
        out.bulk(&item);
        return Ok(true);
    }
    let edited = unit.edit(source, |list: &mut List| {
        let popped = pop(list, from);
        list.settle(limit);
        popped
    })?;
    let Some(Edited { value: (item, counted), emptied }) = edited else { return Ok(false) };
    unit.edit_or_new(destination, |list: &mut List| {
        list.prepare(counted, 1, limit);
        list.push(to, Element::of(&item), limit);
    })?;
    unit.effect(source, [from.pop().0, source]);
    unit.effect(destination, [to.push().0, destination, &item]);
    unit.changed(destination, class::LIST, to.push().1);
    removed(unit, source, from.pop().1, emptied);
    out.bulk(&item);
    Ok(true)
}

/// Takes an element off an end. Also how many bytes Redis counts for it where it guesses what a list will need: numbers are
/// not counted there.
fn pop(list: &mut List, side: Side) -> (Vec<u8>, usize) {
    let (mut item, mut counted) = (Vec::new(), 0);
    list.pop(side, 1, |element| {
        element.write(&mut item);
        counted = if element.int().is_some() { 0 } else { item.len() };
    });
    (item, counted)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::shard::Shard;
    use crate::testing::World;
    use crate::unit::Held;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn moves() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            world.run("rpush a 1 2 3");
            world.run("set s v");
            world.events();
            world.effects();
            let syntax = "-ERR syntax error";
            check(
                &mut world,
                &[
                    ("lmove a b left middle", syntax, "", ""),
                    ("lmove a b up right", syntax, "", ""),
                    ("lmove nokey b left right", "$-1", "", ""),
                    ("lmove nokey s left right", "$-1", "", ""),
                    ("lmove s b left right", WRONG_TYPE, "", ""),
                    ("lmove a s left right", WRONG_TYPE, "", ""),
                    ("lmove a b left right", "$1 1", "rpush b, lpop a", "LPOP a, RPUSH b 1"),
                    ("lmove a b RIGHT left", "$1 3", "lpush b, rpop a", "RPOP a, LPUSH b 3"),
                    ("rpoplpush a b", "$1 2", "lpush b, rpop a, del a", "RPOP a, LPUSH b 2"),
                    ("rpoplpush a b", "$-1", "", ""),
                    ("lmove b b left right", "$1 2", "rpush b, lpop b", "LMOVE b b LEFT RIGHT"),
                    ("lrange b 0 -1", "*3 $1 3 $1 1 $1 2", "", ""),
                    ("rpoplpush b b", "$1 2", "lpush b, rpop b", "LMOVE b b RIGHT LEFT"),
                ],
            );
        }
    }

    #[test]
    fn those_that_wait_do_the_same_at_once() {
        let mut world = World::new(4);
        world.run("rpush a 1 2");
        world.run("set s v");
        world.events();
        world.effects();
        check(
            &mut world,
            &[
                ("blmove a b left right x", "-ERR timeout is not a float or out of range", "", ""),
                ("blmove a b left x 0", "-ERR syntax error", "", ""),
                ("brpoplpush a b -1", "-ERR timeout is negative", "", ""),
                ("blmove s b left right 0", WRONG_TYPE, "", ""),
                ("blmove a s left right 0", WRONG_TYPE, "", ""),
                ("blmove nokey s left right 0", "$-1", "", ""),
                ("brpoplpush nokey b 0", "$-1", "", ""),
                ("blmove a b left right 0", "$1 1", "rpush b, lpop a", "LPOP a, RPUSH b 1"),
                ("brpoplpush a b 0", "$1 2", "lpush b, rpop a, del a", "RPOP a, LPUSH b 2"),
            ],
        );
    }

    /// Runs `serve` of a waiter that named `args`, with only those shards held.
    fn served(world: &mut World, args: &[&[u8]], held: impl Fn(usize) -> bool) -> (Result<bool, Error>, String) {
        let args = OwnedArgs::from_slices(args);
        let mut out = Reply::new(world.resp);
        let shards: Vec<Option<&mut Shard>> =
            world.shards.iter_mut().enumerate().map(|(index, shard)| held(index).then_some(shard)).collect();
        let mut unit = Unit::new(Held::Many(shards), &mut world.sink, world.now, 0, &world.settings);
        let done = serve(&mut unit, args.view(), args.view().at(1), &mut out);
        (done, String::from_utf8_lossy(out.as_bytes()).into())
    }

    #[test]
    fn a_waiter_is_served_only_with_both_shards_held() {
        let mut world = World::new(4);
        // foo is in slot 12182 and hello in 866, of 16384.
        world.run("rpush foo 1");
        let args: &[&[u8]] = &[b"blmove", b"foo", b"hello", b"left", b"right", b"0"];
        let source = crate::slots::shard_of(b"foo", 4);
        assert_eq!(served(&mut world, args, |index| index == source), (Ok(false), String::new()));
        assert_eq!(served(&mut world, args, |_| true), (Ok(true), "$1\r\n1\r\n".into()));
        assert_eq!(served(&mut world, args, |_| true), (Ok(false), String::new()));
        world.run("set foo v");
        assert_eq!(served(&mut world, args, |_| true), (Ok(false), String::new()), "it waits for a list");
        world.run("del foo");
        world.run("rpush foo 1");
        world.run("set hello v");
        assert_eq!(served(&mut world, args, |_| true), (Err(Error::WRONG_TYPE), String::new()));
        assert_eq!(world.run("llen foo"), ":1");
    }

    #[test]
    fn what_it_waits_for() {
        let mut world = World::new(1);
        let args = OwnedArgs::from_slices(&[b"brpoplpush", b"a", b"b", b"1.5"]);
        let mut out = Reply::new(world.resp);
        let held = Held::One(&mut world.shards[0]);
        let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
        unit.may_wait = true;
        assert_eq!(brpoplpush(&mut unit, args.view(), &mut out), Ok(()));
        assert!(out.is_empty());
        let wait = world.sink.wait.take().expect("it waits");
        assert_eq!((wait.keys, wait.until), (vec![b"a".as_slice().into()], Some(world.now.ms + 1500)));
        assert_eq!((wait.args, wait.null), (args, Null::Array));
    }
}
