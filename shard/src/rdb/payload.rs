//! The frame of DUMP's and FUNCTION DUMP's payloads:
//!
//! ```text
//!   the body           DUMP: what stands before the value, the value
//!   2 bytes            RDB version, little-endian
//!   8 bytes            CRC-64 of all before it, little-endian
//! ```

use super::crc64::crc64;
use super::read::{Damaged, Reader};
use super::{Loaded, VERSION, kind_of, read_value, write_value};
use crate::keyspace::EntryRef;
use crate::value::limits::Limits;
use curfew_protocol::Error;

/// Bytes of version and checksum.
const FOOTER: usize = 10;

/// The payload of DUMP for the value of `entry`. O(n) in the value.
pub fn dump(entry: EntryRef<'_>) -> Vec<u8> {
    let mut out = vec![kind_of(entry)];
    write_value(entry, &mut out);
    seal(&mut out);
    out
}

/// The value in a payload of DUMP. As in Redis, what follows the value is not looked at.
///
/// # Errors
/// Those of RESTORE.
pub fn restore<'a>(payload: &'a [u8], limits: &Limits, string_max: usize) -> Result<Loaded<'a>, Error> {
    let mut reader = Reader::new(open(payload)?, string_max);
    let value = reader.byte().and_then(|what| read_value(what, &mut reader, limits));
    value.map_err(|Damaged| Error::BAD_DATA_FORMAT)
}

/// Appends version and checksum to a body.
pub fn seal(body: &mut Vec<u8>) {
    body.extend_from_slice(&VERSION.to_le_bytes());
    let sum = crc64(body);
    body.extend_from_slice(&sum.to_le_bytes());
}

/// The body of a payload.
///
/// # Errors
/// The payload is of a later version, or damaged.
pub fn open(payload: &[u8]) -> Result<&[u8], Error> {
    let body = payload.len().checked_sub(FOOTER).ok_or(Error::BAD_PAYLOAD)?;
    let (body, footer) = payload.split_at(body);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > VERSION || crc64(&payload[..body.len() + 2]).to_le_bytes() != footer[2..] {
        return Err(Error::BAD_PAYLOAD);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens() {
        // An empty FUNCTION DUMP of Redis 8.0.
        let mut empty = Vec::new();
        seal(&mut empty);
        assert_eq!(empty, [0x0c, 0x00, 0x96, 0xed, 0x68, 0x80, 0xf5, 0x55, 0x3c, 0x93]);
        assert_eq!(open(&empty), Ok(&[][..]));
    }

    #[test]
    fn a_payload_with_any_bit_changed_is_refused() {
        let mut payload = b"\x00\x05hello".to_vec();
        seal(&mut payload);
        assert_eq!(open(&payload), Ok(&b"\x00\x05hello"[..]));
        for at in 0..payload.len() * 8 {
            let mut changed = payload.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(open(&changed), Err(Error::BAD_PAYLOAD));
        }
        for len in 0..payload.len() {
            assert_eq!(open(&payload[..len]), Err(Error::BAD_PAYLOAD));
        }
        // A later version.
        let mut later = b"\x0d\x00".to_vec();
        later.extend_from_slice(&crc64(&later).to_le_bytes());
        assert_eq!(open(&later), Err(Error::BAD_PAYLOAD));
    }
}
