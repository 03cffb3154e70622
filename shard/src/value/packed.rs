//! A packed sequence of small elements in one run of bytes: what lists, sets, hashes, sorted sets and streams are kept in
//! while they are small.
//!
//! ```text
//! +-----------+----------------------------------+-----
//! | count u32 | encoding, data | length backward | ...        one element: its bytes, then how many they are
//! +-----------+----------------------------------+-----
//! ```
//!
//! The elements are encoded as in Redis's listpack, so DUMP and RESTORE copy them, and limits in bytes mean the same; only
//! the frame differs (Redis: 4 bytes of length, 2 of count, one at the end; here 4 of count, since the length is known).
//! Numbers in canonical decimal form are stored as integers. Bytes for each element:
//!
//! | element | bytes |
//! |---|---|
//! | 0 to 127 | 2 |
//! | -4096 to 4095; 16, 24, 32, 64 bits | 3; 4, 5, 6, 10 |
//! | string up to 63, 4095 bytes, longer | length + 2, + 3 or 4, + 7 to 10 |
//!
//! A **place** is the offset of an element from the start of the bytes. It is valid until the sequence is changed in
//! front of it. Elements are found by walking: O(n), of a few hundred at most.
//!
//! Safe code throughout: bytes that came from outside are checked once ([`Packed::from_listpack`]), and every later step
//! is bounds-checked all the same.

use curfew_protocol::{Reply, number};

/// Bytes of the frame in front of the elements.
const HEAD: usize = 4;

/// Bytes that the frame of Redis's listpack takes: what its limits in bytes count besides the elements.
const LISTPACK_FRAME: usize = 7;

/// One element.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// A number, which stands for its canonical decimal form.
    Int(i64),
    /// Any other bytes.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The element that these bytes are: a number if they are the canonical form of one.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Element<'a> {
        // Longer than any number: not worth the look.
        if bytes.len() > 20 {
            return Element::Bytes(bytes);
        }
        number::parse_i64(bytes).map_or(Element::Bytes(bytes), Element::Int)
    }

    /// Its bytes: `digits` is where a number is written.
    #[inline]
    pub fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Element::Int(number) => digits.format(number).as_bytes(),
            Element::Bytes(bytes) => bytes,
        }
    }

    /// A copy of its bytes.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }

    /// Appends its bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes(&mut itoa::Buffer::new()));
    }

    /// Replies with it as a bulk string.
    #[inline]
    pub fn reply(self, out: &mut Reply) {
        match self {
            Element::Int(number) => out.bulk_int(number),
            Element::Bytes(bytes) => out.bulk(bytes),
        }
    }

    /// Length in bytes of what it stands for.
    #[allow(clippy::len_without_is_empty)] // an element is not a container
    pub fn len(self) -> usize {
        match self {
            Element::Int(number) => number::decimal_len(number),
            Element::Bytes(bytes) => bytes.len(),
        }
    }

    /// The number, if it is one.
    pub fn int(self) -> Option<i64> {
        match self {
            Element::Int(number) => Some(number),
            Element::Bytes(_) => None,
        }
    }

    /// Bytes that it takes in a sequence.
    pub fn size(self) -> usize {
        let entry = match self {
            Element::Int(number) => int_size(number),
            Element::Bytes(bytes) => bytes.len() + string_head(bytes.len()),
        };
        entry + back_size(entry)
    }
}

