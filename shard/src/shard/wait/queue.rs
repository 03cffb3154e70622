//! The queues of one shard: who waits for which key, in the order of arrival.

use super::waiter::Waiter;
use crate::slots::shard_of;
use foldhash::quality::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Maps with more room than this are given back when nobody waits any more.
const KEEP_MAX: usize = 1024;

/// The keys of one shard that somebody waits for, by database. A key is there exactly as long as its queue is not empty.
#[derive(Default)]
pub struct Waiting {
    by_db: Vec<HashMap<Box<[u8]>, Queue, RandomState>>,
    keys: usize,
    keys_told_of_loss: usize,
}

/// Who waits for one key, by arrival. A tree, so that leaving from the middle is quick, however many there are.
#[derive(Default)]
struct Queue {
    waiters: BTreeMap<u64, Arc<Waiter>>,
    /// Those who are told when the key goes.
    told_of_loss: usize,
}

impl Waiting {
    /// Whether anybody waits for `key`. One comparison where nobody waits for any.
    #[inline]
    pub fn has(&self, db: usize, key: &[u8]) -> bool {
        self.keys > 0 && self.by_db.get(db).is_some_and(|keys| keys.contains_key(key))
    }

    /// How many keys somebody waits for.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Those of them with somebody who is told when the key goes.
    pub fn len_told_of_loss(&self) -> usize {
        self.keys_told_of_loss
    }

    /// The keys of a database that somebody waits for, in no order.
    pub fn of_db(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        self.by_db.get(db).into_iter().flat_map(HashMap::keys).map(|key| &**key)
    }

    /// The first after `after` who may be served, now that `key` exists or not: most cannot while it does not, and are not
    /// even looked at.
    pub fn next(&self, db: usize, key: &[u8], after: u64, exists: bool) -> Option<Arc<Waiter>> {
        let queue = self.by_db.get(db)?.get(key)?;
        if !exists && queue.told_of_loss == 0 {
            return None;
        }
        let mut rest = queue.waiters.range((Excluded(after), Unbounded));
        rest.find(|(_, waiter)| exists || waiter.is_told_of_loss).map(|(_, waiter)| waiter.clone())
    }

    /// Enters a waiter for those of its keys that are on this shard, which is the one at `index` of `shards`.
    pub fn enter(&mut self, waiter: &Arc<Waiter>, index: usize, shards: usize) {
        for key in waiter.wait.keys.iter().filter(|key| shard_of(key, shards) == index) {
            self.add(key, waiter);
        }
        waiter.queued.fetch_or(1 << index, Relaxed);
    }

    /// Takes a waiter out of the queues of this shard, which is the one at `index` of `shards`. False if it is in none.
    pub fn leave(&mut self, waiter: &Waiter, index: usize, shards: usize) -> bool {
        let bit = 1 << index;
        if waiter.queued.fetch_and(!bit, Relaxed) & bit == 0 {
            return false;
        }
        for key in waiter.wait.keys.iter().filter(|key| shard_of(key, shards) == index) {
            self.remove(key, waiter);
        }
        true
    }

    /// Enters a waiter for one key; twice is once.
    fn add(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let db = waiter.client.db;
        if self.by_db.len() <= db {
            self.by_db.resize_with(db + 1, HashMap::default);
        }
        let keys = &mut self.keys;
        let queue = self.by_db[db].entry(key.into()).or_insert_with(|| {
            *keys += 1;
            Queue::default()
        });
        if queue.waiters.insert(waiter.id, waiter.clone()).is_none() && waiter.is_told_of_loss {
            queue.told_of_loss += 1;
            self.keys_told_of_loss += usize::from(queue.told_of_loss == 1);
        }
    }

    /// Takes a waiter out of the queue of one key.
    fn remove(&mut self, key: &[u8], waiter: &Waiter) {
        let Some(keys) = self.by_db.get_mut(waiter.client.db) else { return };
        let Some(queue) = keys.get_mut(key) else { return };
        if queue.waiters.remove(&waiter.id).is_some() && waiter.is_told_of_loss {
            queue.told_of_loss -= 1;
            self.keys_told_of_loss -= usize::from(queue.told_of_loss == 0);
        }
        if queue.waiters.is_empty() {
            keys.remove(key);
            self.keys -= 1;
            if keys.is_empty() && keys.capacity() > KEEP_MAX {
                *keys = HashMap::default();
            }
        }
    }
}
