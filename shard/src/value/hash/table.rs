//! Large hashes: a dictionary of values, and beside it, where some field has a deadline, the deadlines in two orders.

use crate::value::dict::Dict;
use std::collections::BTreeSet;

/// What a deadline takes in the ordered set besides the field's name, about: node slots are two thirds full.
const ORDERED_BYTES: usize = 40;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Table {
    fields: Dict,
    /// None until the first deadline: a hash without any pays 8 bytes.
    deadlines: Option<Box<Deadlines>>,
}

/// Invariant: both hold the same deadlines, of fields that are there.
#[derive(Clone, Debug, Default)]
struct Deadlines {
    /// Field to deadline, 8 bytes little-endian.
    of: Dict,
    /// By deadline.
    order: BTreeSet<(i64, Box<[u8]>)>,
    /// Memory of `order`.
    bytes: usize,
}

impl Table {
    /// Fields. O(1).
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        let deadlines = self.deadlines.as_ref();
        self.fields.heap_bytes() + deadlines.map_or(0, |d| size_of::<Deadlines>() + d.of.heap_bytes() + d.bytes)
    }

    /// The fields and their values.
    pub fn fields(&self) -> &Dict {
        &self.fields
    }

    /// The deadline of a field, if it has one. O(1).
    pub fn deadline(&self, field: &[u8]) -> Option<i64> {
        self.deadlines.as_ref()?.get(field)
    }

    /// The deadlines in order, with their fields.
    pub fn deadlines(&self) -> impl Iterator<Item = (i64, &[u8])> {
        self.deadlines.iter().flat_map(|deadlines| deadlines.order.iter()).map(|(at, field)| (*at, &**field))
    }

    /// When the first field is due.
    pub fn due(&self) -> Option<i64> {
        self.deadlines.as_ref()?.order.first().map(|(at, _)| *at)
    }

    /// Whether every field is past its deadline.
    pub fn all_due(&self, now: i64) -> bool {
        self.deadlines.as_ref().is_some_and(|deadlines| {
            deadlines.order.len() == self.fields.len() && deadlines.order.last().is_some_and(|(at, _)| *at < now)
        })
    }

    /// Sets a field; true if it is new. Its deadline goes unless `keep` is said.
    pub fn set(&mut self, field: &[u8], value: &[u8], keep: bool) -> bool {
        let is_new = self.fields.insert(field, value);
        if let Some(deadlines) = &mut self.deadlines
            && !is_new
            && !keep
        {
            deadlines.clear(field);
        }
        is_new
    }

    /// Removes a field; false if it is not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.clear(field);
        }
        self.fields.remove(field)
    }

    /// Gives a field a deadline, or takes it away; false if the field is not there.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        if !self.fields.contains(field) {
            return false;
        }
        match (deadline, &mut self.deadlines) {
            (Some(at), deadlines) => deadlines.get_or_insert_default().set(field, at),
            (None, Some(deadlines)) => deadlines.clear(field),
            (None, None) => {}
        }
        true
    }

    /// See [`super::Hash::remove_due`].
    pub fn remove_due(&mut self, now: i64) -> Vec<Box<[u8]>> {
        let mut names = Vec::new();
        let Some(deadlines) = &mut self.deadlines else { return names };
        while let Some((at, _)) = deadlines.order.first()
            && *at < now
            && let Some((_, field)) = deadlines.order.pop_first()
        {
            deadlines.bytes -= field.len() + ORDERED_BYTES;
            deadlines.of.remove(&field);
            self.fields.remove(&field);
            names.push(field);
        }
        names
    }
}

impl Deadlines {
    fn get(&self, field: &[u8]) -> Option<i64> {
        self.of.get(field)?.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
    }

    fn set(&mut self, field: &[u8], deadline: i64) {
        self.clear(field);
        self.of.insert(field, &deadline.to_le_bytes());
        self.order.insert((deadline, field.into()));
        self.bytes += field.len() + ORDERED_BYTES;
    }

    fn clear(&mut self, field: &[u8]) {
        let Some(deadline) = self.get(field) else { return };
        self.of.remove(field);
        // The set compares whole entries, so a name of its own is needed to look for one.
        if self.order.remove(&(deadline, field.into())) {
            self.bytes -= field.len() + ORDERED_BYTES;
        }
    }
}
