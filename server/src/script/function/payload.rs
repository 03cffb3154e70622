//! FUNCTION DUMP's payload, as Redis writes and reads it:
//!
//! ```text
//!   for each library:  245 · its code, as an RDB string
//!   2 bytes            RDB version, little-endian
//!   8 bytes            CRC-64 (Jones) of all before it, little-endian
//! ```
//!
//! An RDB string is its length and its bytes; Redis also writes strings that it has compressed (LZF) and, elsewhere, numbers.
//! All of these are read; strings are written plainly.

use curfew_protocol::Error;

/// The version of Redis 8.0's RDB format, the highest that is read.
const RDB_VERSION: u16 = 12;

/// What stands before a library.
const FUNCTION2: u8 = 245;

/// The same in a release candidate of Redis 7.0.
const FUNCTION_PRE_GA: u8 = 246;

/// Bytes of version and checksum.
const FOOTER: usize = 10;

/// No code is longer: what a client could send.
const CODE_MAX: usize = 512 << 20;

/// The payload of libraries with these codes. O(n) in its bytes.
pub fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(FUNCTION2);
        match code.len() {
            len @ 0..0x40 => out.push(len as u8),
            len @ 0x40..0x4000 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
            len => match u32::try_from(len) {
                Ok(len) => {
                    out.push(0x80);
                    out.extend_from_slice(&len.to_be_bytes());
                }
                Err(_) => {
                    out.push(0x81);
                    out.extend_from_slice(&(len as u64).to_be_bytes());
                }
            },
        }
        out.extend_from_slice(code);
    }
    out.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let sum = crc64(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// The codes in a payload.
///
/// # Errors
/// Those of FUNCTION RESTORE.
pub fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let body = payload.len().checked_sub(FOOTER).ok_or(Error::BAD_PAYLOAD)?;
    let (mut rest, footer) = payload.split_at(body);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > RDB_VERSION || crc64(&payload[..body + 2]).to_le_bytes() != footer[2..] {
        return Err(Error::BAD_PAYLOAD);
    }
    let mut codes = Vec::new();
    while let [kind, after @ ..] = rest {
        match *kind {
            FUNCTION2 => {}
            FUNCTION_PRE_GA => return Err(Error::fixed(&"ERR Pre-GA function format not supported")),
            _ => return Err(Error::fixed(&"ERR given type is not a function")),
        }
        rest = after;
        codes.push(string(&mut rest).ok_or(Error::fixed(&"ERR Failed loading library payload"))?);
    }
    Ok(codes)
}

/// Takes an RDB string; None if it is damaged.
fn string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    match *rest.first()? {
        0xc0..=0xff => {
            let kind = rest.split_off_first()? & 0x3f;
            let number = match kind {
                0 => i64::from(take(rest, 1)?[0] as i8),
                1 => i64::from(i16::from_le_bytes(take(rest, 2)?.try_into().ok()?)),
                2 => i64::from(i32::from_le_bytes(take(rest, 4)?.try_into().ok()?)),
                3 => {
                    let (packed, len) = (length(rest)?, length(rest)?);
                    return unpack(take(rest, packed)?, len);
                }
                _ => return None,
            };
            Some(number.to_string().into_bytes())
        }
        _ => {
            let len = length(rest)?;
            take(rest, len).map(<[u8]>::to_vec)
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    rest.split_off(..count)
}

/// Takes a length; None if there is none here.
fn length(rest: &mut &[u8]) -> Option<usize> {
    let first = *rest.split_off_first()?;
    let len = match first {
        0..0x40 => u64::from(first),
        0x40..0x80 => u64::from(first & 0x3f) << 8 | u64::from(*rest.split_off_first()?),
        0x80 => u64::from(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?)),
        0x81 => u64::from_be_bytes(take(rest, 8)?.try_into().ok()?),
        _ => return None,
    };
    usize::try_from(len).ok()
}

