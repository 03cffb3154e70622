//! Packed hashes: fields, values and perhaps deadlines by turns.

use crate::value::packed::{Element, PackedRef};

/// Elements of a field where there are no deadlines, and where there are.
pub(super) const PAIR: usize = 2;

pub(super) const TRIPLE: usize = 3;

/// The deadline in the triple at `place`, 0 for none.
pub(super) fn deadline_at(view: PackedRef<'_>, place: usize) -> i64 {
    view.iter_from(place).nth(2).and_then(Element::int).unwrap_or(0)
}

/// The place of a field, looked for at `hint` first: commands name fields in the order in which they were set more often
/// than not.
#[inline]
pub(super) fn find_from(view: PackedRef<'_>, field: &[u8], size: usize, hint: usize) -> Option<usize> {
    if hint != 0 && view.get(hint) == Element::of(field) {
        return Some(hint);
    }
    view.find(field, size)
}
