//! WATCH: who wants to know that a key has changed.
//!
//! A watching client holds one [`Flag`] for all its watched keys; each shard maps its watched keys to the flags. Anything
//! that changes a key raises the flags, and EXEC, which holds the shards of all its watched keys, reads its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised when a watched key changes. Written by whoever holds the shard, read by the client's EXEC under the same hold;
/// the hold orders the two, so relaxed accesses suffice.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether a watched key has changed.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says that a watched key has changed.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is(&self, other: &Flag) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The watched keys of one shard, by database and key.
#[derive(Default, Debug)]
pub struct Watchers {
    by_db: Vec<HashMap<Box<[u8]>, Vec<Flag>>>,
    /// Watched keys over all databases: lets [`Watchers::changed`] return at once when nobody watches.
    keys: usize,
}

impl Watchers {
    /// Starts to watch; watching twice is watching once.
    pub fn add(&mut self, db: usize, key: &[u8], flag: &Flag) {
        if self.by_db.len() <= db {
            self.by_db.resize_with(db + 1, HashMap::new);
        }
        let flags = self.by_db[db].entry(key.into()).or_insert_with(|| {
            self.keys += 1;
            Vec::new()
        });
        if !flags.iter().any(|known| known.is(flag)) {
            flags.push(flag.clone());
        }
    }

    /// Stops watching.
    pub fn remove(&mut self, db: usize, key: &[u8], flag: &Flag) {
        let Some(watched) = self.by_db.get_mut(db) else { return };
        if let Some(flags) = watched.get_mut(key) {
            flags.retain(|known| !known.is(flag));
            if flags.is_empty() {
                watched.remove(key);
                self.keys -= 1;
            }
        }
    }

    /// Tells the watchers of a key that it has changed.
    #[inline]
    pub fn changed(&self, db: usize, key: &[u8]) {
        if self.keys > 0
            && let Some(flags) = self.by_db.get(db).and_then(|watched| watched.get(key))
        {
            flags.iter().for_each(Flag::raise);
        }
    }

    /// The watched keys of a database with their watchers: FLUSHDB and SWAPDB go through them.
    pub fn of_db(&self, db: usize) -> impl Iterator<Item = (&[u8], &[Flag])> {
        self.by_db.get(db).into_iter().flatten().map(|(key, flags)| (&**key, flags.as_slice()))
    }

    /// The number of watched keys.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// True if no key is watched.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_watchers_of_the_key_are_told() {
        let (mut watchers, a, b) = (Watchers::default(), Flag::default(), Flag::default());
        watchers.add(0, b"k", &a);
        watchers.add(0, b"k", &a);
        watchers.add(1, b"k", &b);
        assert_eq!(watchers.len(), 2);
        watchers.changed(0, b"other");
        assert!(!a.is_raised());
        watchers.changed(0, b"k");
        assert!(a.is_raised() && !b.is_raised());
        watchers.remove(0, b"k", &a);
        watchers.remove(1, b"k", &b);
        assert!(watchers.is_empty());
    }
}
