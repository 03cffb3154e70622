//! Where the wheel keeps its items: chunks of six-byte tokens, linked into one ring for each bucket.
//!
//! A bucket knows its last chunk, the last chunk's `next` is the first, so a bucket costs four bytes. The first chunk of
//! a bucket is small (9 items, 72 bytes), those after it are large (61 items, 384 bytes): a bucket with a lone item is
//! cheap, and so is an item in a bucket with thousands. Items stand in a chunk in the order in which they were put in,
//! with holes where some were taken out; new ones go behind the last live one, so holes at the end are used again.
//! A chunk without live items goes back to the allocator, but for a few kept at hand.

use super::item::{Item, Position};

/// Items in a large chunk.
pub(super) const LARGE: usize = 61;
/// Items in a small chunk.
pub(super) const SMALL: usize = 9;
/// No chunk.
pub(super) const NIL: u32 = u32::MAX;
/// Chunks that a position can name. The last is left out, because `Position::NONE` would be in it.
const MOST_CHUNKS: usize = (1 << 26) - 1;
/// Empty chunks of each size that are kept at hand.
const SPARES: u32 = 8;

type Token = [u8; 6];

#[repr(C)]
struct Chunk<T: ?Sized = [Token]> {
    /// The chunk after this one; the first after the last. For a spare chunk, the next spare.
    next: u32,
    prev: u32,
    /// One bit for each place, low half first; halves keep the alignment at four.
    live: [u32; 2],
    /// Which bucket this is a chunk of: all chunks of a ring have the same.
    label: u16,
    tokens: T,
}

const LARGE_BYTES: usize = size_of::<Chunk<[Token; LARGE]>>();
const SMALL_BYTES: usize = size_of::<Chunk<[Token; SMALL]>>();
const _: () = assert!(LARGE_BYTES == 384 && SMALL_BYTES == 72);

impl<const N: usize> Chunk<[Token; N]> {
    fn boxed() -> Box<Chunk> {
        Box::new(Chunk { next: NIL, prev: NIL, live: [0; 2], label: 0, tokens: [[0; 6]; N] })
    }
}

impl Chunk {
    fn live(&self) -> u64 {
        u64::from(self.live[0]) | u64::from(self.live[1]) << 32
    }

    fn set_live(&mut self, live: u64) {
        self.live = [live as u32, (live >> 32) as u32];
    }

    /// The place behind the last live item.
    fn top(&self) -> usize {
        64 - self.live().leading_zeros() as usize
    }

    fn put(&mut self, place: usize, item: Item) {
        let b = item.get().to_le_bytes();
        self.tokens[place] = [b[0], b[1], b[2], b[3], b[4], b[5]];
        self.set_live(self.live() | 1 << place);
    }

    fn get(&self, place: usize) -> Item {
        let t = self.tokens[place];
        Item::new(u64::from_le_bytes([t[0], t[1], t[2], t[3], t[4], t[5], 0, 0]))
    }

    fn is_small(&self) -> bool {
        self.tokens.len() == SMALL
    }
}

/// The chunks of one wheel.
pub(super) struct Pool {
    chunks: Vec<Option<Box<Chunk>>>,
    /// Numbers without a chunk behind them.
    vacant: Vec<u32>,
    /// First of the spare chunks, and how many: large, small.
    spare: [(u32, u32); 2],
    /// Chunks in buckets: large, small.
    used: [u32; 2],
}

/// What taking an item out did to its chunk.
pub(super) enum Left {
    /// It still has others.
    Others,
    /// It was the last of the chunk, which is gone; the bucket goes on, and ended in the chunk `prev` if it ended here.
    Chunks {
        /// The chunk that is gone.
        gone: u32,
        /// The one before it in the ring.
        prev: u32,
        /// The bucket's label.
        label: u16,
    },
    /// It was the last of the bucket with this label.
    Nothing(u16),
}

impl Pool {
    pub(super) const fn new() -> Pool {
        Pool { chunks: Vec::new(), vacant: Vec::new(), spare: [(NIL, 0); 2], used: [0; 2] }
    }

    /// Chunk numbers in use now or before: the range to sweep.
    pub(super) fn numbers(&self) -> u32 {
        self.chunks.len() as u32
    }

