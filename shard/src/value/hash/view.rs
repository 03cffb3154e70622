//! Hashes to be read, in whichever form.

use super::packed::{PAIR, TRIPLE, deadline_at, find_from};
use super::table::{self, Table};
use crate::value::collection::describe_items;
use crate::value::packed::{self, Element, PackedRef};
use curfew_protocol::args::OwnedArgs;

/// A hash, borrowed. See [`super::Hash`] for the forms.
#[derive(Clone, Copy)]
pub enum HashRef<'a> {
    /// Fields and values.
    Packed(PackedRef<'a>),
    /// Fields, values and deadlines.
    Timed(PackedRef<'a>),
    /// A dictionary.
    Table(&'a Table),
}

impl<'a> HashRef<'a> {
    /// Fields. O(1).
    #[allow(clippy::len_without_is_empty)] // none is kept empty
    pub fn len(self) -> usize {
        match self {
            HashRef::Packed(packed) => packed.len() / PAIR,
            HashRef::Timed(packed) => packed.len() / TRIPLE,
            HashRef::Table(table) => table.len(),
        }
    }

    /// The value of a field. O(fields) packed, O(1) in a table.
    #[inline]
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        self.finder().get(field)
    }

    /// Whether a field is there. As [`HashRef::get`].
    pub fn contains(self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// For getting several fields: quick where they are asked for in the order in which they stand.
    #[inline]
    pub fn finder(self) -> Finder<'a> {
        Finder { view: self, hint: 0 }
    }

    /// The deadline of a field: None if there is no such field, `Some(None)` if it has none. As [`HashRef::get`].
    pub fn deadline(self, field: &[u8]) -> Option<Option<i64>> {
        match self {
            HashRef::Packed(packed) => packed.find(field, PAIR).map(|_| None),
            HashRef::Timed(packed) => {
                packed.find(field, TRIPLE).map(|place| Some(deadline_at(packed, place)).filter(|at| *at != 0))
            }
            HashRef::Table(table) => table.get(field).map(|_| table.deadline(field)),
        }
    }

    /// The deadlines in order, with their fields.
    pub fn deadlines(self) -> impl Iterator<Item = (i64, Element<'a>)> {
        let (packed, table) = match self {
            HashRef::Packed(_) => (None, None),
            HashRef::Timed(packed) => (Some(packed.iter()), None),
            HashRef::Table(table) => (None, Some(table.deadlines())),
        };
        let packed = packed.into_iter().flat_map(|mut elements| {
            std::iter::from_fn(move || {
                let (field, _, deadline) = (elements.next()?, elements.next()?, elements.next()?);
                // The first without one is followed by its like.
                deadline.int().filter(|at| *at != 0).map(|at| (at, field))
            })
        });
        packed.chain(table.into_iter().flatten().map(|(at, field)| (at, Element::Bytes(field))))
    }

    /// All fields with their values.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        match self {
            HashRef::Packed(packed) => Iter::Packed(packed.iter()),
            HashRef::Timed(packed) => Iter::Timed(packed.iter()),
            HashRef::Table(table) => Iter::Table(table.iter()),
        }
    }

    /// A random field with its value, chosen by `random`; None of an empty hash. O(1) if [`HashRef::draws_quickly`], else
    /// O(fields).
    pub fn random(self, random: u64) -> Option<(Element<'a>, Element<'a>)> {
        let (packed, size) = match self {
            HashRef::Packed(packed) => (packed, PAIR),
            HashRef::Timed(packed) => (packed, TRIPLE),
            HashRef::Table(table) => {
                let (field, value) = table.random(random)?;
                return Some((Element::Bytes(field), Element::Bytes(value)));
            }
        };
        let index = ((u128::from(random) * self.len() as u128) >> 64) as usize;
        let mut elements = packed.iter_from(packed.seek((index * size) as i64)?);
        Some((elements.next()?, elements.next()?))
    }

    /// Whether drawing a random field takes O(1) and not O(fields).
    pub fn draws_quickly(self) -> bool {
        matches!(self, HashRef::Table(table) if table.draws_quickly())
    }

    /// One step of a scan, see [`crate::value::dict::Dict::scan`]; a packed hash comes all at once.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Element<'_>, Element<'_>)) -> u64 {
        if let HashRef::Table(table) = self {
            let mut visit = |field: &[u8], value: &[u8]| visit(Element::Bytes(field), Element::Bytes(value));
            return table.scan(cursor, count, &mut visit);
        }
        self.iter().for_each(|(field, value)| visit(field, value));
        0
    }

    /// HSET for the fields, HPEXPIREAT for the deadlines.
    pub(super) fn describe(self, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        /// Fields in one HPEXPIREAT at most.
        const GROUP: usize = 64;
        let items = self.iter().flat_map(|(field, value)| [field, value]);
        describe_items(b"HSET", key, items.map(|item| item.to_vec().into()), commands);
        let (mut group, mut due): (Vec<Element<'a>>, i64) = (Vec::new(), 0);
        let mut leave = |due: i64, group: &mut Vec<Element<'a>>| {
            if group.is_empty() {
                return;
            }
            let (mut one, mut two) = (itoa::Buffer::new(), itoa::Buffer::new());
            let (due, count) = (one.format(due).as_bytes(), two.format(group.len()).as_bytes());
            let mut command = OwnedArgs::from_slices(&[b"HPEXPIREAT", key, due, b"FIELDS", count]);
            group.drain(..).for_each(|field| command.push(field.bytes(&mut itoa::Buffer::new())));
            commands.push(command);
        };
        for (at, field) in self.deadlines() {
            if at != due || group.len() == GROUP {
                leave(due, &mut group);
                due = at;
            }
            group.push(field);
        }
        leave(due, &mut group);
    }
}

/// See [`HashRef::finder`].
pub struct Finder<'a> {
    view: HashRef<'a>,
    /// The place behind what was found last; 0 for none.
    hint: usize,
}

impl<'a> Finder<'a> {
    /// The value of a field.
    #[inline]
    pub fn get(&mut self, field: &[u8]) -> Option<Element<'a>> {
        let (packed, size) = match self.view {
            HashRef::Packed(packed) => (packed, PAIR),
            HashRef::Timed(packed) => (packed, TRIPLE),
            HashRef::Table(table) => return table.get(field).map(Element::Bytes),
        };
        let place = find_from(packed, field, size, self.hint)?;
        let at = packed.next(place)?;
        let mut behind = packed.next(at);
        if size == TRIPLE {
            behind = behind.and_then(|deadline| packed.next(deadline));
        }
        self.hint = behind.unwrap_or(0);
        Some(packed.get(at))
    }
}

/// See [`HashRef::iter`].
pub enum Iter<'a> {
    /// Of [`HashRef::Packed`].
    Packed(packed::Iter<'a>),
    /// Of [`HashRef::Timed`].
    Timed(packed::Iter<'a>),
    /// Of [`HashRef::Table`].
    Table(table::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Packed(elements) => Some((elements.next()?, elements.next()?)),
            Iter::Timed(elements) => {
                let pair = (elements.next()?, elements.next()?);
                elements.next();
                Some(pair)
            }
            Iter::Table(items) => items.next().map(|(field, value)| (Element::Bytes(field), Element::Bytes(value))),
        }
    }
}
