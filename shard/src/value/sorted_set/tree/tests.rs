use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Scores as keys, which sort as they do; without -0.
type Model = BTreeSet<(u64, Vec<u8>)>;

fn check(tree: &Tree, model: &Model) {
    check_node(&tree.root, true);
    assert_eq!(tree.len(), model.len());
    let show = |(score, member): (f64, &[u8])| (key_of(score), member.to_vec());
    assert!(tree.range(0, usize::MAX).map(show).eq(model.iter().cloned()));
    assert!(tree.range_back(0, usize::MAX).map(show).eq(model.iter().rev().cloned()));
    let (mut bytes, mut leaves) = (0, 0);
    let mut nodes = vec![&tree.root];
    while let Some(node) = nodes.pop() {
        match &node.below {
            Below::Leaves(all) => {
                leaves += all.len();
                bytes += all.iter().map(Vec::capacity).sum::<usize>();
            }
            Below::Inners(inners) => nodes.extend(inners),
        }
    }
    assert_eq!((tree.size.bytes, tree.size.leaves), (bytes, leaves));
}

/// Counts and lows are what is below, sizes are within their limits; gives the depth.
fn check_node(node: &Inner, is_root: bool) -> usize {
    assert!(node.width() <= FAN_MAX && (is_root || node.width() > 0));
    assert_eq!(node.lows.len(), node.width());
    for child in 0..node.width() {
        let (score, member) = node.first(child);
        assert_eq!((node.lows[child].score, node.lows[child].prefix), (score, prefix(member)));
    }
    match &node.below {
        Below::Leaves(leaves) => {
            assert_eq!(leaves.iter().map(|leaf| entries(leaf)).collect::<Vec<_>>(), node.counts);
            assert!(leaves.iter().zip(&node.counts).all(|(leaf, count)| leaf.len() <= LEAF_MAX || *count == 1));
            for leaf in leaves {
                let frame = Frame::of(leaf);
                let mut at = HEADER;
                while let Some((score, member, size)) = frame.read(&leaf[at..]) {
                    assert!(frame.fits(key_of(score), member) && frame.size(member.len()) == size);
                    at += size;
                }
                assert_eq!(at, leaf.len());
                assert!(leaf.capacity() == capacity(leaf.capacity()));
            }
            1
        }
        Below::Inners(inners) => {
            assert_eq!(inners.iter().map(Inner::count).collect::<Vec<_>>(), node.counts);
            let depths: BTreeSet<usize> = inners.iter().map(|inner| check_node(inner, false)).collect();
            assert_eq!(depths.len(), usize::from(!inners.is_empty()));
            depths.last().map_or(1, |depth| depth + 1)
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(f64, Vec<u8>),
    Ascending(u16),
    Remove(usize),
    Drain(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let member = prop_oneof![
        4 => vec(0u8..3, 0..12),
        4 => any::<u32>().prop_map(|n| format!("member:{n}").into_bytes()),
        1 => vec(any::<u8>(), 100..700),
        1 => Just(vec![7; 5000]),
    ];
    let score = prop_oneof![
        6 => (-3i32..4).prop_map(f64::from),
        4 => (0u32..2000).prop_map(|n| 1.76e12 + f64::from(n) * 977.0),
        1 => any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        1 => any::<f64>().prop_filter("a score", |score| !score.is_nan()).prop_map(|score| score + 0.0),
    ];
    prop_oneof![
        12 => (score, member).prop_map(|(score, member)| Step::Insert(score, member)),
        2 => (1u16..400).prop_map(Step::Ascending),
        3 => any::<usize>().prop_map(Step::Remove),
        1 => (any::<usize>(), 1usize..600).prop_map(|(at, count)| Step::Drain(at, count)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_tree_is_an_ordered_set(steps in vec(step(), 1..200)) {
        let (mut tree, mut model, mut next) = (Tree::default(), Model::new(), 0u32);
        for step in steps {
            match step {
                Step::Insert(score, member) if model.insert((key_of(score), member.clone())) => {
                    tree.insert(score, &member);
                }
                Step::Ascending(count) => for _ in 0..count {
                    next += 1;
                    let member = format!("m{next:08}").into_bytes();
                    tree.insert(1.0, &member);
                    model.insert((key_of(1.0), member));
                },
                Step::Remove(at) if !model.is_empty() => {
                    let found = model.iter().nth(at % model.len()).cloned().expect("an entry");
                    prop_assert!(tree.remove(score_of(found.0), &found.1));
                    prop_assert!(!tree.remove(score_of(found.0), &found.1));
                    model.remove(&found);
                }
                Step::Drain(at, count) if !model.is_empty() => {
                    let at = at % model.len();
                    let gone: Vec<_> = model.iter().skip(at).take(count).cloned().collect();
                    let mut shown = Vec::new();
                    while shown.len() < gone.len() {
                        let left = gone.len() - shown.len();
                        let done = tree.drain(at, left, |score, member| shown.push((key_of(score), member.to_vec())));
                        prop_assert!(done > 0);
                    }
                    prop_assert_eq!(&shown, &gone);
                    model.retain(|entry| !gone.contains(entry));
                }
                _ => {}
            }
        }
        check(&tree, &model);
        let all: Vec<_> = model.iter().collect();
        for at in (0..all.len()).step_by(1 + all.len() / 50) {
            let (score, member) = (score_of(all[at].0), all[at].1.as_slice());
            prop_assert_eq!(tree.rank(&Edge::Entry { score, member }), at);
            prop_assert_eq!(tree.rank(&Edge::After { score, member }), at + 1);
            prop_assert_eq!(tree.range(at, at + 1).next(), Some((score, member)));
            let back: Vec<_> = tree.range_back(at / 2, at).map(|(_, member)| member).collect();
            let expected: Vec<_> = all[at / 2..at].iter().rev().map(|(_, member)| member.as_slice()).collect();
            prop_assert_eq!(back, expected);
            for after in [false, true] {
                let expected = all.iter().filter(|(other, _)| *other < all[at].0 || after && *other == all[at].0).count();
                prop_assert_eq!(tree.rank(&Edge::Score { score, after }), expected);
            }
        }
    }
}

#[test]
fn members_alone_are_in_order_too() {
    let mut tree = Tree::default();
    let members: BTreeSet<String> = (0..5_000).map(|i| format!("{:x}", i * 7919 % 5_000)).collect();
    members.iter().rev().for_each(|member| tree.insert(0.0, member.as_bytes()));
    for (rank, member) in members.iter().enumerate() {
        let member = member.as_bytes();
        assert_eq!(tree.rank(&Edge::Member { member, after: false }), rank);
        assert_eq!(tree.rank(&Edge::Member { member, after: true }), rank + 1);
    }
    assert_eq!(tree.rank(&Edge::Member { member: b"~", after: false }), 5_000);
    assert_eq!(tree.rank(&Edge::Member { member: b"", after: false }), 0);
}

#[test]
fn zeros_of_either_sign_are_one_score() {
    let mut tree = Tree::default();
    tree.insert(-0.0, b"b");
    tree.insert(0.0, b"a");
    assert!(tree.range(0, 2).map(|(_, member)| member).eq([b"a", b"b"]));
    assert!(tree.range(1, 2).next().is_some_and(|(score, _)| score.is_sign_negative()));
    assert!(tree.remove(0.0, b"b"));
}

/// What a member of 16 bytes takes in all, in whatever order they come, and with which scores.
#[test]
fn leaves_are_kept_full() {
    type Case = (&'static str, fn(u64) -> f64, f64);
    let scores: [Case; 4] = [
        ("numbers", |i| i as f64, 0.0),
        ("times", |i| 1.76e12 + (i * 25_923) as f64, 2.0),
        ("halves", |i| i as f64 + 0.5, 0.0),
        ("doubles", |i| (i as f64 + 0.1) / 3.0, 7.5),
    ];
    // In descending order, the first entry stays in front of where all others are added: no leaf can be left full.
    for (name, order, limit) in [("ascending", 1, 19.0), ("descending", 99_999, 28.0), ("random", 61_803, 24.0)] {
        for (kind, score, more) in scores {
            let mut tree = Tree::default();
            for i in 0..100_000u64 {
                let i = i * order % 100_000;
                tree.insert(score(i), format!("member:{i:09}").as_bytes());
            }
            assert_eq!(tree.len(), 100_000);
            let each = tree.heap_bytes() as f64 / 1e5;
            assert!(each < limit + more, "{name}, {kind}: {each}");
        }
    }
}
