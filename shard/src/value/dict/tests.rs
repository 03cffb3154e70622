use super::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// A hash function.
type HashFn = fn(&[u8]) -> u64;

thread_local! {
    /// What stands for the keyed hash in a test of this thread.
    pub(super) static HASH: Cell<Option<HashFn>> = const { Cell::new(None) };
    /// Bytes moved within and between leaves.
    pub(super) static MOVED: Cell<usize> = const { Cell::new(0) };
}

/// A good hash that is the same in every run.
fn fixed(key: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::quality::FixedState::with_seed(7).build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// How tests hash: as usual; with 64 hashes, spread over the whole space; with 64 that differ in bits below the tag of any
/// small dictionary; all alike.
pub(super) const HASHES: [HashFn; 4] =
    [fixed, |key| fixed(key) & 0x3F << 58, |key| fixed(key) & 0x3F << 30 | 0xABCD << 48, |_| 0x1234_5678_9ABC_DEF0];

/// Panics unless the invariants at the head of the module hold.
fn check(dict: &Dict) {
    let places: Vec<&Leaf> = dict.chunks.iter().flatten().collect();
    let first = dict.leaves as usize;
    let empty = if first == 0 { 0 } else { dict.place(first) };
    let leaves = &places[empty..];
    assert_eq!(leaves.len(), first);
    assert!(empty < CHUNK && places[..empty].iter().all(|leaf| leaf.len() == 0 && leaf.capacity() == 0));
    let mut keys = HashSet::new();
    for (number, leaf) in leaves.iter().enumerate() {
        leaf.check();
        assert!(dict.leaves == 1 || leaf.len() <= dict.widest as usize);
        for at in 0..leaf.len() {
            let (key, _) = leaf.item(at);
            let depth = (first + number).ilog2();
            assert_eq!(dict.locate(hash(key)), (first + number, depth));
            assert_eq!(leaf.tag(at), tag_at(hash(key), depth));
            assert!(keys.insert(key), "no key is twice there");
        }
    }
    assert_eq!(keys.len(), dict.len());
    assert_eq!(leaves.iter().map(|leaf| leaf.capacity()).sum::<usize>(), dict.leaf_bytes);
    assert_eq!(leaves.iter().map(|leaf| leaf.outside_bytes()).sum::<usize>(), dict.outside_bytes);
    assert!(dict.chunks.iter().rev().skip(1).all(|chunk| chunk.len() == CHUNK));
    let chunks: usize = dict.chunks.iter().map(|chunk| chunk.capacity() * size_of::<Leaf>()).sum();
    let list = dict.chunks.capacity() * size_of::<Vec<Leaf>>();
    assert_eq!(dict.heap_bytes(), list + chunks + dict.leaf_bytes + dict.outside_bytes);
}

fn same(dict: &Dict, model: &HashMap<Vec<u8>, Vec<u8>>) {
    check(dict);
    assert_eq!(dict.len(), model.len());
    assert_eq!(dict.is_empty(), model.is_empty());
    for (key, value) in model {
        assert_eq!(dict.get(key), Some(&value[..]));
    }
    assert_eq!(dict.iter().len(), model.len());
    assert!(dict.iter().all(|(key, value)| model.get(key).is_some_and(|there| there == value)));
    // Prefix and tag have 16 bits at least.
    assert!(dict.iter().is_sorted_by_key(|(key, _)| hash(key) >> 48));
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, usize),
    Remove(u16),
    Take(u16),
    Change(u16),
    /// Inserts many, from this one on, of this length.
    Fill(u16, u16, usize),
    /// Removes many.
    Clear(u16, u16),
    Scan(usize),
    Random(u64),
    Shed(usize),
}

fn steps(keys: u16) -> impl Strategy<Value = Vec<Step>> {
    let length = || prop_oneof![4 => 0..40usize, 1 => Just(0usize), 1 => 100..700usize, 1 => Just(200_000usize)];
    let many = || prop_oneof![1..10u16, 1..keys];
    prop::collection::vec(
        prop_oneof![
            6 => (0..keys, length()).prop_map(|(key, len)| Step::Insert(key, len)),
            4 => (0..keys).prop_map(Step::Remove),
            2 => (0..keys).prop_map(Step::Take),
            2 => (0..keys).prop_map(Step::Change),
            2 => (0..keys, many(), 0..100usize).prop_map(|(from, count, len)| Step::Fill(from, count, len)),
            2 => (0..keys, many()).prop_map(|(from, count)| Step::Clear(from, count)),
            6 => (1..60usize).prop_map(Step::Scan),
            2 => any::<u64>().prop_map(Step::Random),
            1 => (0..300usize).prop_map(Step::Shed),
        ],
        1..60,
    )
}

