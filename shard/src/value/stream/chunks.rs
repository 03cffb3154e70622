//! The full nodes of a stream: all but the last one, which entries are appended to.
//!
//! ```text
//! ring     | chunk | chunk | ...          in order of the ids
//! chunk    | bytes: node | node | (removed) | node | ... |     one allocation
//!          | heads: key, start, end of each node             | another
//! ```
//!
//! A full node changes no more but for deleted entries, so many share an allocation: a node of its own would cost what the
//! allocator rounds its size up by (5 % of a node of a hundred small entries) and a pointer and a capacity more. A head is
//! 24 bytes. Finding a node takes two binary searches. Resident bytes for an entry of two short fields, a million in turn:
//! 12.2 in the nodes, 0.24 in the heads, 0.2 that the allocator adds to chunks; measured with all else that the
//! process touches then, 13.1 (a tree of nodes of their own: 14.1).
//!
//! Chunks are of [`SMALL`] bytes while the stream is small, then of an eighth of it, up to [`LARGE`]. So what is
//! allocated ahead is an eighth at most, and so is what one change has to move. A node that would take more than half a
//! chunk is alone in one, which takes over its memory. A removed node leaves a hole; a chunk that is holes by a quarter is
//! written anew. O(1) amortized at either end, O(chunks + a chunk's bytes) in the middle.

use super::id::StreamId;
use super::node::NodeRef;
use crate::value::packed::{Packed, PackedRef};
use std::collections::VecDeque;

/// Bytes of a chunk of a small stream: beyond 14 KiB, jemalloc would round up by more, and add a page.
const SMALL: usize = 12 * 1024;

/// From here on a chunk is large enough for that page not to matter. Bytes.
const MEDIUM: usize = 64 * 1024;

/// Bytes of a chunk at most, unless one node is larger.
const LARGE: usize = 256 * 1024;

/// Nodes of a chunk at most, however small they are: heads are moved when one goes.
const NODES: usize = 256;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Chunks {
    /// None is without nodes.
    ring: VecDeque<Chunk>,
    /// Nodes of all chunks.
    nodes: usize,
    /// Bytes on the heap of all chunks.
    bytes: usize,
}

#[derive(Debug)]
struct Chunk {
    /// Not behind the key of the first node, and behind those of the chunk before.
    from: StreamId,
    bytes: Vec<u8>,
    /// In order, of the keys as of the places.
    heads: Vec<Head>,
    /// How many of `bytes` are holes.
    dead: usize,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    key: StreamId,
    /// Where the node is in the bytes of its chunk.
    start: u32,
    end: u32,
}

/// Where a node is, until the next change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    chunk: usize,
    node: usize,
}

impl Place {
    /// That of the first node, if there is one.
    pub(super) const FIRST: Place = Place { chunk: 0, node: 0 };
}

impl Chunks {
    /// No nodes.
    pub(super) const fn new() -> Chunks {
        Chunks { ring: VecDeque::new(), nodes: 0, bytes: 0 }
    }

