//! Sorted sets: members, each with a score, in the order of the scores and for equal scores in that of their bytes.
//!
//! Small ones are packed, member and score by turns in their order, as in Redis ("listpack"). Large ones ("skiplist", which
//! is Redis's name for it and what OBJECT ENCODING says) have a [`Dict`] from members to scores and beside it a [`Tree`]
//! that keeps the order; scores are written short in both, so that a member of 16 bytes in a set of a million takes
//! some 49 bytes with whole numbers as scores and 58 with random doubles (resident under jemalloc: 51 in random order, 56
//! where scores come evenly). Like Redis, a set that has become large stays so; only the results of STORE commands are packed
//! when they are small.
//!
//! A score is any double but NaN. -0 and 0 are equal; packed, both are 0.

mod score;
pub mod tree;

use crate::value::Collection;
use crate::value::collection::describe_items;
use crate::value::dict::Dict;
use crate::value::kind::Type;
use crate::value::limits::Limits;
use crate::value::packed::{self, Element, Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::number;
use score::Short;
use std::collections::HashSet;
use std::ops::Range;
use tree::{Edge, Tree};

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct SortedSet {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Packed(Packed),
    Large(Box<Large>),
}

/// A sorted set too large to be packed.
#[derive(Clone, Debug, Default)]
pub struct Large {
    /// Members, and their scores ([`Short`]).
    scores: Dict,
    tree: Tree,
}

/// What came of [`SortedSet::insert`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// The member is new.
    Added,
    /// The member has another score now.
    Updated,
    /// The member had this score already.
    Same,
}

