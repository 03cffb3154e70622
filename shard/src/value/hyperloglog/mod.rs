//! HyperLogLog: about how many different elements there were, in at most 12 KiB. The values are strings in exactly Redis's
//! form, so GET, DUMP and replication carry them between servers.
//!
//! ```text
//! +------+----------+---------+---------------------------+-----------
//! | HYLL | encoding | 3 zeros | cached count, u64 LE      | registers
//! +------+----------+---------+---------------------------+-----------
//! ```
//!
//! The top bit of the cached count says that it is out of date. An element's hash chooses one of 16384 registers by its low
//! 14 bits; the register keeps the largest number of zeros in a row at the low end of the rest, plus one. Dense registers
//! are 6 bits each, lowest bits first ([`dense`]); sparse ones are runs ([`sparse`]). Both estimates and hashes are those of
//! Redis 8.0 (`hyperloglog.c`; Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
//! arXiv:1702.01284; MurmurHash64A).

pub mod dense;
mod estimate;
mod layout;
pub mod sparse;

pub use estimate::Histogram;
pub use layout::{Corrupted, DENSE_BYTES, Encoding, HEADER, REGISTERS, encoding};

use layout::{COUNT_AT, ENCODING_AT, INDEX_BITS, MAGIC};

/// In the last byte of the cached count.
const STALE: u8 = 0x80;
/// Redis's own, so that the registers are the same.
const SEED: u64 = 0xadc8_3b19;

/// An empty one: sparse.
pub fn create() -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING_AT] = 1;
    sparse::push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// The cached count, if it is up to date.
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(*bytes.get(COUNT_AT..)?.first_chunk()?);
    (count >> 63 == 0).then_some(count)
}

/// Caches a count.
pub fn cache(bytes: &mut [u8], count: u64) {
    if let Some(place) = bytes.get_mut(COUNT_AT..HEADER) {
        place.copy_from_slice(&count.to_le_bytes());
    }
}

/// Says that the cached count is out of date.
pub fn invalidate(bytes: &mut [u8]) {
    if let Some(last) = bytes.get_mut(HEADER - 1) {
        *last |= STALE;
    }
}

/// Adds an element; true if a register has changed. One that does not fit in `sparse_max` bytes becomes dense. The cached
/// count is left to the caller. O(1) for a dense one, otherwise O(length).
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Corrupted> {
    let (index, rank) = place(element);
    set(bytes, index, rank, sparse_max)
}

/// Raises a register to `rank`; true if it was lower. See [`add`].
pub fn set(bytes: &mut Vec<u8>, index: usize, rank: u8, sparse_max: usize) -> Result<bool, Corrupted> {
    if encoding(bytes) == Some(Encoding::Dense) {
        return Ok(dense::raise(&mut bytes[HEADER..], index, rank));
    }
    if let Some(has_changed) = sparse::raise(bytes, index, rank, sparse_max)? {
        return Ok(has_changed);
    }
    make_dense(bytes)?;
    Ok(dense::raise(&mut bytes[HEADER..], index, rank))
}

/// Makes a sparse one dense. The header stays as it is otherwise.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupted> {
    if encoding(bytes) == Some(Encoding::Dense) {
        return Ok(());
    }
    let mut ranks = vec![0; REGISTERS];
    merge(&mut ranks, bytes)?;
    *bytes = from_ranks(bytes, &ranks);
    Ok(())
}

/// A dense one of these registers, with the header of another.
pub fn from_ranks(header: &[u8], ranks: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(DENSE_BYTES);
    bytes.extend_from_slice(&header[..HEADER]);
    bytes[ENCODING_AT] = 0;
    dense::pack(&mut bytes, ranks);
    bytes
}

/// Raises each of the `REGISTERS` ranks to that of a HyperLogLog. On an error some may have been raised.
pub fn merge(ranks: &mut [u8], bytes: &[u8]) -> Result<(), Corrupted> {
    let registers = bytes.get(HEADER..).unwrap_or_default();
    if encoding(bytes) == Some(Encoding::Dense) {
        dense::ranks(registers).zip(ranks).for_each(|(rank, max)| *max = rank.max(*max));
        return Ok(());
    }
    let mut at = 0;
    for run in sparse::runs(registers) {
        let end = at + run.len;
        if run.rank > 0 {
            let covered = ranks.get_mut(at..end).ok_or(Corrupted)?;
            covered.iter_mut().for_each(|max| *max = run.rank.max(*max));
        }
        at = end;
    }
    if at == REGISTERS { Ok(()) } else { Err(Corrupted) }
}

/// The estimate for a HyperLogLog, whatever is cached.
pub fn count(bytes: &[u8]) -> Result<u64, Corrupted> {
    let registers = bytes.get(HEADER..).unwrap_or_default();
    let mut histogram = Histogram::default();
    if encoding(bytes) == Some(Encoding::Dense) {
        dense::ranks(registers).for_each(|rank| histogram.add(rank, 1));
        return Ok(histogram.estimate());
    }
    let mut covered = 0usize;
    for run in sparse::runs(registers) {
        histogram.add(run.rank, run.len as u32);
        covered += run.len;
    }
    if covered == REGISTERS { Ok(histogram.estimate()) } else { Err(Corrupted) }
}