impl PartialEq for Element<'_> {
    /// The same bytes. Both sides are canonical, so a number never equals a string.
    #[inline]
    fn eq(&self, other: &Element<'_>) -> bool {
        match (self, other) {
            (Element::Int(one), Element::Int(two)) => one == two,
            (Element::Bytes(one), Element::Bytes(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for Element<'_> {}

/// A sequence, borrowed: to be read.
#[derive(Clone, Copy)]
pub struct PackedRef<'a> {
    bytes: &'a [u8],
}

impl<'a> PackedRef<'a> {
    /// The sequence in `bytes`, which came from [`Packed::as_bytes`] (or are empty: an empty sequence).
    #[inline]
    pub fn new(bytes: &'a [u8]) -> PackedRef<'a> {
        PackedRef { bytes }
    }

    /// Its bytes, frame included.
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The number of elements. O(1).
    #[inline]
    pub fn len(self) -> usize {
        self.bytes.first_chunk::<HEAD>().map_or(0, |count| u32::from_le_bytes(*count) as usize)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The size that Redis counts for it: the elements and its own frame. Bytes.
    pub fn listpack_bytes(self) -> usize {
        self.bytes.len().saturating_sub(HEAD) + LISTPACK_FRAME
    }

    /// The place of the first element.
    #[inline]
    pub fn first(self) -> Option<usize> {
        (self.bytes.len() > HEAD).then_some(HEAD)
    }

    /// The place of the last element.
    #[inline]
    pub fn last(self) -> Option<usize> {
        self.prev(self.bytes.len())
    }

    /// The place behind the last element.
    pub fn end(self) -> usize {
        self.bytes.len().max(HEAD)
    }

    /// The place of the element behind the one at `place`.
    #[inline]
    pub fn next(self, place: usize) -> Option<usize> {
        let entry = entry_size(self.bytes.get(place..)?)?;
        let next = place + entry + back_size(entry);
        (next < self.bytes.len()).then_some(next)
    }

    /// The place of the element in front of `place` (which may be the end).
    #[inline]
    pub fn prev(self, place: usize) -> Option<usize> {
        if place <= HEAD {
            return None;
        }
        let (mut entry, mut shift, mut at) = (0usize, 0, place);
        loop {
            at = at.checked_sub(1)?;
            let byte = *self.bytes.get(at)?;
            entry |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 28 {
                break;
            }
        }
        at.checked_sub(entry).filter(|at| *at >= HEAD)
    }

    /// The element at `place`; of a place that is none, an empty string.
    #[inline]
    pub fn get(self, place: usize) -> Element<'a> {
        self.bytes.get(place..).and_then(decode).map_or(Element::Bytes(b""), |(element, _)| element)
    }

    /// The place of the element at `index`; negative ones count from the end.
    pub fn seek(self, index: i64) -> Option<usize> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if index < 0 || index >= len {
            return None;
        }
        if index < len / 2 {
            let mut place = self.first()?;
            for _ in 0..index {
                place = self.next(place)?;
            }
            return Some(place);
        }
        let mut place = self.last()?;
        for _ in index + 1..len {
            place = self.prev(place)?;
        }
        Some(place)
    }

    /// The place of the first element equal to `wanted` among those at indices 0, `step`, 2 * `step`, ...: 1 for sets, 2
    /// for the fields of hashes and the members of sorted sets.
    pub fn find(self, wanted: &[u8], step: usize) -> Option<usize> {
        let wanted = Element::of(wanted);
        let mut place = self.first()?;
        let mut left = 0;
        loop {
            let (element, size) = self.bytes.get(place..).and_then(decode)?;
            if left == 0 {
                if element == wanted {
                    return Some(place);
                }
                left = step;
            }
            left -= 1;
            place += size;
            if place >= self.bytes.len() {
                return None;
            }
        }
    }

    /// The elements in order, from both ends.
    pub fn iter(self) -> Iter<'a> {
        Iter { packed: self, front: HEAD, back: self.end() }
    }

    /// The elements from `place` on.
    pub fn iter_from(self, place: usize) -> Iter<'a> {
        Iter { packed: self, front: place, back: self.end() }
    }

    /// The elements two by two: fields and values, members and scores.
    pub fn pairs(self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> + Clone {
        let mut elements = self.iter();
        std::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
    }

    /// Appends Redis's listpack of these elements.
    pub fn write_listpack(self, out: &mut Vec<u8>) {
        let entries = self.bytes.get(HEAD..).unwrap_or_default();
        out.extend_from_slice(&((entries.len() + LISTPACK_FRAME) as u32).to_le_bytes());
        // 65535 stands for "count them yourself".
        out.extend_from_slice(&(self.len().min(0xffff) as u16).to_le_bytes());
        out.extend_from_slice(entries);
        out.push(0xff);
    }
}

/// See [`PackedRef::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    packed: PackedRef<'a>,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (element, size) = self.packed.bytes.get(self.front..).and_then(decode)?;
        self.front += size;
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.packed.prev(self.back)?;
        Some(self.packed.get(self.back))
    }
}