/// A sorted set to be read.
#[derive(Clone, Copy)]
pub enum SortedSetRef<'a> {
    /// Member and score by turns, in order.
    Packed(PackedRef<'a>),
    /// A large one.
    Large(&'a Large),
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// Its lower end.
    pub min: f64,
    /// Its upper end.
    pub max: f64,
    /// The lower end does not belong to it.
    pub above_min: bool,
    /// The upper end does not belong to it.
    pub below_max: bool,
}

impl ScoreRange {
    fn is_empty(&self) -> bool {
        self.min > self.max || (self.min == self.max && (self.above_min || self.below_max))
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexEnd<'a> {
    /// In front of all members.
    Min,
    /// Behind all members.
    Max,
    /// This member, which belongs to the range.
    With(&'a [u8]),
    /// This member, which does not.
    Without(&'a [u8]),
}

/// A range of members, for sets whose scores are all equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Its lower end.
    pub min: LexEnd<'a>,
    /// Its upper end.
    pub max: LexEnd<'a>,
}

impl LexRange<'_> {
    /// Whether a member is not in front of the range.
    fn reaches(&self, member: &[u8]) -> bool {
        match self.min {
            LexEnd::Min => true,
            LexEnd::Max => false,
            LexEnd::With(min) => member >= min,
            LexEnd::Without(min) => member > min,
        }
    }

    /// Whether a member is not behind the range.
    fn holds_below(&self, member: &[u8]) -> bool {
        match self.max {
            LexEnd::Min => false,
            LexEnd::Max => true,
            LexEnd::With(max) => member <= max,
            LexEnd::Without(max) => member < max,
        }
    }
}

impl SortedSet {
    /// Members and their scores, of a large one: for prefetching. O(1).
    pub fn items(&self) -> Option<&Dict> {
        match &self.repr {
            Repr::Large(large) => Some(&large.scores),
            Repr::Packed(_) => None,
        }
    }

    /// Members. O(1), or O(fan-out) for a large set.
    pub fn len(&self) -> usize {
        Collection::view(self).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        match &self.repr {
            Repr::Packed(packed) => packed.heap_bytes(),
            Repr::Large(large) => size_of::<Large>() + large.scores.heap_bytes() + large.tree.heap_bytes(),
        }
    }

    /// The score of a member. O(1) for a large set.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        Collection::view(self).score(member)
    }

    /// Announces that `count` members are to be inserted, the first of them `member_len` bytes long: a set that they would
    /// make too large is made so at once, as Redis does.
    pub fn expect(&mut self, count: usize, member_len: usize, limits: &Limits) {
        if matches!(self.repr, Repr::Packed(_))
            && (count > limits.zset_entries || (self.is_empty() && member_len > limits.zset_value))
        {
            self.unpack();
        }
    }

    /// Gives a member a score, which is not NaN. O(log n).
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Inserted {
        if let Repr::Packed(packed) = &mut self.repr {
            let found = packed.view().find(member, 2);
            match found {
                Some(place) => {
                    if packed.view().next(place).map(|at| score_of(packed.view().get(at))) == Some(score) {
                        return Inserted::Same;
                    }
                    packed.remove(place, 2);
                    insert_packed(packed, member, score);
                    return Inserted::Updated;
                }
                None if packed.len() / 2 < limits.zset_entries && member.len() <= limits.zset_value => {
                    insert_packed(packed, member, score);
                    return Inserted::Added;
                }
                None => {}
            }
        }
        self.unpack().insert(member, score)
    }

    /// Removes a member and gives its score. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.repr {
            Repr::Packed(packed) => {
                let place = packed.view().find(member, 2)?;
                let score = packed.view().next(place).map(|at| score_of(packed.view().get(at)))?;
                packed.remove(place, 2);
                Some(score)
            }
            Repr::Large(large) => {
                let score = score::read(&large.scores.take(member)?);
                large.tree.remove(score, member);
                Some(score)
            }
        }
    }

    /// Removes the members of these ranks and shows them in order. O(log n + removed).
    pub fn remove_range(&mut self, ranks: Range<usize>, mut removed: impl FnMut(Element<'_>, f64)) {
        match &mut self.repr {
            Repr::Packed(packed) => {
                let view = SortedSetRef::Packed(packed.view());
                view.range(ranks.clone()).for_each(|(member, score)| removed(member, score));
                if let Some(place) = packed.view().seek(ranks.start as i64 * 2) {
                    packed.remove(place, ranks.len() * 2);
                }
            }
            Repr::Large(large) => {
                let Large { scores, tree } = &mut **large;
                let mut left = ranks.len();
                while left > 0 {
                    let done = tree.drain(ranks.start, left, |score, member| {
                        scores.remove(member);
                        removed(Element::Bytes(member), score);
                    });
                    if done == 0 {
                        break;
                    }
                    left -= done;
                }
            }
        }
    }

    /// A set of these members, each of which comes once; in ascending order they are added fastest. It is packed if the
    /// limits allow it.
    pub fn of_members<'a>(members: impl Iterator<Item = (&'a [u8], f64)> + Clone, limits: &Limits) -> SortedSet {
        let mut set = SortedSet::default();
        // Known beforehand, so that no score passes through a packed form, which knows no -0.
        let longest = members.clone().map(|(member, _)| member.len()).max().unwrap_or(0);
        set.expect(members.clone().count(), longest, limits);
        for (member, score) in members {
            set.insert(member, score, limits);
        }
        set
    }

    /// A set of packed members and scores by turns, which came from a dump: None if they are not pairs in the order of a
    /// sorted set. O(n).
    pub fn from_packed(packed: Packed) -> Option<SortedSet> {
        let view = packed.view();
        if !view.len().is_multiple_of(2) {
            return None;
        }
        let mut digits = itoa::Buffer::new();
        let mut members = HashSet::new();
        let mut last: Option<(f64, Vec<u8>)> = None;
        for (member, score) in view.pairs() {
            let score = match score {
                Element::Int(score) => score as f64,
                Element::Bytes(text) => number::parse_f64(text)?,
            };
            let member = member.bytes(&mut digits);
            let behind = Edge::Entry { score, member };
            if last.as_ref().is_some_and(|(score, last)| !behind.is_behind(*score, last)) {
                return None;
            }
            last = Some((score, member.to_vec()));
            if !members.insert(member.to_vec()) {
                return None;
            }
        }
        Some(SortedSet { repr: Repr::Packed(packed) })
    }

    fn unpack(&mut self) -> &mut Large {
        if let Repr::Packed(packed) = &self.repr {
            let mut large = Box::new(Large::default());
            let mut digits = itoa::Buffer::new();
            for (member, score) in SortedSetRef::Packed(packed.view()).iter() {
                large.insert(member.bytes(&mut digits), score);
            }
            self.repr = Repr::Large(large);
        }
        match &mut self.repr {
            Repr::Large(large) => large,
            // Packed ones were unpacked just now.
            Repr::Packed(_) => unreachable!("unpacked above"),
        }
    }
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet { repr: Repr::Packed(Packed::new()) }
    }
}

