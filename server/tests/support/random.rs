//! Random numbers from a seed, the same on every machine and in every version (SplitMix64).
//!
//! A run of the tests takes the same numbers everywhere; `make fuzz` gives it others by `CURFEW_SEED`.

/// The seed of this run: 0, or what `CURFEW_SEED` says. Then it is written to the output, which a failure shows.
pub fn seed() -> u64 {
    let Ok(text) = std::env::var("CURFEW_SEED") else { return 0 };
    println!("CURFEW_SEED={text}");
    text.parse().expect("CURFEW_SEED is a number")
}

/// A generator; equal seeds give equal sequences for ever, so a printed seed repeats a failure.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// One of the sequences of this run, which has one for each number.
    pub fn of(number: u64) -> Self {
        Self::new(seed().wrapping_add(number))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// `length` random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}
