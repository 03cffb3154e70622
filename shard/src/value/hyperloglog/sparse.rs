//! Sparse registers: runs of equal ones.
//!
//! | bytes | meaning |
//! |---|---|
//! | `00xxxxxx` | x + 1 registers at 0 |
//! | `01xxxxxx yyyyyyyy` | xy + 1 registers at 0 |
//! | `1vvvvvxx` | x + 1 registers at v + 1 |
//!
//! A change splits a run and then joins a few neighbours. Which ones is visible in the bytes, so it is done exactly as in
//! Redis's `hllSparseSet`.

use super::layout::{Corrupted, HEADER};

/// The longest run of zeros that takes one byte.
const SHORT_ZEROS_MAX: usize = 64;
/// The longest run of another rank.
const RUN_MAX: usize = 4;
/// The highest rank that a run can have; others need dense registers.
const RANK_MAX: u8 = 32;

/// Registers of the same rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// 0 to 32.
    pub rank: u8,
    /// Registers, 1 to 16384.
    pub len: usize,
    /// Bytes that it takes.
    pub size: usize,
}

/// The run that starts here.
fn run(at: &[u8]) -> Option<Run> {
    let first = *at.first()?;
    Some(match first >> 6 {
        0 => Run { rank: 0, len: usize::from(first) + 1, size: 1 },
        // A second byte that is missing counts as 0, the NUL behind every string of Redis.
        1 => {
            let low = usize::from(at.get(1).copied().unwrap_or(0));
            Run { rank: 0, len: (usize::from(first & 0x3f) << 8 | low) + 1, size: 2 }
        }
        _ => Run { rank: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, size: 1 },
    })
}

/// The runs of sparse registers in order.
pub fn runs(mut registers: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = run(registers)?;
        registers = registers.get(run.size..).unwrap_or_default();
        Some(run)
    })
}

/// Appends a run of zeros, 1 to 16384.
pub(super) fn push_zeros(out: &mut Vec<u8>, len: usize) {
    if len > SHORT_ZEROS_MAX {
        out.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]);
    } else {
        out.push((len - 1) as u8);
    }
}

/// A run of a rank of 1 to 32, of up to four registers.
fn ranked(rank: u8, len: usize) -> u8 {
    0x80 | (rank - 1) << 2 | (len - 1) as u8
}

/// Raises a register to `rank`; true if it was lower. None, and nothing done, if that does not fit in `bytes_max` bytes, or in no
/// run. O(length).
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, rank: u8, bytes_max: usize) -> Result<Option<bool>, Corrupted> {
    if rank > RANK_MAX {
        return Ok(None);
    }
    // The run of this register, and the one in front of it.
    let (mut at, mut first, mut before) = (HEADER, 0, None);
    let found = loop {
        let run = bytes.get(at..).and_then(run).ok_or(Corrupted)?;
        if index < first + run.len {
            break run;
        }
        before = Some(at);
        at += run.size;
        first += run.len;
    };
    if found.rank >= rank {
        return Ok(Some(false));
    }
    if at + found.size > bytes.len() {
        return Err(Corrupted);
    }
    if found.len == 1 && found.size == 1 {
        bytes[at] = ranked(rank, 1);
    } else {
        let mut split = Vec::with_capacity(5);
        let push = |split: &mut Vec<u8>, len: usize| match (len, found.rank) {
            (0, _) => {}
            (len, 0) => push_zeros(split, len),
            (len, rank) => split.push(ranked(rank, len)),
        };
        push(&mut split, index - first);
        split.push(ranked(rank, 1));
        push(&mut split, first + found.len - 1 - index);
        if split.len() > found.size && bytes.len() + split.len() - found.size > bytes_max {
            return Ok(None);
        }
        bytes.splice(at..at + found.size, split);
    }
    join(bytes, before.unwrap_or(HEADER));
    Ok(Some(true))
}

/// Joins runs of the same rank among the five that start at `at`.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some(one) = bytes.get(at..).and_then(run) else { return };
        if one.rank > 0
            && let Some(next) = bytes.get(at + 1..).and_then(run)
            && next.rank == one.rank
            && one.len + next.len <= RUN_MAX
        {
            bytes[at + 1] = ranked(one.rank, one.len + next.len);
            bytes.remove(at);
            continue;
        }
        at += one.size;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, REGISTERS, create, dense, encoding, set};
    use super::*;

    /// As PFDEBUG DECODE shows it.
    fn shown(bytes: &[u8]) -> String {
        let show = |run: Run| match run {
            Run { rank: 0, len, size: 1 } => format!("z:{len}"),
            Run { rank: 0, len, .. } => format!("Z:{len}"),
            Run { rank, len, .. } => format!("v:{rank},{len}"),
        };
        runs(&bytes[HEADER..]).map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_are_split_and_joined() {
        let mut bytes = create();
        let steps = [
            (100, 3, "Z:100 v:3,1 Z:16283"),
            (101, 3, "Z:100 v:3,2 Z:16282"),
            (103, 3, "Z:100 v:3,2 z:1 v:3,1 Z:16280"),
            (102, 3, "Z:100 v:3,4 Z:16280"),
            (104, 3, "Z:100 v:3,4 v:3,1 Z:16279"),
            (101, 5, "Z:100 v:3,1 v:5,1 v:3,3 Z:16279"),
            (0, 1, "v:1,1 Z:99 v:3,1 v:5,1 v:3,3 Z:16279"),
            (50, 32, "v:1,1 z:49 v:32,1 z:49 v:3,1 v:5,1 v:3,3 Z:16279"),
            (REGISTERS - 1, 1, "v:1,1 z:49 v:32,1 z:49 v:3,1 v:5,1 v:3,3 Z:16278 v:1,1"),
        ];
        for (index, rank, expected) in steps {
            assert_eq!(raise(&mut bytes, index, rank, 3000), Ok(Some(true)));
            assert_eq!(shown(&bytes), expected);
            assert_eq!(raise(&mut bytes, index, rank, 3000), Ok(Some(false)));
        }
    }

    #[test]
    fn what_does_not_fit_becomes_dense() {
        for (rank, max) in [(33, 3000), (1, 19)] {
            let mut bytes = create();
            assert_eq!(raise(&mut bytes, 7, rank, max), Ok(None));
            assert_eq!(bytes, create(), "nothing was done");
            assert_eq!(set(&mut bytes, 7, rank, max), Ok(true));
            assert_eq!(encoding(&bytes), Some(Encoding::Dense));
            assert_eq!(dense::rank(&bytes[HEADER..], 7), rank);
        }
        let mut bytes = create();
        assert_eq!(raise(&mut bytes, 0, 1, 19), Ok(Some(true)));
        assert_eq!(shown(&bytes), "v:1,1 Z:16383");
    }
}
