//! The entries of a stream, and what it remembers of those that are gone.

use super::chunks::{self, Chunks, Place};
use super::id::{NewId, StreamId};
use super::node::{self, Entries, EntriesBack, Entry, NodeLimits, NodeRef};
use crate::value::packed::Packed;

/// Nodes are allocated ahead by what the one before took, up to this. Bytes.
const ROOM_MAX: usize = 64 * 1024;

/// Entries in order of their ids.
#[derive(Clone, Debug)]
pub struct Log {
    /// All nodes but the last.
    nodes: Chunks,
    /// The last node, which entries are appended to. None only if there are no nodes at all.
    last: Option<(StreamId, Packed)>,
    len: u64,
    first_id: StreamId,
    /// The id of the entry added last, deleted or not: ids only grow.
    pub last_id: StreamId,
    /// The greatest id that XDEL has deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// Why an entry cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// The last possible id has been given.
    Exhausted,
    /// The id is not behind the last one.
    TooSmall,
    /// The entry is longer than a node may be.
    TooLarge,
}

/// What a trim leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// The rule.
    pub by: TrimBy,
    /// Only whole nodes are removed: `~`.
    pub approximate: bool,
    /// The most entries to be removed, 0 for no limit.
    pub limit: u64,
}

/// The rule of a trim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrimBy {
    /// No more than so many entries are left.
    MaxLen(u64),
    /// No entry with a smaller id is left.
    MinId(StreamId),
}

impl Log {
    /// No entries.
    pub const fn new() -> Log {
        Log {
            nodes: Chunks::new(),
            last: None,
            len: 0,
            first_id: StreamId::MIN,
            last_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: 0,
        }
    }

    /// The number of entries. O(1).
    #[allow(clippy::len_without_is_empty)] // an empty stream is a value like any other
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The id of the first entry, `0-0` without any. O(1).
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The id of the last entry that is there, None without any.
    pub fn last_live_id(&self) -> Option<StreamId> {
        self.range_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// Whether an entry has this id. O(log n) and a walk over one node.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The entry with this id. O(log n) and a walk over one node.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The entries from `start` to `end`, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        // Entries from `start` on begin in the last node whose key is not behind it.
        let nodes = match &self.last {
            Some((key, _)) if *key <= start => self.nodes.iter_to(None),
            _ => self.nodes.iter_from(self.nodes.find(start).unwrap_or(Place::FIRST)),
        };
        Range { nodes: Nodes { nodes, last: self.last.as_ref() }, entries: None, start, end }
    }

