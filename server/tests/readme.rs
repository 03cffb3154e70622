//! The table of commands in docs/commands.md is made here: what the running server says of itself (COMMAND DOCS) beside what
//! Redis 8.0 says.
//!
//! And what else the documents promise: README's rows of measurements are those of docs/benchmarks.md, each command of ours
//! is described with examples that work, and every link leads somewhere.
//!
//! `CURFEW_BLESS=1 cargo test -p curfew-server --test readme` writes what is made here.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use support::Server;
use support::commands::{Commands, MISSING, commands};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The documents whose links are followed: these and all of docs/.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "deploy/README.md", "benches/README.md"];

/// README's rows of measurements, by their names in docs/benchmarks.md.
const MEASURED: &[&str] = &[
    "CPU, GET:SET 10:1, 50 connections, pipeline 1",
    "CPU, GET:SET 10:1, 50 connections, pipeline 16",
    "CPU, MULTI of four SETs and EXEC, transactions in a pipeline: 1",
    "CPU, EVALSHA of SET, EXPIRE and GET, pipeline 1",
    "CPU, ZADD to a sorted set of a million, pipeline 16",
    "Resident bytes per key, 1000000 keys: 16-byte key, 8-byte value, TTL",
    "Expiry lag of 1000 keys beside 10000000: median / p99, how many came within 5 s",
    "1000000 keys with one deadline: until all are gone",
];

/// Commands of ours whose replies are figures of the machine: of their examples only the first line is compared.
const FIGURES: &[&str] = &["CURFEW.EXPIRYLAG"];

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
const REFUSED: &[(&str, &str, &str)] = &[
    ("connection", "CLIENT TRACKING ON", "no client-side caching yet"),
    ("server", "ACL SETUSER x", "one user so far"),
    ("server", "BGREWRITEAOF", "no persistence yet"),
    ("server", "BGSAVE", "no persistence yet"),
    ("server", "SAVE", "no persistence yet"),
    ("server", "FAILOVER", "no replication yet"),
    ("server", "REPLICAOF host 6379", "no replication yet"),
    ("server", "SLAVEOF host 6379", "no replication yet"),
    ("server", "MODULE LOAD x", "no modules"),
    ("cluster", "CLUSTER INFO", "one server, no cluster mode"),
    ("cluster", "READONLY", "one server, no cluster mode"),
    ("cluster", "READWRITE", "one server, no cluster mode"),
    ("cluster", "ASKING", "one server, no cluster mode"),
];

#[test]
fn the_table_of_commands_is_up_to_date() {
    let redis = Server::redis(&[]).client().line("COMMAND DOCS");
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    let ours = commands(&client.line("COMMAND DOCS"));
    for (_, call, reason) in REFUSED {
        assert!(client.line(call).is_error(), "{call} works now: take it from REFUSED (\"{reason}\")");
    }
    let redis = commands(&redis);
    made("docs/commands.md", "commands", &table(&redis, &ours));
    let count = counted(&redis, &ours);
    assert!(read("README.md").contains(&count), "README.md should say \"{count}\"");
}

#[test]
fn readme_has_rows_of_the_table_of_measurements() {
    let whole = read("docs/benchmarks.md");
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().into()).collect() };
    let rows: Vec<Vec<String>> = whole.lines().filter(|line| line.starts_with('|')).map(cells).collect();
    // What was measured, goal, ratio, verdict, then the servers.
    let [_, _, _, _, servers @ ..] = &rows[0][..] else { panic!("docs/benchmarks.md begins with another table") };
    let mut out = format!("| | {} | to the better |\n|---|{}---|\n", servers.join(" | "), "---|".repeat(servers.len()));
    for name in MEASURED {
        let row = rows.iter().find(|row| row[0] == *name);
        let row = row.unwrap_or_else(|| panic!("docs/benchmarks.md has no row named {name}"));
        let median = row[2].split(" (").next().unwrap_or_default();
        let _ = writeln!(out, "| {name} | {} | {median} |", row[4..].join(" | "));
    }
    made("README.md", "measurements", &out);
}

