//! Buckets: their numbers, the labels of their chunks, and those that are set aside.

pub(super) const LEVELS: usize = 6;
pub(super) const SLOTS: usize = 512;
/// The bucket of items armed for a time that the wheel has passed, behind those of the levels.
pub(super) const OVERDUE: u16 = (LEVELS * SLOTS) as u16;
/// A bucket with more items than this has others served beside it: about half a millisecond of expiries.
pub(super) const HUGE: u32 = 512;

/// The slot of a bucket.
#[inline]
pub(super) fn bucket(level: usize, index: i64) -> u16 {
    (level * SLOTS) as u16 | (index & (SLOTS as i64 - 1)) as u16
}

/// The part of a label that names the slot, or `OVERDUE`; above it is the generation.
pub(super) const SLOT_BITS: u32 = 12;
pub(super) const SLOT_MASK: u16 = (1 << SLOT_BITS) - 1;
pub(super) const GENERATIONS: u16 = 1 << (16 - SLOT_BITS);
const _: () = assert!(OVERDUE <= SLOT_MASK);
/// By how many steps the ticks may be ahead of what waits.
pub(super) const TURN: u32 = 256;
/// The most buckets that are set aside. With so many, the next huge tick is served in its order.
pub(super) const ASIDE_MAX: usize = 64;

/// A bucket that is past and not empty.
pub(super) struct Aside {
    /// The end of its time.
    pub(super) end: i64,
    pub(super) level: usize,
    /// What its chunks call it.
    pub(super) label: u16,
    pub(super) tail: u32,
    pub(super) count: u32,
}

impl Aside {
    /// No item in it was armed for a time before this.
    pub(super) fn begin(&self) -> i64 {
        self.end - self.span()
    }

    pub(super) fn span(&self) -> i64 {
        1 << (8 * self.level)
    }
}

/// Where a chunk belongs.
pub(super) enum Home {
    Aside(usize),
    Slot(u16),
}
