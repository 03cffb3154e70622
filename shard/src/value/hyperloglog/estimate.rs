//! Otmar Ertl's estimator, from how many registers have each rank. Every step is in the order in which Redis does it, so that
//! the results agree to the last digit.

use super::layout::{INDEX_BITS, REGISTERS};

/// The highest rank that a hash can have is one more.
const HASH_BITS: usize = 64 - INDEX_BITS as usize;

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers there are of each rank.
pub struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([0; 64])
    }
}

impl Histogram {
    /// Counts registers of a rank below 64.
    #[inline]
    pub fn add(&mut self, rank: u8, registers: u32) {
        let place = &mut self.0[usize::from(rank & 63)];
        *place = place.saturating_add(registers);
    }

    /// The estimated number of different elements.
    pub fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let mut z = m * tau((m - f64::from(self.0[HASH_BITS + 1])) / m);
        for rank in (1..=HASH_BITS).rev() {
            z += f64::from(self.0[rank]);
            z *= 0.5;
        }
        z += m * sigma(f64::from(self.0[0]) / m);
        let estimate = (ALPHA * m * m / z).round();
        // What C makes of a number that is too large for it.
        if estimate < (1u64 << 63) as f64 { estimate as u64 } else { 1 << 63 }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        let of = |counts: &[(u8, u32)]| {
            let mut histogram = Histogram::default();
            counts.iter().for_each(|(rank, registers)| histogram.add(*rank, *registers));
            histogram.estimate()
        };
        let all = REGISTERS as u32;
        assert_eq!(of(&[(0, all)]), 0);
        assert_eq!(of(&[(0, all - 1), (1, 1)]), 1);
        assert_eq!(of(&[(0, all - 3), (1, 1), (2, 1), (7, 1)]), 3);
        // All at the highest rank: without end.
        assert_eq!(of(&[(51, all)]), 1 << 63);
        assert!((23_000..24_000).contains(&of(&[(1, all)])));
    }
}
