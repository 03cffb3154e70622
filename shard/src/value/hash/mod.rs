//! Hashes: fields with values, and fields with deadlines of their own.
//!
//! | form | OBJECT ENCODING | kept |
//! |---|---|---|
//! | packed: field, value, field, value, ... | listpack | inside the entry up to [`Collection::INLINE_MAX`] |
//! | packed with deadlines: field, value, deadline, ... | listpackex | as an object |
//! | [`Table`]: a dictionary, and deadlines beside it | hashtable | as an object |
//!
//! The second form is that of Redis, so DUMP copies it: sorted by deadline, fields without one (deadline 0) last. The next
//! field that is due stands first, and a new field is appended. A hash becomes one of the later forms when it must
//! (`hash-max-listpack-*`, a first deadline) and never goes back, as in Redis (t_hash.c).
//!
//! A field is gone once now > deadline. Nothing here looks at the clock: `Unit` says what is due before anybody sees it
//! ([`Hash::expire`]). From then on it is in no view; what it takes is freed by [`Hash::sweep`], for large ones in slices.

mod filter;
mod packed;
mod table;
mod view;

pub use table::{ShowName, Table};
pub use view::{Finder, HashRef, Iter};

use crate::value::Collection;
use crate::value::dict::Dict;
use crate::value::kind::Type;
use crate::value::limits::Limits;
use crate::value::packed::{Element, Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;
use filter::Filter;
use packed::{PAIR, TRIPLE, deadline_at, find_from};

/// Fields that a command must set at least for the [`Filter`] to be worth its making.
const FILTER_MIN: usize = 8;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Packed(Packed),
    Timed(Packed),
    Table(Box<Table>),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash { form: Form::Packed(Packed::new()) }
    }
}

