//! Taking members from either end, at once or when there are some.

use crate::event::class;
use crate::shard::wait::{Null, Wait, until_seconds};
use crate::unit::Unit;
use crate::value::Collection;
use crate::value::kind::Type;
use crate::value::sorted_set::SortedSet;
use curfew_protocol::args::{OwnedArgs, is};
use curfew_protocol::{Args, Error, Reply, Resp, number};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Min,
    Max,
}

/// The form of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Members and scores in a row.
    Flat,
    /// Pairs of member and score.
    Pairs,
    /// Key, member and score in a row.
    KeyAndFlat,
    /// The key, and pairs of member and score.
    KeyAndPairs,
}

/// `ZPOPMIN key [count]`
pub(super) fn zpopmin(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop_one_key(unit, args, End::Min, out)
}

/// `ZPOPMAX key [count]`
pub(super) fn zpopmax(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop_one_key(unit, args, End::Max, out)
}

fn pop_one_key(unit: &mut Unit<'_>, args: Args<'_>, end: End, out: &mut Reply) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = match args.get(2) {
        None => None,
        Some(arg) => {
            Some(number::parse_i64(arg).and_then(|count| usize::try_from(count).ok()).ok_or(Error::MUST_BE_POSITIVE)?)
        }
    };
    // Only a count makes pairs of them, and only in RESP3.
    let form = if count.is_some() && out.resp == Resp::Three { Form::Pairs } else { Form::Flat };
    if !pop(unit, args.at(1), end, count.unwrap_or(1), form, out)? {
        out.array(0);
    }
    Ok(())
}

/// `ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]`
pub(super) fn zmpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let plan = Plan::parse(args, 1)?;
    for key in plan.keys.iter() {
        if pop(unit, key, plan.end, plan.count, Form::KeyAndPairs, out)? {
            return Ok(());
        }
    }
    out.null_array();
    Ok(())
}

/// `BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]`
pub(super) fn bzmpop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let plan = Plan::parse(args, 2)?;
    let until = until_seconds(args.at(1), unit.now)?;
    for key in plan.keys.iter() {
        if pop(unit, key, plan.end, plan.count, Form::KeyAndPairs, out)? {
            return Ok(());
        }
    }
    wait(unit, args, plan.keys, until, out);
    Ok(())
}

/// `BZPOPMIN key [key ...] timeout`
pub(super) fn bzpopmin(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop_or_wait(unit, args, End::Min, out)
}

/// `BZPOPMAX key [key ...] timeout`
pub(super) fn bzpopmax(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    pop_or_wait(unit, args, End::Max, out)
}

fn pop_or_wait(unit: &mut Unit<'_>, args: Args<'_>, end: End, out: &mut Reply) -> Result<(), Error> {
    let last = args.len() - 1;
    let until = until_seconds(args.at(last), unit.now)?;
    let keys = args.part(1, last - 1);
    for key in keys.iter() {
        if pop(unit, key, end, 1, Form::KeyAndFlat, out)? {
            return Ok(());
        }
    }
    wait(unit, args, keys, until, out);
    Ok(())
}

fn wait(unit: &mut Unit<'_>, args: Args<'_>, keys: Args<'_>, until: Option<i64>, out: &mut Reply) {
    let keys = keys.iter().map(Box::from).collect();
    unit.wait(out, Wait { args: OwnedArgs::from_view(args), keys, until, null: Null::Array });
}

pub(super) fn serve_min(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    serve(unit, key, End::Min, 1, Form::KeyAndFlat, out)
}

pub(super) fn serve_max(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    serve(unit, key, End::Max, 1, Form::KeyAndFlat, out)
}

pub(super) fn serve_many(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let plan = Plan::parse(args, 2)?;
    serve(unit, key, plan.end, plan.count, Form::KeyAndPairs, out)
}

/// One who waits is not told of a key that has become something else: it goes on waiting.
fn serve(unit: &mut Unit<'_>, key: &[u8], end: End, count: usize, form: Form, out: &mut Reply) -> Result<bool, Error> {
    if unit.peek(key).is_none_or(|entry| entry.kind() != Type::ZSet) {
        return Ok(false);
    }
    pop(unit, key, end, count, form, out)
}

