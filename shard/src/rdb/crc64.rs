//! CRC-64 as Redis has it: Jones' polynomial, reflected, from zero.

/// The polynomial, reflected.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

/// `TABLES[0]` takes one byte further; `TABLES[n]` that and n zero bytes: so eight bytes are taken in one step.
static TABLES: [[u64; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut sum = index as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][index] = sum;
        index += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut index = 0;
        while index < 256 {
            let sum = tables[zeros - 1][index];
            tables[zeros][index] = sum >> 8 ^ tables[0][(sum & 0xff) as usize];
            index += 1;
        }
        zeros += 1;
    }
    tables
};

/// The sum of some bytes that follow others, whose sum is `sum` (0 for none). O(n).
pub fn update(mut sum: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let parts = (sum ^ u64::from_le_bytes(*word)).to_le_bytes();
        sum = parts.iter().zip(TABLES.iter().rev()).fold(0, |sum, (part, table)| sum ^ table[usize::from(*part)]);
    }
    rest.iter().fold(sum, |sum, byte| sum >> 8 ^ TABLES[0][usize::from(sum as u8 ^ byte)])
}

/// The sum of some bytes. O(n).
pub fn crc64(bytes: &[u8]) -> u64 {
    update(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_redis() {
        // From Redis's own test of its CRC.
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_come() {
        let bytes: Vec<u8> = (0..1000u32).map(|at| (at * 7 + at / 3) as u8).collect();
        let one_by_one = bytes.iter().fold(0, |sum, byte| update(sum, &[*byte]));
        assert_eq!(crc64(&bytes), one_by_one);
        assert_eq!(update(crc64(&bytes[..333]), &bytes[333..]), one_by_one);
    }
}
