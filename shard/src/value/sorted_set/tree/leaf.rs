//! The entries of a leaf, one behind the other: see the picture in [`super`].

use super::Edge;

const TAG_LONG: u8 = 127;
const TAG_INT: u8 = 128;

/// What stands in front of a member.
pub(super) struct Head {
    pub(super) bytes: [u8; 13],
    pub(super) len: usize,
}

impl Head {
    pub(super) fn of(score: f64, member: &[u8]) -> Head {
        let mut head = Head { bytes: [0; 13], len: 1 };
        let tag = if member.len() < usize::from(TAG_LONG) {
            member.len() as u8
        } else {
            head.push(&(member.len() as u32).to_le_bytes());
            TAG_LONG
        };
        let int = score as i32;
        head.bytes[0] = if f64::from(int).to_bits() == score.to_bits() {
            head.push(&int.to_le_bytes());
            tag | TAG_INT
        } else {
            head.push(&score.to_bits().to_le_bytes());
            tag
        };
        head
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// The entry at the start of these bytes: score, member, and its size. None at the end.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<(f64, &[u8], usize)> {
    let tag = *bytes.first()?;
    let (len, at) = match tag & !TAG_INT {
        TAG_LONG => (u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize, 5),
        short => (usize::from(short), 1),
    };
    let (score, at) = if tag & TAG_INT == 0 {
        (f64::from_bits(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?)), at + 8)
    } else {
        (f64::from(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)), at + 4)
    };
    Some((score, bytes.get(at..at + len)?, at + len))
}

pub(super) fn entries(mut leaf: &[u8]) -> usize {
    let mut count = 0;
    while let Some((_, _, size)) = read(leaf) {
        leaf = &leaf[size..];
        count += 1;
    }
    count
}

/// The offset of the entry at an index; the end past the last.
pub(super) fn offset(leaf: &[u8], index: usize) -> usize {
    let mut at = 0;
    for _ in 0..index {
        let Some((_, _, size)) = read(&leaf[at..]) else { break };
        at += size;
    }
    at
}

/// Offset and index of the first entry of a leaf that does not lie in front of the edge.
#[inline]
pub(super) fn place(leaf: &[u8], edge: &Edge<'_>) -> (usize, usize) {
    let (mut at, mut index) = (0, 0);
    while let Some((score, member, size)) = read(&leaf[at..])
        && edge.is_behind(score, member)
    {
        at += size;
        index += 1;
    }
    (at, index)
}

#[inline]
pub(super) fn prefix(member: &[u8]) -> u64 {
    if let Some(first) = member.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..member.len()].copy_from_slice(member);
    u64::from_be_bytes(first)
}
