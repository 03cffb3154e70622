//! The bytes of a HyperLogLog, at a key.

use crate::keyspace::{Deadline, NewValue, Str};
use crate::unit::Unit;
use crate::value::hyperloglog::{self as hll, Encoding};
use crate::value::object::Object;
use curfew_protocol::Error;

/// Makes the string at `key` raw, as Redis does before it looks inside.
pub(super) fn make_raw(unit: &mut Unit<'_>, key: &[u8]) {
    if let Some(mut entry) = unit.write(key) {
        entry.set_raw(true);
    }
}

/// The bytes of a string that is a HyperLogLog.
pub(super) fn valid(found: Str<'_>) -> Result<(&[u8], Encoding), Error> {
    match found {
        Str::Bytes(bytes) => hll::encoding(bytes).map(|encoding| (bytes, encoding)),
        Str::Int(_) => None,
    }
    .ok_or(Error::NOT_A_HYPERLOGLOG)
}

/// Makes `key` hold these bytes: a raw string, since they will change again.
pub(super) fn put(unit: &mut Unit<'_>, key: &[u8], bytes: Vec<u8>, deadline: Deadline) {
    /// What is copied rather than handed over.
    const INLINE_BYTES_MAX: usize = 4096;
    if bytes.len() <= INLINE_BYTES_MAX {
        unit.put_str(key, NewValue::Bytes(&bytes), deadline);
    } else {
        unit.put_str(key, NewValue::Object(Box::new(Object::Str(bytes))), deadline);
    }
    make_raw(unit, key);
}