    /// The number of nodes. O(1).
    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// Bytes on the heap. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes + self.ring.capacity() * size_of::<Chunk>()
    }

    /// The last node whose key is not behind `id`. O(log n).
    pub(super) fn find(&self, id: StreamId) -> Option<Place> {
        let chunk = self.ring.partition_point(|chunk| chunk.from <= id).checked_sub(1)?;
        match self.ring[chunk].heads.partition_point(|head| head.key <= id).checked_sub(1) {
            Some(node) => Some(Place { chunk, node }),
            // Those nodes are gone that stood at the chunk's beginning.
            None => chunk.checked_sub(1).map(|chunk| Place { chunk, node: self.ring[chunk].heads.len() - 1 }),
        }
    }

    /// The node at `place`.
    pub(super) fn get(&self, place: Place) -> Option<NodeRef<'_>> {
        let chunk = self.ring.get(place.chunk)?;
        chunk.heads.get(place.node).map(|head| chunk.node(*head))
    }

    /// The nodes from `from` on.
    pub(super) fn iter_from(&self, from: Place) -> Iter<'_> {
        Iter { ring: &self.ring, from, to: Place { chunk: self.ring.len(), node: 0 } }
    }

    /// The nodes up to `to`, with it; without it, none.
    pub(super) fn iter_to(&self, to: Option<Place>) -> Iter<'_> {
        let to = to.map_or(Place::FIRST, |to| Place { chunk: to.chunk, node: to.node + 1 });
        Iter { ring: &self.ring, from: Place::FIRST, to }
    }

    /// Adds a node behind all others. Gives back memory to be used again: that of the node, unless it was kept.
    pub(super) fn push(&mut self, key: StreamId, mut packed: Packed) -> Vec<u8> {
        let len = packed.as_bytes().len();
        let most = match self.bytes / 8 {
            eighth @ MEDIUM.. => eighth.min(LARGE),
            _ => SMALL,
        };
        let alone = len > most / 2;
        self.nodes += 1;
        if let Some(last) = self.ring.back_mut() {
            self.bytes -= last.heap_bytes();
            let capacity = last.bytes.capacity();
            let room = if capacity < MEDIUM { most } else { capacity };
            let fits = !alone && last.bytes.len() + len <= room && last.heads.len() < NODES;
            if fits {
                last.append(key, packed.as_bytes(), most);
            } else {
                last.shrink();
            }
            self.bytes += last.heap_bytes();
            if fits {
                return packed.into_bytes();
            }
        }
        let mut chunk = Chunk { from: key, bytes: Vec::new(), heads: Vec::new(), dead: 0 };
        let mut left = Vec::new();
        if alone {
            packed.shrink();
            chunk.bytes = packed.into_bytes();
            chunk.heads = vec![Head { key, start: 0, end: len as u32 }];
        } else {
            chunk.append(key, packed.as_bytes(), most);
            left = packed.into_bytes();
        }
        self.bytes += chunk.heap_bytes();
        self.ring.push_back(chunk);
        left
    }

    /// Removes the last node and gives it.
    pub(super) fn pop(&mut self) -> Option<(StreamId, Packed)> {
        let chunk = self.ring.back()?;
        let place = Place { chunk: self.ring.len() - 1, node: chunk.heads.len().checked_sub(1)? };
        let node = self.get(place)?;
        let popped = (node.key, Packed::from_bytes(node.packed.as_bytes().to_vec()));
        self.remove(place);
        Some(popped)
    }

    /// Removes a node.
    pub(super) fn remove(&mut self, place: Place) {
        let open = place.chunk + 1 == self.ring.len();
        let Some(chunk) = self.ring.get_mut(place.chunk) else { return };
        if place.node >= chunk.heads.len() {
            return;
        }
        self.nodes -= 1;
        self.bytes -= chunk.heap_bytes();
        if chunk.heads.len() > 1 {
            chunk.remove(place.node, open);
            self.bytes += chunk.heap_bytes();
        } else {
            self.ring.remove(place.chunk);
            // What was needed for far more chunks.
            if self.ring.capacity() > 64 && self.ring.len() < self.ring.capacity() / 4 {
                self.ring.shrink_to(self.ring.len() * 2);
            }
        }
        // What was allocated ahead while the stream was far larger.
        if let Some(last) = self.ring.back_mut()
            && last.bytes.capacity() - last.bytes.len() > SMALL.max(self.bytes / 4)
        {
            self.bytes -= last.heap_bytes();
            last.shrink();
            self.bytes += last.heap_bytes();
        }
    }

    /// Changes a node: `change` is given a sequence, and where in its bytes the node begins. It may change the length of
    /// the node's elements, and nothing in front of or behind them.
    pub(super) fn change(&mut self, place: Place, change: impl FnOnce(&mut Packed, usize)) {
        let Some(chunk) = self.ring.get_mut(place.chunk) else { return };
        self.bytes -= chunk.heap_bytes();
        chunk.change(place.node, change);
        self.bytes += chunk.heap_bytes();
    }
}

impl Clone for Chunks {
    fn clone(&self) -> Chunks {
        let copy = |chunk: &Chunk| Chunk { bytes: chunk.bytes.clone(), heads: chunk.heads.clone(), ..*chunk };
        let ring: VecDeque<Chunk> = self.ring.iter().map(copy).collect();
        // Not the same: nothing is allocated ahead.
        let bytes = ring.iter().map(Chunk::heap_bytes).sum();
        Chunks { ring, nodes: self.nodes, bytes }
    }
}

