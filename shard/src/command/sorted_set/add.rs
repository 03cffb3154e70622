//! ZADD and ZINCRBY.

use crate::event::class;
use crate::unit::Unit;
use crate::value::sorted_set::{Inserted, SortedSet};
use curfew_protocol::args::{double, is};
use curfew_protocol::{Args, Error, Reply, number};

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct Options {
    pub(in crate::command) nx: bool,
    pub(in crate::command) xx: bool,
    pub(in crate::command) gt: bool,
    pub(in crate::command) lt: bool,
    pub(in crate::command) ch: bool,
    pub(in crate::command) incr: bool,
}

impl Options {
    fn take(&mut self, option: &[u8]) -> bool {
        let flags = [
            ("NX", &mut self.nx),
            ("XX", &mut self.xx),
            ("GT", &mut self.gt),
            ("LT", &mut self.lt),
            ("CH", &mut self.ch),
            ("INCR", &mut self.incr),
        ];
        let found = flags.into_iter().find(|(name, _)| is(option, name));
        found.map(|(_, flag)| *flag = true).is_some()
    }

    pub(in crate::command) fn check(&self) -> Result<(), Error> {
        if self.nx && self.xx {
            return Err(Error::ZADD_NX_AND_XX);
        }
        if (self.nx && (self.gt || self.lt)) || (self.gt && self.lt) {
            return Err(Error::ZADD_GT_LT_NX);
        }
        Ok(())
    }
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]`
pub(super) fn zadd(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut options = Options::default();
    let mut first = 2;
    while args.get(first).is_some_and(|arg| options.take(arg)) {
        first += 1;
    }
    let pairs = args.tail(first);
    if pairs.len() == 0 || !pairs.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    options.check()?;
    if options.incr && pairs.len() > 2 {
        return Err(Error::ZADD_INCR_OF_ONE);
    }
    // Nearly always one pair: no vector for that.
    if pairs.len() == 2 {
        return add(unit, args, options, &[(double(pairs.at(0))?, pairs.at(1))], out);
    }
    let scores = pairs.iter().step_by(2).map(double).collect::<Result<Vec<f64>, Error>>()?;
    let members: Vec<(f64, &[u8])> = scores.into_iter().zip(pairs.iter().skip(1).step_by(2)).collect();
    add(unit, args, options, &members, out)
}

/// `ZINCRBY key increment member`
pub(super) fn zincrby(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let options = Options { incr: true, ..Options::default() };
    add(unit, args, options, &[(double(args.at(2))?, args.at(3))], out)
}

/// Adds members with scores that are no NaN, or with INCR adds one number to one score. `args` have the key, and without
/// INCR they are a command that does the same.
pub(in crate::command) fn add(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    options: Options,
    members: &[(f64, &[u8])],
    out: &mut Reply,
) -> Result<(), Error> {
    let (key, limits) = (args.at(1), unit.settings.limits);
    let (mut added, mut updated, mut score) = (0, 0, None);
    let edited = unit.edit_or_new(key, |set: &mut SortedSet| {
        // XX adds nothing to a new key, so that an announcement would be of nothing.
        if !(options.xx && set.is_empty()) {
            set.expect(members.len(), members.first().map_or(0, |(_, member)| member.len()), &limits);
        }
        for &(given, member) in members {
            let mut wanted = given;
            // Without options there is no need to look first.
            let Options { nx, xx, gt, lt, incr, .. } = options;
            if nx || xx || gt || lt || incr {
                match set.score(member) {
                    Some(_) if nx => continue,
                    None if xx => continue,
                    Some(old) => {
                        if incr {
                            wanted += old;
                            if wanted.is_nan() {
                                return Err(Error::SCORE_NAN);
                            }
                        }
                        if (lt && wanted >= old) || (gt && wanted <= old) {
                            continue;
                        }
                    }
                    None => {}
                }
            }
            score = Some(wanted);
            match set.insert(member, wanted, &limits) {
                Inserted::Added => added += 1,
                Inserted::Updated => updated += 1,
                Inserted::Same => {}
            }
        }
        Ok(())
    })?;
    edited.value?;
    if added + updated > 0 {
        match (options.incr, score, members.first()) {
            (true, Some(score), Some((_, member))) => {
                let mut text = Vec::with_capacity(24);
                number::write_f64(&mut text, score);
                unit.effect(key, [b"ZADD".as_slice(), key, &text, member]);
                unit.changed(key, class::ZSET, "zincr");
            }
            _ => {
                unit.effect(key, args.iter());
                unit.changed(key, class::ZSET, "zadd");
            }
        }
    }
    if options.incr {
        super::reply::reply_score(out, score);
    } else {
        out.int(added + if options.ch { updated } else { 0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};

    #[test]
    fn members_are_added_and_updated() {
        let both = "-ERR XX and NX options at the same time are not compatible";
        let mixed = "-ERR GT, LT, and/or NX options at the same time are not compatible";
        check(
            &mut world(&["zadd z 1 a 2 b", "set s v"]),
            &[
                ("zadd new 1 a 2 b", ":2", "zadd new", "zadd new 1 a 2 b"),
                ("zadd new 1 a 3 c 2 b", ":1", "zadd new", "zadd new 1 a 3 c 2 b"),
                ("zadd z 1 a", ":0", "", ""),
                ("zadd z 5 a", ":0", "zadd z", "zadd z 5 a"),
                ("zadd z CH 6 a 3 c", ":2", "zadd z", "zadd z CH 6 a 3 c"),
                ("zadd z nx 1 a 4 d", ":1", "zadd z", "zadd z nx 1 a 4 d"),
                ("zadd z xx 1 e", ":0", "", ""),
                ("zadd none xx 1 e", ":0", "", ""),
                ("exists none", ":0", "", ""),
                ("zadd z gt ch 5 a", ":0", "", ""),
                ("zadd z gt ch 7 a", ":1", "zadd z", "zadd z gt ch 7 a"),
                ("zadd z lt ch 8 a 1 f", ":1", "zadd z", "zadd z lt ch 8 a 1 f"),
                ("zadd z nx xx 1 a", both, "", ""),
                ("zadd z gt lt 1 a", mixed, "", ""),
                ("zadd z nx gt 1 a", mixed, "", ""),
                ("zadd z 1 a 2", "-ERR syntax error", "", ""),
                ("zadd z nx xx ch", "-ERR syntax error", "", ""),
                ("zadd z x a", "-ERR value is not a valid float", "", ""),
                ("zadd z 9 q x a", "-ERR value is not a valid float", "", ""),
                ("zadd z nan a", "-ERR value is not a valid float", "", ""),
                ("zscore z q", "$-1", "", ""),
                ("zadd s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
                ("zadd s x a", "-ERR value is not a valid float", "", ""),
                ("zrange z 0 -1 withscores", "*10 $1 f $1 1 $1 b $1 2 $1 c $1 3 $1 d $1 4 $1 a $1 7", "", ""),
            ],
        );
    }

    #[test]
    fn increments() {
        let nan = "-ERR resulting score is not a number (NaN)";
        check(
            &mut world(&["zadd z 1 a 2 b inf i"]),
            &[
                ("zincrby z 1.5 a", "$3 2.5", "zincr z", "ZADD z 2.5 a"),
                ("zincrby z 0 a", "$3 2.5", "", ""),
                ("zincrby new 0 a", "$1 0", "zincr new", "ZADD new 0 a"),
                ("zadd z incr 1 b", "$1 3", "zincr z", "ZADD z 3 b"),
                ("zadd z nx incr 1 b", "$-1", "", ""),
                ("zadd z xx incr 1 q", "$-1", "", ""),
                ("zadd z gt incr -1 b", "$-1", "", ""),
                ("zadd z lt incr -1 b", "$1 2", "zincr z", "ZADD z 2 b"),
                ("zadd z incr 1 a 2 b", "-ERR INCR option supports a single increment-element pair", "", ""),
                ("zincrby z -inf i", nan, "", ""),
                ("zincrby z 1 i", "$3 inf", "", ""),
                ("zincrby z x i", "-ERR value is not a valid float", "", ""),
            ],
        );
    }

    #[test]
    fn a_set_that_is_too_large_is_no_longer_packed() {
        let mut world = world(&[]);
        let member = "m".repeat(65);
        world.run(&format!("zadd long 1 {member}"));
        assert_eq!(world.run("object encoding long"), "$8 skiplist");
        (0..128).for_each(|i| drop(world.run(&format!("zadd many {i} m{i}"))));
        assert_eq!(world.run("object encoding many"), "$8 listpack");
        world.run("zadd many 5 m7");
        assert_eq!(world.run("object encoding many"), "$8 listpack");
        world.run("zadd many 5 new");
        assert_eq!(world.run("object encoding many"), "$8 skiplist");
        world.run("zremrangebyrank many 3 -1");
        assert_eq!(world.run("object encoding many"), "$8 skiplist");
        assert_eq!(world.run("zrange many 0 -1"), "*3 $2 m0 $2 m1 $2 m2");
        // The number of arguments alone decides for a new key.
        let pairs: String = (0..129).map(|_| " 1 same".to_string()).collect();
        assert_eq!(world.run(&format!("zadd one{pairs}")), ":1");
        assert_eq!(world.run("object encoding one"), "$8 skiplist");
    }
}
