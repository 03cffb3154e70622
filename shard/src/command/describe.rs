//! Keys as commands that make them again: the effects of RENAME, COPY and MOVE.
//!
//! A replayed journal may meet another number of shards, so an effect must not need a key of another shard: what arrives
//! at a key is written out in full instead. One way for all three commands, on one shard or on two, is simpler than two.

use crate::keyspace::describe::whole;
use crate::unit::Unit;
use curfew_protocol::args::OwnedArgs;

/// The commands that make `key` of `db` what it is now, whatever it was before: the first of them overwrites. Empty if there
/// is no such key. O(length of the value), which is copied.
pub fn describe(unit: &mut Unit<'_>, db: usize, key: &[u8]) -> Vec<OwnedArgs> {
    let Some(entry) = unit.peek_in(db, key) else { return Vec::new() };
    whole(entry)
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
