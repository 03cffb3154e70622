//! The keyspace of one database on one shard: the keys, their values and their deadlines.
//!
//! ```text
//!            hash                 address                    position
//! key ----> [table: slots of 8 B] -------> [entry, in a slab] -------> [wheel: 8 B for each key with a deadline]
//!                                          header, deadline, key, value  <------- item = address of the entry
//! ```
//!
//! Single-threaded and without a clock: it can be sent to another thread but not shared, and time is an argument. Hashes
//! are arguments too, because the layer above computes them ahead for a whole run of commands. Deadlines are only kept
//! here: whether a key that is due counts as there is decided above, with the moment of the unit.
//!
//! This file is the only one that changes table, slab and wheel together, and keeps these invariants:
//! - the table holds exactly the live entries of the slab;
//! - an entry is in the wheel if and only if its position is not `NONE`; it is there whenever it has a deadline, but for
//!   those that `next_due` handed out and the caller has not removed yet;
//! - an entry's deadline is never earlier than `Wheel::armed_for` of its position;
//! - an entry with fields that are due some time (a hash's) is marked so, and lies in the wheel as if the first of these
//!   deadlines were its own, if that is earlier (while fields that are gone are left to be swept, as if a field were due at the
//!   time of the last sweep); [`Keyspace::fields_changed`] is called after each change of it in place;
//! - `timed` counts the entries with a deadline, `fields_timed` those marked as having fields with one, `boxed` those with
//!   an object.

pub mod describe;
mod entry;
mod hasher;
mod slab;
mod table;
pub mod wheel;

pub use entry::{EntryMut, EntryRef, Str, Value, as_str};
pub use hasher::Hasher;
pub use table::{CURSOR_BITS, Iter};
pub use wheel::Upcoming;

use crate::value::kind::Type;
use crate::value::object::Object;
use entry::{Block, Content, Entries, NEVER, Shape};
use slab::Slab;
use table::Table;
use wheel::{Position, Wheel};

/// A value to be put into an entry.
#[derive(Debug)]
pub enum NewValue<'v> {
    /// A string that is the decimal form of this number.
    Int(i64),
    /// Bytes to be copied into the entry (less than 4 GiB): a string, or the packed form of another type.
    Bytes(&'v [u8]),
    /// A value outside the entry.
    Object(Box<Object>),
}

/// What `put` does with the deadline of the key. A key that is new has none to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Keep the one it has, if any.
    Keep,
    /// No deadline.
    Clear,
    /// This one, in Unix milliseconds. `i64::MAX` is the same as `Clear`.
    At(i64),
}

/// What was removed or overwritten. Its object is handed over so that the caller may free a large one elsewhere.
#[derive(Debug)]
#[must_use = "a large object is better freed elsewhere"]
pub struct Removed {
    /// The type it had.
    pub kind: Type,
    /// The object, if the value was outside the entry.
    pub object: Option<Box<Object>>,
    /// The deadline it had, in Unix milliseconds.
    pub deadline: Option<i64>,
}

/// A value taken out of the keyspace.
#[derive(Debug)]
pub enum TakenValue {
    /// An integer.
    Int(i64),
    /// Bytes that were in the entry.
    Bytes(Vec<u8>),
    /// The value that was outside the entry.
    Object(Box<Object>),
}

/// An entry taken out of the keyspace, to be put elsewhere.
#[derive(Debug)]
pub struct Taken {
    /// The type.
    pub kind: Type,
    /// The value.
    pub value: TakenValue,
    /// See [`EntryRef::raw`].
    pub raw: bool,
    /// The deadline, in Unix milliseconds.
    pub deadline: Option<i64>,
    /// The 24 bits kept for eviction.
    pub lru: u32,
}

impl Taken {
    /// When the key or the first of its fields is due, whichever comes first, in Unix milliseconds. O(1).
    pub fn soonest(&self) -> Option<i64> {
        let fields = match &self.value {
            TakenValue::Object(object) => object.fields_due(),
            _ => None,
        };
        some(self.deadline.unwrap_or(NEVER).min(fields.unwrap_or(NEVER)))
    }
}

