//! At the ends: LPUSH, RPOP, LMPOP and their kin.

use super::shared::{limit, removed};
use crate::event::class;
use crate::unit::Unit;
use crate::value::list::{List, Side};
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply, number};

pub(super) fn lpush(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    push(unit, args, out, Side::Front)
}

pub(super) fn rpush(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    push(unit, args, out, Side::Back)
}

pub(super) fn lpushx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    push_if_there(unit, args, out, Side::Front)
}

pub(super) fn rpushx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    push_if_there(unit, args, out, Side::Back)
}

pub(super) fn lpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop(unit, args, out, Side::Front)
}

pub(super) fn rpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop(unit, args, out, Side::Back)
}

/// The keys, the end and the count of LMPOP and BLMPOP.
pub(super) struct Many<'a> {
    pub(super) keys: Args<'a>,
    pub(super) side: Side,
    pub(super) count: usize,
}

impl<'a> Many<'a> {
    /// Reads them from the number of keys on, which is at `at`.
    pub(super) fn parse(args: Args<'a>, at: usize) -> Result<Many<'a>, Error> {
        let positive = |arg| number::parse_i64(arg).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let keys = positive(args.at(at)).ok_or(Error::KEYS_NOT_POSITIVE)?;
        // What is behind the keys: also where the number is absurd.
        let behind = (at + 1).checked_add(keys).filter(|behind| *behind < args.len()).ok_or(Error::SYNTAX)?;
        let side = Side::of(args.at(behind))?;
        let (mut count, mut cursor) = (None, args.cursor(behind + 1));
        while let Some(option) = cursor.next() {
            if count.is_some() || !is(option, "COUNT") {
                return Err(Error::SYNTAX);
            }
            count = Some(positive(cursor.need()?).ok_or(Error::COUNT_NOT_POSITIVE)?);
        }
        Ok(Many { keys: args.part(at + 1, keys), side, count: count.unwrap_or(1) })
    }

    /// Pops from `key`; false if there is nothing.
    pub(super) fn pop(&self, unit: &mut Unit<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
        take(unit, key, self.side, self.count, true, out, |len, out| {
            out.array(2);
            out.bulk(key);
            out.array(len);
        })
    }
}

pub(super) fn lmpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let many = Many::parse(args, 1)?;
    for key in many.keys.iter() {
        if many.pop(unit, key, out)? {
            return Ok(());
        }
    }
    out.null_array();
    Ok(())
}

/// Removes up to `count` elements from an end of the list at `key` and replies with them, after what `head` writes, which is
/// told how many they are. False if there is no such key. `counted`: whether the effect is one with a count.
pub(super) fn take(
    unit: &mut Unit<'_>,
    key: &[u8],
    side: Side,
    count: usize,
    counted: bool,
    out: &mut Reply,
    head: impl FnOnce(usize, &mut Reply),
) -> Result<bool, Error> {
    let limit = limit(unit);
    let edited = unit.edit(key, |list: &mut List| {
        let count = list.len().min(count);
        head(count, out);
        list.pop(side, count, |element| element.reply(out));
        list.settle(limit);
        count
    })?;
    let Some(edited) = edited else { return Ok(false) };
    let (command, event) = side.pop();
    if counted {
        let mut digits = itoa::Buffer::new();
        unit.effect(key, [command, key, digits.format(edited.value).as_bytes()]);
    } else {
        unit.effect(key, [command, key]);
    }
    removed(unit, key, event, edited.emptied);
    Ok(true)
}

fn push(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, side: Side) -> Result<(), Error> {
    let (key, limit) = (args.at(1), limit(unit));
    let edited = unit.edit_or_new(key, |list: &mut List| {
        list.push_all(side, args.iter().skip(2), limit);
        list.len()
    })?;
    pushed(unit, args, side);
    out.count(edited.value);
    Ok(())
}

fn push_if_there(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, side: Side) -> Result<(), Error> {
    let (key, limit) = (args.at(1), limit(unit));
    let edited = unit.edit(key, |list: &mut List| {
        list.push_all(side, args.iter().skip(2), limit);
        list.len()
    })?;
    if edited.is_some() {
        pushed(unit, args, side);
    }
    out.count(edited.map_or(0, |edited| edited.value));
    Ok(())
}

fn pushed(unit: &mut Unit<'_>, args: Args<'_>, side: Side) {
    let (command, event) = side.push();
    unit.effect(args.at(1), std::iter::once(command).chain(args.iter().skip(1)));
    unit.changed(args.at(1), class::LIST, event);
}

