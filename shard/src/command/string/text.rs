//! String values as bytes: what the commands share.

use crate::keyspace::{NewValue, Str};
use crate::unit::Unit;
use curfew_protocol::{Error, Reply, number};

/// Writes a string value, or a null.
pub(in crate::command) fn reply_str(out: &mut Reply, value: Option<Str<'_>>) {
    match value {
        None => out.null(),
        Some(Str::Int(number)) => out.bulk_int(number),
        Some(Str::Bytes(bytes)) => out.bulk(bytes),
    }
}

/// The form in which a string is stored: as a number where it is the canonical text of one.
pub(in crate::command) fn encode(value: &[u8]) -> NewValue<'_> {
    // The longest is that of the smallest number.
    match number::parse_i64(value) {
        Some(number) if value.len() <= 20 => NewValue::Int(number),
        _ => NewValue::Bytes(value),
    }
}

/// A string value as bytes.
pub(super) fn text<'a>(value: Str<'a>, digits: &'a mut itoa::Buffer) -> &'a [u8] {
    match value {
        Str::Int(number) => digits.format(number).as_bytes(),
        Str::Bytes(bytes) => bytes,
    }
}

/// The length of a string value in bytes.
pub(super) fn len(value: Str<'_>) -> usize {
    match value {
        Str::Int(number) => number::decimal_len(number),
        Str::Bytes(bytes) => bytes.len(),
    }
}

/// Whether a string value is these bytes.
pub(super) fn equals(value: Str<'_>, bytes: &[u8]) -> bool {
    text(value, &mut itoa::Buffer::new()) == bytes
}

/// The error for a string that would get `offset + added` bytes long, where that is too long.
pub(super) fn check_len(unit: &Unit<'_>, offset: usize, added: usize) -> Result<(), Error> {
    match offset.checked_add(added) {
        Some(len) if len <= unit.settings.bulk_max => Ok(()),
        _ => Err(Error::STRING_TOO_LONG),
    }
}

/// The bytes from `start` to `end`, both included and counted from the end when negative. As in Redis, what lies before the
/// first byte stands for the first, unless both are negative and the wrong way round.
pub(super) fn slice(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let len = bytes.len() as i64;
    let absolute = |index: i64| if index < 0 { (index + len).max(0) } else { index };
    let (start, end) = (absolute(start), absolute(end).min(len - 1));
    if start > end { b"" } else { &bytes[start as usize..=end as usize] }
}
