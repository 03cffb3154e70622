//! HRANDFIELD and HSCAN.

use crate::random::Random;
use crate::unit::Unit;
use crate::value::hash::{Hash, HashRef};
use crate::value::packed::Element;
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply, Resp, glob, number};
use std::collections::HashSet;

/// How many fields a HSCAN looks at unless told otherwise.
const SCAN_COUNT: usize = 10;

/// As many fields or more in relation to what is asked for, and single draws find different ones soon enough.
const SPARSE: usize = 3;

/// `HRANDFIELD key [count [WITHVALUES]]`.
pub(super) fn hrandfield(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let Some(count) = args.get(2) else {
        let random = unit.random();
        match unit.view::<Hash>(args.at(1))?.and_then(|hash| hash.random(random)) {
            None => out.null(),
            Some((field, _)) => field.reply(out),
        }
        return Ok(());
    };
    let count = integer(count)?;
    let with_values = args.len() > 3;
    if count == i64::MIN {
        return Err(Error::NOT_A_NEGATABLE_INTEGER);
    }
    if args.len() > 4 || args.get(3).is_some_and(|option| !is(option, "WITHVALUES")) {
        return Err(Error::SYNTAX);
    }
    // Redis refuses what would not fit its counter. The other limit is ours: such a reply would be larger than the largest
    // string, and nobody could read it.
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2
        || count < 0 && count.unsigned_abs() > unit.settings.bulk_max as u64
    {
        return Err(Error::OUT_OF_RANGE);
    }
    let mut random = Random::new(unit.random());
    let Some(hash) = unit.view::<Hash>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    let wanted = count.unsigned_abs() as usize;
    if count < 0 {
        head(out, wanted, with_values);
        return repeated(hash, wanted, with_values, &mut random, out);
    }
    let wanted = wanted.min(hash.len());
    head(out, wanted, with_values);
    distinct(hash, wanted, with_values, &mut random, out);
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`.
pub(super) fn hscan(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let cursor = number::parse_u64_lenient(args.at(2)).ok_or(Error::INVALID_CURSOR)?;
    let Some(hash) = unit.view::<Hash>(args.at(1))? else {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let (mut pattern, mut count, mut values) = (None, SCAN_COUNT, true);
    let mut options = args.cursor(3);
    while let Some(option) = options.next() {
        if is(option, "COUNT") {
            count = usize::try_from(options.i64()?).ok().filter(|count| *count > 0).ok_or(Error::SYNTAX)?;
        } else if is(option, "MATCH") {
            // `*` alone matches the empty field too, as the matcher itself would not.
            pattern = Some(options.need()?).filter(|pattern| *pattern != b"*");
        } else if is(option, "NOVALUES") {
            values = false;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let (mut items, mut found) = (Reply::new(out.resp), 0);
    let mut digits = itoa::Buffer::new();
    let next = hash.scan(cursor, count, &mut |field, value| {
        if pattern.is_some_and(|pattern| !glob::matches(pattern, field.bytes(&mut digits), false)) {
            return;
        }
        field.reply(&mut items);
        found += 1;
        if values {
            value.reply(&mut items);
            found += 1;
        }
    });
    out.array(2);
    out.bulk(itoa::Buffer::new().format(next).as_bytes());
    out.array(found);
    out.raw(items.as_bytes());
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// The header of `count` fields: with values, an array of pairs in RESP3 and a flat one in RESP2.
fn head(out: &mut Reply, count: usize, with_values: bool) {
    out.array(if with_values && out.resp == Resp::Two { count * 2 } else { count });
}

fn reply(out: &mut Reply, (field, value): (Element<'_>, Element<'_>), with_values: bool) {
    if with_values && out.resp == Resp::Three {
        out.array(2);
    }
    field.reply(out);
    if with_values {
        value.reply(out);
    }
}

/// `wanted` fields, each chosen from all of them. O(wanted), and O(fields) if the hash is packed or many more fields are gone
/// than are there.
fn repeated(
    hash: HashRef<'_>,
    wanted: usize,
    with_values: bool,
    random: &mut Random,
    out: &mut Reply,
) -> Result<(), Error> {
    if hash.draws_quickly() {
        for _ in 0..wanted {
            if let Some(pair) = hash.random(random.number()) {
                reply(out, pair, with_values);
            }
        }
        return Ok(());
    }
    // Any other is walked once instead of once for each.
    let all: Vec<_> = hash.iter().collect();
    for _ in 0..wanted {
        reply(out, all[random.below(all.len())], with_values);
    }
    Ok(())
}

/// `wanted` different fields, no more than there are. O(wanted) if the hash is a table and they are few of its fields, else
/// O(fields).
fn distinct(hash: HashRef<'_>, wanted: usize, with_values: bool, random: &mut Random, out: &mut Reply) {
    let len = hash.len();
    if wanted == len {
        hash.iter().for_each(|pair| reply(out, pair, with_values));
        return;
    }
    if hash.draws_quickly() && wanted < len / SPARSE {
        let mut seen: HashSet<&[u8]> = HashSet::with_capacity(wanted);
        while seen.len() < wanted {
            let Some((field @ Element::Bytes(bytes), value)) = hash.random(random.number()) else { break };
            if seen.insert(bytes) {
                reply(out, (field, value), with_values);
            }
        }
        return;
    }
    // Each is taken with the chance that leaves all choices equally likely (Knuth's algorithm S).
    let mut left = wanted;
    for (index, pair) in hash.iter().enumerate() {
        if random.below(len - index) < left {
            reply(out, pair, with_values);
            left -= 1;
        }
    }
}
