//! What only reads: LLEN, LINDEX, LRANGE, LPOS.

use crate::unit::Unit;
use crate::value::list::{List, ListRef};
use crate::value::packed::Element;
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply, number};

pub(super) fn llen(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(unit.view::<List>(args.at(1))?.map_or(0, ListRef::len));
    Ok(())
}

pub(super) fn lindex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    // Redis looks for the list before it looks at the index.
    let Some(list) = unit.view::<List>(args.at(1))? else {
        out.null();
        return Ok(());
    };
    let index = absolute(integer(args.at(2))?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(element) => element.reply(out),
        None => out.null(),
    }
    Ok(())
}

pub(super) fn lrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    let Some(list) = unit.view::<List>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    let (start, end) = range(start, stop, list.len());
    out.array(end - start);
    list.iter_from(start).take(end - start).for_each(|element| element.reply(out));
    Ok(())
}

pub(super) fn lpos(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let amount = |arg, error| number::parse_i64(arg).and_then(|n| usize::try_from(n).ok()).ok_or(error);
    let (mut rank, mut wanted, mut looks, mut cursor) = (1, None, 0, args.cursor(3));
    while let Some(option) = cursor.next() {
        if is(option, "RANK") {
            rank = match integer(cursor.need()?)? {
                0 => return Err(Error::LPOS_RANK),
                i64::MIN => return Err(Error::NOT_A_NEGATABLE_INTEGER),
                rank => rank,
            };
        } else if is(option, "COUNT") {
            wanted = Some(amount(cursor.need()?, Error::LPOS_COUNT)?);
        } else if is(option, "MAXLEN") {
            looks = amount(cursor.need()?, Error::LPOS_MAXLEN)?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let list = unit.view::<List>(args.at(1))?;
    let none = |out: &mut Reply| if wanted.is_some() { out.array(0) } else { out.null() };
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        none(out);
        return Ok(());
    };
    let (element, len, backward) = (Element::of(args.at(2)), list.len(), rank < 0);
    let looks = if looks == 0 { len } else { looks };
    let places = list
        .walk(if backward { len - 1 } else { 0 }, backward)
        .take(looks)
        .enumerate()
        .filter(|(_, other)| *other == element)
        .map(|(index, _)| if backward { len - 1 - index } else { index })
        .skip((rank.unsigned_abs() - 1).try_into().unwrap_or(usize::MAX));
    match wanted {
        None => match { places }.next() {
            Some(place) => out.count(place),
            None => out.null(),
        },
        Some(count) => {
            let found: Vec<usize> = places.take(if count == 0 { len } else { count }).collect();
            out.array(found.len());
            found.into_iter().for_each(|place| out.count(place));
        }
    }
    Ok(())
}

/// The index among `len` elements that `index` means, which counts from the end where it is negative.
pub(super) fn absolute(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// From where to where (behind the last) among `len` elements `start` and `stop` mean, both included and counted from the end
/// where they are negative.
pub(super) fn range(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from = |index: i64| if index < 0 { index + len } else { index };
    let (start, end) = (from(start).max(0), from(stop).min(len - 1) + 1);
    if start >= end { (0, 0) } else { (start as usize, end as usize) }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";

    /// A packed list and one of several nodes, with the same elements at the same places.
    fn worlds() -> [World; 2] {
        [-2, 3].map(|size| {
            let mut world = World::new(2);
            world.settings.limits.list_size = size;
            world.run("rpush l a b c 1 2 3 c c");
            world.run("set s v");
            let encoding = if size == 3 { "$9 quicklist" } else { "$8 listpack" };
            assert_eq!(world.run("object encoding l"), encoding);
            world.events();
            world.effects();
            world
        })
    }

    #[test]
    fn lengths_indices_and_ranges() {
        for mut world in worlds() {
            let cases = [
                ("llen l", ":8"),
                ("llen nokey", ":0"),
                ("llen s", WRONG_TYPE),
                ("lindex l 0", "$1 a"),
                ("lindex l 3", "$1 1"),
                ("lindex l -1", "$1 c"),
                ("lindex l -8", "$1 a"),
                ("lindex l 8", "$-1"),
                ("lindex l -9", "$-1"),
                ("lindex l -9223372036854775808", "$-1"),
                ("lindex l x", NOT_AN_INTEGER),
                ("lindex nokey x", "$-1"),
                ("lindex s x", WRONG_TYPE),
                ("lrange l 0 2", "*3 $1 a $1 b $1 c"),
                ("lrange l 2 4", "*3 $1 c $1 1 $1 2"),
                ("lrange l -3 100", "*3 $1 3 $1 c $1 c"),
                ("lrange l -100 0", "*1 $1 a"),
                ("lrange l 7 7", "*1 $1 c"),
                ("lrange l 8 9", "*0"),
                ("lrange l 3 2", "*0"),
                ("lrange l -9223372036854775808 -9", "*0"),
                ("lrange l 9223372036854775807 9223372036854775807", "*0"),
                ("lrange nokey 0 -1", "*0"),
                ("lrange nokey x 1", NOT_AN_INTEGER),
                ("lrange s 0 x", NOT_AN_INTEGER),
                ("lrange s 0 1", WRONG_TYPE),
            ];
            for (line, reply) in cases {
                check(&mut world, &[(line, reply, "", "")]);
            }
        }
    }

    #[test]
    fn lpos() {
        for mut world in worlds() {
            let cases = [
                ("lpos l c", ":2"),
                ("lpos l 3", ":5"),
                ("lpos l x", "$-1"),
                ("lpos l c rank 2", ":6"),
                ("lpos l c rank -1", ":7"),
                ("lpos l c rank -3", ":2"),
                ("lpos l c rank 4", "$-1"),
                ("lpos l c count 0", "*3 :2 :6 :7"),
                ("lpos l c count 2", "*2 :2 :6"),
                ("lpos l c count 0 rank 2", "*2 :6 :7"),
                ("lpos l c count 0 rank -2", "*2 :6 :2"),
                ("lpos l x count 0", "*0"),
                ("lpos l c maxlen 2", "$-1"),
                ("lpos l c maxlen 3", ":2"),
                ("lpos l c maxlen 2 rank -1 count 0", "*2 :7 :6"),
                ("lpos l c maxlen 0", ":2"),
                ("lpos l c rank 9223372036854775807", "$-1"),
                ("lpos l c rank -9223372036854775807", "$-1"),
                ("lpos nokey c", "$-1"),
                ("lpos nokey c count 1", "*0"),
                ("lpos s c", WRONG_TYPE),
                ("lpos l c rank", "-ERR syntax error"),
                ("lpos l c nosuch 1", "-ERR syntax error"),
                ("lpos s c count -1", "-ERR COUNT can't be negative"),
                ("lpos l c maxlen x", "-ERR MAXLEN can't be negative"),
                ("lpos l c rank x", NOT_AN_INTEGER),
                (
                    "lpos l c rank -9223372036854775808",
                    "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                ),
                (
                    "lpos l c rank 0",
                    "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                ),
            ];
            for (line, reply) in cases {
                check(&mut world, &[(line, reply, "", "")]);
            }
        }
    }
}
