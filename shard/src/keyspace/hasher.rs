//! The hash of a key.

use std::hash::Hasher as _;

/// Hashes keys, with a secret seed so that nobody can choose keys that collide. All keyspaces of a process share one.
#[derive(Clone, Debug)]
pub struct Hasher {
    shared: foldhash::SharedSeed,
    seed: u64,
}

impl Hasher {
    /// The hasher of this seed.
    pub fn new(seed: u64) -> Self {
        Hasher { shared: foldhash::SharedSeed::from_u64(seed), seed: seed.rotate_left(32) ^ 0x243F_6A88_85A3_08D3 }
    }

    /// The hash of a key; all 64 bits are well mixed. Some nanoseconds for short keys.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = foldhash::quality::FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(key);
        hasher.finish()
    }
}
