//! A leaf: a header, and entries one behind the other in their order.
//!
//! ```text
//! header   | base: 8 bytes | length: 2 | shift: 1 | width: 1 |
//! entry    | tag, if lengths differ | score: `width` bytes | member |
//!          length: of all members, or `VARIED`; then each has a tag, its length up to 254, or 255 and the length in 4 bytes
//!          score:  (key of the score - base) >> shift, lower byte first
//! ```
//!
//! The key of a score is an integer that sorts as scores do ([`key_of`]): the bits of the double, nearly. Scores in one leaf
//! are neighbours, so the upper bits of their keys are all the same, and since hardly any score is an arbitrary double, so
//! are the lower ones. What differs takes one or two bytes for whole numbers and milliseconds, some five for random doubles.
//!
//! An entry that does not fit the header has the leaf written anew; so the header may be wider than need be after removals,
//! never too narrow.

use super::edge::Edge;

/// A leaf with its free space at the end.
pub(super) type Leaf = Vec<u8>;

/// A score's key and a member.
pub(super) type Item<'a> = (u64, &'a [u8]);

/// Bytes of a header.
pub(super) const HEADER: usize = 12;

/// In place of a length: lengths differ, or it is 0 (entries of nothing could not be counted) or not less than this.
const VARIED: usize = u16::MAX as usize;
const TAG_LONG: u8 = 255;

/// A header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    base: u64,
    /// The bits that `width` bytes have.
    mask: u64,
    shift: u32,
    width: usize,
    len: usize,
}

impl Frame {
    /// That of an empty leaf.
    pub(super) const EMPTY: Frame = Frame { base: 0, mask: 0, shift: 0, width: 0, len: VARIED };

    /// That of a leaf.
    #[inline]
    pub(super) fn of(leaf: &[u8]) -> Frame {
        match leaf {
            [a, b, c, d, e, f, g, h, low, high, shift, width, ..] => Frame {
                base: u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
                mask: mask(usize::from(*width)),
                shift: u32::from(*shift),
                width: usize::from(*width),
                len: usize::from(u16::from_le_bytes([*low, *high])),
            },
            _ => Frame::EMPTY,
        }
    }

    /// The narrowest one for these.
    fn around(items: &[Item<'_>]) -> Frame {
        let Some(&(first, member)) = items.first() else { return Frame::EMPTY };
        let (mut min, mut max, mut differing, mut len) = (first, first, 0, member.len());
        for &(key, member) in items {
            // Not always the first and the last: -0 and 0 have two keys and are equal.
            min = min.min(key);
            max = max.max(key);
            differing |= key ^ first;
            len = if member.len() == len { len } else { VARIED };
        }
        let shift = if differing == 0 { 0 } else { differing.trailing_zeros() };
        let width = (u64::BITS - ((max - min) >> shift).leading_zeros()).div_ceil(8) as usize;
        let len = if len == 0 || len > VARIED { VARIED } else { len };
        Frame { base: min, mask: mask(width), shift, width, len }
    }

    /// Makes room for smaller scores rather than for larger ones.
    fn lower(&mut self, items: &[Item<'_>]) {
        let max = items.iter().map(|(key, _)| *key).max().unwrap_or(self.base);
        let room = self.mask - ((max - self.base) >> self.shift);
        self.base -= room.min(self.base >> self.shift) << self.shift;
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&self.base.to_le_bytes());
        header[8..10].copy_from_slice(&(self.len as u16).to_le_bytes());
        header[10] = self.shift as u8;
        header[11] = self.width as u8;
        header
    }

    /// Whether an entry can be written so.
    #[inline]
    pub(super) fn fits(&self, key: u64, member: &[u8]) -> bool {
        let distance = key.wrapping_sub(self.base);
        let low = distance >> self.shift;
        key >= self.base
            && low <= self.mask
            && low << self.shift == distance
            && (self.len == VARIED || self.len == member.len())
    }

    /// Bytes of an entry that fits.
    #[inline]
    pub(super) fn size(&self, member: usize) -> usize {
        let tag = match self.len {
            VARIED if member < usize::from(TAG_LONG) => 1,
            VARIED => 5,
            _ => 0,
        };
        tag + self.width + member
    }

    /// Bytes of every entry, where they are all the same.
    #[inline]
    pub(super) fn stride(&self) -> Option<usize> {
        (self.len != VARIED).then_some(self.width + self.len)
    }

    /// Score, member and size of the entry at the start of these bytes. None at the end.
    #[inline]
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Option<(f64, &'a [u8], usize)> {
        let (low, member, size) = self.read_low(bytes)?;
        Some((score_of(self.key(low)), member, size))
    }

    /// The same with the score as it is written.
    #[inline]
    fn read_low<'a>(&self, bytes: &'a [u8]) -> Option<(u64, &'a [u8], usize)> {
        let (at, len) = match self.len {
            VARIED => match *bytes.first()? {
                TAG_LONG => (5, u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize),
                len => (1, usize::from(len)),
            },
            len => (0, len),
        };
        let start = at + self.width;
        let member = bytes.get(start..start + len)?;
        let low = match bytes[at..].first_chunk() {
            Some(first) => u64::from_le_bytes(*first) & self.mask,
            None => self.low_at_end(&bytes[at..]),
        };
        Some((low, member, start + len))
    }