impl Large {
    fn insert(&mut self, member: &[u8], score: f64) -> Inserted {
        let short = Short::of(score);
        if let Some(there) = self.scores.get_mut(member) {
            let old = score::read(there);
            if old == score {
                return Inserted::Same;
            }
            if there.len() == short.len() {
                there.copy_from_slice(&short);
            } else {
                self.scores.insert(member, &short);
            }
            self.tree.remove(old, member);
            self.tree.insert(score, member);
            return Inserted::Updated;
        }
        self.scores.insert(member, &short);
        self.tree.insert(score, member);
        Inserted::Added
    }

    /// One step of a scan, see [`Dict::scan`]: shows members and scores.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.scores.scan(cursor, count, &mut |member, bits| visit(member, score::read(bits)))
    }
}

impl<'a> SortedSetRef<'a> {
    /// Members.
    pub fn len(self) -> usize {
        match self {
            SortedSetRef::Packed(packed) => packed.len() / 2,
            SortedSetRef::Large(large) => large.scores.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member. O(1) for a large set.
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            SortedSetRef::Packed(packed) => {
                let place = packed.find(member, 2)?;
                packed.next(place).map(|at| score_of(packed.get(at)))
            }
            SortedSetRef::Large(large) => large.scores.get(member).map(score::read),
        }
    }

    /// The rank of a member, from 0, and its score. O(log n).
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            SortedSetRef::Packed(packed) => {
                let member = Element::of(member);
                packed
                    .pairs()
                    .enumerate()
                    .find(|(_, (found, _))| *found == member)
                    .map(|(rank, (_, score))| (rank, score_of(score)))
            }
            SortedSetRef::Large(large) => {
                let score = large.scores.get(member).map(score::read)?;
                Some((large.tree.rank(&Edge::Entry { score, member }), score))
            }
        }
    }

    /// All members in order.
    pub fn iter(self) -> Members<'a> {
        self.range(0..self.len())
    }

    /// The members of these ranks in order. O(log n), then O(1) each.
    pub fn range(self, ranks: Range<usize>) -> Members<'a> {
        match self {
            SortedSetRef::Packed(packed) => match packed.seek(ranks.start as i64 * 2) {
                Some(place) => Members::Packed(packed.iter_from(place), ranks.len()),
                None => Members::Packed(packed.iter_from(packed.end()), 0),
            },
            SortedSetRef::Large(large) => Members::Large(large.tree.range(ranks.start, ranks.end)),
        }
    }

    /// The same members from the last to the first.
    pub fn range_back(self, ranks: Range<usize>) -> MembersBack<'a> {
        match self {
            SortedSetRef::Packed(packed) => {
                // From the place behind the last of them.
                let end = packed.seek(ranks.end as i64 * 2).unwrap_or(packed.end());
                MembersBack::Packed(packed, end, ranks.len())
            }
            SortedSetRef::Large(large) => MembersBack::Large(large.tree.range_back(ranks.start, ranks.end)),
        }
    }

    /// The members with scores in this range, in order.
    pub fn range_by_score(self, range: &ScoreRange) -> Members<'a> {
        self.range(self.ranks_by_score(range))
    }

    /// The ranks of the scores in this range. O(log n).
    pub fn ranks_by_score(self, range: &ScoreRange) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let start = self.rank_of(&Edge::Score { score: range.min, after: range.above_min });
        let end = self.rank_of(&Edge::Score { score: range.max, after: !range.below_max });
        start..end.max(start)
    }

    /// The ranks of the members in this range, if all scores are equal, without the first `skip` of a walk, which is from
    /// the end if `from_end`. O(log n). Where scores differ, the result depends on the encoding, as in Redis, and in a small
    /// set on which way is walked and on what is skipped.
    pub fn ranks_by_lex(self, range: &LexRange<'_>, from_end: bool, skip: usize) -> Range<usize> {
        match self {
            SortedSetRef::Large(large) => {
                let edge = |end, after| match end {
                    LexEnd::Min => 0,
                    LexEnd::Max => self.len(),
                    LexEnd::With(member) => large.tree.rank(&Edge::Member { member, after }),
                    LexEnd::Without(member) => large.tree.rank(&Edge::Member { member, after: !after }),
                };
                let (start, end) = (edge(range.min, false), edge(range.max, true));
                let end = end.max(start);
                let skip = skip.min(end - start);
                if from_end { start..end - skip } else { start + skip..end }
            }
            SortedSetRef::Packed(packed) => packed_ranks_by_lex(packed, range, from_end, skip),
        }
    }

    /// How many members lie in front of an edge.
    fn rank_of(self, edge: &Edge<'_>) -> usize {
        match self {
            // Only edges between scores are asked for here, so members need not be written out.
            SortedSetRef::Packed(packed) => {
                packed.pairs().take_while(|(_, score)| edge.is_behind(score_of(*score), b"")).count()
            }
            SortedSetRef::Large(large) => large.tree.rank(edge),
        }
    }
}

