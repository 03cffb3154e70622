//! A leaf of a dictionary: some items and a sorted index of them, in one allocation.
//!
//! ```text
//! data: | (tag, offset) x len, sorted by tag | free | item n | ... | item 2 | item 1 |
//!                                                   |<----- `items` bytes, no gaps -->|
//! item, by its first number (7 bits a byte, lower first):
//!     2 * key length + 1                      key                      the value is empty
//!     2 * key length + 2, value length        key, value
//!     0                                       number in `outside` (4 bytes), where the item is encoded as above
//! ```
//!
//! - Items lie in the order of their arrival, from the end downwards. An offset is the distance from the end of `data` to
//!   the start of the item, so that it stays right when `data` grows.
//! - A removal closes the gap: the items before it move up, and larger offsets are corrected. So there is never anything to
//!   compact, and all that is free lies in one piece.
//! - An index entry is a u32, tag above offset. A leaf of 64 KiB or more has entries of u64. That happens only where
//!   hundreds of hashes share their first bits, that is, in tests.
//!
//! Invariants: `len` entries are sorted by tag; offsets are those of `len` items that fill the last `items` bytes of `data`;
//! each element of `outside` belongs to exactly one item.

use crate::prefetch::prefetch;
use std::mem;

/// The longest encoded item that lies in the leaf itself.
const INSIDE_MAX: usize = 256;
/// What lies in the leaf for an item outside: a zero and four bytes.
const OUTSIDE: usize = 5;

/// A leaf. Which hashes belong to it, and how many of their bits come before the tag, is known to the dictionary.
#[derive(Clone, Default)]
pub(super) struct Leaf {
    data: Box<[u8]>,
    /// Items.
    len: u32,
    /// Bytes of items at the end of `data`.
    items: u32,
    outside: Option<Box<Outside>>,
}

/// Items that are too long for the leaf.
#[derive(Clone, Default)]
struct Outside {
    boxes: Vec<Box<[u8]>>,
    /// Bytes in the boxes.
    bytes: usize,
}

/// Where the parts of an encoded item are.
struct Parts {
    key: usize,
    value: usize,
    end: usize,
}

