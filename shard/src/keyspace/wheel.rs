//! The timing wheel: which keys are due, in order, whatever their number.
//!
//! One wheel for each database of a shard. It has no clock: `now` is an argument, in Unix milliseconds, which are its
//! ticks. An item is due once `now > deadline`.
//!
//! ```text
//! level   a bucket spans   512 buckets span        level 0  |....t.......|............|
//!   0         1 ms             0.5 s                         ^time        ^next[1] << 8: where level 1 begins
//!   1       256 ms             131 s                level 1  |.............|.............|
//!   2        65 s              9.3 h                                        ^next[2] << 8: where level 2 begins
//!   3       4.7 h               99 d                ...
//!   4        50 d               70 y
//!   5        35 y             17800 y (what lies further is put into the last bucket and looked at again there)
//! ```
//!
//! Buckets are addressed by absolute time: bucket `i` of level L holds deadlines in `[i << 8L, (i + 1) << 8L)` and lives
//! in slot `i & 511`. `next[L]` is the first bucket of level L that has not been cascaded (spread over level L - 1). An item
//! goes to the lowest level whose parent bucket has been cascaded whole, so whatever was armed earlier for the same
//! deadline is in front of it, and the order of arming is kept. A level holds two spans of the level above, so
//! [`Wheel::work_ahead`] can cascade a bucket in slices during the whole span before it begins, and a bucket of a million
//! items never has to be cascaded at the moment when it begins. If it was not, [`Wheel::next_due`] does it then.
//!
//! **Order.** `next_due` hands out items in order of their deadline at that time, but for what is set aside; for one deadline
//! in the order in which they were armed, those moved there without being armed anew (a later deadline) behind those that were
//! there when the wheel noticed. Items armed for a deadline before the wheel's time (the last `now` drained) come first, in
//! order of arming, unless that deadline is set aside: then they come behind its others. After the clock went back by more than a
//! span, or while something was set aside, the order for one deadline is not kept between items armed before and after the step.
//!
//! **Nobody waits for a burst**: a bucket of more than `HUGE` (512) items whose time comes is set aside in O(1) and served beside
//! the ticks behind it, in turns. See `wheel/aside.rs`.
//!
//! **The clock stepped back.** The wheel's time is set back and the frontiers with it. Every slot is then read as the
//! first time from the new `next[L]` on that it can stand for, which is never later than the one it was filled for: items
//! come up on time or early, and every item that comes up early is armed again, because the owner is asked for the
//! deadline whenever an item is looked at. **Forward** jumps skip by bitmap from one occupied bucket to the next.
//!
//! **Memory**, measured by a test: 6.7 bytes an item for 1 M items over an hour, 6.6 for 1 M of one deadline (`bytes() /
//! len()`, what was asked of the allocator). 224 bytes when empty. A lone item costs 88 bytes, and its level's table 4.1 KiB,
//! half of which are the counts behind [`Wheel::count_until`]. After cancels, `work_ahead` merges chunks that have become
//! sparse; a table of 16 bytes for each chunk that there was at the peak (0.4 bytes an item) stays until the wheel is empty.

mod aside;
mod bucket;
mod item;
mod pool;
#[cfg(test)]
mod tests;

pub use item::{Item, Owner, Position};

use bucket::{Aside, Home, LEVELS, OVERDUE, SLOTS, TURN, bucket};
use pool::{Left, NIL, Pool};

/// What [`Wheel::upcoming`] shows: items, or what they stand for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Upcoming<T> {
    /// Nothing that comes from here on is due before this time (Unix milliseconds).
    From(i64),
    /// One that is due some time.
    Item(T),
}

/// Items cascaded for one step: that is far less work than to expire one.
const CASCADED: u32 = 4;
/// The wheel's own time stays between this and its negative (a million years), so that no shift overflows.
const FARTHEST: i64 = 1 << 55;

/// One level: the last chunk of each bucket, a bit for each that has one, and how many items are in it.
struct Level {
    bits: [u64; SLOTS / 64],
    tails: [u32; SLOTS],
    counts: [u32; SLOTS],
}

/// What came of a look at the ticks.
enum Found {
    Due(Item),
    /// One that was not due, and has gone where it belongs.
    Other,
    /// Nothing is due.
    Nothing,
    /// The steps did not suffice.
    Spent,
}

