//! Dense registers: 6 bits each, the lowest bits of a byte first; so four of them in three bytes.

/// The rank of a register.
pub fn rank(registers: &[u8], index: usize) -> u8 {
    let (byte, bit) = (index * 6 / 8, index * 6 % 8);
    let low = u16::from(registers.get(byte).copied().unwrap_or(0));
    let high = u16::from(registers.get(byte + 1).copied().unwrap_or(0));
    ((high << 8 | low) >> bit) as u8 & 63
}

/// Raises a register to `rank`; true if it was lower. O(1).
pub fn raise(registers: &mut [u8], index: usize, rank: u8) -> bool {
    if self::rank(registers, index) >= rank {
        return false;
    }
    let (byte, bit) = (index * 6 / 8, index * 6 % 8);
    let (mask, bits) = (63u16 << bit, u16::from(rank) << bit);
    for (offset, shift) in [(0, 0), (1, 8)] {
        if let Some(byte) = registers.get_mut(byte + offset) {
            *byte = *byte & !((mask >> shift) as u8) | (bits >> shift) as u8;
        }
    }
    true
}

/// The ranks of all registers in order.
pub fn ranks(registers: &[u8]) -> impl Iterator<Item = u8> {
    registers
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|&[a, b, c]| [a & 63, a >> 6 | (b & 15) << 2, b >> 4 | (c & 3) << 4, c >> 2])
}

/// Appends registers of these ranks, a multiple of four of them, each below 64.
pub fn pack(out: &mut Vec<u8>, ranks: &[u8]) {
    let groups = ranks.as_chunks::<4>().0.iter();
    out.extend(groups.flat_map(|&[a, b, c, d]| [a | b << 6, b >> 2 | c << 4, c >> 4 | d << 2]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_apart() {
        let mut registers = vec![0; 12];
        let mut model = [0u8; 16];
        for step in 0..2000usize {
            let (index, value) = (step * 7 % 16, (step * 31 % 64) as u8);
            assert_eq!(raise(&mut registers, index, value), model[index] < value);
            model[index] = model[index].max(value);
            assert!(ranks(&registers).eq(model));
            (0..16).for_each(|index| assert_eq!(rank(&registers, index), model[index]));
            let mut packed = Vec::new();
            pack(&mut packed, &model);
            assert_eq!(packed, registers);
            if step % 100 == 99 {
                model = [0; 16];
                registers.fill(0);
            }
        }
    }
}
