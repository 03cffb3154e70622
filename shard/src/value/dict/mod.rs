//! A dictionary from short byte strings to short byte strings, for sets, hashes and sorted sets too large to be packed.
//!
//! It is linear hashing over packed leaves, with the hashes spread unevenly on purpose (spiral storage). There are n leaves,
//! and they have the numbers n to 2n - 1. The number of a leaf is a one followed by the bits which its hashes start with:
//!
//! ```text
//! 64-bit hash, warped:  | prefix of k bits | 16-bit tag |  rest  |          number of the leaf = 2^k + prefix
//!
//! chunks: a deque of up to 256 leaves each            leaf (leaf.rs): 32 bytes, and one allocation of some 1 to 2 KiB
//! +-----+-----+-----+-----+                           +-------------------------------+------+----------------------+
//! | ... | ... | ... | ... |  place by number - 1 ---> | (tag 16, offset 16) x len --> | free | <-- items, packed    |
//! +-----+-----+-----+-----+                           +-------------------------------+------+----------------------+
//!                                                     item: key length and flag, value length (if any), key, value
//! ```
//!
//! - When the leaves hold more than `ITEMS_MAX` items or `BYTES_MAX` bytes on average, the first leaf, n, is split by
//!   the next bit of the hash into the leaves 2n and 2n + 1 behind the last one. When they hold less than `ITEMS_MIN` and
//!   `BYTES_MIN`, the last two leaves join and come first. So one insertion splits at most one leaf and one removal joins
//!   at most two: some microseconds. Nothing else moves; the chunks' list is 24 bytes for each 12,000 items or so.
//! - A hash x, as a fraction, is warped to 2^x - 1. Hashes lie twice as close at 0 as they do at 1, and leaves are split in
//!   that order. So the first leaf is always the fullest, the last one has half of its items, and what is between falls
//!   evenly, however many items there are (but for chance: the root of a leaf's length).
//! - That is what it is for: leaves of each size become more at the same rate as items do, so the block that a leaf leaves
//!   behind when it grows is wanted at once by the one before. If hashes were spread evenly, all leaves would be of one
//!   size, leave its class together, and the allocator would be left with slabs of holes (a third of resident memory).
//! - Why not extendible hashing, as in the keyspace? Leaves of 48 items differ in size so much (Poisson) that its directory
//!   would have four to eight elements for each leaf, and doubling it is a pause.
//! - A lookup reads the leaf's 32 bytes (for a million items these are 700 KiB in all, in cache), the index around where the
//!   tag should be if tags were evenly spread (first miss), and the item (second miss).
//! - Bytes for each item: 4 (index) + 1 (length, for keys up to 62 bytes) + key + (1 + value, if there is one), some 8 % of
//!   that unused up to the end of the leaf's size class, and 32 / 48. For 16-byte members: 23.8; with 16-byte values: 42.4.
//!   Resident under jemalloc for a million items inserted in turn (free pages given back after a second): 24.3 and 43.3,
//!   and no more than 25.5 and 45.3 at any size from 125,000 to 2 million. After half of 2 million were removed: 38 and 65,
//!   since leaves then get smaller without filling the places they leave.
//! - An item of more than 256 bytes is kept in an allocation of its own; the leaf then has its number.
//! - Equal hashes are found by walking along equal tags. The hash is keyed by a secret of the process, so that nobody can
//!   choose them; they cost time, never correctness (a leaf has no largest size).
//!
//! Invariants (`check` in the tests):
//! - Each item lies in the leaf whose prefix starts its hash, under the 16 bits that follow the prefix, sorted by them.
//! - No key is twice there. `len` is the sum of the leaves' lengths; no leaf is longer than `widest`.
//! - `leaf_bytes` and `outside_bytes` are the sums of what the leaves say. All chunks but the last are full; places in the
//!   first one before leaf n have empty leaves.
//!
//! SCAN: a position is a hash; a cursor is the top 46 bits of one. Leaves are visited in the order of their prefixes (not
//! of their numbers), items by their tags, and a call stops only between two tags, so all items with a hash below the new
//! cursor have been returned. That says nothing of leaves: it stays true however they split or join between the calls.

mod leaf;
mod sift;
#[cfg(test)]
mod tests;

