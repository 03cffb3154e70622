//! The keys that have expired lately: what tells a miss because of expiry from other misses.
//!
//! A table of fingerprints, each at the place that the key's hash says, the last one to come stays. 32 KiB for each
//! shard, from the first expiry on. **Approximate**: a key is forgotten when another one expires to its place (with 8192 places,
//! half of the last 5,700), and one read in 8,192 times 2^32 is taken for a key that it is not. A key that is deleted
//! by a command is forgotten, since it is for that reason that it is missing.

/// Places in the table: a power of two.
const PLACES: usize = 8192;

/// See the module's documentation.
#[derive(Default)]
pub struct Gone {
    /// Empty until the first key expires; 0: nothing at this place.
    prints: Vec<u32>,
}

impl Gone {
    /// Remembers a key of `db` by its hash. O(1).
    pub fn note(&mut self, db: usize, hash: u64) {
        if self.prints.is_empty() {
            self.prints = vec![0; PLACES];
        }
        let (place, print) = place(db, hash);
        self.prints[place] = print;
    }

    /// Whether no key has ever expired: then there is no need for a hash.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    /// Whether a key has expired lately. O(1).
    pub fn has(&self, db: usize, hash: u64) -> bool {
        let (place, print) = place(db, hash);
        self.prints.get(place) == Some(&print)
    }

    /// Forgets a key. O(1).
    pub fn forget(&mut self, db: usize, hash: u64) {
        if self.has(db, hash) {
            self.prints[place(db, hash).0] = 0;
        }
    }
}

fn place(db: usize, hash: u64) -> (usize, u32) {
    let mixed = hash ^ (db as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed as usize % PLACES, (mixed >> 32) as u32 | 1)
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    fn misses(world: &World) -> (u64, u64) {
        let sum = |of: fn(&crate::shard::Stats) -> u64| world.shards.iter().map(|shard| of(&shard.stats)).sum();
        (sum(|stats| stats.misses), sum(|stats| stats.misses_expired))
    }

    #[test]
    fn misses_because_of_expiry_are_told_from_others() {
        let mut world = World::new(2);
        world.run("get never");
        assert_eq!(misses(&world), (1, 0), "before anything expired");
        world.run("set looked-at v px 10");
        world.run("set swept v px 10");
        world.run("set back v px 10");
        world.pass(11);
        world.run("get looked-at");
        assert_eq!(misses(&world), (2, 1), "expired by the lookup itself");
        world.expire();
        world.run("get swept");
        world.run("get swept");
        assert_eq!(misses(&world), (4, 3), "expired by the wheel");
        world.run("get never");
        assert_eq!(misses(&world), (5, 3));
        world.run("set back v");
        world.run("get back");
        world.run("del back");
        world.run("get back");
        assert_eq!(misses(&world), (6, 3), "deleted since");
        world.db = 1;
        world.run("get swept");
        assert_eq!(misses(&world), (7, 3), "of another database");
    }
}