fn pop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, side: Side) -> Result<(), Error> {
    let key = args.at(1);
    let Some(count) = args.get(2) else {
        if !take(unit, key, side, 1, false, out, |_, _| ())? {
            out.null();
        }
        return Ok(());
    };
    if args.len() > 3 {
        return Err(Error::wrong_arity(if side == Side::Front { "lpop" } else { "rpop" }));
    }
    let count = integer(count).ok().and_then(|count| usize::try_from(count).ok()).ok_or(Error::MUST_BE_POSITIVE)?;
    if count == 0 {
        match unit.peek_view::<List>(key)? {
            Some(_) => out.array(0),
            None => out.null_array(),
        }
        return Ok(());
    }
    if !take(unit, key, side, count, true, out, |len, out| out.array(len))? {
        out.null_array();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::testing::World;
    use curfew_protocol::Resp;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn pushes() {
        let mut world = World::new(3);
        check(
            &mut world,
            &[
                ("lpushx l a", ":0", "", ""),
                ("rpushx l a", ":0", "", ""),
                ("lpush l a b c", ":3", "lpush l", "LPUSH l a b c"),
                ("rpush l 1 02", ":5", "rpush l", "RPUSH l 1 02"),
                ("lpushx l x", ":6", "lpush l", "LPUSH l x"),
                ("RPUSHX l y z", ":8", "rpush l", "RPUSH l y z"),
                ("lrange l 0 -1", "*8 $1 x $1 c $1 b $1 a $1 1 $2 02 $1 y $1 z", "", ""),
                ("object encoding l", "$8 listpack", "", ""),
                ("lpush l", "-ERR wrong number of arguments for 'lpush' command", "", ""),
            ],
        );
        world.run("set s v");
        world.events();
        world.effects();
        for line in ["lpush s a", "rpush s a", "lpushx s a", "rpushx s a"] {
            check(&mut world, &[(line, WRONG_TYPE, "", "")]);
        }
    }

    #[test]
    fn a_list_keeps_its_deadline_until_it_is_gone() {
        let mut world = World::new(1);
        world.run("rpush l a b");
        world.run("pexpire l 1000");
        world.run("rpush l c");
        world.run("lpop l");
        assert_eq!(world.run("pttl l"), ":1000");
        world.run("lpop l 5");
        world.run("rpush l a");
        assert_eq!(world.run("pttl l"), ":-1");
        world.run("pexpire l 10");
        world.pass(11);
        assert_eq!(world.run("rpushx l b"), ":0");
        assert_eq!(world.run("rpush l b"), ":1");
    }

    #[test]
    fn pops() {
        let mut world = World::new(3);
        world.run("rpush l a b 3 d e f");
        world.run("set s v");
        world.events();
        world.effects();
        let positive = "-ERR value is out of range, must be positive";
        check(
            &mut world,
            &[
                ("lpop nokey", "$-1", "", ""),
                ("rpop nokey 0", "*-1", "", ""),
                ("lpop nokey 3", "*-1", "", ""),
                ("lpop s", WRONG_TYPE, "", ""),
                ("lpop s 0", WRONG_TYPE, "", ""),
                ("lpop s -1", positive, "", ""),
                ("lpop l x", positive, "", ""),
                ("lpop l 1 2", "-ERR wrong number of arguments for 'lpop' command", "", ""),
                ("rpop l x 2", "-ERR wrong number of arguments for 'rpop' command", "", ""),
                ("lpop l 0", "*0", "", ""),
                ("lpop l", "$1 a", "lpop l", "LPOP l"),
                ("rpop l", "$1 f", "rpop l", "RPOP l"),
                ("lpop l 2", "*2 $1 b $1 3", "lpop l", "LPOP l 2"),
                ("rpop l 9223372036854775807", "*2 $1 e $1 d", "rpop l, del l", "RPOP l 2"),
                ("rpush l a", ":1", "rpush l", "RPUSH l a"),
                ("lpop l", "$1 a", "lpop l, del l", "LPOP l"),
                ("exists l", ":0", "", ""),
            ],
        );
        world.resp = Resp::Three;
        check(&mut world, &[("lpop l", "_", "", ""), ("lpop l 1", "_", "", "")]);
    }

    #[test]
    fn lmpop() {
        let mut world = World::new(3);
        world.run("rpush b 1 2 3");
        world.run("set s v");
        world.events();
        world.effects();
        let keys = "-ERR numkeys should be greater than 0";
        let count = "-ERR count should be greater than 0";
        let syntax = "-ERR syntax error";
        check(
            &mut world,
            &[
                ("lmpop 0 a left", keys, "", ""),
                ("lmpop x a left", keys, "", ""),
                ("lmpop 2 a left", syntax, "", ""),
                ("lmpop 9223372036854775807 a left", syntax, "", ""),
                ("lmpop 1 a middle", syntax, "", ""),
                ("lmpop 1 a left count", syntax, "", ""),
                ("lmpop 1 a left count 0", count, "", ""),
                ("lmpop 1 a left count x", count, "", ""),
                ("lmpop 1 a left count 1 count 1", syntax, "", ""),
                ("lmpop 1 a left", "*-1", "", ""),
                ("lmpop 2 s b left", WRONG_TYPE, "", ""),
                ("lmpop 2 a b left", "*2 $1 b *1 $1 1", "lpop b", "LPOP b 1"),
                ("lmpop 2 b s RIGHT count 10", "*2 $1 b *2 $1 3 $1 2", "rpop b, del b", "RPOP b 2"),
            ],
        );
    }
}
