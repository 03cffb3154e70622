//! PFDEBUG, which shows the inside of a HyperLogLog, and PFSELFTEST.

use super::raw::{make_raw, put, valid};
use crate::keyspace::Deadline;
use crate::unit::Unit;
use crate::value::hyperloglog::{self as hll, Encoding, HEADER, REGISTERS};
use curfew_protocol::args::is;
use curfew_protocol::error::c_string;
use curfew_protocol::{Args, Error, Reply};
use std::fmt::Write;

/// `PFDEBUG GETREG|DECODE|ENCODING|TODENSE key`, and `PFDEBUG SIMD ON|OFF`, which changes nothing here.
pub(super) fn pfdebug(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (what, key) = (args.at(1), args.at(2));
    if is(what, "SIMD") {
        match key {
            state if is(state, "ON") => out.simple("enabled"),
            state if is(state, "OFF") => out.simple("disabled"),
            _ => return Err(Error::PFDEBUG_SIMD),
        }
        return Ok(());
    }
    valid(unit.peek_str(key)?.ok_or(Error::PFDEBUG_NO_KEY)?)?;
    make_raw(unit, key);
    let (bytes, encoding) = valid(unit.peek_str(key)?.ok_or(Error::PFDEBUG_NO_KEY)?)?;
    if is(what, "GETREG") {
        let mut ranks = vec![0; REGISTERS];
        hll::merge(&mut ranks, bytes)?;
        make_dense(unit, key)?;
        out.array(REGISTERS);
        ranks.iter().for_each(|rank| out.int(i64::from(*rank)));
    } else if is(what, "DECODE") {
        if encoding != Encoding::Sparse {
            return Err(Error::PFDEBUG_NOT_SPARSE);
        }
        out.bulk(decoded(&bytes[HEADER..]).as_bytes());
    } else if is(what, "ENCODING") {
        out.simple(if encoding == Encoding::Dense { "dense" } else { "sparse" });
    } else if is(what, "TODENSE") {
        let has_changed = make_dense(unit, key)?;
        out.flag(has_changed);
    } else {
        return Err(Error::made([b"ERR Unknown PFDEBUG subcommand '", c_string(what), b"'"].concat()));
    }
    Ok(())
}

/// `PFSELFTEST`: registers hold what they are given, and estimates are near the truth.
pub(super) fn pfselftest(_: &mut Unit<'_>, _: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    /// Few enough for some milliseconds.
    const ELEMENTS: u64 = 20_000;
    let (mut bytes, mut ranks) = (hll::create(), vec![0u8; REGISTERS]);
    for element in 0..ELEMENTS {
        let (index, rank) = hll::place(&element.to_le_bytes());
        hll::set(&mut bytes, index, rank, 3000)?;
        ranks[index] = rank.max(ranks[index]);
    }
    let mut stored = vec![0; REGISTERS];
    hll::merge(&mut stored, &bytes)?;
    let estimate = hll::count(&bytes)?;
    // Six times the standard error of 0.81 %.
    if stored != ranks || estimate.abs_diff(ELEMENTS) * 20 > ELEMENTS {
        return Err(Error::PFSELFTEST_FAILED);
    }
    out.ok();
    Ok(())
}

/// Makes the HyperLogLog at `key` dense; true if it was not.
fn make_dense(unit: &mut Unit<'_>, key: &[u8]) -> Result<bool, Error> {
    let Some(found) = unit.peek_str(key)? else { return Ok(false) };
    let (bytes, encoding) = valid(found)?;
    if encoding == Encoding::Dense {
        return Ok(false);
    }
    let mut bytes = bytes.to_vec();
    hll::make_dense(&mut bytes)?;
    put(unit, key, bytes, Deadline::Keep);
    unit.effect(key, [b"PFDEBUG", b"TODENSE".as_slice(), key]);
    Ok(true)
}

/// Runs in words: `Z` and `z` for zeros in two bytes and in one, `v` for others with their rank.
fn decoded(registers: &[u8]) -> String {
    let mut text = String::new();
    for run in hll::sparse::runs(registers) {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = match (run.rank, run.size) {
            (0, 1) => write!(text, "{space}z:{}", run.len),
            (0, _) => write!(text, "{space}Z:{}", run.len),
            (rank, _) => write!(text, "{space}v:{rank},{}", run.len),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOT_ONE, WRONG_TYPE, check};
    use crate::testing::World;

    #[test]
    fn replies_are_those_of_redis() {
        let mut world = World::new(2);
        for line in ["pfadd h", "set str v", "sadd s a"] {
            world.run(line);
        }
        world.events();
        world.effects();
        check(
            &mut world,
            &[
                ("pfselftest", "+OK", "", ""),
                ("pfdebug encoding h", "+sparse", "", ""),
                ("pfdebug decode h", "$7 Z:16384", "", ""),
                ("pfdebug todense h", ":1", "", "PFDEBUG TODENSE h"),
                ("pfdebug todense h", ":0", "", ""),
                ("pfdebug encoding h", "+dense", "", ""),
                ("pfdebug decode h", "-ERR HLL encoding is not sparse", "", ""),
                ("pfdebug foo h", "-ERR Unknown PFDEBUG subcommand 'foo'", "", ""),
                ("pfdebug foo none", "-ERR The specified key does not exist", "", ""),
                ("pfdebug getreg str", NOT_ONE, "", ""),
                ("pfdebug getreg s", WRONG_TYPE, "", ""),
                ("pfdebug simd on", "+enabled", "", ""),
                ("pfdebug simd Off", "+disabled", "", ""),
                ("pfdebug simd x", "-ERR Argument must be ON or OFF", "", ""),
                ("pfdebug getreg", "-ERR wrong number of arguments for 'pfdebug' command", "", ""),
            ],
        );
    }

    #[test]
    fn registers() {
        let mut world = World::new(1);
        world.run("pfadd h a b c");
        let reply = world.run("pfdebug getreg h");
        let ranks: Vec<&str> = reply.split(' ').collect();
        assert_eq!((ranks.len(), ranks[0]), (16_385, "*16384"));
        assert_eq!(ranks[1..].iter().filter(|rank| **rank != ":0").count(), 3);
        assert_eq!(world.effect_lines(), ["pfadd h a b c", "PFDEBUG TODENSE h"]);
    }
}