/// Members and scores in order.
#[derive(Clone)]
pub enum Members<'a> {
    /// Of a packed set; and how many are left.
    Packed(packed::Iter<'a>, usize),
    /// Of a large one.
    Large(tree::Iter<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Members::Packed(elements, left) => {
                *left = left.checked_sub(1)?;
                Some((elements.next()?, score_of(elements.next()?)))
            }
            Members::Large(entries) => entries.next().map(|(score, member)| (Element::Bytes(member), score)),
        }
    }
}

/// Members and scores from the last to the first.
#[derive(Clone)]
pub enum MembersBack<'a> {
    /// Of a packed set: the place behind the next one, and how many are left.
    Packed(PackedRef<'a>, usize, usize),
    /// Of a large one.
    Large(tree::IterBack<'a>),
}

impl<'a> Iterator for MembersBack<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            MembersBack::Packed(packed, place, left) => {
                *left = left.checked_sub(1)?;
                let score = packed.prev(*place)?;
                let member = packed.prev(score)?;
                *place = member;
                Some((packed.get(member), score_of(packed.get(score))))
            }
            MembersBack::Large(entries) => entries.next().map(|(score, member)| (Element::Bytes(member), score)),
        }
    }
}

impl Collection for SortedSet {
    const KIND: Type = Type::ZSet;
    const INLINE_MAX: usize = 8192;
    type View<'a> = SortedSetRef<'a>;

    fn view_inline(bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef::Packed(PackedRef::new(bytes))
    }

    fn view(&self) -> SortedSetRef<'_> {
        match &self.repr {
            Repr::Packed(packed) => SortedSetRef::Packed(packed.view()),
            Repr::Large(large) => SortedSetRef::Large(large),
        }
    }

    fn from_inline(bytes: Vec<u8>) -> SortedSet {
        SortedSet { repr: Repr::Packed(Packed::from_bytes(bytes)) }
    }

    fn inline(&self) -> Option<&[u8]> {
        match &self.repr {
            Repr::Packed(packed) => Some(packed.as_bytes()),
            Repr::Large(_) => None,
        }
    }

    fn into_buffer(self) -> Vec<u8> {
        match self.repr {
            Repr::Packed(packed) => packed.into_bytes(),
            Repr::Large(_) => Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        SortedSet::is_empty(self)
    }

    fn encoding(view: SortedSetRef<'_>) -> &'static str {
        match view {
            SortedSetRef::Packed(_) => "listpack",
            SortedSetRef::Large(_) => "skiplist",
        }
    }

    fn describe(view: SortedSetRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        let items = view.iter().flat_map(|(member, score)| {
            let mut text = Vec::new();
            number::write_f64(&mut text, score);
            [text.into(), member.to_vec().into()]
        });
        describe_items(b"ZADD", key, items, commands);
    }
}

// ---- below ---------------------------------------------------------------------------------------------------------------

/// A packed score: a whole number is an integer, anything else a text.
#[inline]
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(score) => score as f64,
        Element::Bytes(text) => number::parse_f64(text).unwrap_or(0.0),
    }
}

/// Adds a member that is not there.
fn insert_packed(packed: &mut Packed, member: &[u8], score: f64) {
    /// Redis writes whole numbers up to here as integers, and others as texts (double2ll).
    const INT_MAX: f64 = (1u64 << 62) as f64;
    let view = packed.view();
    let mut digits = itoa::Buffer::new();
    let mut place = view.end();
    let mut at = view.first();
    while let Some(found) = at {
        let Some(score_at) = view.next(found) else { break };
        let other = score_of(view.get(score_at));
        if other > score || (other == score && view.get(found).bytes(&mut digits) > member) {
            place = found;
            break;
        }
        at = view.next(score_at);
    }
    let mut text = Vec::new();
    let score = if score.trunc() == score && score.abs() <= INT_MAX {
        Element::Int(score as i64)
    } else {
        number::write_f64(&mut text, score);
        Element::of(&text)
    };
    packed.insert(place, score);
    packed.insert(place, Element::of(member));
}

