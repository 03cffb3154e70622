//! The ids of a stream's entries.

use curfew_protocol::error::c_string;
use curfew_protocol::number;
use std::ops::Deref;

/// The longest text of an id that is read, as in Redis. Bytes.
const TEXT_MAX: usize = 127;

/// An id: milliseconds, and a number that tells apart what came within one millisecond. Ordered by both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct StreamId {
    /// Milliseconds; where the server chose the id, Unix time.
    pub ms: u64,
    /// The number within the millisecond.
    pub seq: u64,
}

/// The id that XADD is to give to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// `*`: now, or behind the last one.
    Auto,
    /// `ms-*`: the next within this millisecond.
    AutoSeq(u64),
    /// This one.
    Exact(StreamId),
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last possible one.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// An id of its parts.
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// Whether it is `0-0`.
    pub fn is_zero(self) -> bool {
        self == StreamId::MIN
    }

    /// The one behind it, None behind the last possible one.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The one in front of it, None in front of `0-0`.
    pub fn prev(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Its text, `ms-seq`.
    #[inline]
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; 41], len: 0 };
        let mut digits = itoa::Buffer::new();
        text.push(digits.format(self.ms).as_bytes());
        text.push(b"-");
        text.push(digits.format(self.seq).as_bytes());
        text
    }

    /// Reads `ms-seq` or `ms`, which stands for `ms-missing`; and `-` and `+`, the ends of the range. Numbers are read as
    /// Redis reads them, with `strtoull` in the end.
    pub fn parse(text: &[u8], missing: u64) -> Option<StreamId> {
        match text {
            b"-" => Some(StreamId::MIN),
            b"+" => Some(StreamId::MAX),
            _ => StreamId::parse_strict(text, missing),
        }
    }

    /// The same without `-` and `+`.
    pub fn parse_strict(text: &[u8], missing: u64) -> Option<StreamId> {
        let (ms, seq) = split(text)?;
        let ms = number::parse_u64_lenient(ms)?;
        let seq = seq.map_or(Some(missing), number::parse_u64_lenient)?;
        Some(StreamId { ms, seq })
    }

    /// The 16 bytes that stand for it in RDB files: ordered like the ids.
    pub fn to_be_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// The reverse of [`StreamId::to_be_bytes`].
    pub fn from_be_bytes(bytes: [u8; 16]) -> StreamId {
        let number = u128::from_be_bytes(bytes);
        StreamId { ms: (number >> 64) as u64, seq: number as u64 }
    }
}

impl NewId {
    /// Reads XADD's id.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<NewId> {
        if text == b"*" {
            return Some(NewId::Auto);
        }
        match split(text)? {
            (ms, Some(b"*")) => number::parse_u64_lenient(ms).map(NewId::AutoSeq),
            _ => StreamId::parse_strict(text, 0).map(NewId::Exact),
        }
    }
}

/// The parts in front of and behind the first `-`.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let text = c_string(text);
    Some(match text.iter().position(|&byte| byte == b'-') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    })
}

/// The text of an id, without an allocation.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; 41],
    len: u8,
}

impl IdText {
    fn push(&mut self, part: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }
}

impl Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_by_redis() {
        let id = |ms, seq| Some(StreamId::new(ms, seq));
        let cases: &[(&str, Option<StreamId>)] = &[
            ("5-1", id(5, 1)),
            ("5", id(5, 9)),
            ("05-01", id(5, 1)),
            (" 5-+1", id(5, 1)),
            ("0-0", id(0, 0)),
            ("18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            ("18446744073709551616-1", None),
            ("", None),
            ("-", None),
            ("+", None),
            ("5-", None),
            ("-5", None),
            ("5--1", None),
            ("5-1-1", None),
            ("5-*", None),
            ("x", None),
            ("5.1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(StreamId::parse_strict(text.as_bytes(), 9), *expected, "{text}");
        }
        assert_eq!(StreamId::parse(b"-", 9), Some(StreamId::MIN));
        assert_eq!(StreamId::parse(b"+", 9), Some(StreamId::MAX));
        assert_eq!(StreamId::parse_strict(&[b'1'; 128], 0), None);
        assert_eq!(NewId::parse(b"7-*"), Some(NewId::AutoSeq(7)));
        assert_eq!(NewId::parse(b"*"), Some(NewId::Auto));
        assert_eq!(NewId::parse(b"7"), Some(NewId::Exact(StreamId::new(7, 0))));
        assert_eq!(NewId::parse(b"-*"), None);
    }

    #[test]
    fn neighbours_carry_over() {
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).prev(), Some(StreamId::new(1, u64::MAX)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
        assert_eq!(&*StreamId::MAX.text(), b"18446744073709551615-18446744073709551615");
        assert_eq!(StreamId::from_be_bytes(StreamId::new(7, 8).to_be_bytes()), StreamId::new(7, 8));
    }
}
