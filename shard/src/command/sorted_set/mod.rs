//! Sorted sets. This file has the rows and the commands that look members up; the others are next to it, by what they do.

pub(super) mod add;
mod combine;
mod pop;
mod range;
mod remove;
pub(in crate::command) mod reply;
mod sample;

use crate::command::row::Row;
use crate::unit::Unit;
use crate::value::sorted_set::SortedSet;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use reply::reply_score;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::waiting(
        Spec::new("bzmpop", -5, Group::SortedSet, "7.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | DELETE)])
            .doc("O(k+log(n)+m), k = keys, n = members of the set, m = members popped", "Takes members with the lowest or highest scores out of the first sorted set that has any, and waits if none has.", "timeout numkeys key... where<MIN|MAX> [COUNT count]"),
        pop::bzmpop,
        pop::serve_many,
    ),
    Row::waiting(
        Spec::new("bzpopmax", -3, Group::SortedSet, "5.0.0")
            .flags(WRITE | BLOCKING | FAST)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(k+log(n)), k = keys, n = members of the set", "Takes the member with the highest score out of the first sorted set that has any, and waits if none has.", "key... timeout")
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        pop::bzpopmax,
        pop::serve_max,
    ),
    Row::waiting(
        Spec::new("bzpopmin", -3, Group::SortedSet, "5.0.0")
            .flags(WRITE | BLOCKING | FAST)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(k+log(n)), k = keys, n = members of the set", "Takes the member with the lowest score out of the first sorted set that has any, and waits if none has.", "key... timeout")
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        pop::bzpopmin,
        pop::serve_min,
    ),
    Row::new(
        Spec::new("zadd", -4, Group::SortedSet, "1.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .item(3)
            .doc("O(m*log(n)), m = members given, n = members of the set", "Puts members with scores into a sorted set, or gives those that it has another score.", "key [condition<NX|XX>^3.0.2] [comparison<GT|LT>^6.2.0] [change!CH^3.0.2] [increment!INCR^3.0.2] data(score member)...")
            .history(&[("2.4.0", "Several members at once."), ("3.0.2", "`NX` and `XX` are conditions, `CH` counts changes too, `INCR` adds to a score."), ("6.2.0", "`GT` and `LT`: scores change in one direction only.")]),
        add::zadd,
    ),
    Row::new(
        Spec::new("zcard", 2, Group::SortedSet, "1.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells how many members a sorted set has.", "key"),
        zcard,
    ),
    Row::new(
        Spec::new("zcount", 4, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)), n = members of the set", "Counts the members whose scores lie between two bounds.", "key min:double max:double"),
        zcount,
    ),
    Row::new(
        Spec::new("zdiff", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(n*k+m*log(m)), n = members of the first set, k = sets, m = members of the result", "Returns what the first sorted set has and none of the others, with scores if wanted.", "numkeys key... [WITHSCORES]"),
        combine::zdiff,
    ),
    Row::new(
        Spec::new("zdiffstore", -4, Group::SortedSet, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(n*k+m*log(m)), n = members of the first set, k = sets, m = members of the result", "Keeps at a key what the first sorted set has and none of the others.", "destination numkeys key@1..."),
        combine::zdiffstore,
    ),
    Row::new(
        Spec::new("zincrby", 4, Group::SortedSet, "1.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .item(3)
            .doc("O(log(n)), n = members of the set", "Raises the score of a member; one that is missing starts at 0.", "key increment:int member"),
        add::zincrby,
    ),
    Row::new(
        Spec::new("zinter", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(n*k+m*log(m)), n = members of the smallest set, k = sets, m = members of the result", "Returns the members that all the sorted sets have; of a member's scores the sum, the least or the greatest.", "numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]"),
        combine::zinter,
    ),
    Row::new(
        Spec::new("zintercard", -3, Group::SortedSet, "7.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(n*k+m*log(m)), n = members of the smallest set, k = sets, m = members of the result", "Counts the members that all the sorted sets have, up to a limit if one is given.", "numkeys key... [LIMIT limit:int]"),
        combine::zintercard,
    ),
    Row::new(
        Spec::new("zinterstore", -4, Group::SortedSet, "2.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(n*k+m*log(m)), n = members of the smallest set, k = sets, m = members of the result", "Keeps at a key the members that all the sorted sets have; of a member's scores the sum, the least or the greatest.", "destination numkeys key@1... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>]"),
        combine::zinterstore,
    ),
    Row::new(
        Spec::new("zlexcount", 4, Group::SortedSet, "2.8.9")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)), n = members of the set", "Counts the members between two strings, where all scores are equal.", "key min max"),
        zlexcount,
    ),
    Row::new(
        Spec::new("zmpop", -4, Group::SortedSet, "7.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::numkeys(1, RW | ACCESS | DELETE)])
            .doc("O(k+log(n)+m), k = keys, n = members of the set, m = members popped", "Takes members with the lowest or highest scores out of the first sorted set that has any.", "numkeys key... where<MIN|MAX> [COUNT count]"),
        pop::zmpop,
    ),
    Row::new(
        Spec::new("zmscore", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = members given", "Tells the scores of several members; null for each that is missing.", "key member..."),
        zmscore,
    ),
    Row::new(
        Spec::new("zpopmax", -2, Group::SortedSet, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(log(n)+m), n = members of the set, m = members popped", "Takes the members with the highest scores out of a sorted set.", "key [count]"),
        pop::zpopmax,
    ),
    Row::new(
        Spec::new("zpopmin", -2, Group::SortedSet, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(log(n)+m), n = members of the set, m = members popped", "Takes the members with the lowest scores out of a sorted set.", "key [count]"),
        pop::zpopmin,
    ),
    Row::new(
        Spec::new("zrandmember", -2, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(m*log(n)), n = members of the set, m = members returned", "Draws members of a sorted set at random, with scores if wanted; a negative count may draw one twice.", "key [options(count [WITHSCORES])]")
            .tips(&["nondeterministic_output"]),
        sample::zrandmember,
    ),
    Row::new(
        Spec::new("zrange", -4, Group::SortedSet, "1.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members between two ranks, scores or strings, upwards or downwards.", "key start stop [sortby<BYSCORE|BYLEX>^6.2.0] [REV^6.2.0] [LIMIT limit(offset count)^6.2.0] [WITHSCORES]")
            .history(&[("6.2.0", "`BYSCORE` and `BYLEX` beside ranks, `REV` for downwards, `LIMIT` for a part.")]),
        range::zrange,
    ),
    Row::new(
        Spec::new("zrangebylex", -4, Group::SortedSet, "2.8.9")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members from one string up to another, where all scores are equal.", "key min max [LIMIT limit(offset count)]")
            .deprecated("6.2.0", "`ZRANGE key min max BYLEX`"),
        range::zrangebylex,
    ),
    Row::new(
        Spec::new("zrangebyscore", -4, Group::SortedSet, "1.0.5")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members from one score up to another.", "key min:double max:double [WITHSCORES^2.0.0] [LIMIT limit(offset count)]")
            .history(&[("2.0.0", "`WITHSCORES`: each with its score.")])
            .deprecated("6.2.0", "`ZRANGE key min max BYSCORE`"),
        range::zrangebyscore,
    ),
    Row::new(
        Spec::new("zrangestore", -5, Group::SortedSet, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::at(2, RO | ACCESS)])
            .doc("O(log(n)+m*log(m)), n = members of the set, m = members stored", "Keeps at a key the members that ZRANGE returns.", "dst:key src:key@1 min max [sortby<BYSCORE|BYLEX>] [REV] [LIMIT limit(offset count)]"),
        range::zrangestore,
    ),
    Row::new(
        Spec::new("zrank", -3, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)), n = members of the set", "Tells the rank of a member: how many stand in front of it, the lowest score first.", "key member [WITHSCORE]")
            .history(&[("7.2.0", "`WITHSCORE`: its score too.")]),
        zrank,
    ),
    Row::new(
        Spec::new("zrem", -3, Group::SortedSet, "1.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(m*log(n)), m = members given, n = members of the set", "Takes members out of a sorted set and tells how many of them it had.", "key member...")
            .history(&[("2.4.0", "Several members at once.")]),
        remove::zrem,
    ),
    Row::new(
        Spec::new("zremrangebylex", 4, Group::SortedSet, "2.8.9")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(n)+m), n = members of the set, m = members removed", "Removes the members between two strings, where all scores are equal.", "key min max"),
        remove::zremrangebylex,
    ),
    Row::new(
        Spec::new("zremrangebyrank", 4, Group::SortedSet, "2.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(n)+m), n = members of the set, m = members removed", "Removes the members between two ranks; negative ones count from the highest score.", "key start:int stop:int"),
        remove::zremrangebyrank,
    ),
    Row::new(
        Spec::new("zremrangebyscore", 4, Group::SortedSet, "1.2.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(n)+m), n = members of the set, m = members removed", "Removes the members whose scores lie between two bounds.", "key min:double max:double"),
        remove::zremrangebyscore,
    ),
    Row::new(
        Spec::new("zrevrange", -4, Group::SortedSet, "1.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members between two ranks, counted from the highest score down.", "key start:int stop:int [WITHSCORES]")
            .deprecated("6.2.0", "`ZRANGE key start stop REV`"),
        range::zrevrange,
    ),
    Row::new(
        Spec::new("zrevrangebylex", -4, Group::SortedSet, "2.8.9")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members from one string down to another, where all scores are equal.", "key max min [LIMIT limit(offset count)]")
            .deprecated("6.2.0", "`ZRANGE key max min BYLEX REV`"),
        range::zrevrangebylex,
    ),
    Row::new(
        Spec::new("zrevrangebyscore", -4, Group::SortedSet, "2.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)+m), n = members of the set, m = members returned", "Returns the members from one score down to another.", "key max:double min:double [WITHSCORES] [LIMIT limit(offset count)]")
            .history(&[("2.1.6", "`(` in front of a bound leaves it out.")])
            .deprecated("6.2.0", "`ZRANGE key max min BYSCORE REV`"),
        range::zrevrangebyscore,
    ),
    Row::new(
        Spec::new("zrevrank", -3, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(n)), n = members of the set", "Tells the rank of a member: how many stand in front of it, the highest score first.", "key member [WITHSCORE]")
            .history(&[("7.2.0", "`WITHSCORE`: its score too.")]),
        zrevrank,
    ),
    Row::new(
        Spec::new("zscan", -3, Group::SortedSet, "2.8.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = COUNT, or members of the set for a whole scan", "Walks over a sorted set step by step, members with scores; a cursor tells where to go on.", "key cursor [MATCH pattern] [COUNT count]")
            .tips(&["nondeterministic_output"]),
        sample::zscan,
    ),
    Row::new(
        Spec::new("zscore", 3, Group::SortedSet, "1.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Tells the score of a member.", "key member"),
        zscore,
    ),
    Row::new(
        Spec::new("zunion", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(n+m*log(m)), n = members of all the sets, m = members of the result", "Returns the members that any of the sorted sets has; of a member's scores the sum, the least or the greatest.", "numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]"),
        combine::zunion,
    ),
    Row::new(
        Spec::new("zunionstore", -4, Group::SortedSet, "2.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(n+m*log(m)), n = members of all the sets, m = members of the result", "Keeps at a key the members that any of the sorted sets has; of a member's scores the sum, the least or the greatest.", "destination numkeys key@1... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>]"),
        combine::zunionstore,
    ),
];

fn zcard(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(unit.view::<SortedSet>(args.at(1))?.map_or(0, |set| set.len()));
    Ok(())
}

fn zscore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let score = unit.view::<SortedSet>(args.at(1))?.and_then(|set| set.score(args.at(2)));
    reply_score(out, score);
    Ok(())
}

fn zmscore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let set = unit.view::<SortedSet>(args.at(1))?;
    out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        reply_score(out, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn zrank(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    rank(unit, args, out, "zrank", false)
}

fn zrevrank(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    rank(unit, args, out, "zrevrank", true)
}

/// `ZRANK key member [WITHSCORE]` and ZREVRANK.
fn rank(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, name: &str, reverse: bool) -> Result<(), Error> {
    if args.len() > 4 {
        return Err(Error::wrong_arity(name));
    }
    let with_score = args.get(3).map(|option| is(option, "WITHSCORE"));
    if with_score == Some(false) {
        return Err(Error::SYNTAX);
    }
    let set = unit.view::<SortedSet>(args.at(1))?;
    let found = set.and_then(|set| set.rank(args.at(2)).map(|(rank, score)| (set.len(), rank, score)));
    let Some((len, rank, score)) = found else {
        if with_score.is_some() {
            out.null_array();
        } else {
            out.null();
        }
        return Ok(());
    };
    if with_score.is_some() {
        out.array(2);
    }
    out.count(if reverse { len - 1 - rank } else { rank });
    if with_score.is_some() {
        out.double(score);
    }
    Ok(())
}

/// `ZCOUNT key min max`
fn zcount(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let range = range::score_range(args.at(2), args.at(3))?;
    out.count(unit.view::<SortedSet>(args.at(1))?.map_or(0, |set| set.ranks_by_score(&range).len()));
    Ok(())
}

/// `ZLEXCOUNT key min max`
fn zlexcount(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let range = range::lex_range(args.at(2), args.at(3))?;
    out.count(unit.view::<SortedSet>(args.at(1))?.map_or(0, |set| set.ranks_by_lex(&range, false, 0).len()));
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use crate::testing::World;

    /// A world in which these lines were run.
    pub(in crate::command) fn world(lines: &[&str]) -> World {
        let mut world = World::new(3);
        lines.iter().for_each(|line| assert!(!world.run(line).starts_with('-'), "{line}"));
        world.events();
        world.effects();
        world
    }

    /// Runs lines, each with its reply, its events (`name key`, in a row) and its effects (one a line).
    pub(in crate::command) fn check(world: &mut World, cases: &[(&str, &str, &str, &str)]) {
        for (line, reply, events, effects) in cases {
            assert_eq!(world.run(line), *reply, "reply of {line}");
            assert_eq!(world.events().join(" "), *events, "events of {line}");
            assert_eq!(world.effect_lines().join("\n"), *effects, "effects of {line}");
        }
    }

    #[test]
    fn members_are_looked_up() {
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        check(
            &mut world(&["zadd z 1 a 2.5 b inf c", "set s v"]),
            &[
                ("zcard z", ":3", "", ""),
                ("zcard none", ":0", "", ""),
                ("zscore z b", "$3 2.5", "", ""),
                ("zscore z x", "$-1", "", ""),
                ("zscore none x", "$-1", "", ""),
                ("zmscore z c x a", "*3 $3 inf $-1 $1 1", "", ""),
                ("zmscore none x", "*1 $-1", "", ""),
                ("zrank z c", ":2", "", ""),
                ("zrevrank z c", ":0", "", ""),
                ("zrank z b withscore", "*2 :1 $3 2.5", "", ""),
                ("zrank z x withscore", "*-1", "", ""),
                ("zrank z x", "$-1", "", ""),
                ("zrank z a foo", "-ERR syntax error", "", ""),
                ("zrank z a withscore x", "-ERR wrong number of arguments for 'zrank' command", "", ""),
                ("zcount z 1 2.5", ":2", "", ""),
                ("zcount z (1 inf", ":2", "", ""),
                ("zcount z x 1", "-ERR min or max is not a float", "", ""),
                ("zlexcount z x +", "-ERR min or max not valid string range item", "", ""),
                ("zcard s", wrong, "", ""),
                ("zscore s a", wrong, "", ""),
                ("zmscore s a", wrong, "", ""),
                ("zrank s a", wrong, "", ""),
                ("zcount s 0 1", wrong, "", ""),
            ],
        );
    }
}