/// The keys of one database on one shard. See the module.
pub struct Keyspace {
    hasher: Hasher,
    table: Table,
    slab: Slab,
    /// Made at the first deadline.
    wheel: Option<Box<Wheel>>,
    /// Where a new wheel starts.
    now: i64,
    timed: usize,
    fields_timed: usize,
    boxed: usize,
}

impl Keyspace {
    /// An empty keyspace. Some 2 KiB.
    pub fn new(hasher: Hasher) -> Self {
        let (table, slab) = (Table::new(), Slab::new());
        Keyspace { hasher, table, slab, wheel: None, now: 0, timed: 0, fields_timed: 0, boxed: 0 }
    }

    /// The hasher whose hashes all methods expect.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Tells the time, in Unix milliseconds, at which a wheel starts that is made for a first deadline. To be called before
    /// a unit; a wheel that starts long before its first deadline is correct, but has to work its way there.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// Keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys with a deadline.
    #[inline]
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// Keys with fields that have deadlines.
    #[inline]
    pub fn fields_timed(&self) -> usize {
        self.fields_timed
    }

    /// Memory held by entries, table and wheel, in bytes. O(1). Objects outside their entries are counted as the pointers to
    /// them only: what they hold changes behind the keyspace's back, so the layer that changes them counts it.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.slab.bytes() + self.table.bytes() + self.wheel.as_ref().map_or(0, |w| w.bytes())
    }

    /// Of [`Keyspace::bytes`], those in live entries.
    pub fn bytes_used(&self) -> usize {
        self.slab.used()
    }

    /// Of [`Keyspace::bytes`], those that entries to come will take before memory is asked for: free blocks and the free
    /// ends of pages. O(1).
    pub fn bytes_in_reserve(&self) -> usize {
        self.slab.bytes().saturating_sub(self.slab.used())
    }

    /// The entry of a key. Deadlines are not looked at.
    #[inline]
    pub fn get(&self, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        self.table.find(hash, key).map(|(_, block)| block.as_ref())
    }

    /// The entry of a key, to change its value in place. Deadlines are not looked at.
    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<EntryMut<'_>> {
        self.table.find(hash, key).map(|(_, block)| block.as_mut())
    }

    /// Inserts a key, or overwrites all of it but, with [`Deadline::Keep`], its deadline; gives what was overwritten. The flag
    /// "raw" is cleared. Copies key and bytes; overwrites in place where the block has the right size. A later deadline than
    /// the present one does not touch the wheel.
    pub fn put(
        &mut self,
        hash: u64,
        key: &[u8],
        kind: Type,
        value: NewValue<'_>,
        deadline: Deadline,
        lru: u32,
    ) -> Option<Removed> {
        let mut fields_due = NEVER;
        let content = match value {
            NewValue::Int(number) => Content::Int(number),
            NewValue::Bytes(bytes) => Content::Bytes(bytes),
            NewValue::Object(object) => {
                self.boxed += 1;
                fields_due = object.fields_due().unwrap_or(NEVER);
                Content::Object(object)
            }
        };
        let Some((place, old)) = self.table.find(hash, key) else {
            let deadline = if let Deadline::At(at) = deadline { at } else { NEVER };
            let block = self.write(key, kind, lru, content, deadline.min(fields_due));
            let hasher = &self.hasher;
            self.table.insert(hash, block, |key| hasher.hash(key));
            self.schedule(block, NEVER, deadline);
            self.schedule_fields(block, fields_due);
            return None;
        };
        self.forget_fields(old);
        let before = old.deadline();
        let removed = Removed { kind: old.kind(), object: old.take_object(), deadline: some(before) };
        self.boxed -= usize::from(removed.object.is_some());
        let after = match deadline {
            Deadline::Keep => before,
            Deadline::Clear => NEVER,
            Deadline::At(at) => at,
        };
        let (old_shape, room) = (old.shape(), old.timed() || after != NEVER || fields_due != NEVER);
        let shape = Shape::new(key.len(), content.len(), room);
        if shape.same_front(old_shape) && slab::usable(shape.size()) == slab::usable(old_shape.size()) {
            old.overwrite(shape, kind, lru, content);
            self.schedule(old, before, after);
            self.schedule_fields(old, fields_due);
            return Some(removed);
        }
        let block = self.write(key, kind, lru, content, after.min(fields_due));
        self.table.replace(place, block);
        if block.timed() && after != NEVER {
            // Deadlines move with the entry: the position of the old one, if it has any, becomes that of the new one.
            self.move_position(old, block);
            self.schedule(block, before, after);
        } else {
            self.schedule(old, before, NEVER);
        }
        self.schedule_fields(block, fields_due);
        self.slab.free(old.pointer(), old_shape.size());
        Some(removed)
    }

    /// Looks again at when the first field of a hash is due, after it was changed in place. O(1) but for copying the entry
    /// when it has no room for a place in the wheel yet.
    pub fn fields_changed(&mut self, hash: u64, key: &[u8]) {
        let Some((place, mut block)) = self.table.find(hash, key) else { return };
        let due = block.object_mut().and_then(|object| object.fields_due()).unwrap_or(NEVER);
        if due == NEVER && !block.has_fields_due() {
            return;
        }
        if due != NEVER && !block.timed() {
            block = self.make_timed(place, block);
        }
        self.forget_fields(block);
        let deadline = block.deadline();
        self.arm(block, NEVER, deadline);
        self.schedule_fields(block, due);
    }

    /// The buffer of a string, to be changed in place or grown; None if there is no such key or it is no string. Other forms
    /// become an object with the flag "raw", keeping deadline and LRU bits. O(length) then, O(1) after.
    pub fn raw_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut Vec<u8>> {
        let (place, mut block) = self.table.find(hash, key)?;
        if block.kind() != Type::String {
            return None;
        }
        if !block.is_boxed() {
            let bytes = match block.value() {
                Value::Int(number) => itoa::Buffer::new().format(number).as_bytes().to_vec(),
                Value::Bytes(bytes) => bytes.to_vec(),
                Value::Object(_) => return None,
            };
            block = self.box_value(place, block, Box::new(Object::Str(bytes)));
        }
        block.set_raw(true);
        match block.object_mut() {
            Some(Object::Str(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Gives a key a deadline (Unix milliseconds), or takes it away; false if there is no such key. O(1) but for copying the
    /// entry (less than 64 KiB) when it has no room for a deadline yet. A later one does not touch the wheel.
    pub fn set_deadline(&mut self, hash: u64, key: &[u8], deadline: Option<i64>) -> bool {
        let Some((place, mut block)) = self.table.find(hash, key) else { return false };
        let after = deadline.unwrap_or(NEVER);
        if !block.timed() {
            if after == NEVER {
                return true;
            }
            block = self.make_timed(place, block);
        }
        self.schedule(block, block.deadline(), after);
        true
    }

    /// Removes a key. O(1) but for the object, which the caller frees.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Removed> {
        let (place, block) = self.table.find(hash, key)?;
        self.table.remove(hash, place);
        self.forget_fields(block);
        let removed = Removed { kind: block.kind(), object: block.take_object(), deadline: some(block.deadline()) };
        self.boxed -= usize::from(removed.object.is_some());
        self.release(block);
        Some(removed)
    }

    /// Removes a key and gives its value. O(length) for bytes inside the entry.
    pub fn take(&mut self, hash: u64, key: &[u8]) -> Option<Taken> {
        let (place, block) = self.table.find(hash, key)?;
        self.table.remove(hash, place);
        self.forget_fields(block);
        let (kind, raw, lru, deadline) = (block.kind(), block.raw(), block.lru(), some(block.deadline()));
        let value = if let Some(object) = block.take_object() {
            self.boxed -= 1;
            TakenValue::Object(object)
        } else {
            match block.value() {
                Value::Int(number) => TakenValue::Int(number),
                Value::Bytes(bytes) => TakenValue::Bytes(bytes.to_vec()),
                // Taken above.
                Value::Object(_) => TakenValue::Int(0),
            }
        };
        self.release(block);
        Some(Taken { kind, value, raw, deadline, lru })
    }

    /// The next entry with a deadline before `now` (Unix milliseconds), its own or that of a field, in the order of deadlines
    /// but for bursts (see [`Wheel`]). It stays in the keyspace but is no longer in the wheel, so the caller removes it (or
    /// gives it another deadline): it will not come again. None when nothing more is due, or when `steps` is used up (zero
    /// then).
    pub fn next_due(&mut self, now: i64, steps: &mut u32) -> Option<EntryRef<'_>> {
        self.now = now;
        let item = self.wheel.as_mut()?.next_due(now, &mut Entries, steps)?;
        let block = Block::from_address(item.get());
        block.set_position(Position::NONE);
        Some(block.as_ref())
    }

    /// Visits the entries in the wheel in the order in which they will be looked at, until `visit` says no. See
    /// [`Wheel::upcoming`] for what the order tells.
    pub fn upcoming(&self, visit: &mut dyn FnMut(Upcoming<EntryRef<'_>>) -> bool) {
        let Some(wheel) = &self.wheel else { return };
        wheel.upcoming(&mut |step| {
            visit(match step {
                Upcoming::From(time) => Upcoming::From(time),
                Upcoming::Item(item) => Upcoming::Item(Block::from_address(item.get()).as_ref()),
            })
        });
    }

    /// See [`Wheel::count_until`]: keys due before each of these times, and hashes with fields that are.
    pub fn count_until<const N: usize>(&self, times: [i64; N]) -> [usize; N] {
        self.wheel.as_ref().map_or([0; N], |wheel| wheel.count_until(times))
    }

    /// See [`Wheel::work_ahead`].
    pub fn work_ahead(&mut self, now: i64, steps: &mut u32) -> bool {
        self.now = now;
        self.wheel.as_mut().is_some_and(|wheel| wheel.work_ahead(now, &mut Entries, steps))
    }

    /// See [`Wheel::next_wakeup`].
    pub fn next_wakeup(&self) -> Option<i64> {
        self.wheel.as_ref()?.next_wakeup()
    }

    /// Asks the processor for the slot of a key that will be looked up soon.
    #[inline]
    pub fn prefetch_slot(&self, hash: u64) {
        self.table.prefetch_slot(hash);
    }

    /// Asks the processor for the entry of a key that will be looked up soon, when its slot is there.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.table.prefetch_entry(hash);
    }

    /// One step of a scan: visits about `count` entries from `cursor` on (0 to start) and gives the next cursor, 0 at the
    /// end. Cursors have [`CURSOR_BITS`]. What is there from the first to the last call is visited at least once, whatever else
    /// happens between the calls.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        self.table.scan(cursor, count, visit)
    }

    /// A reasonably random entry, chosen by `random`; None if there is no key.
    pub fn random(&self, random: u64) -> Option<EntryRef<'_>> {
        self.table.random(random)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> Iter<'_> {
        self.table.iter()
    }

    /// Whether dropping this keyspace may take long (it has objects, large values or many pages), so that it had better be
    /// sent to another thread for that.
    pub fn needs_slow_drop(&self) -> bool {
        self.boxed > 0 || self.slab.large_blocks() > 0 || self.slab.pages() > 16 || self.table.len() > 10_000
    }

    /// A new entry, in neither table nor wheel and with its deadline not yet counted.
    #[inline]
    fn write(&mut self, key: &[u8], kind: Type, lru: u32, content: Content<'_>, deadline: i64) -> Block {
        let shape = Shape::new(key.len(), content.len(), deadline != NEVER);
        Block::write(self.slab.alloc(shape.size()), shape, kind, lru, key, content, NEVER)
    }

    /// Sets the deadline of an entry from `before` to `after`, and sees to the wheel and the count.
    #[inline]
    fn schedule(&mut self, block: Block, before: i64, after: i64) {
        if before == NEVER && after == NEVER {
            return;
        }
        self.timed += usize::from(after != NEVER);
        self.timed -= usize::from(before != NEVER);
        block.set_deadline(after);
        let fields = block.fields_due();
        self.arm(block, before.min(fields), after.min(fields));
    }

    /// Replaces an entry by one that has room for a deadline, and for a place in the wheel.
    fn make_timed(&mut self, place: table::Place, old: Block) -> Block {
        let shape = old.shape();
        let block = old.copy_to(self.slab.alloc(shape.with_deadline().size()), true);
        self.table.replace(place, block);
        self.slab.free(old.pointer(), shape.size());
        block
    }

    /// Notes that the first field of an entry is due at `due`, or that no field is ever due. The entry has room for a
    /// position then, and is not marked as having such fields.
    fn schedule_fields(&mut self, block: Block, due: i64) {
        if due == NEVER {
            return;
        }
        self.fields_timed += 1;
        block.set_has_fields_due(true);
        let deadline = block.deadline();
        self.arm(block, deadline, deadline.min(due));
    }

    /// Takes an entry with fields that are due some time out of the wheel, and forgets that it has them.
    fn forget_fields(&mut self, block: Block) {
        if !block.has_fields_due() {
            return;
        }
        self.fields_timed -= 1;
        block.set_has_fields_due(false);
        if let Some(wheel) = self.wheel.as_mut() {
            wheel.cancel(block.position());
        }
        block.set_position(Position::NONE);
    }

    /// Sees to it that an entry that was due at `before` and is now at `after` is in the wheel early enough.
    #[inline]
    fn arm(&mut self, block: Block, before: i64, after: i64) {
        if after == NEVER && before == NEVER {
            return;
        }
        let position = block.position();
        // An entry is never armed later than its deadline, so with a later one it may stay where it is.
        if position != Position::NONE && after != NEVER && after >= before {
            return;
        }
        let now = self.now;
        let wheel = self.wheel.get_or_insert_with(|| Box::new(Wheel::new(now)));
        if position != Position::NONE && after != NEVER && after >= wheel.armed_for(position) {
            return;
        }
        wheel.cancel(position);
        block.set_position(if after == NEVER { Position::NONE } else { wheel.arm(after, block.item()) });
    }

    /// Gives the position of an entry, if it has one, to the one that replaces it.
    fn move_position(&mut self, old: Block, new: Block) {
        let position = old.position();
        if let Some(wheel) = self.wheel.as_mut().filter(|_| position != Position::NONE) {
            wheel.replace(position, new.item());
            old.set_position(Position::NONE);
            new.set_position(position);
        }
    }

    /// Replaces an entry by one with the same key, type, LRU bits and deadline, and this object as its value.
    fn box_value(&mut self, place: table::Place, old: Block, object: Box<Object>) -> Block {
        self.boxed += 1;
        let deadline = old.deadline();
        let new = self.write(old.key(), old.kind(), old.lru(), Content::Object(object), deadline);
        if new.timed() {
            new.set_deadline(deadline);
            self.move_position(old, new);
        }
        self.table.replace(place, new);
        self.slab.free(old.pointer(), old.size());
        new
    }

    /// Frees an entry that is not in the table any more and owns no object.
    #[inline]
    fn release(&mut self, block: Block) {
        if block.timed() {
            self.schedule(block, block.deadline(), NEVER);
        }
        self.slab.free(block.pointer(), block.size());
    }
}

impl Drop for Keyspace {
    /// O(pages), and O(keys) if there are objects or values above 8 KiB.
    fn drop(&mut self) {
        if self.boxed == 0 && self.slab.large_blocks() == 0 {
            return;
        }
        // Entries are read here for the last time; the table frees its segments, and the slab its pages, after this.
        for entry in self.table.iter() {
            let block = entry.block();
            drop(block.take_object());
            let size = block.size();
            if size > slab::BLOCK_MAX {
                self.slab.free(block.pointer(), size);
            }
        }
    }
}

fn some(deadline: i64) -> Option<i64> {
    Some(deadline).filter(|at| *at != NEVER)
}

/// The size of a test: all of `full`, or what CURFEW_TEST_SCALE (a divisor) leaves of it, for runs under a memory checker.
#[cfg(test)]
pub(crate) fn test_scale(full: usize) -> usize {
    let divisor = std::env::var("CURFEW_TEST_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    (full / divisor).max(4)
}

#[cfg(test)]
mod tests;
