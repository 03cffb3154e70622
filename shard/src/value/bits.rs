//! Bits of byte strings: bit 0 is the highest bit of the first byte, as in SETBIT.
//!
//! Long ranges are walked in words of eight bytes. Positions and lengths are in bits (`u64`) unless a name says bytes.

use std::ops::Range;

/// How two strings are combined bit by bit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Combine {
    /// Set in both.
    And,
    /// Set in either.
    Or,
    /// Set in exactly one.
    Xor,
}

/// An integer type of BITFIELD: `i1` to `i64`, `u1` to `u63`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Width {
    /// Two's complement, or never negative.
    pub signed: bool,
    /// The number of bits, 1 to 64 (63 if unsigned).
    pub bits: u32,
}

/// What becomes of a result that its type cannot hold.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// Its low bits.
    #[default]
    Wrap,
    /// The nearest value of the type.
    Saturate,
    /// Nothing is written.
    Fail,
}

/// The bit at `offset`; bits past the end are 0.
#[inline]
pub fn get(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset >> 3).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & bit_of(offset) != 0)
}

/// Writes the bit at `offset`, which lies inside, and gives what it was.
#[inline]
pub fn set(bytes: &mut [u8], offset: u64, on: bool) -> bool {
    let (byte, bit) = (&mut bytes[(offset >> 3) as usize], bit_of(offset));
    let was = *byte & bit != 0;
    *byte = if on { *byte | bit } else { *byte & !bit };
    was
}

/// The number of bits that are set.
pub fn count(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8);
    let rest: u32 = words.remainder().iter().map(|byte| byte.count_ones()).sum();
    words.map(|word| u64::from(word_of(word).count_ones())).sum::<u64>() + u64::from(rest)
}

/// The number of bits that are set in `range`, which lies inside.
pub fn count_in(bytes: &[u8], range: Range<u64>) -> u64 {
    let Some(edges) = Edges::of(range) else { return 0 };
    let cut = u64::from((bytes[edges.first] & !edges.first_mask).count_ones())
        + u64::from((bytes[edges.last] & !edges.last_mask).count_ones());
    count(&bytes[edges.first..=edges.last]) - cut
}

/// The position of the first bit in `range`, which lies inside, that is `on`.
pub fn find(bytes: &[u8], on: bool, range: Range<u64>) -> Option<u64> {
    let Edges { first, last, first_mask, last_mask } = Edges::of(range)?;
    // What is looked for becomes 1.
    let flip = if on { 0 } else { u8::MAX };
    let place = |index: usize, byte: u8| index as u64 * 8 + u64::from(byte.leading_zeros());
    let check = |index: usize, mask: u8| {
        let byte = (bytes[index] ^ flip) & mask;
        (byte != 0).then(|| place(index, byte))
    };
    if first == last {
        return check(first, first_mask & last_mask);
    }
    if let Some(found) = check(first, first_mask) {
        return Some(found);
    }
    let middle = &bytes[first + 1..last];
    let skipped = u64::from_ne_bytes([flip; 8]);
    let words = middle.chunks_exact(8).take_while(|word| word_of(word) == skipped).count();
    let from = first + 1 + words * 8;
    // At most eight more: those of the word that stopped the walk, or the ones after the last word.
    let near = (from..last).find_map(|index| check(index, u8::MAX));
    near.or_else(|| check(last, last_mask))
}

/// Combines `into` with `other`; the shorter one is thought to go on with zeros. The result is as long as the longer one.
pub fn combine(into: &mut Vec<u8>, other: &[u8], how: Combine) {
    let both = into.len().min(other.len());
    match how {
        Combine::And => zip(&mut into[..both], &other[..both], |a, b| a & b),
        Combine::Or => zip(&mut into[..both], &other[..both], |a, b| a | b),
        Combine::Xor => zip(&mut into[..both], &other[..both], |a, b| a ^ b),
    }
    if how == Combine::And {
        into[both..].fill(0);
        into.resize(into.len().max(other.len()), 0);
    } else {
        into.extend_from_slice(&other[both..]);
    }
}

/// Inverts every bit.
pub fn invert(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}

/// Lengthens `bytes` with zeros to `len` bytes. Short steps cost amortized O(1) per byte; a long one gets fresh zeroed
/// memory, which the system gives without touching it.
pub fn lengthen(bytes: &mut Vec<u8>, len: usize) {
    if len / 2 > bytes.capacity() {
        let mut longer = vec![0; len];
        longer[..bytes.len()].copy_from_slice(bytes);
        *bytes = longer;
    } else if len > bytes.len() {
        bytes.resize(len, 0);
    }
}

