//! Consumer groups: how far a group has read, who has what of it, and what nobody has acknowledged yet.

use super::id::StreamId;
use super::log::Log;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::RangeBounds;

/// What a [`Group::entries_read`] is where nobody knows.
pub const UNKNOWN: i64 = -1;

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The id of the entry delivered last.
    pub last_id: StreamId,
    /// How many entries of those ever added are not behind `last_id`; [`UNKNOWN`] where deletions have left that open.
    pub entries_read: i64,
    /// Entries delivered and not acknowledged.
    pending: BTreeMap<StreamId, Pending>,
    /// Consumers by number; a number is given again when its consumer is gone.
    consumers: Vec<Option<Consumer>>,
    names: BTreeMap<Box<[u8]>, u32>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// When it was delivered last, in Unix milliseconds.
    pub time: i64,
    /// How often it was delivered.
    pub count: u64,
    /// The number of the consumer that has it.
    pub consumer: u32,
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it last tried to read or claim, in Unix milliseconds.
    pub seen: i64,
    /// When it last got something, in Unix milliseconds; -1 for never.
    pub active: i64,
    /// The ids of its pending entries: the same as in the group's list.
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// How many entries it has pending. O(1).
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The ids of its pending entries.
    pub fn pending(&self, range: impl RangeBounds<StreamId>) -> impl Iterator<Item = StreamId> {
        self.pending.range(range).copied()
    }
}

impl Group {
    /// A group without consumers.
    pub fn new(last_id: StreamId, entries_read: i64) -> Group {
        Group { last_id, entries_read, pending: BTreeMap::new(), consumers: Vec::new(), names: BTreeMap::new() }
    }

    // ---- consumers --------------------------------------------------------------------------------------------------

    /// The number of consumers. O(1).
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|number| self.consumer(*number))
    }

    /// The consumer with this number.
    pub fn consumer(&self, number: u32) -> Option<&Consumer> {
        self.consumers.get(number as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub fn consumer_mut(&mut self, number: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(number as usize)?.as_mut()
    }

    /// The number of the consumer with this name.
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The name of the consumer with this number.
    pub fn name_of(&self, number: u32) -> &[u8] {
        self.consumer(number).map_or(b"", |consumer| &consumer.name)
    }

    /// The number of the consumer with this name, and whether it is new.
    pub fn find_or_create(&mut self, name: &[u8], now: i64) -> (u32, bool) {
        if let Some(number) = self.find(name) {
            return (number, false);
        }
        let consumer = Consumer { name: name.into(), seen: now, active: -1, pending: BTreeSet::new() };
        let free = if self.names.len() == self.consumers.len() { None } else { Some(()) };
        let number = match free.and_then(|()| self.consumers.iter().position(Option::is_none)) {
            Some(free) => {
                self.consumers[free] = Some(consumer);
                free as u32
            }
            None => {
                self.consumers.push(Some(consumer));
                self.consumers.len() as u32 - 1
            }
        };
        self.names.insert(name.into(), number);
        (number, true)
    }

    /// Removes a consumer with all that it has pending, and gives how much that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.names.remove(name)?;
        let consumer = self.consumers.get_mut(number as usize)?.take()?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    // ---- pending entries --------------------------------------------------------------------------------------------

    /// The number of pending entries. O(1).
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries in order of their ids.
    pub fn pending(&self, range: impl RangeBounds<StreamId>) -> btree_map::Range<'_, StreamId, Pending> {
        self.pending.range(range)
    }

    /// The pending entry with this id.
    pub fn get(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// Makes an entry pending at a consumer, whoever had it before.
    pub fn give(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending).map(|before| before.consumer);
        if before == Some(pending.consumer) {
            return;
        }
        if let Some(before) = before.and_then(|before| self.consumer_mut(before)) {
            before.pending.remove(&id);
        }
        if let Some(consumer) = self.consumer_mut(pending.consumer) {
            consumer.pending.insert(id);
        }
    }

    /// Counts another delivery of a pending entry to the consumer that has it.
    pub fn again(&mut self, id: StreamId, now: i64) -> Option<Pending> {
        let pending = self.pending.get_mut(&id)?;
        pending.time = now;
        pending.count = pending.count.wrapping_add(1);
        Some(*pending)
    }

    /// Takes an entry off the list. False if it was not there.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumer_mut(pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }

    // ---- how far it has read ----------------------------------------------------------------------------------------

    /// Moves on to an entry behind `last_id`, which is delivered now.
    pub fn advance(&mut self, log: &Log, id: StreamId) {
        if self.entries_read != UNKNOWN && self.last_id >= log.first_id() && !has_gaps(log, self.last_id) {
            self.entries_read += 1;
        } else if log.entries_added > 0 {
            self.entries_read = distance(log, id);
        }
        self.last_id = id;
    }

    /// How many entries are still to be delivered, None where deletions have left that open.
    pub fn lag(&self, log: &Log) -> Option<i64> {
        if log.entries_added == 0 || log.len() == 0 {
            return Some(0);
        }
        if self.last_id < log.first_id() && log.max_deleted_id < log.first_id() {
            return Some(log.len() as i64);
        }
        if self.entries_read != UNKNOWN && !has_gaps(log, self.last_id) {
            return Some((log.entries_added as i64).wrapping_sub(self.entries_read));
        }
        match distance(log, self.last_id) {
            UNKNOWN => None,
            read => Some((log.entries_added as i64).wrapping_sub(read)),
        }
    }

    /// Bytes on the heap, roughly. O(1).
    pub fn heap_bytes(&self) -> usize {
        // A tree's nodes are about two thirds full.
        let pending = size_of::<(StreamId, Pending)>() + size_of::<StreamId>();
        let consumer = size_of::<Consumer>() + 64;
        self.pending.len() * pending * 3 / 2 + self.names.len() * consumer
    }
}

impl Group {
    /// A group without consumers of a stream that does not remember how much the group has read: what can be told from `log`.
    pub fn estimated(last_id: StreamId, log: &Log) -> Group {
        Group::new(last_id, distance(log, last_id))
    }
}

/// Whether an entry at or behind `start` may have been deleted by its id.
fn has_gaps(log: &Log, start: StreamId) -> bool {
    log.len() > 0 && !log.max_deleted_id.is_zero() && start <= log.max_deleted_id
}

/// How many of the entries ever added are not behind `id`, [`UNKNOWN`] where that cannot be told without counting.
fn distance(log: &Log, id: StreamId) -> i64 {
    let added = log.entries_added as i64;
    if added == 0 {
        return 0;
    }
    if log.len() == 0 && id <= log.last_id {
        return added;
    }
    if !id.is_zero() && id < log.max_deleted_id {
        return UNKNOWN;
    }
    match id.cmp(&log.last_id) {
        std::cmp::Ordering::Equal => return added,
        std::cmp::Ordering::Greater => return UNKNOWN,
        std::cmp::Ordering::Less => {}
    }
    if log.max_deleted_id.is_zero() || log.max_deleted_id < log.first_id() {
        // Nothing is missing from the first entry on.
        match id.cmp(&log.first_id()) {
            std::cmp::Ordering::Less => return added.wrapping_sub(log.len() as i64),
            std::cmp::Ordering::Equal => return added.wrapping_sub(log.len() as i64) + 1,
            std::cmp::Ordering::Greater => {}
        }
    }
    UNKNOWN
}
