//! The order of a large sorted set: a counted B+ tree over (score, member), with the rank of everything in O(log n).
//!
//! ```text
//! Inner    for each child: its first entry in short (score, eight bytes of member), how many entries are below it, and
//!          the child itself: an Inner, or a leaf
//! leaf     entries one behind the other, in some 1 KiB
//!
//! entry    +---------------+-----------------+----------------+--------
//!          | tag: 1 byte   | length: 4 bytes | score: 4 or 8  | member
//!          +---------------+-----------------+----------------+--------
//!          tag: length of the member up to 126, 127 where a length of its own follows; + 128: the score is an i32
//! ```
//!
//! So a member takes its bytes and 5 to 9 more, and a share of the free space. Leaves are kept full: one that overflows
//! first shares with its neighbours, and only when these are full as well, three become four. One that overflows at the end
//! of its row is left full, and a new one begun, so that what comes in ascending order fills its leaves entirely.
//! No change moves more than three leaves' bytes.
//!
//! Members of more than half a leaf have a leaf of their own, which is never copied because of its neighbours.
//!
//! Functions call themselves once for each level of the tree: some five times for a billion members.

mod leaf;

use leaf::{Head, entries, offset, place, prefix, read};
use std::cmp::Ordering;

/// Bytes of a leaf; one entry alone may be longer.
const LEAF_MAX: usize = 1024;
/// A leaf of less looks for a neighbour to join.
const LEAF_MIN: usize = LEAF_MAX / 3;
/// Two leaves that have no more than this together are joined.
const JOINED_MAX: usize = LEAF_MAX * 3 / 4;
/// An entry of more has a leaf of its own.
const ALONE: usize = LEAF_MAX / 2;
/// Leaves grow in steps of so many bytes: the distance of the allocator's sizes there.
const STEP: usize = 128;
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

/// A place between entries.
#[derive(Clone, Copy, Debug)]
pub enum Edge<'a> {
    /// In front of all entries with this score, or behind them.
    Score {
        /// The score; not NaN.
        score: f64,
        /// Behind them.
        after: bool,
    },
    /// In front of this entry, whether or not it is there.
    Entry {
        /// The score; not NaN.
        score: f64,
        /// The member.
        member: &'a [u8],
    },
    /// In front of this member or behind it, by members alone: for sets whose scores are all equal.
    Member {
        /// The member.
        member: &'a [u8],
        /// Behind it.
        after: bool,
    },
}

impl Edge<'_> {
    /// Whether an entry lies in front of the edge.
    #[inline]
    pub fn is_behind(&self, score: f64, member: &[u8]) -> bool {
        match *self {
            Edge::Score { score: edge, after } => score < edge || (after && score == edge),
            Edge::Entry { score: edge, member: at } => score < edge || (score == edge && member < at),
            Edge::Member { member: at, after } => match member.cmp(at) {
                Ordering::Less => true,
                Ordering::Equal => after,
                Ordering::Greater => false,
            },
        }
    }

    /// The same for an entry known in short, if that says enough.
    #[inline]
    fn is_behind_low(&self, prefix: u64, low: Low) -> Option<bool> {
        let by_prefix = || match low.prefix.cmp(&prefix) {
            Ordering::Less => Some(true),
            Ordering::Equal => None,
            Ordering::Greater => Some(false),
        };
        match *self {
            Edge::Score { score, after } => Some(low.score < score || (after && low.score == score)),
            Edge::Entry { score, .. } if low.score == score => by_prefix(),
            Edge::Entry { score, .. } => Some(low.score < score),
            Edge::Member { .. } => by_prefix(),
        }
    }

    fn prefix(&self) -> u64 {
        match self {
            Edge::Score { .. } => 0,
            Edge::Entry { member, .. } | Edge::Member { member, .. } => prefix(member),
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
        let new = New { edge, prefix: edge.prefix(), head: Head::of(score, member), member };
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
        let rank = self.rank(&Edge::Entry { score, member });
        let found = self.range(rank, rank + 1).next();
        if found.is_none_or(|(at, found)| at != score || found != member) {
            return false;
        }
        self.drain(rank, 1, |_, _| ());
        true
    }

    /// Removes up to `count` entries from `rank` on, within one leaf, and shows them in order. Says how many they were: none
    /// only at the end. O(log n + count).
    pub fn drain(&mut self, rank: usize, count: usize, mut removed: impl FnMut(f64, &[u8])) -> usize {
        if rank >= self.len() || count == 0 {
            return 0;
        }
        let done = self.root.drain(rank, count, &mut removed, &mut self.size);
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

    /// The entries of the ranks from `start` to below `end`, in order. O(log n), then O(1) each.
    pub fn range(&self, start: usize, end: usize) -> Iter<'_> {
        let end = end.min(self.len());
        let mut iter = Iter { path: Vec::new(), leaf: &[], left: end.saturating_sub(start) };
        if iter.left > 0 {
            let (leaf, skip) = seek(&mut iter.path, &self.root, start);
            iter.leaf = &leaf[offset(leaf, skip)..];
        }
        iter
    }

    /// The same entries from the last to the first.
    pub fn range_back(&self, start: usize, end: usize) -> IterBack<'_> {
        let end = end.min(self.len());
        let mut iter = IterBack { path: Vec::new(), leaf: &[], places: Vec::new(), left: end.saturating_sub(start) };
        if iter.left > 0 {
            let (leaf, skip) = seek(&mut iter.path, &self.root, end - 1);
            iter.enter(leaf);
            iter.places.truncate(skip + 1);
        }
        iter
    }
}