impl Hash {
    /// Fields and values of a large one, with fields that are gone but not freed: for prefetching. O(1).
    pub fn items(&self) -> Option<&Dict> {
        match &self.form {
            Form::Table(table) => Some(table.items()),
            Form::Packed(_) | Form::Timed(_) => None,
        }
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Packed(packed) | Form::Timed(packed) => packed.heap_bytes(),
            Form::Table(table) => size_of::<Table>() + table.heap_bytes(),
        }
    }

    /// Sets fields as HSET does; tells how many are new. Deadlines of fields that were there are cleared unless `keep` is
    /// said. O(n) for n fields in a table; packed, O(n + the fields there) in the usual cases of new fields and of fields in
    /// the order in which they are there, else O(n * the fields there).
    pub fn set_all<'p>(
        &mut self,
        pairs: impl ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone,
        keep: bool,
        limits: &Limits,
    ) -> usize {
        // Redis looks at all arguments before the first is set, so that a value that is overwritten in the same command
        // counts too.
        let too_long = |bytes: &[u8]| bytes.len() > limits.hash_value;
        let convert =
            pairs.len() > limits.hash_entries || pairs.clone().any(|(field, value)| too_long(field) || too_long(value));
        if convert {
            self.make_table();
        }
        let mut filter = match &self.form {
            Form::Packed(packed) if pairs.len() >= FILTER_MIN => Some(Filter::of(packed.view())),
            _ => None,
        };
        let (mut created, mut hint) = (0, 0);
        for (field, value) in pairs {
            // What the filter has never seen is not there: no need to look.
            let is_new = filter.as_mut().is_some_and(|filter| filter.insert(Element::of(field)));
            created += usize::from(match &mut self.form {
                Form::Packed(packed) if is_new => {
                    packed.push_back(Element::of(field));
                    packed.push_back(Element::of(value));
                    true
                }
                Form::Packed(packed) => set_packed(packed, field, value, &mut hint),
                Form::Timed(packed) => set_timed(packed, field, value, keep),
                Form::Table(table) => table.set(field, value, keep),
            });
            self.check_entries(limits);
        }
        created
    }

    /// Sets one field; tells whether it is new. See [`Hash::set_all`].
    pub fn set(&mut self, field: &[u8], value: &[u8], keep: bool, limits: &Limits) -> bool {
        self.set_all(std::iter::once((field, value)), keep, limits) > 0
    }

    /// The value of a field. As [`HashRef::get`].
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        self.view().get(field)
    }

    /// The deadline of a field. As [`HashRef::deadline`].
    pub fn deadline(&self, field: &[u8]) -> Option<Option<i64>> {
        self.view().deadline(field)
    }

    /// Removes a field; false if it is not there. O(fields) packed, amortized O(1) in a table.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(packed) => remove_packed(packed, field, PAIR),
            Form::Timed(packed) => remove_packed(packed, field, TRIPLE),
            Form::Table(table) => table.remove(field),
        }
    }

    /// Gets ready for deadlines, as Redis does as soon as a command might set some. O(fields), once.
    pub fn make_timed(&mut self) {
        let Form::Packed(packed) = &self.form else { return };
        let mut timed = Packed::new();
        for (field, value) in packed.view().pairs() {
            timed.push_back(field);
            timed.push_back(value);
            timed.push_back(Element::Int(0));
        }
        self.form = Form::Timed(timed);
    }

    /// Gives a field a deadline (Unix milliseconds, positive), or takes it away; false if the field is not there. O(fields)
    /// packed, O(log n) in a table of n deadlines.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        if deadline.is_some() {
            self.make_timed();
        }
        match &mut self.form {
            Form::Packed(packed) => packed.view().find(field, PAIR).is_some(),
            Form::Timed(packed) => set_packed_deadline(packed, field, deadline.unwrap_or(0)),
            Form::Table(table) => table.set_deadline(field, deadline),
        }
    }

    /// When the first of its fields is due, in Unix milliseconds. O(1).
    pub fn due(&self) -> Option<i64> {
        match &self.form {
            Form::Packed(_) => None,
            Form::Timed(packed) => {
                let view = packed.view();
                let first = view.first()?;
                Some(deadline_at(view, first)).filter(|due| *due != 0)
            }
            Form::Table(table) => table.due(),
        }
    }

    /// The time (Unix milliseconds) after which there is something to be done: fields are due, or more of those that are gone
    /// are to be swept. O(1).
    pub fn wakes(&self) -> Option<i64> {
        match &self.form {
            Form::Table(table) => table.wakes(),
            _ => self.due(),
        }
    }

    /// Whether it has fields, and every one is past its deadline: nobody is to see such a hash. False of a hash of which nothing
    /// is left, as it is then the emptied value that its owner removes. O(1), in a table O(log n).
    pub fn all_due(&self, now: i64) -> bool {
        match &self.form {
            Form::Packed(_) => false,
            // The last one has the latest deadline, or none.
            Form::Timed(packed) => {
                packed.view().iter().next_back().and_then(Element::int).is_some_and(|at| at != 0 && at < now)
            }
            Form::Table(table) => table.all_due(now),
        }
    }

    /// The fields that are due, those whose deadlines are before `now` (Unix milliseconds), are gone from here on. Tells how
    /// many these are, and shows their names in the order of the deadlines to whoever wants them. O(log n) in a table but for
    /// showing them; packed, O(fields).
    pub fn expire(&mut self, now: i64, mut names: Option<ShowName<'_>>) -> usize {
        match &mut self.form {
            Form::Packed(_) => 0,
            Form::Timed(packed) => {
                let (mut digits, mut due) = (itoa::Buffer::new(), 0);
                let mut elements = packed.view().iter();
                while let (Some(field), Some(_), Some(Element::Int(at))) =
                    (elements.next(), elements.next(), elements.next())
                    && at != 0
                    && at < now
                {
                    due += 1;
                    if let Some(show) = &mut names {
                        show(field.bytes(&mut digits));
                    }
                }
                if let Some(first) = packed.view().first() {
                    packed.remove(first, TRIPLE * due);
                }
                due
            }
            Form::Table(table) => table.expire(now, names),
        }
    }

    /// Frees what is left of fields that are gone, `most` of them at most, and tells how many. O(log n + freed).
    pub fn sweep(&mut self, most: usize) -> usize {
        match &mut self.form {
            Form::Table(table) => table.sweep(most),
            _ => 0,
        }
    }

    /// Says that the fields that are gone were swept in their turn at `now`: while some are left, [`Hash::wakes`] says this time.
    pub fn set_swept(&mut self, now: i64) {
        if let Form::Table(table) = &mut self.form {
            table.set_swept(now);
        }
    }

    /// How many fields are gone but not freed. O(1).
    pub fn gone(&self) -> usize {
        match &self.form {
            Form::Table(table) => table.gone(),
            _ => 0,
        }
    }

    /// Becomes a table if there are more fields than may be packed.
    #[inline]
    fn check_entries(&mut self, limits: &Limits) {
        let fields = match &self.form {
            Form::Packed(packed) => packed.len() / PAIR,
            Form::Timed(packed) => packed.len() / TRIPLE,
            Form::Table(_) => 0,
        };
        if fields > limits.hash_entries {
            self.make_table();
        }
    }

    /// Becomes a table. O(fields), once.
    fn make_table(&mut self) {
        if matches!(self.form, Form::Table(_)) {
            return;
        }
        let mut table = Table::default();
        let view = self.view();
        let (mut one, mut two) = (itoa::Buffer::new(), itoa::Buffer::new());
        for (field, value) in view.iter() {
            table.set(field.bytes(&mut one), value.bytes(&mut two), true);
        }
        for (deadline, field) in view.deadlines() {
            table.set_deadline(field.bytes(&mut one), Some(deadline));
        }
        self.form = Form::Table(Box::new(table));
    }
}

