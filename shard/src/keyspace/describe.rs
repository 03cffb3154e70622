//! Entries as commands that make them again.

use super::{EntryRef, Str, as_str};
use crate::value::hash::Hash;
use crate::value::kind::Type;
use crate::value::list::List;
use crate::value::object::Boxed;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use curfew_protocol::args::OwnedArgs;

/// The commands that make the key of an entry what it is, whatever it was before: the first of them overwrites. O(length of the
/// value), which is copied.
pub fn whole(entry: EntryRef<'_>) -> Vec<OwnedArgs> {
    match entry.kind() {
        Type::String => vec![string(entry)],
        _ => collection(entry),
    }
}

/// The commands that make the value of an entry that is not a string, where there is nothing yet.
pub(crate) fn items(entry: EntryRef<'_>) -> Vec<OwnedArgs> {
    fn of<T: Boxed>(entry: EntryRef<'_>) -> Vec<OwnedArgs> {
        let mut commands = Vec::new();
        if let Some(view) = entry.view::<T>() {
            T::describe(view, entry.key(), &mut commands);
        }
        commands
    }
    match entry.kind() {
        Type::String => Vec::new(),
        Type::List => of::<List>(entry),
        Type::Set => of::<Set>(entry),
        Type::ZSet => of::<SortedSet>(entry),
        Type::Hash => of::<Hash>(entry),
        Type::Stream => of::<Stream>(entry),
    }
}

/// `DEL key`, the commands of the type, `PEXPIREAT key deadline`.
fn collection(entry: EntryRef<'_>) -> Vec<OwnedArgs> {
    let mut commands = vec![OwnedArgs::from_slices(&[b"DEL", entry.key()])];
    commands.append(&mut items(entry));
    if let Some(deadline) = entry.deadline() {
        let mut digits = itoa::Buffer::new();
        commands.push(OwnedArgs::from_slices(&[b"PEXPIREAT", entry.key(), digits.format(deadline).as_bytes()]));
    }
    commands
}

/// `SET key value [PXAT deadline]`.
fn string(entry: EntryRef<'_>) -> OwnedArgs {
    let mut digits = itoa::Buffer::new();
    let mut command = OwnedArgs::from_slices(&[b"SET", entry.key()]);
    match as_str(entry) {
        Ok(Str::Int(number)) => command.push(digits.format(number).as_bytes()),
        Ok(Str::Bytes(bytes)) => command.push(bytes),
        // Not a string: `describe` asks for strings only.
        Err(_) => return OwnedArgs::from_slices(&[b"DEL", entry.key()]),
    }
    if let Some(deadline) = entry.deadline() {
        command.push(b"PXAT");
        command.push(digits.format(deadline).as_bytes());
    }
    command
}
