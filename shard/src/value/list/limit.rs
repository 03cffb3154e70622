//! How large a node may get: `list-max-listpack-size`, with the arithmetic of Redis's quicklist.

use super::node::Node;

/// The bytes of a node that is limited by its elements only; and the longest element that shares a node then.
const SAFE_BYTES: usize = 8192;

/// What Redis adds for an element's encoding when it guesses its size.
const OVERHEAD: usize = 8;

/// The limit of a node.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    bytes: usize,
    count: usize,
    /// Whether `count` is what was configured, rather than `bytes`.
    by_count: bool,
}

impl Limit {
    /// The limit that `list-max-listpack-size` says: elements of a node (0 counts as 1), or -1 to -5 for 4, 8, 16, 32, 64 KiB
    /// (as is -5 what is below).
    pub fn of(list_size: i32) -> Limit {
        match usize::try_from(list_size) {
            Ok(count) => Limit { bytes: SAFE_BYTES, count: count.max(1), by_count: true },
            Err(_) => {
                let level = list_size.unsigned_abs().min(5);
                Limit { bytes: 2048 << level, count: usize::MAX, by_count: false }
            }
        }
    }

    /// The bytes of a node, as Redis counts them.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    /// The bytes that a node's sequence takes when it is full (three less than Redis counts for it); if they are not known,
    /// more than there are.
    pub(super) fn full_bytes(self) -> usize {
        if self.by_count { usize::MAX } else { self.bytes - 3 }
    }

    /// Whether so many bytes and elements are too much for one node.
    pub(super) fn exceeds(self, bytes: usize, count: usize) -> bool {
        bytes > self.bytes || count > self.count
    }

    /// Whether a node of so many bytes and elements is so small that a list of it alone is kept packed again.
    pub(super) fn is_half(self, bytes: usize, count: usize) -> bool {
        if self.by_count { count <= self.count / 2 } else { bytes <= self.bytes / 2 }
    }

    /// Whether an element of this length gets a node of its own.
    pub(super) fn is_large(self, len: usize) -> bool {
        len > self.bytes
    }

    /// Whether an element of this length, not large, may be added to a node.
    pub(super) fn admits(self, node: Option<&Node>, len: usize) -> bool {
        node.is_some_and(|node| !node.is_plain() && !self.exceeds(node.size() + len + OVERHEAD, node.count() + 1))
    }

    /// Whether two nodes may be merged.
    pub(super) fn admits_both(self, one: &Node, two: &Node) -> bool {
        // One frame less, which is 7 bytes in Redis.
        let bytes = (one.size() + two.size()).saturating_sub(7);
        !one.is_plain() && !two.is_plain() && !self.exceeds(bytes, one.count() + two.count())
    }

    /// Whether two nodes together are half a node at most.
    pub(super) fn admits_small(self, one: &Node, two: &Node) -> bool {
        let (bytes, count) = (one.size() + two.size(), one.count() + two.count());
        !one.is_plain() && !two.is_plain() && bytes <= self.bytes / 2 && count <= self.count / 2
    }
}