    /// Bytes asked of the allocator.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Option<Box<Chunk>>>()
            + self.vacant.capacity() * size_of::<u32>()
            + (self.used[0] + self.spare[0].1) as usize * LARGE_BYTES
            + (self.used[1] + self.spare[1].1) as usize * SMALL_BYTES
    }

    /// The label of the bucket of a position, None if nothing live is there.
    pub(super) fn label(&self, at: Position) -> Option<u16> {
        let chunk = self.chunks.get(at.chunk() as usize)?.as_deref()?;
        (chunk.live() >> at.place() & 1 == 1).then_some(chunk.label)
    }

    /// The label of a chunk in use.
    pub(super) fn label_of(&mut self, id: u32) -> u16 {
        self.chunk(id).label
    }

    /// Write another token where there is one.
    pub(super) fn replace(&mut self, at: Position, item: Item) {
        self.chunk(at.chunk()).put(at.place(), item);
    }

    /// The first item of the bucket that ends in chunk `tail`.
    pub(super) fn first(&mut self, tail: u32) -> (Position, Item) {
        let head = self.chunk(tail).next;
        let chunk = self.chunk(head);
        let place = chunk.live().trailing_zeros() as usize;
        (Position::new(head, place), chunk.get(place))
    }

    /// The items of the bucket that ends in chunk `tail`, in order.
    pub(super) fn items(&self, tail: u32) -> impl Iterator<Item = Item> {
        let chunk = |id: u32| self.chunks.get(id as usize).and_then(Option::as_deref);
        let head = chunk(tail).map_or(NIL, |chunk| chunk.next);
        let mut next = Some(head);
        std::iter::from_fn(move || {
            let here = chunk(next?)?;
            next = (next? != tail).then_some(here.next);
            Some((0..here.top()).filter(|place| here.live() >> place & 1 == 1).map(|place| here.get(place)))
        })
        .flatten()
    }

    /// Put an item behind the others of a bucket, or into a new one with this label. Gives its position, and the bucket's new
    /// last chunk if that changed. None when every chunk number is taken (four thousand million items).
    #[inline]
    pub(super) fn push(&mut self, tail: Option<u32>, label: u16, item: Item) -> Option<(Position, Option<u32>)> {
        if let Some(tail) = tail {
            let chunk = self.chunk(tail);
            let place = chunk.top();
            if place < chunk.tokens.len() {
                chunk.put(place, item);
                return Some((Position::new(tail, place), None));
            }
        }
        let new = self.allocate(tail.is_none())?;
        let (prev, next, label) = match tail {
            None => (new, new, label),
            Some(tail) => {
                let last = self.chunk(tail);
                (tail, std::mem::replace(&mut last.next, new), last.label)
            }
        };
        if next != new {
            self.chunk(next).prev = new;
        }
        let chunk = self.chunk(new);
        (chunk.prev, chunk.next, chunk.label) = (prev, next, label);
        chunk.put(0, item);
        Some((Position::new(new, 0), Some(new)))
    }

    /// Take out the item at a live position. Gives the label of its bucket, too.
    pub(super) fn take(&mut self, at: Position) -> (u16, Left) {
        let gone = at.chunk();
        let chunk = self.chunk(gone);
        let label = chunk.label;
        let live = chunk.live() & !(1 << at.place());
        chunk.set_live(live);
        if live != 0 {
            return (label, Left::Others);
        }
        let (prev, next) = (chunk.prev, chunk.next);
        self.free(gone);
        if prev == gone {
            return (label, Left::Nothing(label));
        }
        self.chunk(prev).next = next;
        self.chunk(next).prev = prev;
        (label, Left::Chunks { gone, prev, label })
    }

    /// The chunk after `id`, the label of their bucket, and whether the items of both would fit into `id`. None if it is not in
    /// use.
    pub(super) fn neighbour(&self, id: u32) -> Option<(u32, u16, bool)> {
        let chunk = self.chunks.get(id as usize)?.as_deref()?;
        let next = self.chunks.get(chunk.next as usize)?.as_deref()?;
        let both = (chunk.live().count_ones() + next.live().count_ones()) as usize;
        (chunk.live() != 0).then_some((chunk.next, chunk.label, both <= chunk.tokens.len()))
    }

    /// Move one item of the chunk down into its first hole, the order kept; None if there is no hole below an item.
    pub(super) fn pack(&mut self, id: u32) -> Option<(Item, Position)> {
        let chunk = self.chunk(id);
        let hole = chunk.live().trailing_ones() as usize;
        let above = chunk.live() >> hole;
        if above == 0 {
            return None;
        }
        let from = hole + above.trailing_zeros() as usize;
        let item = chunk.get(from);
        chunk.set_live(chunk.live() & !(1 << from));
        chunk.put(hole, item);
        Some((item, Position::new(id, hole)))
    }

    /// Put an item behind the others of this chunk; None if there is no room.
    pub(super) fn append(&mut self, id: u32, item: Item) -> Option<Position> {
        let chunk = self.chunk(id);
        let place = chunk.top();
        if place == chunk.tokens.len() {
            return None;
        }
        chunk.put(place, item);
        Some(Position::new(id, place))
    }

    /// The first item of a chunk in use.
    pub(super) fn first_of(&mut self, id: u32) -> (Position, Item) {
        let chunk = self.chunk(id);
        let place = chunk.live().trailing_zeros() as usize;
        (Position::new(id, place), chunk.get(place))
    }

    fn chunk(&mut self, id: u32) -> &mut Chunk {
        match self.chunks[id as usize].as_deref_mut() {
            Some(chunk) => chunk,
            None => unreachable!("a ring or a spare list names a chunk that was given back"),
        }
    }

    fn allocate(&mut self, small: bool) -> Option<u32> {
        let size = usize::from(small);
        let (spare, count) = self.spare[size];
        let id = if count > 0 {
            self.spare[size] = (self.chunk(spare).next, count - 1);
            spare
        } else {
            let chunk = if small { Chunk::<[Token; SMALL]>::boxed() } else { Chunk::<[Token; LARGE]>::boxed() };
            match self.vacant.pop() {
                Some(id) => {
                    self.chunks[id as usize] = Some(chunk);
                    id
                }
                None if self.chunks.len() >= MOST_CHUNKS => return None,
                None => {
                    if self.chunks.len() == self.chunks.capacity() {
                        // By a quarter rather than twice: the bytes for an item are what this is about.
                        self.chunks.reserve_exact(self.chunks.len() / 4 + 4);
                    }
                    self.chunks.push(Some(chunk));
                    self.chunks.len() as u32 - 1
                }
            }
        };
        self.used[size] += 1;
        Some(id)
    }

    fn free(&mut self, id: u32) {
        let size = usize::from(self.chunk(id).is_small());
        self.used[size] -= 1;
        let (spare, count) = self.spare[size];
        if count < SPARES {
            self.chunk(id).next = spare;
            self.spare[size] = (id, count + 1);
        } else {
            self.chunks[id as usize] = None;
            self.vacant.push(id);
        }
    }
}