struct Plan<'a> {
    keys: Args<'a>,
    end: End,
    count: usize,
}

impl<'a> Plan<'a> {
    /// Reads `numkeys key [key ...] MIN|MAX [COUNT count]` from the argument `at` on.
    fn parse(args: Args<'a>, at: usize) -> Result<Plan<'a>, Error> {
        let positive = |arg: &[u8]| number::parse_i64(arg).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let keys = positive(args.at(at)).ok_or(Error::KEYS_NOT_POSITIVE)?;
        if keys > args.len() - at - 1 {
            return Err(Error::SYNTAX);
        }
        let mut cursor = args.cursor(at + 1 + keys);
        let end = match cursor.need()? {
            arg if is(arg, "MIN") => End::Min,
            arg if is(arg, "MAX") => End::Max,
            _ => return Err(Error::SYNTAX),
        };
        let mut count = None;
        while let Some(option) = cursor.next() {
            if count.is_some() || !is(option, "COUNT") {
                return Err(Error::SYNTAX);
            }
            count = Some(positive(cursor.need()?).ok_or(Error::COUNT_NOT_POSITIVE)?);
        }
        Ok(Plan { keys: args.part(at + 1, keys), end, count: count.unwrap_or(1) })
    }
}

/// Takes up to `count` members from one end of the set at `key` and replies with them; false, and no reply, if there is no set.
fn pop(unit: &mut Unit<'_>, key: &[u8], end: End, count: usize, form: Form, out: &mut Reply) -> Result<bool, Error> {
    let edited = unit.edit(key, |set: &mut SortedSet| {
        let len = set.len();
        let taken = count.min(len);
        match form {
            Form::Flat => out.array(2 * taken),
            Form::Pairs => out.array(taken),
            Form::KeyAndFlat => {
                out.array(2 * taken + 1);
                out.bulk(key);
            }
            Form::KeyAndPairs => {
                out.array(2);
                out.bulk(key);
                out.array(taken);
            }
        }
        let ranks = if end == End::Min { 0..taken } else { len - taken..len };
        let mut show = |(member, score): (crate::value::packed::Element<'_>, f64)| {
            if matches!(form, Form::Pairs | Form::KeyAndPairs) {
                out.array(2);
            }
            member.reply(out);
            out.double(score);
        };
        let view = Collection::view(set);
        match end {
            End::Min => view.range(ranks.clone()).for_each(&mut show),
            End::Max => view.range_back(ranks.clone()).for_each(&mut show),
        }
        if taken > 0 {
            set.remove_range(ranks, |_, _| ());
        }
        taken
    })?;
    let Some(edited) = edited else { return Ok(false) };
    if edited.value > 0 {
        let (name, event) = match end {
            End::Min => ("ZPOPMIN", "zpopmin"),
            End::Max => ("ZPOPMAX", "zpopmax"),
        };
        unit.effect(key, [name.as_bytes(), key, itoa::Buffer::new().format(edited.value).as_bytes()]);
        unit.changed(key, class::ZSET, event);
        if edited.emptied {
            unit.event(class::GENERIC, "del", key);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};
    use super::*;
    use crate::command::registry::serve_of;
    use crate::unit::Held;

    #[test]
    fn members_are_taken_from_both_ends() {
        let positive = "-ERR value is out of range, must be positive";
        check(
            &mut world(&["zadd z 1 a 2 b 3 c 4 d 5 e", "zadd y 1 a", "set s v"]),
            &[
                ("zpopmin z", "*2 $1 a $1 1", "zpopmin z", "ZPOPMIN z 1"),
                ("zpopmax z 2", "*4 $1 e $1 5 $1 d $1 4", "zpopmax z", "ZPOPMAX z 2"),
                ("zpopmin z 0", "*0", "", ""),
                ("zpopmin none", "*0", "", ""),
                ("zpopmin z -1", positive, "", ""),
                ("zpopmin z x", positive, "", ""),
                ("zpopmin z 1 2", "-ERR syntax error", "", ""),
                ("zpopmin s", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
                ("zmpop 2 none z min", "*2 $1 z *1 *2 $1 b $1 2", "zpopmin z", "ZPOPMIN z 1"),
                ("zmpop 2 z y max count 5", "*2 $1 z *1 *2 $1 c $1 3", "zpopmax z del z", "ZPOPMAX z 1"),
                ("zmpop 1 z min", "*-1", "", ""),
                ("zmpop 0 z min", "-ERR numkeys should be greater than 0", "", ""),
                ("zmpop 1 y min count 0", "-ERR count should be greater than 0", "", ""),
                ("zmpop 1 y min count 1 count 1", "-ERR syntax error", "", ""),
                ("zmpop 1 y foo", "-ERR syntax error", "", ""),
                ("zmpop 2 y min", "-ERR syntax error", "", ""),
                ("bzpopmax none y 0", "*3 $1 y $1 a $1 1", "zpopmax y del y", "ZPOPMAX y 1"),
                ("bzpopmin none y 0", "*-1", "", ""),
                ("bzpopmin y x", "-ERR timeout is not a float or out of range", "", ""),
                ("bzpopmin s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
                ("bzmpop 0 1 none max count 3", "*-1", "", ""),
                ("bzmpop -1 1 none max", "-ERR timeout is negative", "", ""),
                ("bzmpop x 0 none max", "-ERR numkeys should be greater than 0", "", ""),
            ],
        );
    }

    #[test]
    fn a_count_makes_pairs_in_resp3() {
        let mut world = world(&["zadd z 1 a 2 b 3 c 4 d 5 e"]);
        world.resp = Resp::Three;
        assert_eq!(world.run("zpopmin z"), "*2 $1 a ,1");
        assert_eq!(world.run("zpopmin z 1"), "*1 *2 $1 b ,2");
        assert_eq!(world.run("bzpopmax z 0"), "*3 $1 z $1 e ,5");
        assert_eq!(world.run("zmpop 1 z max"), "*2 $1 z *1 *2 $1 d ,4");
        assert_eq!(world.run("zmpop 1 none max"), "_");
    }

    #[test]
    fn who_waits_is_served_by_one_key() {
        let mut world = world(&[]);
        let run = |world: &mut crate::testing::World, line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let args = OwnedArgs::from_slices(&words);
            let held = Held::Many(world.shards.iter_mut().map(Some).collect());
            let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
            unit.may_wait = true;
            let mut out = Reply::default();
            match args.view().at(0) {
                b"bzpopmin" => bzpopmin(&mut unit, args.view(), &mut out).expect("a reply"),
                _ => bzmpop(&mut unit, args.view(), &mut out).expect("a reply"),
            }
            assert!(out.is_empty());
            world.sink.wait.take().expect("it waits")
        };
        let serve = |world: &mut crate::testing::World, wait: &Wait, key: &[u8]| {
            let held = Held::Many(world.shards.iter_mut().map(Some).collect());
            let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
            let mut out = Reply::default();
            let done =
                (serve_of(wait.args.view().at(0)).expect("it waits"))(&mut unit, wait.args.view(), key, &mut out)
                    .expect("no error");
            (done, String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " "))
        };
        let one = run(&mut world, "bzpopmin a b 1.5");
        assert_eq!(one.keys, [Box::from(*b"a"), Box::from(*b"b")]);
        assert_eq!(one.until, Some(world.now.ms + 1_500));
        assert_eq!(serve(&mut world, &one, b"b"), (false, String::new()));
        world.run("set b v");
        assert_eq!(serve(&mut world, &one, b"b"), (false, String::new()));
        world.run("del b");
        world.run("zadd b 1 x 2 y 3 z");
        assert_eq!(serve(&mut world, &one, b"b"), (true, "*3 $1 b $1 x $1 1 ".into()));
        let many = run(&mut world, "bzmpop 0 1 c max count 2");
        assert_eq!(many.until, None);
        assert_eq!(serve(&mut world, &many, b"b"), (true, "*2 $1 b *2 *2 $1 z $1 3 *2 $1 y $1 2 ".into()));
        assert_eq!(world.run("exists b"), ":0");
    }
}
