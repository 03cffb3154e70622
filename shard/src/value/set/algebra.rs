//! Intersection, union and difference: as members given one after the other, and as new sets, whose encodings are those that
//! Redis 8.0 ends up with. What is only looked at allocates nothing for a member, but where many sets make that slower.

use super::{Element, Ints, Set, SetRef};
use crate::value::dict::Dict;
use crate::value::limits::Limits;
use crate::value::packed::Packed;

/// Calls `each` with the members that all `sets` have, until it answers false. `sets` are put in order of their sizes; the
/// smallest is gone through. O(its size * number of sets); of no sets, nothing.
pub fn intersection<'a>(sets: &mut [SetRef<'a>], mut each: impl FnMut(Element<'a>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    if let SetRef::Ints(smallest) = smallest {
        // Going up through all of them at once: each search begins where the last one ended.
        let mut places = vec![0; others.len()];
        for value in smallest.iter() {
            let in_all = others.iter().zip(&mut places).all(|(other, place)| match other {
                SetRef::Ints(ints) => {
                    let found = ints.find(value, *place);
                    *place = found.unwrap_or_else(|place| place);
                    found.is_ok()
                }
                other => other.contains(Element::Int(value)),
            });
            if in_all && !each(Element::Int(value)) {
                return;
            }
        }
        return;
    }
    if let SetRef::Table(table) = smallest
        && let Some(others) = tables(others)
    {
        return table.sift(&others, true, |member| each(Element::Bytes(member)));
    }
    for member in smallest.iter() {
        let in_all = others.iter().all(|other| is_same(*other, *smallest) || other.contains(member));
        if in_all && !each(member) {
            return;
        }
    }
}

/// The set of the members that all `sets` have: SINTERSTORE.
pub fn intersection_of(sets: &mut [SetRef<'_>], limits: &Limits) -> Set {
    // Nobody is smaller, so what it has first is what it has in the end.
    let smallest = sets.iter().min_by_key(|set| set.len());
    let mut result = match smallest {
        Some(SetRef::Ints(_)) => Set::Ints(Ints::new()),
        _ => Set::Packed(Packed::new()),
    };
    intersection(sets, |member| {
        result.add(member, limits);
        true
    });
    result.make_ints(limits);
    result
}

/// Calls `each` once with every member of any of `sets`; ascending, where all are of integers. O(total size).
pub fn union<'a>(sets: &[SetRef<'a>], mut each: impl FnMut(Element<'a>)) {
    let ints = |set: &SetRef<'a>| match set {
        SetRef::Ints(ints) => Some(ints.iter()),
        _ => None,
    };
    if sets.iter().all(|set| matches!(set, SetRef::Ints(_))) {
        let mut values: Vec<i64> = sets.iter().filter_map(ints).flatten().collect();
        values.sort_unstable();
        values.dedup();
        return values.into_iter().map(Element::Int).for_each(each);
    }
    // To ask the sets before whether they have had a member costs less than to remember all members, unless there are
    // many sets, or long ones to be walked through.
    let (mut total, mut asking, mut asked) = (0usize, 0usize, 0usize);
    for set in sets {
        let cost = if let SetRef::Packed(packed) = set { 1 + packed.len() / 8 } else { 1 };
        asking = asking.saturating_add(set.len().saturating_mul(asked));
        asked += cost;
        total += set.len();
    }
    if asking <= total.saturating_mul(4) {
        for (index, set) in sets.iter().enumerate() {
            if let SetRef::Table(table) = set
                && let Some(before) = tables(&sets[..index])
            {
                table.sift(&before, false, |member| {
                    each(Element::Bytes(member));
                    true
                });
                continue;
            }
            set.iter()
                .filter(|member| !sets[..index].iter().any(|before| before.contains(*member)))
                .for_each(&mut each);
        }
        return;
    }
    let mut seen = Dict::new();
    for member in sets.iter().flat_map(|set| set.iter()) {
        if seen.insert(member.bytes(&mut itoa::Buffer::new()), b"") {
            each(member);
        }
    }
}

