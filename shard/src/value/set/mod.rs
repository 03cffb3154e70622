//! Sets: integers in order while all members are such, a packed sequence while there are few and short ones, a table
//! otherwise. When one becomes another is as in Redis 8.0 (`t_set.c`), so OBJECT ENCODING says the same.

mod algebra;
mod ints;
mod random;

pub use algebra::{difference, difference_of, intersection, intersection_of, union, union_of};
pub use ints::{Ints, IntsRef};

use crate::value::Collection;
use crate::value::collection::describe_items;
use crate::value::dict::{self, Dict};
use crate::value::kind::Type;
use crate::value::limits::Limits;
use crate::value::packed::{self, Element, Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::number;

/// See the module's documentation. An empty one is only ever on its way to have members, or to be removed.
#[derive(Clone, Debug)]
pub enum Set {
    /// `intset`.
    Ints(Ints),
    /// `listpack`, in the order in which members were added.
    Packed(Packed),
    /// `hashtable`: members with empty values.
    Table(Dict),
}

/// A set to be read.
///
/// Members are given as elements. Those of a table are bytes even where they are numbers; all functions here take them so.
#[derive(Clone, Copy)]
pub enum SetRef<'a> {
    /// See [`Set::Ints`].
    Ints(IntsRef<'a>),
    /// See [`Set::Packed`].
    Packed(PackedRef<'a>),
    /// See [`Set::Table`].
    Table(&'a Dict),
}

impl Default for Set {
    fn default() -> Set {
        Set::Packed(Packed::new())
    }
}

/// The element in its canonical form.
#[inline]
fn canonical(member: Element<'_>) -> Element<'_> {
    match member {
        Element::Bytes(bytes) => Element::of(bytes),
        number => number,
    }
}

impl<'a> SetRef<'a> {
    /// The number of members. O(1).
    #[inline]
    pub fn len(self) -> usize {
        match self {
            SetRef::Ints(ints) => ints.len(),
            SetRef::Packed(packed) => packed.len(),
            SetRef::Table(table) => table.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether this is a member. O(1) for a table, O(log n) for integers, O(n) for packed ones. Allocates nothing.
    #[inline]
    pub fn contains(self, member: Element<'_>) -> bool {
        match self {
            SetRef::Ints(ints) => canonical(member).int().is_some_and(|value| ints.contains(value)),
            SetRef::Packed(packed) => {
                let member = canonical(member);
                packed.iter().any(|other| other == member)
            }
            SetRef::Table(table) => table.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// The members: integers ascending, packed ones as they were added.
    pub fn iter(self) -> Iter<'a> {
        match self {
            SetRef::Ints(ints) => Iter::Ints(ints.iter()),
            SetRef::Packed(packed) => Iter::Packed(packed.iter()),
            SetRef::Table(table) => Iter::Table(table.iter()),
        }
    }

    /// Redis's name for the encoding.
    pub fn encoding(self) -> &'static str {
        match self {
            SetRef::Ints(_) => "intset",
            SetRef::Packed(_) => "listpack",
            SetRef::Table(_) => "hashtable",
        }
    }
}

/// See [`SetRef::iter`].
pub enum Iter<'a> {
    /// Of integers.
    Ints(ints::Iter<'a>),
    /// Of a packed set.
    Packed(packed::Iter<'a>),
    /// Of a table.
    Table(dict::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Iter::Ints(ints) => ints.next().map(Element::Int),
            Iter::Packed(packed) => packed.next(),
            Iter::Table(table) => table.next().map(|(member, _)| Element::Bytes(member)),
        }
    }
}

impl Set {
    /// An empty set in the encoding that Redis chooses for one of about `expected` members of which this is the first.
    pub fn create(first: &[u8], expected: usize, limits: &Limits) -> Set {
        if expected <= limits.set_ints && number::parse_i64(first).is_some() {
            Set::Ints(Ints::new())
        } else if expected <= limits.set_entries {
            Set::Packed(Packed::new())
        } else {
            Set::Table(Dict::new())
        }
    }

    /// Prepares for `expected` members to come: at once a table if those alone are too many for the present encoding.
    pub fn expect(&mut self, expected: usize, limits: &Limits) {
        let max = match self {
            Set::Ints(_) => limits.set_ints,
            Set::Packed(_) => limits.set_entries,
            Set::Table(_) => return,
        };
        if expected > max {
            self.make_table();
        }
    }

    /// The set, to be read.
    #[inline]
    pub fn view(&self) -> SetRef<'_> {
        match self {
            Set::Ints(ints) => SetRef::Ints(ints.view()),
            Set::Packed(packed) => SetRef::Packed(packed.view()),
            Set::Table(table) => SetRef::Table(table),
        }
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.heap_bytes(),
            Set::Packed(packed) => packed.heap_bytes(),
            Set::Table(table) => table.heap_bytes(),
        }
    }

    /// Adds a member; false if it was there. O(1) for a table, O(n) otherwise.
    pub fn add(&mut self, member: Element<'_>, limits: &Limits) -> bool {
        match self {
            Set::Table(table) => return table.insert(member.bytes(&mut itoa::Buffer::new()), b""),
            Set::Packed(packed) => {
                let member = canonical(member);
                if packed.view().iter().any(|other| other == member) {
                    return false;
                }
                if packed.len() < limits.set_entries && member.len() <= limits.set_value {
                    packed.push_back(member);
                    return true;
                }
            }
            Set::Ints(ints) => {
                if let Some(value) = canonical(member).int() {
                    let is_new = ints.insert(value);
                    if is_new && ints.view().len() > limits.set_ints.min(1 << 30) {
                        self.make_table();
                    }
                    return is_new;
                }
                let view = ints.view();
                let longest = [view.min(), view.max()].into_iter().flatten().map(number::decimal_len).max();
                if view.len() < limits.set_entries && longest.unwrap_or(0).max(member.len()) <= limits.set_value {
                    let mut packed = Packed::new();
                    view.iter().for_each(|value| packed.push_back(Element::Int(value)));
                    packed.push_back(member);
                    *self = Set::Packed(packed);
                    return true;
                }
            }
        }
        // It does not fit in here, and is no member yet.
        self.make_table().insert(member.bytes(&mut itoa::Buffer::new()), b"")
    }

    /// Removes a member; false if there is no such one. O(1) for a table, O(n) otherwise. The encoding stays.
    pub fn remove(&mut self, member: Element<'_>) -> bool {
        match self {
            Set::Table(table) => table.remove(member.bytes(&mut itoa::Buffer::new())),
            Set::Ints(ints) => canonical(member).int().is_some_and(|value| ints.remove(value)),
            Set::Packed(packed) => {
                let place = packed.view().find(member.bytes(&mut itoa::Buffer::new()), 1);
                place.is_some_and(|place| packed.remove(place, 1) > 0)
            }
        }
    }

    /// Turns a set that has only integers into such an encoding, unless there are too many of them.
    pub fn make_ints(&mut self, limits: &Limits) {
        if matches!(self, Set::Ints(_)) || self.view().len() > limits.set_ints.min(1 << 30) {
            return;
        }
        let values: Option<Vec<i64>> = self.view().iter().map(|member| canonical(member).int()).collect();
        let Some(mut values) = values else { return };
        values.sort_unstable();
        let mut ints = Ints::new();
        for value in values {
            ints.insert(value);
        }
        *self = Set::Ints(ints);
    }

    /// Turns it into a table, whatever it is.
    fn make_table(&mut self) -> &mut Dict {
        if !matches!(self, Set::Table(_)) {
            let mut table = Dict::new();
            let mut digits = itoa::Buffer::new();
            for member in self.view().iter() {
                table.insert(member.bytes(&mut digits), b"");
            }
            *self = Set::Table(table);
        }
        match self {
            Set::Table(table) => table,
            // It has just become one.
            Set::Ints(_) | Set::Packed(_) => unreachable!(),
        }
    }
}

impl Collection for Set {
    const KIND: Type = Type::Set;
    const INLINE_MAX: usize = 4096;
    type View<'a> = SetRef<'a>;

    fn view_inline(bytes: &[u8]) -> SetRef<'_> {
        IntsRef::new(bytes).map_or_else(|| SetRef::Packed(PackedRef::new(bytes)), SetRef::Ints)
    }

    fn view(&self) -> SetRef<'_> {
        Set::view(self)
    }

    fn from_inline(bytes: Vec<u8>) -> Set {
        Ints::from_bytes(bytes).map_or_else(|bytes| Set::Packed(Packed::from_bytes(bytes)), Set::Ints)
    }

    fn inline(&self) -> Option<&[u8]> {
        match self {
            Set::Ints(ints) => Some(ints.as_bytes()),
            Set::Packed(packed) => Some(packed.as_bytes()),
            Set::Table(_) => None,
        }
    }

    fn into_buffer(self) -> Vec<u8> {
        match self {
            Set::Ints(ints) => ints.into_bytes(),
            Set::Packed(packed) => packed.into_bytes(),
            Set::Table(_) => Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        Set::view(self).is_empty()
    }

    fn encoding(view: SetRef<'_>) -> &'static str {
        view.encoding()
    }

    fn describe(view: SetRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        describe_items(b"SADD", key, view.iter().map(|member| member.to_vec().into()), commands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    pub(super) fn members(set: &Set) -> Vec<Vec<u8>> {
        set.view().iter().map(Element::to_vec).collect()
    }

    /// A set with these members, added one by one.
    pub(super) fn set_of<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> Set {
        let mut set: Option<Set> = None;
        for member in members {
            let limits = Limits::default();
            set.get_or_insert_with(|| Set::create(member, 1, &limits)).add(Element::of(member), &limits);
        }
        set.unwrap_or_default()
    }

    #[test]
    fn encodings_change_where_those_of_redis_do() {
        // Observed with Redis 8.0 under the same limits.
        let limits = Limits { set_ints: 5, set_entries: 8, set_value: 4, ..Limits::default() };
        let cases: &[(&[&str], &str)] = &[
            (&["1 2 3 4 5"], "intset"),
            (&["1 2 3 4 5", "5"], "intset"),
            (&["1 2 3 4 5", "6"], "hashtable"),
            (&["1 2 3 4 5 6"], "listpack"),
            (&["1 2 3 4 5 6 7 8 9"], "hashtable"),
            (&["1 1 1 1 1 1"], "listpack"),
            (&["1 2 3", "a"], "listpack"),
            (&["1 2 3", "abcde"], "hashtable"),
            (&["1 2 30000", "a"], "hashtable"),
            (&["1 2 -3000", "a"], "hashtable"),
            (&["1 2 3", "4 5 6 7 8 9"], "hashtable"),
            (&["a b c d e f g h"], "listpack"),
            (&["a b c d e f g h", "i"], "hashtable"),
            (&["a b c d e f g h i"], "hashtable"),
            (&["a b c d e f g", "1 2"], "hashtable"),
            (&["a 12345"], "hashtable"),
            (&["a 1234"], "listpack"),
        ];
        for (steps, encoding) in cases {
            let mut set: Option<Set> = None;
            for step in *steps {
                let words: Vec<&str> = step.split(' ').collect();
                let set = set.get_or_insert_with(|| Set::create(words[0].as_bytes(), words.len(), &limits));
                set.expect(words.len(), &limits);
                for word in words {
                    set.add(Element::Bytes(word.as_bytes()), &limits);
                }
            }
            assert_eq!(set.map(|set| set.view().encoding()), Some(*encoding), "{steps:?}");
        }
    }

    #[test]
    fn inline_bytes_are_read_as_what_they_are() {
        for words in [&["3", "1", "-70000"][..], &["b", "a", "17"]] {
            let set = set_of(words.iter().map(|word| word.as_bytes()));
            let bytes = set.inline().expect("small ones are inline").to_vec();
            assert_eq!(Set::view_inline(&bytes).encoding(), set.view().encoding());
            assert_eq!(members(&Set::from_inline(bytes)), members(&set));
        }
    }

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            5 => (-30i64..30).prop_map(|number| number.to_string().into_bytes()),
            1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            1 => "[a-c]{0,3}".prop_map(String::into_bytes),
            1 => (60usize..70).prop_map(|len| vec![b'y'; len]),
            1 => Just(b"007".to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(
            steps in proptest::collection::vec((0..5u8, word()), 1..150),
            ints in 0usize..40,
            entries in 0usize..20,
        ) {
            let limits = Limits { set_ints: ints, set_entries: entries, ..Limits::default() };
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for (what, word) in steps {
                if model.is_empty() {
                    set = Set::create(&word, 1, &limits);
                }
                // As it comes from a client or a table, and as it comes from a packed set.
                let member = if what % 2 == 0 { Element::Bytes(&word) } else { Element::of(&word) };
                prop_assert_eq!(set.view().contains(member), model.contains(&word));
                match what {
                    0..3 => prop_assert_eq!(set.add(member, &limits), model.insert(word)),
                    _ => prop_assert_eq!(set.remove(member), model.remove(&word)),
                }
                prop_assert_eq!(set.view().len(), model.len());
                prop_assert_eq!(members(&set).into_iter().collect::<BTreeSet<_>>(), model.clone());
                let mut other = set.clone();
                other.make_ints(&limits);
                prop_assert_eq!(members(&other).into_iter().collect::<BTreeSet<_>>(), model.clone());
            }
        }
    }
}