/// A sequence that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// At least the frame.
    bytes: Vec<u8>,
}

impl Default for Packed {
    fn default() -> Packed {
        Packed::new()
    }
}

impl Packed {
    /// An empty sequence.
    pub fn new() -> Packed {
        Packed { bytes: vec![0; HEAD] }
    }

    /// The sequence in bytes that came from [`Packed::into_bytes`]. Empty ones are an empty sequence.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Packed {
        if bytes.len() < HEAD {
            bytes.clear();
            bytes.resize(HEAD, 0);
        }
        Packed { bytes }
    }

    /// The elements of one of Redis's listpacks, None if it is not well-formed. O(n).
    pub fn from_listpack(bytes: &[u8]) -> Option<Packed> {
        let (head, rest) = bytes.split_at_checked(6)?;
        let total = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let announced = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let (end, entries) = rest.split_last()?;
        if total != bytes.len() || *end != 0xff {
            return None;
        }
        let (mut at, mut count) = (0, 0u32);
        while at < entries.len() {
            let entry = entry_size(&entries[at..])?;
            let (data, back) = entries[at..].split_at_checked(entry)?;
            decode(data)?;
            let mut expected = Vec::with_capacity(5);
            write_back(&mut expected, entry);
            if !back.starts_with(&expected) {
                return None;
            }
            at += entry + expected.len();
            count = count.checked_add(1)?;
        }
        if announced != 0xffff && announced != count as usize {
            return None;
        }
        Some(Packed { bytes: [&count.to_le_bytes(), entries].concat() })
    }

    /// The sequence, to be read.
    #[inline]
    pub fn view(&self) -> PackedRef<'_> {
        PackedRef::new(&self.bytes)
    }

    /// Its bytes, frame included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, frame included.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of elements. O(1).
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back what was allocated ahead.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEAD, 0);
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, element: Element<'_>) {
        self.reserve(element.size());
        write_element(&mut self.bytes, element);
        self.count(1);
    }

    /// Adds an element at the beginning. O(n).
    #[inline]
    pub fn push_front(&mut self, element: Element<'_>) {
        self.insert(HEAD, element);
    }

    /// Adds an element in front of the one at `place`, or at the end if `place` is [`PackedRef::end`]. O(n).
    pub fn insert(&mut self, place: usize, element: Element<'_>) {
        let place = place.clamp(HEAD, self.bytes.len());
        self.open(place, 0, element);
        self.count(1);
    }

    /// Replaces the element at `place`. O(n), without moving the others if the size stays.
    pub fn replace(&mut self, place: usize, element: Element<'_>) {
        let Some((_, old)) = self.bytes.get(place..).and_then(decode) else { return };
        self.open(place, old, element);
    }

    /// Removes up to `count` elements from the one at `place` on, and says how many they were. O(n).
    pub fn remove(&mut self, place: usize, count: usize) -> usize {
        let (mut end, mut removed) = (place, 0);
        while removed < count
            && let Some((_, size)) = self.bytes.get(end..).and_then(decode)
        {
            end += size;
            removed += 1;
        }
        if removed > 0 {
            self.bytes.drain(place..end);
            self.count(-(removed as i64));
        }
        removed
    }

    /// Cuts off everything from `place` on and gives it as a sequence of its own.
    pub fn split_off(&mut self, place: usize) -> Packed {
        let place = place.clamp(HEAD, self.bytes.len());
        let count = PackedRef::new(&self.bytes).iter_from(place).count() as u32;
        let tail = Packed { bytes: [&count.to_le_bytes(), &self.bytes[place..]].concat() };
        self.bytes.truncate(place);
        self.count(-i64::from(count));
        tail
    }

    /// Appends the elements of another sequence.
    pub fn append(&mut self, other: PackedRef<'_>) {
        let entries = other.bytes.get(HEAD..).unwrap_or_default();
        self.reserve(entries.len());
        self.bytes.extend_from_slice(entries);
        self.count(other.len() as i64);
    }

    /// Replaces the `old` bytes at `place` by an element.
    fn open(&mut self, place: usize, old: usize, element: Element<'_>) {
        let size = element.size();
        let len = self.bytes.len();
        if size > old {
            self.reserve(size - old);
            self.bytes.resize(len + size - old, 0);
        }
        if size != old {
            self.bytes.copy_within(place + old..len, place + size);
        }
        if size < old {
            self.bytes.truncate(len + size - old);
        }
        write_element_at(&mut self.bytes[place..place + size], element);
    }

    /// Grows by an eighth: a doubling would leave half of the memory of small collections unused.
    #[inline]
    fn reserve(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        if wanted > self.bytes.capacity() {
            self.bytes.reserve_exact(more + wanted / 8);
        }
    }

    fn count(&mut self, change: i64) {
        let count = (self.len() as i64 + change).max(0) as u32;
        self.bytes[..HEAD].copy_from_slice(&count.to_le_bytes());
    }
}

