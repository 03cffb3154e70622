//! ZRANDMEMBER and ZSCAN.

use super::reply::{members_header, reply_member};
use crate::random::Random;
use crate::unit::Unit;
use crate::value::packed::Element;
use crate::value::sorted_set::{SortedSet, SortedSetRef};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply, glob, number};
use std::collections::HashSet;

/// The most members of one reply of ZRANDMEMBER with a negative count. Redis has no such limit, and dies of memory.
const REPEATED_MAX: usize = 1 << 24;

/// How many members a ZSCAN looks at unless told otherwise.
const COUNT: usize = 10;

/// `ZRANDMEMBER key [count [WITHSCORES]]`
pub(super) fn zrandmember(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut random = Random::new(unit.random());
    let Some(count) = args.get(2) else {
        let Some(set) = unit.view::<SortedSet>(args.at(1))? else {
            out.null();
            return Ok(());
        };
        let rank = random.below(set.len());
        if let Some((member, _)) = set.range(rank..rank + 1).next() {
            member.reply(out);
        }
        return Ok(());
    };
    let count = number::parse_i64(count).ok_or(Error::NOT_AN_INTEGER)?;
    if count == i64::MIN {
        return Err(Error::NOT_A_NEGATABLE_INTEGER);
    }
    if args.len() > 4 || args.get(3).is_some_and(|option| !is(option, "WITHSCORES")) {
        return Err(Error::SYNTAX);
    }
    let with_scores = args.len() == 4;
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::OUT_OF_RANGE);
    }
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = unit.view::<SortedSet>(args.at(1))?.filter(|_| count != 0) else {
        out.array(0);
        return Ok(());
    };
    if count < 0 && wanted > REPEATED_MAX {
        return Err(Error::OUT_OF_RANGE);
    }
    let len = set.len();
    if count < 0 {
        members_header(out, wanted, with_scores);
        let at_rank = ranked(set);
        for _ in 0..wanted {
            let (member, score) = at_rank(random.below(len));
            reply_member(out, member, score, with_scores);
        }
    } else if wanted >= len {
        members_header(out, len, with_scores);
        set.iter().for_each(|(member, score)| reply_member(out, member, score, with_scores));
    } else {
        members_header(out, wanted, with_scores);
        let at_rank = ranked(set);
        for rank in distinct(&mut random, len, wanted) {
            let (member, score) = at_rank(rank);
            reply_member(out, member, score, with_scores);
        }
    }
    Ok(())
}

