//! What the types other than strings have in common: how a value of theirs is kept in its entry.
//!
//! A small collection is a run of bytes inside its entry: no allocation of its own, no pointer. To be changed, the bytes are
//! copied out, changed, and written back, all in [`crate::Unit::edit`]; they are few. Beyond [`Collection::INLINE_MAX`] or when
//! the type says so it is an [`Object`](super::object::Object) of its own, changed in place. Reading works on both alike, by a
//! view.

use super::kind::Type;
use curfew_protocol::args::OwnedArgs;

/// A type of values other than strings. An empty value is never kept, but for types that say so.
pub trait Collection: Sized + Default + 'static {
    /// The type.
    const KIND: Type;

    /// The longest run of bytes that is kept inside an entry. At most 8 KiB, what a page of the slab can hold.
    const INLINE_MAX: usize;

    /// A value to be read, in whichever form.
    type View<'a>: Copy;

    /// The view of bytes that [`Collection::inline`] gave.
    fn view_inline(bytes: &[u8]) -> Self::View<'_>;

    /// The view of a value of its own.
    fn view(&self) -> Self::View<'_>;

    /// The value of bytes that [`Collection::inline`] gave.
    fn from_inline(bytes: Vec<u8>) -> Self;

    /// The bytes that stand for this value inside an entry, if it may be kept there.
    fn inline(&self) -> Option<&[u8]>;

    /// The memory that `inline` lies in, to be used again.
    fn into_buffer(self) -> Vec<u8> {
        Vec::new()
    }

    /// Gives back memory that it has to spare, before it becomes an object.
    fn shrink(&mut self) {}

    /// Whether the value is to be removed because nothing is left in it. A type whose empty values stay says no.
    fn is_empty(&self) -> bool;

    /// When the first of its parts is due that have deadlines of their own (the fields of a hash), or there is more to be done
    /// with those that were, in Unix milliseconds. O(1). A value that has such parts is never inline.
    fn due(&self) -> Option<i64> {
        None
    }

    /// Redis's name for the way in which it is kept: OBJECT ENCODING.
    fn encoding(view: Self::View<'_>) -> &'static str;

    /// Appends the commands that make the value at `key`, which does not exist when the first of them runs.
    fn describe(view: Self::View<'_>, key: &[u8], commands: &mut Vec<OwnedArgs>);
}

/// Appends commands `name key item ...` with at most `GROUP` items each: so no command is unreasonably long.
pub fn describe_items<'a>(
    name: &[u8],
    key: &[u8],
    items: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>,
    commands: &mut Vec<OwnedArgs>,
) {
    /// A multiple of two, since fields and values come in pairs.
    const GROUP: usize = 128;
    let mut left = 0;
    for item in items {
        if left == 0 {
            commands.push(OwnedArgs::from_slices(&[name, key]));
            left = GROUP;
        }
        if let Some(command) = commands.last_mut() {
            command.push(&item);
        }
        left -= 1;
    }
}