// ---- the encoding of one element -----------------------------------------------------------------------------------------

/// Bytes of a number without its length backward.
#[inline]
fn int_size(number: i64) -> usize {
    match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    }
}

/// Bytes in front of a string's own.
#[inline]
fn string_head(len: usize) -> usize {
    match len {
        0..=63 => 1,
        64..=4095 => 2,
        _ => 5,
    }
}

/// Bytes of the length backward. The limits are Redis's, one off where seven bits would do.
#[inline]
fn back_size(entry: usize) -> usize {
    match entry {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Bytes of the element that starts here, without its length backward.
#[inline]
fn entry_size(at: &[u8]) -> Option<usize> {
    let first = *at.first()?;
    Some(match first {
        0x00..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*at.get(1)?)),
        0xf0 => 5 + u32::from_le_bytes(*at.get(1..)?.first_chunk()?) as usize,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        _ => return None,
    })
}

/// The element that starts here, and its size with the length backward.
#[inline]
fn decode(at: &[u8]) -> Option<(Element<'_>, usize)> {
    let first = *at.first()?;
    let entry = entry_size(at)?;
    let data = at.get(..entry)?;
    let element = match first {
        0x00..=0x7f => Element::Int(i64::from(first)),
        0x80..=0xbf => Element::Bytes(&data[1..]),
        0xc0..=0xdf => {
            let number = i64::from(first & 0x1f) << 8 | i64::from(data[1]);
            Element::Int(if number >= 1 << 12 { number - (1 << 13) } else { number })
        }
        0xe0..=0xef => Element::Bytes(&data[2..]),
        0xf0 => Element::Bytes(&data[5..]),
        0xf1 => Element::Int(i64::from(i16::from_le_bytes([data[1], data[2]]))),
        0xf2 => Element::Int(i64::from(i32::from_le_bytes([0, data[1], data[2], data[3]]) >> 8)),
        0xf3 => Element::Int(i64::from(i32::from_le_bytes(*data[1..].first_chunk()?))),
        _ => Element::Int(i64::from_le_bytes(*data[1..].first_chunk()?)),
    };
    Some((element, entry + back_size(entry)))
}

#[inline]
fn write_element(out: &mut Vec<u8>, element: Element<'_>) {
    let at = out.len();
    out.resize(at + element.size(), 0);
    write_element_at(&mut out[at..], element);
}