    /// The entries from `end` down to `start`, both included.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> RangeBack<'_> {
        let nodes = match &self.last {
            last @ Some((key, _)) if *key <= end => {
                Nodes { nodes: self.nodes.iter_from(Place::FIRST), last: last.as_ref() }
            }
            _ => Nodes { nodes: self.nodes.iter_to(self.nodes.find(end)), last: None },
        };
        RangeBack { nodes, entries: None, start, end }
    }

    /// The nodes in order: for DUMP and RDB files.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes { nodes: self.nodes.iter_from(Place::FIRST), last: self.last.as_ref() }
    }

    /// How many nodes there are. O(1).
    pub fn node_count(&self) -> usize {
        self.nodes.len() + usize::from(self.last.is_some())
    }

    /// How many nodes a radix tree of the nodes' keys has: what XINFO STREAM shows as `radix-tree-nodes`. O(nodes).
    pub fn radix_nodes(&self) -> usize {
        radix_nodes(self.nodes().map(|node| node.key.to_be_bytes()))
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.nodes.heap_bytes() + self.last.as_ref().map_or(0, |(_, packed)| packed.heap_bytes())
    }

    /// The id that the next entry would get. `now` is Unix time in milliseconds.
    pub fn next_id(&self, wanted: NewId, now: u64) -> Result<StreamId, AddError> {
        let last = self.last_id;
        if last == StreamId::MAX {
            return Err(AddError::Exhausted);
        }
        let id = match wanted {
            NewId::Auto if now > last.ms => StreamId::new(now, 0),
            NewId::Auto => last.next().ok_or(AddError::Exhausted)?,
            NewId::AutoSeq(ms) if ms == last.ms => {
                StreamId { ms, seq: last.seq.checked_add(1).ok_or(AddError::TooSmall)? }
            }
            NewId::AutoSeq(ms) => StreamId { ms, seq: 0 },
            NewId::Exact(id) => id,
        };
        if id > last { Ok(id) } else { Err(AddError::TooSmall) }
    }

    /// Adds an entry of `pairs`, fields and values in turn, and gives its id. After an error nothing has changed. O(1), as
    /// nodes are bounded.
    pub fn add<'a>(
        &mut self,
        wanted: NewId,
        now: u64,
        pairs: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        limits: NodeLimits,
    ) -> Result<StreamId, AddError> {
        let id = self.next_id(wanted, now)?;
        let bytes: usize = pairs.clone().map(<[u8]>::len).sum();
        if bytes > node::BYTES_MAX {
            return Err(AddError::TooLarge);
        }
        let mut room = Vec::new();
        if let Some((key, packed)) = &self.last
            && node::is_full(NodeRef { key: *key, packed: packed.view() }, bytes, limits)
            && let Some((key, packed)) = self.last.take()
        {
            let len = packed.as_bytes().len();
            room = self.nodes.push(key, packed);
            // Kept, or far too much.
            if room.capacity() < len || room.capacity() > len / 2 * 3 {
                room = Vec::with_capacity(len.min(ROOM_MAX));
            }
        }
        let (key, packed) = self.last.get_or_insert_with(|| (id, node::fresh(pairs.clone(), room)));
        node::append(packed, *key, id, pairs);
        self.len += 1;
        self.entries_added += 1;
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
        Ok(id)
    }

    /// Deletes entries by their ids and gives how many were there.
    pub fn delete(&mut self, ids: &[StreamId]) -> u64 {
        let (mut deleted, mut first) = (0, false);
        for &id in ids {
            if !self.delete_one(id) {
                continue;
            }
            deleted += 1;
            first |= id == self.first_id;
            self.max_deleted_id = self.max_deleted_id.max(id);
        }
        if first || self.len == 0 {
            self.find_first();
        }
        deleted
    }

    /// Removes entries from the front, and gives how many. As in Redis, a trim that may only remove whole nodes stops
    /// where one would have to be cut, and one with a limit in front of the node that would pass it.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let mut removed = 0;
        while let Some((place, node)) = self.first_node() {
            let live = node.live();
            if matches!(trim.by, TrimBy::MaxLen(most) if self.len <= most)
                || trim.limit > 0 && removed + live > trim.limit
            {
                break;
            }
            let whole = match trim.by {
                TrimBy::MaxLen(most) => self.len.saturating_sub(live) >= most,
                TrimBy::MinId(least) => node.last_id().is_none_or(|last| last < least),
            };
            if whole {
                self.remove_node(place);
                self.len = self.len.saturating_sub(live);
                removed += live;
                continue;
            }
            if !trim.approximate {
                removed += self.trim_node(place, trim.by);
            }
            break;
        }
        if removed > 0 || self.len == 0 {
            self.find_first();
        }
        removed
    }

    /// Appends a node as it stands in a file: its entries are behind all others. False if it is not well-formed. The
    /// caller sets `last_id`, `max_deleted_id` and `entries_added`, and calls [`Log::loaded`] at the end.
    pub fn push_node(&mut self, key: StreamId, packed: Packed) -> bool {
        let node = NodeRef { key, packed: packed.view() };
        if self.last.as_ref().is_some_and(|(last, _)| *last >= key) || !node.is_valid() {
            return false;
        }
        self.len += node.live();
        if let Some((key, packed)) = self.last.replace((key, packed)) {
            self.nodes.push(key, packed);
        }
        true
    }

    /// Ends a series of [`Log::push_node`].
    pub fn loaded(&mut self) {
        self.find_first();
    }

    // ---- below ------------------------------------------------------------------------------------------------------

    fn find_first(&mut self) {
        self.first_id = self.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// The first node, and its place if it is not the last.
    fn first_node(&self) -> Option<(Option<Place>, NodeRef<'_>)> {
        match self.nodes.get(Place::FIRST) {
            Some(node) => Some((Some(Place::FIRST), node)),
            None => self.node(None).map(|node| (None, node)),
        }
    }

    /// The node at `place`; without one, the last.
    fn node(&self, place: Option<Place>) -> Option<NodeRef<'_>> {
        match place {
            Some(place) => self.nodes.get(place),
            None => self.last.as_ref().map(|(key, packed)| NodeRef { key: *key, packed: packed.view() }),
        }
    }

    fn delete_one(&mut self, id: StreamId) -> bool {
        let at = match &self.last {
            Some((key, _)) if *key <= id => None,
            _ => match self.nodes.find(id) {
                Some(place) => Some(place),
                None => return false,
            },
        };
        let Some(node) = self.node(at) else { return false };
        let found = node.places().find(|(_, entry)| entry.id >= id && !entry.is_deleted());
        let Some((place, _)) = found.filter(|(_, entry)| entry.id == id) else { return false };
        if node.live() == 1 {
            self.remove_node(at);
        } else {
            self.delete_in(at, &[place]);
        }
        self.len -= 1;
        true
    }

    /// Deletes from the front of a node that stays.
    fn trim_node(&mut self, at: Option<Place>, by: TrimBy) -> u64 {
        let Some(node) = self.node(at) else { return 0 };
        let mut places = Vec::new();
        for (place, entry) in node.places() {
            let enough = match by {
                TrimBy::MaxLen(most) => self.len - places.len() as u64 <= most,
                TrimBy::MinId(least) => entry.id >= least,
            };
            if enough {
                break;
            }
            if !entry.is_deleted() {
                places.push(place);
            }
        }
        self.delete_in(at, &places);
        self.len -= places.len() as u64;
        places.len() as u64
    }

    /// Marks entries of a node as deleted.
    fn delete_in(&mut self, at: Option<Place>, places: &[usize]) {
        match (at, &mut self.last) {
            (Some(at), _) => self.nodes.change(at, |packed, start| node::delete(packed, start, places)),
            (None, Some((_, packed))) => node::delete(packed, 0, places),
            (None, None) => {}
        }
    }

    fn remove_node(&mut self, at: Option<Place>) {
        match at {
            Some(place) => self.nodes.remove(place),
            None => self.last = self.nodes.pop(),
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log::new()
    }
}