/// The set of all members of `sets`: SUNIONSTORE.
pub fn union_of(sets: &[SetRef<'_>], limits: &Limits) -> Set {
    let mut result = Set::Ints(Ints::new());
    for member in sets.iter().flat_map(|set| set.iter()) {
        result.add(member, limits);
    }
    result
}

/// Calls `each` with the members of `first` that none of `others` has, in the order of `first`. `others` are put in order
/// of their sizes. O(size of `first` * number of sets) or O(total size), whichever is less by Redis's reckoning.
pub fn difference<'a>(first: SetRef<'a>, others: &mut [SetRef<'a>], mut each: impl FnMut(Element<'a>)) {
    if others.iter().any(|other| is_same(*other, first)) {
        return;
    }
    if asks_less(first, others) {
        others.sort_by_key(|other| std::cmp::Reverse(other.len()));
        if let SetRef::Table(table) = first
            && let Some(others) = tables(others)
        {
            return table.sift(&others, false, |member| {
                each(Element::Bytes(member));
                true
            });
        }
        first.iter().filter(|member| !others.iter().any(|other| other.contains(*member))).for_each(each);
        return;
    }
    let mut gone = Dict::new();
    for member in others.iter().flat_map(|other| other.iter()) {
        if first.contains(member)
            && gone.insert(member.bytes(&mut itoa::Buffer::new()), b"")
            && gone.len() == first.len()
        {
            return;
        }
    }
    for member in first.iter() {
        if !gone.contains(member.bytes(&mut itoa::Buffer::new())) {
            each(member);
        }
    }
}

/// The set of the members of `first` that none of `others` has: SDIFFSTORE.
pub fn difference_of<'a>(first: SetRef<'a>, others: &mut [SetRef<'a>], limits: &Limits) -> Set {
    let mut result = Set::Ints(Ints::new());
    if asks_less(first, others) || others.iter().any(|other| is_same(*other, first)) {
        difference(first, others, |member| {
            result.add(member, limits);
        });
        return result;
    }
    // Redis's second algorithm takes from a copy of the first set, and so leaves the encoding of that.
    for member in first.iter() {
        result.add(member, limits);
    }
    for other in others {
        for member in other.iter() {
            result.remove(member);
        }
        if result.view().is_empty() {
            break;
        }
    }
    result
}

/// Whether to ask `others` for each member of `first` is less work than to take all of theirs out of it: Redis's choice.
fn asks_less(first: SetRef<'_>, others: &[SetRef<'_>]) -> bool {
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    asking <= others.iter().fold(first.len(), |total, other| total.saturating_add(other.len()))
}

/// The tables of sets that all have one.
fn tables<'a>(sets: &[SetRef<'a>]) -> Option<Vec<&'a Dict>> {
    let table = |set: &SetRef<'a>| match set {
        SetRef::Table(table) => Some(*table),
        _ => None,
    };
    sets.iter().map(table).collect()
}

