//! The table against models. Hashes are chosen by the tests, so that bad ones can be had.

use super::super::entry::{Content, Shape};
use super::super::slab::Slab;
use super::super::{Hasher, test_scale};
use super::*;
use crate::value::kind::Type;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// A table with the slab of its entries; keys are numbers.
struct Fixture {
    table: Table,
    slab: Slab,
    hash: fn(&Hasher, u64) -> u64,
    hasher: Hasher,
}

fn good(hasher: &Hasher, key: u64) -> u64 {
    hasher.hash(&key.to_le_bytes())
}

fn all_equal(_: &Hasher, _: u64) -> u64 {
    0xFFFF_FFFF_0123_4567
}

/// Eight bits at the top that differ, and some at the bottom that no tag ever reaches.
fn few_values(hasher: &Hasher, key: u64) -> u64 {
    good(hasher, key) & 0xFF00_0000_0000_00FF
}

/// Long common prefixes: half of the keys share 24 bits.
fn skewed(hasher: &Hasher, key: u64) -> u64 {
    let hash = good(hasher, key);
    if key.is_multiple_of(2) { hash } else { hash >> 24 | 0xABCD_EF00_0000_0000 & !(u64::MAX >> 24) }
}

fn decode(key: &[u8]) -> u64 {
    key.try_into().map_or(0, u64::from_le_bytes)
}

impl Fixture {
    fn new(hash: fn(&Hasher, u64) -> u64) -> Self {
        Fixture { table: Table::new(), slab: Slab::new(), hash, hasher: Hasher::new(7) }
    }

    fn hash(&self, key: u64) -> u64 {
        (self.hash)(&self.hasher, key)
    }

    fn get(&self, key: u64) -> Option<i64> {
        let (_, block) = self.table.find(self.hash(key), &key.to_le_bytes())?;
        match block.value() {
            crate::keyspace::Value::Int(number) => Some(number),
            _ => None,
        }
    }

    fn put(&mut self, key: u64, value: i64) {
        let bytes = key.to_le_bytes();
        let shape = Shape::new(8, 8, false);
        let block = Block::write(self.slab.alloc(shape.size()), shape, Type::String, 0, &bytes, Content::Int(value), 0);
        let hash = self.hash(key);
        if let Some((place, old)) = self.table.find(hash, &bytes) {
            self.table.replace(place, block);
            self.slab.free(old.pointer(), old.size());
        } else {
            let (function, hasher) = (self.hash, &self.hasher);
            self.table.insert(hash, block, |key| function(hasher, decode(key)));
        }
    }

    fn remove(&mut self, key: u64) -> bool {
        let hash = self.hash(key);
        let Some((place, block)) = self.table.find(hash, &key.to_le_bytes()) else { return false };
        self.table.remove(hash, place);
        self.slab.free(block.pointer(), block.size());
        true
    }

    /// All invariants of the module's head.
    fn check(&self) {
        let table = &self.table;
        assert_eq!(table.directory.len(), 1 << table.depth);
        let (mut len, mut bytes) = (0, 0);
        let mut at_depth = [0u32; DEPTH_MAX as usize + 1];
        let mut index = 0;
        while index < table.directory.len() {
            let element = Element(table.directory[index]);
            let (depth, segment) = (element.depth(), element.segment());
            let count = 1usize << (table.depth - depth);
            assert!(table.directory[index..index + count].iter().all(|e| *e == element.0));
            assert_eq!(index % count, 0);
            assert_eq!((segment.cap(), u32::from(segment.head().depth)), (element.cap(), depth));
            let slots = segment.slots();
            assert_eq!(slots[slots.len() - 1], 0);
            assert_eq!(segment.words().count(), segment.len());
            assert!(segment.len() * 8 <= element.cap() as usize * 7);
            assert!(segment.words().is_sorted_by_key(|word| word >> 48));
            for (i, word) in slots.iter().enumerate().filter(|(_, word)| **word != 0) {
                let hash = self.hash(decode(Block::from_address(word & ADDRESS).key()));
                assert_eq!(tag_at(hash, depth), word >> 48);
                assert_eq!((hash >> 1 >> (63 - table.depth)) as usize / count, index / count);
                let home = home(word >> 48, element.cap());
                assert!(home <= i && slots[home..i].iter().all(|word| *word != 0));
            }
            len += segment.len();
            bytes += segment_layout(slots.len()).size();
            at_depth[depth as usize] += 1;
            index += count;
        }
        assert_eq!((len, bytes, at_depth), (table.len, table.segment_bytes, table.at_depth));
        assert_eq!(table.iter().count(), len);
    }
}

/// One step on a run of keys, so that few steps make a table grow and shrink far.
#[derive(Clone, Debug)]
enum Step {
    Put(u64, usize),
    Remove(u64, usize),
    Scan(usize),
}

fn steps(keys: u64, run: usize, count: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            (0..keys, 0..run).prop_map(|(key, run)| Step::Put(key, run)),
            (0..keys, 0..run).prop_map(|(key, run)| Step::Remove(key, run)),
            (1usize..200).prop_map(Step::Scan),
        ],
        1..count,
    )
}

