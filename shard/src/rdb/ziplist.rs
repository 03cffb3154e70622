//! The packed sequences of older versions of Redis: ziplists (before 7.0) and zipmaps (before 2.6).
//!
//! ```text
//!   ziplist:  bytes u32 | offset of the last entry u32 | entries u16 | entry ... | 255
//!   entry:    length of the one before (1 byte, or 254 and u32) | encoding | data
//!   zipmap:   fields u8 | (length | field | length | unused u8 | value | unused bytes) ... | 255
//! ```

use super::read::Damaged;
use crate::value::packed::{Element, Packed};

/// Bytes in front of the entries.
const HEAD: usize = 10;

/// The elements of a ziplist. O(n).
pub(super) fn read(bytes: &[u8]) -> Result<Packed, Damaged> {
    let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Damaged)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let announced = usize::from(u16::from_le_bytes([head[8], head[9]]));
    let (end, mut rest) = body.split_last().ok_or(Damaged)?;
    if *end != 0xff || word(0) != bytes.len() {
        return Err(Damaged);
    }
    let (mut packed, mut before, mut last) = (Packed::new(), 0, HEAD);
    while !rest.is_empty() {
        let from = rest.len();
        last = bytes.len() - 1 - from;
        let back = match take::<1>(&mut rest)? {
            [0xfe] => u32::from_le_bytes(take(&mut rest)?) as usize,
            [0xff] => return Err(Damaged),
            [back] => usize::from(back),
        };
        if back != before {
            return Err(Damaged);
        }
        packed.push_back(entry(&mut rest)?);
        before = from - rest.len();
    }
    // 65535 stands for "count them yourself".
    if (announced != 0xffff && announced != packed.len()) || word(4) != last {
        return Err(Damaged);
    }
    Ok(packed)
}

/// The element behind the length of the one before.
fn entry<'a>(rest: &mut &'a [u8]) -> Result<Element<'a>, Damaged> {
    let [first] = take(rest)?;
    let len = match first {
        0..0x40 => usize::from(first),
        0x40..0x80 => usize::from(first & 0x3f) << 8 | usize::from(take::<1>(rest)?[0]),
        0x80 => u32::from_be_bytes(take(rest)?) as usize,
        _ => {
            return Ok(Element::Int(match first {
                0xc0 => i64::from(i16::from_le_bytes(take(rest)?)),
                0xd0 => i64::from(i32::from_le_bytes(take(rest)?)),
                0xe0 => i64::from_le_bytes(take(rest)?),
                0xf0 => {
                    let [low, middle, high] = take(rest)?;
                    i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)
                }
                0xfe => i64::from(i8::from_le_bytes(take(rest)?)),
                0xf1..=0xfd => i64::from(first) - 0xf1,
                _ => return Err(Damaged),
            }));
        }
    };
    rest.split_off(..len).map(Element::of).ok_or(Damaged)
}

/// The fields and values of a zipmap. O(n).
pub(super) fn read_zipmap(bytes: &[u8]) -> Result<Packed, Damaged> {
    let ([announced], mut rest) = bytes.split_first_chunk::<1>().ok_or(Damaged)?;
    let mut packed = Packed::new();
    while rest != [0xff] {
        let len = zipmap_len(&mut rest)?;
        packed.push_back(rest.split_off(..len).map(Element::of).ok_or(Damaged)?);
        let len = zipmap_len(&mut rest)?;
        let [unused] = take(&mut rest)?;
        packed.push_back(rest.split_off(..len).map(Element::of).ok_or(Damaged)?);
        rest.split_off(..usize::from(unused)).ok_or(Damaged)?;
    }
    // From 254 on it stands for "count them yourself".
    if *announced < 254 && usize::from(*announced) * 2 != packed.len() { Err(Damaged) } else { Ok(packed) }
}

fn zipmap_len(rest: &mut &[u8]) -> Result<usize, Damaged> {
    match take(rest)? {
        [0xff] => Err(Damaged),
        [0xfe] => Ok(u32::from_le_bytes(take(rest)?) as usize),
        [len] => Ok(usize::from(len)),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    rest.split_off(..N).and_then(<[u8]>::first_chunk).copied().ok_or(Damaged)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ziplist of these entries, each given without the length of the one before.
    pub(in crate::rdb) fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut before, mut last) = (Vec::new(), 0, HEAD);
        for entry in entries {
            last = HEAD + body.len();
            match u8::try_from(before) {
                Ok(before @ 0..254) => body.push(before),
                _ => {
                    body.push(0xfe);
                    body.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            body.extend_from_slice(entry);
            before = HEAD + body.len() - last;
        }
        let total = (HEAD + body.len() + 1) as u32;
        let count = entries.len() as u16;
        [&total.to_le_bytes()[..], &(last as u32).to_le_bytes(), &count.to_le_bytes(), &body, &[0xff]].concat()
    }

    fn words(packed: &Packed) -> Vec<String> {
        packed.view().iter().map(|element| String::from_utf8(element.to_vec()).expect("text")).collect()
    }

    #[test]
    fn all_encodings_of_a_ziplist_are_read() {
        let long = [&b"\x41\x2c"[..], &[b'x'; 300]].concat();
        let longer = [&b"\x80\x00\x00\x40\x00"[..], &[b'y'; 16_384]].concat();
        let bytes = ziplist(&[
            b"\x03abc",
            b"\x00",
            b"\xf1",
            b"\xfd",
            b"\xfe\x80",
            b"\xc0\x00\x80",
            b"\xf0\xff\xff\x7f",
            b"\xf0\x00\x00\x80",
            b"\xd0\x00\x00\x00\x80",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            &long,
            &longer,
            b"\x0277",
        ]);
        let packed = read(&bytes).expect("well-formed");
        let expected = ["abc", "", "0", "12", "-128", "-32768", "8388607", "-8388608", "-2147483648"];
        let words = words(&packed);
        assert_eq!(words[..9], expected);
        assert_eq!(words[9], "-9223372036854775808");
        assert_eq!((words[10].len(), words[11].len(), &*words[12]), (300, 16_384, "77"));
        // Numbers that were kept as texts are numbers now.
        assert_eq!(packed.view().find(b"77", 1).map(|place| packed.view().get(place).int()), Some(Some(77)));
        assert_eq!(read(&ziplist(&[])).map(|packed| packed.len()), Ok(0));
    }

    #[test]
    fn a_damaged_ziplist_is_refused_or_at_least_harmless() {
        let bytes = ziplist(&[b"\x03abc", b"\xf5", b"\xfe\x10", b"\x05hello"]);
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), Err(Damaged));
        }
        let mut refused = 0;
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            refused += usize::from(read(&changed).is_err());
        }
        // The rest were changes of texts and numbers.
        assert!(refused > bytes.len() * 4, "{refused}");
    }

    #[test]
    fn zipmaps_are_read() {
        let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world__\xff";
        assert_eq!(words(&read_zipmap(bytes).expect("well-formed")), ["foo", "bar", "hello", "world"]);
        for len in 0..bytes.len() {
            assert_eq!(read_zipmap(&bytes[..len]), Err(Damaged));
        }
    }
}
