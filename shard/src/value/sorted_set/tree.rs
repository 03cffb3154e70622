//! The order of a large sorted set: a counted B+ tree over (score, member), with the rank of everything in O(log n).
//!
//! ```text
//! Inner    for each child: its first entry in short (score, eight bytes of member), how many entries are below it, and
//!          the child itself: an Inner, or a leaf
//! leaf     (leaf.rs) entries one behind the other, in some 1 KiB, behind 12 bytes that say what their scores have in common,
//!          and the length of the members if it is the same
//!
//! entry    +--------------------+----------------------------+--------
//!          | tag: 0, 1, 5 bytes | what differs of the score  | member
//!          +--------------------+----------------------------+--------
//! ```
//!
//! So a member takes its bytes, one to three more for a score that is a whole number or a time (some five for a random
//! double, none where all are equal), one for its length where members differ in that, and a share of the free space and of
//! what there is for each leaf. Entries of one size are found by halves.
//!
//! Leaves are kept full: one that overflows first shares with its neighbours, and only when these are full as well, three
//! become four. One that overflows at its end is left full, and a new one begun, so that what comes in ascending order fills
//! its leaves entirely. No change moves more than three leaves' bytes.
//!
//! For members of 16 bytes that come in random order this makes, with all that belongs to it, some 21 bytes of each with
//! whole numbers below a million as scores, 24 with milliseconds, 27 with random doubles; 18, 20 and 23 in ascending order.
//! Where what comes is always right behind one entry that stays, leaves are left two thirds full: 27, 27 and 35.
//!
//! Members of more than half a leaf have a leaf of their own, which is never copied because of its neighbours.
//!
//! Functions call themselves once for each level of the tree: some five times for a billion members.

mod edge;
mod leaf;
mod walk;

pub use edge::Edge;
pub use walk::{Iter, IterBack};

use leaf::{
    Batch, Frame, HEADER, LEAF_MAX, Leaf, STEP, capacity, entries, first, key_of, offset, place, prefix, score_of,
};
use std::cmp::Ordering;

/// A leaf of less looks for a neighbour to join.
const LEAF_MIN: usize = LEAF_MAX / 3;
/// Two leaves that have no more than this together are joined.
const JOINED_MAX: usize = LEAF_MAX * 3 / 4;
/// An entry of a longer member has a leaf of its own.
const ALONE: usize = LEAF_MAX / 2;
/// Sharing must pay for a while: so much of each leaf is to be free afterwards.
const ROOM: usize = LEAF_MAX * 3 / 16;
/// Children of an inner node.
const FAN_MAX: usize = 64;
/// An inner node with fewer looks for a neighbour to join.
const FAN_MIN: usize = FAN_MAX / 4;
/// What a leaf takes in the node above it, and a share of the nodes further up. Bytes.
const LEAF_OVERHEAD: usize = size_of::<Low>() + size_of::<usize>() + size_of::<Leaf>() + 4;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    root: Inner,
    size: Size,
}

impl Edge<'_> {
    /// Whether an entry that is known in short lies in front of the edge, if that says enough.
    #[inline]
    fn is_behind_low(&self, prefix: u64, low: Low) -> Option<bool> {
        let by_prefix = || match low.prefix.cmp(&prefix) {
            Ordering::Less => Some(true),
            Ordering::Equal => None,
            Ordering::Greater => Some(false),
        };
        match *self {
            Edge::Score { score, after } => Some(low.score < score || (after && low.score == score)),
            Edge::Entry { score, .. } | Edge::After { score, .. } if low.score == score => by_prefix(),
            Edge::Entry { score, .. } | Edge::After { score, .. } => Some(low.score < score),
            Edge::Member { .. } => by_prefix(),
        }
    }

    fn prefix(&self) -> u64 {
        match self {
            Edge::Score { .. } => 0,
            Edge::Entry { member, .. } | Edge::After { member, .. } | Edge::Member { member, .. } => prefix(member),
        }
    }
}

