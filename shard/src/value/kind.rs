//! The types of values.

/// What kind of value a key holds; the numbers are the order of Redis's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// Bytes or an integer.
    String = 0,
    /// A list.
    List = 1,
    /// A set.
    Set = 2,
    /// A sorted set.
    ZSet = 3,
    /// A hash.
    Hash = 4,
    /// A stream.
    Stream = 5,
}

impl Type {
    /// The type with this number; what is no number of a type is a stream.
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Type {
        match bits {
            0 => Type::String,
            1 => Type::List,
            2 => Type::Set,
            3 => Type::ZSet,
            4 => Type::Hash,
            _ => Type::Stream,
        }
    }
}