impl Chunk {
    fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.heads.capacity() * size_of::<Head>()
    }

    fn node(&self, head: Head) -> NodeRef<'_> {
        let bytes = self.bytes.get(head.start as usize..head.end as usize).unwrap_or_default();
        NodeRef { key: head.key, packed: PackedRef::new(bytes) }
    }

    /// Adds a node; there is to be room for `most` bytes.
    fn append(&mut self, key: StreamId, node: &[u8], most: usize) {
        let start = self.bytes.len();
        let end = start + node.len();
        if end > self.bytes.capacity() {
            // Memory that is not written to yet costs nothing, if it is some pages; less than that does.
            self.bytes.reserve_exact(if most > SMALL { most - start } else { node.len() });
        }
        self.bytes.extend_from_slice(node);
        self.heads.push(Head { key, start: start as u32, end: end as u32 });
    }

    /// Gives back what was allocated ahead.
    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.heads.shrink_to_fit();
    }

    /// Removes one of several nodes. An `open` chunk keeps the memory that was allocated ahead.
    fn remove(&mut self, node: usize, open: bool) {
        let head = self.heads.remove(node);
        self.dead += (head.end - head.start) as usize;
        if node == self.heads.len() {
            // The last one leaves no hole, and takes those along that are in front of it.
            let end = self.heads.last().map_or(0, |head| head.end as usize);
            self.dead -= self.bytes.len() - end;
            self.bytes.truncate(end);
        }
        if self.dead > self.bytes.len() / 4 {
            let live = self.bytes.len() - self.dead;
            let mut bytes = Vec::with_capacity(if open { self.bytes.capacity() } else { live });
            for head in &mut self.heads {
                let start = bytes.len();
                bytes.extend_from_slice(&self.bytes[head.start as usize..head.end as usize]);
                (head.start, head.end) = (start as u32, bytes.len() as u32);
            }
            (self.bytes, self.dead) = (bytes, 0);
        }
        if !open && self.bytes.capacity() - self.bytes.len() > self.bytes.capacity() / 4 {
            self.bytes.shrink_to_fit();
        }
        if self.heads.capacity() > 16 && self.heads.len() < self.heads.capacity() / 4 {
            self.heads.shrink_to(self.heads.len() * 2);
        }
    }

    /// See [`Chunks::change`].
    fn change(&mut self, node: usize, change: impl FnOnce(&mut Packed, usize)) {
        let Some(head) = self.heads.get(node) else { return };
        let (len, capacity) = (self.bytes.len(), self.bytes.capacity());
        // The sequence is lent with all that is around it: elements are changed by their places, and those behind them moved.
        let mut packed = Packed::from_bytes(std::mem::take(&mut self.bytes));
        change(&mut packed, head.start as usize);
        self.bytes = packed.into_bytes();
        let moved = |place: &mut u32| *place = (*place as usize + self.bytes.len() - len) as u32;
        if self.bytes.len() != len {
            moved(&mut self.heads[node].end);
            for head in &mut self.heads[node + 1..] {
                moved(&mut head.start);
                moved(&mut head.end);
            }
        }
        if self.bytes.capacity() > capacity {
            self.bytes.shrink_to_fit();
        }
    }
}

/// Nodes in order, from both ends.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    ring: &'a VecDeque<Chunk>,
    /// The next from the front, or behind the last of a chunk.
    from: Place,
    /// Behind the next from the back.
    to: Place,
}