/// The estimate for `REGISTERS` ranks.
pub fn count_ranks(ranks: &[u8]) -> u64 {
    let mut histogram = Histogram::default();
    ranks.iter().for_each(|rank| histogram.add(*rank, 1));
    histogram.estimate()
}

/// The register of an element, and its rank: 1 to 51.
pub fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element, SEED);
    // The bit that is set makes sure that there is one.
    let rest = hash >> INDEX_BITS | 1 << (64 - INDEX_BITS);
    (hash as usize & (REGISTERS - 1), rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A by Austin Appleby (public domain), as on little-endian machines.
fn murmur(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> R;
        hash = (hash ^ word.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(elements: impl Iterator<Item = String>, sparse_max: usize) -> Vec<u8> {
        let mut bytes = create();
        for element in elements {
            add(&mut bytes, element.as_bytes(), sparse_max).expect("not corrupted");
        }
        bytes
    }

    #[test]
    fn an_empty_one() {
        let bytes = create();
        assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
        assert_eq!((encoding(&bytes), cached(&bytes), count(&bytes)), (Some(Encoding::Sparse), Some(0), Ok(0)));
    }

    #[test]
    fn what_is_no_hyperloglog() {
        let dense = from_ranks(&create(), &[0; REGISTERS]);
        assert_eq!(encoding(&dense), Some(Encoding::Dense));
        let bad: [&[u8]; 5] =
            [b"", b"HYLL", b"HYLM\x01\0\0\0\0\0\0\0\0\0\0\0", &dense[..100], b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0"];
        bad.iter().for_each(|bytes| assert_eq!(encoding(bytes), None));
    }

    #[test]
    fn the_cached_count() {
        let mut bytes = create();
        cache(&mut bytes, 0x0102_0304_0506_0708);
        assert_eq!(cached(&bytes), Some(0x0102_0304_0506_0708));
        invalidate(&mut bytes);
        assert_eq!(cached(&bytes), None);
        assert_eq!(bytes[8..16], [8, 7, 6, 5, 4, 3, 2, 0x81]);
    }

    #[test]
    fn runs_that_do_not_cover_all_registers_are_found() {
        for runs in [&b""[..], b"\x7f\xfe", b"\x7f\xff\x00", b"\x7f\xff\x80", b"\x80", b"\x7f\xfe\x81"] {
            let mut bytes = [&create()[..HEADER], runs].concat();
            assert_eq!(encoding(&bytes), Some(Encoding::Sparse));
            assert_eq!(count(&bytes), Err(Corrupted));
            assert_eq!(merge(&mut [0; REGISTERS], &bytes), Err(Corrupted));
            assert_eq!(make_dense(&mut bytes), Err(Corrupted));
            // Some of these are found only where the register would be.
            for index in [0, REGISTERS - 1] {
                let _ = set(&mut bytes.clone(), index, 1, 3000);
                let _ = set(&mut bytes.clone(), index, 40, 3000);
            }
        }
    }

    #[test]
    fn estimates_are_close() {
        for count_of in [1u64, 10, 100, 1_000, 20_000, 300_000] {
            let bytes = with((0..count_of).map(|i| i.to_string()), 3000);
            let estimate = count(&bytes).expect("not corrupted");
            assert!(estimate.abs_diff(count_of) * 25 <= count_of, "{estimate} for {count_of}");
        }
    }

    proptest! {
        #[test]
        fn sparse_and_dense_say_the_same(
            seeds in proptest::collection::vec(0u32..5_000, 0..600),
            raised in proptest::collection::vec((0usize..200, 1u8..52), 0..100),
            sparse_max in 0usize..1500,
        ) {
            let (mut sparse, mut dense) = (create(), create());
            make_dense(&mut dense).expect("not corrupted");
            let mut model = vec![0; REGISTERS];
            let places = seeds.iter().map(|seed| place(&seed.to_le_bytes())).chain(raised);
            for (index, rank) in places {
                let changes = model[index] < rank;
                prop_assert_eq!(set(&mut sparse, index, rank, sparse_max), Ok(changes));
                prop_assert_eq!(set(&mut dense, index, rank, sparse_max), Ok(changes));
                model[index] = rank.max(model[index]);
                prop_assert!(encoding(&sparse) == Some(Encoding::Dense) || sparse.len() <= sparse_max.max(18));
            }
            prop_assert_eq!(count(&sparse), Ok(count_ranks(&model)));
            prop_assert_eq!(count(&dense), Ok(count_ranks(&model)));
            let mut merged = vec![0; REGISTERS];
            merge(&mut merged, &sparse).expect("not corrupted");
            prop_assert_eq!(&merged, &model);
            make_dense(&mut sparse).expect("not corrupted");
            prop_assert_eq!(&sparse, &dense);
            prop_assert_eq!(from_ranks(&dense, &model), dense);
        }
    }
}