/// Writes an element into bytes of exactly its size.
fn write_element_at(at: &mut [u8], element: Element<'_>) {
    let entry = match element {
        Element::Int(number) => {
            match int_size(number) {
                1 => at[0] = number as u8,
                2 => {
                    at[0] = 0xc0 | (number >> 8) as u8 & 0x1f;
                    at[1] = number as u8;
                }
                size => {
                    at[0] = match size {
                        3 => 0xf1,
                        4 => 0xf2,
                        5 => 0xf3,
                        _ => 0xf4,
                    };
                    at[1..size].copy_from_slice(&number.to_le_bytes()[..size - 1]);
                }
            }
            int_size(number)
        }
        Element::Bytes(bytes) => {
            let head = string_head(bytes.len());
            match head {
                1 => at[0] = 0x80 | bytes.len() as u8,
                2 => {
                    at[0] = 0xe0 | (bytes.len() >> 8) as u8;
                    at[1] = bytes.len() as u8;
                }
                _ => {
                    at[0] = 0xf0;
                    at[1..5].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                }
            }
            at[head..head + bytes.len()].copy_from_slice(bytes);
            head + bytes.len()
        }
    };
    back_bytes(entry, &mut at[entry..]);
}

fn write_back(out: &mut Vec<u8>, entry: usize) {
    let at = out.len();
    out.resize(at + back_size(entry), 0);
    back_bytes(entry, &mut out[at..]);
}

