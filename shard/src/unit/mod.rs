//! A unit under way: what is atomic (one command, one EXEC, one script, one batch of expiries), the shards it holds, seen
//! as one keyspace at one moment.
//!
//! Everything that a handler does to data goes through here, so that each rule has one place:
//! an expired key is absent everywhere, and goes with its effect and its event (rule 7); a change tells the watchers and
//! the subscribers ([`Unit::changed`]) and leaves its effect ([`Unit::effect`]).
//!
//! Over several shards a handler is written as over one: a key finds its shard by its hash slot among the shards held.
//! The router has taken the hold of all of them, so there is nothing to split or to merge, and no reader sees half.

#![allow(unsafe_code)] // see `extend`

pub mod access;
mod collections;
pub mod evict;
mod record;
mod serve;
pub mod sink;

pub use collections::Edited;
pub use serve::Serve;

use crate::event::class;
use crate::keyspace::{
    Deadline, EntryMut, EntryRef, Keyspace, NewValue, Removed, Str, Taken, TakenValue, Value, as_str,
};
use crate::moment::Moment;
use crate::settings::Settings;
use crate::shard::Shard;
use crate::shard::wait::Wait;
use crate::slots::shard_of;
use crate::unit::access;
use crate::unit::sink::{Effect, Garbage, Sink};
use crate::value::dict::Dict;
use crate::value::kind::Type;
use crate::value::object::Object;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Error, Reply};

/// Values with more on the heap than this are freed in the background. Below, freeing costs less than handing over.
const LARGE_BYTES: usize = 64 * 1024;

/// Fields that are due and that a lookup frees at once, itself: some tens of microseconds' work. More are left to the wheel.
const FIELDS_ASIDE: usize = 32;

/// Exclusive access to shards, for the time of a unit.
pub enum Held<'u> {
    /// One shard. All keys of the unit are known to live on it.
    One(&'u mut Shard),
    /// Several of all shards, each at its index; None for those that are not held.
    Many(Vec<Option<&'u mut Shard>>),
}

impl Held<'_> {
    /// Places to look for held shards.
    fn len(&self) -> usize {
        match self {
            Held::One(_) => 1,
            Held::Many(shards) => shards.len(),
        }
    }

    #[inline]
    fn of(&mut self, key: &[u8]) -> &mut Shard {
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
}

/// See the module's documentation.
pub struct Unit<'u> {
    held: Held<'u>,
    sink: &'u mut Sink,
    /// The unit's moment.
    pub now: Moment,
    /// The client's database.
    pub db: usize,
    /// Configuration.
    pub settings: &'u Settings,
    /// CLIENT NO-TOUCH: reads leave the access bits alone.
    pub no_touch: bool,
    /// Whether a command may wait for keys: not inside a transaction or a script.
    pub may_wait: bool,
    /// 0 for what clients change, more for what triggers do: see [`crate::event::trigger::DEPTH_MAX`].
    pub depth: u8,
    /// How long it has waited for shards that it did not hold when it began. For its owner.
    pub waited_nanos: u64,
    /// Events are being appended, which is itself no event.
    is_appending: bool,
}

