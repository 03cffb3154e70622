//! Unions, intersections and differences of sorted sets, and of sets, whose members count as having the score 1.
//!
//! The inputs may lie on several shards, so they are looked at one after the other, never two at a time. An intersection takes
//! the members of the smallest input along and drops what the others do not have, so it costs what Redis's does.

use super::reply::{members_header, store};
use crate::keyspace::EntryRef;
use crate::unit::Unit;
use crate::value::collection::Collection;
use crate::value::kind::Type;
use crate::value::packed::Element;
use crate::value::set::Set;
use crate::value::sorted_set::{SortedSet, SortedSetRef};
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply, number};
use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

pub(super) fn zunion(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Operation::Union, "zunion", out)
}

pub(super) fn zinter(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Operation::Inter, "zinter", out)
}

pub(super) fn zdiff(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply(unit, args, Operation::Diff, "zdiff", out)
}

pub(super) fn zunionstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    store_result(unit, args, Operation::Union, "zunionstore", out)
}

pub(super) fn zinterstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    store_result(unit, args, Operation::Inter, "zinterstore", out)
}

pub(super) fn zdiffstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    store_result(unit, args, Operation::Diff, "zdiffstore", out)
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`
pub(super) fn zintercard(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let plan = Plan::parse(unit, args, 1, Operation::Inter, "zintercard", Extras::Limit)?;
    let found = plan.members(unit)?.len();
    out.count(if plan.limit == 0 { found } else { found.min(plan.limit) });
    Ok(())
}

/// `ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]` and the others.
fn reply(unit: &mut Unit<'_>, args: Args<'_>, operation: Operation, name: &str, out: &mut Reply) -> Result<(), Error> {
    let plan = Plan::parse(unit, args, 1, operation, name, Extras::Scores)?;
    let members = plan.members(unit)?;
    members_header(out, members.len(), plan.with_scores);
    for (member, score) in &members {
        super::reply::reply_member(out, Element::Bytes(member), *score, plan.with_scores);
    }
    Ok(())
}

/// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX]` and the others.
fn store_result(
    unit: &mut Unit<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &'static str,
    out: &mut Reply,
) -> Result<(), Error> {
    let plan = Plan::parse(unit, args, 2, operation, name, Extras::None)?;
    let members = plan.members(unit)?;
    let members = members.iter().map(|(member, score)| (member.as_slice(), *score));
    let set = SortedSet::of_members(members, &unit.settings.limits);
    store(unit, args.at(1), set, name, out);
    Ok(())
}

/// Members and their scores.
type Members = Vec<(Vec<u8>, f64)>;

/// What options a command has besides those of its operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extras {
    None,
    Scores,
    Limit,
}

struct Plan<'a> {
    operation: Operation,
    /// Keys, how many members there are, and weights. The smallest first, but for a difference.
    inputs: Vec<(&'a [u8], usize, f64)>,
    aggregate: Aggregate,
    with_scores: bool,
    /// How far an intersection is to be counted; 0: to the end.
    limit: usize,
}