/// Seven bits in each byte, the highest first; all but the first have their top bit set.
#[inline]
fn back_bytes(entry: usize, at: &mut [u8]) {
    let size = back_size(entry);
    for (i, byte) in at[..size].iter_mut().enumerate() {
        *byte = (entry >> (7 * (size - 1 - i))) as u8 & 0x7f | if i > 0 { 0x80 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn contents(packed: &Packed) -> Vec<Vec<u8>> {
        packed.view().iter().map(Element::to_vec).collect()
    }

    #[test]
    fn every_length_and_number_comes_back() {
        let edges = [0, 1, 127, 128, -1, -4096, -4097, 4095, 4096, 32_767, 32_768, -32_768, -32_769];
        let wide = [8_388_607, 8_388_608, -8_388_608, -8_388_609, 2_147_483_647, 2_147_483_648, i64::MAX, i64::MIN];
        let mut packed = Packed::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for number in edges.into_iter().chain(wide) {
            model.push(number.to_string().into_bytes());
        }
        for len in [0, 1, 62, 63, 64, 125, 126, 127, 128, 4095, 4096, 16_377, 16_378, 16_379, 70_000, 2_097_146] {
            model.push(vec![b'x'; len]);
        }
        for word in ["00", "-0", "+1", "1.0", " 1", "9223372036854775808", "-"] {
            model.push(word.into());
        }
        model.iter().for_each(|bytes| packed.push_back(Element::of(bytes)));
        assert_eq!(contents(&packed), model);
        assert_eq!(
            packed.view().iter().rev().map(Element::to_vec).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>(),
            model
        );
        let sizes: usize = model.iter().map(|bytes| Element::of(bytes).size()).sum();
        assert_eq!(packed.as_bytes().len(), HEAD + sizes);
        let mut listpack = Vec::new();
        packed.view().write_listpack(&mut listpack);
        assert_eq!(listpack.len(), packed.view().listpack_bytes());
        assert_eq!(Packed::from_listpack(&listpack), Some(packed));
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        // DEBUG LISTPACK and DUMP of a list of these elements, Redis 8.0.
        let mut packed = Packed::new();
        for word in ["1", "-2", "a", "500", "70000"] {
            packed.push_back(Element::of(word.as_bytes()));
        }
        let mut listpack = Vec::new();
        packed.view().write_listpack(&mut listpack);
        let expected = b"\x1b\0\0\0\x05\0\x01\x01\xdf\xfe\x02\x81a\x02\xc1\xf4\x02\xf2\x70\x11\x01\x04\xff";
        assert_eq!(listpack[6..], expected[6..]);
        assert_eq!(listpack[0] as usize, listpack.len());
    }

    #[test]
    fn damaged_listpacks_are_refused() {
        let mut packed = Packed::new();
        for word in ["1", "abc", "-70000"] {
            packed.push_back(Element::of(word.as_bytes()));
        }
        let mut good = Vec::new();
        packed.view().write_listpack(&mut good);
        for at in 0..good.len() {
            assert!(Packed::from_listpack(&good[..at]).is_none(), "cut at {at}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // Either refused, or another well-formed sequence: no panic, no half of an element.
                if let Some(other) = Packed::from_listpack(&bad) {
                    assert_eq!(other.view().iter().count(), other.len());
                }
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        PushBack(Vec<u8>),
        PushFront(Vec<u8>),
        Insert(usize, Vec<u8>),
        Replace(usize, Vec<u8>),
        Remove(usize, usize),
        Split(usize),
    }

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[a-c]{0,3}".prop_map(String::into_bytes),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (-200i64..200).prop_map(|number| number.to_string().into_bytes()),
            (0usize..300).prop_map(|len| vec![b'y'; len]),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            word().prop_map(Step::PushBack),
            word().prop_map(Step::PushFront),
            (any::<usize>(), word()).prop_map(|(at, word)| Step::Insert(at, word)),
            (any::<usize>(), word()).prop_map(|(at, word)| Step::Replace(at, word)),
            (any::<usize>(), 0usize..4).prop_map(|(at, count)| Step::Remove(at, count)),
            any::<usize>().prop_map(Step::Split),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_deque(steps in proptest::collection::vec(step(), 1..60)) {
            let (mut packed, mut model) = (Packed::new(), VecDeque::<Vec<u8>>::new());
            for step in steps {
                let place = |packed: &Packed, at: usize| packed.view().seek(at as i64);
                match step {
                    Step::PushBack(word) => { packed.push_back(Element::of(&word)); model.push_back(word); }
                    Step::PushFront(word) => { packed.push_front(Element::of(&word)); model.push_front(word); }
                    Step::Insert(at, word) => {
                        let at = at % (model.len() + 1);
                        let target = place(&packed, at).unwrap_or(packed.view().end());
                        packed.insert(target, Element::of(&word));
                        model.insert(at, word);
                    }
                    Step::Replace(at, word) if !model.is_empty() => {
                        let at = at % model.len();
                        packed.replace(place(&packed, at).expect("a place"), Element::of(&word));
                        model[at] = word;
                    }
                    Step::Remove(at, count) if !model.is_empty() => {
                        let at = at % model.len();
                        let removed = packed.remove(place(&packed, at).expect("a place"), count);
                        let expected = count.min(model.len() - at);
                        model.drain(at..at + expected);
                        prop_assert_eq!(removed, expected);
                    }
                    Step::Split(at) if !model.is_empty() => {
                        let at = at % model.len();
                        let tail = packed.split_off(place(&packed, at).expect("a place"));
                        let model_tail: Vec<_> = model.range(at..).cloned().collect();
                        prop_assert_eq!(contents(&tail), model_tail);
                        packed.append(tail.view());
                    }
                    _ => {}
                }
                prop_assert_eq!(contents(&packed), Vec::from(model.clone()));
                prop_assert_eq!(packed.len(), model.len());
                for (index, word) in model.iter().enumerate() {
                    let forward = packed.view().get(packed.view().seek(index as i64).expect("a place")).to_vec();
                    prop_assert_eq!(&forward, word);
                    let found = packed.view().find(word, 1).map(|place| packed.view().get(place).to_vec());
                    prop_assert_eq!(found.as_ref(), Some(word));
                }
            }
        }
    }
}
