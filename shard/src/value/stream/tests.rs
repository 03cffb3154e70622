//! The structure against plain maps.

use super::*;
use crate::value::packed::Packed;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

const LIMITS: NodeLimits = NodeLimits { bytes: 200, entries: 5 };

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn contents(log: &Log) -> Model {
    log.range(StreamId::MIN, StreamId::MAX).map(|entry| (entry.id, flat(&entry))).collect()
}

fn flat(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect()
}

fn add(log: &mut Log, id: StreamId, pairs: &[&[u8]], limits: NodeLimits) -> Result<StreamId, AddError> {
    log.add(NewId::Exact(id), 0, pairs.iter().copied(), limits)
}

/// Everything that can be read is as in the model, from both ends and from anywhere.
fn check(log: &Log, model: &Model) {
    assert_eq!(&contents(log), model);
    assert_eq!(log.len(), model.len() as u64);
    assert_eq!(log.first_id(), model.keys().next().copied().unwrap_or_default());
    assert_eq!(log.last_live_id(), model.keys().next_back().copied());
    let back: Vec<StreamId> = log.range_back(StreamId::MIN, StreamId::MAX).map(|entry| entry.id).collect();
    assert_eq!(back, model.keys().rev().copied().collect::<Vec<_>>());
    for start in (0..24).map(|n| id(n / 3, n % 3)) {
        for end in [start, id(start.ms + 2, 1), StreamId::MAX] {
            let expected: Vec<StreamId> = model.range(start..=end).map(|(id, _)| *id).collect();
            let there: Vec<StreamId> = log.range(start, end).map(|entry| entry.id).collect();
            assert_eq!(there, expected, "{start:?} to {end:?}");
            let mut back: Vec<StreamId> = log.range_back(start, end).map(|entry| entry.id).collect();
            back.reverse();
            assert_eq!(back, expected, "{end:?} back to {start:?}");
        }
        assert_eq!(log.contains(start), model.contains_key(&start));
    }
    // What a file would hold is the same stream.
    let mut copy = Log::new();
    let mut live = 0;
    for node in log.nodes() {
        live += node.live();
        let mut listpack = Vec::new();
        node.packed.write_listpack(&mut listpack);
        let packed = Packed::from_listpack(&listpack).expect("a listpack");
        assert!(copy.push_node(node.key, packed));
    }
    copy.loaded();
    assert_eq!((live, copy.first_id()), (log.len(), log.first_id()));
    assert_eq!(&contents(&copy), model);
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64, u64, usize, u8),
    Delete(Vec<(u64, u64)>),
    MaxLen(u64, bool, u64),
    MinId(u64, u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..8_u64, 0..3_u64, 0..4_usize, any::<u8>()).prop_map(|(ms, seq, shape, value)| Step::Add(ms, seq, shape, value)),
        2 => proptest::collection::vec((0..8_u64, 0..3_u64), 1..4).prop_map(Step::Delete),
        1 => (0..20_u64, any::<bool>(), 0..9_u64).prop_map(|(len, approximate, limit)| Step::MaxLen(len, approximate, limit)),
        1 => (0..8_u64, 0..3_u64, any::<bool>()).prop_map(|(ms, seq, approximate)| Step::MinId(ms, seq, approximate)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_log_is_a_map(steps in proptest::collection::vec(step(), 1..120)) {
        let (mut log, mut model) = (Log::new(), Model::new());
        let mut base = 0;
        for step in steps {
            match step {
                Step::Add(ms, seq, shape, value) => {
                    let value = [b'v', value];
                    let shapes: [&[&[u8]]; 4] =
                        [&[b"f", &value], &[b"f", b"12", b"g", &value], &[b"x", b"y", b"z", b"-7"], &[b"f", &[b'w'; 90]]];
                    // Mostly behind the last one, now and then not.
                    base = if value[1] < 240 { log.last_id.ms + ms / 4 } else { ms };
                    let (wanted, before) = (id(base, log.last_id.seq + seq), log.last_id);
                    let added = add(&mut log, wanted, shapes[shape], LIMITS);
                    prop_assert_eq!(added.is_ok(), wanted > before);
                    if added.is_ok() {
                        model.insert(wanted, shapes[shape].iter().map(|item| item.to_vec()).collect());
                    }
                }
                Step::Delete(ids) => {
                    let ids: Vec<StreamId> = ids.into_iter().map(|(ms, seq)| id(base.saturating_sub(ms), seq)).collect();
                    let expected = ids.iter().filter(|id| model.remove(id).is_some()).count();
                    prop_assert_eq!(log.delete(&ids), expected as u64);
                }
                Step::MaxLen(most, approximate, limit) => {
                    let limit = if approximate { limit } else { 0 };
                    let before = log.len();
                    let removed = log.trim(Trim { by: TrimBy::MaxLen(most), approximate, limit });
                    (0..removed).for_each(|_| drop(model.pop_first()));
                    if !approximate {
                        prop_assert_eq!(removed, before.saturating_sub(most));
                    }
                    prop_assert!(limit == 0 || removed <= limit);
                    prop_assert!(removed <= before.saturating_sub(most));
                }
                Step::MinId(ms, seq, approximate) => {
                    let least = id(base.saturating_sub(ms), seq);
                    let removed = log.trim(Trim { by: TrimBy::MinId(least), approximate, limit: 0 });
                    let expected = model.range(..least).count() as u64;
                    prop_assert!(removed <= expected && (approximate || removed == expected));
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
            }
            check(&log, &model);
        }
    }
}

#[test]
fn a_node_is_element_for_element_that_of_redis() {
    let mut log = Log::new();
    let limits = NodeLimits { bytes: 4096, entries: 100 };
    add(&mut log, id(5, 1), &[b"f", b"1", b"g", b"x"], limits).expect("added");
    add(&mut log, id(7, 0), &[b"f", b"2", b"g", b"y"], limits).expect("added");
    add(&mut log, id(7, 9), &[b"h", b"z"], limits).expect("added");
    log.delete(&[id(7, 0)]);
    let node = log.nodes().next().expect("a node");
    let elements: Vec<String> =
        node.packed.iter().map(|element| String::from_utf8_lossy(&element.to_vec()).into()).collect();
    assert_eq!(node.key, id(5, 1));
    // Live, deleted, fields, zero; then flags, milliseconds, number, values, length.
    assert_eq!(elements.join(" "), "2 1 2 f g 0 2 0 0 1 x 5 3 2 -1 2 y 5 0 2 8 1 h z 6");
    assert!(node.is_valid());
}

#[test]
fn nodes_that_are_not_well_formed_are_refused() {
    let node = |elements: &[i64]| {
        let mut packed = Packed::new();
        elements.iter().for_each(|number| packed.push_back(crate::value::packed::Element::Int(*number)));
        Log::new().push_node(id(1, 1), packed)
    };
    assert!(node(&[1, 0, 1, 5, 0, 2, 0, 0, 7, 4]));
    let cases: &[&[i64]] = &[
        &[],
        &[1, 0],
        &[1, 0, -1, 0],
        &[1, 0, 1, 5, 1, 2, 0, 0, 7, 4],
        &[2, 0, 1, 5, 0, 2, 0, 0, 7, 4],
        &[0, 1, 1, 5, 0, 2, 0, 0, 7, 4],
        &[1, 0, 1, 5, 0, 2, 0, 0, 7, 5],
        &[1, 0, 1, 5, 0, 0, 0, 0, i64::MAX, 7, 4],
        &[1, 0, i64::MAX, 5, 0, 2, 0, 0, 7, 4],
        &[i64::MAX, 0, 1, 5, 0, 2, 0, 0, 7, 4],
        &[1, 0, 1, 5, 0, 2, 0, 0, 7, 4, 2],
    ];
    for case in cases {
        assert!(!node(case), "{case:?}");
    }
}

#[test]
fn ids_are_given_as_by_redis() {
    let mut log = Log::new();
    assert_eq!(log.next_id(NewId::Auto, 5), Ok(id(5, 0)));
    assert_eq!(log.next_id(NewId::AutoSeq(0), 5), Ok(id(0, 1)));
    log.last_id = id(9, u64::MAX);
    assert_eq!(log.next_id(NewId::Auto, 5), Ok(id(10, 0)));
    assert_eq!(log.next_id(NewId::Auto, 11), Ok(id(11, 0)));
    assert_eq!(log.next_id(NewId::AutoSeq(9), 0), Err(AddError::TooSmall));
    assert_eq!(log.next_id(NewId::AutoSeq(8), 0), Err(AddError::TooSmall));
    assert_eq!(log.next_id(NewId::Exact(id(9, 5)), 0), Err(AddError::TooSmall));
    log.last_id = StreamId::MAX;
    assert_eq!(log.next_id(NewId::Auto, 5), Err(AddError::Exhausted));
}

#[test]
fn a_million_entries_take_thirteen_bytes_each() {
    let (mut log, limits) = (Log::new(), NodeLimits { bytes: 4096, entries: 100 });
    let mut one = itoa::Buffer::new();
    for n in 0..100_000_u64 {
        let value = one.format(n % 1000).as_bytes();
        log.add(NewId::Auto, 1_735_689_600_000 + n, [b"a".as_slice(), b"x", b"b", value].into_iter(), limits)
            .expect("added");
    }
    assert_eq!(log.node_count(), 1000);
    let each = log.heap_bytes() as f64 / 100_000.0;
    assert!(each < 16.5, "{each} bytes for each entry");
}

#[test]
fn pending_entries_have_one_owner() {
    let mut group = Group::new(StreamId::MIN, UNKNOWN);
    let (one, two) = (group.find_or_create(b"one", 5).0, group.find_or_create(b"two", 5).0);
    let pending = |consumer| Pending { time: 5, count: 1, consumer };
    (1..5).for_each(|n| group.give(id(n, 0), pending(one)));
    group.give(id(2, 0), pending(two));
    group.give(id(2, 0), pending(two));
    assert!(group.acknowledge(id(3, 0)) && !group.acknowledge(id(3, 0)));
    let counts = |group: &Group| -> Vec<(String, usize)> {
        let of = |consumer: &Consumer| (String::from_utf8_lossy(&consumer.name).into(), consumer.pending_count());
        group.consumers().map(of).collect()
    };
    assert_eq!(counts(&group), [("one".to_string(), 2), ("two".to_string(), 1)]);
    assert_eq!(group.remove_consumer(b"one"), Some(2));
    assert_eq!(group.remove_consumer(b"one"), None);
    assert_eq!(group.pending_count(), 1);
    // The free number is given again, and the other's entries stay with the other.
    assert_eq!(group.find_or_create(b"three", 6), (one, true));
    assert_eq!(counts(&group), [("three".to_string(), 0), ("two".to_string(), 1)]);
    assert_eq!(group.name_of(two), b"two");
}