impl<'u> Unit<'u> {
    /// The keys of a unit that holds `held` at `now`. `db` is below the number of databases.
    pub fn new(held: Held<'u>, sink: &'u mut Sink, now: Moment, db: usize, settings: &'u Settings) -> Unit<'u> {
        Unit {
            held,
            sink,
            now,
            db,
            settings,
            no_touch: false,
            may_wait: false,
            depth: 0,
            waited_nanos: 0,
            is_appending: false,
        }
    }

    // ---- lookups ----------------------------------------------------------------------------------------------------

    /// The entry of `key` for a command that reads: counts a hit or a miss, and marks the access.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        // Counted as a hit first, since a found entry borrows the shard that has the counters.
        self.held.of(key).stats.hits += 1;
        let (now, settings, no_touch) = (self.now, self.settings, self.no_touch);
        if let Some(entry) = self.live(self.db, key) {
            if !no_touch {
                entry.set_lru(access::touched(entry.lru(), now, settings, chance(entry.lru(), now)));
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
        let entry = space_mut(&mut self.held, db, key);
        let hash = entry.hasher().hash(key);
        let entry = entry.get_mut(hash, key)?;
        entry.set_lru(access::touched(entry.lru(), now, settings, chance(entry.lru(), now)));
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

    // ---- changes: each is followed by `changed` and leaves an effect --------------------------------------------------

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
        let space = space_mut(&mut self.held, db, key);
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
        let space = space_mut(&mut self.held, db, key);
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

    /// There is nothing yet for a command that waits: it will be served when one of its keys changes, or answered with a
    /// null when its time is over. Where nobody may wait, with the null at once.
    pub fn wait(&mut self, out: &mut Reply, wait: Wait) {
        if self.may_wait {
            self.sink.wait = Some(wait);
        } else {
            wait.null.reply(out);
        }
    }

    /// What the unit leaves behind. The server settles it when the unit is over.
    #[inline]
    pub fn sink(&mut self) -> &mut Sink {
        self.sink
    }

    /// Whether the shard of `key` is held: a script may name any key.
    pub fn holds(&self, key: &[u8]) -> bool {
        let index = shard_of(key, self.settings.shards);
        match &self.held {
            Held::One(shard) => usize::from(shard.index()) == index,
            Held::Many(held) => held.get(index).is_some_and(Option::is_some),
        }
    }

    /// Whether every one of `shards` shards is held.
    pub fn holds_all(&self, shards: usize) -> bool {
        match &self.held {
            Held::One(_) => shards == 1,
            Held::Many(held) => held.iter().all(Option::is_some),
        }
    }

    /// The numbers of the shards held, in order.
    pub fn held_indices(&self) -> impl Iterator<Item = usize> {
        let (one, many) = match &self.held {
            Held::One(shard) => (Some(usize::from(shard.index())), &[][..]),
            Held::Many(held) => (None, &held[..]),
        };
        let many = many.iter().enumerate().filter(|(_, shard)| shard.is_some()).map(|(index, _)| index);
        one.into_iter().chain(many)
    }

    /// Adds one of `shards` shards to those held: for a script that reaches for an undeclared key.
    pub fn widen(&mut self, shard: &'u mut Shard, shards: usize) {
        let mut many = match std::mem::replace(&mut self.held, Held::Many(Vec::new())) {
            Held::Many(many) => many,
            Held::One(one) => {
                let index = usize::from(one.index());
                let mut many: Vec<Option<&'u mut Shard>> = (0..shards).map(|_| None).collect();
                many[index] = Some(one);
                many
            }
        };
        let index = usize::from(shard.index());
        many[index] = Some(shard);
        self.held = Held::Many(many);
    }

    /// The shard of a key that the unit holds.
    pub fn shard(&mut self, key: &[u8]) -> &mut Shard {
        self.held.of(key)
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

    /// Whether effects are kept: where they are not, there is no need to put costly ones together.
    pub fn keeps_effects(&self) -> bool {
        self.sink.journal
    }

    /// The number of changes so far (effects, kept or not), over the sink's life: what a script or EXEC compares to know
    /// whether it has written.
    pub fn changes(&self) -> u64 {
        self.sink.changes
    }

    // ---- whole shards ---------------------------------------------------------------------------------------------

    /// The shards held, in order.
    pub fn shards(&mut self) -> Vec<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => vec![shard],
            Held::Many(shards) => shards.iter_mut().filter_map(|shard| shard.as_deref_mut()).collect(),
        }
    }

    /// The shard at `index`, if it is held. A unit that holds one alone has it at 0.
    pub fn shard_mut(&mut self, index: usize) -> Option<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => (usize::from(shard.index()) == index).then_some(&mut **shard),
            Held::Many(shards) => shards.get_mut(index)?.as_deref_mut(),
        }
    }

    /// A random number, from the first shard held: for RANDOMKEY and its kin, not for secrets. 0 if none is held.
    pub fn random(&mut self) -> u64 {
        match &mut self.held {
            Held::One(shard) => shard.random(),
            Held::Many(shards) => shards.iter_mut().flatten().next().map_or(0, |shard| shard.random()),
        }
    }

    /// How many shards there are, held or not.
    pub fn shard_count(&self) -> usize {
        self.settings.shards
    }

    /// Hands a large value or database to whoever frees in the background.
    pub fn discard_keyspace(&mut self, keyspace: Keyspace) {
        if keyspace.needs_slow_drop() {
            self.sink.garbage.push(Garbage::Keyspace(Box::new(keyspace)));
        }
    }

    /// Removes keys whose deadlines have passed, with at most `steps` looks at the wheels of each shard held (each field of a
    /// hash that is freed counts as one, and a hash has one turn in a millisecond): first those of the unit's own database, then
    /// those after it in turn. Each database has at most half of what is left for it, so that those after it have some too, and
    /// what is left in the end goes to those that have more. A shard that has not come to the end says in
    /// [`Shard::expiry_turn`] which database is next. Returns true if more may be due. This is the active path; the lazy one is
    /// in every lookup, and both remove alike.
    pub fn expire_due(&mut self, steps: u32) -> bool {
        let mut more = false;
        let mut key = Vec::new();
        let databases = self.settings.databases;
        let (first, rest) = (self.db..databases, 0..self.db.min(databases));
        for index in 0..self.held.len() {
            let mut left = steps;
            let mut again = false;
            for db in first.clone().chain(rest.clone()) {
                if left == 0 {
                    break;
                }
                let given = left.div_ceil(2);
                let mut share = given;
                again |= self.expire_in(index, db, &mut share, &mut key);
                left -= given - share;
            }
            let mut turns = first.clone().chain(rest.clone());
            while again && let Some(db) = turns.next() {
                if self.expire_in(index, db, &mut left, &mut key) {
                    more = true;
                    if let Some(shard) = self.shard_at(index) {
                        shard.expiry_turn = (db + 1) % databases;
                    }
                    break;
                }
            }
        }
        self.append_events();
        more
    }

