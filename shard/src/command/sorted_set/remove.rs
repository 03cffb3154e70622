//! ZREM, and the removal of ranges.

use super::range::{Span, lex_range, ranks, score_range};
use crate::event::class;
use crate::unit::Unit;
use crate::value::Collection;
use crate::value::sorted_set::{SortedSet, SortedSetRef};
use curfew_protocol::args::integer;
use curfew_protocol::{Args, Error, Reply};
use std::ops::Range;

/// `ZREM key member [member ...]`
pub(super) fn zrem(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let remove = |set: &mut SortedSet| args.iter().skip(2).filter(|member| set.remove(member).is_some()).count();
    let Some(edited) = unit.edit(key, remove)? else {
        out.int(0);
        return Ok(());
    };
    if edited.value > 0 {
        unit.effect(key, args.iter());
        unit.changed(key, class::ZSET, "zrem");
        if edited.emptied {
            unit.event(class::GENERIC, "del", key);
        }
    }
    out.count(edited.value);
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`
pub(super) fn zremrangebyrank(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    remove(unit, args.at(1), "zremrangebyrank", out, |set| ranks(set, &Span::Rank(start, stop), false))
}

/// `ZREMRANGEBYSCORE key min max`
pub(super) fn zremrangebyscore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let range = score_range(args.at(2), args.at(3))?;
    remove(unit, args.at(1), "zremrangebyscore", out, |set| set.ranks_by_score(&range))
}

/// `ZREMRANGEBYLEX key min max`
pub(super) fn zremrangebylex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let range = lex_range(args.at(2), args.at(3))?;
    remove(unit, args.at(1), "zremrangebylex", out, |set| set.ranks_by_lex(&range, false, 0))
}

fn remove(
    unit: &mut Unit<'_>,
    key: &[u8],
    event: &'static str,
    out: &mut Reply,
    find: impl FnOnce(SortedSetRef<'_>) -> Range<usize>,
) -> Result<(), Error> {
    let edited = unit.edit(key, |set: &mut SortedSet| {
        let ranks = find(Collection::view(set));
        if !ranks.is_empty() {
            set.remove_range(ranks.clone(), |_, _| ());
        }
        ranks
    })?;
    let Some(edited) = edited else {
        out.int(0);
        return Ok(());
    };
    let ranks = edited.value;
    out.count(ranks.len());
    if !ranks.is_empty() {
        // By ranks in any case: they mean the same in whichever encoding the set is.
        let (mut start, mut stop) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (start, stop) = (start.format(ranks.start).as_bytes(), stop.format(ranks.end - 1).as_bytes());
        unit.effect(key, [b"ZREMRANGEBYRANK".as_slice(), key, start, stop]);
        unit.changed(key, class::ZSET, event);
        if edited.emptied {
            unit.event(class::GENERIC, "del", key);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};

    #[test]
    fn members_and_ranges_are_removed() {
        check(
            &mut world(&["zadd z 1 a 2 b 3 c 4 d 5 e 6 f 7 g", "zadd x 0 a 0 b 0 c", "set s v"]),
            &[
                ("zrem z a nosuch", ":1", "zrem z", "zrem z a nosuch"),
                ("zrem z nosuch", ":0", "", ""),
                ("zrem none a", ":0", "", ""),
                ("zremrangebyrank z 0 0", ":1", "zremrangebyrank z", "ZREMRANGEBYRANK z 0 0"),
                ("zremrangebyrank z -1 -1", ":1", "zremrangebyrank z", "ZREMRANGEBYRANK z 4 4"),
                ("zremrangebyrank z 3 2", ":0", "", ""),
                ("zremrangebyrank z 9 10", ":0", "", ""),
                ("zremrangebyscore z (3 4", ":1", "zremrangebyscore z", "ZREMRANGEBYRANK z 1 1"),
                ("zremrangebyscore z 10 20", ":0", "", ""),
                ("zremrangebyscore z x 20", "-ERR min or max is not a float", "", ""),
                ("zremrangebylex x [b (c", ":1", "zremrangebylex x", "ZREMRANGEBYRANK x 1 1"),
                ("zremrangebylex x b c", "-ERR min or max not valid string range item", "", ""),
                ("zremrangebylex x - +", ":2", "zremrangebylex x del x", "ZREMRANGEBYRANK x 0 1"),
                ("zrange z 0 -1", "*3 $1 c $1 e $1 f", "", ""),
                ("zrem z c e f", ":3", "zrem z del z", "zrem z c e f"),
                ("exists z x", ":0", "", ""),
                ("zremrangebyrank s 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
            ],
        );
    }
}