impl Leaf {
    /// Items. O(1).
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Bytes allocated for index and items. O(1).
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.data.len()
    }

    /// Bytes allocated for items outside. O(1).
    #[inline]
    pub(super) fn outside_bytes(&self) -> usize {
        self.outside.as_ref().map_or(0, |outside| {
            size_of::<Outside>() + outside.boxes.capacity() * size_of::<Box<[u8]>>() + outside.bytes
        })
    }

    /// The first item whose tag is not smaller; `len` if there is none.
    #[inline]
    pub(super) fn lower_bound(&self, tag: u16) -> usize {
        if self.wide() { bound(self.wide_index(), tag) } else { bound(self.index(), tag) }
    }

    /// Asks the memory for the part of the index that tells where a tag is.
    #[inline]
    pub(super) fn prefetch_index(&self, tag: u16) {
        if !self.wide() {
            let (index, from) = (self.index(), window(tag, self.len()));
            prefetch(index.as_ptr().wrapping_add(from));
            prefetch(index.as_ptr().wrapping_add(from + WINDOW - 1));
        }
    }

    /// Asks the memory for the first item with a tag.
    #[inline]
    pub(super) fn prefetch_item(&self, tag: u16) {
        if !self.wide()
            && let Some(entry) = self.index().get(bound(self.index(), tag))
            && entry.tag() == tag
        {
            let offset = (u32::from_ne_bytes(*entry) & 0xFFFF) as usize;
            prefetch(self.data.as_ptr().wrapping_add(self.data.len() - offset));
        }
    }

    /// The item with this tag and key.
    #[inline]
    pub(super) fn find(&self, tag: u16, key: &[u8]) -> Option<usize> {
        self.seek(tag, key).map(|(at, _)| at)
    }

    /// The value of the item with this tag and key.
    #[inline]
    pub(super) fn get(&self, tag: u16, key: &[u8]) -> Option<&[u8]> {
        self.seek(tag, key).map(|(_, value)| value)
    }

    /// The item with this tag and key, and its value.
    #[inline(always)]
    fn seek(&self, tag: u16, key: &[u8]) -> Option<(usize, &[u8])> {
        if self.wide() {
            return self.seek_wide(tag, key);
        }
        let index = self.index();
        let mut at = bound(index, tag);
        while let Some(entry) = index.get(at) {
            let entry = u32::from_ne_bytes(*entry);
            if entry >> 16 != u32::from(tag) {
                return None;
            }
            let item = &self.data[self.data.len() - (entry & 0xFFFF) as usize..];
            if let Some(value) = self.value_for(item, key) {
                return Some((at, value));
            }
            at += 1;
        }
        None
    }

    #[cold]
    fn seek_wide(&self, tag: u16, key: &[u8]) -> Option<(usize, &[u8])> {
        let from = self.lower_bound(tag);
        (from..self.len()).take_while(|at| self.tag(*at) == tag).find_map(|at| {
            let (there, value) = self.item(at);
            (there == key).then_some((at, value))
        })
    }

    /// The value of an item in the leaf, if it has this key.
    #[inline(always)]
    fn value_for<'a>(&'a self, item: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
        let (&first, rest) = item.split_first()?;
        // Nearly all keys have less than 63 bytes: then one byte says it all.
        if first == 0 || first >= 0x80 {
            return self.value_for_long(item, key);
        }
        if usize::from(first - 1) >> 1 != key.len() {
            return None;
        }
        if first & 1 == 1 {
            return (rest.get(..key.len())? == key).then_some(&[]);
        }
        let (value, at) = read_number(rest, 0);
        let (there, after) = rest.get(at..)?.split_at_checked(key.len())?;
        if there == key { after.get(..value) } else { None }
    }

    #[cold]
    fn value_for_long<'a>(&'a self, item: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
        let item = match outside_number(item) {
            None => item,
            Some(number) => self.outside.as_ref()?.boxes.get(number)?,
        };
        let parts = parts(item);
        (&item[parts.key..parts.value] == key).then(|| &item[parts.value..parts.end])
    }

    /// The tag of an item.
    #[inline]
    pub(super) fn tag(&self, at: usize) -> u16 {
        self.entry(at).0
    }

    /// Key and value of an item.
    #[inline]
    pub(super) fn item(&self, at: usize) -> (&[u8], &[u8]) {
        let item = self.resolve(self.entry(at).1);
        let parts = parts(item);
        (&item[parts.key..parts.value], &item[parts.value..parts.end])
    }

    /// The value of an item.
    pub(super) fn value_mut(&mut self, at: usize) -> &mut [u8] {
        let (_, offset) = self.entry(at);
        let parts = parts(self.resolve(offset));
        &mut self.resolve_mut(offset)[parts.value..parts.end]
    }

    /// Adds an item whose key is not there.
    pub(super) fn insert(&mut self, tag: u16, key: &[u8], value: &[u8]) {
        let at = self.lower_bound(tag);
        self.insert_at(at, tag, key, value);
    }

    /// Gives an item, which has this key, another value.
    pub(super) fn set(&mut self, at: usize, key: &[u8], value: &[u8]) {
        if self.item(at).1.len() == value.len() {
            self.value_mut(at).copy_from_slice(value);
            return;
        }
        let (tag, _) = self.entry(at);
        self.cut(at);
        self.insert_at(at, tag, key, value);
        self.shrink();
    }

    /// Removes an item.
    pub(super) fn remove(&mut self, at: usize) {
        self.cut(at);
        self.shrink();
    }

    /// Keeps the items whose tags start with 0 and gives a leaf of the others. `retag` says the tag of a key when the first
    /// bit of the old tag has become the last one of the prefix.
    pub(super) fn split(&mut self, retag: impl Fn(&[u8]) -> u16) -> Leaf {
        let mut old = mem::take(self);
        let boundary = old.lower_bound(0x8000);
        *self = old.part(0, boundary, &retag);
        old.part(boundary, old.len(), &retag)
    }

    /// Takes the items of the leaf whose prefix differs in the last bit, which is 1 there: that bit comes to the tags.
    pub(super) fn join(&mut self, mut high: Leaf) {
        let mut low = mem::take(self);
        self.data = vec![0; capacity(low.len() + high.len(), (low.items + high.items) as usize)].into();
        for (leaf, bit) in [(&mut low, 0), (&mut high, 0x8000)] {
            for at in 0..leaf.len() {
                self.adopt(leaf, at, leaf.tag(at) >> 1 | bit);
            }
        }
    }

    /// A new leaf of the items `from..to`, with new tags.
    fn part(&mut self, from: usize, to: usize, retag: &impl Fn(&[u8]) -> u16) -> Leaf {
        let items = (from..to).map(|at| inside_len(&self.data[self.data.len() - self.entry(at).1..])).sum();
        let mut part = Leaf { data: vec![0; capacity(to - from, items)].into(), ..Leaf::default() };
        for at in from..to {
            let tag = retag(self.item(at).0);
            part.adopt(self, at, tag);
        }
        part
    }

    /// Adds an item of another leaf, which is about to be dropped.
    fn adopt(&mut self, other: &mut Leaf, at: usize, tag: u16) {
        let start = other.data.len() - other.entry(at).1;
        let len = inside_len(&other.data[start..]);
        // Items come sorted, but for those whose tags were equal and differ in the new last bit.
        let mut place = self.len();
        while place > 0 && self.tag(place - 1) > tag {
            place -= 1;
        }
        match outside_number(&other.data[start..]) {
            None => self.open(place, tag, len).copy_from_slice(&other.data[start..start + len]),
            Some(number) => {
                let Some(outside) = other.outside.as_mut() else { return };
                let item = mem::take(&mut outside.boxes[number]);
                self.open_outside(place, tag, item);
            }
        }
    }

    fn insert_at(&mut self, at: usize, tag: u16, key: &[u8], value: &[u8]) {
        let head = head_len(key, value);
        let len = head + key.len() + value.len();
        if len <= INSIDE_MAX {
            encode(self.open(at, tag, len), key, value);
        } else {
            let mut item = vec![0; len].into_boxed_slice();
            encode(&mut item, key, value);
            self.open_outside(at, tag, item);
        }
    }

    /// Adds an item kept outside.
    fn open_outside(&mut self, at: usize, tag: u16, item: Box<[u8]>) {
        let outside = self.outside.get_or_insert_default();
        let number = outside.boxes.len() as u32;
        outside.bytes += item.len();
        outside.boxes.push(item);
        let inside = self.open(at, tag, OUTSIDE);
        inside[0] = 0;
        inside[1..].copy_from_slice(&number.to_ne_bytes());
    }

    /// Makes room for an item of `len` bytes and gives it, to be filled.
    fn open(&mut self, at: usize, tag: u16, len: usize) -> &mut [u8] {
        let entry = if self.wide() { 8 } else { 4 };
        if (self.len() + 1) * entry + self.items as usize + len > self.data.len() {
            self.resize(capacity(self.len() + 1, self.items as usize + len));
        }
        self.items += len as u32;
        let offset = self.items as usize;
        let count = self.len();
        moved((count - at) * entry + len);
        self.len += 1;
        if self.wide() {
            self.data.copy_within(at * 8..count * 8, at * 8 + 8);
            let entry = u64::from(tag) << 48 | offset as u64;
            self.data[at * 8..at * 8 + 8].copy_from_slice(&entry.to_ne_bytes());
        } else {
            self.data.copy_within(at * 4..count * 4, at * 4 + 4);
            let entry = u32::from(tag) << 16 | offset as u32;
            self.data[at * 4..at * 4 + 4].copy_from_slice(&entry.to_ne_bytes());
        }
        let start = self.data.len() - offset;
        &mut self.data[start..start + len]
    }

    /// Removes an item, not looking at the capacity.
    fn cut(&mut self, at: usize) {
        let (_, offset) = self.entry(at);
        let size = self.data.len();
        let start = size - offset;
        let len = inside_len(&self.data[start..]);
        if let Some(number) = outside_number(&self.data[start..]) {
            self.forget_outside(number);
        }
        self.data.copy_within(size - self.items as usize..start, size - self.items as usize + len);
        let count = self.len();
        moved(self.items as usize + count * 8);
        if self.wide() {
            self.data.copy_within(at * 8 + 8..count * 8, at * 8);
            for bytes in self.data[..(count - 1) * 8].as_chunks_mut::<8>().0 {
                let entry = u64::from_ne_bytes(*bytes);
                if (entry & u64::MAX >> 16) as usize > offset {
                    *bytes = (entry - len as u64).to_ne_bytes();
                }
            }
        } else {
            self.data.copy_within(at * 4 + 4..count * 4, at * 4);
            let (offset, len) = (offset as u32, len as u32);
            for bytes in self.data[..(count - 1) * 4].as_chunks_mut::<4>().0 {
                let entry = u32::from_ne_bytes(*bytes);
                let moved = if entry & 0xFFFF > offset { len } else { 0 };
                *bytes = (entry - moved).to_ne_bytes();
            }
        }
        self.len -= 1;
        self.items -= len as u32;
    }

    /// Drops an item kept outside; the last one gets its number.
    fn forget_outside(&mut self, number: usize) {
        let Some(outside) = self.outside.as_mut() else { return };
        outside.bytes -= outside.boxes.swap_remove(number).len();
        let last = outside.boxes.len();
        if last == 0 {
            self.outside = None;
            return;
        }
        if outside.boxes.len() * 4 <= outside.boxes.capacity() {
            outside.boxes.shrink_to(outside.boxes.len() * 2);
        }
        for at in 0..self.len() {
            let start = self.data.len() - self.entry(at).1;
            if outside_number(&self.data[start..]) == Some(last) {
                self.data[start + 1..start + OUTSIDE].copy_from_slice(&(number as u32).to_ne_bytes());
                return;
            }
        }
    }

    /// Gives memory back when more than a quarter is free.
    fn shrink(&mut self) {
        let entry = if self.wide() { 8 } else { 4 };
        let used = self.len() * entry + self.items as usize;
        if used + used / 3 + 32 < self.data.len() {
            self.resize(capacity(self.len(), self.items as usize));
        }
    }

    /// Moves index and items to memory of `capacity` bytes, which is enough.
    fn resize(&mut self, capacity: usize) {
        moved(capacity);
        let items = &self.data[self.data.len() - self.items as usize..];
        let mut data = Vec::with_capacity(capacity);
        match (self.wide(), capacity > NARROW_MAX) {
            (false, false) => data.extend_from_slice(&self.data[..self.len() * 4]),
            (true, true) => data.extend_from_slice(&self.data[..self.len() * 8]),
            (true, false) => {
                for at in 0..self.len() {
                    let (tag, offset) = self.entry(at);
                    data.extend_from_slice(&(u32::from(tag) << 16 | offset as u32).to_ne_bytes());
                }
            }
            (false, true) => {
                for at in 0..self.len() {
                    let (tag, offset) = self.entry(at);
                    data.extend_from_slice(&(u64::from(tag) << 48 | offset as u64).to_ne_bytes());
                }
            }
        }
        data.resize(capacity - items.len(), 0);
        data.extend_from_slice(items);
        self.data = data.into_boxed_slice();
    }

    #[inline]
    fn wide(&self) -> bool {
        self.data.len() > NARROW_MAX
    }

    #[inline]
    fn index(&self) -> &[[u8; 4]] {
        &self.data.as_chunks().0[..self.len as usize]
    }

    #[inline]
    fn wide_index(&self) -> &[[u8; 8]] {
        &self.data.as_chunks().0[..self.len as usize]
    }

    /// Tag and offset of an item.
    #[inline]
    fn entry(&self, at: usize) -> (u16, usize) {
        if self.wide() {
            let entry = u64::from_ne_bytes(self.wide_index()[at]);
            ((entry >> 48) as u16, (entry & u64::MAX >> 16) as usize)
        } else {
            let entry = u32::from_ne_bytes(self.index()[at]);
            ((entry >> 16) as u16, (entry & 0xFFFF) as usize)
        }
    }

    /// The bytes from the start of an encoded item on, wherever it is.
    #[inline]
    fn resolve(&self, offset: usize) -> &[u8] {
        let item = &self.data[self.data.len() - offset..];
        match outside_number(item) {
            None => item,
            Some(number) => self.outside.as_ref().map_or(&[], |outside| &outside.boxes[number]),
        }
    }

    fn resolve_mut(&mut self, offset: usize) -> &mut [u8] {
        let start = self.data.len() - offset;
        match outside_number(&self.data[start..]) {
            None => &mut self.data[start..],
            Some(number) => self.outside.as_mut().map_or(&mut [], |outside| &mut outside.boxes[number]),
        }
    }
}