/// A hierarchical timing wheel. See the module for how it works and what it promises.
pub struct Wheel {
    /// The first bucket of each level that is not done. On level 0 that is the wheel's time: all ticks before it are
    /// done, and it is the last `now` drained, or on the way there. On the levels L above, done means cascaded, and
    /// `time >> 8L <= next[L] <= (time >> 8L) + 2`, and no child of a bucket that is not cascaded is cascaded.
    next: [i64; LEVELS],
    levels: [Option<Box<Level>>; LEVELS],
    pool: Pool,
    len: u32,
    overdue: u32,
    /// A chunk being looked at by the compaction, NIL if none is under way.
    hand: u32,
    /// Not later than any deadline in the bucket of the overdue.
    overdue_from: i64,
    /// Cancels since the last compaction began.
    cancelled: u32,
    /// What is set aside, in the order in which it is served: by the end of its time, lower levels first, then as it came.
    aside: Vec<Aside>,
    /// By how many steps the ticks are ahead of what waits.
    debt: u32,
    /// Of what waits, that which is set aside is served next, and not that which is to be cascaded.
    is_asides_turn: bool,
}

impl Wheel {
    /// An empty wheel. Allocates nothing.
    pub fn new(now: i64) -> Wheel {
        let mut wheel = Wheel {
            next: [0; LEVELS],
            levels: [const { None }; LEVELS],
            pool: Pool::new(),
            len: 0,
            overdue: NIL,
            hand: NIL,
            overdue_from: i64::MAX,
            cancelled: 0,
            aside: Vec::new(),
            debt: 0,
            is_asides_turn: false,
        };
        wheel.start_at(within(now));
        wheel
    }

    /// Put an item in, for any deadline: one far in the future is looked at again on the way, one in the past comes up at
    /// the next [`Wheel::next_due`]. O(1). Gives `Position::NONE`, and the item is not in the wheel, only if the
    /// wheel has four thousand million items.
    #[inline]
    pub fn arm(&mut self, deadline: i64, item: Item) -> Position {
        let (level, index) = self.place(deadline);
        self.push(level, index, deadline, item)
    }

    /// Take an item out. O(1). Does nothing for `Position::NONE`.
    #[inline]
    pub fn cancel(&mut self, at: Position) {
        if self.pool.label(at).is_none() {
            debug_assert!(at == Position::NONE, "cancelled what is not armed");
            return;
        }
        self.remove(at);
        self.cancelled = self.cancelled.saturating_add(1);
    }

    /// The entry was reallocated: same place, other token. O(1). Does nothing for `Position::NONE`.
    pub fn replace(&mut self, at: Position, item: Item) {
        if self.pool.label(at).is_none() {
            debug_assert!(at == Position::NONE, "replaced what is not armed");
            return;
        }
        self.pool.replace(at, item);
    }

    /// The earliest deadline that an item at this position may be given without being cancelled and armed anew. Not later
    /// than the deadline it was armed for: the start of its bucket. `i64::MAX` for `Position::NONE`. O(1).
    pub fn armed_for(&self, at: Position) -> i64 {
        match self.pool.label(at).map(|label| self.home(label)) {
            None => i64::MAX,
            Some(Home::Aside(number)) => self.aside[number].begin(),
            Some(Home::Slot(OVERDUE)) => self.overdue_from,
            Some(Home::Slot(slot)) => {
                let (level, slot) = (slot as usize / SLOTS, i64::from(slot) % SLOTS as i64);
                let from = self.next[level];
                (from + ((slot - from) & (SLOTS as i64 - 1))) << (8 * level)
            }
        }
    }

    /// The next item whose deadline is before `now`, taken out of the wheel (the owner is told); the module says in which
    /// order they come. None when nothing more is due, or when `steps` is used up: every item looked at or moved costs one,
    /// four that are cascaded cost one, and when it is zero on return there may be more. A `now` smaller than before sets the
    /// wheel back.
    pub fn next_due<O: Owner>(&mut self, now: i64, owner: &mut O, steps: &mut u32) -> Option<Item> {
        let now = within(now);
        self.see(now);
        loop {
            let waits = self.waits(now);
            if self.debt < TURN || !waits {
                let before = *steps;
                let found = self.look_at_ticks(now, owner, steps);
                self.debt = if waits { TURN.min(self.debt + (before - *steps)) } else { 0 };
                match found {
                    Found::Due(item) => return Some(item),
                    Found::Other => continue,
                    Found::Spent => return None,
                    Found::Nothing => {}
                }
            }
            // Not as it was above: the ticks may have set something aside.
            if !self.waits(now) {
                self.debt = 0;
                return None;
            }
            if *steps == 0 {
                return None;
            }
            if let Some(item) = self.look_at_what_waits(now, owner, steps) {
                return Some(item);
            }
        }
    }