impl<'a> Plan<'a> {
    /// Reads `numkeys key [key ...]` from the argument `at` on, and the options. Checks types first, as Redis does.
    fn parse(
        unit: &mut Unit<'_>,
        args: Args<'a>,
        at: usize,
        operation: Operation,
        name: &str,
        extras: Extras,
    ) -> Result<Plan<'a>, Error> {
        let count = integer(args.at(at))?;
        if count < 1 {
            return Err(Error::no_input_key(name));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > args.len() - at - 1 {
            return Err(Error::SYNTAX);
        }
        let mut inputs = Vec::with_capacity(count);
        for key in args.part(at + 1, count).iter() {
            let len = unit.read(key).map(Input::of).transpose()?.map_or(0, |input| input.len());
            inputs.push((key, len, 1.0));
        }
        let mut plan = Plan { operation, inputs, aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        let weighs = operation != Operation::Diff && extras != Extras::Limit;
        let mut cursor = args.cursor(at + 1 + count);
        while let Some(option) = cursor.next() {
            if weighs && cursor.left() >= count && is(option, "WEIGHTS") {
                for (_, _, weight) in &mut plan.inputs {
                    *weight = number::parse_f64(cursor.need()?).ok_or(Error::NOT_A_WEIGHT)?;
                }
            } else if weighs && cursor.left() >= 1 && is(option, "AGGREGATE") {
                plan.aggregate = match cursor.need()? {
                    arg if is(arg, "SUM") => Aggregate::Sum,
                    arg if is(arg, "MIN") => Aggregate::Min,
                    arg if is(arg, "MAX") => Aggregate::Max,
                    _ => return Err(Error::SYNTAX),
                };
            } else if extras == Extras::Scores && is(option, "WITHSCORES") {
                plan.with_scores = true;
            } else if extras == Extras::Limit && cursor.left() >= 1 && is(option, "LIMIT") {
                let limit = number::parse_i64(cursor.need()?).and_then(|limit| usize::try_from(limit).ok());
                plan.limit = limit.ok_or(Error::LIMIT_NEGATIVE)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if operation != Operation::Diff {
            // The order in which scores are added up is seen in their last digits.
            plan.inputs.sort_by_key(|(_, len, _)| *len);
        }
        Ok(plan)
    }

    /// The result, in order.
    fn members(&self, unit: &mut Unit<'_>) -> Result<Members, Error> {
        let mut members = match self.operation {
            Operation::Union => self.union(unit)?,
            Operation::Inter => self.inter(unit)?,
            Operation::Diff => self.diff(unit)?,
        };
        // No score is NaN, and no member comes twice.
        let order = |one: &(Vec<u8>, f64), two: &(Vec<u8>, f64)| {
            one.1.partial_cmp(&two.1).unwrap_or(std::cmp::Ordering::Equal).then_with(|| one.0.cmp(&two.0))
        };
        members.sort_unstable_by(order);
        Ok(members)
    }

    fn union(&self, unit: &mut Unit<'_>) -> Result<Members, Error> {
        let mut all: HashMap<Vec<u8>, f64> = HashMap::new();
        for (key, _, weight) in &self.inputs {
            let Some(input) = input(unit, key)? else { continue };
            input.each(&mut |member, score| {
                let score = weighted(score, *weight);
                match all.get_mut(member) {
                    Some(sum) => *sum = self.aggregate.of(*sum, score),
                    None => drop(all.insert(member.to_vec(), score)),
                }
            });
        }
        Ok(all.into_iter().collect())
    }

    fn inter(&self, unit: &mut Unit<'_>) -> Result<Members, Error> {
        let mut members = self.of_first(unit)?;
        for (key, _, weight) in self.inputs.iter().skip(1) {
            let Some(input) = input(unit, key)? else { return Ok(Vec::new()) };
            members.retain_mut(|(member, sum)| match input.score(member) {
                Some(score) => {
                    *sum = self.aggregate.of(*sum, score * weight);
                    true
                }
                None => false,
            });
        }
        Ok(members)
    }

    fn diff(&self, unit: &mut Unit<'_>) -> Result<Members, Error> {
        let mut members = self.of_first(unit)?;
        for (key, _, _) in self.inputs.iter().skip(1) {
            if members.is_empty() {
                break;
            }
            if let Some(input) = input(unit, key)? {
                members.retain(|(member, _)| input.score(member).is_none());
            }
        }
        Ok(members)
    }

    fn of_first(&self, unit: &mut Unit<'_>) -> Result<Members, Error> {
        let mut members = Vec::new();
        if let Some((key, len, weight)) = self.inputs.first()
            && let Some(input) = input(unit, key)?
        {
            members.reserve_exact(*len);
            input.each(&mut |member, score| members.push((member.to_vec(), weighted(score, *weight))));
        }
        Ok(members)
    }
}

impl Aggregate {
    fn of(self, one: f64, two: f64) -> f64 {
        match self {
            Aggregate::Sum => {
                let sum = one + two;
                // Of infinities of both signs.
                if sum.is_nan() { 0.0 } else { sum }
            }
            Aggregate::Min if two < one => two,
            Aggregate::Max if two > one => two,
            Aggregate::Min | Aggregate::Max => one,
        }
    }
}

/// 0 times infinity is 0 here.
fn weighted(score: f64, weight: f64) -> f64 {
    let product = score * weight;
    if product.is_nan() { 0.0 } else { product }
}

// ---- inputs --------------------------------------------------------------------------------------------------------------

/// A value that may be an input.
#[derive(Clone, Copy)]
enum Input<'a> {
    Sorted(SortedSetRef<'a>),
    Set(<Set as Collection>::View<'a>),
}

fn input<'a>(unit: &'a mut Unit<'_>, key: &[u8]) -> Result<Option<Input<'a>>, Error> {
    unit.peek(key).map(Input::of).transpose()
}

impl<'a> Input<'a> {
    fn of(entry: EntryRef<'a>) -> Result<Input<'a>, Error> {
        let input = match entry.kind() {
            Type::ZSet => entry.view::<SortedSet>().map(Input::Sorted),
            Type::Set => entry.view::<Set>().map(Input::Set),
            _ => None,
        };
        input.ok_or(Error::WRONG_TYPE)
    }

    fn len(self) -> usize {
        match self {
            Input::Sorted(set) => set.len(),
            Input::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Input::Sorted(set) => set.score(member),
            Input::Set(set) => set.contains(Element::of(member)).then_some(1.0),
        }
    }

    fn each(self, visit: &mut dyn FnMut(&[u8], f64)) {
        let mut digits = itoa::Buffer::new();
        match self {
            Input::Sorted(set) => set.iter().for_each(|(member, score)| visit(member.bytes(&mut digits), score)),
            Input::Set(set) => set.iter().for_each(|member| visit(member.bytes(&mut digits), 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};
    use crate::keyspace::{Deadline, NewValue};
    use crate::value::kind::Type;
    use crate::value::packed::{Element, Packed};

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn results_are_replied_and_stored() {
        let lines =
            ["zadd a 1 x 2 y 3 z", "zadd b 10 y 20 z 30 w", "zadd inf inf x -inf y", "zadd ninf -inf x", "set s v"];
        check(
            &mut world(&lines),
            &[
                ("zunion 2 a b withscores", "*8 $1 x $1 1 $1 y $2 12 $1 z $2 23 $1 w $2 30", "", ""),
                ("zunion 2 a b", "*4 $1 x $1 y $1 z $1 w", "", ""),
                ("zunion 2 a b weights 2 -1 withscores", "*8 $1 w $3 -30 $1 z $3 -14 $1 y $2 -6 $1 x $1 2", "", ""),
                ("zunion 2 a b aggregate min withscores", "*8 $1 x $1 1 $1 y $1 2 $1 z $1 3 $1 w $2 30", "", ""),
                (
                    "zunion 2 a b aggregate max weights 1 0 withscores",
                    "*8 $1 w $1 0 $1 x $1 1 $1 y $1 2 $1 z $1 3",
                    "",
                    "",
                ),
                ("zinter 2 a b withscores", "*4 $1 y $2 12 $1 z $2 23", "", ""),
                ("zinter 3 a b none", "*0", "", ""),
                ("zdiff 2 a b withscores", "*2 $1 x $1 1", "", ""),
                ("zdiff 3 a none b", "*1 $1 x", "", ""),
                ("zunion 2 inf ninf withscores", "*4 $1 y $4 -inf $1 x $1 0", "", ""),
                ("zunion 1 inf weights 0 withscores", "*4 $1 x $1 0 $1 y $1 0", "", ""),
                ("zintercard 2 a b", ":2", "", ""),
                ("zintercard 2 a b limit 1", ":1", "", ""),
                ("zintercard 2 a b limit 0", ":2", "", ""),
                ("zintercard 2 a b limit -1", "-ERR LIMIT can't be negative", "", ""),
                ("zintercard 0 a", "-ERR at least 1 input key is needed for 'zintercard' command", "", ""),
                ("zunion x a", "-ERR value is not an integer or out of range", "", ""),
                ("zunion 3 a b", "-ERR syntax error", "", ""),
                ("zunion 1 a weights x", "-ERR weight value is not a float", "", ""),
                ("zunion 1 a weights", "-ERR syntax error", "", ""),
                ("zunion 1 a aggregate avg", "-ERR syntax error", "", ""),
                ("zdiff 1 a weights 1", "-ERR syntax error", "", ""),
                ("zunion 2 a s weights x", WRONG_TYPE, "", ""),
                ("zunionstore d 2 a b", ":4", "zunionstore d", "DEL d\nZADD d 1 x 12 y 23 z 30 w"),
                ("zinterstore d 2 a b", ":2", "zinterstore d", "DEL d\nZADD d 12 y 23 z"),
                ("zdiffstore s 2 a b", ":1", "zdiffstore s", "DEL s\nZADD s 1 x"),
                ("zdiffstore a 2 a a", ":0", "del a", "DEL a"),
                ("zinterstore none 1 none", ":0", "", ""),
                ("zunionstore d 1 b withscores", "-ERR syntax error", "", ""),
                ("zunionstore d 0 b", "-ERR at least 1 input key is needed for 'zunionstore' command", "", ""),
            ],
        );
    }

    #[test]
    fn a_result_is_packed_where_it_is_small() {
        let mut world = world(&[]);
        (0..200).for_each(|i| drop(world.run(&format!("zadd big {i} m{i}"))));
        world.run("zadd small 1 m5 2 m6");
        for (line, encoding) in [("zinterstore d 2 big small", "listpack"), ("zunionstore d 2 big small", "skiplist")] {
            world.run(line);
            assert_eq!(world.run("object encoding d"), format!("$8 {encoding}"));
        }
        assert_eq!(world.run("zinter 2 big small withscores"), "*4 $2 m5 $1 6 $2 m6 $1 8");
        assert_eq!(world.run("zcard d"), ":200");
    }

    #[test]
    fn members_of_sets_have_the_score_1() {
        let mut world = world(&["zadd z 5 a 6 b"]);
        let mut packed = Packed::new();
        [b"a", b"c"].iter().for_each(|member| packed.push_back(Element::of(*member)));
        let shards = world.shards.len();
        let space = world.shards[crate::slots::shard_of(b"set", shards)].db_mut(0);
        let hash = space.hasher().hash(b"set");
        space.put(hash, b"set", Type::Set, NewValue::Bytes(packed.as_bytes()), Deadline::Clear, 0);
        check(
            &mut world,
            &[
                ("zunion 2 z set withscores", "*6 $1 c $1 1 $1 a $1 6 $1 b $1 6", "", ""),
                ("zinter 2 set z weights 3 1 withscores", "*2 $1 a $1 8", "", ""),
                ("zdiff 2 z set", "*1 $1 b", "", ""),
                ("zadd set 1 a", WRONG_TYPE, "", ""),
            ],
        );
    }
}
