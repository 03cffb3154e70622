//! What a HyperLogLog is made of: see the family's module.

/// Bits of the hash that choose a register.
pub(super) const INDEX_BITS: u32 = 14;

pub(super) const MAGIC: &[u8] = b"HYLL";

pub(super) const ENCODING_AT: usize = 4;

pub(super) const COUNT_AT: usize = 8;

/// Registers of a HyperLogLog.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bytes in front of the registers.
pub const HEADER: usize = 16;

/// Bytes of a dense one.
pub const DENSE_BYTES: usize = HEADER + REGISTERS * 6 / 8;

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 6 bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// The runs of a sparse one do not make up all registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

/// The encoding of a string that is a HyperLogLog by its header and length; None for any other string.
pub fn encoding(bytes: &[u8]) -> Option<Encoding> {
    if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes[ENCODING_AT] {
        0 if bytes.len() == DENSE_BYTES => Some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}