    /// Cascade what begins within one span of its level, and merge chunks that cancels have left sparse, for at most
    /// `steps` steps. To be called once `next_due` has nothing more to give; true if more remains to be done.
    pub fn work_ahead<O: Owner>(&mut self, now: i64, owner: &mut O, steps: &mut u32) -> bool {
        let now = within(now);
        self.see(now);
        if self.len == 0 {
            *self = Wheel::new(now);
            return false;
        }
        !self.cascade_up_to(1, owner, steps) || self.compact(owner, steps)
    }

    /// The earliest `now` at which `next_due` or `work_ahead` could have something to do: never later than the true
    /// one, and it may lie in the past. None if there is nothing. Once both have been called with some `now` until they
    /// had nothing more to do, this is later than that `now`. It is not to be expected so if only `next_due` is called.
    pub fn next_wakeup(&self) -> Option<i64> {
        if self.len == 0 {
            return None;
        }
        let mut earliest = i64::MAX;
        if self.overdue != NIL {
            earliest = self.overdue_from.saturating_add(1);
        }
        if self.compaction_waits() {
            earliest = earliest.min(self.next[0]);
        }
        if let Some(tick) = self.first(0) {
            earliest = earliest.min(tick + 1);
        }
        for aside in &self.aside {
            earliest = earliest.min(aside.begin() + 1);
        }
        for level in 1..LEVELS {
            if let Some(index) = self.first(level) {
                earliest = earliest.min((index - 1) << (8 * level));
            }
        }
        Some(earliest)
    }

    /// Visits items bucket by bucket, in order of the buckets (what is set aside among them), until `visit` says no; changes
    /// nothing. Before the items of a bucket comes [`Upcoming::From`]: no item after it has a deadline before that time (those
    /// before it may have later ones, since deadlines move). A bucket that begins far ahead is large: all of its items come, in
    /// no order of deadlines.
    pub fn upcoming(&self, visit: &mut dyn FnMut(Upcoming<Item>) -> bool) {
        if self.overdue != NIL && !self.pool.items(self.overdue).all(|item| visit(Upcoming::Item(item))) {
            return;
        }
        // On each level the slots from `next` on, once around, and what is set aside; merged by the time at which a bucket begins.
        let mut at: [Option<i64>; LEVELS] = std::array::from_fn(|level| self.first(level));
        let mut aside: Vec<&Aside> = self.aside.iter().collect();
        aside.sort_by_key(|aside| std::cmp::Reverse(aside.begin()));
        loop {
            let begins = |(level, index): (usize, Option<i64>)| Some((index? << (8 * level), level, index?));
            let first = at.iter().copied().enumerate().filter_map(begins).min();
            let (begin, tail) = match (aside.last(), first) {
                (Some(next), first) if first.is_none_or(|(begin, ..)| next.begin() <= begin) => {
                    let found = (next.begin(), Some(next.tail));
                    aside.pop();
                    found
                }
                (_, Some((begin, level, index))) => {
                    let end = self.next[level] + SLOTS as i64;
                    at[level] = (index + 1..end).find(|index| self.tail(bucket(level, *index)).is_some());
                    (begin, self.tail(bucket(level, index)))
                }
                (_, None) => return,
            };
            if !visit(Upcoming::From(begin)) {
                return;
            }
            if let Some(tail) = tail
                && !self.pool.items(tail).all(|item| visit(Upcoming::Item(item)))
            {
                return;
            }
        }
    }

