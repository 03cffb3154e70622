//! XLEN, XRANGE, XREVRANGE.

use super::parse::{end_id, start_id};
use super::reply::reply_entries;
use crate::unit::Unit;
use crate::value::stream::Stream;
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

pub(super) fn xlen(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let len = unit.view::<Stream>(args.at(1))?.map_or(0, |body| body.log.len());
    out.int(len as i64);
    Ok(())
}

pub(super) fn xrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    range(unit, args, out, false)
}

pub(super) fn xrevrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    range(unit, args, out, true)
}

fn range(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, back: bool) -> Result<(), Error> {
    let (start, end) = if back { (args.at(3), args.at(2)) } else { (args.at(2), args.at(3)) };
    let (start, end) = (start_id(start)?, end_id(end)?);
    let (mut count, mut cursor) = (None, args.cursor(4));
    while let Some(option) = cursor.next() {
        if !is(option, "COUNT") {
            return Err(Error::SYNTAX);
        }
        count = Some(cursor.i64()?.max(0) as usize);
    }
    let Some(body) = unit.view::<Stream>(args.at(1))? else {
        out.array(0);
        return Ok(());
    };
    match (count, back) {
        (Some(0), _) => out.null_array(),
        (count, false) => drop(reply_entries(out, body.log.range(start, end), count.unwrap_or(0))),
        (count, true) => drop(reply_entries(out, body.log.range_back(start, end), count.unwrap_or(0))),
    }
    Ok(())
}
