//! Changes inside: LSET, LINSERT, LTRIM, LREM.

use super::read::{absolute, range};
use super::shared::{limit, removed};
use crate::event::class;
use crate::unit::Unit;
use crate::value::Collection;
use crate::value::list::{List, Side};
use crate::value::packed::Element;
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply};

pub(super) fn lset(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, item, limit) = (args.at(1), args.at(3), limit(unit));
    // Redis looks for the list before it looks at the index.
    let len = unit.peek_view::<List>(key)?.ok_or(Error::NO_SUCH_KEY)?.len();
    let index = integer(args.at(2))?;
    let index = absolute(index, len);
    unit.edit(key, |list: &mut List| {
        // Also where the index is out of range, as Redis: OBJECT ENCODING can tell.
        list.prepare(item.len(), 1, limit);
        if let Some(index) = index {
            list.set(index, Element::of(item), limit);
            list.settle(limit);
        }
    })?;
    index.ok_or(Error::LIST_INDEX)?;
    unit.effect(key, args.iter());
    unit.changed(key, class::LIST, "lset");
    out.ok();
    Ok(())
}

pub(super) fn linsert(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, place, pivot, item, limit) = (args.at(1), args.at(2), args.at(3), args.at(4), limit(unit));
    let before = is(place, "BEFORE");
    if !before && !is(place, "AFTER") {
        return Err(Error::SYNTAX);
    }
    let edited = unit.edit(key, |list: &mut List| {
        // Also where the pivot is not found, as Redis.
        list.prepare(item.len(), 1, limit);
        let pivot = Element::of(pivot);
        let index = list.view().iter().position(|element| element == pivot)?;
        list.insert(index, before, Element::of(item), limit);
        Some(list.len())
    })?;
    match edited.map(|edited| edited.value) {
        None => out.int(0),
        Some(None) => out.int(-1),
        Some(Some(len)) => {
            unit.effect(key, args.iter());
            unit.changed(key, class::LIST, "linsert");
            out.count(len);
        }
    }
    Ok(())
}

pub(super) fn ltrim(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, start, stop, limit) = (args.at(1), integer(args.at(2))?, integer(args.at(3))?, limit(unit));
    let edited = unit.edit(key, |list: &mut List| {
        let before = list.len();
        let (start, end) = range(start, stop, before);
        list.trim(start, end);
        list.settle(limit);
        before > list.len()
    })?;
    if let Some(edited) = edited {
        if edited.value {
            unit.effect(key, args.iter());
        }
        // Redis announces it even where nothing was cut off.
        removed(unit, key, "ltrim", edited.emptied);
    }
    out.ok();
    Ok(())
}

pub(super) fn lrem(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, limit) = (args.at(1), limit(unit));
    let (side, count) = match integer(args.at(2))? {
        0 => (Side::Front, usize::MAX),
        i64::MIN => return Err(Error::NOT_A_NEGATABLE_INTEGER),
        count if count < 0 => (Side::Back, count.unsigned_abs() as usize),
        count => (Side::Front, count as usize),
    };
    let edited = unit.edit(key, |list: &mut List| {
        let removed = list.remove(args.at(3), side, count, limit);
        if removed > 0 {
            list.settle(limit);
        }
        removed
    })?;
    let Some(edited) = edited else {
        out.int(0);
        return Ok(());
    };
    if edited.value > 0 {
        unit.effect(key, args.iter());
        removed(unit, key, "lrem", edited.emptied);
    }
    out.count(edited.value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";

    fn world(size: i32) -> World {
        let mut world = World::new(3);
        world.settings.limits.list_size = size;
        world.run("rpush l a b c b a");
        world.run("set s v");
        world.events();
        world.effects();
        world
    }

    #[test]
    fn lset() {
        for size in [-2, 2] {
            check(
                &mut world(size),
                &[
                    ("lset l 1 x", "+OK", "lset l", "lset l 1 x"),
                    ("lset l -1 17", "+OK", "lset l", "lset l -1 17"),
                    ("lrange l 0 -1", "*5 $1 a $1 x $1 c $1 b $2 17", "", ""),
                    ("lset l 5 x", "-ERR index out of range", "", ""),
                    ("lset l -6 x", "-ERR index out of range", "", ""),
                    ("lset l x x", NOT_AN_INTEGER, "", ""),
                    ("lset s x x", WRONG_TYPE, "", ""),
                    ("lset nokey x x", "-ERR no such key", "", ""),
                ],
            );
        }
    }

    #[test]
    fn linsert() {
        for size in [-2, 2] {
            check(
                &mut world(size),
                &[
                    ("linsert l before b x", ":6", "linsert l", "linsert l before b x"),
                    ("linsert l AFTER a 1", ":7", "linsert l", "linsert l AFTER a 1"),
                    ("linsert l after c 2", ":8", "linsert l", "linsert l after c 2"),
                    ("linsert l before nosuch 2", ":-1", "", ""),
                    ("lrange l 0 -1", "*8 $1 a $1 1 $1 x $1 b $1 c $1 2 $1 b $1 a", "", ""),
                    ("linsert nokey before a x", ":0", "", ""),
                    ("linsert nokey behind a x", "-ERR syntax error", "", ""),
                    ("linsert s before a x", WRONG_TYPE, "", ""),
                ],
            );
        }
    }

    #[test]
    fn ltrim() {
        for size in [-2, 2] {
            check(
                &mut world(size),
                &[
                    ("ltrim l 0 -1", "+OK", "ltrim l", ""),
                    ("ltrim l 1 3", "+OK", "ltrim l", "ltrim l 1 3"),
                    ("lrange l 0 -1", "*3 $1 b $1 c $1 b", "", ""),
                    ("ltrim l -2 100", "+OK", "ltrim l", "ltrim l -2 100"),
                    ("ltrim l 0 0", "+OK", "ltrim l", "ltrim l 0 0"),
                    ("ltrim l 5 9", "+OK", "ltrim l, del l", "ltrim l 5 9"),
                    ("ltrim l 5 9", "+OK", "", ""),
                    ("ltrim l x 9", NOT_AN_INTEGER, "", ""),
                    ("ltrim s 0 9", WRONG_TYPE, "", ""),
                ],
            );
        }
    }

    #[test]
    fn lrem() {
        for size in [-2, 2] {
            check(
                &mut world(size),
                &[
                    ("lrem l 0 nosuch", ":0", "", ""),
                    ("lrem l -1 b", ":1", "lrem l", "lrem l -1 b"),
                    ("lrange l 0 -1", "*4 $1 a $1 b $1 c $1 a", "", ""),
                    ("lrem l 1 a", ":1", "lrem l", "lrem l 1 a"),
                    ("lrange l 0 -1", "*3 $1 b $1 c $1 a", "", ""),
                    ("rpush l a a b", ":6", "rpush l", "RPUSH l a a b"),
                    ("lrem l 0 a", ":3", "lrem l", "lrem l 0 a"),
                    ("lrem l -9223372036854775807 b", ":2", "lrem l", "lrem l -9223372036854775807 b"),
                    ("lrem l 5 c", ":1", "lrem l, del l", "lrem l 5 c"),
                    ("lrem l 5 c", ":0", "", ""),
                    ("lrem s x c", NOT_AN_INTEGER, "", ""),
                    ("lrem s 1 c", WRONG_TYPE, "", ""),
                    (
                        "lrem l -9223372036854775808 a",
                        "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                        "",
                        "",
                    ),
                ],
            );
        }
    }
}
