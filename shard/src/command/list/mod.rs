//! Lists. This file has the rows and what the commands share; the commands are next to it, by what they do.

mod block;
mod edit;
mod ends;
mod read;
mod shift;

use crate::value::list::{Limit, Side};
use crate::{Row, Unit, class};
use curfew_protocol::Error;
use curfew_protocol::args::is;
use curfew_protocol::spec::*;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("blmove", 6, Group::List, "6.2.0")
            .flags(WRITE | DENYOOM | BLOCKING)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc(
                "O(1)",
                "Moves an element from an end of one list to an end of another, and waits for one if there is none.",
                "source:key destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout",
            ),
        shift::b_l_move,
    ),
    Row::new(
        Spec::new("blmpop", -5, Group::List, "7.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | DELETE)])
            .doc(
                "O(k+m), k = keys, m = elements returned",
                "Takes elements from an end of the first list that has any, and waits if none has.",
                "timeout numkeys key... where<LEFT|RIGHT> [COUNT count]",
            ),
        block::b_l_mpop,
    ),
    Row::new(
        Spec::new("blpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc(
                "O(k), k = keys",
                "Takes the first element of the first list that has any, and waits if none has.",
                "key... timeout",
            )
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        block::b_l_pop,
    ),
    Row::new(
        Spec::new("brpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc(
                "O(k), k = keys",
                "Takes the last element of the first list that has any, and waits if none has.",
                "key... timeout",
            )
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        block::b_r_pop,
    ),
    Row::new(
        Spec::new("brpoplpush", 4, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | BLOCKING)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc(
                "O(1)",
                "Moves the last element of one list to the front of another, and waits for one if there is none.",
                "source:key destination@1 timeout",
            )
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")])
            .deprecated("6.2.0", "`BLMOVE source destination RIGHT LEFT timeout`"),
        shift::b_r_pop_l_push,
    ),
    Row::new(
        Spec::new("lindex", 3, Group::List, "1.0.0").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(n), n = elements between it and the nearer end",
            "Reads the element at an index; negative ones count from the end.",
            "key index",
        ),
        read::l_index,
    ),
    Row::new(
        Spec::new("linsert", 5, Group::List, "2.2.0").flags(WRITE | DENYOOM).keys(&[KeySpec::first(RW | INSERT)]).doc(
            "O(n), n = elements in front of the pivot",
            "Puts an element in front of the first one that equals the pivot, or behind it.",
            "key where<BEFORE|AFTER> pivot element",
        ),
        edit::l_insert,
    ),
    Row::new(
        Spec::new("llen", 2, Group::List, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO)]).doc(
            "O(1)",
            "Tells how many elements a list has.",
            "key",
        ),
        read::l_len,
    ),
    Row::new(
        Spec::new("lmove", 5, Group::List, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc(
                "O(1)",
                "Moves an element from an end of one list to an end of another.",
                "source:key destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT>",
            ),
        shift::l_move,
    ),
    Row::new(
        Spec::new("lmpop", -4, Group::List, "7.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::numkeys(1, RW | ACCESS | DELETE)])
            .doc(
                "O(k+m), k = keys, m = elements returned",
                "Takes elements from an end of the first list that has any.",
                "numkeys key... where<LEFT|RIGHT> [COUNT count]",
            ),
        ends::l_mpop,
    ),
    Row::new(
        Spec::new("lpop", -2, Group::List, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc(
                "O(n), n = elements returned",
                "Takes one or more elements from the front of a list.",
                "key [count^6.2.0]",
            )
            .history(&[("6.2.0", "`count`: several at once.")]),
        ends::l_pop,
    ),
    Row::new(
        Spec::new("lpos", -3, Group::List, "6.0.6").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(n), n = elements compared, at most MAXLEN",
            "Finds where in a list an element is: the first place, or several.",
            "key element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]",
        ),
        read::l_pos,
    ),
    Row::new(
        Spec::new("lpush", -3, Group::List, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = elements given",
                "Puts elements one by one at the front of a list, which is made if there is none.",
                "key element...",
            )
            .history(&[("2.4.0", "Several elements at once.")]),
        ends::l_push,
    ),
    Row::new(
        Spec::new("lpushx", -3, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = elements given",
                "Puts elements one by one at the front of a list, if there is such a list.",
                "key element...",
            )
            .history(&[("4.0.0", "Several elements at once.")]),
        ends::l_push_x,
    ),
    Row::new(
        Spec::new("lrange", 4, Group::List, "1.0.0").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(s+n), s = elements between the start and the nearer end, n = elements returned",
            "Reads the elements from one index to another; negative ones count from the end.",
            "key start:int stop:int",
        ),
        read::l_range,
    ),
    Row::new(
        Spec::new("lrem", 4, Group::List, "1.0.0").flags(WRITE).keys(&[KeySpec::first(RW | DELETE)]).doc(
            "O(n), n = elements of the list",
            "Removes the elements equal to the given one: so many from the front, so many from the end, or all.",
            "key count element",
        ),
        edit::l_rem,
    ),
    Row::new(
        Spec::new("lset", 4, Group::List, "1.0.0").flags(WRITE | DENYOOM).keys(&[KeySpec::first(RW | UPDATE)]).doc(
            "O(n), n = elements between it and the nearer end",
            "Replaces the element at an index.",
            "key index element",
        ),
        edit::l_set,
    ),
    Row::new(
        Spec::new("ltrim", 4, Group::List, "1.0.0").flags(WRITE).keys(&[KeySpec::first(RW | DELETE)]).doc(
            "O(n), n = elements removed",
            "Keeps the elements from one index to another, and removes the others.",
            "key start:int stop:int",
        ),
        edit::l_trim,
    ),
    Row::new(
        Spec::new("rpop", -2, Group::List, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc(
                "O(n), n = elements returned",
                "Takes one or more elements from the end of a list.",
                "key [count^6.2.0]",
            )
            .history(&[("6.2.0", "`count`: several at once.")]),
        ends::r_pop,
    ),
    Row::new(
        Spec::new("rpoplpush", 3, Group::List, "1.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Moves the last element of one list to the front of another.", "source:key destination@1")
            .deprecated("6.2.0", "`LMOVE source destination RIGHT LEFT`"),
        shift::r_pop_l_push,
    ),
    Row::new(
        Spec::new("rpush", -3, Group::List, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = elements given",
                "Puts elements one by one at the end of a list, which is made if there is none.",
                "key element...",
            )
            .history(&[("2.4.0", "Several elements at once.")]),
        ends::r_push,
    ),
    Row::new(
        Spec::new("rpushx", -3, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = elements given",
                "Puts elements one by one at the end of a list, if there is such a list.",
                "key element...",
            )
            .history(&[("4.0.0", "Several elements at once.")]),
        ends::r_push_x,
    ),
];

impl Side {
    /// LEFT or RIGHT.
    fn of(arg: &[u8]) -> Result<Side, Error> {
        match arg {
            _ if is(arg, "LEFT") => Ok(Side::Front),
            _ if is(arg, "RIGHT") => Ok(Side::Back),
            _ => Err(Error::SYNTAX),
        }
    }

    /// The command that pops there, as effects name it, and its event.
    fn pop(self) -> (&'static [u8], &'static str) {
        if self == Side::Front { (b"LPOP", "lpop") } else { (b"RPOP", "rpop") }
    }

    /// The command that pushes there, as effects name it, and its event.
    fn push(self) -> (&'static [u8], &'static str) {
        if self == Side::Front { (b"LPUSH", "lpush") } else { (b"RPUSH", "rpush") }
    }
}

/// How large a node of a list may get.
fn limit(unit: &Unit<'_>) -> Limit {
    Limit::of(unit.settings.limits.list_size)
}

/// Announces that elements have gone from a list, and the list with them where it was `emptied`.
fn removed(unit: &mut Unit<'_>, key: &[u8], event: &'static str, emptied: bool) {
    unit.changed(key, class::LIST, event);
    if emptied {
        unit.event(class::GENERIC, "del", key);
    }
}

/// Runs lines of a test, each with the reply, the events and the effects that it leaves.
#[cfg(test)]
fn check(world: &mut crate::testing::World, cases: &[(&str, &str, &str, &str)]) {
    for (line, reply, events, effects) in cases {
        assert_eq!(world.run(line), *reply, "reply of {line}");
        assert_eq!(world.events().join(", "), *events, "events of {line}");
        assert_eq!(world.effect_lines().join(", "), *effects, "effects of {line}");
    }
}
