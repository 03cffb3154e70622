//! Keys as commands that make them again: the effects of RENAME, COPY and MOVE.
//!
//! A replayed journal may meet another number of shards, so an effect must not need a key of another shard: what arrives
//! at a key is written out in full instead. One way for all three commands, on one shard or on two, is simpler than two.

use crate::keyspace::EntryRef;
use crate::keyspace::{Str, as_str};
use crate::unit::Unit;
use crate::value::hash::Hash;
use crate::value::kind::Type;
use crate::value::list::List;
use crate::value::object::Boxed;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use curfew_protocol::args::OwnedArgs;

/// The commands that make `key` of `db` what it is now, whatever it was before: the first of them overwrites. Empty if there
/// is no such key. O(length of the value), which is copied.
pub fn describe(unit: &mut Unit<'_>, db: usize, key: &[u8]) -> Vec<OwnedArgs> {
    let Some(entry) = unit.peek_in(db, key) else { return Vec::new() };
    match entry.kind() {
        Type::String => vec![string(entry)],
        _ => collection(entry),
    }
}

/// Leaves the description of `key` of `db` as effects. The value is not looked at where nobody keeps effects.
pub(super) fn leave(unit: &mut Unit<'_>, db: usize, key: &[u8]) {
    if !unit.keeps_effects() {
        return unit.effect_in(db, key, []);
    }
    for command in describe(unit, db, key) {
        unit.effect_in(db, key, command.view().iter());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::generic::testing::{put, with_unit};
    use crate::testing::World;

    #[test]
    fn a_string_is_a_set_with_its_deadline() {
        type Case<'a> = (&'a [u8], Option<i64>, &'a [&'a [u8]]);
        let cases: &[Case<'_>] = &[
            (b"v", None, &[b"SET", b"k", b"v"]),
            (b"-17", None, &[b"SET", b"k", b"-17"]),
            (b"", Some(1_735_689_600_000), &[b"SET", b"k", b"", b"PXAT", b"1735689600000"]),
            (b"a b\r\n\xff", None, &[b"SET", b"k", b"a b\r\n\xff"]),
        ];
        for (value, deadline, expected) in cases {
            let mut world = World::new(3);
            put(&mut world, "k", value, *deadline);
            assert_eq!(with_unit(&mut world, |unit| describe(unit, 0, b"k")), [OwnedArgs::from_slices(expected)]);
            assert_eq!(with_unit(&mut world, |unit| describe(unit, 1, b"k")), []);
        }
    }
}