impl Width {
    /// The number at `offset`; bits past the end of `bytes` are 0.
    pub fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let mut window = [0; 16];
        if let Some(from) = usize::try_from(offset >> 3).ok().and_then(|at| bytes.get(at..)) {
            let len = from.len().min(9);
            window[..len].copy_from_slice(&from[..len]);
        }
        let raw = (u128::from_be_bytes(window) << (offset & 7) >> (128 - self.bits)) as u64;
        self.extend(raw)
    }

    /// Writes the low bits of `value` at `offset`. The field lies inside.
    pub fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        let at = (offset >> 3) as usize;
        let len = ((offset & 7) as usize + self.bits as usize).div_ceil(8);
        let field = &mut bytes[at..at + len];
        let mut window = [0; 16];
        window[..len].copy_from_slice(field);
        let (shift, mask) = (128 - self.bits - (offset & 7) as u32, (1u128 << self.bits) - 1);
        let others = u128::from_be_bytes(window) & !(mask << shift);
        let written = others | (u128::from(value as u64) & mask) << shift;
        field.copy_from_slice(&written.to_be_bytes()[..len]);
    }

    /// `value + increment`, or None if this type cannot hold it and nothing is to be written. An unsigned type takes `value`
    /// as the unsigned number of the same bits.
    pub fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.limits();
        let wide = |value: i64| if self.signed { i128::from(value) } else { i128::from(value as u64) };
        let sum = wide(value) + i128::from(increment);
        let mut above = sum > i128::from(max);
        if self.signed && self.bits < 64 && i128::from(max) - i128::from(value) > i128::from(i64::MAX) {
            // Redis computes the room above in 64 bits, so numbers this far below the type's range count as above it.
            above = true;
        }
        if !above && sum >= i128::from(min) {
            return Some(sum as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.extend(value.wrapping_add(increment) as u64 & self.mask())),
            Overflow::Saturate => Some(if above { max } else { min }),
            Overflow::Fail => None,
        }
    }

    fn limits(self) -> (i64, i64) {
        let max = (self.mask() >> u32::from(self.signed)) as i64;
        (if self.signed { -max - 1 } else { 0 }, max)
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The number whose low bits are `raw` and whose other bits are 0.
    fn extend(self, raw: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (raw << unused) as i64 >> unused } else { raw as i64 }
    }
}

/// The bytes at both ends of a range of bits, and which of their bits belong to it.
struct Edges {
    first: usize,
    last: usize,
    first_mask: u8,
    last_mask: u8,
}

impl Edges {
    fn of(range: Range<u64>) -> Option<Edges> {
        if range.is_empty() {
            return None;
        }
        let last = range.end - 1;
        Some(Edges {
            first: (range.start >> 3) as usize,
            last: (last >> 3) as usize,
            first_mask: u8::MAX >> (range.start & 7),
            last_mask: u8::MAX << (7 - (last & 7)),
        })
    }
}

#[inline]
fn bit_of(offset: u64) -> u8 {
    0x80 >> (offset & 7)
}

#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_ne_bytes)
}

