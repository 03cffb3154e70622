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
            .doc("O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.", "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.", "timeout numkeys key... where<MIN|MAX> [COUNT count]"),
        pop::bzmpop,
        pop::serve_many,
    ),
    Row::waiting(
        Spec::new("bzpopmax", -3, Group::SortedSet, "5.0.0")
            .flags(WRITE | BLOCKING | FAST)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(log(N)) with N being the number of elements in the sorted set.", "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member available otherwise.  Deletes the sorted set if the last element was popped.", "key... timeout")
            .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")]),
        pop::bzpopmax,
        pop::serve_max,
    ),
    Row::waiting(
        Spec::new("bzpopmin", -3, Group::SortedSet, "5.0.0")
            .flags(WRITE | BLOCKING | FAST)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(log(N)) with N being the number of elements in the sorted set.", "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.", "key... timeout")
            .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")]),
        pop::bzpopmin,
        pop::serve_min,
    ),
    Row::new(
        Spec::new("zadd", -4, Group::SortedSet, "1.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(log(N)) for each item added, where N is the number of elements in the sorted set.", "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.", "key [condition<NX|XX>^3.0.2] [comparison<GT|LT>^6.2.0] [change!CH^3.0.2] [increment!INCR^3.0.2] data(score member)...")
            .history(&[("2.4.0", "Accepts multiple elements."), ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."), ("6.2.0", "Added the `GT` and `LT` options.")]),
        add::zadd,
    ),
    Row::new(
        Spec::new("zcard", 2, Group::SortedSet, "1.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Returns the number of members in a sorted set.", "key"),
        zcard,
    ),
    Row::new(
        Spec::new("zcount", 4, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)) with N being the number of elements in the sorted set.", "Returns the count of members in a sorted set that have scores within a range.", "key min:double max:double"),
        zcount,
    ),
    Row::new(
        Spec::new("zdiff", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.", "Returns the difference between multiple sorted sets.", "numkeys key... [WITHSCORES]"),
        combine::zdiff,
    ),
    Row::new(
        Spec::new("zdiffstore", -4, Group::SortedSet, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.", "Stores the difference of multiple sorted sets in a key.", "destination numkeys key@1..."),
        combine::zdiffstore,
    ),
    Row::new(
        Spec::new("zincrby", 4, Group::SortedSet, "1.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
            .doc("O(log(N)) where N is the number of elements in the sorted set.", "Increments the score of a member in a sorted set.", "key increment:int member"),
        add::zincrby,
    ),
    Row::new(
        Spec::new("zinter", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.", "Returns the intersect of multiple sorted sets.", "numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]"),
        combine::zinter,
    ),
    Row::new(
        Spec::new("zintercard", -3, Group::SortedSet, "7.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.", "Returns the number of members of the intersect of multiple sorted sets.", "numkeys key... [LIMIT limit:int]"),
        combine::zintercard,
    ),
    Row::new(
        Spec::new("zinterstore", -4, Group::SortedSet, "2.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.", "Stores the intersect of multiple sorted sets in a key.", "destination numkeys key@1... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>]"),
        combine::zinterstore,
    ),
    Row::new(
        Spec::new("zlexcount", 4, Group::SortedSet, "2.8.9")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)) with N being the number of elements in the sorted set.", "Returns the number of members in a sorted set within a lexicographical range.", "key min max"),
        zlexcount,
    ),
    Row::new(
        Spec::new("zmpop", -4, Group::SortedSet, "7.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::numkeys(1, RW | ACCESS | DELETE)])
            .doc("O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.", "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.", "numkeys key... where<MIN|MAX> [COUNT count]"),
        pop::zmpop,
    ),
    Row::new(
        Spec::new("zmscore", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of members being requested.", "Returns the score of one or more members in a sorted set.", "key member..."),
        zmscore,
    ),
    Row::new(
        Spec::new("zpopmax", -2, Group::SortedSet, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.", "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.", "key [count]"),
        pop::zpopmax,
    ),
    Row::new(
        Spec::new("zpopmin", -2, Group::SortedSet, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.", "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.", "key [count]"),
        pop::zpopmin,
    ),
    Row::new(
        Spec::new("zrandmember", -2, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of members returned", "Returns one or more random members from a sorted set.", "key [options(count [WITHSCORES])]")
            .tips(&["nondeterministic_output"]),
        sample::zrandmember,
    ),
    Row::new(
        Spec::new("zrange", -4, Group::SortedSet, "1.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.", "Returns members in a sorted set within a range of indexes.", "key start stop [sortby<BYSCORE|BYLEX>^6.2.0] [REV^6.2.0] [LIMIT limit(offset count)^6.2.0] [WITHSCORES]")
            .history(&[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")]),
        range::zrange,
    ),
    Row::new(
        Spec::new("zrangebylex", -4, Group::SortedSet, "2.8.9")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Returns members in a sorted set within a lexicographical range.", "key min max [LIMIT limit(offset count)]")
            .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
        range::zrangebylex,
    ),
    Row::new(
        Spec::new("zrangebyscore", -4, Group::SortedSet, "1.0.5")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Returns members in a sorted set within a range of scores.", "key min:double max:double [WITHSCORES^2.0.0] [LIMIT limit(offset count)]")
            .history(&[("2.0.0", "Added the `WITHSCORES` modifier.")])
            .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
        range::zrangebyscore,
    ),
    Row::new(
        Spec::new("zrangestore", -5, Group::SortedSet, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::at(2, RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.", "Stores a range of members from sorted set in a key.", "dst:key src:key@1 min max [sortby<BYSCORE|BYLEX>] [REV] [LIMIT limit(offset count)]"),
        range::zrangestore,
    ),
    Row::new(
        Spec::new("zrank", -3, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N))", "Returns the index of a member in a sorted set ordered by ascending scores.", "key member [WITHSCORE]")
            .history(&[("7.2.0", "Added the optional `WITHSCORE` argument.")]),
        zrank,
    ),
    Row::new(
        Spec::new("zrem", -3, Group::SortedSet, "1.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.", "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.", "key member...")
            .history(&[("2.4.0", "Accepts multiple elements.")]),
        remove::zrem,
    ),
    Row::new(
        Spec::new("zremrangebylex", 4, Group::SortedSet, "2.8.9")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.", "key min max"),
        remove::zremrangebylex,
    ),
    Row::new(
        Spec::new("zremrangebyrank", 4, Group::SortedSet, "2.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.", "key start:int stop:int"),
        remove::zremrangebyrank,
    ),
    Row::new(
        Spec::new("zremrangebyscore", 4, Group::SortedSet, "1.2.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.", "key min:double max:double"),
        remove::zremrangebyscore,
    ),
    Row::new(
        Spec::new("zrevrange", -4, Group::SortedSet, "1.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.", "Returns members in a sorted set within a range of indexes in reverse order.", "key start:int stop:int [WITHSCORES]")
            .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
        range::zrevrange,
    ),
    Row::new(
        Spec::new("zrevrangebylex", -4, Group::SortedSet, "2.8.9")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Returns members in a sorted set within a lexicographical range in reverse order.", "key max min [LIMIT limit(offset count)]")
            .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
        range::zrevrangebylex,
    ),
    Row::new(
        Spec::new("zrevrangebyscore", -4, Group::SortedSet, "2.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Returns members in a sorted set within a range of scores in reverse order.", "key max:double min:double [WITHSCORES] [LIMIT limit(offset count)]")
            .history(&[("2.1.6", "`min` and `max` can be exclusive.")])
            .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
        range::zrevrangebyscore,
    ),
    Row::new(
        Spec::new("zrevrank", -3, Group::SortedSet, "2.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(N))", "Returns the index of a member in a sorted set ordered by descending scores.", "key member [WITHSCORE]")
            .history(&[("7.2.0", "Added the optional `WITHSCORE` argument.")]),
        zrevrank,
    ),
    Row::new(
        Spec::new("zscan", -3, Group::SortedSet, "2.8.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.", "Iterates over members and scores of a sorted set.", "key cursor [MATCH pattern] [COUNT count]")
            .tips(&["nondeterministic_output"]),
        sample::zscan,
    ),
    Row::new(
        Spec::new("zscore", 3, Group::SortedSet, "1.2.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Returns the score of a member in a sorted set.", "key member"),
        zscore,
    ),
    Row::new(
        Spec::new("zunion", -3, Group::SortedSet, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::numkeys(1, RO | ACCESS)])
            .doc("O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.", "Returns the union of multiple sorted sets.", "numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>] [WITHSCORES]"),
        combine::zunion,
    ),
    Row::new(
        Spec::new("zunionstore", -4, Group::SortedSet, "2.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::numkeys(2, RO | ACCESS)])
            .doc("O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.", "Stores the union of multiple sorted sets in a key.", "destination numkeys key@1... [WEIGHTS weight...] [AGGREGATE aggregate<SUM|MIN|MAX>]"),
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
    out.count(unit.view::<SortedSet>(args.at(1))?.map_or(0, |set| set.ranks_by_lex(&range, false).len()));
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
