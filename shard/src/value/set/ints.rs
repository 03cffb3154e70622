//! Sorted integers in one run of bytes: sets of numbers while they are small.
//!
//! ```text
//! +-------+----------+----------------------------------------+
//! | width | ff ff ff | members, ascending, little-endian      |
//! +-------+----------+----------------------------------------+
//! ```
//!
//! The width of a member is 2, 4 or 8 bytes: what the largest one ever added has needed. Members are laid out as in Redis's
//! intset, so DUMP and RESTORE copy them; only the frame differs. No packed sequence starts with these four bytes (it would
//! have four billion elements), so the two can be told apart where they lie in an entry.

/// Bytes of the frame in front of the members.
const HEAD: usize = 4;

/// Integers, borrowed: to be read.
#[derive(Clone, Copy, Debug)]
pub struct IntsRef<'a> {
    /// 2, 4 or 8.
    width: usize,
    /// Whole members.
    body: &'a [u8],
}

impl<'a> IntsRef<'a> {
    /// The integers in bytes that came from [`Ints::as_bytes`]; None if these are something else.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Option<IntsRef<'a>> {
        match bytes.split_at_checked(HEAD) {
            Some(([width @ (2 | 4 | 8), 0xff, 0xff, 0xff], body)) => Some(IntsRef { width: usize::from(*width), body }),
            _ => None,
        }
    }

    /// Bytes of a member: 2, 4 or 8.
    pub fn width(self) -> usize {
        self.width
    }

    /// The members as Redis's intset has them, without its frame.
    pub fn body(self) -> &'a [u8] {
        self.body
    }

    /// How many there are. O(1).
    #[inline]
    pub fn len(self) -> usize {
        self.body.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.body.is_empty()
    }

    /// The member at `index`, counted from the smallest; 0 past the end. O(1).
    #[inline]
    pub fn get(self, index: usize) -> i64 {
        match self.width {
            2 => read::<2>(self.body, index),
            4 => read::<4>(self.body, index),
            _ => read::<8>(self.body, index),
        }
    }

    /// The smallest member.
    pub fn min(self) -> Option<i64> {
        (!self.is_empty()).then(|| self.get(0))
    }

    /// The largest member.
    pub fn max(self) -> Option<i64> {
        (!self.is_empty()).then(|| self.get(self.len() - 1))
    }

    /// Whether `value` is a member. O(log n).
    #[inline]
    pub fn contains(self, value: i64) -> bool {
        self.find(value, 0).is_ok()
    }

    /// The index of `value` among those from `from` on, or where it would have to be inserted. O(log n); near `from` less:
    /// so going through two sets at once costs about as much as reading them.
    #[inline]
    pub fn find(self, value: i64, from: usize) -> Result<usize, usize> {
        match self.width {
            2 => search::<2>(self.body, value, from),
            4 => search::<4>(self.body, value, from),
            _ => search::<8>(self.body, value, from),
        }
    }

    /// The members in ascending order.
    pub fn iter(self) -> Iter<'a> {
        Iter { ints: self, next: 0 }
    }
}

/// See [`IntsRef::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    ints: IntsRef<'a>,
    next: usize,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.next >= self.ints.len() {
            return None;
        }
        self.next += 1;
        Some(self.ints.get(self.next - 1))
    }
}

/// Integers that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ints {
    /// At least the frame.
    bytes: Vec<u8>,
}

impl Default for Ints {
    fn default() -> Ints {
        Ints::new()
    }
}

impl Ints {
    /// An empty set.
    pub fn new() -> Ints {
        Ints { bytes: vec![2, 0xff, 0xff, 0xff] }
    }