impl Tree {
    /// Entries. O(fan-out).
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.root.counts.is_empty()
    }

    /// Bytes on the heap, about. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.size.bytes + self.size.leaves * LEAF_OVERHEAD
    }

    /// Adds an entry that is not there. O(log n).
    pub fn insert(&mut self, score: f64, member: &[u8]) {
        let edge = Edge::Entry { score, member };
        let new = New { edge, key: key_of(score), low: Low { score, prefix: edge.prefix() }, member };
        if let Some(right) = self.root.insert(&new, &mut self.size) {
            let left = std::mem::take(&mut self.root);
            self.root = Inner {
                lows: vec![left.low(), right.low()],
                counts: vec![left.count(), right.count()],
                below: Below::Inners(vec![left, right]),
            };
        }
    }

    /// Removes an entry; false if it is not there. O(log n).
    pub fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        let edge = Edge::After { score, member };
        self.take(Start::Entry(&edge, edge.prefix()), 1, &mut |_, _| ()) == 1
    }

    /// Removes up to `count` entries from `rank` on, within one leaf, and shows them in order. Says how many they were: none
    /// only at the end. O(log n + count).
    pub fn drain(&mut self, rank: usize, count: usize, mut removed: impl FnMut(f64, &[u8])) -> usize {
        if rank >= self.len() { 0 } else { self.take(Start::Rank(rank), count, &mut removed) }
    }

    fn take(&mut self, from: Start<'_>, count: usize, removed: &mut impl FnMut(f64, &[u8])) -> usize {
        if self.is_empty() || count == 0 {
            return 0;
        }
        let done = self.root.drain(from, count, removed, &mut self.size);
        loop {
            match &mut self.root.below {
                _ if self.root.counts.is_empty() => break self.root = Inner::default(),
                Below::Inners(inners) if inners.len() == 1 => match inners.pop() {
                    Some(only) => self.root = only,
                    None => break,
                },
                _ => break,
            }
        }
        done
    }

    /// How many entries lie in front of an edge. O(log n).
    pub fn rank(&self, edge: &Edge<'_>) -> usize {
        let prefix = edge.prefix();
        let (mut inner, mut rank) = (&self.root, 0);
        loop {
            if inner.counts.is_empty() {
                return rank;
            }
            let child = inner.child(edge, prefix);
            rank += inner.counts[..child].iter().sum::<usize>();
            match &inner.below {
                Below::Leaves(leaves) => return rank + place(&leaves[child], edge).1,
                Below::Inners(inners) => inner = &inners[child],
            }
        }
    }
}

// ---- nodes ---------------------------------------------------------------------------------------------------------------

/// What all leaves take together.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    bytes: usize,
    leaves: usize,
}

/// The first entry below a child, in short. Two of them that are equal say nothing about their entries.
#[derive(Clone, Copy, Debug)]
struct Low {
    score: f64,
    /// See [`prefix`].
    prefix: u64,
}

impl Low {
    fn of((score, member): (f64, &[u8])) -> Low {
        Low { score, prefix: prefix(member) }
    }
}

/// Three vectors of the same length, in the order of the entries. Only the root may be empty.
#[derive(Clone, Debug, Default)]
struct Inner {
    lows: Vec<Low>,
    counts: Vec<usize>,
    below: Below,
}

#[derive(Clone, Debug)]
enum Below {
    /// None of them is empty.
    Leaves(Vec<Leaf>),
    Inners(Vec<Inner>),
}

impl Default for Below {
    fn default() -> Below {
        Below::Leaves(Vec::new())
    }
}

/// An entry to be added.
struct New<'a> {
    edge: Edge<'a>,
    key: u64,
    low: Low,
    member: &'a [u8],
}

/// Where removal begins.
#[derive(Clone, Copy)]
enum Start<'a> {
    /// With the entry of this rank, which is there.
    Rank(usize),
    /// With the one in front of this edge (and its prefix), if that is the edge's entry.
    Entry(&'a Edge<'a>, u64),
}

