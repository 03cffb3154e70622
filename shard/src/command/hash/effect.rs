//! Effects of hashes, and the pairs that commands are given.

use crate::unit::Unit;
use curfew_protocol::Args;

/// Fields and values in turn; the number of arguments is even.
pub(super) fn pairs<'a>(args: Args<'a>) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone {
    (0..args.len() / 2).map(move |pair| (args.at(2 * pair), args.at(2 * pair + 1)))
}

/// Leaves the effect `words FIELDS count field ...`, `words` beginning with the command and the key.
pub(super) fn leave_fields(unit: &mut Unit<'_>, key: &[u8], words: &[&[u8]], fields: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    let count = [b"FIELDS".as_slice(), digits.format(fields.len()).as_bytes()];
    unit.effect(key, words.iter().copied().chain(count).chain(fields.iter().copied()));
}

/// Leaves the effect `HDEL key field ...`.
pub(super) fn leave_deletion(unit: &mut Unit<'_>, key: &[u8], fields: &[&[u8]]) {
    unit.effect(key, [b"HDEL".as_slice(), key].into_iter().chain(fields.iter().copied()));
}