/// Sets a field of pairs. `hint` is the place where the field may be, and becomes that behind the one set.
fn set_packed(packed: &mut Packed, field: &[u8], value: &[u8], hint: &mut usize) -> bool {
    let view = packed.view();
    let Some(place) = find_from(view, field, PAIR, *hint) else {
        packed.push_back(Element::of(field));
        packed.push_back(Element::of(value));
        return true;
    };
    let Some(at) = view.next(place) else { return false };
    packed.replace(at, Element::of(value));
    *hint = packed.view().next(at).unwrap_or(0);
    false
}

/// Sets a field of triples.
fn set_timed(packed: &mut Packed, field: &[u8], value: &[u8], keep: bool) -> bool {
    let view = packed.view();
    let Some(place) = view.find(field, TRIPLE) else {
        packed.push_back(Element::of(field));
        packed.push_back(Element::of(value));
        packed.push_back(Element::Int(0));
        return true;
    };
    if let Some(at) = view.next(place) {
        packed.replace(at, Element::of(value));
    }
    if !keep && deadline_at(packed.view(), place) != 0 {
        move_packed(packed, place, 0);
    }
    false
}

fn remove_packed(packed: &mut Packed, field: &[u8], size: usize) -> bool {
    let Some(place) = packed.view().find(field, size) else { return false };
    packed.remove(place, size);
    true
}

/// 0 for none.
fn set_packed_deadline(packed: &mut Packed, field: &[u8], deadline: i64) -> bool {
    let Some(place) = packed.view().find(field, TRIPLE) else { return false };
    if deadline != 0 || deadline_at(packed.view(), place) != 0 {
        move_packed(packed, place, deadline);
    }
    true
}

/// Gives the triple at `place` another deadline (0 for none), and takes it to where it belongs: behind all that are due
/// before or at the same time.
fn move_packed(packed: &mut Packed, place: usize, deadline: i64) {
    let view = packed.view();
    let mut elements = view.iter_from(place);
    let (Some(field), Some(value)) = (elements.next(), elements.next()) else { return };
    let (field, value) = (field.to_vec(), value.to_vec());
    packed.remove(place, TRIPLE);
    let view = packed.view();
    let mut target = if deadline == 0 { None } else { view.first() };
    while let Some(at) = target {
        let other = deadline_at(view, at);
        if other == 0 || other > deadline {
            break;
        }
        target = behind(view, at);
    }
    let mut at = target.unwrap_or(view.end());
    for element in [Element::of(&field), Element::of(&value), Element::Int(deadline)] {
        packed.insert(at, element);
        at += element.size();
    }
}