    #[inline]
    fn key(&self, low: u64) -> u64 {
        self.base.wrapping_add(low << self.shift)
    }

    /// A score of an entry that ends a leaf.
    #[cold]
    fn low_at_end(&self, bytes: &[u8]) -> u64 {
        let mut first = [0; 8];
        first[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(first) & self.mask
    }

    /// Writes an entry that fits into as many bytes as it takes.
    #[inline]
    fn write(&self, bytes: &mut [u8], key: u64, member: &[u8]) {
        let mut at = 0;
        if self.len == VARIED {
            match u8::try_from(member.len()) {
                Ok(len) if len != TAG_LONG => bytes[0] = len,
                _ => {
                    bytes[0] = TAG_LONG;
                    bytes[1..5].copy_from_slice(&(member.len() as u32).to_le_bytes());
                    at = 4;
                }
            }
            at += 1;
        }
        let low = (key.wrapping_sub(self.base) >> self.shift).to_le_bytes();
        let bytes = &mut bytes[at..];
        match bytes.first_chunk_mut() {
            // Where the score ends, the member comes over it.
            Some(first) => *first = low,
            None => bytes.iter_mut().zip(low).for_each(|(byte, low)| *byte = low),
        }
        bytes[self.width..].copy_from_slice(member);
    }

    /// No entry whose score is written as less than this can be behind the edge or at it.
    #[inline]
    fn below(&self, edge: &Edge<'_>) -> u64 {
        let score = match *edge {
            // -0 is in front of 0 as a key alone.
            Edge::Score { score, .. } | Edge::Entry { score, .. } | Edge::After { score, .. } if score == 0.0 => -0.0,
            Edge::Score { score, .. } | Edge::Entry { score, .. } | Edge::After { score, .. } => score,
            Edge::Member { .. } => return 0,
        };
        let key = key_of(score);
        if key <= self.base { 0 } else { ((key - self.base - 1) >> self.shift) + 1 }
    }
}

/// The entries of a leaf, without the header.
#[inline]
pub(super) fn body(leaf: &[u8]) -> &[u8] {
    leaf.get(HEADER..).unwrap_or_default()
}

/// The first entry.
#[inline]
pub(super) fn first(leaf: &[u8]) -> Option<(f64, &[u8])> {
    let (score, member, _) = Frame::of(leaf).read(body(leaf))?;
    Some((score, member))
}

/// How many there are.
pub(super) fn entries(leaf: &[u8]) -> usize {
    let (frame, mut rest) = (Frame::of(leaf), body(leaf));
    if let Some(stride) = frame.stride() {
        return rest.len() / stride;
    }
    let mut count = 0;
    while let Some((_, _, size)) = frame.read_low(rest) {
        rest = &rest[size..];
        count += 1;
    }
    count
}

/// The offset of the entry at an index; the end past the last.
pub(super) fn offset(leaf: &[u8], index: usize) -> usize {
    let frame = Frame::of(leaf);
    if let Some(stride) = frame.stride() {
        return (HEADER + index * stride).min(leaf.len());
    }
    let mut at = HEADER;
    for _ in 0..index {
        let Some((_, _, size)) = frame.read_low(&leaf[at..]) else { break };
        at += size;
    }
    at
}

/// Offset and index of the first entry of a leaf that does not lie in front of the edge.
#[inline]
pub(super) fn place(leaf: &[u8], edge: &Edge<'_>) -> (usize, usize) {
    let (frame, body) = (Frame::of(leaf), body(leaf));
    match frame.stride() {
        Some(stride) => {
            let index = bound(&frame, body, edge, body.len() / stride, |index| index * stride);
            (HEADER + index * stride, index)
        }
        None if frame.width == 0 => place_by_member(&frame, body, edge),
        None => place_by_score(&frame, body, edge),
    }
}

/// The same by halves, among so many entries, of which it is known where they start.
#[inline]
fn bound(frame: &Frame, body: &[u8], edge: &Edge<'_>, count: usize, start: impl Fn(usize) -> usize) -> usize {
    let (mut from, mut to) = (0, count);
    while from < to {
        let middle = (from + to) / 2;
        let entry = body.get(start(middle)..).and_then(|entry| frame.read(entry));
        if entry.is_some_and(|(score, member, _)| edge.is_behind(score, member)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// The same where lengths differ, in one pass.
fn place_by_score(frame: &Frame, body: &[u8], edge: &Edge<'_>) -> (usize, usize) {
    let below = frame.below(edge);
    let (mut at, mut index) = (0, 0);
    // Past smaller scores without a look at the members.
    while let Some([tag, low @ ..]) = body.get(at..).and_then(<[u8]>::first_chunk::<9>)
        && *tag != TAG_LONG
        && u64::from_le_bytes(*low) & frame.mask < below
    {
        at += 1 + frame.width + usize::from(*tag);
        index += 1;
    }
    while let Some((score, member, size)) = body.get(at..).and_then(|rest| frame.read(rest))
        && edge.is_behind(score, member)
    {
        at += size;
        index += 1;
    }
    (HEADER + at, index)
}

/// The same where lengths differ and all scores are equal: comparing every member would take longer than to note where each
/// one starts.
fn place_by_member(frame: &Frame, body: &[u8], edge: &Edge<'_>) -> (usize, usize) {
    // An entry takes two bytes, but for an empty member; only one that is alone can be longer than a leaf.
    let mut places = [0u16; LEAF_MAX / 2];
    let (mut at, mut count) = (0, 0);
    while let Some(&tag) = body.get(at)
        && tag != TAG_LONG
        && let Some(place) = places.get_mut(count)
    {
        *place = at as u16;
        at += 1 + usize::from(tag);
        count += 1;
    }
    if at < body.len() {
        return place_by_score(frame, body, edge);
    }
    let index = bound(frame, body, edge, count, |index| usize::from(places[index]));
    (HEADER + if index == count { at } else { usize::from(places[index]) }, index)
}

/// Adds an entry that fits, at an offset between two others.
pub(super) fn add(leaf: &mut Leaf, at: usize, frame: &Frame, key: u64, member: &[u8]) {
    let (old, more) = (leaf.len(), frame.size(member.len()));
    if old + more > leaf.capacity() {
        leaf.reserve_exact(capacity(old + more) - old);
    }
    leaf.resize(old + more, 0);
    leaf.copy_within(at..old, at + more);
    frame.write(&mut leaf[at..at + more], key, member);
}

/// The leaf with one more entry, whether it fits or not.
pub(super) fn with(leaf: &[u8], at: usize, key: u64, member: &[u8]) -> Leaf {
    let mut items = Vec::with_capacity(64);
    gather(leaf, HEADER, at, &mut items);
    items.push((key, member));
    gather(leaf, at, leaf.len(), &mut items);
    let mut frame = Frame::around(&items);
    if at == HEADER {
        frame.lower(&items);
    }
    lay(&items, &frame)
}

/// Takes the entries behind an offset between two of them off a leaf, for another one.
pub(super) fn split_off(leaf: &mut Leaf, at: usize) -> Leaf {
    let mut right = Vec::with_capacity(capacity(HEADER + leaf.len() - at));
    right.extend_from_slice(&leaf[..HEADER]);
    right.extend_from_slice(&leaf[at..]);
    leaf.truncate(at);
    right
}

/// The entries of one or several leaves, with what a common header would be.
pub(super) struct Batch<'a> {
    items: Vec<Item<'a>>,
    frame: Frame,
}

impl<'a> Batch<'a> {
    /// Those of these leaves.
    pub(super) fn of(leaves: &'a [Leaf]) -> Batch<'a> {
        let mut items = Vec::with_capacity(leaves.len() * 64);
        leaves.iter().for_each(|leaf| gather(leaf, HEADER, leaf.len(), &mut items));
        let frame = Frame::around(&items);
        Batch { items, frame }
    }

    /// Bytes of all with one header: each of several leaves of them takes no more than its share and a header.
    pub(super) fn len(&self) -> usize {
        self.items.iter().map(|(_, member)| self.frame.size(member.len())).sum()
    }

    /// Lays them out in leaves of no more than `target` bytes, or `LEAF_MAX` where they have several entries; gives each with
    /// the number of its entries.
    pub(super) fn lay(&self, target: usize, mut made: impl FnMut(Leaf, Item<'a>, usize)) {
        let (mut start, mut bytes) = (0, 0);
        let mut close = |items: &[Item<'a>]| {
            if let Some(first) = items.first() {
                made(lay(items, &Frame::around(items)), *first, items.len());
            }
        };
        for (at, (_, member)) in self.items.iter().enumerate() {
            let size = self.frame.size(member.len());
            if at > start && (bytes >= target || HEADER + bytes + size > LEAF_MAX) {
                close(&self.items[start..at]);
                (start, bytes) = (at, 0);
            }
            bytes += size;
        }
        close(&self.items[start..]);
    }
}

/// A leaf of these entries.
fn lay(items: &[Item<'_>], frame: &Frame) -> Leaf {
    let len = HEADER + items.iter().map(|(_, member)| frame.size(member.len())).sum::<usize>();
    let mut leaf = Vec::with_capacity(capacity(len));
    leaf.extend_from_slice(&frame.header());
    leaf.resize(len, 0);
    let mut at = HEADER;
    for (key, member) in items {
        let end = at + frame.size(member.len());
        frame.write(&mut leaf[at..end], *key, member);
        at = end;
    }
    leaf
}

/// Adds the entries between two offsets.
fn gather<'a>(leaf: &'a [u8], start: usize, end: usize, items: &mut Vec<Item<'a>>) {
    let (frame, mut rest) = (Frame::of(leaf), leaf.get(start..end).unwrap_or_default());
    while let Some((low, member, size)) = frame.read_low(rest) {
        items.push((frame.key(low), member));
        rest = &rest[size..];
    }
}

/// The capacity of a leaf of so many bytes: one of few, see [`STEP`].
#[inline]
pub(super) fn capacity(bytes: usize) -> usize {
    bytes.next_multiple_of(if bytes > LEAF_MAX / 2 { 2 * STEP } else { STEP })
}

/// The bits that so many bytes have, up to 8.
#[inline]
fn mask(width: usize) -> u64 {
    u64::MAX.checked_shr(64 - 8 * width.min(8) as u32).unwrap_or(0)
}

/// An integer for each double; they sort as the doubles do, but that -0 is in front of 0.
#[inline]
pub(super) fn key_of(score: f64) -> u64 {
    let bits = score.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

/// The double of a key.
#[inline]
pub(super) fn score_of(key: u64) -> f64 {
    f64::from_bits(key ^ (!(key as i64 >> 63) as u64 | 1 << 63))
}

/// The first eight bytes of a member, the first of them on top, zeros where there are fewer.
#[inline]
pub(super) fn prefix(member: &[u8]) -> u64 {
    if let Some(first) = member.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..member.len()].copy_from_slice(member);
    u64::from_be_bytes(first)
}

/// Bytes of a leaf; one entry alone may be longer.
pub(super) const LEAF_MAX: usize = 1024;

/// Leaves grow in steps of so many bytes up to half, then in steps of twice as many. Smaller steps leave less unused, but then
/// scores that come evenly (leaves grow all at once) leave the allocator with slabs of holes: each leaf passes through more
/// sizes, and those between are laid out in larger slabs.
pub(super) const STEP: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_scores_do() {
        let scores =
            [f64::NEG_INFINITY, -1e300, -2.0, -1.0, -5e-324, -0.0, 0.0, 5e-324, 0.1, 1.0, 1e300, f64::INFINITY];
        assert!(scores.windows(2).all(|pair| key_of(pair[0]) < key_of(pair[1])));
        assert!(scores.iter().all(|score| score_of(key_of(*score)).to_bits() == score.to_bits()));
        assert_eq!([0, 1, 7, 8].map(mask), [0, 0xFF, u64::MAX >> 8, u64::MAX]);
    }

    fn widths(scores: impl Iterator<Item = f64>) -> (usize, usize) {
        let members: Vec<_> = scores.map(|score| (key_of(score), b"member".as_slice())).collect();
        let frame = Frame::around(&members);
        let leaf = lay(&members, &frame);
        let mut items = Vec::new();
        gather(&leaf, HEADER, leaf.len(), &mut items);
        assert_eq!(items, members);
        assert_eq!(entries(&leaf), members.len());
        (frame.width, leaf.len())
    }

    #[test]
    fn scores_take_what_differs() {
        assert_eq!(widths((0..50).map(|i| f64::from(i) + 700_000.0)), (1, HEADER + 50 * 7));
        assert_eq!(widths((0..50).map(|i| f64::from(i * 1000) + 1.76e12)), (2, HEADER + 50 * 8));
        assert_eq!(widths((0..50).map(|_| 3.25)), (0, HEADER + 50 * 6));
        assert_eq!(widths([f64::NEG_INFINITY, -0.0, 0.0, 5e-324, f64::INFINITY].into_iter()), (8, HEADER + 5 * 14));
        assert_eq!(widths((0..50).map(|i| f64::from(i) / 3.0 + 100.0)).0, 7);
    }
}
