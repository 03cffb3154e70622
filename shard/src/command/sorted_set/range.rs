//! Ranges by rank, score and member: ZRANGE and all its kin.

use super::reply::{members_header, reply_member, store};
use crate::unit::Unit;
use crate::value::packed::Element;
use crate::value::sorted_set::{LexEnd, LexRange, ScoreRange, SortedSet, SortedSetRef};
use curfew_protocol::args::{integer, is};
use curfew_protocol::error::c_string;
use curfew_protocol::{Args, Error, Reply, number};
use std::ops::Range;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span<'a> {
    /// First and last rank, negative ones from the end.
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Rank,
    Score,
    Lex,
}

struct Query<'a> {
    span: Span<'a>,
    reverse: bool,
    with_scores: bool,
    /// How many to pass over and how many to give; negative: all.
    limit: (i64, i64),
}

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub(super) fn zrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, None, None, out)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub(super) fn zrevrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Some(By::Rank), Some(true), out)
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub(super) fn zrangebyscore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Some(By::Score), Some(false), out)
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub(super) fn zrevrangebyscore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Some(By::Score), Some(true), out)
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub(super) fn zrangebylex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Some(By::Lex), Some(false), out)
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub(super) fn zrevrangebylex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Some(By::Lex), Some(true), out)
}

fn reply(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    by: Option<By>,
    reverse: Option<bool>,
    out: &mut Reply,
) -> Result<(), Error> {
    let query = Query::parse(args.tail(2), by, reverse, false)?;
    let Some(set) = unit.view::<SortedSet>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    members_header(out, ranks.len(), query.with_scores);
    if query.reverse {
        set.range_back(ranks).for_each(|(member, score)| reply_member(out, member, score, query.with_scores));
    } else {
        set.range(ranks).for_each(|(member, score)| reply_member(out, member, score, query.with_scores));
    }
    Ok(())
}

/// `ZRANGESTORE dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]`
pub(super) fn zrangestore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let query = Query::parse(args.tail(3), None, None, true)?;
    let limits = unit.settings.limits;
    let mut result = SortedSet::default();
    if let Some(set) = unit.view::<SortedSet>(args.at(2))? {
        let mut digits = itoa::Buffer::new();
        let ranks = query.ranks(set);
        let mut add = |(member, score): (Element<'_>, f64)| {
            result.insert(member.bytes(&mut digits), score, &limits);
        };
        // In the order of the range, as in Redis: when the result ceases to be packed is seen in the sign of a zero.
        if query.reverse {
            set.range_back(ranks).for_each(&mut add);
        } else {
            set.range(ranks).for_each(&mut add);
        }
    }
    store(unit, args.at(1), result, "zrangestore", out);
    Ok(())
}

