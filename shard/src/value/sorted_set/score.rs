//! A score in up to eight bytes: what stands beside a member in the dictionary of a large sorted set.
//!
//! - none: 0
//! - 1 to 4, 6, 7: a whole number, lower byte first; 3 bytes are enough for eight millions, 6 for milliseconds since 1970
//! - 5: the upper 40 bits of the double, the others being 0: halves, quarters, single precision
//! - 8: the bits of the double
//!
//! The shortest is taken, and every double comes back to the bit.

use std::ops::Deref;

/// A score, written. Dereferences to its bytes.
pub(super) struct Short {
    bytes: [u8; 8],
    len: usize,
}

impl Short {
    /// Writes a score.
    #[inline]
    pub(super) fn of(score: f64) -> Short {
        let (int, bits) = (score as i64, score.to_bits());
        if (int as f64).to_bits() == bits {
            // The bits that are not all the same, and one that says which.
            let magnitude = (int ^ (int >> 63)) as u64;
            let len = if int == 0 { 0 } else { (u64::BITS - magnitude.leading_zeros()) as usize / 8 + 1 };
            if len != 5 && len < 8 {
                return Short { bytes: int.to_le_bytes(), len };
            }
            if len == 5 {
                return Short { bytes: int.to_le_bytes(), len: 6 };
            }
        }
        if bits << 40 == 0 {
            return Short { bytes: (bits >> 24).to_le_bytes(), len: 5 };
        }
        Short { bytes: bits.to_le_bytes(), len: 8 }
    }
}

impl Deref for Short {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Reads a score.
#[inline]
pub(super) fn read(bytes: &[u8]) -> f64 {
    // Signs are in the last byte.
    let int = |bits: u64, unused: u32| ((bits << unused) as i64 >> unused) as f64;
    match *bytes {
        [] => 0.0,
        [a] => f64::from(a as i8),
        [a, b] => f64::from(i16::from_le_bytes([a, b])),
        [a, b, c] => int(u64::from(u32::from_le_bytes([a, b, c, 0])), 40),
        [a, b, c, d] => f64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e] => f64::from_bits(u64::from_le_bytes([0, 0, 0, a, b, c, d, e])),
        [a, b, c, d, e, f] => int(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), 16),
        [a, b, c, d, e, f, g] => int(u64::from_le_bytes([a, b, c, d, e, f, g, 0]), 8),
        [a, b, c, d, e, f, g, h, ..] => f64::from_bits(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_short_as_can_be() {
        let lengths = [
            (0.0, 0),
            (-0.0, 5),
            (1.0, 1),
            (-128.0, 1),
            (127.0, 1),
            (128.0, 2),
            (999_999.0, 3),
            (8_388_607.0, 3),
            (-8_388_608.0, 3),
            (8_388_608.0, 4),
            (1_760_000_000.0, 4),
            (4_294_967_296.0, 6),
            (1_760_000_000_000.0, 6),
            (9_007_199_254_740_992.0, 7),
            (0.5, 5),
            (-12.25, 5),
            (0.1, 8),
            (f64::INFINITY, 5),
            (f64::MIN_POSITIVE, 5),
            (5e-324, 8),
            (1e300, 8),
        ];
        for (score, len) in lengths {
            let short = Short::of(score);
            assert_eq!(short.len(), len, "{score}");
            assert_eq!(read(&short).to_bits(), score.to_bits(), "{score}");
        }
    }

    proptest! {
        #[test]
        fn every_score_comes_back(bits in any::<u64>(), int in any::<i64>(), shift in 0u32..64) {
            for score in [f64::from_bits(bits), f64::from_bits(bits << shift), (int >> shift) as f64] {
                prop_assert_eq!(read(&Short::of(score)).to_bits(), score.to_bits());
            }
        }
    }
}
