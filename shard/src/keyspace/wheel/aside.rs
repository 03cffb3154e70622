//! What waits beside the ticks: bursts.
//!
//! A tick of more than [`HUGE`] items is set aside when its time comes: its ring of chunks goes to a queue in order of
//! deadlines, in O(1), and the wheel goes on to the ticks behind it. Those are served first, but only
//! [`TURN`](super::bucket::TURN) steps more than what waits; then each has every second step. So neither waits for the other,
//! whatever the budget of a call.
//!
//! Chunks carry a *label*, which tells the bucket: the number of its slot, and above it a generation. A ring that is set aside
//! keeps its label, and its slot gets another for what comes into it from then on.
//!
//! A bucket of level 1 that nobody had the time to cascade before it began waits likewise: as long as more than `HUGE` items
//! are in it, the ticks that are known are served beside the cascade. Items armed for its time go behind the others in it, so
//! the order of arming is kept, at the price that they wait. When its time is over, the rest is set aside and
//! looked at item by item. Buckets of higher levels are worked ahead for a minute and more, and are not seen to here.

use super::Wheel;
use super::bucket::{ASIDE_MAX, Aside, GENERATIONS, HUGE, Home, LEVELS, OVERDUE, SLOT_BITS, SLOT_MASK, SLOTS, bucket};
use super::item::{Item, Owner, Position};
use super::pool::NIL;

impl Wheel {
    /// Whether something waits beside the ticks that may be due.
    pub(super) fn waits(&self, now: i64) -> bool {
        self.first_aside(now).is_some() || self.is_cascading(now)
    }

    /// The first of what is set aside that may be due. After a step of the clock back it is not.
    fn first_aside(&self, now: i64) -> Option<usize> {
        self.aside.iter().position(|aside| aside.begin() < now)
    }

    /// Whether the bucket of level 1 that holds the time has not been cascaded, and something in it may be due.
    fn is_cascading(&self, now: i64) -> bool {
        let index = self.next[1];
        index <= self.next[0] >> 8 && index << 8 < now && self.tail(bucket(1, index)).is_some()
    }

    /// A step for what waits: an item that is set aside and one that is to be cascaded in turns. There is at least one step. None
    /// if nothing due came of it.
    pub(super) fn look_at_what_waits<O: Owner>(&mut self, now: i64, owner: &mut O, steps: &mut u32) -> Option<Item> {
        self.debt = self.debt.saturating_sub(1);
        let aside = self.first_aside(now);
        self.is_asides_turn = !self.is_asides_turn && aside.is_some();
        if !self.is_asides_turn {
            // The caller works ahead only when nothing waits any more; the next bucket must not wait so long.
            let mut one = 1;
            self.cascade_up_to(i64::from(aside.is_some()), owner, &mut one);
            if one == 0 {
                *steps -= 1;
                return None;
            }
        }
        let aside = &self.aside[aside?];
        let (tail, last) = (aside.tail, aside.end.min(now) - 1);
        *steps -= 1;
        let (at, item) = self.pool.first(tail);
        self.remove(at);
        self.look(item, last, owner)
    }

    /// Whether there are so many items in a slot that others are not to wait for them.
    pub(super) fn is_huge(&self, slot: u16) -> bool {
        let level = self.levels[slot as usize / SLOTS].as_deref();
        level.is_some_and(|level| level.counts[slot as usize % SLOTS] > HUGE)
    }

    /// Set a bucket aside whose time is over. O(1). False if there are too many already.
    pub(super) fn set_aside(&mut self, level: usize, index: i64) -> bool {
        let slot = bucket(level, index);
        let of_slot = self.aside.iter().filter(|aside| aside.label & SLOT_MASK == slot).count();
        // One generation is for what comes into the slot from now on.
        if self.aside.len() >= ASIDE_MAX || of_slot + 1 >= usize::from(GENERATIONS) {
            return false;
        }
        let Some(tail) = self.tail(slot) else { return false };
        let label = self.pool.label_of(tail);
        let count = self.count_mut(slot).map_or(0, std::mem::take);
        self.set_tail(slot, None);
        let end = (index + 1) << (8 * level);
        let at = self.aside.partition_point(|other| (other.end, other.level) <= (end, level));
        self.aside.insert(at, Aside { end, level, label, tail, count });
        true
    }

    /// A label for a slot that nothing is in.
    pub(super) fn fresh_label(&self, slot: u16) -> u16 {
        let labels = (0..GENERATIONS).map(|generation| generation << SLOT_BITS | slot);
        let mut free = labels.filter(|label| self.aside.iter().all(|aside| aside.label != *label));
        // There is one: see `set_aside`.
        free.next().unwrap_or(slot)
    }

    /// Where the chunks with this label belong.
    #[inline]
    pub(super) fn home(&self, label: u16) -> Home {
        match self.aside.iter().position(|aside| aside.label == label) {
            Some(number) => Home::Aside(number),
            None => Home::Slot(label & SLOT_MASK),
        }
    }

    /// Cascade the buckets that hold the time, on every level from the top, but none of level 1 that is huge: that is cascaded
    /// beside the ticks, and set aside when it is over. False if the steps did not suffice.
    pub(super) fn cascade_due<O: Owner>(&mut self, owner: &mut O, steps: &mut u32) -> bool {
        for level in (1..LEVELS).rev() {
            let holds = self.next[0] >> (8 * level);
            while self.next[level] <= holds {
                let index = self.next[level];
                if level == 1 && self.is_huge(bucket(1, index)) {
                    if index == holds {
                        break;
                    }
                    if self.set_aside(1, index) {
                        self.next[1] = index + 1;
                        continue;
                    }
                }
                if !self.cascade(level, owner, steps) {
                    return false;
                }
            }
        }
        true
    }

    /// An item for a tick that is over: behind the others of that deadline if they are set aside.
    pub(super) fn push_overdue(&mut self, deadline: i64, item: Item) -> Position {
        let aside = self.aside.iter_mut().rfind(|aside| aside.level == 0 && aside.begin() == deadline);
        let tail = match &aside {
            Some(aside) => Some(aside.tail),
            None => (self.overdue != NIL).then_some(self.overdue),
        };
        let Some((at, end)) = self.pool.push(tail, OVERDUE, item) else {
            return Position::NONE;
        };
        self.len += 1;
        match aside {
            Some(aside) => {
                aside.count += 1;
                aside.tail = end.unwrap_or(aside.tail);
            }
            None => {
                self.overdue_from = if tail.is_none() { deadline } else { self.overdue_from.min(deadline) };
                self.overdue = end.unwrap_or(self.overdue);
            }
        }
        at
    }
}