impl<'a> Query<'a> {
    /// Reads what follows the key: two ends and options. What the command's name says is not an option any more.
    fn parse(args: Args<'a>, mut by: Option<By>, mut reverse: Option<bool>, store: bool) -> Result<Query<'a>, Error> {
        let (mut with_scores, mut limit) = (false, (0, -1));
        let mut cursor = args.cursor(2);
        while let Some(option) = cursor.next() {
            if !store && is(option, "WITHSCORES") {
                with_scores = true;
            } else if is(option, "LIMIT") && cursor.left() >= 2 {
                limit = (cursor.i64()?, cursor.i64()?);
            } else if reverse.is_none() && is(option, "REV") {
                reverse = Some(true);
            } else if by.is_none() && is(option, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && is(option, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit.1 != -1 && by == By::Rank {
            return Err(Error::ZRANGE_LIMIT);
        }
        if with_scores && by == By::Lex {
            return Err(Error::ZRANGE_LEX_SCORES);
        }
        let (min, max) = if reverse { (args.at(1), args.at(0)) } else { (args.at(0), args.at(1)) };
        let span = match by {
            By::Rank => Span::Rank(integer(args.at(0))?, integer(args.at(1))?),
            By::Score => Span::Score(score_range(min, max)?),
            By::Lex => Span::Lex(lex_range(min, max)?),
        };
        Ok(Query { span, reverse, with_scores, limit })
    }

    /// The ranks from the start, whichever way they are walked.
    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let found = ranks(set, &self.span, self.reverse);
        if matches!(self.span, Span::Rank(..)) || found.is_empty() {
            return found;
        }
        let (offset, count) = self.limit;
        let skip = match (usize::try_from(offset), set) {
            (Ok(skip), _) => skip,
            // As in Redis: a large set is counted from the other end then, a small one has nothing there. And past the
            // end in reverse, it is the range's own beginning from which it counts.
            (Err(_), SortedSetRef::Packed(_)) => return 0..0,
            (Err(_), SortedSetRef::Large(_)) => match usize::try_from(offset.unsigned_abs()) {
                Ok(back) if back <= found.len() => found.len() - back,
                _ => return 0..0,
            },
        };
        let found = match &self.span {
            Span::Lex(range) if skip > 0 => set.ranks_by_lex(range, self.reverse, skip),
            _ if skip >= found.len() => return 0..0,
            _ if self.reverse => found.start..found.end - skip,
            _ => found.start + skip..found.end,
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(found.len());
        if self.reverse { found.end - count..found.end } else { found.start..found.start + count }
    }
}

/// The ranks from the start of what a span asks for.
pub(super) fn ranks(set: SortedSetRef<'_>, span: &Span<'_>, reverse: bool) -> Range<usize> {
    match span {
        Span::Score(range) => set.ranks_by_score(range),
        Span::Lex(range) => set.ranks_by_lex(range, reverse, 0),
        Span::Rank(start, stop) => {
            let len = set.len() as i64;
            let absolute = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
            let (start, stop) = (absolute(*start).max(0), absolute(*stop).min(len - 1));
            if start > stop {
                return 0..0;
            }
            let (start, end) = (start as usize, stop as usize + 1);
            if reverse { set.len() - end..set.len() - start } else { start..end }
        }
    }
}

/// Reads both ends of a range of scores: a number, or `(` and a number that does not belong to it.
pub(super) fn score_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<ScoreRange, Error> {
    let end = |arg: &'a [u8]| {
        let (number, excluded) = arg.strip_prefix(b"(").map_or((arg, false), |rest| (rest, true));
        c_double(number).map(|number| (number, excluded)).ok_or(Error::NOT_A_SCORE_RANGE)
    };
    let ((min, above_min), (max, below_max)) = (end(min)?, end(max)?);
    Ok(ScoreRange { min, max, above_min, below_max })
}

/// Reads both ends of a range of members: `-`, `+`, `[member` or `(member`.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, Error> {
    let end = |arg: &'a [u8]| match arg {
        // As a C string.
        [b'-'] | [b'-', 0, ..] => Ok(LexEnd::Min),
        [b'+'] | [b'+', 0, ..] => Ok(LexEnd::Max),
        [b'[', member @ ..] => Ok(LexEnd::With(member)),
        [b'(', member @ ..] => Ok(LexEnd::Without(member)),
        _ => Err(Error::NOT_A_LEX_RANGE),
    };
    Ok(LexRange { min: end(min)?, max: end(max)? })
}

/// A number as C's strtod takes it, which is asked here without the checks that scores pass elsewhere: nothing at all is 0,
/// space in front is passed over, what is too large is infinite.
fn c_double(arg: &[u8]) -> Option<f64> {
    let text = c_string(arg);
    if text.is_empty() {
        return Some(0.0);
    }
    let space = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = &text[space..];
    number::parse_f64(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok()).filter(|number| !number.is_nan())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};
    use curfew_protocol::Resp;

