//! Lookups: what a command sees at a key. One that is past its deadline is seen by nobody: it goes on the spot.

#![allow(unsafe_code)] // see `extend`

use super::{Unit, access};
use crate::event::class;
use crate::keyspace::{EntryMut, EntryRef, Str, Value, as_str};
use crate::value::dict::Dict;
use curfew_protocol::Error;

/// Fields that are due and that a lookup frees at once, itself: some tens of microseconds' work. More are left to the wheel.
const FIELDS_ASIDE: usize = 32;

impl Unit<'_> {
    /// The entry of `key` for a command that reads: counts a hit or a miss, and marks the access.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        // Counted as a hit first, since a found entry borrows the shard that has the counters.
        self.held.of(key).stats.hits += 1;
        let (now, settings, no_touch) = (self.now, self.settings, self.no_touch);
        if let Some(entry) = self.live(self.db, key) {
            if !no_touch {
                access::mark(entry, now, settings);
            }
            // SAFETY: as in `live`: nothing was changed since, and the other arm does not use the entry.
            return Some(unsafe { extend(entry) });
        }
        let db = self.db;
        let shard = self.held.of(key);
        shard.stats.hits -= 1;
        shard.stats.misses += 1;
        if !shard.gone.is_empty() {
            let hash = shard.db(db).hasher().hash(key);
            shard.stats.misses_expired += u64::from(shard.gone.has(db, hash));
        }
        self.event(class::KEY_MISS, "keymiss", key);
        None
    }

    /// The entry of `key` without any trace: for TYPE, OBJECT, TTL, EXISTS and for looking at a key again.
    pub fn peek(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.live(self.db, key)
    }

    /// The entry of `key` in another database, without any trace.
    pub fn peek_in(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        self.live(db, key)
    }

    /// Whether `key` exists, without any trace.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.live(self.db, key).is_some()
    }

    /// The entry of `key` for a command that changes it in place. Marks the access; the change is announced by the
    /// caller with [`Unit::changed`].
    pub fn write(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        let (now, settings, db) = (self.now, self.settings, self.db);
        self.live(db, key)?;
        let space = self.held.space_mut(db, key);
        let hash = space.hasher().hash(key);
        let entry = space.get_mut(hash, key)?;
        access::mark(entry.as_ref(), now, settings);
        Some(entry)
    }

    /// The string at `key` for a command that reads.
    #[inline]
    pub fn read_str(&mut self, key: &[u8]) -> Result<Option<Str<'_>>, Error> {
        self.read(key).map(as_str).transpose()
    }

    /// The string at `key`, without any trace: for commands that go on to change it.
    pub fn peek_str(&mut self, key: &[u8]) -> Result<Option<Str<'_>>, Error> {
        self.peek(key).map(as_str).transpose()
    }

    /// Asks the memory for what a lookup of `key` will touch first: its slot in the table.
    #[inline]
    pub fn prefetch_slot(&mut self, key: &[u8]) {
        let space = self.held.of(key).db(self.db);
        space.prefetch_slot(space.hasher().hash(key));
    }

    /// Asks the memory for the entry of `key`, whose slot was asked for before.
    #[inline]
    pub fn prefetch_entry(&mut self, key: &[u8]) {
        let space = self.held.of(key).db(self.db);
        space.prefetch_entry(space.hasher().hash(key));
    }

    /// The table of items of a large set, hash or sorted set, for prefetching alone: expired or not, and without any trace.
    #[inline]
    pub fn items(&mut self, key: &[u8]) -> Option<&Dict> {
        let space = self.held.of(key).db(self.db);
        match space.get(space.hasher().hash(key), key)?.value() {
            Value::Object(object) => object.items(),
            _ => None,
        }
    }

    /// The live entry of `key`; one that is found past its deadline is removed on the spot.
    #[inline]
    pub(super) fn live(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.held.of(key).db(db).hasher().hash(key);
        self.live_at(db, hash, key)
    }

    /// The same with the key's hash.
    #[inline]
    pub(super) fn live_at(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        let now = self.now.ms;
        let entry = self.held.of(key).db(db).get(hash, key)?;
        if let Some(deadline) = entry.deadline()
            && now > deadline
        {
            self.expire(db, key, deadline);
            return None;
        }
        if let Some(due) = entry.fields_due()
            && now > due
        {
            self.expire_fields(db, key, FIELDS_ASIDE, false);
            return self.live(db, key);
        }
        // SAFETY: the borrow of `self` is ours to give out, and nothing was changed since `get`.
        Some(unsafe { extend(entry) })
    }
}

/// Gives an entry the lifetime that the caller's signature promises.
///
/// # Safety
/// The entry stems from a borrow that the caller holds for all of `'a`, and the keyspace is not changed meanwhile. Needed
/// because the borrow checker of today rejects returning a borrow on one path only when the other path changes what was
/// borrowed; its successor Polonius accepts it.
#[inline]
unsafe fn extend<'a>(entry: EntryRef<'_>) -> EntryRef<'a> {
    // SAFETY: only the lifetime changes; the caller vouches for it.
    unsafe { std::mem::transmute::<EntryRef<'_>, EntryRef<'a>>(entry) }
}
