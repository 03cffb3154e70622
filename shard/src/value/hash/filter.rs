//! Tells that a field is surely not among those of a packed hash, without a walk over all of them for each field of an
//! HSET: a Bloom filter with one hash.

use crate::value::packed::{Element, PackedRef};

/// Bits in words of 64: for 100 fields, one look in forty is in vain.
const WORDS: usize = 64;

/// See the module's documentation.
pub(super) struct Filter {
    bits: [u64; WORDS],
}

impl Filter {
    /// The filter of the fields of a packed hash. O(fields).
    pub(super) fn of(pairs: PackedRef<'_>) -> Filter {
        let mut filter = Filter { bits: [0; WORDS] };
        for (field, _) in pairs.pairs() {
            filter.insert(field);
        }
        filter
    }

    /// Adds a field; true if it surely was not there.
    pub(super) fn insert(&mut self, field: Element<'_>) -> bool {
        let hash = match field {
            Element::Int(number) => mix(number as u64),
            Element::Bytes(bytes) => hash(bytes),
        };
        let (word, bit) = (&mut self.bits[(hash >> 58) as usize], 1 << (hash >> 52 & 63));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

const _: () = assert!(WORDS == 64, "six bits choose the word");

fn mix(value: u64) -> u64 {
    value.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// Not against attackers: who makes fields collide makes HSET as slow as it is without the filter.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = (state ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix((state ^ u64::from_le_bytes(last)).rotate_left(31))
}
