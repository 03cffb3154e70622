//! The table from keys to entries: extendible hashing over small sorted segments.
//!
//! ```text
//! 64-bit hash:  | local depth bits | 16-bit tag |  rest  |      (the directory uses the top `depth` bits, depth >= local)
//!
//! directory: 2^depth elements of 8 bytes            segment
//! +-------------------------------------+           +--------------------------+-----------------------+------+---+
//! | local depth 8 | code 8 | address 48 | --------> | Head 16 B: len, cap, ... | cap slots of 8 bytes  | tail | 0 |
//! +-------------------------------------+           +--------------------------+-----------------------+------+---+
//!                                                   slot: | tag 16 | address of the entry 48 |, 0 when empty
//! ```
//!
//! - A lookup reads the directory (a few KiB for each million keys: in cache), the slots around the home (one miss) and
//!   the entry (one miss). Home = tag * cap / 65536, so the order of slots is the order of hashes.
//! - Slots are sorted by tag without gaps between a home and its entry (ordered linear probing). A search ends at the
//!   first empty slot or larger tag; removal shifts back by tags alone, so there are no tombstones. What would run past
//!   `cap` goes to the tail; the last slot is always empty, so no search needs to check bounds.
//! - `cap` is such that a segment takes 128, 256, ... 4096, 5120, 6144, 7168, 8192 bytes, what the allocator gives without
//!   rounding (the code is its index in [`CAPS`]). A segment is filled to 7/8, then takes
//!   the next size; a full one of 8 KiB is split by one more bit of the hash. Only a split reads entries (about 900,
//!   prefetched); every other change of size moves slots by their tags. A segment below a quarter shrinks, and joins its
//!   sibling when both together have at most [`MERGE_MAX`]: a tag then takes the lost bit of the prefix at its top.
//! - So one operation costs at most a split (some tens of microseconds), except for doubling or halving the directory: a
//!   memcpy of 8 bytes for each 700 keys or so. A segment's directory elements are rewritten when it moves: few, because
//!   depths of segments hardly differ and the directory is halved when two levels of it are unused.
//! - Bytes for each key: 8 / load (between 0.7 and 0.875, depending on where in the cycle all segments are), about 10.2.
//! - Hashes that are equal in their upper half (the hasher is keyed, so nobody can choose them) cannot be split apart. The
//!   directory is not doubled beyond one element for each 32 keys, nor beyond [`DEPTH_MAX`] bits; segments then grow past
//!   that by doubling, and searches among equal tags are linear.
//!
//! Invariants (`check` in the tests):
//! - The elements of a segment are the 2^(depth - local depth) ones whose index starts with its prefix.
//! - Every non-empty slot holds the address of a live entry whose hash starts with the segment's prefix and the tag.
//! - Slots are sorted by tag; each is at or behind its home, without an empty slot between; the last slot is empty.
//! - `at_depth[d]` counts segments of local depth d; `len` is the sum of the segments' `len`.
//!
//! SCAN: a cursor is the top [`CURSOR_BITS`] bits of a position in hash order. Slots are visited in the order of their tags, and a call
//! stops only between two tags, so all entries with a hash below the new cursor have been returned and no other. That
//! says nothing of segments or sizes: it stays true whatever grows, shrinks, splits or merges between the calls.
#![allow(unsafe_code)]

use super::entry::{Block, EntryRef};
use crate::prefetch::prefetch;
use crate::random::Random;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Slots of a segment by its code.
const CAPS: [u32; 31] = {
    let mut caps = [0u32; 31];
    let usual = [9, 25, 57, 121, 248, 502, 629, 756, 883, 1010];
    let mut code = 0;
    while code < caps.len() {
        caps[code] = if code < usual.len() { usual[code] } else { 2 << code };
        code += 1;
    }
    caps
};
/// Code of the capacity at which a segment splits.
const SPLIT_CODE: usize = 9;
/// Two siblings with at most so many entries become one segment (of 4 KiB).
const MERGE_MAX: usize = 384;
/// Bits of a cursor. With the number of one of 64 shards above them they stay below 10^14, which languages with numbers of
/// 53 bits, and those that print 14 digits of them (Lua), hand on unchanged.
pub const CURSOR_BITS: u32 = 40;
/// No segment has a longer prefix: prefix and tag fit a cursor.
const DEPTH_MAX: u32 = CURSOR_BITS - 16;
/// Bits of a position below those of a cursor.
const CURSOR_SHIFT: u32 = 64 - CURSOR_BITS;
/// The directory never has more than one element for this many keys (but for the first few).
const KEYS_PER_ELEMENT_MIN: usize = 32;
const ADDRESS: u64 = (1 << 48) - 1;

