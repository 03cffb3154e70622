//! Large hashes: a dictionary of values, and beside it, where some field has a deadline, the deadlines in two orders.
//!
//! Fields that are due go in two steps, since they may be a million. [`Table::expire`] makes them **gone** for everybody, in
//! O(log n): they are the first in the order of the deadlines, so it is enough to remember how many, and up to which deadline.
//! [`Table::sweep`] then frees what they take, in slices. Between the two, whoever looks at a field asks for its deadline too;
//! who walks all fields passes over the gone ones, so a walk takes no longer than it did before they were gone.

use crate::random::Random;
use crate::value::dict::{self, Dict};
use crate::value::sorted_set::tree::{Edge, Tree};

/// In place of a deadline: none.
pub(super) const NEVER: i64 = i64::MAX;

/// Is shown names of fields.
pub type ShowName<'f> = &'f mut dyn FnMut(&[u8]);

/// Draws of a random field at most before the fields are counted.
const DRAWS: usize = 64;

/// Up to so many gone fields for each that is there, random draws hit one that is there soon enough.
const GONE_PER_FIELD: usize = 3;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Table {
    fields: Dict,
    /// None until the first deadline: a hash without any pays 8 bytes.
    deadlines: Option<Box<Deadlines>>,
}

/// Invariants: both orders hold the same deadlines, of fields that are in the dictionary; the `gone` first of them are before
/// `below`, and if there are any, no others are.
#[derive(Clone, Debug)]
struct Deadlines {
    /// Field to deadline, 8 bytes little-endian.
    of: Dict,
    /// By deadline, as the score: deadlines have 48 bits at most, and are exact up to 53.
    order: Tree,
    /// The first deadline of a field that is not gone, [`NEVER`] without one.
    next: i64,
    /// Fields that are gone but not freed.
    gone: usize,
    /// The gone fields are those with deadlines before this.
    below: i64,
    /// When the first of the gone fields went, or they were swept in their turn: that is to go on after this time.
    swept: i64,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines { of: Dict::new(), order: Tree::default(), next: NEVER, gone: 0, below: 0, swept: 0 }
    }
}

impl Table {
    /// Fields. O(1).
    pub fn len(&self) -> usize {
        self.fields.len() - self.gone()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, with those of fields that are gone but not freed. O(1).
    pub fn heap_bytes(&self) -> usize {
        let deadlines = self.deadlines.as_ref();
        let beside = |d: &Deadlines| size_of::<Deadlines>() + d.of.heap_bytes() + d.order.heap_bytes();
        self.fields.heap_bytes() + deadlines.map_or(0, |deadlines| beside(deadlines))
    }

    /// The dictionary, with fields that are gone: for prefetching.
    pub(super) fn items(&self) -> &Dict {
        &self.fields
    }

    /// The value of a field. O(1).
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let value = self.fields.get(field)?;
        if self.is_gone(field) { None } else { Some(value) }
    }

