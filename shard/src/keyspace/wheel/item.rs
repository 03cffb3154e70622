//! What lies in the wheel, where, and whose it is.

/// A 48-bit non-zero token, such as the address of an entry. The wheel gives it no meaning.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Item(u64);

impl Item {
    /// A token in 1..2^48.
    pub fn new(token: u64) -> Item {
        debug_assert!(token != 0 && token >> 48 == 0, "a token has 48 bits and is not zero");
        Item(token)
    }

    /// The token.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Where an item is in the wheel: what its owner keeps, to cancel it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Position(u32);

impl Position {
    /// Not in the wheel. Raw: `u32::MAX`.
    pub const NONE: Position = Position(u32::MAX);

    /// The position as a number, to be stored.
    pub fn to_raw(self) -> u32 {
        self.0
    }

    /// The position that [`Position::to_raw`] made a number of.
    pub fn from_raw(raw: u32) -> Position {
        Position(raw)
    }

    pub(super) fn new(chunk: u32, place: usize) -> Position {
        Position(chunk << 6 | place as u32)
    }

    pub(super) fn chunk(self) -> u32 {
        self.0 >> 6
    }

    pub(super) fn place(self) -> usize {
        (self.0 & 63) as usize
    }
}

/// What the wheel asks of the owner of the items.
pub trait Owner {
    /// The deadline of the item as it is now: it may be later than the one it was armed for, and earlier down to
    /// [`Wheel::armed_for`](super::Wheel::armed_for). `i64::MAX` if it has none any more; the item then leaves the wheel.
    fn deadline(&self, item: Item) -> i64;

    /// The item now sits at `at` (`Position::NONE`: no longer in the wheel).
    fn moved(&mut self, item: Item, at: Position);
}