/// Two strings of one length, word by word.
#[inline]
fn zip(into: &mut [u8], other: &[u8], each: impl Fn(u64, u64) -> u64) {
    let (mut words, others) = (into.chunks_exact_mut(8), other.chunks_exact(8));
    let rest = others.remainder();
    for (word, other) in words.by_ref().zip(others) {
        word.copy_from_slice(&each(word_of(word), word_of(other)).to_ne_bytes());
    }
    for (byte, other) in words.into_remainder().iter_mut().zip(rest) {
        *byte = each(u64::from(*byte), u64::from(*other)) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A string as its bits, one by one.
    fn bits(bytes: &[u8]) -> Vec<bool> {
        bytes.iter().flat_map(|byte| (0..8).map(move |at| byte >> (7 - at) & 1 == 1)).collect()
    }

    /// Strings with long runs of equal bits, so that words are skipped, and with noise.
    fn strings() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => Just(0u8), 4 => Just(255u8), 1 => any::<u8>()];
        let runs = proptest::collection::vec((byte, 1usize..30), 0..6);
        runs.prop_map(|runs| runs.into_iter().flat_map(|(byte, len)| std::iter::repeat_n(byte, len)).collect())
    }

    fn widths() -> impl Strategy<Value = Width> {
        (any::<bool>(), 1u32..=64)
            .prop_map(|(signed, bits)| Width { signed, bits: if signed { bits } else { bits.min(63) } })
    }

    fn numbers() -> impl Strategy<Value = i64> {
        let near = (0u32..64, -2i64..=2).prop_map(|(shift, by)| (1i64 << shift).wrapping_add(by));
        prop_oneof![any::<i64>(), near.clone(), near.prop_map(i64::wrapping_neg)]
    }

    fn range_of(len: u64, a: u64, b: u64) -> Range<u64> {
        let (a, b) = (a % (len + 1), b % (len + 1));
        a.min(b)..a.max(b)
    }

    /// A field read bit by bit.
    fn naive_read(bytes: &[u8], offset: u64, width: Width) -> i128 {
        let all = bits(bytes);
        let bit = |at: u64| i128::from(all.get(at as usize).copied().unwrap_or(false));
        let raw = (0..u64::from(width.bits)).fold(0, |raw, at| raw << 1 | bit(offset + at));
        if width.signed && raw >> (width.bits - 1) == 1 { raw - (1 << width.bits) } else { raw }
    }

    proptest! {
        #[test]
        fn bits_are_got_and_set_one_at_a_time(mut bytes in strings(), offset: u64, on: bool) {
            let model = bits(&bytes);
            prop_assert!(!get(&bytes, model.len() as u64));
            prop_assert!(!get(&bytes, u64::MAX));
            prop_assume!(!model.is_empty());
            let at = offset % model.len() as u64;
            prop_assert_eq!(get(&bytes, at), model[at as usize]);
            prop_assert_eq!(set(&mut bytes, at, on), model[at as usize]);
            let mut after = model;
            after[at as usize] = on;
            prop_assert_eq!(bits(&bytes), after);
        }

        #[test]
        fn counts_and_first_bits_of_any_range(bytes in strings(), a: u64, b: u64, on: bool) {
            let model = bits(&bytes);
            let range = range_of(model.len() as u64, a, b);
            let inside = &model[range.start as usize..range.end as usize];
            let ones = inside.iter().filter(|bit| **bit).count() as u64;
            prop_assert_eq!(count_in(&bytes, range.clone()), ones);
            prop_assert_eq!(count(&bytes), model.iter().filter(|bit| **bit).count() as u64);
            let first = inside.iter().position(|bit| *bit == on).map(|at| at as u64 + range.start);
            prop_assert_eq!(find(&bytes, on, range), first);
        }

        #[test]
        fn combining_is_done_bit_by_bit(a in strings(), b in strings()) {
            let len = a.len().max(b.len());
            let padded = |bytes: &[u8], at: usize| bytes.get(at).copied().unwrap_or(0);
            type Case = (Combine, fn(u8, u8) -> u8);
            let cases: [Case; 3] =
                [(Combine::And, |a, b| a & b), (Combine::Or, |a, b| a | b), (Combine::Xor, |a, b| a ^ b)];
            for (how, each) in cases {
                let mut into = a.clone();
                combine(&mut into, &b, how);
                let model: Vec<u8> = (0..len).map(|at| each(padded(&a, at), padded(&b, at))).collect();
                prop_assert_eq!(into, model);
            }
            let mut inverted = a.clone();
            invert(&mut inverted);
            prop_assert!(a.iter().zip(&inverted).all(|(a, b)| a ^ b == 255));
        }

        #[test]
        fn fields_are_read_and_written_bit_by_bit(bytes in strings(), offset in 0u64..1000, width in widths(), value: i64) {
            prop_assert_eq!(i128::from(width.read(&bytes, offset)), naive_read(&bytes, offset, width));
            let mut longer = bytes.clone();
            lengthen(&mut longer, ((offset + u64::from(width.bits)).div_ceil(8) as usize).max(bytes.len()));
            let mut model = bits(&longer);
            width.write(&mut longer, offset, value);
            for at in 0..width.bits {
                model[offset as usize + at as usize] = value >> (width.bits - 1 - at) & 1 == 1;
            }
            prop_assert_eq!(bits(&longer), model);
            prop_assert_eq!(i128::from(width.read(&longer, offset)), naive_read(&longer, offset, width));
        }

        #[test]
        fn sums_stay_in_their_type(width in widths(), a in numbers(), increment in numbers()) {
            let modulus = 1i128 << width.bits;
            let (min, max) = if width.signed { (-modulus / 2, modulus / 2 - 1) } else { (0, modulus - 1) };
            // A value that is in the field already.
            let value = width.extend(a as u64 & width.mask());
            let sum = i128::from(value) + i128::from(increment);
            let fits = (min..=max).contains(&sum);
            let wrapped = (sum - min).rem_euclid(modulus) + min;
            prop_assert_eq!(width.add(value, increment, Overflow::Wrap).map(i128::from), Some(wrapped));
            prop_assert_eq!(width.add(value, increment, Overflow::Saturate).map(i128::from), Some(sum.clamp(min, max)));
            prop_assert_eq!(width.add(value, increment, Overflow::Fail).map(i128::from), fits.then_some(sum));
        }

        #[test]
        fn lengthening_adds_zeros(bytes in strings(), len in 0usize..2000) {
            let mut longer = bytes.clone();
            lengthen(&mut longer, len);
            prop_assert_eq!(longer.len(), len.max(bytes.len()));
            prop_assert_eq!(&longer[..bytes.len()], &bytes[..]);
            prop_assert!(longer[bytes.len()..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_number_far_below_a_narrow_type_saturates_above_as_in_redis() {
        let i8 = Width { signed: true, bits: 8 };
        assert_eq!(i8.add(i64::MIN, 0, Overflow::Saturate), Some(127));
        assert_eq!(i8.add(i64::MIN + 127, 0, Overflow::Saturate), Some(127));
        assert_eq!(i8.add(i64::MIN + 128, 0, Overflow::Saturate), Some(-128));
        let u8 = Width { signed: false, bits: 8 };
        assert_eq!(u8.add(-1, 0, Overflow::Saturate), Some(255));
        assert_eq!(u8.add(-1, 0, Overflow::Fail), None);
    }
}
