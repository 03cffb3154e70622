//! Hashes.

use crate::keyspace::{Object, Type};
use crate::value::Collection;
use crate::value::collection::describe_items;
use crate::value::packed::{Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Hash {
    packed: Packed,
}

impl Hash {
    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.packed.heap_bytes()
    }

    /// When the first of its fields is due, in Unix milliseconds. O(1).
    pub fn due(&self) -> Option<i64> {
        None
    }

    /// Removes the fields that are due: those whose deadlines are before `now` (Unix milliseconds). Gives their names, in
    /// the order of their deadlines.
    pub fn remove_due(&mut self, _now: i64) -> Vec<Box<[u8]>> {
        Vec::new()
    }
}

impl Collection for Hash {
    const KIND: Type = Type::Hash;
    const INLINE_MAX: usize = 8192;
    type View<'a> = PackedRef<'a>;

    fn view_inline(bytes: &[u8]) -> PackedRef<'_> {
        PackedRef::new(bytes)
    }

    fn view(&self) -> PackedRef<'_> {
        self.packed.view()
    }

    fn from_inline(bytes: Vec<u8>) -> Hash {
        Hash { packed: Packed::from_bytes(bytes) }
    }

    fn inline(&self) -> Option<&[u8]> {
        Some(self.packed.as_bytes())
    }

    fn into_buffer(self) -> Vec<u8> {
        self.packed.into_bytes()
    }

    fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    fn due(&self) -> Option<i64> {
        Hash::due(self)
    }

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

    fn into_object(self) -> Object {
        Object::Hash(self)
    }

    fn encoding(_: PackedRef<'_>) -> &'static str {
        "listpack"
    }

    fn describe(view: PackedRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        describe_items(b"HSET", key, view.iter().map(|item| item.to_vec().into()), commands);
    }
}