impl Log {
    /// Whether each entry, deleted or not, is behind the one before it, in front of the next node, not behind the last id, and
    /// not without pairs: for what came from outside. O(n).
    pub fn is_ordered(&self) -> bool {
        let mut last = None;
        self.nodes().all(|node| {
            last < Some(node.key)
                && node.entries().all(|entry| {
                    let in_order = last < Some(entry.id) && node.key <= entry.id && !entry.is_empty();
                    last = Some(entry.id);
                    in_order
                })
        }) && last <= Some(self.last_id)
    }
}

/// The nodes of a stream, from both ends.
pub struct Nodes<'a> {
    nodes: chunks::Iter<'a>,
    last: Option<&'a (StreamId, Packed)>,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = NodeRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<NodeRef<'a>> {
        self.nodes.next().or_else(|| self.last())
    }
}

impl DoubleEndedIterator for Nodes<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.last().or_else(|| self.nodes.next_back())
    }
}

impl<'a> Nodes<'a> {
    /// The last node of all, once.
    fn last(&mut self) -> Option<NodeRef<'a>> {
        self.last.take().map(|(key, packed)| NodeRef { key: *key, packed: packed.view() })
    }
}

/// See [`Log::range`].
pub struct Range<'a> {
    nodes: Nodes<'a>,
    entries: Option<Entries<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entries) = &mut self.entries {
                for entry in entries {
                    if entry.id > self.end {
                        return None;
                    }
                    if entry.id >= self.start && !entry.is_deleted() {
                        return Some(entry);
                    }
                }
            }
            self.entries = Some(self.nodes.next()?.entries());
        }
    }
}

/// See [`Log::range_back`].
pub struct RangeBack<'a> {
    nodes: Nodes<'a>,
    entries: Option<EntriesBack<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for RangeBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entries) = &mut self.entries {
                for entry in entries {
                    if entry.id < self.start {
                        return None;
                    }
                    if entry.id <= self.end && !entry.is_deleted() {
                        return Some(entry);
                    }
                }
            }
            self.entries = Some(self.nodes.next_back()?.entries_back());
        }
    }
}

/// The size of a path-compressed radix tree over keys of one length, given in order: a node for each key, for each place
/// where keys part, and for each stretch in between that has no choice.
fn radix_nodes(mut keys: impl Iterator<Item = [u8; 16]>) -> usize {
    let Some(mut last) = keys.next() else { return 1 };
    // The partings on the way to the last key, as depths from the root on.
    let mut open: Vec<usize> = Vec::new();
    let mut nodes = 0;
    // A parting has one byte for each child; a child further down hangs on a stretch.
    let stretch = |parting: usize, depth: usize| usize::from(depth > parting + 1);
    for key in keys {
        let common = last.iter().zip(&key).take_while(|(one, two)| one == two).count();
        last = key;
        nodes += 1;
        let mut depth = 16;
        while let Some(parting) = open.pop_if(|parting| *parting > common) {
            nodes += 1 + stretch(parting, depth);
            depth = parting;
        }
        if open.last() != Some(&common) {
            open.push(common);
        }
        nodes += stretch(common, depth);
    }
    nodes += 1;
    let mut depth = 16;
    while let Some(parting) = open.pop() {
        nodes += 1 + stretch(parting, depth);
        depth = parting;
    }
    nodes + usize::from(depth > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, counted in a tree of single bytes.
    fn by_tree(keys: &[[u8; 16]]) -> usize {
        fn walk(keys: &[[u8; 16]], depth: usize) -> usize {
            if depth == 16 {
                return 1;
            }
            let same = |to: usize| keys.iter().all(|key| key[depth..to] == keys[0][depth..to]);
            if same(depth + 1) {
                let end = (depth + 1..=16).take_while(|to| same(*to)).last().unwrap_or(depth + 1);
                return 1 + walk(keys, end);
            }
            let children = keys.chunk_by(|one, two| one[depth] == two[depth]);
            1 + children.map(|keys| walk(keys, depth + 1)).sum::<usize>()
        }
        if keys.is_empty() { 1 } else { walk(keys, 0) }
    }

    #[test]
    fn the_size_of_the_tree_is_that_of_a_tree() {
        let mut random = 7_u64;
        for round in 0..500 {
            let mut keys: Vec<[u8; 16]> = (0..round % 40)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let few = |shift: u32, of: u64| (random >> shift) % of;
                    StreamId::new(few(20, 3) << 40 | few(30, 4) << 8 | few(40, 3), few(50, 3) << 16 | few(8, 2))
                        .to_be_bytes()
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(radix_nodes(keys.iter().copied()), by_tree(&keys), "{keys:?}");
        }
    }
}
