//! Which commands there are in Redis 8.0 and not here, and the other way round: facts of the tests of the table of commands
//! and of the document that is made of it.

use super::Reply;
use std::collections::{BTreeMap, BTreeSet};

/// Why something is missing: the reason, and the commands, subcommands (`client|tracking`) or whole groups (`group list`)
/// that it is for. The first row that names it counts.
pub const MISSING: &[(&str, &[&str])] = &[
    ("no persistence yet", &["migrate"]),
    ("no replication yet", &["psync", "sync", "replconf"]),
    ("one user so far, with `requirepass`", &["acl|genpass"]),
    ("not yet, but `/metrics` has latencies", &["latency|histogram", "monitor"]),
];

/// What Redis 8.0 does not have: where it is from, and the commands.
pub const BEYOND: &[(&str, &[&str])] = &[
    (
        "Curfew's own",
        &[
            "curfew.events",
            "curfew.expire",
            "curfew.expireat",
            "curfew.expiring",
            "curfew.expirylag",
            "curfew.pexpire",
            "curfew.pexpireat",
            "curfew.waitgone",
            "curfew.waitkey",
        ],
    ),
    ("Valkey 9.0", &["delifeq"]),
    ("Redis 8.4", &["msetex"]),
];

/// Facts of one command: its group and its subcommands (`client|list`).
pub type Commands = BTreeMap<String, (String, BTreeSet<String>)>;

/// What COMMAND DOCS tells, but of commands that a module brings along: vector sets are one that is built into Redis 8.
pub fn commands(docs: &Reply) -> Commands {
    let facts = |docs: &Reply| {
        let docs: BTreeMap<String, &Reply> = pairs(docs).into_iter().collect();
        let subs = docs.get("subcommands").map(|subs| pairs(subs).into_iter().map(|(name, _)| name).collect());
        (docs["group"].text(), subs.unwrap_or_default())
    };
    let all = pairs(docs).into_iter().map(|(name, docs)| (name, facts(docs)));
    all.filter(|(_, (group, _))| group != "module").collect()
}

/// A map, which is a flat array in RESP2.
pub fn pairs(reply: &Reply) -> Vec<(String, &Reply)> {
    match reply {
        Reply::Map(pairs) => pairs.iter().map(|(name, value)| (name.text(), value)).collect(),
        Reply::Array(items) => items.chunks(2).map(|pair| (pair[0].text(), &pair[1])).collect(),
        other => panic!("expected a map, got {other}"),
    }
}
