//! The table of commands in README.md is made here: what the running server says of itself (COMMAND DOCS) beside what
//! Redis 8.0 says.
//!
//! `CURFEW_BLESS=1 cargo test -p curfew-server --test readme` writes it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use support::Server;
use support::commands::{Commands, MISSING, commands};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const BEGIN: &str = "<!-- commands: made by server/tests/readme.rs -->\n";
const END: &str = "<!-- end of commands -->\n";

/// The groups in the order of the table: first what is there.
const GROUPS: [&str; 16] = [
    "string",
    "bitmap",
    "generic",
    "transactions",
    "scripting",
    "pubsub",
    "connection",
    "server",
    "list",
    "hash",
    "set",
    "sorted-set",
    "stream",
    "hyperloglog",
    "geo",
    "cluster",
];

/// What has a row and only refuses: the group, a call whose reply must be an error, what it lacks.
const REFUSED: &[(&str, &str, &str)] = &[("connection", "CLIENT TRACKING ON", "no client-side caching yet")];

#[test]
fn the_table_of_commands_is_up_to_date() {
    let redis = Server::redis(&[]).client().line("COMMAND DOCS");
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    let ours = commands(&client.line("COMMAND DOCS"));
    for (_, call, reason) in REFUSED {
        assert!(client.line(call).is_error(), "{call} works now: take it from REFUSED (\"{reason}\")");
    }
    let table = table(&commands(&redis), &ours);

    let readme = std::fs::read_to_string(README).expect("README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has the line that begins the table");
    let (written, after) = rest.split_once(END).expect("README.md has the line that ends the table");
    if written == table {
        return;
    }
    if std::env::var_os("CURFEW_BLESS").is_some() {
        std::fs::write(README, [before, BEGIN, &table, END, after].concat()).expect("README.md can be written");
        return;
    }
    panic!(
        "README.md's table of commands is out of date: run the test again with CURFEW_BLESS=1. It should be\n{table}"
    );
}

fn table(redis: &Commands, ours: &Commands) -> String {
    let count = |names: &mut dyn Iterator<Item = &String>| names.filter(|name| ours.contains_key(*name)).count();
    let mut out = format!(
        "{} of the {} commands of Redis 8.0:\n\n| group | | there | not there |\n|---|---|---|---|\n",
        count(&mut redis.keys()),
        redis.len()
    );
    let mut seen = BTreeSet::new();
    for group in GROUPS {
        let of_group = |all: &Commands| -> BTreeSet<String> {
            all.iter().filter(|(_, (of, _))| of == group).map(|(name, _)| name.clone()).collect()
        };
        let (wanted, mut there) = (of_group(redis), of_group(ours));
        seen.extend(wanted.iter().chain(&there).cloned());
        // The same name in another group would be counted in neither.
        there.extend(wanted.iter().filter(|name| ours.contains_key(*name)).cloned());
        let beyond: BTreeSet<String> = there.iter().filter(|name| !redis.contains_key(*name)).cloned().collect();
        let both: BTreeSet<String> = there.intersection(&wanted).cloned().collect();
        let mut cell = list(&both);
        if !beyond.is_empty() {
            let _ = write!(cell, "; beyond Redis 8.0: {}", list(&beyond));
        }
        let missing = missing(group, &wanted, redis, ours);
        let _ = writeln!(out, "| {group} | {} of {} | {cell} | {missing} |", both.len(), wanted.len());
    }
    let all: BTreeSet<String> = redis.keys().chain(ours.keys()).cloned().collect();
    assert_eq!(seen, all, "a group is missing in GROUPS");
    out
}

/// The missing commands and subcommands of a group by their reasons.
fn missing(group: &str, wanted: &BTreeSet<String>, redis: &Commands, ours: &Commands) -> String {
    let mut by_reason: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for name in wanted {
        let names: BTreeSet<String> = match ours.get(name) {
            None => [name.clone()].into(),
            Some((_, subs)) => redis[name].1.difference(subs).cloned().collect(),
        };
        for name in names {
            let whole_group = format!("group {group}");
            let reason =
                MISSING.iter().position(|(_, names)| names.contains(&name.as_str()) || names.contains(&&*whole_group));
            let reason = reason.unwrap_or_else(|| panic!("no reason is given for the missing {name}"));
            by_reason.entry(reason).or_default().insert(name);
        }
    }
    let parts = by_reason.iter().map(|(reason, names)| format!("{}: {}", MISSING[*reason].0, list(names)));
    let refused = REFUSED.iter().filter(|(of, ..)| *of == group);
    let refused = refused.map(|(_, call, reason)| format!("{reason}: {call} answers an error"));
    parts.chain(refused).collect::<Vec<_>>().join("; ")
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| name.to_uppercase().replace('|', " ")).collect::<Vec<_>>().join(", ")
}
