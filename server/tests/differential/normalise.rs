//! What may differ between two servers that are both right: one table, each row with its reason.

use super::support::Reply;

/// How two replies are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Byte for byte.
    Exact,
    /// The same items in any order, at every depth.
    AnyOrder,
    /// The same pairs of name and value in any order.
    PairsInAnyOrder,
    /// Integers that differ by at most this, or arrays of such.
    Near(i64),
    /// The same type of reply; errors byte for byte.
    SameType,
    /// Both null or both not; errors byte for byte.
    SameNullness,
    /// Byte for byte but for times of a stream's consumers and pending entries, which may differ by as much as the clocks.
    StreamTimes,
    /// Byte for byte but for the values that follow these names.
    ExceptFields(&'static [&'static str]),
    /// The same items in any order, at every depth, without `notes`, which are each server's own words.
    FactsInAnyOrder,
}

/// Both servers take their own clock, and the second one is asked later.
const CLOCK_MS: i64 = 2000;
const CLOCK_SECONDS: i64 = 2;

/// Command, subcommand where only that one is meant, rule, reason.
const TABLE: &[(&str, &str, Rule, &str)] = &[
    ("KEYS", "", Rule::AnyOrder, "hash order"),
    (
        "SCAN",
        "",
        Rule::SameType,
        "cursors and how many keys come at once are the server's own; ~SCANALL compares what is found",
    ),
    ("HGETALL", "", Rule::PairsInAnyOrder, "hash order"),
    ("HKEYS", "", Rule::AnyOrder, "hash order"),
    ("HVALS", "", Rule::AnyOrder, "hash order"),
    ("HRANDFIELD", "", Rule::SameType, "random"),
    ("HSCAN", "", Rule::SameType, "as SCAN; ~HSCANALL compares what is found"),
    ("HTTL", "", Rule::Near(CLOCK_SECONDS), "own clock"),
    ("HPTTL", "", Rule::Near(CLOCK_MS), "own clock"),
    ("HEXPIRETIME", "", Rule::Near(CLOCK_SECONDS), "own clock"),
    ("HPEXPIRETIME", "", Rule::Near(CLOCK_MS), "own clock"),
    ("ZSCAN", "", Rule::AnyOrder, "hash order of large sets"),
    ("ZRANDMEMBER", "", Rule::SameType, "random"),
    ("RANDOMKEY", "", Rule::SameNullness, "random"),
    ("SMEMBERS", "", Rule::AnyOrder, "hash order"),
    ("SINTER", "", Rule::AnyOrder, "hash order"),
    ("SUNION", "", Rule::AnyOrder, "hash order"),
    ("SDIFF", "", Rule::AnyOrder, "hash order"),
    ("SSCAN", "", Rule::AnyOrder, "hash order, where all is asked for; see below"),
    ("SPOP", "", Rule::AnyOrder, "random; the family pops all there is, or nothing"),
    ("SRANDMEMBER", "", Rule::AnyOrder, "random unless all there is was asked for; see below"),
    ("TIME", "", Rule::SameType, "own clock"),
    ("LASTSAVE", "", Rule::SameType, "own clock"),
    ("TTL", "", Rule::Near(CLOCK_SECONDS), "own clock"),
    ("PTTL", "", Rule::Near(CLOCK_MS), "own clock"),
    ("EXPIRETIME", "", Rule::Near(CLOCK_SECONDS), "own clock"),
    ("PEXPIRETIME", "", Rule::Near(CLOCK_MS), "own clock"),
    (
        "OBJECT",
        "IDLETIME",
        Rule::SameType,
        "own clock; and after a change between LRU and LFU, Redis reads the one's bits as the other's",
    ),
    ("OBJECT", "FREQ", Rule::SameType, "a random counter"),
    ("OBJECT", "REFCOUNT", Rule::SameType, "Redis shares small integers between keys, which is its own affair"),
    ("XPENDING", "", Rule::StreamTimes, "own clock"),
    ("XINFO", "", Rule::StreamTimes, "own clock"),
    ("MEMORY", "USAGE", Rule::SameNullness, "own memory layout"),
    ("MEMORY", "DOCTOR", Rule::SameType, "own words"),
    ("CLIENT", "ID", Rule::SameType, "own numbering"),
    ("CLIENT", "INFO", Rule::SameType, "addresses, ages and memory"),
    ("CLIENT", "LIST", Rule::SameType, "addresses, ages and memory"),
    ("DUMP", "", Rule::SameNullness, "hash order, and what a compressor finds"),
    (
        "HELLO",
        "",
        Rule::ExceptFields(&["version", "id", "modules"]),
        "own version and numbering; Redis may have modules",
    ),
    ("CONFIG", "GET", Rule::PairsInAnyOrder, "hash order"),
    ("FUNCTION", "LIST", Rule::AnyOrder, "hash order"),
    ("COMMAND", "INFO", Rule::FactsInAnyOrder, "flags and categories are sets, and RESP2 sends sets as arrays"),
    ("COMMAND", "DOCS", Rule::SameType, "own words; tests/command_table.rs compares the facts"),
    ("COMMAND", "GETKEYSANDFLAGS", Rule::AnyOrder, "flags are a set"),
    ("PUBSUB", "CHANNELS", Rule::AnyOrder, "hash order"),
    ("PUBSUB", "SHARDCHANNELS", Rule::AnyOrder, "hash order"),
    // Which names come first when all are dropped at once is hash order; each reply holds a count.
    (
        "UNSUBSCRIBE",
        "",
        Rule::SameType,
        "hash order without arguments; the exact form is compared in pubsub's SUBSCRIBE replies",
    ),
    ("PUNSUBSCRIBE", "", Rule::SameType, "hash order without arguments"),
    ("SUNSUBSCRIBE", "", Rule::SameType, "hash order without arguments"),
];