    /// How many items come up before each of these times (in ascending order or not). Counted by whole buckets; of one that
    /// goes on past the time, the part that would be before it if its items were spread evenly. An item whose
    /// deadline was moved later counts where it was armed, until it is looked at there. Changes nothing; O(buckets): some
    /// microseconds, however many items there are.
    pub fn count_until<const N: usize>(&self, times: [i64; N]) -> [usize; N] {
        let mut before = [0u64; N];
        let mut counted = 0u64;
        let mut add = |begin: i64, span: i64, count: u32| {
            counted += u64::from(count);
            for (before, &time) in before.iter_mut().zip(&times) {
                let part = within(time).saturating_sub(begin).clamp(0, span);
                *before += (i128::from(count) * i128::from(part) / i128::from(span)) as u64;
            }
        };
        for (number, level) in self.levels.iter().enumerate() {
            let Some(level) = level.as_deref() else { continue };
            let from = self.next[number];
            for (slot, &count) in level.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let index = from + ((slot as i64 - from) & (SLOTS as i64 - 1));
                add(index << (8 * number), 1i64 << (8 * number), count);
            }
        }
        self.aside.iter().for_each(|aside| add(aside.begin(), aside.span(), aside.count));
        // The overdue come up at once.
        let overdue = u64::from(self.len).saturating_sub(counted);
        before.map(|count| (count + overdue) as usize)
    }

    /// Items in the wheel.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory of the wheel, itself included, as asked of the allocator.
    pub fn bytes(&self) -> usize {
        size_of::<Wheel>()
            + self.pool.bytes()
            + self.levels.iter().flatten().count() * size_of::<Level>()
            + self.aside.capacity() * size_of::<Aside>()
    }

    /// Take note of the time: set the wheel back if it has stepped back, forward if there is nothing to step over.
    fn see(&mut self, now: i64) {
        if self.len == 0 {
            self.start_at(now);
        } else if now < self.next[0] {
            self.next[0] = now;
            for level in 1..LEVELS {
                self.next[level] = self.next[level].min((now >> (8 * level)) + 2);
            }
        }
    }

    /// The time of an empty wheel: what is empty counts as cascaded.
    fn start_at(&mut self, now: i64) {
        self.next[0] = now;
        for level in 1..LEVELS {
            self.next[level] = (now >> (8 * level)) + 2;
        }
    }

    /// The next look at the overdue or at a tick that is due, or a slice of a cascade without which none is known.
    fn look_at_ticks<O: Owner>(&mut self, now: i64, owner: &mut O, steps: &mut u32) -> Found {
        loop {
            let (at, last) = if self.overdue != NIL {
                (OVERDUE, self.next[0] - 1)
            } else {
                if !self.cascade_due(owner, steps) {
                    return Found::Spent;
                }
                // What was cascaded late may be for ticks that are over.
                if self.overdue != NIL {
                    continue;
                }
                // Not beyond what is cascaded, or is being cascaded beside.
                let (time, cascading) = (self.next[0], self.next[1] <= self.next[0] >> 8);
                let end = now.min((self.next[1] + i64::from(cascading)) << 8);
                let tick = self.first(0);
                match tick.filter(|&tick| tick < end) {
                    Some(tick) => {
                        self.next[0] = tick;
                        if self.is_huge(bucket(0, tick)) && self.set_aside(0, tick) {
                            self.next[0] = tick + 1;
                            continue;
                        }
                        (bucket(0, tick), tick)
                    }
                    None if end == now => {
                        self.next[0] = now;
                        return Found::Nothing;
                    }
                    None if cascading => {
                        self.next[0] = time.max(end);
                        continue;
                    }
                    None => {
                        self.skip(tick.map_or(now, |tick| tick.min(now)));
                        continue;
                    }
                }
            };
            if spend(steps).is_none() {
                return Found::Spent;
            }
            let Some(item) = self.pop(at) else { return Found::Nothing };
            return self.look(item, last, owner).map_or(Found::Other, Found::Due);
        }
    }

    /// Nothing until the end of what is cascaded: on to the next bucket that has something, or to this time.
    fn skip(&mut self, mut time: i64) {
        for level in 1..LEVELS {
            if let Some(index) = self.first(level) {
                time = time.min(index << (8 * level));
            }
        }
        for level in 0..LEVELS {
            self.next[level] = self.next[level].max(time >> (8 * level));
        }
    }

    /// Decide on an item just taken out of the wheel: hand it out if its deadline is at or before `last`, else put it
    /// where its deadline belongs.
    fn look<O: Owner>(&mut self, item: Item, last: i64, owner: &mut O) -> Option<Item> {
        let deadline = owner.deadline(item);
        if deadline <= last {
            owner.moved(item, Position::NONE);
            return Some(item);
        }
        let at = if deadline == i64::MAX { Position::NONE } else { self.arm(deadline, item) };
        owner.moved(item, at);
        None
    }

    /// On every level, from the top, cascade the bucket that holds the time, and `ahead` more. False if the steps did not
    /// suffice.
    fn cascade_up_to<O: Owner>(&mut self, ahead: i64, owner: &mut O, steps: &mut u32) -> bool {
        for level in (1..LEVELS).rev() {
            while self.next[level] <= (self.next[0] >> (8 * level)) + ahead {
                if !self.cascade(level, owner, steps) {
                    return false;
                }
            }
        }
        true
    }

    /// Spread the next bucket of a level over the level below. False if the steps did not suffice; then it goes on where it
    /// was, and items armed meanwhile are behind.
    fn cascade<O: Owner>(&mut self, level: usize, owner: &mut O, steps: &mut u32) -> bool {
        let index = self.next[level];
        let from = bucket(level, index);
        let mut paid = 0;
        while self.tail(from).is_some() {
            if paid == 0 {
                if spend(steps).is_none() {
                    return false;
                }
                paid = CASCADED;
            }
            paid -= 1;
            let Some(item) = self.pop(from) else { break };
            let deadline = owner.deadline(item);
            let at = if deadline == i64::MAX {
                Position::NONE
            } else {
                match self.place(deadline) {
                    (l, i) if l == level && i == index => {
                        self.push(level - 1, deadline >> (8 * (level - 1)), deadline, item)
                    }
                    (l, i) => self.push(l, i, deadline, item),
                }
            };
            owner.moved(item, at);
        }
        self.next[level] = index + 1;
        true
    }

    /// Level and bucket for a deadline; level LEVELS for the overdue.
    #[inline]
    fn place(&self, deadline: i64) -> (usize, i64) {
        if deadline < self.next[0] {
            return (LEVELS, 0);
        }
        // As many levels as have not cascaded the bucket of this deadline: what one has not, none below has.
        let mut level = 0;
        for l in 1..LEVELS {
            level += usize::from(deadline >> (8 * l) >= self.next[l]);
        }
        let mut index = deadline >> (8 * level);
        if level == LEVELS - 1 {
            index = index.min(self.next[level] + SLOTS as i64 - 1);
        }
        (level, index)
    }

    #[inline]
    fn push(&mut self, level: usize, index: i64, deadline: i64, item: Item) -> Position {
        let slot = bucket(level, index);
        if slot == OVERDUE {
            return self.push_overdue(deadline, item);
        }
        let tail = self.tail(slot);
        let label = if self.aside.is_empty() || tail.is_some() { slot } else { self.fresh_label(slot) };
        let Some((at, end)) = self.pool.push(tail, label, item) else {
            return Position::NONE;
        };
        if end.is_some() {
            self.set_tail(slot, end);
        }
        self.len += 1;
        if let Some(count) = self.count_mut(slot) {
            *count += 1;
        }
        at
    }

    /// Take the first item out of a slot.
    fn pop(&mut self, slot: u16) -> Option<Item> {
        let (at, item) = self.pool.first(self.tail(slot)?);
        self.remove(at);
        Some(item)
    }

    #[inline]
    fn remove(&mut self, at: Position) {
        self.len -= 1;
        let (label, left) = self.pool.take(at);
        match self.home(label) {
            Home::Aside(number) => self.aside[number].count -= 1,
            Home::Slot(slot) => {
                if let Some(count) = self.count_mut(slot) {
                    *count -= 1;
                }
            }
        }
        self.note(left);
    }

    /// The number of items in a slot of a level that has a table; None for the overdue.
    #[inline]
    fn count_mut(&mut self, slot: u16) -> Option<&mut u32> {
        let level = self.levels.get_mut(slot as usize / SLOTS)?.as_deref_mut()?;
        Some(&mut level.counts[slot as usize % SLOTS])
    }

    /// Keep the end of a bucket right after its pool has taken something out.
    #[inline]
    fn note(&mut self, left: Left) {
        match left {
            Left::Others => {}
            Left::Nothing(label) => match self.home(label) {
                Home::Aside(number) => drop(self.aside.remove(number)),
                Home::Slot(slot) => self.set_tail(slot, None),
            },
            Left::Chunks { gone, prev, label } => match self.home(label) {
                Home::Aside(number) if self.aside[number].tail == gone => self.aside[number].tail = prev,
                Home::Slot(slot) if self.tail(slot) == Some(gone) => self.set_tail(slot, Some(prev)),
                _ => {}
            },
        }
    }

    /// The last chunk in a slot.
    #[inline]
    fn tail(&self, slot: u16) -> Option<u32> {
        if slot == OVERDUE {
            return (self.overdue != NIL).then_some(self.overdue);
        }
        let number = slot as usize % SLOTS;
        let level = self.levels[slot as usize / SLOTS].as_deref()?;
        (level.bits[number / 64] >> (number % 64) & 1 == 1).then_some(level.tails[number])
    }

    fn set_tail(&mut self, slot: u16, tail: Option<u32>) {
        if slot == OVERDUE {
            self.overdue = tail.unwrap_or(NIL);
            return;
        }
        let number = slot as usize % SLOTS;
        let level = self.levels[slot as usize / SLOTS]
            .get_or_insert_with(|| Box::new(Level { bits: [0; SLOTS / 64], tails: [NIL; SLOTS], counts: [0; SLOTS] }));
        let bit = 1 << (number % 64);
        match tail {
            Some(tail) => {
                level.tails[number] = tail;
                level.bits[number / 64] |= bit;
            }
            None => level.bits[number / 64] &= !bit,
        }
    }

    /// The first bucket of a level that has items.
    fn first(&self, level: usize) -> Option<i64> {
        let bits = &self.levels[level].as_deref()?.bits;
        let from = self.next[level];
        let start = (from & (SLOTS as i64 - 1)) as usize;
        let behind = u64::MAX << (start % 64);
        // Once around: the first word is seen twice, its end at the beginning and its beginning at the end.
        for i in 0..=bits.len() {
            let word = (start / 64 + i) % bits.len();
            let found = match i {
                0 => bits[word] & behind,
                8 => bits[word] & !behind,
                _ => bits[word],
            };
            if found != 0 {
                let slot = word * 64 + found.trailing_zeros() as usize;
                return Some(from + ((slot + SLOTS - start) % SLOTS) as i64);
            }
        }
        None
    }

    /// Whether enough was cancelled for a look at all chunks to be worth it: eight for each chunk to look at.
    fn compaction_waits(&self) -> bool {
        self.hand != NIL || self.cancelled >= 64 + 8 * self.pool.numbers()
    }

    /// Go over the chunks in slices and merge each with its successor while the items of both fit into one. True if the
    /// steps did not suffice.
    fn compact<O: Owner>(&mut self, owner: &mut O, steps: &mut u32) -> bool {
        if !self.compaction_waits() {
            return false;
        }
        if self.hand == NIL {
            self.hand = 0;
            self.cancelled = 0;
        }
        while self.hand < self.pool.numbers() {
            // The step for this chunk is paid last, so that a budget of one gets somewhere too.
            if self.merge(self.hand, owner, steps).is_none() || spend(steps).is_none() {
                return true;
            }
            self.hand += 1;
        }
        self.hand = NIL;
        false
    }

    /// Merge a chunk with those after it, item by item, each left in order whenever the steps end (then None).
    fn merge<O: Owner>(&mut self, id: u32, owner: &mut O, steps: &mut u32) -> Option<()> {
        while let Some((next, label, true)) = self.pool.neighbour(id) {
            let tail = match self.home(label) {
                Home::Aside(number) => Some(self.aside[number].tail),
                Home::Slot(slot) => self.tail(slot),
            };
            if tail == Some(id) {
                break;
            }
            // A move is paid before it is made; what the last round of this loop pays is for the first of the next.
            loop {
                spend(steps)?;
                let Some((item, at)) = self.pool.pack(id) else {
                    break;
                };
                owner.moved(item, at);
            }
            loop {
                let (from, item) = self.pool.first_of(next);
                let Some(at) = self.pool.append(id, item) else {
                    return Some(());
                };
                owner.moved(item, at);
                // From one chunk of the bucket to another: its count stays.
                let (_, left) = self.pool.take(from);
                let emptied = !matches!(left, Left::Others);
                self.note(left);
                if emptied {
                    break;
                }
                spend(steps)?;
            }
        }
        Some(())
    }
}

fn within(now: i64) -> i64 {
    now.clamp(-FARTHEST, FARTHEST)
}

/// Pay one step; None if there is none.
#[inline]
fn spend(steps: &mut u32) -> Option<()> {
    *steps = steps.checked_sub(1)?;
    Some(())
}