use crate::random::Random;
use foldhash::quality::SeedableRandomState;
use leaf::Leaf;
use std::collections::VecDeque;
use std::fmt;
use std::sync::OnceLock;

/// More items than this in a leaf on average let one split.
const ITEMS_MAX: usize = 48;
/// More bytes than this in a leaf on average let one split.
const BYTES_MAX: usize = 2048;
/// Fewer items than this in a leaf on average, and fewer bytes than `BYTES_MIN`, let two join. Less than half of the
/// maximum, so that no dictionary splits and joins in turns.
const ITEMS_MIN: usize = 20;
/// See `ITEMS_MIN`.
const BYTES_MIN: usize = 896;
/// Leaves in a full chunk.
const CHUNK: usize = 256;
/// Bits of a cursor: below 10^14, as those of SCAN.
const CURSOR_BITS: u32 = 46;
/// The longest prefix: prefix and tag fit a cursor.
const DEPTH_MAX: u32 = CURSOR_BITS - 16;
/// Bits of a position below those of a cursor.
const CURSOR_SHIFT: u32 = 64 - CURSOR_BITS;

const _: () = assert!(size_of::<Dict>() <= 64 && size_of::<Leaf>() == 32);

/// A dictionary of byte strings. See the module's documentation.
#[derive(Default)]
pub struct Dict {
    /// The leaf with the number y is at place y - 1; full chunks of empty leaves at the front are not there.
    chunks: VecDeque<Vec<Leaf>>,
    /// Items.
    len: usize,
    /// Leaves, and the number of the first one; none as long as nothing was inserted.
    leaves: u32,
    /// No leaf has more items than this. It falls only when one leaf is left.
    widest: u32,
    /// Memory of the leaves, without their 32 bytes in the chunks and without items outside.
    leaf_bytes: usize,
    /// Memory of items kept outside of their leaves.
    outside_bytes: usize,
}

/// Items of a [`Dict`], in the order of their hashes.
pub struct Iter<'a> {
    dict: &'a Dict,
    leaf: Option<&'a Leaf>,
    /// The next item of `leaf`.
    at: usize,
    /// Where the leaf after `leaf` starts.
    next: Option<u64>,
    /// Items to come.
    left: usize,
}

/// Hashes keys with a seed that is secret and the same for the whole process; in tests it is that of the run.
static HASHER: OnceLock<SeedableRandomState> = OnceLock::new();

#[cfg(not(test))]
fn seed() -> SeedableRandomState {
    SeedableRandomState::random()
}

#[cfg(test)]
fn seed() -> SeedableRandomState {
    SeedableRandomState::with_seed(crate::testing::first_seed(), foldhash::SharedSeed::global_fixed())
}

/// Takes a seed that is no secret, unless keys were hashed already: so that tests outside this crate are the same in every run.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn set_seed(seed: u64) {
    HASHER.get_or_init(|| SeedableRandomState::with_seed(seed, foldhash::SharedSeed::global_fixed()));
}

impl Dict {
    /// An empty dictionary. Does not allocate.
    pub fn new() -> Dict {
        Dict::default()
    }

    /// Items. O(1).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, capacities included. O(1).
    pub fn heap_bytes(&self) -> usize {
        let last = self.chunks.back().map_or(0, Vec::capacity);
        let leaves = self.chunks.len().saturating_sub(1) * CHUNK + last;
        self.chunks.capacity() * size_of::<Vec<Leaf>>()
            + leaves * size_of::<Leaf>()
            + self.leaf_bytes
            + self.outside_bytes
    }