/// Commands whose HELP explains their subcommands.
const CONTAINERS: [&str; 11] =
    ["CLIENT", "COMMAND", "CONFIG", "DEBUG", "FUNCTION", "MEMORY", "OBJECT", "PUBSUB", "SCRIPT", "XGROUP", "XINFO"];

/// The rule for a command.
pub fn rule(args: &[Vec<u8>]) -> Rule {
    let is = |arg: Option<&Vec<u8>>, name: &str| arg.is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    // The whole table at once holds every command of both.
    if is(args.first(), "COMMAND")
        && (args.len() == 1
            || args.len() == 2 && ["COUNT", "LIST", "INFO", "DOCS"].iter().any(|sub| is(args.get(1), sub)))
    {
        return Rule::SameType;
    }
    // HELP is in each server's own words; that they are our own is seen to by tests/command_table.rs.
    if args.len() == 2 && is(args.get(1), "HELP") && CONTAINERS.iter().any(|name| is(args.first(), name)) {
        return Rule::SameType;
    }
    // Both take their own clock, so of two relative deadlines of one length either may be the later one.
    let compares = args.iter().any(|arg| is(Some(arg), "GT") || is(Some(arg), "LT"));
    if compares && ["EXPIRE", "PEXPIRE", "HEXPIRE", "HPEXPIRE"].iter().any(|name| is(args.first(), name)) {
        return Rule::SameType;
    }
    if is(args.first(), "SSCAN") && !args.iter().any(|arg| is(Some(arg), "1000000")) {
        return Rule::SameType;
    }
    // All members come in any order; fewer, or some of them again, are chance.
    if is(args.first(), "SRANDMEMBER") {
        match args.get(2) {
            None => return Rule::SameNullness,
            Some(count) if count.starts_with(b"-") => return Rule::SameType,
            Some(_) => {}
        }
    }
    // With names given, the order is theirs.
    if args.len() > 1 && args[0].to_ascii_uppercase().ends_with(b"UNSUBSCRIBE") {
        return Rule::Exact;
    }
    let row =
        TABLE.iter().find(|(command, sub, _, _)| is(args.first(), command) && (sub.is_empty() || is(args.get(1), sub)));
    row.map_or(Rule::Exact, |(_, _, rule, _)| *rule)
}

/// Whether the replies of one step are the same by its rules: one rule for a command, one for each queued command for EXEC.
pub fn equal(rules: &[Rule], expected: &[Reply], got: &[Reply]) -> bool {
    if let ([Reply::Array(expected), rest @ ..], [Reply::Array(got), got_rest @ ..]) = (expected, got)
        && rules.len() == expected.len()
        && rules.len() > 1
    {
        return expected.len() == got.len()
            && rest == got_rest
            && rules.iter().zip(expected.iter().zip(got)).all(|(rule, (one, other))| same(*rule, one, other));
    }
    match rules {
        [rule] => expected.len() == got.len() && expected.iter().zip(got).all(|(one, other)| {
            // EXEC of one command arrives here too: look inside.
            same(*rule, one, other) || matches!((one, other), (Reply::Array(one), Reply::Array(other)) if one.len() == 1 && other.len() == 1 && same(*rule, &one[0], &other[0]))
        }),
        _ => expected == got,
    }
}

/// Messages in the order in which they are compared: where several patterns of one connection match a message, it comes
/// once for each, in hash order.
pub fn messages(mut messages: Vec<Reply>) -> Vec<Reply> {
    let same_message = |one: &Reply, other: &Reply| match (one, other) {
        (Reply::Array(one), Reply::Array(other)) | (Reply::Push(one), Reply::Push(other)) => {
            one.len() == 4
                && other.len() == 4
                && one[0] == Reply::bulk("pmessage")
                && one[0] == other[0]
                && one[2..] == other[2..]
        }
        _ => false,
    };
    messages.chunk_by_mut(same_message).for_each(<[Reply]>::sort);
    messages
}

