use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

fn words(list: &List) -> Vec<Vec<u8>> {
    list.view().iter().map(Element::to_vec).collect()
}

fn encoding(list: &List) -> &'static str {
    List::encoding(list.view())
}

/// A list of `count` elements of `len` bytes.
fn filled(count: usize, len: usize, limit: Limit) -> List {
    let mut list = List::default();
    for number in 0..count {
        let item = format!("{number:x>len$}");
        list.push_all(Side::Back, [item.as_bytes()].into_iter(), limit);
    }
    list
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<Vec<u8>>),
    Pop(bool, usize),
    Set(usize, Vec<u8>),
    Insert(usize, bool, Vec<u8>),
    Remove(usize, bool, usize),
    Trim(usize, usize),
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop_oneof![Just("a"), Just("b"), Just("12"), Just("-70000"), Just("")].prop_map(Vec::from),
        4 => vec(any::<u8>(), 0..40),
        2 => (100..3_000_usize).prop_map(|len| vec![b'x'; len]),
        1 => (8_100..8_300_usize).prop_map(|len| vec![b'y'; len]),
        1 => Just(vec![b'z'; 70_000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), vec(word(), 1..8)).prop_map(|(front, words)| Step::Push(front, words)),
        3 => (any::<bool>(), 0..6_usize).prop_map(|(front, count)| Step::Pop(front, count)),
        2 => (any::<usize>(), word()).prop_map(|(at, word)| Step::Set(at, word)),
        3 => (any::<usize>(), any::<bool>(), word()).prop_map(|(at, before, word)| Step::Insert(at, before, word)),
        2 => (any::<usize>(), any::<bool>(), 0..4_usize).prop_map(|(at, front, count)| Step::Remove(at, front, count)),
        1 => (0..4_usize, 0..4_usize).prop_map(|(start, end)| Step::Trim(start, end)),
    ]
}

fn side(front: bool) -> Side {
    if front { Side::Front } else { Side::Back }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_list_is_a_deque(size in prop_oneof![-5..0_i32, 0..8_i32, Just(1000)], steps in vec(step(), 1..80)) {
        let limit = Limit::of(size);
        let (mut list, mut model) = (List::default(), VecDeque::<Vec<u8>>::new());
        for step in steps {
            match step {
                Step::Push(front, items) => {
                    list.push_all(side(front), items.iter().map(Vec::as_slice), limit);
                    items.into_iter().for_each(|item| if front { model.push_front(item) } else { model.push_back(item) });
                }
                Step::Pop(front, count) => {
                    let mut popped = Vec::new();
                    list.pop(side(front), count, |element| popped.push(element.to_vec()));
                    list.settle(limit);
                    let next = || if front { model.pop_front() } else { model.pop_back() };
                    let expected: Vec<_> = std::iter::repeat_with(next).take(count).flatten().collect();
                    prop_assert_eq!(popped, expected);
                }
                Step::Set(at, item) if !model.is_empty() => {
                    let at = at % model.len();
                    list.prepare(item.len(), 1, limit);
                    list.set(at, Element::of(&item), limit);
                    list.settle(limit);
                    model[at] = item;
                }
                Step::Insert(at, before, item) if !model.is_empty() => {
                    let at = at % model.len();
                    list.prepare(item.len(), 1, limit);
                    list.insert(at, before, Element::of(&item), limit);
                    model.insert(if before { at } else { at + 1 }, item);
                }
                Step::Remove(at, front, count) if !model.is_empty() => {
                    let wanted = model[at % model.len()].clone();
                    let removed = list.remove(&wanted, side(front), count, limit);
                    list.settle(limit);
                    let mut places: Vec<_> = (0..model.len()).filter(|at| model[*at] == wanted).collect();
                    if !front {
                        places.reverse();
                    }
                    places.truncate(count);
                    prop_assert_eq!(removed, places.len());
                    places.sort();
                    places.into_iter().rev().for_each(|at| drop(model.remove(at)));
                }
                Step::Trim(start, end) if start + end <= model.len() => {
                    list.trim(start, model.len() - end);
                    list.settle(limit);
                    model.drain(..start);
                    model.truncate(model.len() - end);
                }
                _ => {}
            }
            check(&list, &model)?;
        }
        // What is kept inside an entry is the same list.
        if let Some(bytes) = list.inline() {
            prop_assert_eq!(words(&List::from_inline(bytes.to_vec())), Vec::from(model.clone()));
        }
        let again = List::collect(model.iter().map(|item| Element::of(item)), limit);
        prop_assert_eq!(words(&again), Vec::from(model));
    }
}