    /// The value of a key. O(1).
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let (leaf, tag) = self.leaf_for(key)?;
        leaf.get(tag, key)
    }

    /// The value of a key, to be changed without changing its length. O(1).
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut [u8]> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        let (number, depth) = self.locate(hash);
        let leaf = self.leaf_mut(number);
        let at = leaf.find(tag_at(hash, depth), key)?;
        Some(leaf.value_mut(at))
    }

    /// Whether the key is there. O(1).
    pub fn contains(&self, key: &[u8]) -> bool {
        self.leaf_for(key).is_some_and(|(leaf, tag)| leaf.find(tag, key).is_some())
    }

    /// Asks the memory for the part of the index that a lookup of `key` will read.
    #[inline]
    pub fn prefetch_index(&self, key: &[u8]) {
        if let Some((leaf, tag)) = self.leaf_for(key) {
            leaf.prefetch_index(tag);
        }
    }

    /// Asks the memory for the item that a lookup of `key` will look at, when the index is there.
    #[inline]
    pub fn prefetch_item(&self, key: &[u8]) {
        if let Some((leaf, tag)) = self.leaf_for(key) {
            leaf.prefetch_item(tag);
        }
    }

    /// Sets the value of a key; true if the key is new. Amortized O(1), no call does more than some tens of microseconds'
    /// work.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.leaves == 0 {
            self.push(Leaf::default());
            self.leaves = 1;
        }
        let hash = hash(key);
        let (number, depth) = self.locate(hash);
        let tag = tag_at(hash, depth);
        let (new, len) = self.change(number, |leaf| {
            let found = leaf.find(tag, key);
            match found {
                Some(at) => leaf.set(at, key, value),
                None => leaf.insert(tag, key, value),
            }
            (found.is_none(), leaf.len())
        });
        if new {
            self.len += 1;
            self.widest = self.widest.max(len as u32);
        }
        self.settle();
        new
    }

    /// Removes a key; false if it is not there. Amortized O(1).
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.remove_with(key, |_| ()).is_some()
    }

    /// Removes a key and gives its value. Amortized O(1).
    pub fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.remove_with(key, |value| value.to_vec())
    }

    /// Removes about `count` items, whichever are easiest, at least one; true when none is left. So a large dictionary can
    /// be freed in slices. O(count).
    pub fn shed(&mut self, count: usize) -> bool {
        let target = self.len.saturating_sub(count.max(1));
        while self.len > target {
            if self.leaves == 1 {
                self.len = 0;
                break;
            }
            // As when they join, only without their items.
            let high = self.pop();
            let low = self.pop();
            self.len -= low.len() + high.len();
            self.push_front(Leaf::default());
        }
        if self.len == 0 {
            *self = Dict::new();
        }
        self.len == 0
    }

    /// All items, in the order of the first bits of their hashes (16 at least): that of scans.
    pub fn iter(&self) -> Iter<'_> {
        let next = if self.leaves == 0 { None } else { Some(0) };
        Iter { dict: self, leaf: None, at: 0, next, left: self.len }
    }

    /// One step of a scan: visits about `count` items from `cursor` on (0 to start) and gives the next cursor, 0 at the end.
    /// Cursors have 46 bits; higher ones are ignored. What is there from the first to the last call is visited at least
    /// once, whatever is changed between the calls.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        let mut position = cursor << CURSOR_SHIFT;
        let mut wanted = count.max(1);
        // Leaves may be empty, though hardly any are.
        let mut leaves = count.max(1).saturating_mul(10);
        if self.len == 0 {
            return 0;
        }
        loop {
            let (number, depth) = self.locate(position);
            let leaf = self.leaf(number);
            let mut at = leaf.lower_bound(tag_at(position, depth));
            let mut last = None;
            while at < leaf.len() {
                let tag = leaf.tag(at);
                if wanted == 0 && last != Some(tag) {
                    return (start(position, depth) | u64::from(tag) << (48 - depth)) >> CURSOR_SHIFT;
                }
                let (key, value) = leaf.item(at);
                visit(key, value);
                wanted = wanted.saturating_sub(1);
                last = Some(tag);
                at += 1;
            }
            leaves -= 1;
            match after(position, depth) {
                None => return 0,
                Some(next) if wanted == 0 || leaves == 0 => return next >> CURSOR_SHIFT,
                Some(next) => position = next,
            }
        }
    }

    /// A random item, chosen by `random`: uniform over the items. None if there is none. O(1) expected.
    pub fn random(&self, random: u64) -> Option<(&[u8], &[u8])> {
        if self.len == 0 {
            return None;
        }
        // Throw a dart at a board of `leaves` rows and `widest` columns, where each item covers one cell, until it hits one:
        // all items are equally likely, however leaves differ in depth and length. The average leaf has at least 20 items
        // (or some of 40 to 256 bytes each), `widest` is hardly ever above 150: a few darts, which touch no leaf's memory.
        let width = if self.leaves == 1 { self.len } else { self.widest as usize };
        let mut random = Random::new(random);
        for _ in 0..256 {
            let leaf = self.leaf(self.leaves as usize + random.below(self.leaves as usize));
            let at = random.below(width);
            if at < leaf.len() {
                return Some(leaf.item(at));
            }
        }
        // Only where many hashes are equal: count to one.
        let mut at = random.below(self.len);
        for leaf in self.chunks.iter().flatten() {
            if at < leaf.len() {
                return Some(leaf.item(at));
            }
            at -= leaf.len();
        }
        None
    }

    /// The number of the leaf that holds `hash`, and how many bits its prefix has. There is a leaf.
    #[inline]
    fn locate(&self, hash: u64) -> (usize, u32) {
        let level = self.leaves.ilog2();
        // A one, and the first bits of the hash: one more than the shorter prefixes have.
        let long = ((1 << 63 | hash >> 1) >> (62 - level)) as usize;
        let there = long < 2 * self.leaves as usize;
        (if there { long } else { long >> 1 }, level + u32::from(there))
    }

    /// The place of a leaf, counted from the first chunk there is.
    #[inline]
    fn place(&self, number: usize) -> usize {
        number - 1 - (self.leaves as usize - 1) / CHUNK * CHUNK
    }

    #[inline]
    fn leaf(&self, number: usize) -> &Leaf {
        let place = self.place(number);
        &self.chunks[place / CHUNK][place % CHUNK]
    }

    #[inline]
    fn leaf_mut(&mut self, number: usize) -> &mut Leaf {
        let place = self.place(number);
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }

    /// The leaf where the key is if it is there, and its tag.
    #[inline]
    fn leaf_for(&self, key: &[u8]) -> Option<(&Leaf, u16)> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        let (number, depth) = self.locate(hash);
        Some((self.leaf(number), tag_at(hash, depth)))
    }

    /// Removes a key after a look at its value.
    fn remove_with<R>(&mut self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        let (number, depth) = self.locate(hash);
        let result = self.change(number, |leaf| {
            let at = leaf.find(tag_at(hash, depth), key)?;
            let result = look(leaf.item(at).1);
            leaf.remove(at);
            Some(result)
        })?;
        self.len -= 1;
        if self.len == 0 {
            *self = Dict::new();
        } else {
            self.settle();
        }
        Some(result)
    }

    /// Changes a leaf and keeps the accounts.
    #[inline]
    fn change<R>(&mut self, number: usize, work: impl FnOnce(&mut Leaf) -> R) -> R {
        let place = self.place(number);
        let leaf = &mut self.chunks[place / CHUNK][place % CHUNK];
        let (bytes, outside) = (leaf.capacity(), leaf.outside_bytes());
        let result = work(leaf);
        self.leaf_bytes = self.leaf_bytes - bytes + leaf.capacity();
        self.outside_bytes = self.outside_bytes - outside + leaf.outside_bytes();
        result
    }

    /// Splits a leaf or joins two, if it is time.
    #[inline]
    fn settle(&mut self) {
        let leaves = self.leaves as usize;
        if self.len > leaves * ITEMS_MAX || self.leaf_bytes > leaves * BYTES_MAX {
            self.split();
        } else if self.len < leaves * ITEMS_MIN && self.leaf_bytes < leaves * BYTES_MIN {
            self.join();
        }
    }

    /// Splits the first leaf.
    #[cold]
    fn split(&mut self) {
        let level = self.leaves.ilog2();
        if level >= DEPTH_MAX - 1 {
            return;
        }
        let mut low = self.change(self.leaves as usize, std::mem::take);
        let high = low.split(|key| tag_at(hash(key), level + 1));
        self.push(low);
        self.push(high);
        self.leaves += 1;
        if (self.leaves as usize - 1).is_multiple_of(CHUNK) {
            self.chunks.pop_front();
        }
    }

    /// Lets the last two leaves join.
    #[cold]
    fn join(&mut self) {
        if self.leaves < 2 {
            return;
        }
        let high = self.pop();
        let mut leaf = self.pop();
        leaf.join(high);
        self.push_front(leaf);
    }

    /// Adds a leaf behind the others, not yet counted.
    fn push(&mut self, leaf: Leaf) {
        self.leaf_bytes += leaf.capacity();
        self.outside_bytes += leaf.outside_bytes();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => {
                if chunk.len() == chunk.capacity() {
                    chunk.reserve_exact(chunk.len().min(CHUNK - chunk.len()));
                }
                chunk.push(leaf);
            }
            _ => {
                // The first chunk grows from one leaf on, since most dictionaries are small.
                let mut chunk = Vec::with_capacity(if self.chunks.is_empty() { 1 } else { CHUNK / 4 });
                chunk.push(leaf);
                if self.chunks.len() == self.chunks.capacity() {
                    self.chunks.reserve_exact(self.chunks.len().max(1));
                }
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Takes the last leaf away, with all that is in it, from everything but `len` and `leaves`.
    fn pop(&mut self) -> Leaf {
        let Some(chunk) = self.chunks.back_mut() else { return Leaf::default() };
        let leaf = chunk.pop().unwrap_or_default();
        if chunk.len() * 4 <= chunk.capacity() {
            chunk.shrink_to(chunk.len() * 2);
        }
        if chunk.is_empty() {
            self.chunks.pop_back();
            if self.chunks.len() * 4 <= self.chunks.capacity() {
                self.chunks.shrink_to(self.chunks.len() * 2);
            }
        }
        self.leaf_bytes -= leaf.capacity();
        self.outside_bytes -= leaf.outside_bytes();
        leaf
    }

    /// Puts a leaf before the others, instead of two that were popped.
    fn push_front(&mut self, leaf: Leaf) {
        self.leaves -= 1;
        let number = self.leaves as usize;
        if number.is_multiple_of(CHUNK) {
            let mut chunk = Vec::with_capacity(CHUNK);
            chunk.resize_with(CHUNK, Leaf::default);
            if self.chunks.len() == self.chunks.capacity() {
                self.chunks.reserve_exact(self.chunks.len().max(1));
            }
            self.chunks.push_front(chunk);
        }
        let len = leaf.len() as u32;
        self.widest = if number == 1 { len } else { self.widest.max(len) };
        self.change(number, |place| *place = leaf);
    }
}

impl Clone for Dict {
    /// O(n).
    fn clone(&self) -> Dict {
        let mut clone = Dict { chunks: self.chunks.clone(), ..*self };
        // The clone of a vector has no spare capacity.
        clone.outside_bytes = clone.chunks.iter().flatten().map(Leaf::outside_bytes).sum();
        clone
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_map().entries(self.iter().map(|(key, value)| (text(key), text(value)))).finish()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(leaf) = self.leaf
                && self.at < leaf.len()
            {
                self.at += 1;
                self.left -= 1;
                return Some(leaf.item(self.at - 1));
            }
            let position = self.next?;
            let (number, depth) = self.dict.locate(position);
            self.leaf = Some(self.dict.leaf(number));
            self.at = 0;
            self.next = after(position, depth);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The hash of a key, warped.
#[inline]
fn hash(key: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    #[cfg(test)]
    if let Some(hash) = tests::HASH.get() {
        return warp(hash(key));
    }
    let mut hasher = HASHER.get_or_init(seed).build_hasher();
    hasher.write(key);
    warp(hasher.finish())
}

/// 2^x - 1 for x from 0 to 1, nearly: by a polynomial whose slope doubles from 0 to 1. Nothing is lost by its being rough
/// or mapping some neighbours to one number.
#[inline]
fn warp(x: u64) -> u64 {
    const UNIT: u64 = u64::MAX / 10_000;
    const FACTORS: [u64; 3] = [775 * UNIT, 2275 * UNIT, 6950 * UNIT];
    let times = |a: u64| ((u128::from(a) * u128::from(x)) >> 64) as u64;
    times(FACTORS[2] + times(FACTORS[1] + times(FACTORS[0])))
}

/// The 16 bits of a hash below a prefix of `depth` bits.
#[inline]
fn tag_at(hash: u64, depth: u32) -> u16 {
    ((hash << depth) >> 48) as u16
}

/// Where the leaf starts that holds `position` and has a prefix of `depth` bits.
fn start(position: u64, depth: u32) -> u64 {
    if depth == 0 { 0 } else { position & !(u64::MAX >> depth) }
}

/// Where the leaf after that one starts.
fn after(position: u64, depth: u32) -> Option<u64> {
    if depth == 0 { None } else { start(position, depth).checked_add(1 << (64 - depth)) }
}
