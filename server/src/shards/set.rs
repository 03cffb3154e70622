//! Sets of shards.

/// A set of shards. There are at most 64.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct ShardSet(u64);

impl ShardSet {
    /// All of `shards`.
    pub fn all(shards: usize) -> ShardSet {
        ShardSet(u64::MAX >> (64 - shards))
    }

    /// One alone.
    pub fn one(shard: usize) -> ShardSet {
        ShardSet(1 << shard)
    }

    /// The shards whose bits are set.
    pub fn of_bits(bits: u64) -> ShardSet {
        ShardSet(bits)
    }

    /// These shards.
    pub fn of(shards: impl Iterator<Item = usize>) -> ShardSet {
        ShardSet(shards.fold(0, |bits, shard| bits | 1 << shard))
    }

    /// Adds a shard.
    pub fn add(&mut self, shard: usize) {
        self.0 |= 1 << shard;
    }

    /// Adds those of another set.
    pub fn join(&mut self, other: ShardSet) {
        self.0 |= other.0;
    }

    /// Those that are not in another set.
    pub fn without(self, other: ShardSet) -> ShardSet {
        ShardSet(self.0 & !other.0)
    }

    /// The shards in ascending order: the order in which they are held, so that no two units wait for each other.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let shard = (bits != 0).then(|| bits.trailing_zeros() as usize);
            bits &= bits.wrapping_sub(1);
            shard
        })
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the shard is among them.
    pub fn contains(self, shard: usize) -> bool {
        self.0 >> shard & 1 == 1
    }

    /// The only one, if there is exactly one.
    pub fn only(self) -> Option<u16> {
        (self.len() == 1).then(|| self.0.trailing_zeros() as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_shards() {
        assert_eq!(ShardSet::all(64).len(), 64);
        let mut set = ShardSet::default();
        set.add(63);
        set.add(0);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63]);
        assert!(set.contains(63) && !set.contains(1));
    }
}
