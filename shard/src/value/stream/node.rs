//! A node of a stream: some consecutive entries in one packed sequence, element for element as in Redis, so that DUMP and
//! RDB files copy nodes as they are.
//!
//! ```text
//! live | deleted | n | field 1 ... field n | 0 |           the master entry: it stands for no entry of its own
//!   flags | ms | seq | value 1 ... value n | length |      an entry with the master's fields (flag 2)
//!   flags | ms | seq | m | field 1 | value 1 ... | length | an entry with fields of its own
//! ```
//!
//! `ms` and `seq` are differences from the node's key, which is the id of the first entry ever put into it; `length` is the
//! number of elements of the entry in front of it, so that entries can be walked backward. A deleted entry stays, with
//! flag 1, until its node goes.

use super::id::StreamId;
use crate::value::packed::{Element, Iter, Packed, PackedRef};

/// The flag of an entry that was deleted.
const DELETED: i64 = 1;
/// The flag of an entry that has the fields of the master entry.
const SAME_FIELDS: i64 = 2;

/// No node becomes larger than this, whatever the limits say, and no entry. Bytes.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// Up to where nodes are filled.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// `stream-node-max-bytes`, 0 for none.
    pub bytes: usize,
    /// `stream-node-max-entries`, deleted ones included; 0 for none.
    pub entries: usize,
}

/// A node, to be read.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    /// The id from which its entries count.
    pub key: StreamId,
    /// Its elements.
    pub packed: PackedRef<'a>,
}

/// An entry, to be read.
#[derive(Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    flags: i64,
    count: usize,
    /// At its first value, or at its first field.
    items: Iter<'a>,
    /// At the first field of the master entry.
    fields: Iter<'a>,
}

impl<'a> Entry<'a> {
    /// The number of its pairs.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no pairs, which no command makes.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its fields with their values.
    pub fn pairs(&self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> {
        let (mut items, mut fields) = (self.items.clone(), self.fields.clone());
        let same = self.flags & SAME_FIELDS != 0;
        (0..self.count).map_while(move |_| {
            let field = if same { fields.next() } else { items.next() };
            Some((field?, items.next()?))
        })
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }
}

impl<'a> NodeRef<'a> {
    /// The place of its first element: what is in front is the sequence's own count, which a deletion leaves as it is.
    const FIRST: usize = 4;

    /// How many entries it has, without those deleted.
    pub fn live(self) -> u64 {
        self.packed.iter().next().and_then(Element::int).unwrap_or(0).max(0) as u64
    }

    /// How many deleted entries it has.
    pub fn deleted(self) -> u64 {
        self.packed.iter().nth(1).and_then(Element::int).unwrap_or(0).max(0) as u64
    }

    /// Its entries in order, deleted ones included.
    pub(super) fn entries(self) -> Entries<'a> {
        let mut items = self.packed.iter();
        let count = items.nth(2).and_then(Element::int).unwrap_or(0).max(0) as usize;
        let fields = items.clone();
        // The fields, and the zero behind them.
        skip(&mut items, count + 1);
        Entries { shared: Shared { key: self.key, count, fields }, items }
    }

    /// Its entries from the last to the first, deleted ones included.
    pub(super) fn entries_back(self) -> EntriesBack<'a> {
        let shared = self.entries().shared;
        EntriesBack { shared, packed: self.packed, end: self.packed.last() }
    }

    /// The id of its last entry, deleted or not.
    pub(super) fn last_id(self) -> Option<StreamId> {
        self.entries_back().next().map(|entry| entry.id)
    }

    /// The entries from the first on, with the places of their flags.
    pub(super) fn places(self) -> impl Iterator<Item = (usize, Entry<'a>)> {
        let shared = self.entries().shared;
        let packed = self.packed;
        let mut place = packed.first();
        for _ in 0..shared.count + 4 {
            place = place.and_then(|place| packed.next(place));
        }
        std::iter::from_fn(move || {
            let at = place?;
            let entry = shared.read(&mut packed.iter_from(at))?;
            for _ in 0..entry.elements() + 1 {
                place = place.and_then(|place| packed.next(place));
            }
            Some((at, entry))
        })
    }

    /// Whether it is well-formed: for bytes that come from outside. O(n).
    pub fn is_valid(self) -> bool {
        let number = |place: Option<usize>| place.and_then(|place| self.packed.get(place).int());
        let mut place = self.packed.first();
        let mut step = |count: i64| {
            let at = place;
            for _ in 0..count {
                place = place.and_then(|place| self.packed.next(place));
            }
            at
        };
        let (Some(live), Some(deleted), Some(fields)) = (number(step(1)), number(step(1)), number(step(1))) else {
            return false;
        };
        let most = self.packed.len() as i64;
        if live < 0 || deleted < 0 || fields < 0 || live > most || deleted > most || fields > most {
            return false;
        }
        step(fields);
        if number(step(1)) != Some(0) {
            return false;
        }
        let (mut left, mut gone) = (live, deleted);
        for _ in 0..live + deleted {
            let (Some(flags), Some(_), Some(_)) = (number(step(1)), number(step(1)), number(step(1))) else {
                return false;
            };
            let mut elements = 3 + fields;
            if flags & SAME_FIELDS == 0 {
                let Some(own) = number(step(1)).filter(|own| (0..=most).contains(own)) else { return false };
                elements = 4 + own * 2;
                step(own * 2);
            } else {
                step(fields);
            }
            if number(step(1)) != Some(elements) {
                return false;
            }
            if flags & DELETED != 0 {
                gone -= 1
            } else {
                left -= 1
            };
        }
        step(0).is_none() && left == 0 && gone == 0
    }
}