    // ---- below ------------------------------------------------------------------------------------------------------

    /// What is due in one database of the shard at this place among those held, and then what its wheel can prepare, for at
    /// most so many steps. Returns true if there may be more; the steps are used up then. `key` is room for a key.
    fn expire_in(&mut self, index: usize, db: usize, steps: &mut u32, key: &mut Vec<u8>) -> bool {
        let now = self.now.ms;
        loop {
            let Some(shard) = self.shard_at(index) else { return false };
            let space = shard.db_mut(db);
            let Some(entry) = space.next_due(now, steps) else {
                // With nothing due, the wheel prepares what comes next, within the same budget.
                let more = *steps == 0 || space.work_ahead(now, steps);
                if more {
                    *steps = 0;
                }
                return more;
            };
            key.clear();
            key.extend_from_slice(entry.key());
            match entry.deadline() {
                Some(deadline) if now > deadline => self.expire(db, key, deadline),
                _ if entry.has_fields_due() => {
                    // To free a field takes about as long as a look at the wheel and a key that goes.
                    let swept = self.expire_fields(db, key, *steps as usize + 1, true);
                    *steps = steps.saturating_sub(swept as u32);
                }
                // The wheel gives what is due.
                deadline => self.expire(db, key, deadline.unwrap_or(now)),
            }
        }
    }

    fn shard_at(&mut self, index: usize) -> Option<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => Some(shard),
            Held::Many(shards) => shards[index].as_deref_mut(),
        }
    }

    /// The live entry of `key`; one that is found past its deadline is removed on the spot.
    #[inline]
    fn live(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.held.of(key).db(db).hasher().hash(key);
        self.live_at(db, hash, key)
    }

    /// The same with the key's hash.
    #[inline]
    fn live_at(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
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

    /// A key goes at its deadline: by the wheel or by a lookup, it is the same removal, effect and event.
    fn expire(&mut self, db: usize, key: &[u8], deadline: i64) {
        self.remove_present(db, key);
        self.expired(db, key, deadline);
    }

    /// An effect on the shard of `key` whose arguments have been put together, if effects are kept.
    #[inline]
    fn leave_effect(&mut self, db: usize, key: &[u8], args: Option<OwnedArgs>) {
        self.sink.changes += 1;
        if let Some(args) = args {
            let shard = self.held.of(key).index();
            self.sink.effects.push(Effect { shard, db: db as u32, args });
        }
    }

    /// Watchers and those who wait hear of a change of `key`.
    #[inline]
    fn touched(&mut self, db: usize, key: &[u8]) {
        self.held.of(key).watchers.changed(db, key);
        self.signal(db, key);
    }

    /// The traces of a key that has gone at its deadline.
    fn expired(&mut self, db: usize, key: &[u8], deadline: i64) {
        let lag = (self.now.ms - deadline).clamp(0, i64::from(u32::MAX)) as u32;
        self.sink.lags_ms.push(lag);
        let shard = self.held.of(key);
        shard.stats.expired += 1;
        let hash = shard.db(db).hasher().hash(key);
        shard.gone.note(db, hash);
        self.effect_in(db, key, [b"DEL".as_slice(), key]);
        self.touched(db, key);
        self.event_due(db, class::EXPIRED, "expired", key, deadline);
    }

    fn remove_present(&mut self, db: usize, key: &[u8]) {
        if self.keeps_values() {
            self.remember_value(db, key);
        }
        let space = space_mut(&mut self.held, db, key);
        let hash = space.hasher().hash(key);
        let removed = space.remove(hash, key);
        self.discard(removed);
    }

    /// Small values are dropped here, large ones where nobody waits for it.
    fn discard(&mut self, removed: Option<Removed>) {
        if let Some(object) = removed.and_then(|removed| removed.object)
            && object.heap_bytes() > LARGE_BYTES
        {
            self.sink.garbage.push(Garbage::Object(object));
        }
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

/// The database `db` of the shard of `key`. A function of the held shards alone, so that callers keep their other fields.
#[inline]
fn space_mut<'a>(held: &'a mut Held<'_>, db: usize, key: &[u8]) -> &'a mut Keyspace {
    held.of(key).db_mut(db)
}

/// A number for LFU's dice, from what is at hand: quality does not matter, speed does.
#[inline]
fn chance(bits: u32, now: Moment) -> u32 {
    (bits ^ (now.ms as u32).wrapping_mul(1000).wrapping_add(u32::from(now.us))).wrapping_mul(0x9E37_79B1)
}