const _: () = assert!(CAPS[SPLIT_CODE] == 1010 && CAPS[SPLIT_CODE + 1] == 2048);
const _: () = assert!(size_of::<Head>() == 16);
const _: () = {
    let bytes = [128, 256, 512, 1024, 2048, 4096, 5120, 6144, 7168, 8192];
    let mut code = 0;
    while code < bytes.len() {
        assert!(size_of::<Head>() + 8 * (CAPS[code] as usize + tail_min(CAPS[code]) + 1) == bytes[code]);
        code += 1;
    }
};

#[repr(C, align(16))]
struct Head {
    /// Entries in the segment.
    len: u32,
    /// Slots that can be a home.
    cap: u32,
    /// All slots: homes, tail, and the one that stays empty.
    total: u32,
    depth: u8,
    code: u8,
}

/// Where an entry was found. Valid until the table is changed.
#[derive(Clone, Copy)]
pub(super) struct Place(NonNull<u64>);

/// The table of one keyspace.
pub(super) struct Table {
    directory: Vec<u64>,
    /// The directory has 2^depth elements.
    depth: u32,
    len: usize,
    segment_bytes: usize,
    at_depth: [u32; DEPTH_MAX as usize + 1],
}

// SAFETY: segments belong to the table alone; entries belong to the keyspace and are `Send` with their objects.
unsafe impl Send for Table {}

impl Table {
    pub(super) fn new() -> Self {
        let mut table =
            Table { directory: Vec::new(), depth: 0, len: 0, segment_bytes: 0, at_depth: [0; DEPTH_MAX as usize + 1] };
        let first = table.build(0, 0, &[]);
        table.directory.push(first.element());
        table
    }