    /// The fields and their values. O(1) each, and for each that is gone and not freed.
    pub fn iter(&self) -> Iter<'_> {
        Iter { items: self.fields.iter(), deadlines: self.deadlines_of_gone() }
    }

    /// One step of a scan, see [`Dict::scan`]. Fields that are gone count, but are not shown.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        match self.deadlines_of_gone() {
            None => self.fields.scan(cursor, count, visit),
            Some(deadlines) => self.fields.scan(cursor, count, &mut |field, value| {
                if !deadlines.is_gone(field) {
                    visit(field, value);
                }
            }),
        }
    }

    /// A random field with its value, chosen by `random`, all equally likely. O(1) expected if [`Table::draws_quickly`].
    pub fn random(&self, random: u64) -> Option<(&[u8], &[u8])> {
        let Some(deadlines) = self.deadlines_of_gone() else { return self.fields.random(random) };
        let mut random = Random::new(random);
        if self.draws_quickly() {
            for _ in 0..DRAWS {
                let item = self.fields.random(random.number())?;
                if !deadlines.is_gone(item.0) {
                    return Some(item);
                }
            }
        }
        self.iter().nth(random.below(self.len()))
    }

    /// Whether drawing a random field takes O(1): if many more are gone and not freed than are there, it takes O(all of them).
    pub fn draws_quickly(&self) -> bool {
        self.gone() <= self.len().saturating_mul(GONE_PER_FIELD)
    }

    /// The deadline of a field, if it has one. O(1).
    pub fn deadline(&self, field: &[u8]) -> Option<i64> {
        let deadlines = self.deadlines.as_ref()?;
        deadlines.get(field).filter(|at| !deadlines.is_before(*at))
    }

    /// The deadlines in order, with their fields.
    pub fn deadlines(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let deadlines = self.deadlines.as_deref();
        let all = deadlines.map(|deadlines| deadlines.order.range(deadlines.gone, usize::MAX));
        all.into_iter().flatten().map(|(at, field)| (at as i64, field))
    }

    /// When the first field is due. O(1).
    pub fn due(&self) -> Option<i64> {
        self.deadlines.as_ref().map(|deadlines| deadlines.next).filter(|next| *next != NEVER)
    }

    /// After which time there is something to be done: fields are due, or others are to be swept. O(1).
    pub fn wakes(&self) -> Option<i64> {
        match &self.deadlines {
            Some(deadlines) if deadlines.gone > 0 => Some(deadlines.swept.min(deadlines.next)),
            _ => self.due(),
        }
    }

    /// Whether there are fields, and every one is past its deadline. Those that are gone say nothing, whatever `now` is.
    /// O(log n).
    pub fn all_due(&self, now: i64) -> bool {
        self.deadlines.as_ref().is_some_and(|deadlines| {
            let all = self.fields.len();
            all > deadlines.gone && deadlines.of.len() == all && deadlines.count_before(now) == all
        })
    }

    /// Sets a field; true if it is new. Its deadline goes unless `keep` is said.
    pub fn set(&mut self, field: &[u8], value: &[u8], keep: bool) -> bool {
        let is_new = self.fields.insert(field, value);
        match &mut self.deadlines {
            Some(deadlines) if !is_new => {
                let was_gone = deadlines.gone > 0 && deadlines.is_gone(field);
                if was_gone || !keep {
                    deadlines.clear(field);
                }
                was_gone
            }
            _ => is_new,
        }
    }

    /// Removes a field; false if it is not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let was_gone = self.is_gone(field);
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.clear(field);
        }
        self.fields.remove(field) && !was_gone
    }

    /// Gives a field a deadline, or takes it away; false if the field is not there. O(log n); but where fields are gone and
    /// not freed that had a later deadline, because the clock was set back meanwhile, it takes as long as to free all these.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        if self.get(field).is_none() {
            return false;
        }
        if self.deadlines.as_ref().is_some_and(|deadlines| deadline.is_some_and(|at| deadlines.is_before(at))) {
            self.sweep(usize::MAX);
        }
        match (deadline, &mut self.deadlines) {
            (Some(at), deadlines) => deadlines.get_or_insert_default().set(field, at),
            (None, Some(deadlines)) => deadlines.clear(field),
            (None, None) => {}
        }
        true
    }

    /// See [`super::Hash::expire`].
    pub fn expire(&mut self, now: i64, names: Option<ShowName<'_>>) -> usize {
        let Some(deadlines) = &mut self.deadlines else { return 0 };
        // So it is while fields are gone that had later deadlines than `now`, which the clock was set back to.
        if deadlines.next >= now {
            return 0;
        }
        let (before, after) = (deadlines.gone, deadlines.count_before(now));
        if let Some(show) = names {
            deadlines.order.range(before, after).for_each(|(_, field)| show(field));
        }
        if before == 0 {
            deadlines.swept = now;
        }
        (deadlines.gone, deadlines.below) = (after, now);
        deadlines.find_next();
        after - before
    }

    /// Frees up to so many fields that are gone; tells how many. O(log n + freed).
    pub fn sweep(&mut self, most: usize) -> usize {
        let Table { fields, deadlines: Some(deadlines) } = self else { return 0 };
        let Deadlines { of, order, gone, .. } = &mut **deadlines;
        let all = most.min(*gone);
        let mut left = all;
        while left > 0 {
            let done = order.drain(0, left, |_, field| {
                of.remove(field);
                fields.remove(field);
            });
            if done == 0 {
                break;
            }
            left -= done;
        }
        *gone -= all - left;
        all - left
    }

    /// Says when it was swept in its turn: [`Table::wakes`] is not before this time.
    pub fn set_swept(&mut self, now: i64) {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.swept = now;
        }
    }

    /// Fields that are gone but not freed. O(1).
    pub fn gone(&self) -> usize {
        self.deadlines.as_ref().map_or(0, |deadlines| deadlines.gone)
    }

    #[inline]
    fn is_gone(&self, field: &[u8]) -> bool {
        self.deadlines_of_gone().is_some_and(|deadlines| deadlines.is_gone(field))
    }

    /// The deadlines, if some fields are gone and not freed.
    #[inline]
    fn deadlines_of_gone(&self) -> Option<&Deadlines> {
        self.deadlines.as_deref().filter(|deadlines| deadlines.gone > 0)
    }
}

impl Deadlines {
    fn get(&self, field: &[u8]) -> Option<i64> {
        self.of.get(field)?.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
    }

    fn set(&mut self, field: &[u8], deadline: i64) {
        self.clear(field);
        self.of.insert(field, &deadline.to_le_bytes());
        self.order.insert(deadline as f64, field);
        self.next = self.next.min(deadline);
    }

    fn clear(&mut self, field: &[u8]) {
        let Some(deadline) = self.get(field) else { return };
        self.of.remove(field);
        self.order.remove(deadline as f64, field);
        if self.is_before(deadline) {
            self.gone -= 1;
        } else if deadline == self.next {
            self.find_next();
        }
    }

    fn find_next(&mut self) {
        self.next = self.order.range(self.gone, self.gone + 1).next().map_or(NEVER, |(at, _)| at as i64);
    }

    /// How many deadlines are before this time. O(log n).
    fn count_before(&self, time: i64) -> usize {
        self.order.rank(&Edge::Score { score: time as f64, after: false })
    }

    fn is_gone(&self, field: &[u8]) -> bool {
        self.get(field).is_some_and(|at| self.is_before(at))
    }

    /// Whether a field with this deadline is gone.
    fn is_before(&self, deadline: i64) -> bool {
        self.gone > 0 && deadline < self.below
    }
}

/// See [`Table::iter`].
pub struct Iter<'a> {
    items: dict::Iter<'a>,
    deadlines: Option<&'a Deadlines>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(deadlines) = self.deadlines else { return self.items.next() };
        self.items.find(|(field, _)| !deadlines.is_gone(field))
    }
}