impl<'a> Iterator for Iter<'a> {
    type Item = NodeRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<NodeRef<'a>> {
        while self.from < self.to {
            let chunk = self.ring.get(self.from.chunk)?;
            if let Some(head) = chunk.heads.get(self.from.node) {
                self.from.node += 1;
                return Some(chunk.node(*head));
            }
            self.from = Place { chunk: self.from.chunk + 1, node: 0 };
        }
        None
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        while self.from < self.to {
            if let Some(node) = self.to.node.checked_sub(1) {
                self.to.node = node;
                let chunk = self.ring.get(self.to.chunk)?;
                return chunk.heads.get(node).map(|head| chunk.node(*head));
            }
            let chunk = self.to.chunk.checked_sub(1)?;
            self.to = Place { chunk, node: self.ring.get(chunk)?.heads.len() };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::packed::Element;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<StreamId, Vec<u8>>;

    fn node(size: usize) -> Packed {
        let mut packed = Packed::new();
        packed.push_back(Element::Int(1));
        packed.push_back(Element::Bytes(&vec![b'x'; size]));
        packed
    }

    fn shown(node: NodeRef<'_>) -> (StreamId, Vec<u8>) {
        (node.key, node.packed.as_bytes().to_vec())
    }

    fn check(chunks: &Chunks, model: &Model, ids: &[StreamId]) {
        assert_eq!(chunks.len(), model.len());
        assert_eq!(chunks.bytes, chunks.ring.iter().map(Chunk::heap_bytes).sum::<usize>());
        for chunk in &chunks.ring {
            let live: usize = chunk.heads.iter().map(|head| (head.end - head.start) as usize).sum();
            assert_eq!(live + chunk.dead, chunk.bytes.len());
            assert!(!chunk.heads.is_empty() && chunk.heads.len() <= NODES && chunk.dead <= chunk.bytes.len() / 4);
        }
        let all = || model.iter().map(|(key, bytes)| (*key, bytes.clone()));
        assert!(chunks.iter_from(Place::FIRST).map(shown).eq(all()));
        assert!(chunks.iter_from(Place::FIRST).rev().map(shown).eq(all().rev()));
        for &id in ids {
            let place = chunks.find(id);
            let found = place.and_then(|place| chunks.get(place)).map(|node| node.key);
            assert_eq!(found, model.range(..=id).next_back().map(|(key, _)| *key), "{id:?}");
            let up_to: Vec<_> = chunks.iter_to(place).map(|node| node.key).collect();
            assert!(up_to.iter().eq(model.range(..=id).map(|(key, _)| key)));
            let from: Vec<_> = chunks.iter_from(place.unwrap_or(Place::FIRST)).rev().map(|node| node.key).collect();
            let first = found.unwrap_or(StreamId::MIN);
            assert!(from.iter().eq(model.range(first..).rev().map(|(key, _)| key)));
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize, usize),
        Pop,
        Remove(u64),
        RemoveFirst(usize),
        Change(u64, i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..40_usize, prop_oneof![0..60_usize, 1_000..1_300_usize, 0..9_000_usize, 0..90_000_usize])
                .prop_map(|(count, size)| Step::Push(count, size)),
            1 => Just(Step::Pop),
            4 => any::<u64>().prop_map(Step::Remove),
            1 => (1..60_usize).prop_map(Step::RemoveFirst),
            2 => (any::<u64>(), prop_oneof![Just(5), Just(300), Just(1 << 40)]).prop_map(|(at, number)| Step::Change(at, number)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn chunks_are_a_map(steps in proptest::collection::vec(step(), 1..60)) {
            let (mut chunks, mut model) = (Chunks::new(), Model::new());
            let mut last = 0;
            for step in steps {
                let pick = |at: u64| StreamId::new(at % (last + 2), 0);
                match step {
                    Step::Push(count, size) => for more in 0..count {
                        last += 3;
                        let packed = node(size + more);
                        model.insert(StreamId::new(last, 0), packed.as_bytes().to_vec());
                        chunks.push(StreamId::new(last, 0), packed);
                    },
                    Step::Pop => {
                        let popped = chunks.pop().map(|(key, packed)| (key, packed.into_bytes()));
                        prop_assert_eq!(popped, model.pop_last());
                        last = model.last_key_value().map_or(0, |(key, _)| key.ms);
                    }
                    Step::Remove(at) => if let Some(place) = chunks.find(pick(at)) {
                        let key = chunks.get(place).expect("a node").key;
                        chunks.remove(place);
                        model.remove(&key);
                    },
                    Step::RemoveFirst(count) => for _ in 0..count {
                        chunks.remove(Place::FIRST);
                        model.pop_first();
                    },
                    Step::Change(at, number) => if let Some(place) = chunks.find(pick(at)) {
                        let key = chunks.get(place).expect("a node").key;
                        let change = |packed: &mut Packed, start: usize| packed.replace(start + 4, Element::Int(number));
                        chunks.change(place, change);
                        let mut alone = Packed::from_bytes(model.remove(&key).expect("a node"));
                        change(&mut alone, 0);
                        model.insert(key, alone.into_bytes());
                    },
                }
                let ids: Vec<StreamId> = (0..20).map(|n| StreamId::new(last * n / 18, n & 1)).collect();
                check(&chunks, &model, &ids);
                check(&chunks.clone(), &model, &ids);
            }
        }
    }

    #[test]
    fn little_is_allocated_beyond_the_nodes() {
        let mut chunks = Chunks::new();
        let (mut sum, mut one) = (0, 1);
        for number in 1..20_000_u64 {
            let packed = node(1_200);
            sum += packed.as_bytes().len();
            chunks.push(StreamId::new(number, 0), packed);
            let more = chunks.heap_bytes() - sum;
            assert!(more < 2_000 + sum / 6, "{more} bytes more than {sum}");
        }
        assert!(chunks.heap_bytes() < sum + LARGE + 40 * 20_000);
        // Neither while it is used as a queue, nor when most of it is gone.
        for number in 20_000..40_000_u64 {
            chunks.push(StreamId::new(number, 0), node(1_200));
            chunks.remove(Place::FIRST);
            assert!(chunks.heap_bytes() < sum + 3 * LARGE + 40 * 20_000, "{} for {sum}", chunks.heap_bytes());
        }
        while chunks.len() > 10 {
            chunks.remove(if one % 3 == 0 { Place { chunk: chunks.ring.len() - 1, node: 0 } } else { Place::FIRST });
            one += 1;
            let sum = chunks.len() * 1_200;
            assert!(chunks.heap_bytes() < sum * 3 / 2 + 3 * LARGE, "{} for {sum}", chunks.heap_bytes());
        }
        assert!(chunks.heap_bytes() < 64 * 1024, "{} bytes", chunks.heap_bytes());
    }
}