#[test]
fn each_command_of_ours_is_described_with_examples_that_work() {
    let file = "docs/curfew-commands.md";
    let text = read(file);
    let sections: BTreeMap<&str, &str> =
        text.split("\n## ").skip(1).map(|section| section.split_once('\n').expect("a heading and a text")).collect();
    let server = Server::curfew(&["--shards", "1"]);
    let all = commands(&server.client().line("COMMAND DOCS"));
    let ours = all.iter().filter(|(name, _)| name.starts_with("curfew."));
    let mut described = BTreeSet::new();
    for (name, (_, subs)) in ours {
        let name = name.to_uppercase();
        let section = sections.get(&name[..]).unwrap_or_else(|| panic!("{file} has no section \"## {name}\""));
        described.insert(name.clone());
        for part in ["Arguments", "Reply", "Errors", "Complexity"] {
            assert!(section.contains(&format!("- **{part}.** ")), "{file}: {name} lacks its {part}");
        }
        let calls = match subs.is_empty() {
            true => vec![name.clone()],
            false => subs.iter().map(|sub| sub.to_uppercase().replace('|', " ")).collect(),
        };
        for call in calls {
            let syntax =
                section.lines().any(|line| line.strip_prefix("    ").is_some_and(|line| line.starts_with(&call)));
            assert!(syntax, "{file} does not give the syntax of {call}");
        }
        let tried = try_examples(section, FIGURES.contains(&&name[..]));
        assert!(tried.iter().any(|call| call.starts_with(&name)), "{file}: {name} lacks an example");
    }
    assert!(sections.keys().all(|name| described.contains(*name)), "{file} describes {:?}", sections.keys());
}

/// Sends the calls of a section, `    > CALL`, to a server of its own, and compares what is below each with the reply.
fn try_examples(section: &str, first_line_only: bool) -> Vec<String> {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    let mut lines = section.lines().map(|line| line.strip_prefix("    ").unwrap_or_default()).peekable();
    let mut tried = Vec::new();
    while let Some(line) = lines.next() {
        let Some(call) = line.strip_prefix("> ") else { continue };
        let mut written = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.starts_with("> ")) {
            written.push(line);
        }
        // redis-cli shows both nulls of RESP2 in one way.
        let reply = client.line(call).to_string().replace("(nil array)", "(nil)");
        let compared = if first_line_only { 1 } else { usize::MAX };
        let came: Vec<&str> = reply.lines().take(compared).collect();
        written.truncate(compared);
        assert_eq!(came, written, "the reply to {call}");
        tried.push(call.to_owned());
    }
    tried
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(ROOT);
    let docs = std::fs::read_dir(root.join("docs")).expect("docs/").map(|entry| entry.expect("docs/").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|end| end == "md"));
    for file in DOCUMENTS.iter().map(|name| root.join(name)).chain(docs) {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(link.contains("://") || leads_somewhere(&file, link), "{}: nothing is at {link}", file.display());
        }
    }
}

/// Whether the file of a relative link is there, and in it the heading that it names after `#`.
fn leads_somewhere(from: &Path, link: &str) -> bool {
    let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
    let to: PathBuf = match path {
        "" => from.to_owned(),
        path => from.with_file_name("").join(path),
    };
    let Some(heading) = heading else { return to.exists() };
    let text = std::fs::read_to_string(to).unwrap_or_default();
    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line.trim_start_matches('#').trim()) == heading)
}

/// The name that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Holds that `text` stands in `file` between the two lines that mark it, or with CURFEW_BLESS writes it there.
fn made(file: &str, mark: &str, text: &str) {
    let begin = format!("<!-- {mark}: made by server/tests/readme.rs -->\n");
    let end = format!("<!-- end of {mark} -->\n");
    let whole = read(file);
    let (before, rest) = whole.split_once(&begin).unwrap_or_else(|| panic!("{file} lacks the line {begin}"));
    let (written, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{file} lacks the line {end}"));
    if written == text {
        return;
    }
    if std::env::var_os("CURFEW_BLESS").is_some() {
        let path = Path::new(ROOT).join(file);
        std::fs::write(path, [before, &begin, text, &end, after].concat()).expect("it can be written");
        return;
    }
    panic!("{file}: the {mark} are out of date: run the test again with CURFEW_BLESS=1. They should be\n{text}");
}

/// How many of Redis's commands are there.
fn counted(redis: &Commands, ours: &Commands) -> String {
    let there = redis.keys().filter(|name| ours.contains_key(*name)).count();
    format!("{there} of the {} commands of Redis 8.0", redis.len())
}

fn table(redis: &Commands, ours: &Commands) -> String {
    let mut out = format!("{}:\n\n| group | | there | not there |\n|---|---|---|---|\n", counted(redis, ours));
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
