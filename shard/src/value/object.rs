//! Values that are kept outside their entries.

use super::collection::Collection;
use super::dict::Dict;
use super::hash::Hash;
use super::list::List;
use super::set::Set;
use super::sorted_set::SortedSet;
use super::stream::Stream;

/// A value outside its entry.
#[derive(Clone, Debug)]
pub enum Object {
    /// A string that grows by APPEND or SETRANGE: repeated appends cost amortized O(1).
    Str(Vec<u8>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    ZSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

impl Object {
    /// Bytes on the heap beyond the object itself. O(1).
    pub fn heap_bytes(&self) -> usize {
        match self {
            Object::Str(bytes) => bytes.capacity(),
            Object::List(list) => list.heap_bytes(),
            Object::Set(set) => set.heap_bytes(),
            Object::ZSet(zset) => zset.heap_bytes(),
            Object::Hash(hash) => hash.heap_bytes(),
            Object::Stream(stream) => stream.heap_bytes(),
        }
    }

    /// The table that finds its items by name, if it has one.
    pub fn items(&self) -> Option<&Dict> {
        match self {
            Object::Set(Set::Table(table)) => Some(table),
            Object::ZSet(zset) => zset.items(),
            Object::Hash(hash) => hash.items(),
            _ => None,
        }
    }

    /// When the wheel is to bring it, in Unix milliseconds: the first of its fields is due, or those that are gone are to be
    /// swept on. None for most. O(1).
    #[inline]
    pub(crate) fn fields_due(&self) -> Option<i64> {
        match self {
            Object::Hash(hash) => hash.wakes(),
            _ => None,
        }
    }

    /// Whether nothing of it is left at `now`: a hash whose fields are all past their deadlines. O(log n).
    pub(crate) fn all_due(&self, now: i64) -> bool {
        matches!(self, Object::Hash(hash) if hash.all_due(now))
    }
}

/// A type of collections as it is kept in an object.
pub trait Boxed: Collection {
    /// The value of an object, if it is of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// The value of an object, if it is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// The object of a value that has no memory to spare.
    fn wrap(self) -> Object;

    /// The value as an object.
    fn into_object(mut self) -> Object {
        self.shrink();
        self.wrap()
    }
}

impl Boxed for List {
    fn of(object: &Object) -> Option<&List> {
        match object {
            Object::List(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut List> {
        match object {
            Object::List(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Object {
        Object::List(self)
    }
}

impl Boxed for Set {
    fn of(object: &Object) -> Option<&Set> {
        match object {
            Object::Set(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Set> {
        match object {
            Object::Set(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Object {
        Object::Set(self)
    }
}

impl Boxed for SortedSet {
    fn of(object: &Object) -> Option<&SortedSet> {
        match object {
            Object::ZSet(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut SortedSet> {
        match object {
            Object::ZSet(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Object {
        Object::ZSet(self)
    }
}

impl Boxed for Hash {
    fn of(object: &Object) -> Option<&Hash> {
        match object {
            Object::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Hash> {
        match object {
            Object::Hash(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Object {
        Object::Hash(self)
    }
}

impl Boxed for Stream {
    fn of(object: &Object) -> Option<&Stream> {
        match object {
            Object::Stream(value) => Some(value),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Stream> {
        match object {
            Object::Stream(value) => Some(value),
            _ => None,
        }
    }

    fn wrap(self) -> Object {
        Object::Stream(self)
    }
}
