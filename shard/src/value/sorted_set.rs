//! Sorted sets.

use crate::keyspace::{Object, Type};
use crate::value::Collection;
use crate::value::collection::describe_items;
use crate::value::packed::{Packed, PackedRef};
use curfew_protocol::args::OwnedArgs;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct SortedSet {
    packed: Packed,
}

impl SortedSet {
    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.packed.heap_bytes()
    }
}

impl Collection for SortedSet {
    const KIND: Type = Type::ZSet;
    const INLINE_MAX: usize = 8192;
    type View<'a> = PackedRef<'a>;

    fn view_inline(bytes: &[u8]) -> PackedRef<'_> {
        PackedRef::new(bytes)
    }

    fn view(&self) -> PackedRef<'_> {
        self.packed.view()
    }

    fn from_inline(bytes: Vec<u8>) -> SortedSet {
        SortedSet { packed: Packed::from_bytes(bytes) }
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

    fn into_object(self) -> Object {
        Object::ZSet(self)
    }

    fn encoding(_: PackedRef<'_>) -> &'static str {
        "listpack"
    }

    fn describe(view: PackedRef<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        describe_items(b"ZADD", key, view.iter().map(|item| item.to_vec().into()), commands);
    }
}