/// Keys of all kinds of lengths, one of them empty.
fn key(number: u16) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        n if n % 97 == 0 => format!("{n:0300}").into_bytes(),
        n if n % 13 == 0 => format!("{n:0100}").into_bytes(),
        n => format!("key {n}").into_bytes(),
    }
}

fn value(seed: u16, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u16).wrapping_mul(31).wrapping_add(seed) as u8).collect()
}

/// Runs steps on a dictionary and a model, with a scan that goes on between the changes.
fn run(steps: &[Step], keys: u16) {
    let mut dict = Dict::new();
    let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut cursor = 0;
    // What must still be seen by the scan under way.
    let mut awaited: HashSet<Vec<u8>> = HashSet::new();
    for (number, step) in steps.iter().enumerate() {
        let seed = number as u16;
        match step.clone() {
            Step::Insert(n, len) => {
                let new = model.insert(key(n), value(seed, len)).is_none();
                assert_eq!(dict.insert(&key(n), &value(seed, len)), new);
                assert!(dict.contains(&key(n)));
            }
            Step::Remove(n) => {
                assert_eq!(dict.remove(&key(n)), model.remove(&key(n)).is_some());
                assert!(!dict.contains(&key(n)));
            }
            Step::Take(n) => assert_eq!(dict.take(&key(n)), model.remove(&key(n))),
            Step::Change(n) => {
                let (there, expected) = (dict.get_mut(&key(n)), model.get_mut(&key(n)));
                assert_eq!(there.as_deref(), expected.as_ref().map(|value| &value[..]));
                if let (Some(there), Some(expected)) = (there, expected) {
                    let new = value(seed, expected.len());
                    there.copy_from_slice(&new);
                    *expected = new;
                }
            }
            Step::Fill(from, count, len) => {
                for n in (from..keys).take(count.into()) {
                    let new = model.insert(key(n), value(n, len)).is_none();
                    assert_eq!(dict.insert(&key(n), &value(n, len)), new);
                }
            }
            Step::Clear(from, count) => {
                for n in (from..keys).take(count.into()) {
                    assert_eq!(dict.remove(&key(n)), model.remove(&key(n)).is_some());
                }
            }
            Step::Scan(count) => {
                if cursor == 0 {
                    awaited = model.keys().cloned().collect();
                }
                let mut seen = HashSet::new();
                let next = dict.scan(cursor, count, &mut |key, value| {
                    assert_eq!(model[key], value);
                    assert!(seen.insert(key.to_vec()), "no item twice in one call");
                });
                assert!(next < 1 << CURSOR_BITS && (next == 0 || next > cursor), "a scan gets on");
                awaited.retain(|key| !seen.contains(key));
                cursor = next;
                if cursor == 0 {
                    assert!(awaited.is_empty(), "missed: {awaited:?}");
                }
            }
            Step::Random(random) => match dict.random(random) {
                Some((key, value)) => assert_eq!(model[key], value),
                None => assert!(model.is_empty()),
            },
            Step::Shed(count) => {
                let before = model.len();
                assert_eq!(dict.shed(count), dict.is_empty());
                assert!(before == 0 || dict.len() < before);
                model.retain(|key, _| dict.contains(key));
            }
        }
        // Removed once, an item need not be seen, even if it comes back.
        awaited.retain(|key| model.contains_key(key));
        if let Step::Remove(n) | Step::Take(n) = step {
            awaited.remove(&key(*n));
        }
        same(&dict, &model);
    }
    same(&dict.clone(), &model);
    for key in model.keys() {
        assert!(dict.remove(key));
    }
    assert_eq!(dict.heap_bytes(), 0, "an empty dictionary holds nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_hash_map(steps in steps(1500)) {
        HASH.set(Some(HASHES[0]));
        run(&steps, 1500);
    }

    #[test]
    fn agrees_with_a_hash_map_where_hashes_collide(steps in steps(400), hashes in 1..4usize) {
        HASH.set(Some(HASHES[hashes]));
        run(&steps, 400);
    }
}