    /// Entries.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.segment_bytes + self.directory.capacity() * size_of::<u64>()
    }

    /// Finds a key. O(1).
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, Block)> {
        let element = self.element(hash);
        let tag = tag_at(hash, element.depth());
        let mut slot = element.slot(home(tag, element.cap()));
        loop {
            // SAFETY: homes lie before the segment's last slot, which is empty and ends the loop.
            let word = unsafe { slot.read() };
            let there = word >> 48;
            if there >= tag {
                if there > tag || word == 0 {
                    return None;
                }
                let block = Block::from_address(word & ADDRESS);
                if block.has_key(key) {
                    // SAFETY: a pointer into a segment is not null.
                    return Some((Place(unsafe { NonNull::new_unchecked(slot) }), block));
                }
            } else if word == 0 {
                return None;
            }
            // SAFETY: the slot was not empty, so it was not the last one.
            slot = unsafe { slot.add(1) };
        }
    }

    /// Adds an entry whose key is not there. `rehash` gives the hash of a key. Amortized O(1), at worst a split.
    pub(super) fn insert(&mut self, hash: u64, block: Block, rehash: impl Fn(&[u8]) -> u64) {
        loop {
            let element = self.element(hash);
            let tag = tag_at(hash, element.depth());
            let segment = element.segment();
            if (segment.len() + 1) * 8 > segment.cap() as usize * 7 {
                self.grow(hash, &rehash);
                continue;
            }
            if segment.insert(tag, tag << 48 | block.address()) {
                self.len += 1;
                return;
            }
            self.resize(hash, element.code(), segment.total() as usize / 32 + 8);
        }
    }

    /// Lets a place lead to another block of the same key.
    #[inline]
    pub(super) fn replace(&mut self, place: Place, block: Block) {
        // SAFETY: the table was not changed since `find` gave the place.
        unsafe {
            let slot = place.0.as_ptr();
            slot.write(slot.read() & !ADDRESS | block.address());
        }
    }

    /// Forgets the entry of a key that has this hash. Amortized O(1).
    pub(super) fn remove(&mut self, hash: u64, place: Place) {
        let segment = self.element(hash).segment();
        segment.remove(place);
        self.len -= 1;
        if segment.len() * 4 < segment.cap() as usize {
            self.shrink(hash);
        }
    }

    /// Asks for the cache lines of a key's home slot.
    #[inline]
    pub(super) fn prefetch_slot(&self, hash: u64) {
        let element = self.element(hash);
        let slot = element.slot(home(tag_at(hash, element.depth()), element.cap()));
        prefetch(slot);
        // Searches read five slots on average: into the next line half of the time.
        prefetch(slot.wrapping_add(5));
    }

    /// Asks for the cache lines of the first entry that may be the key's.
    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) {
        let element = self.element(hash);
        let tag = tag_at(hash, element.depth());
        let mut slot = element.slot(home(tag, element.cap()));
        loop {
            // SAFETY: as in `find`.
            let word = unsafe { slot.read() };
            if word == 0 || word >> 48 > tag {
                return;
            }
            if word >> 48 == tag {
                let entry = Block::from_address(word & ADDRESS).pointer().as_ptr();
                prefetch(entry);
                prefetch(entry.wrapping_add(60));
                return;
            }
            // SAFETY: the slot was not empty, so it was not the last one.
            slot = unsafe { slot.add(1) };
        }
    }

    /// Visits entries from `cursor` on (0 to start), about `count` of them, and gives the next cursor, 0 at the end.
    /// Cursors have [`CURSOR_BITS`]; higher bits of the given one are ignored.
    pub(super) fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        let mut position = cursor << CURSOR_SHIFT;
        let mut wanted = count.max(1);
        let mut empties = count.max(1).saturating_mul(10);
        loop {
            let element = self.element(position);
            let (depth, cap) = (element.depth(), element.cap());
            let slots = element.segment().slots();
            let prefix = position & !(u64::MAX >> depth);
            let from = tag_at(position, depth);
            let mut i = home(from, cap);
            while slots[i] != 0 && slots[i] >> 48 < from {
                i += 1;
            }
            let mut last = None;
            while i < slots.len() - 1 {
                let word = slots[i];
                let enough = wanted == 0 || empties == 0;
                // Where the walk may stop: before this tag, all with smaller ones having been visited.
                let stop = if word == 0 { first_tag(i, cap) } else { word >> 48 };
                if enough && last != Some(stop) {
                    if stop > 0xFFFF {
                        break;
                    }
                    return (prefix | stop << (48 - depth)) >> CURSOR_SHIFT;
                }
                if word == 0 {
                    empties = empties.saturating_sub(1);
                } else {
                    visit(Block::from_address(word & ADDRESS).as_ref());
                    wanted = wanted.saturating_sub(1);
                    last = Some(stop);
                }
                i += 1;
            }
            match next_prefix(position, depth) {
                None => return 0,
                Some(next) if wanted == 0 || empties == 0 => return next >> CURSOR_SHIFT,
                Some(next) => position = next,
            }
        }
    }

    /// A random entry, chosen by `random`: reasonably uniform (entries of fuller segments up to 1.6 times less likely).
    pub(super) fn random(&self, random: u64) -> Option<EntryRef<'_>> {
        const TRIES: usize = 128;
        if self.len == 0 {
            return None;
        }
        let mut random = Random::new(random);
        for _ in 0..TRIES {
            let slots = self.element(random.number()).segment().slots();
            let i = random.below(slots.len());
            if slots[i] != 0 {
                return Some(Block::from_address(slots[i] & ADDRESS).as_ref());
            }
        }
        // Very few entries in many segments: the first from a random place on, or else the first of all.
        let start = random.number();
        Iter::from(self, start).next().or_else(|| self.iter().next())
    }

    /// All entries, in the order of their hashes.
    pub(super) fn iter(&self) -> Iter<'_> {
        Iter::from(self, 0)
    }

    #[inline]
    fn element(&self, hash: u64) -> Element {
        let index = ((hash >> 1) >> (63 - self.depth)) as usize;
        debug_assert!(index < self.directory.len());
        // SAFETY: the directory has 2^depth elements, and the index has `depth` bits.
        Element(unsafe { *self.directory.get_unchecked(index) })
    }

    /// Makes room in the segment of `hash`: a bigger size, or a split.
    #[cold]
    fn grow(&mut self, hash: u64, rehash: &impl Fn(&[u8]) -> u64) {
        let element = self.element(hash);
        if element.code() < SPLIT_CODE || !self.may_split(element.depth()) {
            return self.resize(hash, element.code() + 1, 0);
        }
        let depth = element.depth() + 1;
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|e| [*e, *e]).collect();
            self.depth = depth;
        }
        let segment = element.segment();
        let mut words: Vec<u64> = segment.words().collect();
        let ahead = 16;
        for i in 0..words.len() {
            if let Some(word) = words.get(i + ahead) {
                let entry = Block::from_address(word & ADDRESS).pointer().as_ptr();
                prefetch(entry);
                prefetch(entry.wrapping_add(60));
            }
            let address = words[i] & ADDRESS;
            let hash = rehash(Block::from_address(address).key());
            debug_assert_eq!(tag_at(hash, depth - 1), words[i] >> 48);
            words[i] = address | tag_at(hash, depth) << 48;
        }
        // The top bit of the old tag becomes the last of the prefix.
        let boundary = segment.words().take_while(|word| word >> 63 == 0).count();
        let (low, high) = words.split_at_mut(boundary);
        // Only entries whose old tags were equal can be out of order.
        for half in [&mut *low, &mut *high] {
            if !half.is_sorted_by_key(|word| word >> 48) {
                half.sort_unstable_by_key(|word| word >> 48);
            }
        }
        let low = self.build(depth, fitting(low.len()), low);
        let high = self.build(depth, fitting(high.len()), high);
        self.point(hash & !(1 << (64 - depth)), low);
        self.point(hash | 1 << (64 - depth), high);
        self.release(segment);
    }

    /// Whether a segment of this local depth may be split.
    fn may_split(&self, depth: u32) -> bool {
        depth < self.depth || (depth < DEPTH_MAX && 2usize << self.depth <= (self.len / KEYS_PER_ELEMENT_MIN).max(16))
    }

    /// Gives the segment of `hash` another capacity, and at least `tail` slots behind.
    #[cold]
    fn resize(&mut self, hash: u64, code: usize, tail: usize) {
        let element = self.element(hash);
        let segment = element.segment();
        let words: Vec<u64> = segment.words().collect();
        let extra = if tail == 0 { 0 } else { segment.total() as usize - segment.cap() as usize + tail };
        let resized = self.build_with_tail(element.depth(), code, &words, extra);
        self.point(hash, resized);
        self.release(segment);
    }

    /// Joins the segment of `hash` with its sibling, if they are small, or makes it smaller.
    #[cold]
    fn shrink(&mut self, hash: u64) {
        loop {
            let element = self.element(hash);
            let (depth, segment) = (element.depth(), element.segment());
            if depth == 0 {
                break;
            }
            let bit = 1 << (64 - depth);
            let (low, high) = (self.element(hash & !bit), self.element(hash | bit));
            if low.depth() != high.depth() || low.segment().len() + high.segment().len() > MERGE_MAX {
                break;
            }
            debug_assert!(segment == low.segment() || segment == high.segment());
            let (low, high) = (low.segment(), high.segment());
            let words: Vec<u64> = low
                .words()
                .map(|word| word >> 1 & !ADDRESS | word & ADDRESS)
                .chain(high.words().map(|word| 1 << 63 | word >> 1 & !ADDRESS | word & ADDRESS))
                .collect();
            let merged = self.build(depth - 1, fitting(words.len()), &words);
            self.point(hash, merged);
            self.release(low);
            self.release(high);
        }
        let element = self.element(hash);
        let segment = element.segment();
        let code = fitting(segment.len());
        if code < element.code() && segment.len() * 4 < segment.cap() as usize {
            self.resize(hash, code, 0);
        }
        // Two unused levels, so that a table at the boundary does not halve and double in turns.
        while self.depth > 1 && self.at_depth[self.depth as usize] == 0 && self.at_depth[self.depth as usize - 1] == 0 {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.depth -= 1;
        }
    }

    /// Lets all directory elements of a segment, one of which is that of `hash`, lead to it.
    fn point(&mut self, hash: u64, segment: Segment) {
        let depth = segment.head().depth as u32;
        let count = 1usize << (self.depth - depth);
        let index = ((hash >> 1) >> (63 - self.depth)) as usize & !(count - 1);
        self.directory[index..index + count].fill(segment.element());
    }

    /// A new segment of these slots, sorted by tag.
    fn build(&mut self, depth: u32, code: usize, words: &[u64]) -> Segment {
        self.build_with_tail(depth, code, words, 0)
    }

    fn build_with_tail(&mut self, depth: u32, code: usize, words: &[u64], tail: usize) -> Segment {
        let cap = CAPS[code];
        let mut end = 0;
        for word in words {
            end = end.max(home(word >> 48, cap)) + 1;
        }
        let tail = tail.max(tail_min(cap)).max((end + 4).saturating_sub(cap as usize));
        let total = cap as usize + tail + 1;
        let layout = segment_layout(total);
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(head) = NonNull::new(memory.cast::<Head>()) else { handle_alloc_error(layout) };
        assert!(head.as_ptr() as usize >> 48 == 0, "addresses have at most 48 bits");
        // SAFETY: the memory is big enough for the head and `total` slots, and zeroed: all slots are empty.
        unsafe {
            head.write(Head {
                len: words.len() as u32,
                cap,
                total: total as u32,
                depth: depth as u8,
                code: code as u8,
            });
        }
        let segment = Segment(head);
        let mut next = 0;
        for word in words {
            let at = next.max(home(word >> 48, cap));
            // SAFETY: `at < end <= cap + tail`, see above.
            unsafe { segment.slot(at).write(*word) }
            next = at + 1;
        }
        self.segment_bytes += layout.size();
        self.at_depth[depth as usize] += 1;
        segment
    }

    fn release(&mut self, segment: Segment) {
        let layout = segment_layout(segment.total() as usize);
        self.segment_bytes -= layout.size();
        self.at_depth[segment.head().depth as usize] -= 1;
        // SAFETY: the segment came from `build` with this layout, and no directory element leads to it any more.
        unsafe { dealloc(segment.0.as_ptr().cast(), layout) }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let mut position = Some(0);
        while let Some(at) = position {
            let element = self.element(at);
            // The directory is not read at this segment's elements again.
            position = next_prefix(at, element.depth());
            self.release(element.segment());
        }
    }
}