impl Inner {
    fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    fn low(&self) -> Low {
        self.lows.first().copied().unwrap_or(Low { score: 0.0, prefix: 0 })
    }

    fn width(&self) -> usize {
        self.counts.len()
    }

    /// The child in which the edge lies: the last one that begins in front of it, or the first. There is one.
    fn child(&self, edge: &Edge<'_>, prefix: u64) -> usize {
        let (mut from, mut to) = (0, self.width());
        while from < to {
            let middle = (from + to) / 2;
            let behind = edge.is_behind_low(prefix, self.lows[middle]).unwrap_or_else(|| {
                let (score, member) = self.first(middle);
                edge.is_behind(score, member)
            });
            if behind {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from.saturating_sub(1)
    }

    /// The child in which the entry of a rank lies, which is there, and its rank in that.
    #[inline]
    fn child_at(&self, rank: &mut usize) -> usize {
        let mut child = 0;
        while child + 1 < self.width() && *rank >= self.counts[child] {
            *rank -= self.counts[child];
            child += 1;
        }
        child
    }

    /// The first entry below a child.
    fn first(&self, child: usize) -> (f64, &[u8]) {
        let (mut inner, mut child) = (self, child);
        loop {
            match &inner.below {
                Below::Leaves(leaves) => {
                    return leaves.get(child).and_then(|leaf| first(leaf)).unwrap_or((0.0, b""));
                }
                Below::Inners(inners) => (inner, child) = (&inners[child], 0),
            }
        }
    }

    /// Adds an entry; gives the right half where this node has become two.
    fn insert(&mut self, new: &New<'_>, size: &mut Size) -> Option<Inner> {
        let child = if self.counts.is_empty() { 0 } else { self.child(&new.edge, new.low.prefix) };
        let at_end = child + 1 >= self.width();
        match &mut self.below {
            Below::Leaves(_) => self.insert_into_leaf(child, new, size),
            Below::Inners(inners) => {
                let right = inners[child].insert(new, size);
                self.lows[child] = inners[child].low();
                self.counts[child] += 1;
                if let Some(right) = right {
                    self.counts[child] -= right.count();
                    self.lows.insert(child + 1, right.low());
                    self.counts.insert(child + 1, right.count());
                    inners.insert(child + 1, right);
                }
            }
        }
        if self.width() <= FAN_MAX {
            return None;
        }
        // What grows at its end is left full.
        Some(self.split_off(if at_end { self.width() - 1 } else { self.width() / 2 }))
    }

    fn split_off(&mut self, at: usize) -> Inner {
        let below = match &mut self.below {
            Below::Leaves(leaves) => Below::Leaves(leaves.split_off(at)),
            Below::Inners(inners) => Below::Inners(inners.split_off(at)),
        };
        Inner { lows: self.lows.split_off(at), counts: self.counts.split_off(at), below }
    }

    fn insert_into_leaf(&mut self, child: usize, new: &New<'_>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let Some(leaf) = leaves.get(child) else { return self.new_leaf(0, new, size) };
        let (at, len, frame) = (place(leaf, &new.edge).0, leaf.len(), Frame::of(leaf));
        let alone = new.member.len() > ALONE;
        // Not one that is long: it need not be copied.
        let relays = !alone && len <= LEAF_MAX && !frame.fits(new.key, new.member);
        let relaid = relays.then(|| leaf::with(leaf, at, new.key, new.member));
        let grown = relaid.as_ref().map_or(len + frame.size(new.member.len()), Vec::len);
        if alone || grown > LEAF_MAX {
            let last = child + 1 == leaves.len();
            // Behind all of a full leaf: to the next one if that has room, or else there would be a leaf for each entry that
            // comes in descending order.
            if at == len && !last && leaves[child + 1].len() + grown - len <= LEAF_MAX {
                self.write(child + 1, HEADER, None, new, size);
                return self.relieve(child + 1, size);
            }
            if at == len {
                return self.new_leaf(child + 1, new, size);
            }
            if at == HEADER && (alone || child == 0) {
                return self.new_leaf(child, new, size);
            }
            if alone {
                self.cut(child, at, size);
                return self.new_leaf(child + 1, new, size);
            }
        }
        self.write(child, at, relaid, new, size);
        self.relieve(child, size);
    }

    /// Adds an entry to a leaf, which may have been laid out anew for it.
    fn write(&mut self, child: usize, at: usize, relaid: Option<Leaf>, new: &New<'_>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let leaf = &mut leaves[child];
        let (before, frame) = (leaf.capacity(), Frame::of(leaf));
        match relaid {
            Some(relaid) => *leaf = relaid,
            None if frame.fits(new.key, new.member) => leaf::add(leaf, at, &frame, new.key, new.member),
            None => *leaf = leaf::with(leaf, at, new.key, new.member),
        }
        size.bytes = size.bytes + leaf.capacity() - before;
        self.counts[child] += 1;
        if at == HEADER {
            self.lows[child] = new.low;
        }
    }

    /// A leaf of a new entry alone.
    fn new_leaf(&mut self, child: usize, new: &New<'_>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let leaf = leaf::with(&[], 0, new.key, new.member);
        size.bytes += leaf.capacity();
        size.leaves += 1;
        let room = |full: bool| if full { 8 } else { 0 };
        leaves.reserve_exact(room(leaves.len() == leaves.capacity()));
        self.lows.reserve_exact(room(self.lows.len() == self.lows.capacity()));
        self.counts.reserve_exact(room(self.counts.len() == self.counts.capacity()));
        leaves.insert(child, leaf);
        self.lows.insert(child, new.low);
        self.counts.insert(child, 1);
    }

    /// Makes two of a leaf, at an offset between two of its entries.
    fn cut(&mut self, child: usize, at: usize, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let right = leaf::split_off(&mut leaves[child], at);
        let Some(low) = first(&right).map(Low::of) else { return };
        let count = entries(&right);
        size.bytes += right.capacity();
        size.leaves += 1;
        leaves.insert(child + 1, right);
        self.lows.insert(child + 1, low);
        self.counts[child] -= count;
        self.counts.insert(child + 1, count);
    }

    /// Makes room in and around a leaf that is too full.
    fn relieve(&mut self, child: usize, size: &mut Size) {
        let Below::Leaves(leaves) = &self.below else { return };
        if leaves[child].len() <= LEAF_MAX {
            return;
        }
        let len_of = |leaf: Option<&Leaf>| leaf.map(Vec::len).filter(|len| *len <= LEAF_MAX);
        let left = child.checked_sub(1).and_then(|left| len_of(leaves.get(left)));
        let right = len_of(leaves.get(child + 1));
        let (mut start, mut end) = (child - usize::from(left.is_some()), child + 1 + usize::from(right.is_some()));
        // One neighbour is enough if that has room.
        if let (Some(left), Some(right)) = (left, right)
            && leaves[child].len() + left.min(right) <= 2 * (LEAF_MAX - ROOM)
        {
            (start, end) = if left < right { (start, child + 1) } else { (child, end) };
        }
        self.spread(start, end, None, size);
    }

    /// Lays the entries of some leaves out evenly over so many, or over as many as are good.
    fn spread(&mut self, start: usize, end: usize, parts: Option<usize>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let batch = Batch::of(&leaves[start..end]);
        let (total, old) = (batch.len(), end - start);
        let parts = parts.unwrap_or(if total + old * HEADER > old * (LEAF_MAX - ROOM) { old + 1 } else { old });
        let (mut made, mut lows, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        batch.lay(total.div_ceil(parts), |leaf, (key, member), count| {
            made.push(leaf);
            lows.push(Low::of((score_of(key), member)));
            counts.push(count);
        });
        let bytes = |leaves: &[Leaf]| leaves.iter().map(Vec::capacity).sum::<usize>();
        size.bytes = size.bytes + bytes(&made) - bytes(&leaves[start..end]);
        size.leaves = size.leaves + made.len() - old;
        leaves.splice(start..end, made);
        self.lows.splice(start..end, lows);
        self.counts.splice(start..end, counts);
    }

    /// Removes up to `count` entries, within one leaf.
    fn drain(&mut self, from: Start<'_>, count: usize, removed: &mut impl FnMut(f64, &[u8]), size: &mut Size) -> usize {
        let (child, from) = match from {
            Start::Rank(mut rank) => (self.child_at(&mut rank), Start::Rank(rank)),
            Start::Entry(edge, prefix) => (self.child(edge, prefix), from),
        };
        let done = match &mut self.below {
            Below::Inners(inners) => {
                let done = inners[child].drain(from, count, removed, size);
                self.lows[child] = inners[child].low();
                done
            }
            Below::Leaves(leaves) => {
                let leaf = &mut leaves[child];
                let frame = Frame::of(leaf);
                let start = match from {
                    Start::Rank(rank) => offset(leaf, rank),
                    Start::Entry(Edge::After { score, member }, _) => {
                        let at = place(leaf, &Edge::Entry { score: *score, member }).0;
                        let found = frame.read(&leaf[at..]);
                        if found.is_none_or(|(there, found, _)| there != *score || found != *member) {
                            return 0;
                        }
                        at
                    }
                    Start::Entry(..) => return 0,
                };
                let (mut end, mut done) = (start, 0);
                while done < count
                    && let Some((score, member, step)) = frame.read(&leaf[end..])
                {
                    removed(score, member);
                    end += step;
                    done += 1;
                }
                let before = leaf.capacity();
                leaf.drain(start..end);
                let fit = capacity(leaf.len());
                if before > leaf.len() * 3 / 2 + 2 * STEP && fit < before {
                    leaf.shrink_to(fit);
                }
                size.bytes = size.bytes + leaf.capacity() - before;
                if start == HEADER
                    && let Some(first) = first(leaf)
                {
                    self.lows[child] = Low::of(first);
                }
                done
            }
        };
        if done == 0 {
            return 0;
        }
        self.counts[child] -= done;
        if self.counts[child] == 0 {
            self.lows.remove(child);
            self.counts.remove(child);
            match &mut self.below {
                Below::Inners(inners) => drop(inners.remove(child)),
                Below::Leaves(leaves) => {
                    size.bytes -= leaves.remove(child).capacity();
                    size.leaves -= 1;
                }
            }
        } else {
            self.join(child, size);
        }
        done
    }

    /// Joins a child that has become small with a neighbour, if both have room in one.
    fn join(&mut self, child: usize, size: &mut Size) {
        let neighbours = [child.checked_sub(1), Some(child + 1).filter(|next| *next < self.width())];
        for neighbour in neighbours.into_iter().flatten() {
            let (left, right) = (child.min(neighbour), child.max(neighbour));
            match &mut self.below {
                Below::Leaves(leaves) => {
                    if leaves[child].len() >= LEAF_MIN {
                        return;
                    }
                    if leaves[left].len() + leaves[right].len() <= JOINED_MAX {
                        return self.spread(left, right + 1, Some(1), size);
                    }
                }
                Below::Inners(inners) => {
                    if inners[child].width() >= FAN_MIN {
                        return;
                    }
                    if inners[left].width() + inners[right].width() <= FAN_MAX * 3 / 4 {
                        let tail = inners.remove(right);
                        inners[left].append(tail);
                        self.lows.remove(right);
                        let count = self.counts.remove(right);
                        self.counts[left] += count;
                        return;
                    }
                }
            }
        }
    }

    /// Takes over the children of the next node of the same level.
    fn append(&mut self, mut next: Inner) {
        self.lows.append(&mut next.lows);
        self.counts.append(&mut next.counts);
        match (&mut self.below, &mut next.below) {
            (Below::Leaves(left), Below::Leaves(right)) => left.append(right),
            (Below::Inners(left), Below::Inners(right)) => left.append(right),
            // All leaves are at one depth.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