/// See [`Tree::range`].
#[derive(Clone)]
pub struct Iter<'a> {
    path: Vec<(&'a Inner, usize)>,
    /// What is left of the leaf.
    leaf: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (f64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.leaf.is_empty() {
            self.leaf = next_leaf(&mut self.path)?;
        }
        let (score, member, size) = read(self.leaf)?;
        self.leaf = &self.leaf[size..];
        self.left -= 1;
        Some((score, member))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// See [`Tree::range_back`].
#[derive(Clone)]
pub struct IterBack<'a> {
    path: Vec<(&'a Inner, usize)>,
    leaf: &'a [u8],
    /// Where the entries of the leaf begin that are still to come: they can only be walked forward.
    places: Vec<u32>,
    left: usize,
}

impl<'a> IterBack<'a> {
    fn enter(&mut self, leaf: &'a [u8]) {
        self.leaf = leaf;
        self.places.clear();
        let mut at = 0;
        while let Some((_, _, size)) = read(&leaf[at..]) {
            self.places.push(at as u32);
            at += size;
        }
    }
}

impl<'a> Iterator for IterBack<'a> {
    type Item = (f64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.places.is_empty() {
            let leaf = previous_leaf(&mut self.path)?;
            self.enter(leaf);
        }
        let (score, member, _) = read(self.leaf.get(self.places.pop()? as usize..)?)?;
        self.left -= 1;
        Some((score, member))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

// ---- nodes ---------------------------------------------------------------------------------------------------------------

type Leaf = Vec<u8>;

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
    /// The first eight bytes of the member, the first of them on top, zeros where there are fewer.
    prefix: u64,
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
    prefix: u64,
    head: Head,
    member: &'a [u8],
}

impl New<'_> {
    fn size(&self) -> usize {
        self.head.len + self.member.len()
    }

    fn low(&self) -> Low {
        match self.edge {
            Edge::Entry { score, .. } => Low { score, prefix: self.prefix },
            _ => Low { score: 0.0, prefix: self.prefix },
        }
    }

    /// Puts the entry into a leaf.
    fn write(&self, leaf: &mut Leaf, at: usize, size: &mut Size) {
        let (before, old, more) = (leaf.capacity(), leaf.len(), self.size());
        if old + more > before {
            leaf.reserve_exact((old + more).next_multiple_of(STEP) - old);
        }
        leaf.resize(old + more, 0);
        leaf.copy_within(at..old, at + more);
        let (head, member) = leaf[at..at + more].split_at_mut(self.head.len);
        head.copy_from_slice(&self.head.bytes[..self.head.len]);
        member.copy_from_slice(self.member);
        size.bytes += leaf.capacity() - before;
    }
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

    /// The first entry below a child.
    fn first(&self, child: usize) -> (f64, &[u8]) {
        let (mut inner, mut child) = (self, child);
        loop {
            match &inner.below {
                Below::Leaves(leaves) => {
                    return leaves
                        .get(child)
                        .and_then(|leaf| read(leaf))
                        .map_or((0.0, b""), |(score, member, _)| (score, member));
                }
                Below::Inners(inners) => (inner, child) = (&inners[child], 0),
            }
        }
    }

    /// Adds an entry; gives the right half where this node has become two.
    fn insert(&mut self, new: &New<'_>, size: &mut Size) -> Option<Inner> {
        let child = if self.counts.is_empty() { 0 } else { self.child(&new.edge, new.prefix) };
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
        let (at, len) = (place(leaf, &new.edge).0, leaf.len());
        let alone = new.size() > ALONE || len > LEAF_MAX;
        if alone || len + new.size() > LEAF_MAX {
            let last = child + 1 == leaves.len();
            // A small entry behind a long one: to the next leaf, or else there would be a leaf for each.
            if len > LEAF_MAX && at == len && !last && leaves[child + 1].len() + new.size() <= LEAF_MAX {
                return self.write(child + 1, 0, new, size);
            }
            if at == len && (alone || last) {
                return self.new_leaf(child + 1, new, size);
            }
            if at == 0 && (alone || child == 0) {
                return self.new_leaf(child, new, size);
            }
            if alone {
                self.cut(child, at, size);
                return self.new_leaf(child + 1, new, size);
            }
        }
        self.write(child, at, new, size);
        self.relieve(child, size);
    }

    fn write(&mut self, child: usize, at: usize, new: &New<'_>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        new.write(&mut leaves[child], at, size);
        self.counts[child] += 1;
        if at == 0 {
            self.lows[child] = new.low();
        }
    }

    /// A leaf of a new entry alone.
    fn new_leaf(&mut self, child: usize, new: &New<'_>, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let mut leaf = Vec::new();
        new.write(&mut leaf, 0, size);
        size.leaves += 1;
        let room = |full: bool| if full { 8 } else { 0 };
        leaves.reserve_exact(room(leaves.len() == leaves.capacity()));
        self.lows.reserve_exact(room(self.lows.len() == self.lows.capacity()));
        self.counts.reserve_exact(room(self.counts.len() == self.counts.capacity()));
        leaves.insert(child, leaf);
        self.lows.insert(child, new.low());
        self.counts.insert(child, 1);
    }

    /// Makes two of a leaf, at an offset between two of its entries.
    fn cut(&mut self, child: usize, at: usize, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let before = leaves[child].capacity();
        let right = leaves[child].split_off(at);
        let Some((score, member, _)) = read(&right) else { return };
        let (low, count) = (Low { score, prefix: prefix(member) }, entries(&right));
        size.bytes = size.bytes + right.capacity() + leaves[child].capacity() - before;
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
        let takes_part = |leaf: Option<&Leaf>| leaf.is_some_and(|leaf| leaf.len() <= LEAF_MAX);
        let start = child - usize::from(child > 0 && takes_part(leaves.get(child - 1)));
        let end = child + 1 + usize::from(takes_part(leaves.get(child + 1)));
        let total: usize = leaves[start..end].iter().map(Vec::len).sum();
        // Sharing must pay for a while: an eighth is to be free afterwards.
        let parts = if total > (end - start) * (LEAF_MAX - STEP) { end - start + 1 } else { end - start };
        self.spread(start, end, parts, size);
    }

    /// Lays the entries of some leaves out evenly over so many.
    fn spread(&mut self, start: usize, end: usize, parts: usize, size: &mut Size) {
        let Below::Leaves(leaves) = &mut self.below else { return };
        let all = leaves[start..end].concat();
        let target = all.len().div_ceil(parts);
        let (mut made, mut lows, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut at, mut from, mut count) = (0, 0, 0);
        let mut close = |from: usize, to: usize, count: usize| {
            let Some((score, member, _)) = read(&all[from..]) else { return };
            let mut leaf = Vec::with_capacity((to - from).next_multiple_of(STEP));
            leaf.extend_from_slice(&all[from..to]);
            made.push(leaf);
            lows.push(Low { score, prefix: prefix(member) });
            counts.push(count);
        };
        while let Some((_, _, step)) = read(&all[at..]) {
            if count > 0 && (at - from >= target || at + step - from > LEAF_MAX) {
                close(from, at, count);
                (from, count) = (at, 0);
            }
            at += step;
            count += 1;
        }
        close(from, at, count);
        let bytes = |leaves: &[Leaf]| leaves.iter().map(Vec::capacity).sum::<usize>();
        size.bytes = size.bytes + bytes(&made) - bytes(&leaves[start..end]);
        size.leaves = size.leaves + made.len() - (end - start);
        leaves.splice(start..end, made);
        self.lows.splice(start..end, lows);
        self.counts.splice(start..end, counts);
    }

    /// Removes up to `count` entries from `rank` on, which is there, within one leaf.
    fn drain(&mut self, mut rank: usize, count: usize, removed: &mut impl FnMut(f64, &[u8]), size: &mut Size) -> usize {
        let mut child = 0;
        while child + 1 < self.width() && rank >= self.counts[child] {
            rank -= self.counts[child];
            child += 1;
        }
        let done = match &mut self.below {
            Below::Inners(inners) => {
                let done = inners[child].drain(rank, count, removed, size);
                self.lows[child] = inners[child].low();
                done
            }
            Below::Leaves(leaves) => {
                let leaf = &mut leaves[child];
                let start = offset(leaf, rank);
                let (mut end, mut done) = (start, 0);
                while done < count
                    && let Some((score, member, step)) = read(&leaf[end..])
                {
                    removed(score, member);
                    end += step;
                    done += 1;
                }
                let before = leaf.capacity();
                leaf.drain(start..end);
                if before > 2 * leaf.len() + STEP {
                    leaf.shrink_to(leaf.len().next_multiple_of(STEP));
                }
                size.bytes = size.bytes + leaf.capacity() - before;
                if start == 0
                    && let Some((score, member, _)) = read(leaf)
                {
                    self.lows[child] = Low { score, prefix: prefix(member) };
                }
                done
            }
        };
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
                        return self.spread(left, right + 1, 1, size);
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

// ---- walking -------------------------------------------------------------------------------------------------------------

/// The leaf of the entry at `rank`, which is there, and its index in it.
fn seek<'a>(path: &mut Vec<(&'a Inner, usize)>, root: &'a Inner, mut rank: usize) -> (&'a [u8], usize) {
    let mut inner = root;
    loop {
        let mut child = 0;
        while child + 1 < inner.width() && rank >= inner.counts[child] {
            rank -= inner.counts[child];
            child += 1;
        }
        path.push((inner, child));
        match &inner.below {
            Below::Leaves(leaves) => return (leaves.get(child).map_or(&[], Vec::as_slice), rank),
            Below::Inners(inners) => inner = &inners[child],
        }
    }
}

fn next_leaf<'a>(path: &mut Vec<(&'a Inner, usize)>) -> Option<&'a [u8]> {
    loop {
        let (inner, child) = path.last_mut()?;
        *child += 1;
        if *child < inner.width() {
            break;
        }
        path.pop();
    }
    loop {
        let (inner, child) = *path.last()?;
        match &inner.below {
            Below::Leaves(leaves) => return leaves.get(child).map(Vec::as_slice),
            Below::Inners(inners) => path.push((inners.get(child)?, 0)),
        }
    }
}

fn previous_leaf<'a>(path: &mut Vec<(&'a Inner, usize)>) -> Option<&'a [u8]> {
    loop {
        let (_, child) = path.last_mut()?;
        if let Some(previous) = child.checked_sub(1) {
            *child = previous;
            break;
        }
        path.pop();
    }
    loop {
        let (inner, child) = *path.last()?;
        match &inner.below {
            Below::Leaves(leaves) => return leaves.get(child).map(Vec::as_slice),
            Below::Inners(inners) => {
                let inner = inners.get(child)?;
                path.push((inner, inner.width().checked_sub(1)?));
            }
        }
    }
}

#[cfg(test)]
mod tests;