/// Tells tests how many bytes an operation moves.
#[inline]
fn moved(_bytes: usize) {
    #[cfg(test)]
    super::tests::MOVED.set(super::tests::MOVED.get() + _bytes);
}

/// The largest leaf with index entries of four bytes.
const NARROW_MAX: usize = 0xFFFF;

/// The capacity for so many items of so many bytes in all: a size class of jemalloc (four to a power of two), since what is
/// between is lost anyway. Growing by a class at a time leaves some 8 % unused on average.
fn capacity(len: usize, items: usize) -> usize {
    let narrow = size_class(len * 4 + items);
    if narrow <= NARROW_MAX { narrow } else { size_class(len * 8 + items) }
}

fn size_class(bytes: usize) -> usize {
    if bytes <= 128 { bytes.next_multiple_of(16) } else { bytes.next_multiple_of(1 << ((bytes - 1).ilog2() - 2)) }
}

/// An entry of an index.
trait Entry {
    fn tag(&self) -> u16;

    /// Whether its tag is smaller.
    #[inline]
    fn is_below(&self, tag: u16) -> bool {
        self.tag() < tag
    }
}

impl Entry for [u8; 4] {
    #[inline]
    fn tag(&self) -> u16 {
        (u32::from_ne_bytes(*self) >> 16) as u16
    }
}