/// Whether these are one set, and not only equal ones.
fn is_same(one: SetRef<'_>, other: SetRef<'_>) -> bool {
    match (one, other) {
        (SetRef::Ints(one), SetRef::Ints(other)) => std::ptr::eq(one.body(), other.body()),
        (SetRef::Packed(one), SetRef::Packed(other)) => std::ptr::eq(one.as_bytes(), other.as_bytes()),
        (SetRef::Table(one), SetRef::Table(other)) => std::ptr::eq(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{members, set_of};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Model = BTreeSet<Vec<u8>>;

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![4 => (0i64..60).prop_map(|number| number.to_string()), 1 => "[ab]{1,2}", 1 => "w[0-9]{65}"]
    }

    fn numbers() -> impl Strategy<Value = String> {
        (0i64..300).prop_map(|number| number.to_string())
    }

    fn model(set: &Set) -> Model {
        members(set).into_iter().collect()
    }

    /// All members given, each of them once.
    fn given<'a>(give: impl FnOnce(&mut dyn FnMut(Element<'a>))) -> Model {
        let mut found = Model::new();
        give(&mut |member| assert!(found.insert(member.to_vec()), "given twice"));
        found
    }

    proptest! {
        #[test]
        fn behave_as_those_of_sets(
            words in vec(prop_oneof![vec(word(), 1..40), vec(numbers(), 1..200), vec("[a-d]{1,2}", 100..200)], 1..9),
        ) {
            let sets: Vec<Set> = words.iter().map(|words| set_of(words.iter().map(String::as_bytes))).collect();
            let models: Vec<Model> = sets.iter().map(model).collect();
            let limits = Limits::default();
            let mut views: Vec<SetRef<'_>> = sets.iter().map(Set::view).collect();

            let all: Model = models.iter().flatten().cloned().collect();
            prop_assert_eq!(given(|each| union(&views, each)), all.clone());
            prop_assert_eq!(model(&union_of(&views, &limits)), all);

            let rest: Model = models[1..].iter().flatten().cloned().collect();
            let left: Model = models[0].difference(&rest).cloned().collect();
            let (first, mut others) = (views[0], views[1..].to_vec());
            prop_assert_eq!(given(|each| difference(first, &mut others, each)), left.clone());
            prop_assert_eq!(model(&difference_of(first, &mut others, &limits)), left);

            let common = models[1..].iter().fold(models[0].clone(), |common, model| &common & model);
            prop_assert_eq!(model(&intersection_of(&mut views, &limits)), common.clone());
            let found = given(|each| intersection(&mut views, |member| { each(member); true }));
            prop_assert_eq!(found, common);
        }
    }

    #[test]
    fn a_set_with_itself() {
        let set = set_of([b"a".as_slice(), b"b"]);
        let view = set.view();
        assert_eq!(given(|each| difference(view, &mut [view], each)), Model::new());
        assert!(difference_of(view, &mut [view, view, view], &Limits::default()).view().is_empty());
        assert_eq!(given(|each| union(&[view, view], each)), model(&set));
        assert_eq!(members(&intersection_of(&mut [view, view], &Limits::default())), members(&set));
    }

    #[test]
    fn an_intersection_ends_when_it_is_told_to() {
        for words in [&["1", "2", "3"][..], &["a", "b", "c"]] {
            let set = set_of(words.iter().map(|word| word.as_bytes()));
            let mut count = 0;
            intersection(&mut [set.view(), set.view()], |_| {
                count += 1;
                count < 2
            });
            assert_eq!(count, 2);
        }
    }

    #[test]
    fn integers_come_in_order() {
        let (one, other) = (set_of([b"5".as_slice(), b"-1"]), set_of([b"3".as_slice(), b"5", b"70000"]));
        let mut found = Vec::new();
        union(&[one.view(), other.view()], |member| found.extend(member.int()));
        assert_eq!(found, [-1, 3, 5, 70_000]);
    }

    #[test]
    fn stored_encodings_are_those_of_redis() {
        // Observed with Redis 8.0 under the same limits.
        let limits = Limits { set_ints: 5, set_entries: 8, ..Limits::default() };
        let set = |words: &str| {
            let mut set = Set::create(words.split(' ').next().unwrap_or_default().as_bytes(), 1, &limits);
            for word in words.split(' ') {
                set.add(Element::of(word.as_bytes()), &limits);
            }
            set
        };
        let (letters, mixed) = (set("a b c d e f g h i"), set("a b c 1 2 3 k l m"));
        let (n1, n2) = (set("1 2 3 a b c d e f g"), set("1 2 3 q w r t y u"));
        assert_eq!(letters.view().encoding(), "hashtable");
        assert_eq!(intersection_of(&mut [letters.view(), mixed.view()], &limits).view().encoding(), "listpack");
        assert_eq!(intersection_of(&mut [n1.view(), n2.view()], &limits).view().encoding(), "intset");
        assert_eq!(union_of(&[n1.view(), n2.view()], &limits).view().encoding(), "hashtable");
        assert_eq!(difference_of(n1.view(), &mut [letters.view()], &limits).view().encoding(), "intset");
    }
}