/// The place behind the triple at `place`.
fn behind(view: PackedRef<'_>, place: usize) -> Option<usize> {
    view.next(view.next(view.next(place)?)?)
}

impl Collection for Hash {
    const KIND: Type = Type::Hash;
    /// Larger ones are not copied in and out at each change.
    const INLINE_MAX: usize = 2048;
    type View<'a> = HashRef<'a>;

    fn view_inline(bytes: &[u8]) -> HashRef<'_> {
        HashRef::Packed(PackedRef::new(bytes))
    }

    fn view(&self) -> HashRef<'_> {
        match &self.form {
            Form::Packed(packed) => HashRef::Packed(packed.view()),
            Form::Timed(packed) => HashRef::Timed(packed.view()),
            Form::Table(table) => HashRef::Table(table),
        }
    }

    fn from_inline(bytes: Vec<u8>) -> Hash {
        Hash { form: Form::Packed(Packed::from_bytes(bytes)) }
    }

    fn inline(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Packed(packed) => Some(packed.as_bytes()),
            _ => None,
        }
    }

    fn into_buffer(self) -> Vec<u8> {
        match self.form {
            Form::Packed(packed) => packed.into_bytes(),
            _ => Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.form {
            Form::Packed(packed) | Form::Timed(packed) => packed.is_empty(),
            Form::Table(table) => table.is_empty(),
        }
    }

    fn due(&self) -> Option<i64> {
        self.wakes()
    }

    fn shrink(&mut self) {
        // It may have been changed in the shard's scratch memory, which is as large as the largest value before.
        if let Form::Packed(packed) = &mut self.form
            && packed.heap_bytes() > packed.as_bytes().len() * 5 / 4
        {
            packed.shrink();
        }
    }

    fn encoding(view: HashRef<'_>) -> &'static str {
        match view {
            HashRef::Packed(_) => "listpack",
            HashRef::Timed(_) => "listpackex",
            HashRef::Table(_) => "hashtable",
        }
    }

    fn describe(view: HashRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        view.describe(key, commands);
    }
}

// ---- for RESTORE and RDB files -----------------------------------------------------------------------------------------------

impl Hash {
    /// The hash of these fields and values by turns, no field twice. A table if they are more than may be packed, or if one is
    /// longer and `lengths` is said. O(n).
    pub fn from_pairs(packed: Packed, lengths: bool, limits: &Limits) -> Hash {
        let fields = packed.len() / PAIR;
        let is_long = lengths && packed.view().iter().any(|element| element.len() > limits.hash_value);
        let mut hash = Hash { form: Form::Packed(packed) };
        hash.expect(if is_long { usize::MAX } else { fields }, limits);
        hash
    }

    /// The hash of these fields, values and deadlines (numbers from 0 on, 0 for none) by turns, no field twice: None if they are
    /// not in the order of the deadlines. A table if they are more than may be packed. O(n).
    pub fn from_triples(packed: Packed, limits: &Limits) -> Option<Hash> {
        let deadlines = packed.view().iter().skip(2).step_by(TRIPLE).map(|deadline| deadline.int().unwrap_or(0));
        // None is behind all others.
        if !deadlines.map(|deadline| if deadline == 0 { i64::MAX } else { deadline }).is_sorted() {
            return None;
        }
        let fields = packed.len() / TRIPLE;
        let mut hash = Hash { form: Form::Timed(packed) };
        hash.expect(fields, limits);
        Some(hash)
    }

    /// Announces that there will be so many fields: becomes a table if they are more than may be packed.
    pub fn expect(&mut self, fields: usize, limits: &Limits) {
        if fields > limits.hash_entries {
            self.make_table();
        }
    }
}

#[cfg(test)]
mod tests;