impl Entry for [u8; 8] {
    #[inline]
    fn tag(&self) -> u16 {
        (u64::from_ne_bytes(*self) >> 48) as u16
    }
}

/// The first entry whose tag is not smaller. Starts where it is if tags are evenly spread (the deviation is half the root of
/// the length): counts the smaller tags in a window around that place, without a branch and several at a time, and walks
/// in the rare case that this was not enough.
#[inline]
fn bound<E: Entry>(index: &[E], tag: u16) -> usize {
    let from = window(tag, index.len());
    let mut at = match index[from..].first_chunk::<WINDOW>() {
        // The bit that a difference borrows. Counted comparisons would become a mask and, on older processors, a slow count.
        Some(window) => {
            let borrow = |entry: &E| u32::from(entry.tag()).wrapping_sub(u32::from(tag)) & 0x1_0000;
            from + (window.iter().map(borrow).sum::<u32>() >> 16) as usize
        }
        None => guess(tag, index.len()),
    };
    while index.get(at).is_some_and(|entry| entry.is_below(tag)) {
        at += 1;
    }
    while at > 0 && !index[at - 1].is_below(tag) {
        at -= 1;
    }
    at
}

/// Entries of an index that are looked at together.
const WINDOW: usize = 16;

/// Where the window starts in which a tag should be.
#[inline]
fn window(tag: u16, len: usize) -> usize {
    guess(tag, len).saturating_sub(WINDOW / 2).min(len.saturating_sub(WINDOW))
}