    /// The integers in bytes that came from [`Ints::as_bytes`]; otherwise the bytes are given back.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Ints, Vec<u8>> {
        if IntsRef::new(&bytes).is_some() { Ok(Ints { bytes }) } else { Err(bytes) }
    }

    /// The members of one of Redis's intsets, frame included; None if it is not well-formed. O(n).
    pub fn from_intset(intset: &[u8]) -> Option<Ints> {
        let (head, body) = intset.split_at_checked(8)?;
        let width = u32::from_le_bytes(*head.first_chunk()?) as usize;
        let count = u32::from_le_bytes(*head.last_chunk()?) as usize;
        if !matches!(width, 2 | 4 | 8) || count.checked_mul(width)? != body.len() {
            return None;
        }
        let ints = Ints { bytes: [&[width as u8, 0xff, 0xff, 0xff], body].concat() };
        let ascending = ints.view().iter().zip(ints.view().iter().skip(1)).all(|(one, next)| one < next);
        ascending.then_some(ints)
    }

    /// The integers, to be read.
    #[inline]
    pub fn view(&self) -> IntsRef<'_> {
        IntsRef { width: usize::from(self.bytes[0]), body: &self.bytes[HEAD..] }
    }

    /// Their bytes, frame included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their bytes, frame included.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds a member; false if it was there. O(n), of which nearly all is moving bytes.
    pub fn insert(&mut self, value: i64) -> bool {
        let needed = width_of(value);
        if needed > self.view().width() {
            self.widen(needed);
        }
        let view = self.view();
        // Ascending input is common, and needs no search.
        let at = if view.max().is_none_or(|max| value > max) {
            view.len()
        } else {
            match view.find(value, 0) {
                Ok(_) => return false,
                Err(at) => at,
            }
        };
        let (width, place) = (view.width(), HEAD + at * view.width());
        let len = self.bytes.len();
        if len + width > self.bytes.capacity() {
            // By an eighth: a doubling would leave half of the memory unused.
            self.bytes.reserve_exact(width + len / 8);
        }
        self.bytes.extend_from_slice(&[0; 8][..width]);
        self.bytes.copy_within(place..len, place + width);
        self.bytes[place..place + width].copy_from_slice(&value.to_le_bytes()[..width]);
        true
    }

    /// Removes a member; false if it is not there. O(n).
    pub fn remove(&mut self, value: i64) -> bool {
        let found = self.view().find(value, 0);
        found.is_ok_and(|index| self.remove_at(index).is_some())
    }

    /// Removes the member at `index` and gives it. O(n).
    pub fn remove_at(&mut self, index: usize) -> Option<i64> {
        let view = self.view();
        if index >= view.len() {
            return None;
        }
        let (value, width) = (view.get(index), view.width());
        self.bytes.drain(HEAD + index * width..HEAD + (index + 1) * width);
        Some(value)
    }

    /// Keeps the members for which `keep` says so. It sees them in ascending order. O(n).
    pub fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let (width, len) = (self.view().width(), self.view().len());
        let mut kept = 0;
        for index in 0..len {
            if keep(self.view().get(index)) {
                let from = HEAD + index * width;
                self.bytes.copy_within(from..from + width, HEAD + kept * width);
                kept += 1;
            }
        }
        self.bytes.truncate(HEAD + kept * width);
    }

    /// Writes all members with `width` bytes.
    fn widen(&mut self, width: usize) {
        let mut wide = Vec::with_capacity(HEAD + (self.view().len() + 1) * width);
        wide.extend_from_slice(&[width as u8, 0xff, 0xff, 0xff]);
        self.view().iter().for_each(|value| wide.extend_from_slice(&value.to_le_bytes()[..width]));
        self.bytes = wide;
    }
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

#[inline]
fn read<const W: usize>(body: &[u8], index: usize) -> i64 {
    let Some(bytes) = body.get(index * W..).and_then(|rest| rest.first_chunk::<W>()) else { return 0 };
    let mut wide = [0; 8];
    wide[8 - W..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (64 - 8 * W)
}

/// Doubles its steps from `from` on until it has passed the value, and halves them from there.
#[inline]
fn search<const W: usize>(body: &[u8], value: i64, from: usize) -> Result<usize, usize> {
    let len = body.len() / W;
    let (mut low, mut step) = (from, 1);
    let mut high = from;
    while high < len && read::<W>(body, high) < value {
        low = high + 1;
        high += step;
        step *= 2;
    }
    high = high.min(len);
    while low < high {
        let middle = low + (high - low) / 2;
        if read::<W>(body, middle) < value {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low < len && read::<W>(body, low) == value { Ok(low) } else { Err(low) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![-20i64..20, -40_000i64..40_000, -3_000_000_000i64..3_000_000_000, any::<i64>()]
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(steps in proptest::collection::vec((any::<bool>(), value()), 1..200)) {
            let (mut ints, mut model) = (Ints::new(), BTreeSet::new());
            for (add, value) in steps {
                if add {
                    prop_assert_eq!(ints.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(ints.remove(value), model.remove(&value));
                }
                let view = ints.view();
                prop_assert_eq!(view.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!((view.min(), view.max()), (model.first().copied(), model.last().copied()));
                for (index, value) in model.iter().enumerate() {
                    for from in [0, index / 2, index] {
                        prop_assert_eq!(view.find(*value, from), Ok(index));
                    }
                    if let Some(less) = value.checked_sub(1).filter(|less| !model.contains(less)) {
                        prop_assert_eq!(view.find(less, 0), Err(index));
                    }
                }
                prop_assert_eq!(Ints::from_bytes(ints.as_bytes().to_vec()), Ok(ints.clone()));
            }
            let kept: Vec<i64> = model.iter().copied().filter(|value| value % 3 == 0).collect();
            ints.retain(|value| value % 3 == 0);
            prop_assert_eq!(ints.view().iter().collect::<Vec<_>>(), kept);
        }
    }

    #[test]
    fn the_width_is_that_of_the_widest_ever_added() {
        let mut ints = Ints::new();
        for (value, width) in [(1, 2), (-32_768, 2), (32_768, 4), (-2_147_483_649, 8)] {
            ints.insert(value);
            assert_eq!(ints.view().width(), width);
        }
        assert!(ints.remove(-2_147_483_649));
        assert_eq!(ints.view().width(), 8);
    }

    #[test]
    fn intsets_of_redis() {
        let good = b"\x02\0\0\0\x03\0\0\0\xff\xff\x01\0\x05\0";
        let ints = Ints::from_intset(good).expect("an intset");
        assert_eq!(ints.view().iter().collect::<Vec<_>>(), [-1, 1, 5]);
        assert_eq!(ints.view().body(), &good[8..]);
        let bad: [&[u8]; 5] = [
            b"",
            b"\x02\0\0\0\x03\0\0\0\xff\xff\x01\0\x05",
            b"\x03\0\0\0\x01\0\0\0abc",
            b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
            b"\x02\0\0\0\xff\xff\xff\xff\x01\0",
        ];
        bad.iter().for_each(|bytes| assert_eq!(Ints::from_intset(bytes), None));
    }
}
