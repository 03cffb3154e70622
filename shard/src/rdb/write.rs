//! Appending lengths, strings and times.

use super::lzf;
use curfew_protocol::number;

/// Strings up to here may be numbers, longer than [`PLAIN_MAX`] compressed. Bytes.
const NUMBER_MAX: usize = 11;
const PLAIN_MAX: usize = 20;

/// Appends a length, or any other number without sign: 1 to 9 bytes.
pub fn length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..0x40 => out.push(length as u8),
        0x40..0x4000 => out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
        _ => match u32::try_from(length) {
            Ok(length) => {
                out.push(0x80);
                out.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                out.push(0x81);
                out.extend_from_slice(&length.to_be_bytes());
            }
        },
    }
}

/// Appends a string: as a number where it is a short one, compressed where that makes it at least four bytes shorter. O(n).
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= NUMBER_MAX
        && let Some(value) = number::parse_i64(bytes)
        && short_number(out, value)
    {
        return;
    }
    if bytes.len() > PLAIN_MAX
        && let Some(packed) = lzf::compress(bytes, bytes.len() - 4)
    {
        out.push(0xc3);
        length(out, packed.len() as u64);
        length(out, bytes.len() as u64);
        out.extend_from_slice(&packed);
        return;
    }
    length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends the string that is the decimal form of a number.
pub fn number(out: &mut Vec<u8>, value: i64) {
    if !short_number(out, value) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value).as_bytes();
        length(out, digits.len() as u64);
        out.extend_from_slice(digits);
    }
}

/// Appends a point in time: milliseconds, usually Unix time.
pub fn time(out: &mut Vec<u8>, ms: i64) {
    out.extend_from_slice(&ms.to_le_bytes());
}

/// Appends a number of 8, 16 or 32 bits; false if it is larger.
fn short_number(out: &mut Vec<u8>, value: i64) -> bool {
    if let Ok(value) = i8::try_from(value) {
        out.push(0xc0);
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xc1);
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xc2);
        out.extend_from_slice(&value.to_le_bytes());
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    #[test]
    fn lengths_are_as_short_as_in_redis() {
        let limits = [0, 63, 64, 16_383, 16_384, u64::from(u32::MAX), 1 << 32, u64::MAX];
        for (value, bytes) in limits.into_iter().zip([1, 1, 2, 2, 5, 5, 9, 9]) {
            let mut out = Vec::new();
            length(&mut out, value);
            assert_eq!((out.len(), Reader::new(&out, 0).length()), (bytes, Ok(value)));
        }
    }

    #[test]
    fn strings_are_written_as_by_redis() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"", b"\x00"),
            (b"abc", b"\x03abc"),
            (b"127", b"\xc0\x7f"),
            (b"-128", b"\xc0\x80"),
            (b"128", b"\xc1\x80\x00"),
            (b"-32769", b"\xc2\xff\x7f\xff\xff"),
            (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
            (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
            (b"2147483648", b"\x0a2147483648"),
            (b"007", b"\x03007"),
            (b"-0", b"\x02-0"),
            (b"aaaaaaaaaaaaaaaaaaaa", b"\x14aaaaaaaaaaaaaaaaaaaa"),
            (b"aaaaaaaaaaaaaaaaaaaaa", b"\xc3\x05\x15\x00a\xe0\x0b\x00"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(out, *expected, "{text:?}");
            assert_eq!(Reader::new(&out, 100).string().as_deref(), Ok(*text));
        }
        for value in [0, -129, 40_000, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(Reader::new(&out, 0).string().as_deref(), Ok(value.to_string().as_bytes()));
        }
    }
}
