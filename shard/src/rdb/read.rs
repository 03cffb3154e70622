//! Taking things from bytes that may be anything.

use super::lzf;
use std::borrow::Cow;

/// The bytes are not what they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged;

/// Takes things from the front of some bytes. After an error it stands anywhere, without harm.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    string_max: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`. No compressed string may become longer than `string_max` bytes.
    pub fn new(bytes: &'a [u8], string_max: usize) -> Reader<'a> {
        Reader { rest: bytes, string_max: string_max.min(u32::MAX as usize) }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes a byte.
    pub fn byte(&mut self) -> Result<u8, Damaged> {
        self.rest.split_off_first().copied().ok_or(Damaged)
    }

    /// Takes so many bytes as they are.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        self.rest.split_off(..count).ok_or(Damaged)
    }

    /// Takes so many bytes as they are.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.first_chunk().copied().ok_or(Damaged)
    }

    /// Takes a length, which may also be any other number without sign.
    pub fn length(&mut self) -> Result<u64, Damaged> {
        Ok(match self.byte()? {
            first @ 0..0x40 => u64::from(first),
            first @ 0x40..0x80 => u64::from(first & 0x3f) << 8 | u64::from(self.byte()?),
            0x80 => u64::from(u32::from_be_bytes(self.array()?)),
            0x81 => u64::from_be_bytes(self.array()?),
            _ => return Err(Damaged),
        })
    }

    /// Takes a count of things that take `least` bytes each at least: more than what can follow is an error.
    pub fn count(&mut self, least: usize) -> Result<usize, Damaged> {
        let count = usize::try_from(self.length()?).map_err(|_| Damaged)?;
        let bytes = count.checked_mul(least).ok_or(Damaged)?;
        if bytes <= self.rest.len() { Ok(count) } else { Err(Damaged) }
    }

    /// Takes a string, in whichever form. O(n).
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Damaged> {
        let first = *self.rest.first().ok_or(Damaged)?;
        if first < 0xc0 {
            let len = usize::try_from(self.length()?).map_err(|_| Damaged)?;
            return self.take(len).map(Cow::Borrowed);
        }
        self.byte()?;
        let number = match first & 0x3f {
            0 => i64::from(i8::from_le_bytes(self.array()?)),
            1 => i64::from(i16::from_le_bytes(self.array()?)),
            2 => i64::from(i32::from_le_bytes(self.array()?)),
            3 => {
                let (packed, len) = (self.length()?, self.length()?);
                let packed = self.take(usize::try_from(packed).map_err(|_| Damaged)?)?;
                let len = usize::try_from(len).ok().filter(|len| *len <= self.string_max).ok_or(Damaged)?;
                return lzf::decompress(packed, len).map(Cow::Owned).ok_or(Damaged);
            }
            _ => return Err(Damaged),
        };
        Ok(Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec()))
    }

    /// Takes a point in time: milliseconds, usually Unix time.
    pub fn time(&mut self) -> Result<i64, Damaged> {
        self.array().map(i64::from_le_bytes)
    }

    /// Takes a double, bit for bit.
    pub fn double(&mut self) -> Result<f64, Damaged> {
        self.array().map(f64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_sizes_are_read() {
        let cases: &[(&[u8], Option<u64>)] = &[
            (b"\x00", Some(0)),
            (b"\x3f", Some(63)),
            (b"\x40\x40", Some(64)),
            (b"\x7f\xff", Some(16_383)),
            (b"\x80\x00\x01\x00\x00", Some(65_536)),
            (b"\x81\x00\x00\x00\x01\x00\x00\x00\x00", Some(1 << 32)),
            (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff", Some(u64::MAX)),
            (b"", None),
            (b"\x40", None),
            (b"\x80\x00\x00\x00", None),
            (b"\x82\x00\x00\x00\x00", None),
            (b"\xc0\x00", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes, 0).length().ok(), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn strings_of_all_forms_are_read() {
        let cases: &[(&[u8], Option<&[u8]>)] = &[
            (b"\x00", Some(b"")),
            (b"\x03abc", Some(b"abc")),
            (b"\xc0\xff", Some(b"-1")),
            (b"\xc1\x01\x02", Some(b"513")),
            (b"\xc2\x00\x00\x00\x80", Some(b"-2147483648")),
            (b"\xc3\x07\x0c\x02abc\xe0\x00\x02", Some(b"abcabcabcabc")),
            (b"\x05abc", None),
            (b"\xc1\x01", None),
            (b"\xc4\x00", None),
            // A length that lies, and one that is more than allowed.
            (b"\xc3\x04\x04\x02abc", None),
            (b"\xc3\x04\x02\x02abc", None),
            (b"\xc3\x04\x81\xff\xff\xff\xff\xff\xff\xff\xff\x02abc", None),
            (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes, 100).string().ok().as_deref(), *expected, "{bytes:?}");
        }
        assert_eq!(Reader::new(b"\xc3\x07\x0c\x02abc\xe0\x00\x02", 11).string(), Err(Damaged));
    }

    #[test]
    fn a_count_is_not_more_than_what_is_there() {
        assert_eq!(Reader::new(b"\x02abcd", 0).count(2), Ok(2));
        assert_eq!(Reader::new(b"\x03abcd", 0).count(2), Err(Damaged));
        assert_eq!(Reader::new(b"\x81\xff\xff\xff\xff\xff\xff\xff\xffabcd", 0).count(2), Err(Damaged));
    }
}