/// Unpacks LZF to exactly `len` bytes; None if that is not what comes out.
fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > CODE_MAX {
        return None;
    }
    let mut out = Vec::new();
    let mut bytes = packed;
    while let Some(&control) = bytes.split_off_first() {
        let control = usize::from(control);
        if control < 32 {
            // That many bytes and one more, as they are.
            out.extend_from_slice(take(&mut bytes, control + 1)?);
        } else {
            // A run that was there before: its length, and how far back it begins.
            let mut count = control >> 5;
            if count == 7 {
                count += usize::from(*bytes.split_off_first()?);
            }
            let back = (control & 31) << 8 | usize::from(*bytes.split_off_first()?);
            let from = out.len().checked_sub(back + 1)?;
            // It may reach into what it makes, so byte by byte.
            for at in from..from + count + 2 {
                let byte = *out.get(at)?;
                out.push(byte);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// CRC-64 as Redis has it: Jones' polynomial, reflected, from zero.
fn crc64(bytes: &[u8]) -> u64 {
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut sum = index as u64;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { sum >> 1 ^ 0x95ac_9329_ac4b_c9b5 } else { sum >> 1 };
                bit += 1;
            }
            table[index] = sum;
            index += 1;
        }
        table
    };
    bytes.iter().fold(0, |sum, byte| sum >> 8 ^ TABLE[usize::from(sum as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_redis_s() {
        // From Redis's own test of its CRC.
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 63, 64, 16_383, 16_384, 100_000] {
            let codes = vec![vec![b'x'; len], b"other".to_vec()];
            let payload = dump(codes.iter().map(Vec::as_slice));
            assert_eq!(read(&payload), Ok(codes));
        }
        assert_eq!(read(&dump(std::iter::empty())), Ok(Vec::new()));
        // An empty one of Redis 8.0.
        let empty = [0x0c, 0x00, 0x96, 0xed, 0x68, 0x80, 0xf5, 0x55, 0x3c, 0x93];
        assert_eq!(dump(std::iter::empty()), empty);
    }

    fn sealed(body: &[u8]) -> Vec<u8> {
        let mut payload = [body, &RDB_VERSION.to_le_bytes()[..]].concat();
        payload.extend_from_slice(&crc64(&payload).to_le_bytes());
        payload
    }

    #[test]
    fn compressed_strings_and_numbers_are_read() {
        let read = |body: &[u8]| read(&sealed(body)).map_err(|error| error.to_string());
        // "abc" as it is, then 9 bytes from three back.
        assert_eq!(read(b"\xf5\xc3\x07\x0c\x02abc\xe0\x00\x02"), Ok(vec![b"abcabcabcabc".to_vec()]));
        assert_eq!(read(b"\xf5\xc0\xff"), Ok(vec![b"-1".to_vec()]));
        assert_eq!(read(b"\xf5\xc1\x01\x02"), Ok(vec![b"513".to_vec()]));
        assert_eq!(read(b"\xf5\xc2\x00\x00\x00\x80"), Ok(vec![b"-2147483648".to_vec()]));
        let damaged = Err("ERR Failed loading library payload".to_owned());
        for body in [
            &b"\xf5"[..],
            b"\xf5\x05abc",
            b"\xf5\xc3\x03\x0c\x20\x05\x00",
            b"\xf5\xc3\x04\x02\x02abc",
            b"\xf5\xc3\x04\x04\x02abc",
            b"\xf5\xc4\x00",
            b"\xf5\x82\x00",
            b"\xf5\x81\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xf5\xc3\x04\x81\xff\xff\xff\xff\xff\xff\xff\xff\x02abc",
        ] {
            assert_eq!(read(body), damaged, "{body:?}");
        }
        assert_eq!(read(b"\xf6\x01a"), Err("ERR Pre-GA function format not supported".into()));
        assert_eq!(read(b"\xf5\x01a\x00"), Err("ERR given type is not a function".into()));
    }

    #[test]
    fn a_payload_with_any_bit_changed_is_refused() {
        let payload = dump([&b"#!lua name=a\n"[..]].into_iter());
        for at in 0..payload.len() * 8 {
            let mut changed = payload.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(read(&changed), Err(Error::BAD_PAYLOAD));
        }
        for len in 0..payload.len() {
            assert_eq!(read(&payload[..len]), Err(Error::BAD_PAYLOAD));
        }
        // A later version.
        let mut later = b"\x0d\x00".to_vec();
        later.extend_from_slice(&crc64(&later).to_le_bytes());
        assert_eq!(read(&later), Err(Error::BAD_PAYLOAD));
    }
}