/// Runs the steps on table and model; scans one after the other and checks their promise.
fn run(hash: fn(&Hasher, u64) -> u64, steps: Vec<Step>) {
    let mut fixture = Fixture::new(hash);
    let mut model: HashMap<u64, i64> = HashMap::new();
    let mut cursor = 0;
    // Keys there since the scan began, and those it has returned.
    let mut whole: HashSet<u64> = HashSet::new();
    let mut seen: HashSet<u64> = HashSet::new();
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Step::Put(from, run) => {
                for key in from..from + run as u64 {
                    fixture.put(key, i as i64);
                    model.insert(key, i as i64);
                }
            }
            Step::Remove(from, run) => {
                for key in from..from + run as u64 {
                    assert_eq!(fixture.remove(key), model.remove(&key).is_some());
                    whole.remove(&key);
                }
            }
            Step::Scan(count) => {
                if cursor == 0 {
                    whole = model.keys().copied().collect();
                    seen.clear();
                }
                let next = fixture.table.scan(cursor, count, &mut |entry| {
                    seen.insert(decode(entry.key()));
                });
                assert!(next == 0 || next > cursor && next >> CURSOR_BITS == 0);
                cursor = next;
                if cursor == 0 {
                    assert!(whole.is_subset(&seen));
                }
            }
        }
        fixture.check();
        assert_eq!(fixture.table.len(), model.len());
    }
    for (key, value) in &model {
        assert_eq!(fixture.get(*key), Some(*value));
    }
    for key in model.keys() {
        assert!(fixture.remove(*key));
    }
    fixture.check();
    assert_eq!(fixture.table.len(), 0);
    assert!(fixture.table.depth <= 1 && fixture.slab.used() == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(test_scale(48) as u32))]

    #[test]
    fn is_a_map_and_scans_keep_their_promise(steps in steps(3000, 1500, 60)) {
        run(good, steps);
    }

    #[test]
    fn small_tables_too(steps in steps(40, 8, 200)) {
        run(good, steps);
    }

    #[test]
    fn skewed_hashes_too(steps in steps(3000, 1500, 30)) {
        run(skewed, steps);
    }

    #[test]
    fn few_hash_values_too(steps in steps(2000, 800, 12)) {
        run(few_values, steps);
    }

    #[test]
    fn equal_hashes_too(steps in steps(300, 150, 20)) {
        run(all_equal, steps);
    }
}

#[test]
fn equal_hashes_neither_split_for_ever_nor_take_much_memory() {
    let mut fixture = Fixture::new(all_equal);
    let count = test_scale(3000) as u64;
    for key in 0..count {
        fixture.put(key, key as i64);
    }
    fixture.check();
    assert!(fixture.table.depth <= 7, "depth {}", fixture.table.depth);
    assert!(fixture.table.bytes() < 40 * count as usize + 8192, "{}", fixture.table.bytes());
    // One tag is one step of a scan, however many entries it has.
    let mut seen = 0;
    assert_eq!(fixture.table.scan(0, count as usize, &mut |_| seen += 1), 0);
    assert_eq!(seen, count);
    for key in 0..count {
        assert!(fixture.remove(key));
    }
    fixture.check();
}

#[test]
fn a_scan_step_is_bounded_in_sparse_tables() {
    let mut fixture = Fixture::new(good);
    let count = test_scale(100_000) as u64;
    for key in 0..count {
        fixture.put(key, 0);
    }
    for key in 3..count {
        fixture.remove(key);
    }
    fixture.check();
    let (mut cursor, mut seen) = (0, 0);
    loop {
        cursor = fixture.table.scan(cursor, 1, &mut |_| seen += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, 3);
    assert!(fixture.table.bytes() < 1000, "{} bytes left", fixture.table.bytes());
}

#[test]
fn scan_returns_each_once_when_nothing_changes() {
    let mut fixture = Fixture::new(good);
    let count = test_scale(20_000) as u64;
    for key in 0..count {
        fixture.put(key, 0);
    }
    for step in [1, 10, 1000] {
        let mut seen = Vec::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            let before = seen.len();
            cursor = fixture.table.scan(cursor, step, &mut |entry| seen.push(decode(entry.key())));
            assert!(seen.len() - before <= step + 8, "{} at once", seen.len() - before);
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        assert!(calls <= count as usize / step + 1 + count as usize / 8, "{calls} calls");
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..count), "step {step}");
    }
}

#[test]
fn random_reaches_all_about_equally() {
    let mut fixture = Fixture::new(good);
    assert!(fixture.table.random(1).is_none());
    for key in 0..200 {
        fixture.put(key, 0);
    }
    let mut counts = [0; 200];
    for r in 0..20_000u64 {
        let Some(entry) = fixture.table.random(r.wrapping_mul(0x9E37_79B9_7F4A_7C15)) else { panic!("not empty") };
        counts[decode(entry.key()) as usize] += 1;
    }
    assert!(counts.iter().all(|n| (40..250).contains(n)), "{counts:?}");
}

#[test]
fn prefetching_changes_nothing() {
    let mut fixture = Fixture::new(good);
    for key in 0..1000 {
        fixture.put(key, key as i64);
    }
    for key in 0..2000 {
        fixture.table.prefetch_slot(fixture.hash(key));
        fixture.table.prefetch_entry(fixture.hash(key));
        assert_eq!(fixture.get(key), (key < 1000).then_some(key as i64));
    }
}
