//! Changes: what a command does to a key. Each is followed by [`Unit::changed`], which tells the watchers, the subscribers and
//! those who wait, and leaves an effect ([`Unit::effect`]).

use super::sink::{Effect, Garbage};
use super::{Unit, access};
use crate::event::class;
use crate::keyspace::{Deadline, Keyspace, NewValue, Removed, Taken, TakenValue};
use crate::value::kind::Type;
use curfew_protocol::args::OwnedArgs;

/// Values with more on the heap than this are freed in the background. Below, freeing costs less than handing over.
const LARGE_BYTES: usize = 64 * 1024;

impl Unit<'_> {
    /// Makes `key` hold `value`, whatever it held. Announces `new` where the key is new (class `n`).
    pub fn put(&mut self, key: &[u8], kind: Type, value: NewValue<'_>, deadline: Deadline) {
        self.put_in(self.db, key, kind, value, deadline);
    }

    /// The same in another database.
    pub fn put_in(&mut self, db: usize, key: &[u8], kind: Type, value: NewValue<'_>, deadline: Deadline) {
        // A deadline to be kept must not be that of a key that is gone; and who is new must be known before.
        let look = deadline == Deadline::Keep || self.is_told(class::NEW) || self.keeps_values();
        let is_new = look && self.live(db, key).is_none();
        let lru = access::fresh(self.now, self.settings);
        let now = self.now.ms;
        let shard = self.held.of(key);
        if let Deadline::At(deadline) = deadline {
            shard.soonest = shard.soonest.min(deadline);
        }
        let space = shard.db_mut(db);
        space.set_now(now);
        let hash = space.hasher().hash(key);
        let removed = space.put(hash, key, kind, value, deadline, lru);
        match removed.as_ref().and_then(|removed| removed.deadline) {
            // What was overwritten was gone already: it goes with its own effect and event (trap 22).
            Some(deadline) if now > deadline => self.expired(db, key, deadline),
            _ => {}
        }
        self.discard(removed);
        if is_new {
            self.event_in(db, class::NEW, "new", key);
        }
    }

    /// Makes `key` hold a string.
    #[inline]
    pub fn put_str(&mut self, key: &[u8], value: NewValue<'_>, deadline: Deadline) {
        self.put(key, Type::String, value, deadline);
    }

    /// The growable buffer of the string at `key`, which exists and is a string (None otherwise). Keeps the deadline.
    pub fn grow(&mut self, key: &[u8]) -> Option<&mut Vec<u8>> {
        let db = self.db;
        let space = self.held.space_mut(db, key);
        let hash = space.hasher().hash(key);
        space.raw_mut(hash, key)
    }

    /// Sets or removes the deadline of `key`; false without such a key.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<i64>) -> bool {
        let (db, now) = (self.db, self.now.ms);
        let shard = self.held.of(key);
        shard.soonest = shard.soonest.min(deadline.unwrap_or(i64::MAX));
        let space = shard.db_mut(db);
        space.set_now(now);
        let hash = space.hasher().hash(key);
        space.set_deadline(hash, key, deadline)
    }

    /// Removes `key`, if it is there and alive.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let db = self.db;
        if self.live(db, key).is_none() {
            return false;
        }
        self.remove_present(db, key);
        let shard = self.held.of(key);
        if !shard.gone.is_empty() {
            let hash = shard.db(db).hasher().hash(key);
            shard.gone.forget(db, hash);
        }
        true
    }

    /// Removes `key` and hands out what it held: for RENAME and MOVE, which put it back elsewhere.
    pub fn take(&mut self, key: &[u8]) -> Option<Taken> {
        let db = self.db;
        self.live(db, key)?;
        let space = self.held.space_mut(db, key);
        let hash = space.hasher().hash(key);
        space.take(hash, key)
    }

    /// Puts what [`Unit::take`] gave at `key` of `db`: value, deadline and access bits as they were.
    pub fn put_back(&mut self, db: usize, key: &[u8], taken: Taken) {
        let is_new = self.is_told(class::NEW) && self.live(db, key).is_none();
        let now = self.now.ms;
        let shard = self.held.of(key);
        shard.soonest = shard.soonest.min(taken.soonest().unwrap_or(i64::MAX));
        let space = shard.db_mut(db);
        space.set_now(now);
        let hash = space.hasher().hash(key);
        let bytes;
        let value = match taken.value {
            TakenValue::Int(number) => NewValue::Int(number),
            TakenValue::Object(object) => NewValue::Object(object),
            TakenValue::Bytes(taken) => {
                bytes = taken;
                NewValue::Bytes(&bytes)
            }
        };
        let deadline = taken.deadline.map_or(Deadline::Clear, Deadline::At);
        let removed = space.put(hash, key, taken.kind, value, deadline, taken.lru);
        if taken.raw
            && let Some(mut entry) = space.get_mut(hash, key)
        {
            entry.set_raw(true);
        }
        self.discard(removed);
        if is_new {
            self.event_in(db, class::NEW, "new", key);
        }
    }

    /// Hands a large value or database to whoever frees in the background.
    pub fn discard_keyspace(&mut self, keyspace: Keyspace) {
        if keyspace.needs_slow_drop() {
            self.sink.garbage.push(Garbage::Keyspace(Box::new(keyspace)));
        }
    }

    // ---- what is told of a change ---------------------------------------------------------------------------------------

    /// Announces a change of `key`: raises the flags of its watchers, and keeps the event for the unit's end.
    #[inline]
    pub fn changed(&mut self, key: &[u8], class: u32, name: &'static str) {
        self.changed_in(self.db, key, class, name);
    }

    /// The same in another database.
    #[inline]
    pub fn changed_in(&mut self, db: usize, key: &[u8], class: u32, name: &'static str) {
        self.touched(db, key);
        self.event_in(db, class, name, key);
    }

    /// Those who wait for `key` look at it again: for changes that are none to its watchers (XGROUP DESTROY).
    #[inline]
    pub fn signal(&mut self, db: usize, key: &[u8]) {
        if self.held.of(key).waiting.has(db, key) {
            self.sink.ready.push((db, key.into()));
        }
    }

    /// An event without a change of the key (or of one that `changed` has announced already: SET's `expire`).
    #[inline]
    pub fn event(&mut self, class: u32, name: &'static str, key: &[u8]) {
        self.event_in(self.db, class, name, key);
    }

    /// The same in another database.
    #[inline]
    pub fn event_in(&mut self, db: usize, class: u32, name: &'static str, key: &[u8]) {
        if self.is_told(class) {
            self.tell(db, class, name, key, None);
        }
    }

    /// Leaves an effect on the shard of `key`: a command that makes the same change again, deterministically.
    #[inline]
    pub fn effect<'a>(&mut self, key: &[u8], args: impl IntoIterator<Item = &'a [u8]>) {
        self.effect_in(self.db, key, args);
    }

    /// The same in another database.
    #[inline]
    pub fn effect_in<'a>(&mut self, db: usize, key: &[u8], args: impl IntoIterator<Item = &'a [u8]>) {
        let args = self.sink.journal.then(|| {
            let mut owned = OwnedArgs::default();
            args.into_iter().for_each(|arg| owned.push(arg));
            owned
        });
        self.leave_effect(db, key, args);
    }

    /// An effect on a shard as a whole (FLUSHDB, SWAPDB).
    pub fn effect_on_shard(&mut self, shard: u16, args: &[&[u8]]) {
        self.sink.changes += 1;
        if self.sink.journal {
            self.sink.effects.push(Effect { shard, db: self.db as u32, args: OwnedArgs::from_slices(args) });
        }
    }

    // ---- below ----------------------------------------------------------------------------------------------------------

    pub(super) fn remove_present(&mut self, db: usize, key: &[u8]) {
        if self.keeps_values() {
            self.remember_value(db, key);
        }
        let space = self.held.space_mut(db, key);
        let hash = space.hasher().hash(key);
        let removed = space.remove(hash, key);
        self.discard(removed);
    }

    /// Small values are dropped here, large ones where nobody waits for it.
    pub(super) fn discard(&mut self, removed: Option<Removed>) {
        if let Some(object) = removed.and_then(|removed| removed.object)
            && object.heap_bytes() > LARGE_BYTES
        {
            self.sink.garbage.push(Garbage::Object(object));
        }
    }

    /// Watchers and those who wait hear of a change of `key`.
    #[inline]
    pub(super) fn touched(&mut self, db: usize, key: &[u8]) {
        self.held.of(key).watchers.changed(db, key);
        self.signal(db, key);
    }

    /// An effect on the shard of `key` whose arguments have been put together, if effects are kept.
    #[inline]
    pub(super) fn leave_effect(&mut self, db: usize, key: &[u8], args: Option<OwnedArgs>) {
        self.sink.changes += 1;
        if let Some(args) = args {
            let shard = self.held.of(key).index();
            self.sink.effects.push(Effect { shard, db: db as u32, args });
        }
    }
}