/// Entries in the order of their hashes; see `Table::iter`.
pub struct Iter<'a> {
    table: &'a Table,
    /// Where the segment after this one starts.
    next: Option<u64>,
    slots: std::slice::Iter<'a, u64>,
}

impl<'a> Iter<'a> {
    /// From the segment that holds `position` on.
    fn from(table: &'a Table, position: u64) -> Self {
        Iter { table, next: Some(position), slots: [].iter() }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        loop {
            if let Some(word) = self.slots.by_ref().find(|word| **word != 0) {
                return Some(Block::from_address(word & ADDRESS).as_ref());
            }
            let position = self.next?;
            let element = self.table.element(position);
            self.next = next_prefix(position, element.depth());
            self.slots = element.segment().slots().iter();
        }
    }
}

/// A directory element.
#[derive(Clone, Copy)]
struct Element(u64);

impl Element {
    #[inline]
    fn depth(self) -> u32 {
        (self.0 >> 56) as u32
    }

    #[inline]
    fn code(self) -> usize {
        (self.0 >> 48 & 0xFF) as usize
    }

    #[inline]
    fn cap(self) -> u32 {
        CAPS[self.code()]
    }

    #[inline]
    fn segment(self) -> Segment {
        // SAFETY: an element holds the address of a live segment, never null.
        unsafe { Segment(NonNull::new_unchecked(ptr::with_exposed_provenance_mut((self.0 & ADDRESS) as usize))) }
    }

