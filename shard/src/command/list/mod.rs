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
            .doc("O(1)", "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.", "source:key destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT> timeout"),
        shift::blmove,
        shift::serve,
    ),
    Row::waiting(
        Spec::new("blmpop", -5, Group::List, "7.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | DELETE)])
            .doc("O(N+M) where N is the number of provided keys and M is the number of elements returned.", "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.", "timeout numkeys key... where<LEFT|RIGHT> [COUNT count]"),
        block::blmpop,
        block::serve_many,
    ),
    Row::waiting(
        Spec::new("blpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(N) where N is the number of provided keys.", "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.", "key... timeout")
            .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")]),
        block::blpop,
        block::serve,
    ),
    Row::waiting(
        Spec::new("brpop", -3, Group::List, "2.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)])
            .doc("O(N) where N is the number of provided keys.", "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.", "key... timeout")
            .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")]),
        block::brpop,
        block::serve,
    ),
    Row::waiting(
        Spec::new("brpoplpush", 4, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | BLOCKING)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped.", "source:key destination@1 timeout")
            .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
            .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
        shift::brpoplpush,
        shift::serve,
    ),
    Row::new(
        Spec::new("lindex", 3, Group::List, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).", "Returns an element from a list by its index.", "key index"),
        read::lindex,
    ),
    Row::new(
        Spec::new("linsert", 5, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).", "Inserts an element before or after another element in a list.", "key where<BEFORE|AFTER> pivot element"),
        edit::linsert,
    ),
    Row::new(
        Spec::new("llen", 2, Group::List, "1.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Returns the length of a list.", "key"),
        read::llen,
    ),
    Row::new(
        Spec::new("lmove", 5, Group::List, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.", "source:key destination@1 wherefrom<LEFT|RIGHT> whereto<LEFT|RIGHT>"),
        shift::lmove,
    ),
    Row::new(
        Spec::new("lmpop", -4, Group::List, "7.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::numkeys(1, RW | ACCESS | DELETE)])
            .doc("O(N+M) where N is the number of provided keys and M is the number of elements returned.", "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.", "numkeys key... where<LEFT|RIGHT> [COUNT count]"),
        ends::lmpop,
    ),
    Row::new(
        Spec::new("lpop", -2, Group::List, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(N) where N is the number of elements returned", "Returns the first elements in a list after removing it. Deletes the list if the last element was popped.", "key [count^6.2.0]")
            .history(&[("6.2.0", "Added the `count` argument.")]),
        ends::lpop,
    ),
    Row::new(
        Spec::new("lpos", -3, Group::List, "6.0.6")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.", "Returns the index of matching elements in a list.", "key element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]"),
        read::lpos,
    ),
    Row::new(
        Spec::new("lpush", -3, Group::List, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Prepends one or more elements to a list. Creates the key if it doesn't exist.", "key element...")
            .history(&[("2.4.0", "Accepts multiple `element` arguments.")]),
        ends::lpush,
    ),
    Row::new(
        Spec::new("lpushx", -3, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Prepends one or more elements to a list only when the list exists.", "key element...")
            .history(&[("4.0.0", "Accepts multiple `element` arguments.")]),
        ends::lpushx,
    ),
    Row::new(
        Spec::new("lrange", 4, Group::List, "1.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.", "Returns a range of elements from a list.", "key start:int stop:int"),
        read::lrange,
    ),
    Row::new(
        Spec::new("lrem", 4, Group::List, "1.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(N+M) where N is the length of the list and M is the number of elements removed.", "Removes elements from a list. Deletes the list if the last element was removed.", "key count element"),
        edit::lrem,
    ),
    Row::new(
        Spec::new("lset", 4, Group::List, "1.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).", "Sets the value of an element in a list by its index.", "key index element"),
        edit::lset,
    ),
    Row::new(
        Spec::new("ltrim", 4, Group::List, "1.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(N) where N is the number of elements to be removed by the operation.", "Removes elements from both ends a list. Deletes the list if all elements were trimmed.", "key start:int stop:int"),
        edit::ltrim,
    ),
    Row::new(
        Spec::new("rpop", -2, Group::List, "1.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
            .doc("O(N) where N is the number of elements returned", "Returns and removes the last elements of a list. Deletes the list if the last element was popped.", "key [count^6.2.0]")
            .history(&[("6.2.0", "Added the `count` argument.")]),
        ends::rpop,
    ),
    Row::new(
        Spec::new("rpoplpush", 3, Group::List, "1.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.", "source:key destination@1")
            .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
        shift::rpoplpush,
    ),
    Row::new(
        Spec::new("rpush", -3, Group::List, "1.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Appends one or more elements to a list. Creates the key if it doesn't exist.", "key element...")
            .history(&[("2.4.0", "Accepts multiple `element` arguments.")]),
        ends::rpush,
    ),
    Row::new(
        Spec::new("rpushx", -3, Group::List, "2.2.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc("O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Appends an element to a list only when the list exists.", "key element...")
            .history(&[("4.0.0", "Accepts multiple `element` arguments.")]),
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
