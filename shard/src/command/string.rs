//! Strings.

use crate::keyspace::NewValue;
use crate::unit::Str;
use crate::{Row, Unit};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, number};

/// The rows of this family.
pub const ROWS: &[Row] = &[Row::new(
    Spec::new("get", 2, Group::String, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO | ACCESS)]).doc(
        "O(1)",
        "Returns the string value of a key.",
        "key",
    ),
    get,
)];

fn get(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    reply_str(out, unit.read_str(args.at(1))?);
    Ok(())
}

/// Writes a string value, or a null.
pub(super) fn reply_str(out: &mut Reply, value: Option<Str<'_>>) {
    match value {
        None => out.null(),
        Some(Str::Int(number)) => out.bulk_int(number),
        Some(Str::Bytes(bytes)) => out.bulk(bytes),
    }
}

/// The form in which a string is stored: as a number where it is the canonical text of one.
pub(super) fn encode(value: &[u8]) -> NewValue<'_> {
    match number::parse_i64(value) {
        Some(number) if value.len() <= 20 => NewValue::Int(number),
        _ => NewValue::Bytes(value),
    }
}
