//! The three forms against one model.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn contents(hash: &Hash) -> Model {
    let view = hash.view();
    let mut model: Model = view.iter().map(|(field, value)| (field.to_vec(), (value.to_vec(), None))).collect();
    for (at, field) in view.deadlines() {
        model.get_mut(&field.to_vec()).expect("a deadline of a field that is there").1 = Some(at);
    }
    model
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<(Vec<u8>, Vec<u8>)>, bool),
    Remove(Vec<u8>),
    Deadline(Vec<u8>, Option<i64>),
    Due(i64),
    Sweep(usize),
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-d]{1,2}".prop_map(String::into_bytes),
        2 => (0i64..15).prop_map(|number| number.to_string().into_bytes()),
        1 => Just(b"a-rather-long-name-of-a-field".to_vec()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{0,9}".prop_map(String::into_bytes),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => (0usize..200).prop_map(|len| vec![b'v'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (prop::collection::vec((field(), value()), 1..12), any::<bool>()).prop_map(|(p, k)| Step::Set(p, k)),
        2 => field().prop_map(Step::Remove),
        3 => (field(), prop::option::of(1i64..30)).prop_map(|(f, d)| Step::Deadline(f, d)),
        1 => (0i64..31).prop_map(Step::Due),
        1 => (0usize..4).prop_map(Step::Sweep),
    ]
}

proptest! {
    #[test]
    fn is_a_map_with_deadlines(
        entries in prop_oneof![Just(512usize), Just(10), Just(0)],
        long in prop_oneof![Just(64usize), Just(1000)],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let limits = Limits { hash_entries: entries, hash_value: long, ..Limits::default() };
        let (mut hash, mut model) = (Hash::default(), Model::new());
        for (number, step) in (1u64..).zip(steps) {
            match step {
                Step::Set(pairs, keep) => {
                    let before = model.len();
                    for (field, value) in &pairs {
                        let old = model.get(field).and_then(|(_, at)| *at).filter(|_| keep);
                        model.insert(field.clone(), (value.clone(), old));
                    }
                    let slices: Vec<(&[u8], &[u8])> = pairs.iter().map(|(f, v)| (&f[..], &v[..])).collect();
                    prop_assert_eq!(hash.set_all(slices.into_iter(), keep, &limits), model.len() - before);
                }
                Step::Remove(field) => prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                Step::Deadline(field, at) => {
                    prop_assert_eq!(hash.set_deadline(&field, at), model.contains_key(&field));
                    if let Some(entry) = model.get_mut(&field) {
                        entry.1 = at;
                    }
                }
                Step::Due(now) => {
                    prop_assert_eq!(hash.all_due(now), !model.is_empty()
                        && model.values().all(|(_, at)| at.is_some_and(|at| at < now)));
                    let mut names = Vec::new();
                    prop_assert_eq!(hash.expire(now, Some(&mut |name| names.push(name.to_vec()))), names.len());
                    let deadlines: Vec<_> = names.iter().map(|name| model.remove(&name[..]).and_then(|m| m.1)).collect();
                    prop_assert!(deadlines.is_sorted() && deadlines.iter().all(|at| at.is_some_and(|at| at < now)));
                    prop_assert!(model.values().all(|(_, at)| at.is_none_or(|at| at >= now)));
                }
                Step::Sweep(most) => {
                    let before = hash.gone();
                    prop_assert_eq!(hash.sweep(most), most.min(before));
                    prop_assert_eq!(hash.gone(), before - most.min(before));
                }
            }
            prop_assert_eq!(&contents(&hash), &model);
            prop_assert_eq!(hash.due(), model.values().filter_map(|(_, at)| *at).min());
            prop_assert!(hash.gone() == 0 || hash.wakes().is_some());
            prop_assert_eq!((hash.view().len(), hash.is_empty()), (model.len(), model.is_empty()));
            let random = hash.view().random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            prop_assert_eq!(random.is_none(), model.is_empty());
            prop_assert!(random.is_none_or(|(field, value)| model.get(&field.to_vec()).is_some_and(|m| m.0 == value.to_vec())));
            let mut scanned = Vec::new();
            let mut cursor = 0;
            loop {
                cursor = hash.view().scan(cursor, 3, &mut |field, _| scanned.push(field.to_vec()));
                if cursor == 0 { break }
            }
            scanned.sort();
            prop_assert!(scanned.iter().eq(model.keys()));
            prop_assert!(hash.view().deadlines().map(|(at, _)| at).is_sorted());
            let mut finder = hash.view().finder();
            for (field, (value, at)) in &model {
                prop_assert_eq!(finder.get(field).map(Element::to_vec), Some(value.clone()));
                prop_assert_eq!(hash.view().deadline(field), Some(*at));
            }
            prop_assert!(hash.view().get(b"no such field").is_none() && hash.view().deadline(b"none").is_none());
            prop_assert!(model.len() <= entries || Hash::encoding(hash.view()) == "hashtable");
            // A copy by its description is the same.
            let mut commands = Vec::new();
            hash.view().describe(b"k", &mut commands);
            prop_assert_eq!(&contents(&rebuilt(&commands)), &model);
        }
    }
}