impl Entry<'_> {
    /// How many elements it takes, without its length.
    fn elements(&self) -> usize {
        if self.flags & SAME_FIELDS != 0 { 3 + self.count } else { 4 + self.count * 2 }
    }
}

/// What the entries of a node have in common.
#[derive(Clone)]
struct Shared<'a> {
    key: StreamId,
    /// The number of fields of the master entry.
    count: usize,
    /// At the first field of the master entry.
    fields: Iter<'a>,
}

impl<'a> Shared<'a> {
    /// The entry that starts at `items`, which is left at its first value or field.
    #[inline]
    fn read(&self, items: &mut Iter<'a>) -> Option<Entry<'a>> {
        let flags = items.next()?.int()?;
        let ms = items.next()?.int()?;
        let seq = items.next()?.int()?;
        let id = StreamId { ms: self.key.ms.wrapping_add(ms as u64), seq: self.key.seq.wrapping_add(seq as u64) };
        let count =
            if flags & SAME_FIELDS != 0 { self.count } else { usize::try_from(items.next()?.int()?).unwrap_or(0) };
        Some(Entry { id, flags, count, items: items.clone(), fields: self.fields.clone() })
    }
}

/// See [`NodeRef::entries`].
pub(super) struct Entries<'a> {
    shared: Shared<'a>,
    items: Iter<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let entry = self.shared.read(&mut self.items)?;
        // The values, or the pairs, and the length.
        skip(&mut self.items, if entry.flags & SAME_FIELDS != 0 { entry.count } else { entry.count * 2 } + 1);
        Some(entry)
    }
}

/// See [`NodeRef::entries_back`].
pub(super) struct EntriesBack<'a> {
    shared: Shared<'a>,
    packed: PackedRef<'a>,
    /// The place of the length of the entry that comes next.
    end: Option<usize>,
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut place = self.end?;
        let elements = self.packed.get(place).int()?;
        // The zero behind the master entry.
        if elements <= 0 {
            return None;
        }
        for _ in 0..elements {
            place = self.packed.prev(place)?;
        }
        self.end = self.packed.prev(place);
        self.shared.read(&mut self.packed.iter_from(place))
    }
}

#[inline]
fn skip(items: &mut Iter<'_>, count: usize) {
    for _ in 0..count {
        if items.next().is_none() {
            return;
        }
    }
}

// ---- changes -------------------------------------------------------------------------------------------------------------

/// Whether an entry of `bytes` bytes goes to a node of its own behind this one. The rule is Redis's, so that nodes begin
/// at the same entries.
#[inline]
pub(super) fn is_full(node: NodeRef<'_>, bytes: usize, limits: NodeLimits) -> bool {
    let most = if limits.bytes == 0 { BYTES_MAX } else { limits.bytes.min(BYTES_MAX) };
    if node.packed.listpack_bytes() + bytes >= most {
        return true;
    }
    limits.entries > 0 && node.live() + node.deleted() >= limits.entries as u64
}

/// The elements of a node with only a master entry, which has the fields of `pairs` (fields and values in turn). `room` is
/// memory for it, whatever is in it.
pub(super) fn fresh<'a>(pairs: impl ExactSizeIterator<Item = &'a [u8]>, room: Vec<u8>) -> Packed {
    let mut packed = Packed::from_bytes(room);
    packed.clear();
    packed.push_back(Element::Int(0));
    packed.push_back(Element::Int(0));
    packed.push_back(Element::Int((pairs.len() / 2) as i64));
    for field in pairs.step_by(2) {
        packed.push_back(Element::of(field));
    }
    packed.push_back(Element::Int(0));
    packed
}

/// Appends an entry of `pairs` (fields and values in turn).
pub(super) fn append<'a>(
    packed: &mut Packed,
    key: StreamId,
    id: StreamId,
    pairs: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
) {
    let count = pairs.len() / 2;
    let mut items = packed.view().iter();
    let live = items.next().and_then(Element::int).unwrap_or(0);
    let master = items.nth(1).and_then(Element::int).unwrap_or(0);
    let same = master == count as i64
        && pairs.clone().step_by(2).all(|field| items.next().is_some_and(|master| master == Element::of(field)));
    let first = packed.view().end().min(packed.view().first().unwrap_or(0));
    packed.replace(first, Element::Int(live + 1));
    packed.push_back(Element::Int(if same { SAME_FIELDS } else { 0 }));
    packed.push_back(Element::Int(id.ms.wrapping_sub(key.ms) as i64));
    packed.push_back(Element::Int(id.seq.wrapping_sub(key.seq) as i64));
    if same {
        for value in pairs.skip(1).step_by(2) {
            packed.push_back(Element::of(value));
        }
        packed.push_back(Element::Int(count as i64 + 3));
    } else {
        packed.push_back(Element::Int(count as i64));
        for item in pairs {
            packed.push_back(Element::of(item));
        }
        packed.push_back(Element::Int(count as i64 * 2 + 4));
    }
}

/// Marks the entries of a node as deleted whose flags are at `places`, counted from the node's beginning. None of them is.
/// The node begins at `start` in the bytes of `packed`, which may have others around it.
pub(super) fn delete(packed: &mut Packed, start: usize, places: &[usize]) {
    for place in places.iter().map(|place| start + place) {
        let flags = packed.view().get(place).int().unwrap_or(0);
        // As long as before, so that the other places stay.
        packed.replace(place, Element::Int(flags | DELETED));
    }
    let count = places.len() as i64;
    let first = start + NodeRef::FIRST;
    let live = packed.view().get(first).int().unwrap_or(0);
    packed.replace(first, Element::Int(live - count));
    let Some(second) = packed.view().next(first) else { return };
    let deleted = packed.view().get(second).int().unwrap_or(0);
    packed.replace(second, Element::Int(deleted + count));
}
