//! Hash slots, as in the Redis cluster specification.
//!
//! A key's slot is the CRC16 (polynomial 0x1021, initial value 0, nothing reflected: the variant called XMODEM) of its hash
//! tag, or of the whole key where it has none, modulo 16384. The same function spreads keys over shards outside cluster mode,
//! so it is on the path of every command and takes eight bytes at a time.

/// How many slots there are.
pub const SLOTS: u16 = 16384;

/// The slot of a key, 0 to 16383. Linear in the length of the key or of its tag.
#[inline]
pub fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// The part of a key that decides its slot: what stands between the first `{` and the first `}` after it, unless that is
/// nothing, or one of the two is missing; then it is the whole key.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else {
        return key;
    };
    let after = &key[open + 1..];
    match after.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(len) => &after[..len],
    }
}

/// CRC16/XMODEM of some bytes.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let (blocks, rest) = bytes.as_chunks::<8>();
    let mut crc = 0u16;
    for block in blocks {
        // The register overlaps the first two bytes only, so that the other six look-ups do not wait for the last round.
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[7][usize::from(block[0] ^ high)]
            ^ TABLES[6][usize::from(block[1] ^ low)]
            ^ TABLES[5][usize::from(block[2])]
            ^ TABLES[4][usize::from(block[3])]
            ^ TABLES[3][usize::from(block[4])]
            ^ TABLES[2][usize::from(block[5])]
            ^ TABLES[1][usize::from(block[6])]
            ^ TABLES[0][usize::from(block[7])];
    }
    for &byte in rest {
        crc = (crc << 8) ^ TABLES[0][usize::from((crc >> 8) as u8 ^ byte)];
    }
    crc
}

/// `TABLES[n][b]` is the CRC of the byte `b` followed by `n` zero bytes: 4 KiB, made by the compiler.
static TABLES: [[u16; 256]; 8] = tables();

const POLYNOMIAL: u16 = 0x1021;

const fn tables() -> [[u16; 256]; 8] {
    let mut tables = [[0u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut zeros = 0;
        while zeros < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
                bit += 1;
            }
            tables[zeros][byte] = crc;
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vector_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    /// What CLUSTER KEYSLOT of Redis 8.0.6 answers.
    #[test]
    fn slots_of_the_reference() {
        for (key, expected) in REFERENCE {
            assert_eq!(slot(key), *expected, "{}", key.escape_ascii());
        }
    }

    const REFERENCE: &[(&[u8], u16)] = &[
        (b"", 0),
        (b"a", 15495),
        (b"foo", 12182),
        (b"123456789", 12739),
        (b"foo{bar}", 5061),
        (b"{bar}", 5061),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", 4015),
        (b"}{x}", 16287),
        (b"{", 4092),
        (b"user:1000", 1649),
        (b"{user1000}.following", 3443),
        (b"a\x00b", 8383),
        (b"\xff\x80{\xfe}", 3793),
        (b"0123456789abcdef0123456789abcdef!", 14568),
    ];

    #[test]
    fn tags() {
        for (key, tag) in [
            ("plain", "plain"),
            ("", ""),
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("foo{bar", "foo{bar"),
            ("}foo{bar}", "bar"),
            ("{", "{"),
            ("a}b{", "a}b{"),
        ] {
            assert_eq!(hash_tag(key.as_bytes()), tag.as_bytes(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn eight_at_a_time_is_as_bit_by_bit(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            let mut crc = 0u16;
            for &byte in &bytes {
                crc ^= u16::from(byte) << 8;
                for _ in 0..8 {
                    crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
                }
            }
            prop_assert_eq!(crc16(&bytes), crc);
        }
    }
}