/// What the commands of a description make.
fn rebuilt(commands: &[OwnedArgs]) -> Hash {
    let mut hash = Hash::default();
    for command in commands {
        let args = command.view();
        match args.at(0) {
            b"HSET" => {
                for at in (2..args.len()).step_by(2) {
                    hash.set(args.at(at), args.at(at + 1), false, &Limits::default());
                }
            }
            b"HPEXPIREAT" => {
                assert_eq!(args.at(4), (args.len() - 5).to_string().as_bytes());
                let at = std::str::from_utf8(args.at(2)).expect("digits").parse().expect("a number");
                args.iter().skip(5).for_each(|field| assert!(hash.set_deadline(field, Some(at))));
            }
            other => panic!("{other:?}"),
        }
    }
    hash
}

#[test]
fn forms_change_when_those_of_redis_do() {
    let limits = Limits { hash_entries: 3, hash_value: 5, ..Limits::default() };
    let pairs = |names: &'static [&'static str]| names.iter().map(|name| (name.as_bytes(), b"v".as_slice()));
    let encoding = |hash: &Hash| Hash::encoding(hash.view());
    let mut hash = Hash::default();
    hash.set_all(pairs(&["a", "b", "c"]), false, &limits);
    assert_eq!(encoding(&hash), "listpack");
    hash.set_all(pairs(&["a", "b", "c"]), false, &limits);
    assert_eq!(encoding(&hash), "listpack");
    let mut timed = hash.clone();
    timed.set_deadline(b"b", Some(5));
    assert_eq!((encoding(&timed), timed.due(), timed.inline()), ("listpackex", Some(5), None));
    timed.set_deadline(b"b", None);
    assert_eq!((encoding(&timed), timed.due()), ("listpackex", None));
    for mut hash in [hash.clone(), timed] {
        hash.set(b"d", b"v", false, &limits);
        assert_eq!(encoding(&hash), "hashtable");
    }
    // Four pairs, if of one field.
    let mut one = Hash::default();
    assert_eq!(one.set_all(pairs(&["a", "a", "a", "a"]), false, &limits), 1);
    assert_eq!(encoding(&one), "hashtable");
    hash.set(b"a", b"123456", false, &limits);
    assert_eq!(encoding(&hash), "hashtable");
    let mut field = Hash::default();
    field.set(b"123456", b"", false, &limits);
    assert_eq!(encoding(&field), "hashtable");
}