    /// Slot `i`, without reading the segment's head. `i` is a home.
    #[inline]
    fn slot(self, i: usize) -> *mut u64 {
        // SAFETY: homes are below `cap`, and the segment has more slots than that.
        unsafe { self.segment().slot(i) }
    }
}

/// A live segment. Copies of the handle are used within one operation of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Segment(NonNull<Head>);

impl Segment {
    fn head(&self) -> &Head {
        // SAFETY: the segment is live; heads are changed by `insert` and `remove` only, which hold no such reference.
        unsafe { self.0.as_ref() }
    }

    fn len(&self) -> usize {
        self.head().len as usize
    }

    fn cap(&self) -> u32 {
        self.head().cap
    }

    fn total(&self) -> u32 {
        self.head().total
    }

    fn element(&self) -> u64 {
        let head = self.head();
        u64::from(head.depth) << 56 | u64::from(head.code) << 48 | self.0.as_ptr().expose_provenance() as u64
    }

    /// # Safety
    /// `i` is less than `total`.
    #[inline]
    unsafe fn slot(self, i: usize) -> *mut u64 {
        // SAFETY: slots follow the head.
        unsafe { self.0.as_ptr().add(1).cast::<u64>().add(i) }
    }

    /// All slots, for as long as the table is not changed.
    fn slots<'a>(self) -> &'a [u64] {
        // SAFETY: `total` slots follow the head, initialized from the start.
        unsafe { std::slice::from_raw_parts(self.slot(0), self.total() as usize) }
    }

