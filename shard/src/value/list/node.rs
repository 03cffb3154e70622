//! One node of a list: a packed sequence with room at its front, or one large element alone.
//!
//! ```text
//!   0          start                                        end of the buffer
//!   +----------+-----------+---------+---------+-----+
//!   | free     | count u32 | element | element | ... |        packed: what stands from `start` on is a `PackedRef`
//!   +----------+-----------+---------+---------+-----+
//! ```
//!
//! Elements come and go at the front by moving `start`, so a push or a pop there moves no other element, until the free room is
//! used up (then a quarter more is made) or has become the larger half (then it is given back): amortized O(1) at either end.
//! At the end there is room for an eighth more; a node behind a long list is given the memory of a full one at once.

use crate::value::packed::{Element, Iter, Packed, PackedRef};

/// A node of a list.
#[derive(Clone, Copy)]
pub enum Chunk<'a> {
    /// Some elements, at least one.
    Packed(PackedRef<'a>),
    /// One large element.
    Large(&'a [u8]),
}

/// Bytes of the count in front of the elements of a [`Packed`].
const FRAME: usize = 4;

/// The `start` of a node that is one large element.
const PLAIN: u32 = u32::MAX;

/// Below this many bytes a node is moved as a whole rather than given room at its front.
const SMALL: usize = 512;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Node {
    buf: Vec<u8>,
    /// Where the sequence starts in `buf`, or [`PLAIN`].
    start: u32,
    /// Elements. The same as in the frame; here too, so that walking over nodes does not touch their buffers.
    count: u32,
}

/// The elements of a node, from both ends.
#[derive(Clone)]
pub(super) enum Elements<'a> {
    Packed(Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl Default for Elements<'_> {
    fn default() -> Self {
        Elements::Plain(None)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Elements::Packed(iter) => iter.next(),
            Elements::Plain(bytes) => bytes.take().map(Element::Bytes),
        }
    }
}

impl DoubleEndedIterator for Elements<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Elements::Packed(iter) => iter.next_back(),
            Elements::Plain(bytes) => bytes.take().map(Element::Bytes),
        }
    }
}

impl From<Packed> for Node {
    fn from(packed: Packed) -> Node {
        let count = packed.len() as u32;
        Node { buf: packed.into_bytes(), start: 0, count }
    }
}

impl Node {
    /// An empty sequence.
    pub(super) fn new() -> Node {
        Node::from(Packed::new())
    }

    /// An empty sequence in memory of `room` bytes, for what is to come behind.
    pub(super) fn with_room(room: usize) -> Node {
        // From empty bytes, an empty sequence.
        Node::from(Packed::from_bytes(Vec::with_capacity(room.max(FRAME))))
    }

    /// One large element.
    pub(super) fn plain(bytes: &[u8]) -> Node {
        Node { buf: bytes.to_vec(), start: PLAIN, count: 1 }
    }