/// A way to the member of a rank: a packed set is walked only once for all of them.
fn ranked<'a>(set: SortedSetRef<'a>) -> impl Fn(usize) -> (Element<'a>, f64) {
    let all: Option<Vec<(Element<'a>, f64)>> = matches!(set, SortedSetRef::Packed(_)).then(|| set.iter().collect());
    move |rank| match &all {
        Some(all) => all[rank],
        // There is one: ranks are drawn below the length.
        None => set.range(rank..rank + 1).next().unwrap_or((Element::Bytes(b""), 0.0)),
    }
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub(super) fn zscan(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let cursor = number::parse_u64_lenient(args.at(2)).ok_or(Error::INVALID_CURSOR)?;
    let Some(set) = unit.view::<SortedSet>(args.at(1))? else {
        // As in Redis, before the options are looked at.
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let (mut pattern, mut count) = (None, COUNT);
    let mut options = args.cursor(3);
    while let Some(option) = options.next() {
        if is(option, "COUNT") && options.left() > 0 {
            count = usize::try_from(options.i64()?).ok().filter(|count| *count > 0).ok_or(Error::SYNTAX)?;
        } else if is(option, "MATCH") && options.left() > 0 {
            pattern = Some(options.need()?).filter(|pattern| *pattern != b"*");
        } else if is(option, "NOVALUES") {
            return Err(Error::NOVALUES_ONLY_HSCAN);
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let (mut found, mut text, mut items) = (0, Vec::with_capacity(24), Reply::new(out.resp));
    let mut show = |member: &[u8], write: &dyn Fn(&mut Vec<u8>)| {
        if pattern.is_none_or(|pattern| glob::matches(pattern, member, false)) {
            text.clear();
            write(&mut text);
            items.bulk(member);
            items.bulk(&text);
            found += 1;
        }
    };
    let next = match set {
        SortedSetRef::Packed(_) => {
            let mut digits = itoa::Buffer::new();
            for (member, score) in set.iter() {
                show(member.bytes(&mut digits), &|text| number::write_f64(text, score));
            }
            0
        }
        SortedSetRef::Large(set) => {
            set.scan(cursor, count, &mut |member, score| show(member, &|text| write_17_digits(text, score)))
        }
    };
    out.array(2);
    out.bulk(itoa::Buffer::new().format(next).as_bytes());
    out.array(found * 2);
    out.raw(items.as_bytes());
    Ok(())
}

/// A number as C writes it by `%.17g`: what Redis's ZSCAN gives of large sets, here as elsewhere unlike ZRANGE.
fn write_17_digits(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() || value == 0.0 {
        return number::write_f64(out, value);
    }
    // One digit, a dot, sixteen more, and an exponent: correctly rounded, as by C.
    let text = format!("{:.16e}", value.abs());
    let Some((mantissa, exponent)) = text.split_once('e') else { return };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    let kept = digits.len() - digits.iter().rev().take_while(|digit| **digit == b'0').count();
    if value < 0.0 {
        out.push(b'-');
    }
    if !(-4..17).contains(&exponent) {
        out.push(digits[0]);
        if kept > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..kept]);
        }
        out.extend_from_slice(format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()).as_bytes());
        return;
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
        out.extend_from_slice(&digits[..kept]);
        return;
    }
    let point = exponent as usize + 1;
    out.extend_from_slice(&digits[..point]);
    if kept > point {
        out.push(b'.');
        out.extend_from_slice(&digits[point..kept]);
    }
}

/// `count` different numbers below `bound`, of which there are more (Floyd's algorithm).
fn distinct(random: &mut Random, bound: usize, count: usize) -> Vec<usize> {
    let (mut seen, mut numbers) = (HashSet::with_capacity(count), Vec::with_capacity(count));
    for top in bound - count..bound {
        let number = random.below(top + 1);
        let number = if seen.contains(&number) { top } else { number };
        seen.insert(number);
        numbers.push(number);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, world};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn random_members() {
        let mut world = world(&["zadd z 1 a 2 b 3 c", "set s v"]);
        (0..300).for_each(|i| drop(world.run(&format!("zadd big {i} m{i}"))));
        world.events();
        world.effects();
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            seen.insert(world.run("zrandmember z"));
        }
        assert_eq!(seen.len(), 3);
        for (key, len) in [("z", 3), ("big", 300)] {
            for count in 1..=len {
                let reply = world.run(&format!("zrandmember {key} {count}"));
                let members: Vec<&str> = reply.split(' ').skip(2).step_by(2).collect();
                assert_eq!(members.len(), count);
                assert_eq!(members.iter().collect::<BTreeSet<_>>().len(), count, "{reply}");
            }
        }
        assert_eq!(world.run("zrandmember big -50 withscores").split(' ').count(), 1 + 50 * 4);
        check(
            &mut world,
            &[
                ("zrandmember z 5 withscores", "*6 $1 a $1 1 $1 b $1 2 $1 c $1 3", "", ""),
                ("zrandmember z 0", "*0", "", ""),
                ("zrandmember none", "$-1", "", ""),
                ("zrandmember none 5", "*0", "", ""),
                ("zrandmember z 1 foo", "-ERR syntax error", "", ""),
                ("zrandmember z x foo", "-ERR value is not an integer or out of range", "", ""),
                ("zrandmember z -9223372036854775807 withscores", "-ERR value is out of range", "", ""),
                (
                    "zrandmember z -9223372036854775808",
                    "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                    "",
                    "",
                ),
                ("zrandmember s", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
            ],
        );
    }

    #[test]
    fn scans() {
        let mut world = world(&["zadd z 0.1 a 2 b", "set s v"]);
        check(
            &mut world,
            &[
                ("zscan z 0", "*2 $1 0 *4 $1 a $3 0.1 $1 b $1 2", "", ""),
                ("zscan z 0 match b count 1", "*2 $1 0 *2 $1 b $1 2", "", ""),
                ("zscan z x", "-ERR invalid cursor", "", ""),
                ("zscan z 0 count 0", "-ERR syntax error", "", ""),
                ("zscan z 0 novalues", "-ERR NOVALUES option can only be used in HSCAN", "", ""),
                ("zscan z 0 type zset", "-ERR syntax error", "", ""),
                ("zscan none 0 foo", "*2 $1 0 *0", "", ""),
                ("zscan none x", "-ERR invalid cursor", "", ""),
                ("zscan s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
            ],
        );
        (0..1000).for_each(|i| drop(world.run(&format!("zadd big {i}.1 m{i}"))));
        let (mut cursor, mut seen) = ("0".to_string(), BTreeSet::new());
        loop {
            let reply = world.run(&format!("zscan big {cursor} count 20"));
            let words: Vec<&str> = reply.split(' ').collect();
            seen.extend(words[4..].chunks(4).map(|item| item[1].to_string()));
            cursor = words[2].to_string();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 1000);
        assert!(world.run("zscan big 0 match m0 count 2000").ends_with("$2 m0 $19 0.10000000000000001"));
    }

    #[test]
    fn seventeen_digits_as_c_writes_them() {
        let cases: &[(f64, &str)] = &[
            (0.1, "0.10000000000000001"),
            (-2.0, "-2"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (123.456, "123.456"),
            (f64::NEG_INFINITY, "-inf"),
            (0.0, "0"),
            (5e-324, "4.9406564584124654e-324"),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            write_17_digits(&mut out, *value);
            assert_eq!(String::from_utf8_lossy(&out), *expected);
        }
    }
}
