//! Places between the entries of a sorted set.

use std::cmp::Ordering;

/// A place between entries.
#[derive(Clone, Copy, Debug)]
pub enum Edge<'a> {
    /// In front of all entries with this score, or behind them.
    Score {
        /// The score; not NaN.
        score: f64,
        /// Behind them.
        after: bool,
    },
    /// In front of this entry, whether or not it is there.
    Entry {
        /// The score; not NaN.
        score: f64,
        /// The member.
        member: &'a [u8],
    },
    /// Behind this entry, whether or not it is there.
    After {
        /// The score; not NaN.
        score: f64,
        /// The member.
        member: &'a [u8],
    },
    /// In front of this member or behind it, by members alone: for sets whose scores are all equal.
    Member {
        /// The member.
        member: &'a [u8],
        /// Behind it.
        after: bool,
    },
}

impl Edge<'_> {
    /// Whether an entry lies in front of the edge.
    #[inline]
    pub fn is_behind(&self, score: f64, member: &[u8]) -> bool {
        match *self {
            Edge::Score { score: edge, after } => score < edge || (after && score == edge),
            Edge::Entry { score: edge, member: at } => score < edge || (score == edge && member < at),
            Edge::After { score: edge, member: at } => score < edge || (score == edge && member <= at),
            Edge::Member { member: at, after } => match member.cmp(at) {
                Ordering::Less => true,
                Ordering::Equal => after,
                Ordering::Greater => false,
            },
        }
    }
}