    /// The slots that are not empty.
    fn words(self) -> impl Iterator<Item = u64> {
        self.slots().iter().copied().filter(|word| *word != 0)
    }

    /// Puts a slot where its tag belongs; false when that would need the last slot.
    fn insert(self, tag: u64, word: u64) -> bool {
        let mut at = home(tag, self.cap());
        let last = self.total() as usize - 1;
        // SAFETY: the loops end at the last slot, which is empty; the shift ends before it.
        unsafe {
            while self.slot(at).read() != 0 && self.slot(at).read() >> 48 <= tag {
                at += 1;
            }
            let mut empty = at;
            while self.slot(empty).read() != 0 {
                empty += 1;
            }
            if empty == last {
                return false;
            }
            ptr::copy(self.slot(at), self.slot(at + 1), empty - at);
            self.slot(at).write(word);
            (*self.0.as_ptr()).len += 1;
        }
        true
    }

    /// Empties a slot and lets those behind it move up, as far as their homes allow.
    fn remove(self, place: Place) {
        let cap = self.cap();
        // SAFETY: the place is a slot of this segment that is not empty, so not the last; that one ends the loop.
        unsafe {
            let at = place.0.as_ptr().offset_from(self.slot(0)) as usize;
            let mut end = at + 1;
            loop {
                let word = self.slot(end).read();
                if word == 0 || home(word >> 48, cap) == end {
                    break;
                }
                end += 1;
            }
            ptr::copy(self.slot(at + 1), self.slot(at), end - at - 1);
            self.slot(end - 1).write(0);
            (*self.0.as_ptr()).len -= 1;
        }
    }
}

/// The 16 bits of a hash below a prefix of `depth` bits.
#[inline]
fn tag_at(hash: u64, depth: u32) -> u64 {
    (hash << depth) >> 48
}

#[inline]
fn home(tag: u64, cap: u32) -> usize {
    ((tag * u64::from(cap)) >> 16) as usize
}

/// The smallest tag whose home is behind slot `i`; above 0xFFFF when there is none.
fn first_tag(i: usize, cap: u32) -> u64 {
    ((i as u64 + 1) << 16).div_ceil(u64::from(cap))
}

/// The code of the smallest capacity that `len` entries fill to at most 0.8.
fn fitting(len: usize) -> usize {
    CAPS.iter().position(|cap| len * 5 <= *cap as usize * 4).unwrap_or(CAPS.len() - 1)
}

/// The first position behind the segment of this local depth that holds `position`.
fn next_prefix(position: u64, depth: u32) -> Option<u64> {
    if depth == 0 { None } else { (position & !(u64::MAX >> depth)).checked_add(1 << (64 - depth)) }
}

/// Slots behind the homes, for what would run past them.
const fn tail_min(cap: u32) -> usize {
    cap as usize / 128 + 4
}

fn segment_layout(total: usize) -> Layout {
    // Far below isize::MAX: `total` comes from CAPS and from lengths of slices.
    Layout::from_size_align(size_of::<Head>() + total * 8, align_of::<Head>()).unwrap_or(Layout::new::<Head>())
}

#[cfg(test)]
mod tests;