fn same(rule: Rule, expected: &Reply, got: &Reply) -> bool {
    if expected == got {
        return true;
    }
    if expected.is_error() || got.is_error() {
        return false;
    }
    match rule {
        Rule::Exact => false,
        Rule::AnyOrder => sorted(expected) == sorted(got),
        Rule::PairsInAnyOrder => pairs(expected) == pairs(got),
        Rule::Near(tolerance) => match (expected, got) {
            (Reply::Array(one), Reply::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(rule, one, other))
            }
            (Reply::Int(one), Reply::Int(other)) => {
                *one > 0 && *other > 0 && one.abs_diff(*other) <= tolerance.unsigned_abs()
                    || (0..=tolerance).contains(one) && (0..=tolerance).contains(other)
            }
            _ => false,
        },
        Rule::StreamTimes => same_but_times(expected, got),
        Rule::SameType => std::mem::discriminant(expected) == std::mem::discriminant(got),
        Rule::SameNullness => expected.is_null() == got.is_null(),
        Rule::ExceptFields(names) => masked(expected, names) == masked(got, names),
        Rule::FactsInAnyOrder => sorted(&without_notes(expected)) == sorted(&without_notes(got)),
    }
}

/// Unix times in milliseconds are near each other; so are an entry's idle time in XPENDING (id, consumer, idle, count), and
/// what follows the names of times.
fn same_but_times(expected: &Reply, got: &Reply) -> bool {
    let near = |one: i64, other: i64| one.abs_diff(other) <= CLOCK_MS as u64 && (one < 0) == (other < 0);
    let is_time =
        |name: &Reply| matches!(name, Reply::Bulk(name) if [&b"idle"[..], b"inactive"].contains(&name.as_slice()));
    match (expected, got) {
        (Reply::Int(one), Reply::Int(other)) => one == other || *one > 1_000_000_000_000 && near(*one, *other),
        (Reply::Map(one), Reply::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((name, one), (other_name, other))| match (one, other) {
                    (Reply::Int(one), Reply::Int(other)) if is_time(name) => name == other_name && near(*one, *other),
                    _ => name == other_name && same_but_times(one, other),
                })
        }
        (Reply::Array(one), Reply::Array(other)) => {
            let row = matches!(one.as_slice(), [Reply::Bulk(_), Reply::Bulk(_), Reply::Int(_), Reply::Int(_)]);
            one.len() == other.len()
                && one.iter().zip(other).enumerate().all(|(at, (item, other))| match (item, other) {
                    (Reply::Int(item), Reply::Int(other)) if row && at == 2 || at > 0 && is_time(&one[at - 1]) => {
                        near(*item, *other)
                    }
                    _ => same_but_times(item, other),
                })
        }
        _ => expected == got,
    }
}

fn sorted(reply: &Reply) -> Reply {
    let all = |items: &[Reply]| {
        let mut items: Vec<Reply> = items.iter().map(sorted).collect();
        items.sort();
        items
    };
    match reply {
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Set(items) => Reply::Set(all(items)),
        Reply::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (sorted(name), sorted(value))).collect();
            pairs.sort();
            Reply::Map(pairs)
        }
        other => other.clone(),
    }
}

fn pairs(reply: &Reply) -> Reply {
    match reply {
        Reply::Array(items) => {
            let mut pairs: Vec<Vec<Reply>> = items.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort();
            Reply::Array(pairs.concat())
        }
        other => sorted(other),
    }
}

/// A key spec is a map, which RESP2 sends as an array.
fn without_notes(reply: &Reply) -> Reply {
    let is_notes = |name: &Reply| *name == Reply::bulk("notes");
    match reply {
        Reply::Array(items) if items.first().is_some_and(is_notes) => {
            Reply::Array(items[2..].iter().map(without_notes).collect())
        }
        Reply::Array(items) => Reply::Array(items.iter().map(without_notes).collect()),
        Reply::Set(items) => Reply::Set(items.iter().map(without_notes).collect()),
        Reply::Map(pairs) => {
            let pairs = pairs.iter().filter(|(name, _)| !is_notes(name));
            Reply::Map(pairs.map(|(name, value)| (name.clone(), without_notes(value))).collect())
        }
        other => other.clone(),
    }
}

fn masked(reply: &Reply, names: &[&str]) -> Reply {
    let hidden = |name: &Reply| matches!(name, Reply::Bulk(text) if names.iter().any(|name| name.as_bytes() == text));
    match reply {
        Reply::Map(pairs) => Reply::Map(
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), if hidden(name) { Reply::Null } else { value.clone() }))
                .collect(),
        ),
        Reply::Array(items) => {
            let mut items = items.clone();
            for at in 1..items.len() {
                if at % 2 == 1 && hidden(&items[at - 1]) {
                    items[at] = Reply::Null;
                }
            }
            Reply::Array(items)
        }
        other => other.clone(),
    }
}