/// Where a tag is if tags are evenly spread.
#[inline]
fn guess(tag: u16, len: usize) -> usize {
    (usize::from(tag) * len) >> 16
}

/// The number in `outside` of an item of which only that is in the leaf.
#[inline]
fn outside_number(item: &[u8]) -> Option<usize> {
    match item {
        [0, a, b, c, d, ..] => Some(u32::from_ne_bytes([*a, *b, *c, *d]) as usize),
        _ => None,
    }
}

/// How many bytes an item takes in the leaf.
#[inline]
fn inside_len(item: &[u8]) -> usize {
    if item[0] == 0 { OUTSIDE } else { parts(item).end }
}

#[inline]
fn parts(item: &[u8]) -> Parts {
    let (first, at) = read_number(item, 0);
    let key = first.wrapping_sub(1) >> 1;
    if first & 1 == 1 {
        return Parts { key: at, value: at + key, end: at + key };
    }
    let (value, at) = read_number(item, at);
    Parts { key: at, value: at + key, end: at + key + value }
}

/// The length of what comes before the key.
fn head_len(key: &[u8], value: &[u8]) -> usize {
    if value.is_empty() {
        number_len(key.len() * 2 + 1)
    } else {
        number_len(key.len() * 2 + 2) + number_len(value.len())
    }
}