    /// Whether it is one large element.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.start == PLAIN
    }

    /// Elements. O(1).
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// Its size as Redis counts it. Bytes.
    #[inline]
    pub(super) fn size(&self) -> usize {
        if self.is_plain() { self.buf.len() } else { self.view().listpack_bytes() }
    }

    /// Bytes on the heap.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.buf.capacity()
    }

    /// The sequence; of a large element, an empty one.
    #[inline]
    pub(super) fn view(&self) -> PackedRef<'_> {
        PackedRef::new(self.bytes())
    }

    /// The bytes of the sequence; of a large element, none.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(self.start as usize..).unwrap_or_default()
    }

    /// What it is to DUMP and RDB files.
    pub(super) fn chunk(&self) -> Chunk<'_> {
        if self.is_plain() { Chunk::Large(&self.buf) } else { Chunk::Packed(self.view()) }
    }

    /// The memory that it lies in.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buf
    }

    /// All elements.
    #[inline]
    pub(super) fn elements(&self) -> Elements<'_> {
        if self.is_plain() { Elements::Plain(Some(&self.buf)) } else { Elements::Packed(self.view().iter()) }
    }

    /// The elements from `offset` on, which is below the count.
    pub(super) fn elements_from(&self, offset: usize) -> Elements<'_> {
        match (self.is_plain(), self.view().seek(offset as i64)) {
            (false, Some(place)) => Elements::Packed(self.view().iter_from(place)),
            _ => self.elements(),
        }
    }

    /// The elements up to `offset`, with it.
    pub(super) fn elements_to(&self, offset: usize) -> Elements<'_> {
        let mut elements = self.elements();
        for _ in offset + 1..self.count() {
            elements.next_back();
        }
        elements
    }

    /// The element at `offset`.
    pub(super) fn get(&self, offset: usize) -> Option<Element<'_>> {
        if self.is_plain() {
            return (offset == 0).then_some(Element::Bytes(&self.buf));
        }
        let view = self.view();
        view.seek(offset as i64).map(|place| view.get(place))
    }

    // ---- at the ends: amortized O(1). Not for large elements. ----------------------------------------------------------

    /// Adds an element at the end.
    #[inline]
    pub(super) fn push_back(&mut self, element: Element<'_>) {
        // The sequence is lent with the free room in front of it: appending looks at nothing but the end and the count,
        // and the latter is set right below.
        let mut packed = Packed::from_bytes(std::mem::take(&mut self.buf));
        packed.push_back(element);
        self.buf = packed.into_bytes();
        self.set_count(self.count + 1);
    }

    /// Adds an element at the beginning. `scratch` is memory to be used again.
    pub(super) fn push_front(&mut self, element: Element<'_>, scratch: &mut Vec<u8>) {
        let size = element.size();
        if (self.start as usize) < size {
            if self.start == 0 && self.buf.len() < SMALL {
                return self.edit(|packed| packed.push_front(element));
            }
            self.make_room(size);
        }
        let mut alone = Packed::from_bytes(std::mem::take(scratch));
        alone.clear();
        alone.push_back(element);
        let encoded = alone.as_bytes().get(FRAME..).unwrap_or_default();
        let first = self.start as usize + FRAME;
        self.buf[first - encoded.len()..first].copy_from_slice(encoded);
        self.start -= encoded.len() as u32;
        if encoded.len() < SMALL {
            *scratch = alone.into_bytes();
        }
        self.set_count(self.count + 1);
    }

    /// Removes the first `count` elements, fewer than there are.
    pub(super) fn drop_front(&mut self, count: usize) {
        let Some(place) = self.view().seek(count as i64) else { return };
        self.start += (place - FRAME) as u32;
        self.set_count(self.count - count as u32);
        let free = self.start as usize;
        if free >= SMALL && free > self.buf.len() / 2 {
            self.shrink();
        }
    }

    /// Removes the last `count` elements, fewer than there are.
    pub(super) fn drop_back(&mut self, count: usize) {
        let Some(place) = self.view().seek(-(count as i64)) else { return };
        self.buf.truncate(self.start as usize + place);
        self.set_count(self.count - count as u32);
        if self.buf.capacity() > 2 * self.buf.len() + SMALL {
            self.buf.shrink_to(self.buf.len() + self.buf.len() / 8);
        }
    }

    /// Gives back all memory that it does not need.
    pub(super) fn shrink(&mut self) {
        if self.start != 0 && !self.is_plain() {
            self.buf = self.bytes().to_vec();
            self.start = 0;
        } else {
            self.buf.shrink_to_fit();
        }
    }

    // ---- in the middle: O(n) of its elements. Not for large elements. ---------------------------------------------------

    /// Adds an element so that it is at `offset`, at most the count.
    pub(super) fn insert(&mut self, offset: usize, element: Element<'_>) {
        self.edit(|packed| {
            let view = packed.view();
            let place = view.seek(offset as i64).unwrap_or(view.end());
            packed.insert(place, element);
        });
    }

    /// Replaces the element at `offset`.
    pub(super) fn replace(&mut self, offset: usize, element: Element<'_>) {
        self.edit(|packed| {
            if let Some(place) = packed.view().seek(offset as i64) {
                packed.replace(place, element);
            }
        });
    }

    /// Removes the element at `offset`.
    pub(super) fn remove(&mut self, offset: usize) {
        self.edit(|packed| {
            if let Some(place) = packed.view().seek(offset as i64) {
                packed.remove(place, 1);
            }
        });
    }

    /// Cuts off the elements from `offset` on.
    pub(super) fn split_off(&mut self, offset: usize) -> Node {
        let mut tail = Packed::new();
        self.edit(|packed| {
            let place = packed.view().seek(offset as i64).unwrap_or(packed.view().end());
            tail = packed.split_off(place);
            packed.shrink();
        });
        Node::from(tail)
    }

    /// Appends the elements of another sequence.
    pub(super) fn append(&mut self, other: &Node) {
        self.edit(|packed| {
            packed.append(other.view());
            packed.shrink();
        });
    }

    /// Removes those elements equal to `wanted` whose number among them is `skip` or more, `count` at most.
    pub(super) fn remove_equal(&mut self, wanted: Element<'_>, skip: usize, count: usize) {
        if self.is_plain() {
            *self = Node::new();
            return;
        }
        let mut rest = Packed::from_bytes(Vec::with_capacity(self.bytes().len()));
        let mut seen = 0;
        for element in self.view().iter() {
            let hit = element == wanted;
            if hit {
                seen += 1;
            }
            if !hit || seen <= skip || seen > skip + count {
                rest.push_back(element);
            }
        }
        rest.shrink();
        *self = Node::from(rest);
    }

    /// Changes the sequence without the room in front.
    fn edit(&mut self, change: impl FnOnce(&mut Packed)) {
        let mut buf = std::mem::take(&mut self.buf);
        buf.drain(..(self.start as usize).min(buf.len()));
        let mut packed = Packed::from_bytes(buf);
        change(&mut packed);
        *self = Node::from(packed);
    }

    /// Makes room for `size` bytes and some more in front.
    fn make_room(&mut self, size: usize) {
        let len = self.bytes().len();
        let free = size + (len / 4).clamp(64, 2048);
        let mut buf = Vec::with_capacity(free + len);
        buf.resize(free, 0);
        buf.extend_from_slice(self.bytes());
        self.buf = buf;
        self.start = free as u32;
    }

    #[inline]
    fn set_count(&mut self, count: u32) {
        self.count = count;
        let start = self.start as usize;
        self.buf[start..start + FRAME].copy_from_slice(&count.to_le_bytes());
    }
}