/// Walks as Redis walks over its listpacks, which matters where scores differ: what is skipped need not be in the range.
fn packed_ranks_by_lex(packed: PackedRef<'_>, range: &LexRange<'_>, from_end: bool, skip: usize) -> Range<usize> {
    let mut digits = itoa::Buffer::new();
    let len = packed.len() / 2;
    let members = || packed.pairs().map(|(member, _)| member);
    let mut first_is = |at: usize, test: &dyn Fn(&[u8]) -> bool| {
        members().nth(at).is_some_and(|member| test(member.bytes(&mut digits)))
    };
    if len == 0
        || !first_is(len - 1, &|member| range.reaches(member))
        || !first_is(0, &|member| range.holds_below(member))
    {
        return 0..0;
    }
    let mut digits = itoa::Buffer::new();
    if from_end {
        let all: Vec<Element<'_>> = members().collect();
        let Some(last) = all.iter().rposition(|member| range.holds_below(member.bytes(&mut digits))) else {
            return 0..0;
        };
        let Some(last) = last.checked_sub(skip) else { return 0..0 };
        let count = all[..=last].iter().rev().take_while(|member| range.reaches(member.bytes(&mut digits))).count();
        return last + 1 - count..last + 1;
    }
    let Some(start) = members().position(|member| range.reaches(member.bytes(&mut digits))) else { return 0..0 };
    let start = start.saturating_add(skip).min(len);
    let count = members().skip(start).take_while(|member| range.holds_below(member.bytes(&mut digits))).count();
    start..start + count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SMALL: Limits = Limits { zset_entries: 8, zset_value: 6, ..DEFAULT };
    const DEFAULT: Limits = Limits {
        hash_entries: 0,
        hash_value: 0,
        list_size: 0,
        set_ints: 0,
        set_entries: 0,
        set_value: 0,
        zset_entries: 128,
        zset_value: 64,
        stream_bytes: 0,
        stream_entries: 0,
        hll_sparse: 0,
    };

    fn of(members: &[(&str, f64)]) -> SortedSet {
        SortedSet::of_members(members.iter().map(|(member, score)| (member.as_bytes(), *score)), &DEFAULT)
    }

    fn shown(set: &SortedSet) -> String {
        let show =
            |(member, score): (Element<'_>, f64)| format!("{}={score}", String::from_utf8_lossy(&member.to_vec()));
        Collection::view(set).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_order_is_by_score_then_bytes() {
        let mut set = of(&[("b", 1.0), ("a", 1.0), ("10", 1.0), ("9", 1.0), ("x", -2.5), ("y", f64::INFINITY)]);
        assert_eq!(shown(&set), "x=-2.5 10=1 9=1 a=1 b=1 y=inf");
        assert_eq!(set.insert(b"b", 0.0, &DEFAULT), Inserted::Updated);
        assert_eq!(set.insert(b"b", -0.0, &DEFAULT), Inserted::Same);
        assert_eq!(set.insert(b"c", -0.0, &DEFAULT), Inserted::Added);
        assert_eq!(shown(&set), "x=-2.5 b=0 c=0 10=1 9=1 a=1 y=inf");
        assert_eq!(set.remove(b"10"), Some(1.0));
        assert_eq!(set.remove(b"10"), None);
        assert_eq!(set.score(b"9"), Some(1.0));
    }

    #[test]
    fn scores_are_packed_as_by_redis() {
        let set = of(&[("a", 1.5), ("b", 4e18), ("c", 5e18), ("d", 1e-10), ("e", 3.0)]);
        let SortedSetRef::Packed(packed) = Collection::view(&set) else { panic!("packed") };
        let scores: Vec<_> =
            packed.pairs().map(|(_, score)| (score.int(), String::from_utf8(score.to_vec()))).collect();
        let expected = ["1e-10", "1.5", "3", "4000000000000000000", "5e+18"];
        assert!(scores.iter().map(|(_, text)| text.clone()).eq(expected.map(|text| Ok(text.to_string()))));
        assert_eq!(scores.iter().map(|(int, _)| int.is_some()).collect::<Vec<_>>(), [false, false, true, true, false]);
    }

    #[test]
    fn what_comes_from_a_dump_is_checked() {
        let packed = |items: &[&str]| {
            let mut packed = Packed::new();
            items.iter().for_each(|item| packed.push_back(Element::of(item.as_bytes())));
            SortedSet::from_packed(packed).map(|set| shown(&set))
        };
        assert_eq!(packed(&["a", "1", "b", "1", "0", "inf"]).as_deref(), Some("a=1 b=1 0=inf"));
        for bad in [&["a"][..], &["a", "x"], &["b", "1", "a", "1"], &["a", "1", "a", "2"], &["a", "nan"]] {
            assert_eq!(packed(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn packed_and_large_are_the_same_set(
            steps in vec((0u8..8, "[0-9a-c]{1,7}", -4i32..5), 1..120),
            entries in 4usize..40,
        ) {
            let limits = Limits { zset_entries: entries, ..SMALL };
            let (mut set, mut model) = (SortedSet::default(), BTreeMap::<Vec<u8>, f64>::new());
            for (what, member, score) in steps {
                let (member, score) = (member.into_bytes(), f64::from(score) / 2.0);
                match what {
                    0 => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                    _ => {
                        let expected = match model.insert(member.clone(), score) {
                            None => Inserted::Added,
                            Some(old) if old == score => Inserted::Same,
                            Some(_) => Inserted::Updated,
                        };
                        prop_assert_eq!(set.insert(&member, score, &limits), expected);
                    }
                }
            }
            let mut sorted: Vec<(f64, Vec<u8>)> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
            sorted.sort_by(|one, two| one.partial_cmp(two).expect("no NaN"));
            let view = Collection::view(&set);
            let own = |(member, score): (Element<'_>, f64)| (score, member.to_vec());
            prop_assert_eq!(view.iter().map(own).collect::<Vec<_>>(), sorted.clone());
            prop_assert_eq!(set.len(), sorted.len());
            let len = sorted.len();
            for start in 0..len {
                prop_assert_eq!(view.rank(&sorted[start].1), Some((start, sorted[start].0)));
                let end = (start + 3).min(len);
                prop_assert_eq!(view.range(start..end).map(own).collect::<Vec<_>>(), &sorted[start..end]);
                let mut back = view.range_back(start..end).map(own).collect::<Vec<_>>();
                back.reverse();
                prop_assert_eq!(back, &sorted[start..end]);
                for (above_min, below_max) in [(false, false), (true, true)] {
                    let range = ScoreRange { min: -1.0, max: sorted[start].0, above_min, below_max };
                    let inside = |score: f64| {
                        (score > -1.0 || !above_min && score == -1.0) && (score < range.max || !below_max && score == range.max)
                    };
                    let expected: Vec<_> = sorted.iter().filter(|(score, _)| inside(*score)).cloned().collect();
                    prop_assert_eq!(view.range_by_score(&range).map(own).collect::<Vec<_>>(), expected);
                }
            }
            let (start, end) = (len / 3, len / 2);
            let mut gone = Vec::new();
            set.remove_range(start..end, |member, score| gone.push((score, member.to_vec())));
            prop_assert_eq!(&gone, &sorted[start..end]);
            sorted.drain(start..end);
            prop_assert_eq!(Collection::view(&set).iter().map(own).collect::<Vec<_>>(), sorted);
        }

        #[test]
        fn members_in_a_range(members in vec("[a-c]{0,3}", 1..40), min in "[a-c]{0,3}", max in "[a-c]{0,3}", kind in 0u8..16, skip in 0usize..4) {
            let members: std::collections::BTreeSet<String> = members.into_iter().collect();
            let end = |kind, text| match kind % 4 {
                0 => LexEnd::Min,
                1 => LexEnd::Max,
                2 => LexEnd::With(text),
                _ => LexEnd::Without(text),
            };
            let range = LexRange { min: end(kind, min.as_bytes()), max: end(kind / 4, max.as_bytes()) };
            let inside = |member: &&String| range.reaches(member.as_bytes()) && range.holds_below(member.as_bytes());
            let expected: Vec<&String> = members.iter().filter(inside).collect();
            for limits in [DEFAULT, Limits { zset_entries: 0, ..DEFAULT }] {
                let all = members.iter().map(|member| (member.as_bytes(), 0.0));
                let set = SortedSet::of_members(all, &limits);
                for from_end in [false, true] {
                    let ranks = Collection::view(&set).ranks_by_lex(&range, from_end, skip);
                    let found: Vec<_> = Collection::view(&set).range(ranks).map(|(member, _)| member.to_vec()).collect();
                    let mut expected: Vec<_> = expected.iter().map(|member| member.as_bytes().to_vec()).collect();
                    match from_end {
                        true => expected.truncate(expected.len().saturating_sub(skip)),
                        false => drop(expected.drain(..skip.min(expected.len()))),
                    }
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