fn check(list: &List, model: &VecDeque<Vec<u8>>) -> Result<(), TestCaseError> {
    prop_assert_eq!(list.len(), model.len());
    prop_assert_eq!(list.view().len(), model.len());
    prop_assert!(words(list).iter().eq(model.iter()));
    prop_assert!(list.view().iter().rev().map(Element::to_vec).eq(model.iter().rev().cloned()));
    for index in 0..model.len() {
        let view = list.view();
        prop_assert_eq!(view.get(index).map(Element::to_vec), Some(model[index].clone()));
        prop_assert!(view.walk(index, false).map(Element::to_vec).eq(model.range(index..).cloned()));
        prop_assert!(view.walk(index, true).map(Element::to_vec).eq(model.range(..=index).rev().cloned()));
    }
    prop_assert!(list.view().get(model.len()).is_none());
    if let Form::Nodes(nodes) = &list.form {
        let heap: usize = nodes.ring().iter().map(Node::heap_bytes).sum();
        prop_assert!(nodes.heap_bytes() >= heap);
        prop_assert!(nodes.ring().iter().all(|node| node.count() > 0));
        prop_assert!(nodes.ring().iter().all(|node| node.is_plain() || node.view().len() == node.count()));
        prop_assert!(nodes.ring().iter().all(|node| node.view().iter().count() == node.view().len()));
    }
    Ok(())
}

#[test]
fn forms_change_at_the_limit_and_back_at_half_of_it() {
    let limit = Limit::of(4);
    let mut list = filled(4, 1, limit);
    assert_eq!(encoding(&list), "listpack");
    list.push_all(Side::Front, [b"x".as_slice()].into_iter(), limit);
    assert_eq!(encoding(&list), "quicklist");
    list.pop(Side::Front, 1, |_| ());
    list.settle(limit);
    assert_eq!(encoding(&list), "quicklist", "four of four are more than half");
    list.pop(Side::Back, 2, |_| ());
    list.settle(limit);
    assert_eq!(encoding(&list), "listpack");

    // 7 bytes of frame and 8185 of elements are the limit of -2; what counts is the length of what is to come.
    let limit = Limit::of(-2);
    let mut list = filled(1, 8_000, limit);
    assert_eq!(encoding(&list), "listpack");
    let used = list.view().iter().map(Element::size).sum::<usize>() + 7;
    list.prepare(8_192 - used, 1, limit);
    assert_eq!(encoding(&list), "listpack");
    list.prepare(8_193 - used, 1, limit);
    assert_eq!(encoding(&list), "quicklist");
}

#[test]
fn large_elements_have_nodes_of_their_own() {
    let limit = Limit::of(-1);
    let mut list = filled(3, 1, limit);
    let large = vec![b'l'; 5_000];
    list.prepare(large.len(), 1, limit);
    list.insert(1, true, Element::of(&large), limit);
    let Form::Nodes(nodes) = &list.form else { panic!("it is a quicklist") };
    assert_eq!(
        nodes.ring().iter().map(|node| (node.count(), node.is_plain())).collect::<Vec<_>>(),
        [(1, false), (1, true), (2, false)]
    );
    list.set(1, Element::of(b"small"), limit);
    assert_eq!(words(&list), [b"0".to_vec(), b"small".to_vec(), b"1".to_vec(), b"2".to_vec()]);
}

#[test]
fn elements_cost_two_bytes_more_than_their_own_at_most() {
    let limit = Limit::of(-2);
    for side in [Side::Front, Side::Back] {
        let mut list = List::default();
        for number in 0..200_000 {
            let item = format!("{number:x>14}");
            list.push_all(side, [item.as_bytes()].into_iter(), limit);
        }
        let each = list.heap_bytes() as f64 / 200_000.0;
        assert!(each < 16.3, "{side:?}: {each} bytes");
        // What is left after most of it went does not keep the memory of all.
        list.pop(side, 199_900, |_| ());
        assert!(list.heap_bytes() < 40_000, "{side:?}: {} bytes", list.heap_bytes());
    }
}

#[test]
fn nodes_that_were_thinned_out_are_merged() {
    let limit = Limit::of(100);
    let mut list = List::default();
    for number in 0..10_000 {
        let item = if number % 50 == 0 { b"keep".as_slice() } else { b"drop" };
        list.push_all(Side::Back, [item].into_iter(), limit);
    }
    assert_eq!(list.remove(b"drop", Side::Back, usize::MAX, limit), 9_800);
    assert_eq!(list.len(), 200);
    let Form::Nodes(nodes) = &list.form else { panic!("it is a quicklist") };
    assert!(nodes.ring().len() <= 5, "{} nodes", nodes.ring().len());
}

#[test]
fn a_node_at_the_front_moves_little() {
    // A queue: what is pushed at one end and popped at the other leaves no room behind.
    let limit = Limit::of(-5);
    for (push, pop) in [(Side::Front, Side::Back), (Side::Back, Side::Front)] {
        let mut list = filled(50, 60, limit);
        for number in 0..10_000 {
            list.push_all(push, [format!("{number:y>60}").as_bytes()].into_iter(), limit);
            list.pop(pop, 1, |_| ());
        }
        assert_eq!(list.len(), 50);
        assert!(list.heap_bytes() < 3 * 50 * 62 + 4096, "{} bytes", list.heap_bytes());
    }
}
