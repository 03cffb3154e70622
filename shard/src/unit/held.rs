//! The shards that a unit holds.

use crate::keyspace::Keyspace;
use crate::shard::Shard;
use crate::slots::shard_of;

/// Exclusive access to shards, for the time of a unit.
pub enum Held<'u> {
    /// One shard. All keys of the unit are known to live on it.
    One(&'u mut Shard),
    /// Several of all shards, each at its index; None for those that are not held.
    Many(Vec<Option<&'u mut Shard>>),
}

impl Held<'_> {
    /// Places to look for held shards.
    pub(super) fn len(&self) -> usize {
        match self {
            Held::One(_) => 1,
            Held::Many(shards) => shards.len(),
        }
    }

    #[inline]
    pub(super) fn of(&mut self, key: &[u8]) -> &mut Shard {
        match self {
            Held::One(shard) => shard,
            Held::Many(shards) => {
                let index = shard_of(key, shards.len());
                // The router holds the shards of all keys of a command before it runs; a key elsewhere is a broken
                // invariant, and going on would answer from the wrong data.
                shards[index].as_deref_mut().expect("the shard of every key of a unit is held")
            }
        }
    }

    /// The database `db` of the shard of `key`. A function of the held shards alone, so that callers keep their other fields.
    #[inline]
    pub(super) fn space_mut(&mut self, db: usize, key: &[u8]) -> &mut Keyspace {
        self.of(key).db_mut(db)
    }
}
