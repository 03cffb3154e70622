//! Several dictionaries at once: for the intersection and the difference of sets.
//!
//! All dictionaries have their items in the order of the same hashes, so to go through them side by side finds what they have
//! in common. Prefix and tag tell 16 bits of a hash at least, and six more of the 10,000 items of a middling set: nearly
//! always that is enough to know that a key is not there, without looking at a key or computing a hash.

use super::leaf::Leaf;
use super::{Dict, after, start};

/// How many times more leaves than its companion a dictionary may have to be walked through. In one that is larger a lookup
/// for each key costs less.
const RATIO: u32 = 16;

/// A place in a dictionary that only ever moves on.
struct Follower<'a> {
    dict: &'a Dict,
    /// The leaf under way, none where lookups are made instead.
    leaf: Option<&'a Leaf>,
    /// Where the leaf starts.
    start: u64,
    /// The bits of its prefix.
    depth: u32,
    /// The first hash behind it, 0 if there is none.
    end: u64,
    /// The first item in it that may still be asked for.
    at: usize,
}

impl Dict {
    /// Visits the keys that all `others` have (`there`), or none of them (not `there`), in the order of scans, until `visit`
    /// answers false. O(length * number of `others`).
    pub fn sift<'a>(&'a self, others: &[&'a Dict], there: bool, mut visit: impl FnMut(&'a [u8]) -> bool) {
        if self.len == 0 {
            return;
        }
        let mut followers: Vec<_> = others.iter().map(|other| Follower::new(other, self)).collect();
        let mut position = 0;
        loop {
            let (number, depth) = self.locate(position);
            let leaf = self.leaf(number);
            for at in 0..leaf.len() {
                let hash = position | u64::from(leaf.tag(at)) << (48 - depth);
                let visited = followers.iter_mut().all(|follower| follower.has(hash, depth, leaf, at) == there);
                if visited && !visit(leaf.item(at).0) {
                    return;
                }
            }
            match after(position, depth) {
                Some(next) => position = next,
                None => return,
            }
        }
    }
}

impl<'a> Follower<'a> {
    /// A place at the start of `dict`, for the keys of `leader`, which is not empty.
    fn new(dict: &'a Dict, leader: &Dict) -> Follower<'a> {
        // Then a prefix has some bits more than that of the leader, and never more than that and the tag: all that the leader
        // tells of a hash is in one leaf.
        let walks = dict.len > 0 && dict.leaves / RATIO <= leader.leaves;
        let mut follower = Follower { dict, leaf: None, start: 0, depth: 0, end: 0, at: 0 };
        if walks {
            follower.enter(0);
        }
        follower
    }

    /// Goes to the leaf that has `hash`.
    #[inline]
    fn enter(&mut self, hash: u64) {
        let (number, depth) = self.dict.locate(hash);
        self.leaf = Some(self.dict.leaf(number));
        self.start = start(hash, depth);
        self.depth = depth;
        self.end = after(hash, depth).unwrap_or(0);
        self.at = 0;
    }

    /// Whether the dictionary has the key of an item of the leader, whose prefix has `depth` bits, and whose `hash` is known
    /// up to the tag. Called with rising hashes.
    #[inline]
    fn has(&mut self, hash: u64, depth: u32, from: &Leaf, item: usize) -> bool {
        let Some(mut leaf) = self.leaf else { return self.dict.contains(from.item(item).0) };
        if self.end != 0 && hash >= self.end {
            self.enter(hash);
            let Some(entered) = self.leaf else { return false };
            leaf = entered;
        }
        // In the bits of a tag of this leaf, as many of them as the leader knows.
        let tag = ((hash - self.start) << self.depth >> 48) as u16;
        let known = !0u16 << self.depth.saturating_sub(depth).min(15);
        let len = leaf.len();
        let mut at = self.at;
        while at < len && leaf.tag(at) & known < tag {
            at += 1;
        }
        self.at = at;
        while at < len && leaf.tag(at) & known == tag {
            if leaf.item(at).0 == from.item(item).0 {
                return true;
            }
            at += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HASH, HASHES};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Dictionaries of each so many keys, from these numbers on.
    fn dict_of(from: u32, count: u32) -> (Dict, BTreeSet<Vec<u8>>) {
        let keys: BTreeSet<Vec<u8>> = (from..from + count).map(|n| format!("key {n}").into_bytes()).collect();
        let mut dict = Dict::new();
        keys.iter().for_each(|key| assert!(dict.insert(key, b"")));
        (dict, keys)
    }

    fn compare(sizes: &[(u32, u32)]) {
        let made: Vec<_> = sizes.iter().map(|(from, count)| dict_of(*from, *count)).collect();
        let others: Vec<&Dict> = made[1..].iter().map(|(dict, _)| dict).collect();
        for there in [true, false] {
            let kept = |key: &&Vec<u8>| made[1..].iter().all(|(_, keys)| keys.contains(*key) == there);
            let expected: BTreeSet<Vec<u8>> = made[0].1.iter().filter(kept).cloned().collect();
            let mut found = BTreeSet::new();
            made[0].0.sift(&others, there, |key| {
                assert!(found.insert(key.to_vec()), "no key twice");
                true
            });
            assert_eq!(found, expected, "{sizes:?}, {there}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn finds_what_sets_find(
            sizes in prop::collection::vec((0..3000u32, prop_oneof![0..60u32, 0..4000u32]), 1..4),
            hashes in 0..2usize,
        ) {
            HASH.set(Some(HASHES[hashes]));
            compare(&sizes);
        }
    }

    #[test]
    fn sizes_that_differ_much() {
        HASH.set(Some(HASHES[0]));
        for sizes in [[(0, 1), (0, 40_000)], [(0, 40_000), (7, 1)], [(10, 2000), (0, 60_000)], [(0, 60_000), (10, 900)]]
        {
            compare(&sizes);
        }
    }

    #[test]
    fn equal_hashes() {
        HASH.set(Some(HASHES[3]));
        compare(&[(0, 300), (200, 300), (100, 250)]);
    }

    #[test]
    fn ends_when_it_is_told_to() {
        let ((one, _), (two, _)) = (dict_of(0, 500), dict_of(0, 500));
        let mut left = 3;
        one.sift(&[&two], true, |_| {
            left -= 1;
            left > 0
        });
        assert_eq!(left, 0);
    }
}