#[test]
fn thousands_of_equal_hashes_work() {
    HASH.set(Some(HASHES[3]));
    let mut dict = Dict::new();
    let key = |n: u32| format!("member {n:09}").into_bytes();
    // Beyond 64 KiB in the one leaf that has them all.
    for n in 0..6000 {
        assert!(dict.insert(&key(n), &n.to_le_bytes()));
    }
    check(&dict);
    assert!(dict.chunks.iter().flatten().any(|leaf| leaf.capacity() > 0x1_0000));
    assert!(dict.random(1).is_some());
    let (mut seen, mut cursor) = (0, 0);
    loop {
        let before = seen;
        cursor = dict.scan(cursor, 10, &mut |_, _| seen += 1);
        assert!(seen == before || seen - before == 6000, "equal hashes are visited in one call");
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, 6000);
    for n in 0..6000 {
        assert_eq!(dict.take(&key(n)), Some(n.to_le_bytes().to_vec()));
        if n % 500 == 0 {
            check(&dict);
        }
    }
    assert!(dict.is_empty());
}

#[test]
fn grows_and_shrinks_through_all_sizes() {
    HASH.set(Some(HASHES[0]));
    let mut dict = Dict::new();
    let count = 60_000u32;
    for n in 0..count {
        assert!(dict.insert(&n.to_be_bytes(), b"value"));
        assert!(dict.len() <= dict.leaves as usize * ITEMS_MAX || dict.len() == 1);
        if n.is_power_of_two() {
            check(&dict);
        }
    }
    check(&dict);
    assert!(dict.chunks.len() > 2);
    for n in 0..count {
        assert!(dict.remove(&n.to_be_bytes()));
        if (count - n).is_power_of_two() {
            check(&dict);
            assert!(dict.leaves as usize * (ITEMS_MIN - 1) <= dict.len() + ITEMS_MIN);
        }
    }
    assert_eq!(dict.heap_bytes(), 0);
}

#[test]
fn long_and_empty_items() {
    let mut dict = Dict::new();
    let long = vec![7; 1_000_000];
    assert!(dict.insert(b"", b""));
    assert!(dict.insert(&long, b""));
    assert!(dict.insert(b"long", &long));
    assert!(!dict.insert(b"", &long));
    assert!(dict.heap_bytes() > 3_000_000);
    check(&dict);
    assert_eq!(dict.get(b""), Some(&long[..]));
    assert_eq!(dict.get(&long), Some(&b""[..]));
    if let Some(value) = dict.get_mut(b"long") {
        value[999_999] = 8;
    }
    assert_eq!(dict.get(b"long").and_then(|value| value.last()), Some(&8));
    assert!(!dict.insert(b"", b""));
    assert!(!dict.insert(&long, b"1"));
    assert_eq!(dict.get(&long), Some(&b"1"[..]));
    assert_eq!(dict.take(b"long").map(|value| value.len()), Some(1_000_000));
    assert_eq!(dict.get(b""), Some(&b""[..]));
    check(&dict);
    assert!(dict.remove(&long) && dict.remove(b"") && !dict.remove(b""));
    assert_eq!(dict.heap_bytes(), 0);
}

#[test]
fn lengths_around_the_edges_of_their_encoding() {
    let mut dict = Dict::new();
    let mut model = HashMap::new();
    for key_len in [1, 61, 62, 63, 64, 127, 128, 251, 252, 253, 254, 255, 256, 8191, 8192, 8193] {
        for value_len in [0, 1, 2, 127, 128, 129, 16383, 16384] {
            let mut key = vec![b'k'; key_len];
            key[0] = (value_len % 251) as u8;
            dict.insert(&key, &value(key_len as u16, value_len));
            model.insert(key, value(key_len as u16, value_len));
        }
    }
    same(&dict, &model);
}

