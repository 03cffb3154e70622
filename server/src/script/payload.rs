//! FUNCTION DUMP's payload, as Redis writes and reads it: for each library a byte that says so and its code as an RDB string,
//! in the frame of [`curfew_shard::rdb::payload`].

use curfew_protocol::Error;
use curfew_shard::rdb::{Reader, payload, write};

/// What stands before a library.
const FUNCTION2: u8 = 245;

/// The same in a release candidate of Redis 7.0.
const FUNCTION_PRE_GA: u8 = 246;

/// No code is longer: what a client could send. Bytes.
const CODE_MAX: usize = 512 << 20;

/// The payload of libraries with these codes. O(n) in its bytes.
pub fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(FUNCTION2);
        write::string(&mut out, code);
    }
    payload::seal(&mut out);
    out
}

/// The codes in a payload.
///
/// # Errors
/// Those of FUNCTION RESTORE.
pub fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = Reader::new(payload::open(bytes)?, CODE_MAX);
    let mut codes = Vec::new();
    while let Ok(kind) = reader.byte() {
        match kind {
            FUNCTION2 => {}
            FUNCTION_PRE_GA => return Err(Error::fixed(&"ERR Pre-GA function format not supported")),
            _ => return Err(Error::fixed(&"ERR given type is not a function")),
        }
        let code = reader.string().map_err(|_| Error::fixed(&"ERR Failed loading library payload"))?;
        codes.push(code.into_owned());
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 63, 64, 16_383, 16_384, 100_000] {
            let codes = vec![vec![b'x'; len], b"other".to_vec()];
            let payload = dump(codes.iter().map(Vec::as_slice));
            assert_eq!(read(&payload), Ok(codes));
        }
        assert_eq!(read(&dump(std::iter::empty())), Ok(Vec::new()));
        assert_eq!(read(b"").err(), Some(Error::BAD_PAYLOAD));
    }

    #[test]
    fn what_is_no_library_is_refused() {
        let read = |body: &[u8]| {
            let mut payload = body.to_vec();
            payload::seal(&mut payload);
            read(&payload).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"\xf5\x03abc"), Ok(vec![b"abc".to_vec()]));
        let damaged = Err("ERR Failed loading library payload".to_owned());
        for body in [&b"\xf5"[..], b"\xf5\x05abc", b"\xf5\xc3\x03\x0c\x20\x05\x00", b"\xf5\x82\x00"] {
            assert_eq!(read(body), damaged, "{body:?}");
        }
        assert_eq!(read(b"\xf6\x01a"), Err("ERR Pre-GA function format not supported".into()));
        assert_eq!(read(b"\xf5\x01a\x00"), Err("ERR given type is not a function".into()));
    }
}