    #[test]
    fn ranges() {
        check(
            &mut world(&["zadd z 1 a 2 b 3 c 4 d", "zadd x 0 a 0 b 0 c 0 d", "zadd m 1 d 2 e 3 c", "set s v"]),
            &[
                ("zrange z 0 -1", "*4 $1 a $1 b $1 c $1 d", "", ""),
                ("zrange z 1 2 withscores", "*4 $1 b $1 2 $1 c $1 3", "", ""),
                ("zrange z -2 9", "*2 $1 c $1 d", "", ""),
                ("zrange z 0 1 rev", "*2 $1 d $1 c", "", ""),
                ("zrange z 5 9", "*0", "", ""),
                ("zrange z 2 1", "*0", "", ""),
                ("zrevrange z 1 2 withscores", "*4 $1 c $1 3 $1 b $1 2", "", ""),
                ("zrange z (1 3 byscore", "*2 $1 b $1 c", "", ""),
                ("zrange z 3 (1 byscore rev", "*2 $1 c $1 b", "", ""),
                ("zrange z -inf +inf byscore limit 1 2", "*2 $1 b $1 c", "", ""),
                ("zrange z +inf -inf byscore rev limit 1 2", "*2 $1 c $1 b", "", ""),
                ("zrangebyscore z 2 3 withscores limit 0 1", "*2 $1 b $1 2", "", ""),
                ("zrangebyscore z -inf inf limit 1 -1", "*3 $1 b $1 c $1 d", "", ""),
                ("zrangebyscore z -inf inf limit -1 2", "*0", "", ""),
                ("zrangebyscore z -inf inf limit 9 2", "*0", "", ""),
                ("zrevrangebyscore z 3 2", "*2 $1 c $1 b", "", ""),
                ("zrangebyscore z 3 2", "*0", "", ""),
                ("zrangebyscore z ( 2", "*2 $1 a $1 b", "", ""),
                ("zrangebyscore z 1e400 2", "*0", "", ""),
                ("zrangebyscore z -1e400 1", "*1 $1 a", "", ""),
                ("zrangebyscore z nan 2", "-ERR min or max is not a float", "", ""),
                ("zrangebylex x [b (d", "*2 $1 b $1 c", "", ""),
                ("zrangebylex x - + limit 1 2", "*2 $1 b $1 c", "", ""),
                ("zrevrangebylex x + - limit 1 2", "*2 $1 c $1 b", "", ""),
                // Where scores differ, what is skipped is not looked at, as in Redis.
                ("zrangebylex m (a [d limit 2 10", "*1 $1 c", "", ""),
                ("zrangebylex m (a [d", "*1 $1 d", "", ""),
                ("zrangebylex x - + limit 1 2", "*2 $1 b $1 c", "", ""),
                ("zrangebylex x + -", "*0", "", ""),
                ("zrevrangebylex x (d [b", "*2 $1 c $1 b", "", ""),
                ("zrange x (a + bylex", "*3 $1 b $1 c $1 d", "", ""),
                ("zrange x + (a bylex rev limit 0 2", "*2 $1 d $1 c", "", ""),
                ("zrangebylex x a +", "-ERR min or max not valid string range item", "", ""),
                (
                    "zrange z 0 1 bylex withscores",
                    "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
                    "",
                    "",
                ),
                (
                    "zrange z 0 1 limit 0 1",
                    "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
                    "",
                    "",
                ),
                ("zrange z 0 1 limit 0 -1", "*2 $1 a $1 b", "", ""),
                ("zrange z 0 1 limit 0", "-ERR syntax error", "", ""),
                ("zrange z 0 1 foo", "-ERR syntax error", "", ""),
                ("zrevrange z 0 1 rev", "-ERR syntax error", "", ""),
                ("zrangebyscore z 0 1 byscore", "-ERR syntax error", "", ""),
                ("zrange z a 1", "-ERR value is not an integer or out of range", "", ""),
                ("zrange none 0 -1", "*0", "", ""),
                ("zrange s 0 -1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
                ("zcount z (1 3", ":2", "", ""),
                ("zlexcount x - (c", ":2", "", ""),
            ],
        );
    }

    #[test]
    fn scores_are_doubles_in_resp3() {
        let mut world = world(&["zadd z 1.5 a 2 b"]);
        world.resp = Resp::Three;
        assert_eq!(world.run("zrange z 0 -1 withscores"), "*2 *2 $1 a ,1.5 *2 $1 b ,2");
        assert_eq!(world.run("zrevrange z 0 0 withscores"), "*1 *2 $1 b ,2");
        assert_eq!(world.run("zrange z 0 -1"), "*2 $1 a $1 b");
        assert_eq!(world.run("zscore z a"), ",1.5");
        assert_eq!(world.run("zrank z b withscore"), "*2 :1 ,2");
        assert_eq!(world.run("zrank z c withscore"), "_");
        assert_eq!(world.run("zmscore z a c"), "*2 ,1.5 _");
    }

    /// What Redis 8.0 does with offsets that make no sense, in large sets.
    #[test]
    fn negative_offsets_of_large_sets() {
        let mut world = world(&["zadd big -0 mz 0.1 x"]);
        (1..=200).for_each(|i| drop(world.run(&format!("zadd big {i} m{i}"))));
        for (line, expected) in [
            ("zrangebyscore big -inf inf limit -1 2", "*1 $4 m200"),
            ("zrangebyscore big -inf inf limit -3 2", "*2 $4 m198 $4 m199"),
            ("zrevrangebyscore big inf -inf limit -1 2", "*1 $2 mz"),
            ("zrevrangebyscore big inf -inf limit -3 2", "*2 $2 m1 $1 x"),
            ("zrevrangebyscore big inf -inf limit -300 2", "*0"),
        ] {
            assert_eq!(world.run(line), expected, "{line}");
        }
    }

    #[test]
    fn a_range_is_stored() {
        check(
            &mut world(&["zadd z 1 a 2 b 3 c 4 d", "set s v", "set dst v"]),
            &[
                ("zrangestore dst z 1 2", ":2", "zrangestore dst", "DEL dst\nZADD dst 2 b 3 c"),
                ("zrangestore dst z 4 (2 byscore rev limit 0 1", ":1", "zrangestore dst", "DEL dst\nZADD dst 4 d"),
                ("zrangestore z z 0 0 rev", ":1", "zrangestore z", "DEL z\nZADD z 4 d"),
                ("zrangestore dst z 5 9", ":0", "del dst", "DEL dst"),
                ("zrangestore dst none 0 -1", ":0", "", ""),
                ("zrangestore dst z 0 1 withscores", "-ERR syntax error", "", ""),
                ("zrangestore dst s 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
            ],
        );
    }
}