/// Chi-square of how often each of the items was chosen; its mean is the number of items, nearly.
fn chi_square(dict: &Dict, per_item: usize, seed: u64) -> f64 {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    let mut random = Random::new(seed);
    for _ in 0..dict.len() * per_item {
        let (key, _) = dict.random(random.number()).expect("not empty");
        *counts.entry(key).or_default() += 1;
    }
    let squares: f64 = dict
        .iter()
        .map(|(key, _)| counts.get(key).copied().unwrap_or(0) as f64 - per_item as f64)
        .map(|difference| difference * difference / per_item as f64)
        .sum();
    squares / dict.len() as f64
}

#[test]
fn random_is_uniform() {
    HASH.set(Some(HASHES[0]));
    // Between two powers of two, so that leaves of two depths are there; then after removals; with long items; very few.
    let mut dict = Dict::new();
    for n in 0..3400u32 {
        dict.insert(&n.to_be_bytes(), b"");
    }
    assert!(!dict.leaves.is_power_of_two());
    let uniform = 0.85..1.15;
    assert!(uniform.contains(&chi_square(&dict, 50, 1)), "{}", chi_square(&dict, 50, 1));
    for n in 0..2000u32 {
        dict.remove(&n.to_be_bytes());
    }
    assert!(uniform.contains(&chi_square(&dict, 50, 2)), "{}", chi_square(&dict, 50, 2));
    for n in 2000..3400u32 {
        dict.insert(&n.to_be_bytes(), &[1; 230]);
    }
    assert!(uniform.contains(&chi_square(&dict, 50, 3)), "{}", chi_square(&dict, 50, 3));
    for n in 0..3390u32 {
        dict.remove(&n.to_be_bytes());
    }
    assert_eq!(dict.len(), 10);
    let few = chi_square(&dict, 10_000, 4);
    assert!((0.1..3.0).contains(&few), "{few}");
}

#[test]
fn random_is_uniform_where_hashes_are_equal() {
    HASH.set(Some(HASHES[3]));
    let mut dict = Dict::new();
    for n in 0..2000u32 {
        dict.insert(&n.to_be_bytes(), b"");
    }
    let measured = chi_square(&dict, 20, 5);
    assert!((0.85..1.15).contains(&measured), "{measured}");
}

#[test]
fn no_operation_moves_much() {
    HASH.set(Some(HASHES[0]));
    for value in [0, 16, 230] {
        let mut dict = Dict::new();
        let mut worst = 0;
        let mut count = |work: &mut dyn FnMut()| {
            MOVED.set(0);
            work();
            worst = worst.max(MOVED.get());
        };
        for n in 0..30_000u32 {
            count(&mut || assert!(dict.insert(&n.to_be_bytes(), &vec![1; value])));
        }
        for n in 0..30_000u32 {
            count(&mut || assert!(dict.remove(&n.to_be_bytes())));
        }
        // Some microseconds: an insertion, and one leaf split or two joined.
        assert!((500..64 << 10).contains(&worst), "{worst} bytes with values of {value}");
    }
}

#[test]
fn memory_for_each_item() {
    HASH.set(Some(HASHES[0]));
    let per_item = |count: u32, value: &[u8]| {
        let mut dict = Dict::new();
        for n in 0..count {
            dict.insert(format!("member:{n:09}").as_bytes(), value);
        }
        dict.heap_bytes() as f64 / f64::from(count)
    };
    // At several places between two doublings.
    for count in [50_000, 60_000, 75_000, 100_000] {
        let (set, scores, hash) = (per_item(count, b""), per_item(count, &[0; 8]), per_item(count, &[0; 16]));
        assert!(set < 24.5, "{count} members: {set} bytes each");
        assert!(scores < 36.0, "{count} members with scores: {scores} bytes each");
        assert!(hash < 43.5, "{count} fields: {hash} bytes each");
    }
    // No fixed cost to speak of.
    assert!(per_item(1, b"") < 96.0);
    assert!(per_item(10, b"") < 36.0);
    assert!(per_item(300, b"") < 28.0);
}

#[test]
fn prefetching_changes_nothing() {
    for hash in HASHES {
        HASH.set(Some(hash));
        let mut dict = Dict::new();
        for n in 0..3000u32 {
            for key in [&n.to_be_bytes()[..], b""] {
                dict.prefetch_index(key);
                dict.prefetch_item(key);
            }
            assert!(dict.insert(&n.to_be_bytes(), b"value"));
        }
        check(&dict);
    }
}