#[test]
fn random_fields_and_scans_reach_all() {
    for entries in [512, 0] {
        for deadline in [None, Some(9)] {
            let limits = Limits { hash_entries: entries, ..Limits::default() };
            let mut hash = Hash::default();
            let names: Vec<String> = (0..50).map(|i| format!("f{i}")).collect();
            hash.set_all(names.iter().map(|name| (name.as_bytes(), b"v".as_slice())), false, &limits);
            hash.set_deadline(b"f7", deadline);
            let random: BTreeMap<_, _> = (0..5000u64)
                .filter_map(|i| hash.view().random(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
                .map(|(field, value)| (field.to_vec(), value.to_vec()))
                .collect();
            assert_eq!(random.len(), 50);
            let (mut cursor, mut seen) = (0, BTreeMap::new());
            loop {
                cursor = hash.view().scan(cursor, 7, &mut |field, value| {
                    seen.insert(field.to_vec(), value.to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(seen, random);
        }
    }
}

#[test]
fn memory_is_counted() {
    let limits = Limits { hash_entries: 0, ..Limits::default() };
    let mut hash = Hash::default();
    hash.set(b"f", b"v", false, &limits);
    let before = hash.heap_bytes();
    hash.set_deadline(b"f", Some(1));
    assert!(hash.heap_bytes() > before);
    hash.set_deadline(b"f", Some(2));
    hash.set(b"f", b"w", false, &limits);
    hash.set_deadline(b"f", Some(2));
    assert_eq!(hash.expire(3, None), 1);
    assert!(hash.is_empty() && hash.heap_bytes() > before);
    assert_eq!(hash.sweep(5), 1);
    assert!(hash.heap_bytes() < before + 400);
}

/// A hash with these deadlines of the fields a, b and so on (0 for none), packed and as a table.
fn both(deadlines: &[i64]) -> [Hash; 2] {
    [512, 0].map(|entries| {
        let limits = Limits { hash_entries: entries, hash_value: 64, ..Limits::default() };
        let mut hash = Hash::default();
        for (name, deadline) in (b'a'..).zip(deadlines) {
            hash.set(&[name], b"v", false, &limits);
            hash.set_deadline(&[name], Some(*deadline).filter(|at| *at != 0));
        }
        hash
    })
}

/// Found by `is_a_map_with_deadlines`: the table counted fields that were gone already among those that are due, so that it said
/// at any time that all of an empty hash is due.
#[test]
fn of_a_hash_that_nothing_is_left_of_nothing_is_due() {
    for mut hash in both(&[1]) {
        assert!(!hash.all_due(1) && hash.all_due(2));
        assert_eq!(hash.expire(2, None), 1);
        for most in [0, 1] {
            hash.sweep(most);
            for now in [0, 2, 3] {
                assert_eq!((hash.all_due(now), hash.expire(now, None)), (false, 0), "{hash:?} at {now}");
            }
        }
    }
}

/// Fields that went before the clock was set back stay gone, and say nothing about the others; those that had not gone are there
/// until it is their time again.
#[test]
fn a_clock_set_back_makes_nothing_due() {
    for mut hash in both(&[10, 20]) {
        // Nobody had looked.
        assert!(hash.all_due(21) && !hash.all_due(15) && !hash.all_due(5));
        assert_eq!(hash.expire(15, None), 1);
        for now in [5, 11, 15, 20] {
            assert_eq!((hash.all_due(now), hash.expire(now, None)), (false, 0), "{hash:?} at {now}");
        }
        assert_eq!((contents(&hash).len(), hash.due()), (1, Some(20)));
        // A deadline among those of the fields that are gone.
        let mut again = hash.clone();
        again.set(b"c", b"v", false, &Limits::default());
        assert!(!again.all_due(21));
        assert!(again.set_deadline(b"c", Some(7)) && again.set_deadline(b"b", Some(6)));
        assert_eq!((again.all_due(7), again.all_due(8), contents(&again).len()), (false, true, 2));
        assert_eq!((hash.all_due(21), hash.expire(21, None)), (true, 1));
    }
    for hash in both(&[10, 0]) {
        assert!(!hash.all_due(5) && !hash.all_due(11));
    }
}