fn encode(item: &mut [u8], key: &[u8], value: &[u8]) {
    let at = if value.is_empty() {
        write_number(item, 0, key.len() * 2 + 1)
    } else {
        let at = write_number(item, 0, key.len() * 2 + 2);
        write_number(item, at, value.len())
    };
    item[at..at + key.len()].copy_from_slice(key);
    item[at + key.len()..].copy_from_slice(value);
}

fn number_len(number: usize) -> usize {
    (number.max(1).ilog2() / 7 + 1) as usize
}

/// Writes a number, seven bits a byte, and gives where it ends.
#[inline]
fn write_number(bytes: &mut [u8], mut at: usize, mut number: usize) -> usize {
    while number >= 0x80 {
        bytes[at] = number as u8 | 0x80;
        number >>= 7;
        at += 1;
    }
    bytes[at] = number as u8;
    at + 1
}

#[inline]
fn read_number(bytes: &[u8], at: usize) -> (usize, usize) {
    let first = bytes[at];
    if first < 0x80 { (usize::from(first), at + 1) } else { read_long_number(bytes, at) }
}

fn read_long_number(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let mut number = 0;
    let mut shift = 0;
    loop {
        number |= usize::from(bytes[at] & 0x7F) << shift;
        at += 1;
        if bytes[at - 1] < 0x80 {
            return (number, at);
        }
        shift += 7;
    }
}

#[cfg(test)]
impl Leaf {
    /// Panics unless the invariants hold.
    pub(super) fn check(&self) {
        let entry = if self.wide() { 8 } else { 4 };
        assert!(self.len() * entry + self.items as usize <= self.data.len(), "index and items fit");
        assert!((1..self.len()).all(|at| self.tag(at - 1) <= self.tag(at)), "sorted by tag");
        let start = |at| self.data.len() - self.entry(at).1;
        let mut places: Vec<_> = (0..self.len()).map(|at| (start(at), inside_len(&self.data[start(at)..]))).collect();
        places.sort_unstable();
        let mut end = self.data.len() - self.items as usize;
        for (start, len) in places {
            assert_eq!(start, end, "no gap, no overlap");
            end += len;
        }
        assert_eq!(end, self.data.len());
        let mut numbers: Vec<_> = (0..self.len()).filter_map(|at| outside_number(&self.data[start(at)..])).collect();
        numbers.sort_unstable();
        let boxes = self.outside.as_ref().map_or(0, |outside| outside.boxes.len());
        assert_eq!(numbers, (0..boxes).collect::<Vec<_>>(), "each box belongs to one item");
        if let Some(outside) = &self.outside {
            assert!(boxes > 0);
            assert_eq!(outside.bytes, outside.boxes.iter().map(|item| item.len()).sum::<usize>());
            assert!(outside.boxes.iter().all(|item| item.len() > INSIDE_MAX && parts(item).end == item.len()));
        }
    }
}
