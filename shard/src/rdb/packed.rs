//! Packed sequences: what several types share.

use super::read::{Damaged, Reader};
use super::write;
use crate::value::packed::{Element, Packed, PackedRef};
use std::collections::HashSet;

/// Appends a packed sequence as a string that is a listpack.
pub(super) fn write_packed(packed: PackedRef<'_>, out: &mut Vec<u8>) {
    let mut listpack = Vec::with_capacity(packed.listpack_bytes());
    packed.write_listpack(&mut listpack);
    write::string(out, &listpack);
}

/// Takes a string that is a listpack.
pub(super) fn read_packed(reader: &mut Reader<'_>) -> Result<Packed, Damaged> {
    let packed = Packed::from_listpack(&reader.string()?).ok_or(Damaged)?;
    // What looks like a number is one in all packed sequences: comparisons rely on it.
    let is_hidden = |element| matches!(element, Element::Bytes(bytes) if Element::of(bytes).int().is_some());
    if !packed.view().iter().any(is_hidden) {
        return Ok(packed);
    }
    let mut canonical = Packed::new();
    for element in packed.view().iter() {
        match element {
            Element::Bytes(bytes) => canonical.push_back(Element::of(bytes)),
            number => canonical.push_back(number),
        }
    }
    Ok(canonical)
}

/// Whether the elements at indices 0, `step`, 2 * `step`, ... are all different, and their groups whole and not none. O(n).
pub(super) fn is_keyed(packed: PackedRef<'_>, step: usize) -> bool {
    #[derive(PartialEq, Eq, Hash)]
    enum Key<'a> {
        Int(i64),
        Bytes(&'a [u8]),
    }
    let mut seen = HashSet::new();
    let mut keys = packed.iter().step_by(step).map(|element| match element {
        Element::Int(number) => Key::Int(number),
        Element::Bytes(bytes) => Key::Bytes(bytes),
    });
    !packed.is_empty() && packed.len().is_multiple_of(step) && keys.all(|key| seen.insert(key))
}
