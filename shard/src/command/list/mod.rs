//! Lists. This file has the rows; the commands are next to it, by what they do, and `shared.rs` has what they share.

mod block;
mod edit;
mod ends;
mod read;
mod shared;
mod shift;

use crate::command::row::Row;
use curfew_protocol::spec::*;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::waiting(
        Spec::new("blmove", 6, Group::List, "6.2.0")
            .flags(WRITE | DENYOOM | BLOCKING)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc(
                "O(1)",
                "Moves an element from an end of one list to an end of another, and waits for one if there is none.",
                "source:key destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout",
            ),
        shift::blmove,
        shift::serve,
    ),
    Row::waiting(
        Spec::new("blmpop", -5, Group::List, "7.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | DELETE)])
            .doc(
                "O(k+m), k = keys, m = elements returned",
                "Takes elements from an end of the first list that has any, and waits if none has.",
                "timeout numkeys key... where<LEFT|RIGHT> [COUNT count]",
            ),
        block::blmpop,
        block::serve_many,
    ),
    Row::waiting(
        Spec::new("blpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc(
                "O(k), k = keys",
                "Takes the first element of the first list that has any, and waits if none has.",
                "key... timeout",
            )
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        block::blpop,
        block::serve,
    ),
    Row::waiting(
        Spec::new("brpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc(
                "O(k), k = keys",
                "Takes the last element of the first list that has any, and waits if none has.",
                "key... timeout",
            )
            .history(&[("6.0.0", "`timeout` may have a fraction: it is a double.")]),
        block::brpop,
        block::serve,
    ),
    Row::waiting(
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
        shift::brpoplpush,
        shift::serve,
    ),
    Row::new(
        Spec::new("lindex", 3, Group::List, "1.0.0").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(n), n = elements between it and the nearer end",
            "Reads the element at an index; negative ones count from the end.",
            "key index",
        ),
        read::lindex,
    ),
    Row::new(
        Spec::new("linsert", 5, Group::List, "2.2.0").flags(WRITE | DENYOOM).keys(&[KeySpec::first(RW | INSERT)]).doc(
            "O(n), n = elements in front of the pivot",
            "Puts an element in front of the first one that equals the pivot, or behind it.",
            "key where<BEFORE|AFTER> pivot element",
        ),
        edit::linsert,
    ),
    Row::new(
        Spec::new("llen", 2, Group::List, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO)]).doc(
            "O(1)",
            "Tells how many elements a list has.",
            "key",
        ),
        read::llen,
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
        shift::lmove,
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
        ends::lmpop,
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
        ends::lpop,
    ),
    Row::new(
        Spec::new("lpos", -3, Group::List, "6.0.6").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(n), n = elements compared, at most MAXLEN",
            "Finds where in a list an element is: the first place, or several.",
            "key element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]",
        ),
        read::lpos,
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
        ends::lpush,
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
        ends::lpushx,
    ),
    Row::new(
        Spec::new("lrange", 4, Group::List, "1.0.0").flags(READONLY).keys(&[KeySpec::first(RO | ACCESS)]).doc(
            "O(s+n), s = elements between the start and the nearer end, n = elements returned",
            "Reads the elements from one index to another; negative ones count from the end.",
            "key start:int stop:int",
        ),
        read::lrange,
    ),
    Row::new(
        Spec::new("lrem", 4, Group::List, "1.0.0").flags(WRITE).keys(&[KeySpec::first(RW | DELETE)]).doc(
            "O(n), n = elements of the list",
            "Removes the elements equal to the given one: so many from the front, so many from the end, or all.",
            "key count element",
        ),
        edit::lrem,
    ),
    Row::new(
        Spec::new("lset", 4, Group::List, "1.0.0").flags(WRITE | DENYOOM).keys(&[KeySpec::first(RW | UPDATE)]).doc(
            "O(n), n = elements between it and the nearer end",
            "Replaces the element at an index.",
            "key index element",
        ),
        edit::lset,
    ),
    Row::new(
        Spec::new("ltrim", 4, Group::List, "1.0.0").flags(WRITE).keys(&[KeySpec::first(RW | DELETE)]).doc(
            "O(n), n = elements removed",
            "Keeps the elements from one index to another, and removes the others.",
            "key start:int stop:int",
        ),
        edit::ltrim,
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
        ends::rpop,
    ),
    Row::new(
        Spec::new("rpoplpush", 3, Group::List, "1.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Moves the last element of one list to the front of another.", "source:key destination@1")
            .deprecated("6.2.0", "`LMOVE source destination RIGHT LEFT`"),
        shift::rpoplpush,
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
        ends::rpush,
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
        ends::rpushx,
    ),
];

/// Runs lines of a test, each with the reply, the events and the effects that it leaves.
#[cfg(test)]
fn check(world: &mut crate::testing::World, cases: &[(&str, &str, &str, &str)]) {
    for (line, reply, events, effects) in cases {
        assert_eq!(world.run(line), *reply, "reply of {line}");
        assert_eq!(world.events().join(", "), *events, "events of {line}");
        assert_eq!(world.effect_lines().join(", "), *effects, "effects of {line}");
    }
}
